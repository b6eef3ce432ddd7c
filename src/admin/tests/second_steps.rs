//! The second step of signing in: a code or a passkey, set up, shown, and taken away.

use axum::body::Body;
use http::{Request, StatusCode};
use totp_rs::{Builder, Secret};

use super::guards::{actor, ballerup, key, person};
use crate::admin::fixture::{Answered, Browser, Office};
use crate::clock;
use crate::identifier::ProviderId;
use crate::policy::{Person, UserName};
use crate::store::{FactorKind, SecondFactorRecord};

fn secret(page: &Answered) -> String {
    let rest = page.text.split_once("class=\"secret\">").expect("a secret").1;
    rest.split('<').next().unwrap().to_owned()
}

fn code(secret: &str) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(clock::now().as_second()).unwrap()).to_string()
}

#[tokio::test]
async fn the_second_step_takes_only_its_own_form_and_leads_nowhere_else() {
    let office = Office::with("").await;
    let mut browser = office.signed_in("anna.holm").await;
    let page = office.get(&mut browser, "/").await;
    let (csrf, secret) = (page.field("csrf"), secret(&page));
    let fields = |csrf: &'static str, code: &str| {
        [
            ("csrf", csrf.to_owned()),
            ("code", code.to_owned()),
            ("next", "//evil.example".to_owned()),
        ]
    };
    let sent = async |browser: &mut Browser, path: &str, fields: [(&str, String); 3]| {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        office.send(browser, path, &fields).await
    };
    for path in ["/sign-in/code", "/sign-in/start-over"] {
        for forged in ["", "0000"] {
            let answered = sent(&mut browser, path, fields(forged, &code(&secret))).await;
            assert_eq!(answered.status, StatusCode::FORBIDDEN, "{path} {forged}");
        }
    }
    for path in ["/sign-in/passkey/challenge", "/sign-in/passkey/answer"] {
        let answered = sent(&mut browser, path, fields("", "")).await;
        assert_eq!(answered.status, StatusCode::FORBIDDEN, "{path}");
    }
    let mut right = fields("", &code(&secret));
    right[0].1.clone_from(&csrf);
    let answered = sent(&mut browser, "/sign-in/code", right).await;
    assert_eq!((answered.status, answered.location()), (StatusCode::SEE_OTHER, "/"));
    for next in ["//evil.example", "/\\evil.example", "https://evil.example", "/%09/x"] {
        let query = url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>();
        let answered = office.get(&mut browser, &format!("/sign-in?next={query}")).await;
        let expected = if next == "/%09/x" { next } else { "/" };
        assert_eq!((answered.status, answered.location()), (StatusCode::SEE_OTHER, expected));
    }
    let answered = office.get(&mut browser, "/sign-in?next=/%09/evil.example").await;
    assert_eq!(answered.location(), "/", "a browser leaves a tab out");
}

#[tokio::test]
async fn a_secret_that_was_shown_before_the_owner_set_one_up_is_worth_nothing_after() {
    let office = Office::with("").await;
    // Somebody who knows the password has come as far as the picture.
    let mut thief = office.signed_in("anna.holm").await;
    let seen = secret(&office.get(&mut thief, "/").await);
    let mut owner = office.signed_in("anna.holm").await;
    let page = office.get(&mut owner, "/").await;
    let own = secret(&page);
    assert_ne!(seen, own);
    let show = async |browser: &mut Browser, secret: &str| {
        let csrf = office.get(browser, "/").await.field("csrf");
        let fields = [("csrf", csrf), ("code", code(secret))];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        office.send(browser, "/sign-in/code", &fields).await.status
    };
    assert_eq!(show(&mut owner, &own).await, StatusCode::SEE_OTHER);
    assert_eq!(show(&mut thief, &seen).await, StatusCode::UNAUTHORIZED);
    assert!(!office.get(&mut thief, "/").await.text.contains("<svg"));
    let who = person(&office, &owner).await;
    assert_eq!(office.admin.store().second_factors(&who).await.unwrap().len(), 1);
}

/// What a session waits for.
async fn pending(office: &Office, browser: &Browser) -> Option<String> {
    office.admin.store().admin_session(&key(browser)).await.unwrap().unwrap().pending
}

