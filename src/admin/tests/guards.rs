//! Guards that stand alone: each is tried by what it is there for, and by nothing else.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::SignedDuration;
use tower::ServiceExt as _;

use super::super::travel::tests::{day, granted, office, step};
use crate::admin::access::{Connection, digest};
use crate::admin::fixture::{Answered, Browser, Office, PASSWORD, configuration};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::identity::Remembered;
use crate::policy::{Actor, Person, UserName};
use crate::store::{NoticeState, SessionStage};

const COOKIE: &str = "geovagt-admin";
const FORM: &str = "application/x-www-form-urlencoded";

pub(super) fn ballerup() -> OrganizationId {
    OrganizationId::parse("ballerup").unwrap()
}

pub(super) fn actor() -> Actor {
    Actor { name: "test".to_owned(), operating_system_user: None }
}

pub(super) fn key(browser: &Browser) -> String {
    digest(browser.cookie(COOKIE).unwrap())
}

async fn csrf(office: &Office, browser: &Browser) -> String {
    office.get(&mut browser.clone(), "/account").await.field("csrf")
}

pub(super) async fn person(office: &Office, browser: &Browser) -> Person {
    let session = office.admin.store().admin_session(&key(browser)).await.unwrap().unwrap();
    Remembered::read(&session.proof).unwrap().person().unwrap()
}

/// Sends something as a script would.
async fn send(
    office: &Office,
    browser: &Browser,
    (method, path): (Method, &str),
    kind: &str,
    body: String,
) -> Answered {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, kind)
        .header("X-CSRF-Token", csrf(office, browser).await)
        .body(Body::from(body))
        .unwrap();
    office.ask(&mut browser.clone(), request).await
}

