//! Orders to take personal data out of the log: who may give one, about whom, and what is shown first.

use axum::body::Body;
use http::{Request, StatusCode, header};

use crate::admin::fixture::{Answered, Browser, Office};
use crate::audit::event::Field;
use crate::audit::search::{Filter, search};
use crate::audit::{Action, Event};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::store::{About, ChangeAction, ErasureOrder, PartState};

const SCRIPT: &str = "<script>alert(1)</script>";
const NEW: &str = "/insight/orders/new";

/// Somebody signed in, once in each organisation.
async fn seen(office: &Office, user: &str, organization: &str) {
    let mut event = Event::new(Action::SignIn, clock::now(), clock::random_bytes())
        .user(user)
        .personal(Field::ClientIp, "203.0.113.9");
    event.organization = Some(organization.into());
    assert!(office.admin.audit().record(event).reached_disk().await);
}

async fn kept(office: &Office) -> Vec<ErasureOrder> {
    let organization = OrganizationId::parse("ballerup").unwrap();
    office.admin.store().erasure_orders(&organization).await.unwrap()
}

fn looks(office: &Office, action: Action, view: &str) -> usize {
    let filter = Filter { action: Some(action), ..Filter::default() };
    let found = search(&office.state.path().join("state/audit"), &filter).unwrap();
    let found = found.map(|found| found.unwrap().event);
    found.filter(|event| event.details.get("view").is_some_and(|known| known == view)).count()
}

/// The form of an order about Anna, with some fields otherwise.
fn form<'a>(otherwise: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let usual = [
        ("what", "remove"),
        ("about", "one_person"),
        ("persons", "Anna.Holm\n local/a-1 \n"),
        ("since", ""),
        ("until", ""),
        ("why", "erasure_request"),
        ("case", "2026-17"),
    ];
    let changed =
        usual.iter().filter(|(name, _)| !otherwise.iter().any(|(other, _)| other == name));
    changed.chain(otherwise).copied().collect()
}

fn plain(text: &str) -> String {
    text.split('<').map(|part| part.split_once('>').map_or(part, |(_, after)| after)).collect()
}

#[tokio::test]
async fn an_order_is_counted_then_given_once_and_shows_how_far_it_is() {
    let office = Office::open().await;
    seen(&office, "Anna.Holm", "ballerup").await;
    seen(&office, "anna.holm", "egedal").await;
    seen(&office, "bo.lund", "ballerup").await;
    let mut officer = office.signed_in("dorte.krogh").await;
    let empty = office.get(&mut officer, "/insight/orders").await;
    assert!(plain(&empty.text).contains("Ingen ordre har ændret"), "{}", empty.text);
    assert_eq!(looks(&office, Action::LogSearched, "erasure_orders"), 1);

    let preview = office.post(&mut officer, NEW, &form(&[("case", SCRIPT)])).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    // Hers and the look itself, which names her.
    assert!(plain(&preview.text).contains("2 poster i én fil bliver ændret."), "{}", preview.text);
    assert!(!preview.text.contains(SCRIPT) && preview.text.contains("alert(1)"));
    assert_eq!(looks(&office, Action::PersonViewed, "erasure_forecast"), 1);
    assert!(kept(&office).await.is_empty(), "nothing is ordered yet");

    let number = preview.field("number");
    let fields = form(&[("number", &number)]);
    let unsure = office.post(&mut officer, "/insight/orders", &fields).await;
    assert_eq!(unsure.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unsure.text.contains("href=\"#sure\"") && unsure.field("number") == number);
    assert!(kept(&office).await.is_empty());
    let sure = form(&[("number", &number), ("sure", "yes")]);
    let place = format!("/insight/orders/{number}?done=given");
    for _ in 0..2 {
        let given = office.post(&mut officer, "/insight/orders", &sure).await;
        assert_eq!((given.status, given.location()), (StatusCode::SEE_OTHER, place.as_str()));
    }
    let orders = kept(&office).await;
    let [order] = orders.as_slice() else { panic!("{orders:?}") };
    assert_eq!(order.wish.about, About::Person(vec!["Anna.Holm".into(), "local/a-1".into()]));
    assert_eq!((order.by.name.as_str(), order.state()), ("dorte.krogh", PartState::Waiting));
    let told = office.admin.store().outbox(100).await.unwrap();
    let told: Vec<_> =
        told.iter().filter(|one| one.event.action == ChangeAction::ErasureOrdered).collect();
    assert_eq!(told.len(), 1);
    assert!(!serde_json::to_string(&told[0].event).unwrap().to_lowercase().contains("anna"));

    let receipt = office.get(&mut officer, &place).await;
    let said = plain(&receipt.text);
    for part in ["Ordren er givet.", "Venter", "dorte.krogh", "2026-17", "Personen har bedt om det"]
    {
        assert!(said.contains(part), "{part}: {}", receipt.text);
    }
    assert_eq!(looks(&office, Action::LogSearched, "erasure_order"), 1);
    let mut part = order.parts[0].clone();
    (part.state, part.entries) = (PartState::Done, 2);
    office.admin.store().erasure_part(order.id, &part).await.unwrap();
    let done = office.get(&mut officer, &place).await;
    let said = plain(&done.text);
    assert!(said.contains("Udført") && said.contains("Hvem det var, er glemt"), "{}", done.text);
    assert!(!said.contains("Anna.Holm"), "{}", done.text);
    let listed = office.get(&mut officer, "/insight/orders?sprog=en").await;
    let said = plain(&listed.text);
    assert!(said.contains("Carried out") && said.contains("One person"), "{}", listed.text);
}

