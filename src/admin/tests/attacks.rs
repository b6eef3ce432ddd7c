//! What an enemy of the administration tries: ways out of it, looks that nobody sees, one person who
//! is two, a program that is more than its maker. The table of all attacks and the tests that hold
//! them off stands in `tests/it/attack_admin.rs`.

use axum::body::Body;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use tower::ServiceExt as _;

use super::super::travel::tests::{all, and, day, form, granted, office, step};
use crate::admin::access::token::{NewToken, Scope, make};
use crate::admin::access::{Connection, digest};
use crate::admin::fixture::{Answered, Browser, Office, PASSWORD, configuration};
use crate::admin::{Route, routes};
use crate::audit::event::Field;
use crate::audit::search::{Filter, search};
use crate::audit::{Action, Event};
use crate::clock;
use crate::config::Role;
use crate::identifier::OrganizationId;
use crate::identity::Remembered;
use crate::policy::Actor;
use crate::store::By;

const COOKIE: &str = "geovagt-admin";

pub(super) fn ballerup() -> OrganizationId {
    OrganizationId::parse("ballerup").unwrap()
}

fn entries(office: &Office, action: Action, by: &str) -> Vec<Event> {
    let filter = Filter { action: Some(action), user: Some(by.to_owned()), ..Filter::default() };
    let found = search(&office.state.path().join("state/audit"), &filter).unwrap();
    found.map(|found| found.unwrap().event).collect()
}

pub(super) async fn proof(office: &Office, browser: &Browser) -> Remembered {
    let token = digest(browser.cookie(COOKIE).unwrap());
    let session = office.admin.store().admin_session(&token).await.unwrap().unwrap();
    Remembered::read(&session.proof).unwrap()
}

/// A token as its maker would have made it who had proven this.
pub(super) async fn token_of(office: &Office, proof: &Remembered, role: Role) -> String {
    let new = NewToken {
        organization: &ballerup(),
        label: "Elevsystem",
        scope: Scope::Write,
        roles: &[role].into(),
        made_by: &proof.user_name().unwrap(),
        proof: Some(proof.written()),
        ends: clock::now() + SignedDuration::from_hours(24 * 366),
    };
    let (secret, token) = make(&new, clock::now());
    let by = Actor { name: "test".to_owned(), operating_system_user: None };
    office.admin.store().add_admin_token(&token, &by).await.unwrap();
    secret
}

pub(super) async fn call(
    office: &Office,
    token: &str,
    method: Method,
    path: &str,
    body: &str,
) -> Answered {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Type", "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap();
    office.ask(&mut Browser::default(), request).await
}

#[tokio::test]
async fn a_path_that_a_browser_takes_for_another_host_leads_there_from_no_page() {
    let open = Office::open().await;
    let with_a_second_factor = Office::with("").await;
    let mut inside = open.signed_in("sofie.lind").await;
    let mut halfway = with_a_second_factor.signed_in("sofie.lind").await;
    for path in ["//evil.example", "//evil.example/?a=b", "///evil.example/x", "/\\evil.example"] {
        for (office, browser) in [
            (&open, &mut Browser::default()),
            (&open, &mut inside),
            (&with_a_second_factor, &mut halfway),
        ] {
            let page = office.get(browser, path).await.text;
            for part in ["href=\"//", "href=\"/\\", "=\"//evil", "=\"///evil", "=\"/\\evil"] {
                assert!(!page.contains(part), "{path} {part}: {page}");
            }
        }
    }
    let page = with_a_second_factor.get(&mut halfway, "//evil.example/x").await;
    assert!(page.text.contains("data-next=\"/\""), "{}", page.text);
    let page = with_a_second_factor.get(&mut halfway, "/log?user=anna").await;
    assert!(page.text.contains("data-next=\"/log?user=anna\""), "{}", page.text);
}

