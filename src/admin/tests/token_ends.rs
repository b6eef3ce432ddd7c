//! When a token ends, and with whom: its time, its maker's roles and groups, everything of the maker's,
//! and the one organisation that it is for.

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};

use super::attacks::{ballerup, call, proof, token_of};
use crate::admin::Visitor;
use crate::admin::access::Right;
use crate::admin::access::token::{NewToken, Scope, make};
use crate::admin::fixture::{Office, configuration};
use crate::clock;
use crate::config::Role;
use crate::identifier::OrganizationId;
use crate::identity::Remembered;
use crate::language::Language;
use crate::policy::{Actor, Person, UserName};

/// The proof with other groups, of another instant.
fn with_groups(proof: &Remembered, groups: &[&str], at: Timestamp) -> Remembered {
    let mut written: serde_json::Value = serde_json::from_str(&proof.written()).unwrap();
    written["groups"] = serde_json::json!(groups);
    written["at"] = serde_json::json!(at);
    Remembered::read(&written.to_string()).unwrap()
}

#[tokio::test]
async fn what_a_group_gave_a_token_goes_with_the_group() {
    let office = Office::open().await;
    let groups = configuration(", second_factor: off")
        .replace("security: [sofie.lind, ", "security: [sofie.lind, vagten, ");
    office.reload(&groups);
    let anna = office.signed_in("anna.holm").await;
    let proven = proof(&office, &anna).await;
    let now = clock::now();
    let ago = |days: i64| now - SignedDuration::from_hours(24 * days);
    let in_group = |days: i64| with_groups(&proven, &["vagten"], ago(days));
    let lately = token_of(&office, &in_group(29), Role::Security).await;
    let long_ago = token_of(&office, &in_group(31), Role::Security).await;
    // A name that has the role itself has it for as long as the configuration says so.
    let sofie = proof(&office, &office.signed_in("sofie.lind").await).await;
    let own = token_of(&office, &with_groups(&sofie, &[], ago(31)), Role::Security).await;
    let answers = |token: String| {
        let office = &office;
        async move { call(office, &token, Method::GET, "/api/v1/log", "").await.status }
    };
    assert_eq!(answers(lately.clone()).await, StatusCode::OK);
    assert_eq!(answers(long_ago).await, StatusCode::UNAUTHORIZED, "nobody knows that any more");
    assert_eq!(answers(own.clone()).await, StatusCode::OK);
    // Anna signs in once more and is in no group.
    office.signed_in("anna.holm").await;
    assert_eq!(answers(lately).await, StatusCode::UNAUTHORIZED);
    assert_eq!(answers(own).await, StatusCode::OK);
}

#[tokio::test]
async fn a_token_ends_at_its_time_and_with_the_last_of_its_makers_roles() {
    let office = Office::open().await;
    let sofie = office.signed_in("sofie.lind").await;
    let proven = proof(&office, &sofie).await;
    let made = async |role: Role, ends: Timestamp, written: Option<&str>| {
        let new = NewToken {
            organization: &ballerup(),
            label: "Elevsystem",
            scope: Scope::Read,
            roles: &[role].into(),
            made_by: &proven.user_name().unwrap(),
            proof: Some(proven.written()),
            ends,
        };
        let (secret, mut token) = make(&new, clock::now());
        if let Some(written) = written {
            written.clone_into(&mut token.roles);
        }
        let by = Actor { name: "test".to_owned(), operating_system_user: None };
        office.admin.store().add_admin_token(&token, &by).await.unwrap();
        secret
    };
    let (soon, ago) =
        (clock::now() + SignedDuration::from_hours(1), clock::now() - SignedDuration::from_secs(1));
    let good = made(Role::Security, soon, None).await;
    let over = made(Role::Security, ago, None).await;
    let more = made(Role::Security, soon, Some("security operator dpo")).await;
    let other = made(Role::Operator, soon, None).await;
    let nothing = made(Role::Security, soon, Some("")).await;
    let session = async |token: &str| {
        call(&office, token, Method::GET, "/api/v1/session", "").await.json()["roles"].clone()
    };
    let security = serde_json::json!(["security"]);
    assert_eq!((session(&good).await, session(&more).await), (security.clone(), security));
    for token in [&over, &other, &nothing] {
        assert_eq!(session(token).await, serde_json::Value::Null);
    }
    office.reload(&configuration(", second_factor: off").replace("[sofie.lind, ", "["));
    assert_eq!(session(&good).await, serde_json::Value::Null, "no role is left");
}

#[tokio::test]
async fn a_token_that_was_ended_with_everything_of_its_makers_stays_ended() {
    let office = Office::open().await;
    let sofie = office.signed_in("sofie.lind").await;
    let proven = proof(&office, &sofie).await;
    let token = token_of(&office, &proven, Role::Security).await;
    let get = || call(&office, &token, Method::GET, "/api/v1/log", "");
    assert_eq!(get().await.status, StatusCode::OK);
    let (person, name) = (proven.person().unwrap(), UserName::parse("sofie.lind").unwrap());
    let by = Actor { name: "test".to_owned(), operating_system_user: None };
    let end = clock::now();
    office.admin.store().end_person(&person, &name, "tabt telefon", &by, end).await.unwrap();
    office.admin.authenticator().reload(clock::now()).await.unwrap();
    assert_eq!(get().await.status, StatusCode::UNAUTHORIZED);
    // What began in the instant of the end has ended with it.
    while clock::now() <= end {
        tokio::task::yield_now().await;
    }
    let mut again = office.signed_in("sofie.lind").await;
    assert_eq!(office.get(&mut again, "/account").await.status, StatusCode::OK);
    assert_eq!(get().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_for_one_organisation_is_not_its_maker_in_another() {
    let office = Office::open().await;
    let sofie = office.signed_in("sofie.lind").await;
    let person = proof(&office, &sofie).await.person().unwrap();
    let loaded = office.admin.loaded();
    let visitor = |organization: &str, token: bool, person: &Person| {
        let id = OrganizationId::parse(organization).unwrap();
        Visitor {
            person: person.clone(),
            name: UserName::parse("sofie.lind").unwrap(),
            roles: [(id.clone(), [Role::Security].into())].into(),
            centre_operator: false,
            language: Language::Danish,
            organization: loaded.config.organizations[&id].clone(),
            organizations: Vec::new(),
            csrf: String::new(),
            key: String::new(),
            token: token.then(|| "Elevsystem".to_owned()),
            path: "/".to_owned(),
        }
    };
    assert!(Right::Somebody.is_of(&visitor("ballerup", true, &person)));
    assert!(!Right::Somebody.is_of(&visitor("egedal", true, &person)));
    // A person sees the own pages whatever they look at otherwise.
    assert!(Right::Somebody.is_of(&visitor("egedal", false, &person)));
    // A role in one organisation is none while another is looked at.
    let mut elsewhere = visitor("egedal", false, &person);
    assert!(elsewhere.is(Role::Security) && !elsewhere.is_traveller_only());
    elsewhere.organization = loaded.config.organizations[&ballerup()].clone();
    assert!(!elsewhere.is(Role::Security) && elsewhere.is_traveller_only());
    assert!(!Right::STAFF.is_of(&elsewhere));
    let tokens = crate::identifier::ProviderId::of_tokens();
    let nobody = Person::new(ballerup(), tokens, "t");
    assert!(!Right::Somebody.is_of(&visitor("ballerup", true, &nobody)));
}