#[tokio::test]
async fn more_than_a_form_holds_is_not_read_wherever_it_is_sent() {
    let office = Office::open().await;
    let inside = office.signed_in("alt.muligt").await;
    let much = "x".repeat(2 * 1024 * 1024);
    let json = format!("{{\"name\": \"{much}\", \"operator\": \"x\", \"rule\": \"unknown\"}}");
    let part = "--b\r\nContent-Disposition: form-data; name=\"rows\"\r\n\r\n";
    for (path, kind, body) in [
        ("/systems/new", FORM, format!("name={much}")),
        ("/api/v1/systems", "application/json", json),
        ("/travel/import", "multipart/form-data; boundary=b", format!("{part}{much}\r\n--b--")),
    ] {
        let refused = send(&office, &inside, (Method::POST, path), kind, body).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    let mut first = Browser::default();
    for (browser, path) in [
        (&mut inside.clone(), "/systems/new"),
        (&mut first, "/sign-in"),
        (&mut Browser::default(), "/sign-in/code"),
        (&mut Browser::default(), "/sign-in/start-over"),
    ] {
        let request = Request::post(path)
            .header(header::CONTENT_TYPE, FORM)
            .body(Body::from(format!("csrf=x&name={much}")))
            .unwrap();
        let refused = office.ask(browser, request).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
}

#[tokio::test]
async fn what_is_no_json_by_its_name_is_no_call() {
    let office = Office::open().await;
    let inside = office.signed_in("ole.drift").await;
    let body = r#"{"name": "Lønsystem", "operator": "X", "rule": "unknown"}"#;
    for kind in ["text/plain", FORM, "multipart/form-data", "text/plain; application/json", ""] {
        let call = (Method::POST, "/api/v1/systems");
        let refused = send(&office, &inside, call, kind, body.to_owned()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{kind}: {}", refused.text);
    }
    let call = (Method::POST, "/api/v1/systems");
    let made = send(&office, &inside, call, "application/json", body.to_owned()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
}

#[tokio::test]
async fn an_answer_shares_nothing_with_other_windows_and_stays_under_tls() {
    let office = Office::open().await;
    let ask = async |secure: bool| {
        let connection = Connection { client: [127, 0, 0, 1].into(), secure };
        let request = Request::get("/account?sprog=en").header("host", "localhost");
        let request = request.extension(connection).body(Body::empty()).unwrap();
        office.router.clone().oneshot(request).await.unwrap().headers().clone()
    };
    for (secure, lasts) in [(true, Some("max-age=31536000")), (false, None)] {
        let headers = ask(secure).await;
        let value = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        assert_eq!(value("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(value("cross-origin-resource-policy"), Some("same-origin"));
        assert_eq!(value("permissions-policy"), Some("camera=(), geolocation=(), microphone=()"));
        assert_eq!(value("strict-transport-security"), lasts);
        let cookies: Vec<&str> =
            headers.get_all(header::SET_COOKIE).iter().map(|c| c.to_str().unwrap()).collect();
        assert!(!cookies.is_empty());
        for cookie in cookies {
            assert_eq!(cookie.starts_with("__Host-"), secure, "{cookie}");
            assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
        }
    }
}

#[tokio::test]
async fn two_of_one_kind_prove_nobody() {
    let office = Office::open().await;
    let browser = office.signed_in("sofie.lind").await;
    let cookie = format!("{COOKIE}={}", browser.cookie(COOKIE).unwrap());
    let fields = [("label", "x"), ("scope", "read"), ("role", "security"), ("days", "1")];
    let page = office.post(&mut browser.clone(), "/system/tokens", &fields).await.text;
    let token = page.split_once("class=\"secret\">").unwrap().1.split('<').next().unwrap();
    let bearer = format!("Bearer {token}");
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        let mut request = Request::get(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        office.ask(&mut Browser::default(), request.body(Body::empty()).unwrap()).await.status
    };
    let twice = format!("{cookie}; {cookie}");
    let tokens = "/api/v1/tokens";
    for (path, headers, good) in [
        ("/account", vec![("cookie", cookie.as_str())], true),
        ("/account", vec![("cookie", &twice)], false),
        ("/account", vec![("cookie", &cookie), ("cookie", &cookie)], false),
        (tokens, vec![("authorization", bearer.as_str())], true),
        (tokens, vec![("authorization", &bearer), ("authorization", &bearer)], false),
        // A token that does not count is not made good by a session.
        (tokens, vec![("authorization", "Bearer gva_x"), ("cookie", &cookie)], false),
        ("/account", vec![("authorization", &bearer)], false),
    ] {
        let expected = if good { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(ask(path, &headers).await, expected, "{path} {headers:?}");
    }
}

#[tokio::test]
async fn nobody_looks_at_an_organisation_that_is_not_theirs() {
    let office = Office::open().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let chosen = office.post(&mut sofie, "/session/organization", &[("organization", "egedal")]);
    assert_eq!(chosen.await.status, StatusCode::NOT_FOUND);
    let store = office.admin.store();
    let kept = store.admin_session(&key(&sofie)).await.unwrap().unwrap();
    assert_eq!(kept.chosen, None);
    // What was chosen while it was theirs counts no more when it is not.
    store.choose_in_admin_session(&key(&sofie), "egedal").await.unwrap();
    let session = office.get(&mut sofie, "/api/v1/session").await.json();
    assert_eq!(session["organization"], "ballerup");
    assert!(!office.get(&mut sofie, "/account").await.text.contains("Egedal"));
}

#[tokio::test]
async fn a_session_ends_when_its_time_is_over_however_much_it_is_used() {
    let office = Office::open().await;
    let store = office.admin.store();
    let browser = office.signed_in("anna.holm").await;
    let who = person(&office, &browser).await;
    let mut session = store.admin_session(&key(&browser)).await.unwrap().unwrap();
    let now = clock::now();
    session.began = now - SignedDuration::from_hours(12);
    (session.used, session.ends) = (now, now - SignedDuration::from_secs(1));
    store.begin_admin_session(&session, &who, Some(&key(&browser))).await.unwrap();
    assert!(store.admin_session(&key(&browser)).await.unwrap().is_some(), "it is kept still");
    let page = office.get(&mut browser.clone(), "/account").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert!(store.admin_session(&key(&browser)).await.unwrap().is_none(), "and is now gone");
}

#[tokio::test]
async fn what_goes_on_by_itself_ends_with_whatever_ends_the_session() {
    let office = Office::open().await;
    let store = office.admin.store();
    for how in ["stays", "idle", "over", "halfway", "another role", "locked"] {
        let browser = office.signed_in("sofie.lind").await;
        let connection = Connection { client: [127, 0, 0, 1].into(), secure: false };
        let request = Request::get("/log/export?form=csv")
            .header("host", "localhost")
            .header("cookie", format!("{COOKIE}={}", browser.cookie(COOKIE).unwrap()))
            .extension(connection)
            .body(Body::empty())
            .unwrap();
        let mut body = office.router.clone().oneshot(request).await.unwrap().into_body();
        assert!(body.frame().await.unwrap().is_ok());
        let who = person(&office, &browser).await;
        let mut session = store.admin_session(&key(&browser)).await.unwrap().unwrap();
        let now = clock::now();
        session.began = now - SignedDuration::from_hours(12);
        match how {
            "idle" => session.used = now - SignedDuration::from_hours(11),
            "over" => session.ends = now - SignedDuration::from_secs(1),
            "halfway" => session.stage = SessionStage::SecondFactor,
            "locked" => {
                let name = UserName::parse("sofie.lind").unwrap();
                store.set_locked(&ballerup(), &name, true, &actor(), now).await.unwrap();
                office.admin.authenticator().reload(now).await.unwrap();
            }
            "another role" => {
                let other = configuration(", second_factor: off");
                let other = other.replace("dpo: [dorte.krogh, ", "dpo: [dorte.krogh, sofie.lind, ");
                office.reload(&other);
            }
            _ => {}
        }
        store.begin_admin_session(&session, &who, Some(&key(&browser))).await.unwrap();
        assert_eq!(body.frame().await.unwrap().is_ok(), how == "stays", "{how}");
    }
}

#[tokio::test]
async fn a_token_has_an_end_and_a_name_that_can_be_read() {
    let office = Office::open().await;
    let mut sofie = office.signed_in("sofie.lind").await;
    let long = "x".repeat(61);
    for (label, days) in [
        ("x", "0"),
        ("x", "-1"),
        ("x", "367"),
        ("x", ""),
        ("x\u{7}y", "1"),
        (&long, "1"),
        ("", "1"),
    ] {
        let fields = [("label", label), ("scope", "read"), ("role", "security"), ("days", days)];
        let refused = office.post(&mut sofie, "/system/tokens", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{label:?} {days}");
    }
    assert!(office.admin.store().admin_tokens(&ballerup()).await.unwrap().is_empty());
    let fields =
        [("label", &*"x".repeat(60)), ("scope", "read"), ("role", "security"), ("days", "366")];
    let made = office.post(&mut sofie, "/system/tokens", &fields).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
}

#[tokio::test]
async fn the_name_of_a_call_is_short() {
    let office = Office::open().await;
    let inside = office.signed_in("ole.drift").await;
    let csrf = csrf(&office, &inside).await;
    let body = r#"{"name": "Lønsystem", "operator": "X", "rule": "unknown"}"#;
    for (name, status) in [
        ("x".repeat(255), StatusCode::CREATED),
        ("x".repeat(256), StatusCode::UNPROCESSABLE_ENTITY),
        (String::new(), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let request = Request::post("/api/v1/systems")
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-CSRF-Token", &csrf)
            .header("Idempotency-Key", &name)
            .body(Body::from(body))
            .unwrap();
        let answered = office.ask(&mut inside.clone(), request).await;
        assert_eq!(answered.status, status, "{}: {}", name.len(), answered.text);
    }
}

#[tokio::test]
async fn each_step_is_taken_by_its_role_alone_with_a_reason_where_there_has_to_be_one() {
    let office = office().await;
    let mut clerk = office.signed_in("kirsten.vang").await;
    let mut approver = office.signed_in("mads.bro").await;
    let id = granted(&office, &mut clerk, "Kina").await;
    for (word, may) in [
        ("approve", &clerk),
        ("refuse", &clerk),
        ("close", &approver),
        ("withdraw", &approver),
        ("link", &approver),
        ("lost", &approver),
    ] {
        let path = format!("/travel/{id}/{word}");
        let refused = step(&office, &mut may.clone(), &path, &[("reason", "Fordi")]).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{word}: {}", refused.text);
    }
    let long = "x".repeat(3000);
    for reason in ["", "   ", &long] {
        for word in ["refuse", "revoke"] {
            let path = format!("/travel/{id}/{word}");
            let refused = step(&office, &mut approver, &path, &[("reason", reason)]).await;
            assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{word} {}", refused.text);
        }
        let path = format!("/travel/{id}/lost");
        let refused = step(&office, &mut clerk, &path, &[("reason", reason)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "lost: {}", refused.text);
    }
    // A message of another journey, through the address of this one.
    let store = office.admin.store();
    let other = granted(&office, &mut clerk, "Thailand").await;
    let notices = store.notices_of(&crate::policy::ExemptionId::new(&other)).await.unwrap();
    let (now, later) = (clock::now(), clock::now() + SignedDuration::from_secs(60));
    let ours = store.claim_notice(&notices[0], now, later).await.unwrap().unwrap();
    assert!(store.end_notice(&ours, NoticeState::Failed, Some("no"), now).await.unwrap());
    for (journey, status) in [(&id, StatusCode::NOT_FOUND), (&other, StatusCode::SEE_OTHER)] {
        let path = format!("/travel/{journey}/notices/{}/retry", ours.id);
        let tried = office.post(&mut clerk, &path, &[]).await;
        assert_eq!(tried.status, status, "{}", tried.text);
    }
}

#[tokio::test]
async fn what_does_not_fit_its_place_is_not_kept() {
    let office = Office::open().await;
    let mut everything = office.signed_in("alt.muligt").await;
    let many: String = (0..201).map(|number| format!("person{number}\n")).collect();
    let breach = |persons: &str, from: &str| {
        [
            ("title", "Tyveri".to_owned()),
            ("occurred_from", from.to_owned()),
            ("occurred_until", "2026-01-02".to_owned()),
            ("discovered", "2026-01-03".to_owned()),
            ("persons", persons.to_owned()),
        ]
    };
    let text = |fields: &[(&'static str, String)]| {
        fields.iter().map(|(name, value)| (*name, value.clone())).collect::<Vec<_>>()
    };
    for fields in
        [breach(&many, "2026-01-01"), breach("", "2026-01-02"), breach("a b\u{7}", "2026-01-01")]
    {
        let fields = text(&fields);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let refused = office.post(&mut everything, "/breach", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    let good = text(&breach("anna.holm", "2026-01-01"));
    let good: Vec<(&str, &str)> = good.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let opened = office.post(&mut everything, "/breach", &good).await;
    let file = opened.location().to_owned();
    for fields in [
        vec![("what", "reported"), ("reported", "2026-01-02")],
        vec![("what", "persons"), ("persons", &many)],
        vec![("what", "note"), ("note", "")],
    ] {
        let refused = office.post(&mut everything, &file, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields:?}");
    }
    let rows = format!(
        "person;lande;fra;til;systemer;formål;sagsnummer\n{}",
        format!("ingen;Kina;{};{};kilden;x;1\n", day(0), day(1)).repeat(201)
    );
    let refused = office.post(&mut everything, "/travel/import", &[("rows", &rows)]).await;
    assert!(refused.text.contains("201 rækker"), "{}", refused.text);
    let long = "Kina\n".repeat(60_000);
    for path in ["/list/import", "/list/compare"] {
        let refused = office.post(&mut everything, path, &[("text", &long)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
    }
    let query = format!("user={}", "x".repeat(2000));
    for (name, query) in [("x\u{7}", "country=CN"), ("lang", &query), ("", "country=CN")] {
        let fields = [("name", name), ("query", query)];
        let refused = office.post(&mut everything, "/log/saved", &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{name:?}");
    }
    let ahead =
        format!("/report?quarter={}-Q1", 2 + clock::now().to_zoned(jiff::tz::TimeZone::UTC).year());
    assert_eq!(office.get(&mut everything, &ahead).await.status, StatusCode::NOT_FOUND);
    let would = "/would?address=1.0.1.1&site=kilden&path=kilden";
    let refused = office.get(&mut everything, would).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let elsewhere = "/would?address=1.0.1.1&site=egedal-web";
    let refused = office.get(&mut everything, elsewhere).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let system = [("name", "Løn"), ("operator", "KMD"), ("rule", "unknown")];
    let made = office.post(&mut everything, "/systems/new", &system).await;
    let place = made.location().split('?').next().unwrap().to_owned();
    for what in ["change", "remove"] {
        let refused = office.post(&mut everything, &format!("{place}/{what}"), &system).await;
        assert_eq!(refused.status, StatusCode::PRECONDITION_FAILED, "{what}");
    }
}

#[tokio::test]
async fn whoever_only_watches_is_shown_no_log_and_a_password_is_needed_to_be_anybody() {
    let office = Office::open().await;
    let mut dorte = office.signed_in("dorte.krogh").await;
    let page = office.get(&mut dorte, "/log").await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/review"));
    let mut nobody = Browser::default();
    let refused = office.password(&mut nobody, "dorte.krogh", &format!("{PASSWORD} ")).await;
    assert_eq!((refused.status, nobody.cookie(COOKIE)), (StatusCode::UNAUTHORIZED, None));
}

#[tokio::test]
async fn the_systems_of_others_are_offered_nowhere() {
    let office = Office::open().await;
    let mut everything = office.signed_in("alt.muligt").await;
    for path in ["/log", "/travel", "/travel/new", "/travel/apply", "/own/apply", "/would", "/"] {
        let page = office.get(&mut everything, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.text.contains("egedal"), "{path}: {}", page.text);
        let offers = !["/", "/travel"].contains(&path);
        assert!(!offers || page.text.contains("kilden"), "{path}: {}", page.text);
    }
}