/// The path of a route in which a journey's number stands, where it has a place for one.
fn of_journey(route: &Route, id: &str) -> Option<String> {
    let head = route.path.split('{').next().unwrap().trim_end_matches('/');
    if route.path.contains('{') && !["/travel", "/api/v1/exemptions"].contains(&head) {
        return None;
    }
    let path = route.path.replace("{id}", id).replace("{step}", "revoke");
    (!path.contains('{')).then_some(path)
}

#[tokio::test]
async fn nothing_of_people_is_shown_where_the_look_cannot_be_written() {
    let office = office().await;
    let mut everything = office.signed_in("alt.muligt").await;
    let mut anna = office.signed_in("anna.holm").await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let id = granted(&office, &mut clerk, "Thailand").await;
    let breach = serde_json::json!({
        "title": "Tyveri", "occurred_from": "2026-01-01T08:00:00Z",
        "occurred_until": "2026-01-02T08:00:00Z", "discovered": "2026-01-02T09:00:00Z",
        "persons": ["anna.holm"],
    });
    let sofie = office.signed_in("sofie.lind").await;
    let token = token_of(&office, &proof(&office, &sofie).await, Role::Security).await;
    let made = call(&office, &token, Method::POST, "/api/v1/breaches", &breach.to_string()).await;
    let breach = made.json()["id"].as_str().unwrap().to_owned();
    office.end_log().await;
    let list = routes(&office.admin);
    let mut looked_at = 0;
    for route in list.list().iter().filter(|route| route.method == Method::GET) {
        let Some(path) = of_journey(route, &id) else { continue };
        if path.starts_with("/sign-in") {
            continue;
        }
        let page = office.get(&mut everything, &path).await;
        if page.status.is_success() {
            assert!(!page.text.contains(&id), "{path} shows {id}: {}", page.text);
        }
        looked_at += 1;
    }
    assert!(looked_at > 60, "{looked_at}");
    let reference = "K7QX-2M9D";
    let entry = uuid::Uuid::now_v7();
    for path in [
        "/travel".to_owned(),
        "/travel/calendar".to_owned(),
        format!("/travel/{id}"),
        format!("/travel/{id}/revoke"),
        format!("/travel/{id}/extend"),
        format!("/travel/{id}/contact"),
        format!("/travel/emergency?reference={reference}"),
        "/api/v1/exemptions".to_owned(),
        format!("/api/v1/exemptions/{id}"),
        "/log".to_owned(),
        "/log/charts".to_owned(),
        "/log/live".to_owned(),
        "/log/live/events".to_owned(),
        "/log/export?form=csv".to_owned(),
        "/log/export?form=jsonl".to_owned(),
        format!("/log/find?reference={reference}"),
        format!("/log/entry/{entry}"),
        "/api/v1/log".to_owned(),
        "/api/v1/log/counts?by=day".to_owned(),
        "/api/v1/log/export?form=csv".to_owned(),
        format!("/api/v1/log/{entry}"),
        "/review/wrong".to_owned(),
        "/review/surges".to_owned(),
        "/review/odd".to_owned(),
        "/review/looked".to_owned(),
        format!("/breach/{breach}"),
        format!("/api/v1/breaches/{breach}"),
        "/insight/person?name=anna.holm".to_owned(),
        "/insight/person/anna.holm/file/json".to_owned(),
        "/api/v1/people/anna.holm".to_owned(),
        "/would?address=1.0.1.1&site=kilden&person=anna.holm".to_owned(),
        "/api/v1/explain?address=1.0.1.1&site=kilden&person=anna.holm".to_owned(),
    ] {
        let page = office.get(&mut everything, &path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", page.text);
    }
    for path in ["/own", "/own/log", "/api/v1/me/exemptions", "/api/v1/me/log"] {
        let page = office.get(&mut anna, path).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", page.text);
    }
    let rows = format!(
        "person;lande;fra;til;systemer;formål;sagsnummer\nanna.holm;Kina;{};{};kilden;x;26/1",
        day(0),
        day(8)
    );
    let (from, until) = (day(0), day(8));
    for (path, fields) in [
        ("/travel/import".to_owned(), vec![("rows", rows.as_str())]),
        ("/travel/new".to_owned(), form("mads.bro", "Thailand", (&from, &until))),
        ("/travel/apply".to_owned(), form("mads.bro", "Thailand", (&from, &until))),
    ] {
        let page = office.post(&mut everything, &path, &fields).await;
        assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{path}: {}", page.text);
    }
    // Nobody comes in unseen, and whoever wants to leave is not kept.
    let late = office.password(&mut Browser::default(), "mads.bro", PASSWORD).await;
    assert_eq!(late.status, StatusCode::SERVICE_UNAVAILABLE, "{}", late.text);
    let copy = clerk.clone();
    let left = office.post(&mut clerk, "/sign-out", &[]).await;
    assert_eq!((left.status, clerk.cookie(COOKIE)), (StatusCode::SEE_OTHER, None));
    let again = office.get(&mut copy.clone(), "/account").await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED, "{}", again.text);
}

