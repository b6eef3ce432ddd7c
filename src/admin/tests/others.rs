//! What another organisation has, asked for by its own numbers.

use std::collections::BTreeMap;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use jiff::SignedDuration;

use super::super::travel::tests::day;
use crate::admin::access::token::{NewToken, Scope, make};
use crate::admin::fixture::{Answered, Browser, Office, add};
use crate::admin::{Route, routes};
use crate::audit::event::Field;
use crate::audit::{Action, Event};
use crate::clock;
use crate::config::Role;
use crate::identifier::{OrganizationId, ProviderId};
use crate::log_review::{Drawn, Period};
use crate::policy::{Actor, Person, UserName};
use crate::store::{About, ErasureWish, FactorKind, NewReview, SecondFactorRecord};

/// What nobody has.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

/// Where things of Egedal stand: the begin of the path, and their number.
type Theirs = BTreeMap<&'static str, String>;

/// The path with the number of the thing that stands there, and what else a path of its kind has.
fn path(route: &Route, theirs: &Theirs) -> String {
    let head = route.path.split('{').next().unwrap().trim_end_matches('/');
    let here = theirs.get(head).map_or(NOBODY, String::as_str);
    let part = |part: &str| match part {
        "{step}" if head == "/own" => "home".to_owned(),
        "{step}" => "close".to_owned(),
        "{place}" => "1".to_owned(),
        "{form}" => "json".to_owned(),
        part if part.starts_with('{') => here.to_owned(),
        part => part.to_owned(),
    };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn ask(office: &Office, browser: &mut Browser, route: &Route, to: &str) -> Answered {
    let csrf = office.get(browser, "/account").await.field("csrf");
    let request = Request::builder()
        .method(route.method.clone())
        .uri(to)
        // No call of the API can read this: whether the thing is there is looked at before.
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("X-CSRF-Token", &csrf)
        .body(Body::from(format!("csrf={csrf}")))
        .unwrap();
    office.ask(browser, request).await
}

/// Makes something with a call of the API, and gives its number.
async fn made(office: &Office, browser: &mut Browser, to: &str, body: &str) -> String {
    let csrf = office.get(browser, "/account").await.field("csrf");
    let request = Request::post(to)
        .header(header::CONTENT_TYPE, "application/json")
        .header("X-CSRF-Token", csrf)
        .body(Body::from(body.to_owned()))
        .unwrap();
    let answered = office.ask(browser, request).await;
    assert_eq!(answered.status, StatusCode::CREATED, "{to}: {}", answered.text);
    answered.json()["id"].as_str().unwrap().to_owned()
}

fn egedal() -> OrganizationId {
    OrganizationId::parse("egedal").unwrap()
}

/// A review in which one entry was drawn.
async fn review(office: &Office, by: &Actor) -> String {
    let period =
        Period { from: "2026-01-01".parse().unwrap(), until: "2026-01-08".parse().unwrap() };
    let organization = egedal();
    let new = NewReview {
        id: "LR-0000000001",
        organization: &organization,
        period,
        due: "2026-01-20".parse().unwrap(),
        seed: [7; 32],
        sample: 1,
    };
    let store = office.admin.store();
    store.begin_review(&new, by, clock::now()).await.unwrap();
    let drawn = Drawn { chosen: vec![uuid::Uuid::now_v7()], population: 1 };
    assert!(store.fill_review(&organization, new.id, &drawn, by, clock::now()).await.unwrap());
    new.id.to_owned()
}

async fn token(office: &Office, by: &Actor) -> String {
    let organization = egedal();
    let new = NewToken {
        organization: &organization,
        label: "regneark",
        scope: Scope::Read,
        roles: &[Role::Operator].into(),
        made_by: &UserName::parse("eva.egedal").unwrap(),
        proof: None,
        ends: clock::now() + SignedDuration::from_hours(1),
    };
    let (_, token) = make(&new, clock::now());
    office.admin.store().add_admin_token(&token, by).await.unwrap();
    token.id
}

/// The person behind the account.
async fn eva_herself(office: &Office) -> Person {
    let accounts = office.admin.store().accounts().await.unwrap();
    let account = accounts.iter().find(|account| account.name.as_str() == "eva.egedal").unwrap();
    Person::new(egedal(), ProviderId::parse("local").unwrap(), account.id.as_str())
}

async fn factor(office: &Office, by: &Actor) -> String {
    let name = UserName::parse("eva.egedal").unwrap();
    let person = eva_herself(office).await;
    let factor = SecondFactorRecord {
        id: uuid::Uuid::now_v7().to_string(),
        kind: FactorKind::Totp,
        label: "Telefon".to_owned(),
        secret: "sealed".to_owned(),
        last_step: 0,
        created: clock::now(),
        used: None,
    };
    office.admin.store().add_second_factor(&person, &name, &factor, by).await.unwrap();
    factor.id
}

/// An order about somebody of Egedal.
async fn order(office: &Office, by: &Actor) -> String {
    let (organization, id) = (egedal(), uuid::Uuid::now_v7());
    let wish = ErasureWish {
        removes: true,
        about: About::Person(vec!["finn.egedal".to_owned()]),
        since: None,
        before: None,
        why: "erasure_request".to_owned(),
        case: None,
    };
    let (order, logs) = ((&organization, id), ["test".to_owned()]);
    let store = office.admin.store();
    assert!(store.give_erasure_order(order, &wish, &logs, by, clock::now()).await.unwrap());
    id.to_string()
}

async fn theirs(office: &Office, eva: &mut Browser) -> Theirs {
    add(office.admin.store(), "egedal", "finn.egedal").await;
    let by = Actor { name: "eva.egedal".to_owned(), operating_system_user: None };
    let system = r#"{"name": "Lønsystem", "operator": "Leverandøren", "rule": "unknown"}"#;
    let system = made(office, eva, "/api/v1/systems", system).await;
    let breach = r#"{"title": "Stjålet adgangskode", "occurred_from": "2026-01-01T08:00:00Z",
        "occurred_until": "2026-01-02T08:00:00Z", "discovered": "2026-01-02T09:00:00Z",
        "persons": ["finn.egedal"]}"#;
    let breach = made(office, eva, "/api/v1/breaches", breach).await;
    let journey = serde_json::json!({
        "person": "finn.egedal",
        "legs": [{"territories": ["TH"], "from": day(0), "until": day(5)}],
        "sites": ["egedal-web"], "purpose": "Studietur", "case_number": "26/1",
        "devices": ["PC"], "telephone": "+45 20 00 00 00", "mail": "finn@example.net",
    });
    let journey = made(office, eva, "/api/v1/exemptions", &journey.to_string()).await;
    let store = office.admin.store();
    let person = eva_herself(office).await;
    store.save_search(&egedal(), &person, ("Kina", "country=CN"), clock::now()).await.unwrap();
    let saved = store.saved_searches(&egedal(), &person).await.unwrap().remove(0).id;
    let asked = store.ask_reidentification(&egedal(), "p_0", "anmeldelse", &by, clock::now()).await;
    let order = order(office, &by).await;
    let (review, token) = (review(office, &by).await, token(office, &by).await);
    BTreeMap::from([
        ("/systems", system.clone()),
        ("/api/v1/systems", system),
        ("/breach", breach.clone()),
        ("/api/v1/breaches", breach),
        ("/travel", journey.clone()),
        ("/api/v1/exemptions", journey.clone()),
        ("/own", journey.clone()),
        ("/api/v1/me/exemptions", journey),
        ("/review/planned", review.clone()),
        ("/api/v1/reviews", review),
        ("/log/saved", saved),
        ("/insight/pseudonyms", asked.unwrap()),
        ("/api/v1/people", "finn.egedal".to_owned()),
        ("/insight/person", "finn.egedal".to_owned()),
        ("/insight/orders", order.clone()),
        ("/api/v1/erasure-orders", order),
        ("/system/tokens", token.clone()),
        ("/api/v1/tokens", token),
        ("/account/factors", factor(office, &by).await),
    ])
}

