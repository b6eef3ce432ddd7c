use super::*;
use crate::audit::{Action, Audit, Options};
use crate::clock;
use crate::lifecycle::Tasks;
use crate::store::NewAccount;

/// Somebody called Anna failed to sign in there, of nobody knows which organisation.
const OWNERLESS: &str = "192.0.2.77";

fn subject(name: &str) -> Subject {
    Subject {
        person: None,
        organization: OrganizationId::parse("ballerup").unwrap(),
        name: UserName::parse(name).unwrap(),
    }
}

async fn setting() -> (tempfile::TempDir, Store) {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path()).await.unwrap();
    let by = Actor { name: "bente".into(), operating_system_user: None };
    for name in ["anna", "bo"] {
        let subject = subject(name);
        let (organization, name) = (&subject.organization, &subject.name);
        let account = NewAccount { organization, name, password_hash: "$argon2id$secret" };
        store.add_account(&account, &by, clock::now()).await.unwrap();
    }
    let tasks = Tasks::new();
    let (audit, _) = Audit::open(Options::new(state.path().join("audit")), &tasks).unwrap();
    let event = |action| {
        let mut event = Event::new(action, clock::now(), clock::random_bytes());
        event.organization = Some("ballerup".into());
        event
    };
    let own = event(Action::SignIn).user("Anna").personal(Field::ClientIp, "203.0.113.9");
    let done_to = event(Action::ExemptionGranted).user("bente").target("anna");
    let done_to = done_to.personal(Field::ClientIp, "198.51.100.7");
    let done_by = event(Action::PersonViewed).user("anna").target("bo");
    let others = event(Action::SignIn).user("bo");
    let mut elsewhere = event(Action::SignIn).user("anna").personal(Field::ClientIp, "192.0.2.1");
    elsewhere.organization = Some("herlev".into());
    let mut ownerless =
        event(Action::SignInFailed).user("anna").personal(Field::ClientIp, OWNERLESS);
    ownerless.organization = None;
    for event in [own, done_to, done_by, others, elsewhere, ownerless] {
        assert!(audit.record(event).reached_disk().await);
    }
    audit.close().await;
    (state, store)
}

#[tokio::test]
async fn a_person_sees_everything_of_themselves_and_nobody_else() {
    let (state, store) = setting().await;
    let log = state.path().join("audit");
    let insight = about(&store, &log, &subject("anna"), clock::now()).await.unwrap();
    let json = serde_json::to_value(&insight).unwrap();
    let section = |id: &str| {
        let all = json["sections"].as_array().unwrap();
        all.iter().find(|section| section["id"] == id).unwrap()["items"].clone()
    };
    assert_eq!(section("accounts")[0]["name"], "anna");
    let log = section("log");
    assert_eq!(log.as_array().unwrap().len(), 4, "{log:#}");
    let of = |action: &str| {
        log.as_array().unwrap().iter().find(|e| e["event.action"] == action).unwrap().clone()
    };
    assert_eq!(of("sign_in")["client.ip"], "203.0.113.9");
    let granted = of("exemption_granted");
    assert_eq!(granted["user.target.name"], "anna");
    assert_eq!(
        (granted["user.name"].as_str(), granted["client.ip"].as_str()),
        (Some("***"), Some("***"))
    );
    assert_eq!(of("person_viewed")["user.target.name"], "***");
    let text = insight.to_text();
    for secret in ["bente", "\"bo\"", ": bo\n", "argon2", "198.51.100.7", "192.0.2.1"] {
        assert!(!text.contains(secret) && !json.to_string().contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn an_entry_of_no_organisation_is_told_where_the_name_is_one_persons_alone() {
    let (state, store) = setting().await;
    let log = state.path().join("audit");
    let told = async |subject: Subject| {
        let insight = about(&store, &log, &subject, clock::now()).await.unwrap();
        insight.to_text()
    };
    assert!(
        told(subject("anna")).await.contains(OWNERLESS),
        "it is hers: nobody else has the name"
    );
    let herlev = OrganizationId::parse("herlev").unwrap();
    let unknown = Subject { organization: herlev.clone(), ..subject("anna") };
    assert!(!told(unknown.clone()).await.contains(OWNERLESS), "nobody of that name is known there");
    let by = Actor { name: "bente".into(), operating_system_user: None };
    let name = UserName::parse("anna").unwrap();
    let account = NewAccount { organization: &herlev, name: &name, password_hash: "$argon2id$x" };
    store.add_account(&account, &by, clock::now()).await.unwrap();
    for ambiguous in [subject("anna"), unknown] {
        assert!(!told(ambiguous).await.contains(OWNERLESS), "it may be the other Anna");
    }
}

#[tokio::test]
async fn what_must_stay_is_named_with_why() {
    let (_state, store) = setting().await;
    let by = Actor { name: "dorte".into(), operating_system_user: None };
    let forgotten = forget(&store, &subject("anna"), &by, clock::now()).await.unwrap();
    assert!(forgotten.kept.contains(&("accounts", "in_use")), "{forgotten:?}");
    assert!(forgotten.kept.contains(&("log", "own_order")));
    let told = store.outbox(10).await.unwrap().pop().unwrap().event;
    let told = serde_json::to_value(told).unwrap();
    assert_eq!(
        (told["action"].as_str(), told["target"].as_str()),
        (Some("person_forgotten"), Some("anna"))
    );
}