#[tokio::test]
async fn a_look_names_the_person_and_the_program_of_theirs() {
    let office = office().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let token = token_of(&office, &proof(&office, &sofie).await, Role::Security).await;
    let effective = |event: &Event| event.personal.get(Field::UserEffective).cloned();
    assert_eq!(office.get(&mut sofie, "/api/v1/log").await.status, StatusCode::OK);
    let seen = entries(&office, Action::LogSearched, "sofie.lind");
    assert_eq!((seen.len(), effective(&seen[0])), (1, None));
    for path in ["/api/v1/log", "/api/v1/log/export?form=csv"] {
        let answered = call(&office, &token, Method::GET, path, "").await;
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.text);
    }
    for action in [Action::LogSearched, Action::LogExported] {
        let seen = entries(&office, action, "sofie.lind");
        assert_eq!(effective(&seen[0]).as_deref(), Some("token Elevsystem"), "{action}");
        assert_eq!(seen[0].organization.as_deref(), Some("ballerup"));
    }
    // And whom it was about.
    let mut clerk = office.signed_in("kirsten.vang").await;
    office.get(&mut clerk, "/api/v1/exemptions?person=Anna.Holm").await;
    let seen = entries(&office, Action::TravelViewed, "kirsten.vang");
    assert_eq!(seen[0].personal.get(Field::UserTarget).map(|name| &**name), Some("anna.holm"));
}

#[tokio::test]
async fn a_file_of_the_log_breaks_off_with_the_session_or_the_token_that_asked_for_it() {
    let office = Office::open().await;
    let sofie = office.signed_in("sofie.lind").await;
    let token = token_of(&office, &proof(&office, &sofie).await, Role::Security).await;
    let cookie = format!("{COOKIE}={}", sofie.cookie(COOKIE).unwrap());
    let begin = |path: &'static str, name: &'static str, value: String| {
        let connection = Connection { client: [127, 0, 0, 1].into(), secure: false };
        let request = Request::get(path)
            .header("host", "localhost")
            .header(name, value)
            .extension(connection);
        let asked = office.router.clone().oneshot(request.body(Body::empty()).unwrap());
        async move {
            let response = asked.await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            let mut body = response.into_body();
            assert!(body.frame().await.unwrap().is_ok(), "the head");
            body
        }
    };
    let whole = begin("/log/export?form=csv", "cookie", cookie.clone()).await;
    assert!(whole.collect().await.is_ok(), "who stays gets the whole");
    let mut by_session = begin("/log/export?form=csv", "cookie", cookie).await;
    let bearer = format!("Bearer {token}");
    let mut by_token = begin("/api/v1/log/export?form=jsonl", "authorization", bearer).await;
    let store = office.admin.store();
    store.end_admin_session(&digest(sofie.cookie(COOKIE).unwrap())).await.unwrap();
    assert!(by_session.frame().await.unwrap().is_err(), "signed out");
    let id = store.admin_tokens(&ballerup()).await.unwrap()[0].id.clone();
    let by = Actor { name: "test".to_owned(), operating_system_user: None };
    store.revoke_admin_token(&ballerup(), &id, &by, clock::now()).await.unwrap();
    assert!(by_token.frame().await.unwrap().is_err(), "revoked");
}