/// What only Egedal may read: where its people came from.
const THEIR_ADDRESS: &str = "198.51.100.200";

/// Finn is of Egedal alone; Anna is a person of each, under one name.
async fn files_hold_nothing_of_another_organisation(
    office: &Office,
    browser: &mut Browser,
    eva: &mut Browser,
) {
    add(office.admin.store(), "egedal", "anna.holm").await;
    for (name, organization) in [
        ("finn.egedal", Some("egedal")),
        ("anna.holm", Some("egedal")),
        ("finn.egedal", None),
        ("anna.holm", None),
    ] {
        for event in [
            Event::new(Action::SignIn, clock::now(), clock::random_bytes()).user(name),
            Event::new(Action::PersonViewed, clock::now(), clock::random_bytes())
                .user("eva.egedal")
                .target(name),
        ] {
            let mut event = event.personal(Field::ClientIp, THEIR_ADDRESS).detail("x", "y");
            event.site = Some("egedal-web".into());
            event.organization = organization.map(Into::into);
            assert!(office.admin.audit().record(event).reached_disk().await);
        }
    }
    let file = async |browser: &mut Browser, name: &str, form: &str| {
        let path = format!("/insight/person/{name}/file/{form}");
        let answered = office.get(browser, &path).await;
        assert_eq!(answered.status, StatusCode::OK, "{path}");
        answered
    };
    for (name, own) in [("finn.egedal", false), ("anna.holm", true)] {
        for form in ["json", "txt"] {
            let page = file(browser, name, form).await.text;
            for theirs in [THEIR_ADDRESS, "eva.egedal", "egedal-web", "Studietur", "Stj"] {
                assert!(!page.contains(theirs), "{name} {form} tells {theirs}: {page}");
            }
        }
        let page = office.get(browser, &format!("/insight/person?name={name}")).await;
        assert!(!page.text.contains(THEIR_ADDRESS) && !page.text.contains("egedal-web"));
        let about = file(browser, name, "json").await.json();
        assert_eq!(about["organization"], "ballerup");
        for section in about["sections"].as_array().unwrap() {
            let items = section["items"].as_array().unwrap();
            let id = section["id"].as_str().unwrap();
            let organization = |item: &serde_json::Value| item["organization"] == "ballerup";
            match id {
                // Only the looks that were just made.
                "log" => assert!(
                    items.iter().all(|item| item["event.action"] == "person_viewed"
                        && item["user.target.name"] == name),
                    "{section}"
                ),
                "accounts" => assert_eq!(
                    (items.len(), items.iter().all(organization)),
                    (usize::from(own), true)
                ),
                "outbox" => assert_eq!(items.is_empty(), !own, "{section}"),
                _ => assert!(items.is_empty(), "{name}: {section}"),
            }
        }
        // To those they are theirs, all of that is told.
        let theirs = file(eva, name, "json").await;
        assert!(theirs.text.contains(THEIR_ADDRESS), "{}", theirs.text);
        let held = theirs.json()["sections"].as_array().unwrap().clone();
        let held = held.iter().filter(|one| !one["items"].as_array().unwrap().is_empty());
        assert!(held.count() >= if own { 3 } else { 6 }, "{}", theirs.text);
    }
}