#[tokio::test]
async fn nobody_orders_about_themselves_and_what_is_wrong_is_said_at_its_field() {
    let office = Office::open().await;
    let mut officer = office.signed_in("dorte.krogh").await;
    let accounts = office.admin.store().accounts().await.unwrap();
    let own = accounts.iter().find(|one| one.name.as_str() == "dorte.krogh").unwrap();
    let own = format!("bo\nLOCAL/{}", own.id.as_str());
    let many = (0..21).map(|n| format!("n{n}\n")).collect::<String>();
    let long = "x".repeat(61);
    for (otherwise, field) in [
        (&[("persons", "DORTE.krogh")][..], "persons"),
        (&[("persons", own.as_str())], "persons"),
        (&[("persons", " \n ")], "persons"),
        (&[("persons", many.as_str())], "persons"),
        (&[("persons", "a\u{7}b")], "persons"),
        (&[("about", "")], "about"),
        (&[("about", "everybody")], "until"),
        (&[("what", "burn")], "what"),
        (&[("why", "")], "why"),
        (&[("why", "pseudonymise_after")], "why"),
        (&[("since", SCRIPT)], "since"),
        (&[("since", "2026-11-22"), ("until", "2026-11-20")], "until"),
        (&[("case", long.as_str())], "case"),
    ] {
        let number = uuid::Uuid::now_v7().to_string();
        let sure = [otherwise, &[("number", number.as_str()), ("sure", "yes")]].concat();
        for (path, fields) in [(NEW, form(otherwise)), ("/insight/orders", form(&sure))] {
            let wrong = office.post(&mut officer, path, &fields).await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{otherwise:?}");
            let link = format!("<a href=\"#{field}\">");
            assert!(wrong.text.contains(&link), "{otherwise:?}: {}", wrong.text);
            assert!(wrong.text.contains(&format!("id=\"{field}\"")), "{otherwise:?}");
            assert!(!wrong.text.contains(SCRIPT), "{otherwise:?}");
        }
    }
    assert!(kept(&office).await.is_empty());
    // What somebody else's order bears as its name is not found, and not changed.
    let mut eva = office.signed_in("eva.egedal").await;
    let theirs = uuid::Uuid::now_v7().to_string();
    let sure = form(&[("number", theirs.as_str()), ("sure", "yes")]);
    let given = office.post(&mut eva, "/insight/orders", &sure).await;
    assert_eq!(given.status, StatusCode::SEE_OTHER, "{}", given.text);
    let taken = office.post(&mut officer, "/insight/orders", &sure).await;
    assert_eq!(taken.status, StatusCode::NOT_FOUND);
    assert!(kept(&office).await.is_empty());
    let listed = office.get(&mut officer, "/insight/orders").await;
    assert!(!listed.text.contains("eva.egedal") && !listed.text.contains("Anna.Holm"));
    // Without the token of the session nothing is given, whoever sends it.
    let forged = office.send(&mut officer, "/insight/orders", &sure).await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
}

async fn call(office: &Office, browser: &mut Browser, path: &str, body: &str) -> Answered {
    let csrf = office.get(browser, "/account").await.field("csrf");
    let request = Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header("X-CSRF-Token", csrf)
        .body(Body::from(body.to_owned()))
        .unwrap();
    office.ask(browser, request).await
}

#[tokio::test]
async fn the_api_gives_the_same_orders() {
    let office = Office::open().await;
    seen(&office, "anna.holm", "ballerup").await;
    let mut officer = office.signed_in("dorte.krogh").await;
    let (orders, forecast) = ("/api/v1/erasure-orders", "/api/v1/erasure-orders/forecast");
    let body = r#"{"what": "pseudonymise", "about": "one_person", "persons": ["anna.holm"],
        "until": "2099-01-01", "why": "mistake"}"#;
    let told = call(&office, &mut officer, forecast, body).await;
    assert_eq!(
        (told.status, told.json()),
        (StatusCode::OK, serde_json::json!({"entries": 2, "files": 1, "cut_short": false}))
    );
    let given = call(&office, &mut officer, orders, body).await;
    assert_eq!(given.status, StatusCode::CREATED, "{}", given.text);
    let place = given.location().to_owned();
    let one = office.get(&mut officer, &place).await.json();
    assert_eq!((&one["what"], &one["state"]), (&"pseudonymise".into(), &"waiting".into()));
    assert_eq!(one["persons"], serde_json::json!(["anna.holm"]));
    let all = office.get(&mut officer, orders).await.json();
    assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
    // No name is not everybody.
    for wrong in [
        r#"{"what": "remove", "about": "one_person", "why": "mistake"}"#,
        r#"{"what": "remove", "about": "one_person", "persons": [""], "why": "mistake"}"#,
        r#"{"what": "remove", "about": "one_person", "persons": ["bo\nx"], "why": "mistake"}"#,
        r#"{"what": "remove", "about": "one_person", "persons": ["Dorte.Krogh"], "why": "mistake"}"#,
        r#"{"what": "remove", "about": "everybody", "persons": ["bo"], "until": "2026-01-01", "why": "mistake"}"#,
        r#"{"what": "remove", "about": "everybody", "why": "mistake"}"#,
        r#"{"what": "remove", "persons": ["bo"], "why": "mistake"}"#,
    ] {
        for path in [orders, forecast] {
            let refused = call(&office, &mut officer, path, wrong).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {wrong}");
        }
    }
    assert_eq!(kept(&office).await.len(), 1);
    let mut security = office.signed_in("sofie.lind").await;
    for path in [orders, forecast] {
        let refused = call(&office, &mut security, path, body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
}
