//! What nobody does for themselves under another name, and figures and evidence that are of one's own
//! organisation and of no other.

use axum::body::Body;
use http::{Request, StatusCode};

use super::super::travel::actions::{Desk, Undone};
use super::super::travel::tests::{all, and, day, form, granted, office, step};
use super::super::travel::typed::{Typed, TypedLeg};
use super::guards::{ballerup, person};
use crate::admin::access::Visitor;
use crate::admin::fixture::{Browser, Office, configuration};
use crate::audit::{Action, Event};
use crate::clock;
use crate::config::Role;
use crate::identifier::{OrganizationId, ProviderId};
use crate::journey::Trouble;
use crate::log_index::Follower;
use crate::policy::{Actor, ExemptionId, Person, UserName};
use crate::store::{
    FactorKind, KnownPerson, MOST_PASSKEYS, NoticeState, Passed, SecondFactorRecord,
};

/// Another provider of Ballerup, beside the local accounts.
fn with_directory() -> String {
    configuration(", second_factor: off")
        .replacen("identity_providers: [local]", "identity_providers: [local, ad]", 1)
        .replace("two_approvers: [RU, CN]", "two_approvers: [RU, CN], lead_days: 0")
        .replace(
            "identity: {local: {kind: local}}\n",
            "identity:\n  local: {kind: local}\n  ad: {kind: oidc, issuer: \"https://id.example.dk\", client_id: geovagt, client_secret: hemmeligt}\n",
        )
}

async fn known_at_the_directory(office: &Office, name: &str, subject: &str) -> String {
    let organization = OrganizationId::parse("ballerup").unwrap();
    let provider = ProviderId::parse("ad").unwrap();
    let known = KnownPerson {
        person: Person::new(organization, provider, subject),
        user_name: UserName::parse(name).unwrap(),
        display_name: None,
        mail: None,
        telephone: None,
        last_seen: clock::now(),
    };
    office.admin.store().remember_person(&known).await.unwrap();
    format!("ad/{subject}")
}

#[tokio::test]
async fn nobody_grants_their_own_journey_to_the_same_name_at_another_provider() {
    let office = Office::open().await;
    office.reload(&with_directory());
    let own = known_at_the_directory(&office, "alt.muligt", "7").await;
    let other = known_at_the_directory(&office, "bente.bo", "8").await;
    let mut clerk = office.signed_in("alt.muligt").await;
    let (from, until) = (day(0), day(8));
    for (person, status) in
        [(&own, StatusCode::UNPROCESSABLE_ENTITY), (&other, StatusCode::SEE_OTHER)]
    {
        let fields = and(&form("", "Thailand", (&from, &until)), ("person", person));
        let done = office.post(&mut clerk, "/travel/new", &and(&fields, ("do", "confirm"))).await;
        assert_eq!(done.status, status, "{person}: {}", done.text);
        let says_why = done.text.contains("Ingen giver sig selv adgang");
        assert_eq!(says_why, person == &own, "{}", done.text);
    }
    let kept = all(&office).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].exemption.user_name.as_str(), "bente.bo");
}

fn happened(organization: &str, user: &str) -> Event {
    let mut event = Event::new(Action::SignIn, clock::now(), clock::random_bytes()).user(user);
    event.organization = Some(organization.into());
    event
}

#[tokio::test]
async fn the_evidence_of_a_breach_is_of_ones_own_organisation() {
    let office = Office::open().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let yesterday = clock::now() - jiff::SignedDuration::from_hours(24);
    for (organization, user) in [("ballerup", "vores.egen"), ("egedal", "deres.egen")] {
        assert!(office.admin.audit().record(happened(organization, user)).reached_disk().await);
    }
    let now = clock::now().to_string();
    let fields = [
        ("title", "Tyveri"),
        ("occurred_from", &*yesterday.to_string()),
        ("occurred_until", &*now),
        ("discovered", &*now),
        ("persons", ""),
    ];
    let opened = office.post(&mut sofie, "/breach", &fields).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.text);
    let file = opened.location().split('?').next().unwrap().to_owned();
    let archive = office.post(&mut sofie, &format!("{file}/evidence"), &[]).await;
    assert_eq!(archive.status, StatusCode::OK, "{}", archive.text);
    assert_eq!(archive.headers["content-type"], "application/x-tar");
    assert!(archive.text.contains("vores.egen"), "{}", archive.text);
    assert!(!archive.text.contains("deres.egen"), "{}", archive.text);
    let api = file.replace("/breach/", "/api/v1/breaches/");
    let csrf = office.get(&mut sofie, "/account").await.field("csrf");
    let request = Request::post(format!("{api}/evidence")).header("X-CSRF-Token", csrf);
    let archive = office.ask(&mut sofie, request.body(Body::empty()).unwrap()).await;
    assert_eq!(archive.status, StatusCode::OK, "{}", archive.text);
    assert!(archive.text.contains("vores.egen") && !archive.text.contains("deres.egen"));
}