#[tokio::test]
async fn what_is_not_ones_own_organisations_is_not_there() {
    let office = Office::open().await;
    let list = routes(&office.admin);
    let mut eva = office.signed_in("eva.egedal").await;
    let theirs = theirs(&office, &mut eva).await;
    let mut browser = office.signed_in("alt.muligt").await;
    // Here a name is asked about, whoever may bear it: what comes is of one's own organisation.
    let asked_about = "/insight/person/{name}/file/{form}";
    let named = list.list().iter().filter(|route| route.path.contains('{'));
    let named: Vec<_> = named.filter(|route| route.path != asked_about).collect();
    let about = office.get(&mut browser, "/insight/person/finn.egedal/file/json").await.json();
    let sections = about["sections"].as_array().unwrap();
    let held = sections.iter().filter(|section| section["id"] != "log");
    assert!(held.clone().count() > 10, "{about}");
    assert!(held.clone().all(|section| section["items"] == serde_json::json!([])), "{about}");
    files_hold_nothing_of_another_organisation(&office, &mut browser, &mut eva).await;
    for route in &named {
        for to in [path(route, &theirs), path(route, &Theirs::new())] {
            let answered = ask(&office, &mut browser, route, &to).await;
            let (status, text) = (answered.status, &answered.text);
            assert_eq!(status, StatusCode::NOT_FOUND, "{} {to}: {text}", route.method);
        }
    }
    // Whose they are, to those they are there: the numbers above were the right ones.
    let mut seen = 0;
    for route in named.iter().filter(|route| route.method == Method::GET) {
        let head = route.path.split('{').next().unwrap().trim_end_matches('/');
        let of_another = ["/own", "/api/v1/me/exemptions"].contains(&head);
        if theirs.contains_key(head) && !of_another {
            let to = path(route, &theirs);
            let answered = ask(&office, &mut eva, route, &to).await;
            assert_eq!(answered.status, StatusCode::OK, "{to}: {}", answered.text);
            seen += 1;
        }
    }
    assert!(seen >= 16, "{seen}");
}