#[tokio::test]
async fn whoever_asked_whom_a_pseudonym_stands_for_answers_under_no_other_name() {
    let office = Office::open().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let person = proof(&office, &sofie).await.person().unwrap();
    let asked = [("wanted", "K7QX-2M9D"), ("reason", "anmeldelse")];
    let done = office.post(&mut sofie, "/insight/pseudonyms", &asked).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let store = office.admin.store();
    let kept = store.reidentifications(&ballerup()).await.unwrap();
    assert!(kept[0].is_asked_by(&person), "{kept:?}");
    // She was called otherwise when she asked this.
    let before = Actor { name: "sofie.jensen".to_owned(), operating_system_user: None };
    let by = By::proven(&before, &person);
    let id = store.ask_reidentification(&ballerup(), "K7QX-2M9D", "x", by, clock::now()).await;
    let path = format!("/insight/pseudonyms/{}", id.unwrap());
    let page = office.get(&mut sofie, "/insight/pseudonyms").await;
    assert!(!page.text.contains("action=\"/insight/pseudonyms/"), "{}", page.text);
    let own = office.post(&mut sofie, &path, &[]).await;
    assert_eq!(own.status, StatusCode::CONFLICT);
    assert!(own.text.contains("skal en anden"), "{}", own.text);
    let mut dorte = office.signed_in("dorte.krogh").await;
    let other = office.post(&mut dorte, &path, &[]).await;
    assert!(other.text.contains("kan ikke åbnes"), "she may, and nothing is there: {}", other.text);
}

#[tokio::test]
async fn nobody_grants_or_approves_their_own_by_any_way() {
    let office = office().await;
    let mut everything = office.signed_in("alt.muligt").await;
    let (from, until) = (day(0), day(8));
    // A row among others.
    let head = "person;lande;fra;til;systemer;formål;sagsnummer\n";
    let row = |who: &str| format!("{who};Thailand;{from};{until};kilden;Delegation;26/9\n");
    let rows = format!("{head}{}{}", row("anna.holm"), row("Alt.Muligt"));
    let import = [("rows", rows.as_str()), ("do", "confirm")];
    let page = office.post(&mut everything, "/travel/import", &import).await;
    assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", page.text);
    assert!(page.text.contains("Række 3"), "{}", page.text);
    assert!(all(&office).await.is_empty());
    // With a program of one's own, of what one has granted with one's own hand; and the other way.
    let proven = proof(&office, &everything).await;
    let approver = token_of(&office, &proven, Role::Approver).await;
    let officer = token_of(&office, &proven, Role::CaseOfficer).await;
    let id = granted(&office, &mut everything, "Kina").await;
    let approve = format!("/api/v1/exemptions/{id}/approve");
    let refused = call(&office, &approver, Method::POST, &approve, "").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    let new = |who: &str, kind: &str| {
        serde_json::json!({
            "kind": kind, "person": who,
            "legs": [{"territories": ["RU"], "from": from, "until": until}],
            "sites": ["kilden"], "purpose": "Venskabsby", "case_number": "26/2",
            "devices": ["PC"], "telephone": "+45 20 00 00 00", "mail": "a@example.net",
        })
        .to_string()
    };
    for (who, kind, status) in [
        ("alt.muligt", "grant", StatusCode::UNPROCESSABLE_ENTITY),
        ("anna.holm", "grant", StatusCode::CREATED),
        ("mads.bro", "application", StatusCode::CREATED),
    ] {
        let body = new(who, kind);
        let made = call(&office, &officer, Method::POST, "/api/v1/exemptions", &body).await;
        assert_eq!(made.status, status, "{who} {kind}: {}", made.text);
        if status == StatusCode::CREATED {
            let id = made.json()["id"].as_str().unwrap().to_owned();
            let path = format!("/travel/{id}/approve");
            let own = step(&office, &mut everything, &path, &[]).await;
            assert_eq!(own.status, StatusCode::CONFLICT, "{who} {kind}: {}", own.text);
        }
    }
    // An application on one's behalf that somebody else made, extended or not.
    let mut clerk = office.signed_in("kirsten.vang").await;
    let fields = and(&form("alt.muligt", "Thailand", (&from, &until)), ("do", "confirm"));
    let done = office.post(&mut clerk, "/travel/new", &fields).await;
    let id = done.location()["/travel/".len()..].split('?').next().unwrap().to_owned();
    let longer = day(12);
    let asked = [
        ("until", longer.as_str()),
        ("devices", "PC"),
        ("telephone", "+45 20 00 00 00"),
        ("mail", "alt@example.net"),
    ];
    let done = office.post(&mut clerk, &format!("/travel/{id}/extend"), &asked).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", done.text);
    let id = done.location()["/travel/".len()..].split('?').next().unwrap().to_owned();
    let own = step(&office, &mut everything, &format!("/travel/{id}/approve"), &[]).await;
    assert_eq!(own.status, StatusCode::CONFLICT, "{}", own.text);
    let path = format!("/api/v1/exemptions/{id}/approve");
    let own = call(&office, &approver, Method::POST, &path, "").await;
    assert_eq!(own.status, StatusCode::CONFLICT, "{}", own.text);
}