#[tokio::test]
async fn the_traffic_of_the_overview_is_that_of_ones_own_systems() {
    let office = Office::open().await;
    let passed = |site: &str, requests, exempt| Passed {
        site: site.to_owned(),
        requests,
        rejected: 0,
        exempt,
    };
    let all = [passed("kilden", 5, 2), passed("egedal-web", 700, 300)];
    office.admin.store().add_traffic(&all, clock::now()).await.unwrap();
    for (name, requests, exempt) in [("sofie.lind", 5, 2), ("eva.egedal", 700, 300)] {
        let mut browser = office.signed_in(name).await;
        let told = office.get(&mut browser, "/api/v1/overview").await.json();
        let sum = |figure: &str| {
            let days = told["days"].as_array().unwrap();
            days.iter().map(|day| day[figure].as_u64().unwrap()).sum::<u64>()
        };
        assert_eq!((sum("requests"), sum("exempt")), (requests, exempt), "{name}: {told}");
    }
}

#[tokio::test]
async fn one_person_has_ten_passkeys_and_no_more() {
    let office = Office::open().await;
    let browser = office.signed_in("anna.holm").await;
    let csrf = office.get(&mut browser.clone(), "/account").await.field("csrf");
    let (who, name) = (person(&office, &browser).await, UserName::parse("anna.holm").unwrap());
    let by = Actor { name: "test".to_owned(), operating_system_user: None };
    let challenge = async |browser: &Browser| {
        let request = Request::post("/account/passkey/challenge").header("X-CSRF-Token", &csrf);
        office.ask(&mut browser.clone(), request.body(Body::empty()).unwrap()).await
    };
    let add = async |who: &Person, kind: FactorKind| {
        let factor = SecondFactorRecord {
            id: uuid::Uuid::now_v7().to_string(),
            kind,
            label: "localhost".to_owned(),
            secret: "{}".to_owned(),
            last_step: 0,
            created: clock::now(),
            used: None,
        };
        office.admin.store().add_second_factor(who, &name, &factor, &by).await.unwrap()
    };
    assert!(add(&who, FactorKind::Totp).await, "a code is no passkey");
    for number in 0..MOST_PASSKEYS {
        let asked = challenge(&browser).await;
        assert_eq!(asked.status, StatusCode::OK, "{number}: {}", asked.text);
        assert!(add(&who, FactorKind::Passkey).await, "{number}");
    }
    let refused = challenge(&browser).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(refused.text.contains("ti adgangsnøgler"), "{}", refused.text);
    // One that was begun before there were so many comes too late.
    assert!(!add(&who, FactorKind::Passkey).await);
    let other = office.signed_in("mads.bro").await;
    let other = person(&office, &other).await;
    assert!(add(&other, FactorKind::Passkey).await, "each person's own");
}

#[tokio::test]
async fn one_travellers_applications_that_wait_are_so_many_and_no_more() {
    let office = office().await;
    let mut anna = office.signed_in("anna.holm").await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let (from, until) = (day(1), day(8));
    let purposes: Vec<String> = (0..21).map(|number| format!("Tur {number}")).collect();
    let fields = |number: usize| {
        let fields = form("anna.holm", "Thailand", (&from, &until));
        and(&and(&fields, ("purpose", &purposes[number])), ("do", "confirm"))
    };
    let mut first = String::new();
    for number in 0..20 {
        // It is the traveller's whom it is for, whoever asks.
        let (browser, path) =
            if number % 2 == 0 { (&mut anna, "/own/apply") } else { (&mut clerk, "/travel/apply") };
        let done = office.post(browser, path, &fields(number)).await;
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{number}: {}", done.text);
        if number == 0 {
            first = done.location().split('?').next().unwrap().to_owned();
        }
    }
    for (browser, path) in [(&mut anna, "/own/apply"), (&mut clerk, "/travel/apply")] {
        let refused = office.post(browser, path, &fields(20)).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{path}: {}", refused.text);
        let why = "20 ansøgninger for personen venter allerede på en beslutning.";
        assert!(refused.text.contains(why), "{path}: {}", refused.text);
    }
    let csrf = office.get(&mut anna, "/account").await.field("csrf");
    let body = serde_json::json!({
        "legs": [{"territories": ["TH"], "from": from, "until": until}], "sites": ["kilden"],
        "purpose": purposes[20], "case_number": "26/2", "devices": ["PC"],
        "telephone": "+45 20 00 00 00", "mail": "a@example.net",
    });
    let request = Request::post("/api/v1/me/exemptions")
        .header("Content-Type", "application/json")
        .header("X-CSRF-Token", csrf)
        .body(Body::from(body.to_string()))
        .unwrap();
    let refused = office.ask(&mut anna, request).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert_eq!(all(&office).await.len(), 20);
    // Another's are counted for themselves, and what is taken back waits no longer.
    let theirs = form("mads.bro", "Thailand", (&from, &until));
    let done = office.post(&mut clerk, "/travel/apply", &and(&theirs, ("do", "confirm"))).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let taken_back = step(&office, &mut anna, &format!("{first}/withdraw"), &[]).await;
    assert_eq!(taken_back.status, StatusCode::SEE_OTHER, "{}", taken_back.text);
    let done = office.post(&mut anna, "/own/apply", &fields(20)).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
}