#[tokio::test]
async fn a_passkeys_challenge_counts_once_and_answers_are_counted() {
    let office = Office::with("").await;
    let mut browser = office.signed_in("anna.holm").await;
    let csrf = office.get(&mut browser, "/").await.field("csrf");
    let call = async |browser: &Browser, path: &str, csrf: &str| {
        let request = Request::post(path).header("X-CSRF-Token", csrf);
        office.ask(&mut browser.clone(), request.body(Body::from("{}")).unwrap()).await.status
    };
    for number in 0..10 {
        let asked = call(&browser, "/sign-in/passkey/challenge", &csrf).await;
        assert_eq!(asked, StatusCode::OK, "{number}");
        assert!(pending(&office, &browser).await.unwrap().contains("registration"));
        let answered = call(&browser, "/sign-in/passkey/answer", &csrf).await;
        assert_eq!(answered, StatusCode::FORBIDDEN, "{number}");
        let left = pending(&office, &browser).await.unwrap_or_default();
        assert!(!left.contains("registration"), "{left}");
        // Shown once more it is no answer to anything.
        assert_eq!(call(&browser, "/sign-in/passkey/answer", &csrf).await, StatusCode::FORBIDDEN);
    }
    call(&browser, "/sign-in/passkey/challenge", &csrf).await;
    let answered = call(&browser, "/sign-in/passkey/answer", &csrf).await;
    assert_eq!(answered, StatusCode::TOO_MANY_REQUESTS);
    // Whoever has a code set up makes no passkey before it is shown.
    let mut other = office.signed_in("sofie.lind").await;
    let page = office.get(&mut other, "/").await;
    let shown = [("csrf", page.field("csrf")), ("code", code(&secret(&page)))];
    let shown: Vec<(&str, &str)> = shown.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let entered = office.send(&mut other, "/sign-in/code", &shown).await;
    assert_eq!(entered.status, StatusCode::SEE_OTHER, "{}", entered.text);
    let mut again = office.signed_in("sofie.lind").await;
    let csrf = office.get(&mut again, "/").await.field("csrf");
    let asked = call(&again, "/sign-in/passkey/challenge", &csrf).await;
    assert_eq!(asked, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_second_factor_is_taken_away_by_its_owner_and_the_last_one_by_nobody() {
    let office = Office::with("").await;
    let store = office.admin.store();
    let enter = async |name: &str, factor: Option<&str>| {
        let mut browser = office.signed_in(name).await;
        let page = office.get(&mut browser, "/").await;
        let secret = factor.map_or_else(|| secret(&page), str::to_owned);
        let fields = [("csrf", page.field("csrf")), ("code", code(&secret))];
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let answered = office.send(&mut browser, "/sign-in/code", &fields).await;
        assert_eq!(answered.status, StatusCode::SEE_OTHER, "{}", answered.text);
        browser
    };
    let mut anna = enter("anna.holm", None).await;
    let who = person(&office, &anna).await;
    let first = store.second_factors(&who).await.unwrap().remove(0).id;
    let remove = |id: &str| format!("/account/factors/{id}/remove");
    let refused = office.post(&mut anna, &remove(&first), &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    let further = |label: &str| SecondFactorRecord {
        id: uuid::Uuid::now_v7().to_string(),
        kind: FactorKind::Totp,
        label: label.to_owned(),
        secret: "sealed".to_owned(),
        last_step: 0,
        created: clock::now(),
        used: None,
    };
    let name = UserName::parse("anna.holm").unwrap();
    let (second, theirs) = (further("To"), further("Hendes"));
    store.add_second_factor(&who, &name, &second, &actor()).await.unwrap();
    let local = ProviderId::parse("local").unwrap();
    let other = Person::new(ballerup(), local, "somebody");
    store.add_second_factor(&other, &name, &theirs, &actor()).await.unwrap();
    let refused = office.post(&mut anna, &remove(&theirs.id), &[]).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    assert_eq!(store.second_factors(&other).await.unwrap().len(), 1);
    // Somewhere else she is signed in too.
    let mut session = store.admin_session(&key(&anna)).await.unwrap().unwrap();
    "elsewhere".clone_into(&mut session.token);
    store.begin_admin_session(&session, &who, None).await.unwrap();
    let removed = office.post(&mut anna, &remove(&second.id), &[]).await;
    assert_eq!(removed.status, StatusCode::SEE_OTHER, "{}", removed.text);
    assert!(store.admin_session("elsewhere").await.unwrap().is_none());
    assert_eq!(office.get(&mut anna, "/account").await.status, StatusCode::OK);
}