#[tokio::test]
async fn one_name_for_a_call_is_each_ones_own() {
    let office = office().await;
    let clerk = office.signed_in("kirsten.vang").await;
    let other = office.signed_in("alt.muligt").await;
    let clerk = token_of(&office, &proof(&office, &clerk).await, Role::CaseOfficer).await;
    let other = token_of(&office, &proof(&office, &other).await, Role::CaseOfficer).await;
    let body = serde_json::json!({
        "person": "anna.holm", "sites": ["kilden"], "purpose": "Tur", "case_number": "26/3",
        "legs": [{"territories": ["TH"], "from": day(0), "until": day(8)}],
    });
    let call = |token: String, path: &'static str| {
        let request = Request::post(path)
            .header("Authorization", format!("Bearer {token}"))
            .header("Content-Type", "application/json")
            .header("Idempotency-Key", "rejse-1")
            .body(Body::from(body.to_string()))
            .unwrap();
        let office = &office;
        async move { office.ask(&mut Browser::default(), request).await }
    };
    let first = call(clerk.clone(), "/api/v1/exemptions").await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let again = call(clerk.clone(), "/api/v1/exemptions").await;
    assert_eq!((again.status, &again.text), (StatusCode::CREATED, &first.text));
    assert!(again.headers.contains_key("idempotency-replayed"));
    let theirs = call(other, "/api/v1/exemptions").await;
    assert!(!theirs.headers.contains_key("idempotency-replayed"), "{}", theirs.text);
    assert_ne!(theirs.json()["id"], first.json()["id"]);
    let elsewhere = call(clerk, "/api/v1/me/exemptions").await;
    assert_eq!(elsewhere.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", elsewhere.text);
    assert!(elsewhere.text.contains("Idempotency-Key"), "{}", elsewhere.text);
}

#[tokio::test]
async fn a_connection_from_before_is_held_against_the_networks_of_now() {
    let office = Office::open().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    office.reload(&configuration(", second_factor: off, networks: [10.0.0.0/8]"));
    for path in ["/", "/account", "/api/v1/session", "/sign-in"] {
        let refused = office.get(&mut sofie, path).await;
        assert_eq!((refused.status, refused.text.as_str()), (StatusCode::FORBIDDEN, ""), "{path}");
        assert_eq!(refused.headers["connection"], "close");
    }
    office.reload(&configuration(", second_factor: off, networks: [127.0.0.0/8]"));
    assert_eq!(office.get(&mut sofie, "/account").await.status, StatusCode::OK);
}