/// Somebody whom the directory has proven under a name that it has changed since.
#[tokio::test]
async fn nobody_grants_their_own_journey_under_a_name_they_were_given_since() {
    let office = Office::open().await;
    office.reload(&with_directory());
    let own = known_at_the_directory(&office, "nyt.navn", "7").await;
    let other = known_at_the_directory(&office, "bente.bo", "8").await;
    let loaded = office.admin.loaded();
    let organization = loaded.config.organizations[&ballerup()].clone();
    let directory = ProviderId::parse("ad").unwrap();
    let clerk = Visitor {
        person: Person::new(ballerup(), directory, "7"),
        name: UserName::parse("gammelt.navn").unwrap(),
        roles: [(ballerup(), [Role::CaseOfficer].into())].into(),
        centre_operator: false,
        language: organization.language,
        organization,
        organizations: Vec::new(),
        csrf: String::new(),
        key: String::new(),
        token: None,
        path: "/".to_owned(),
    };
    let desk = Desk::of(&office.admin, &clerk);
    let typed = |person: &str| Typed {
        who: String::new(),
        person: person.to_owned(),
        legs: vec![TypedLeg { places: "Thailand".into(), from: day(0), until: day(8) }],
        sites: vec!["kilden".into()],
        purpose: "Venskabsby".into(),
        case: "26/1234".into(),
        devices: "iPad".into(),
        telephone: "+45 20 00 00 00".into(),
        mail: "anna@example.net".into(),
    };
    let refused = desk.grant(&typed(&own)).await;
    let troubles = match refused {
        Err(Undone::Troubles(troubles)) => troubles,
        other => panic!("{other:?}"),
    };
    assert!(matches!(troubles.as_slice(), [Trouble::OwnGrant]), "{troubles:?}");
    assert!(all(&office).await.is_empty());
    desk.grant(&typed(&other)).await.unwrap();
    assert_eq!(all(&office).await[0].exemption.user_name.as_str(), "bente.bo");
}

#[tokio::test]
async fn the_entries_of_a_breach_are_counted_of_ones_own_organisation() {
    let office = Office::open().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let mut eva = office.signed_in("eva.egedal").await;
    let before = clock::now() - jiff::SignedDuration::from_hours(24);
    for (organization, count) in [("ballerup", 2), ("egedal", 5)] {
        for _ in 0..count {
            let event = happened(organization, "samme.navn");
            assert!(office.admin.audit().record(event).reached_disk().await);
        }
    }
    let directory = office.state.path().join("state/audit");
    let mut follower = Follower::new(directory, office.admin.store().log().clone());
    while follower.round().await.unwrap().behind > 0 {}
    let (from, until) = (before.to_string(), clock::now().to_string());
    for (ours, persons, counted) in
        [(true, "samme.navn", 2), (false, "samme.navn", 5), (true, "andet.navn", 0)]
    {
        let browser = if ours { &mut sofie } else { &mut eva };
        let fields = [
            ("title", "Tyveri"),
            ("occurred_from", &*from),
            ("occurred_until", &*until),
            ("discovered", &*until),
            ("persons", persons),
        ];
        let opened = office.post(browser, "/breach", &fields).await;
        assert_eq!(opened.status, StatusCode::SEE_OTHER, "{}", opened.text);
        let page = office.get(browser, opened.location()).await;
        let plain: String =
            page.text.split('<').filter_map(|part| part.split_once('>')).map(|p| p.1).collect();
        let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            plain.contains(&format!("Poster i tidsrummet{counted}Oprettet")),
            "{counted}: {plain}"
        );
    }
}

#[tokio::test]
async fn the_overview_tells_of_ones_own_messages_that_did_not_arrive() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let mut eva = office.signed_in("eva.egedal").await;
    let says = "Én besked til en rejsende kom ikke frem.";
    let page = office.get(&mut clerk, "/").await;
    assert!(page.status == StatusCode::OK && !page.text.contains(says), "{}", page.text);
    let id = granted(&office, &mut clerk, "Thailand").await;
    let store = office.admin.store();
    let notices = store.notices_of(&ExemptionId::new(&id)).await.unwrap();
    let (now, later) = (clock::now(), clock::now() + jiff::SignedDuration::from_mins(1));
    let claimed = store.claim_notice(&notices[0], now, later).await.unwrap().unwrap();
    assert!(store.end_notice(&claimed, NoticeState::Failed, Some("no"), now).await.unwrap());
    for (browser, tells) in [(&mut clerk, true), (&mut eva, false)] {
        let page = office.get(browser, "/").await;
        assert_eq!(page.status, StatusCode::OK);
        assert_eq!(page.text.contains(says), tells, "{}", page.text);
    }
}
