//! How a session begins and everything that ends it.

use http::{StatusCode, header};
use jiff::SignedDuration;
use totp_rs::{Builder, Secret};

use crate::admin::fixture::{Answered, Browser, Office, PASSWORD, configuration};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::policy::{Actor, UserName};

const COOKIE: &str = "geovagt-admin";

fn actor() -> Actor {
    Actor { name: "test".to_owned(), operating_system_user: None }
}

fn ballerup() -> OrganizationId {
    OrganizationId::parse("ballerup").unwrap()
}

async fn is_in(office: &Office, browser: &Browser) -> bool {
    office.get(&mut browser.clone(), "/account").await.status == StatusCode::OK
}

#[tokio::test]
async fn a_session_is_never_one_that_was_brought_along() {
    let office = Office::open().await;
    let mut browser = Browser::default();
    browser.cookies.push((COOKIE.to_owned(), "A".repeat(43)));
    office.password(&mut browser, "anna.holm", PASSWORD).await;
    let first = browser.cookie(COOKIE).unwrap().to_owned();
    assert_ne!(first, "A".repeat(43));
    assert!(is_in(&office, &browser).await);
    let early = browser.clone();
    // Signing in once more ends what was there before.
    browser.cookies.retain(|(name, _)| name != COOKIE);
    let page = office.get(&mut browser.clone(), "/sign-in").await;
    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    let mut again = Browser { cookies: browser.cookies.clone() };
    let csrf = office.get(&mut again, "/sign-in").await.field("csrf");
    again.cookies.push((COOKIE.to_owned(), first.clone()));
    let fields = [
        ("csrf", csrf.as_str()),
        ("organization", "ballerup"),
        ("name", "anna.holm"),
        ("password", PASSWORD),
    ];
    office.send(&mut again, "/sign-in", &fields).await;
    assert_ne!(again.cookie(COOKIE).unwrap(), first);
    assert!(is_in(&office, &again).await && !is_in(&office, &early).await);
}

#[tokio::test]
async fn a_session_ends_by_signing_out_by_lock_and_by_another_role() {
    let office = Office::open().await;
    let store = office.admin.store();
    let (one, two) = (office.signed_in("sofie.lind").await, office.signed_in("sofie.lind").await);
    let mut leaving = one.clone();
    let answered = office.post(&mut leaving, "/sign-out", &[]).await;
    assert_eq!(answered.location(), "/sign-in");
    assert_eq!(leaving.cookie(COOKIE), None);
    assert!(!is_in(&office, &one).await, "the token itself has ended");
    assert!(is_in(&office, &two).await);
    let name = UserName::parse("sofie.lind").unwrap();
    store.set_locked(&ballerup(), &name, true, &actor(), clock::now()).await.unwrap();
    office.admin.authenticator().reload(clock::now()).await.unwrap();
    assert!(!is_in(&office, &two).await);
    let clerk = office.signed_in("kirsten.vang").await;
    let approver = office.signed_in("mads.bro").await;
    office.reload(&configuration(", second_factor: off").replace("[kirsten.vang, ", "["));
    assert!(!is_in(&office, &clerk).await, "whoever is something else signs in anew");
    assert!(is_in(&office, &approver).await);
}

#[tokio::test]
async fn a_session_ends_with_everything_of_the_persons_and_by_its_age() {
    let office = Office::open().await;
    let store = office.admin.store();
    let browser = office.signed_in("anna.holm").await;
    let digest = crate::admin::access::digest(browser.cookie(COOKIE).unwrap());
    let mut session = store.admin_session(&digest).await.unwrap().unwrap();
    let proof = crate::identity::Remembered::read(&session.proof).unwrap();
    let person = proof.person().unwrap();
    let now = clock::now();
    for (used, ends, lasts) in [
        (now - SignedDuration::from_mins(29), now + SignedDuration::from_mins(1), true),
        (now - SignedDuration::from_mins(32), now + SignedDuration::from_hours(1), false),
        (now, now - SignedDuration::from_secs(1), false),
    ] {
        (session.used, session.ends) = (used, ends);
        store.begin_admin_session(&session, &person, Some(&digest)).await.unwrap();
        assert_eq!(is_in(&office, &browser).await, lasts, "{used} {ends}");
    }
    let browser = office.signed_in("anna.holm").await;
    let name = UserName::parse("anna.holm").unwrap();
    let later = clock::now() + SignedDuration::from_secs(1);
    store.end_person(&person, &name, "tabt telefon", &actor(), later).await.unwrap();
    office.admin.authenticator().reload(later).await.unwrap();
    assert!(!is_in(&office, &browser).await);
}

#[tokio::test]
async fn whatever_is_wrong_with_a_sign_in_the_answer_is_the_same() {
    let office = Office::open().await;
    let name = UserName::parse("bo.lund").unwrap();
    let mut seen = Vec::new();
    office
        .admin
        .store()
        .set_locked(
            &ballerup(),
            &UserName::parse("mads.bro").unwrap(),
            true,
            &actor(),
            clock::now(),
        )
        .await
        .unwrap();
    office.admin.authenticator().reload(clock::now()).await.unwrap();
    for (claimed, password) in [
        ("anna.holm", "forkert"),
        (name.as_str(), PASSWORD),
        ("mads.bro", PASSWORD),
        ("eva.egedal", "x"),
    ] {
        let mut browser = Browser::default();
        let answered = office.password(&mut browser, claimed, password).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
        assert_eq!(browser.cookie(COOKIE), None);
        let csrf = answered.field("csrf");
        let text = answered.text.replace(&csrf, "").replace(claimed, "");
        let text = text.replace(" selected", "");
        seen.push(text);
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]), "{seen:#?}");
}

#[tokio::test]
async fn guessing_passwords_is_slowed_and_then_refused() {
    let office = Office::open().await;
    let mut limited = false;
    // The same limits as at the sites' doors: what they refuse shows in what the authenticator says.
    let attempt = crate::identity::Attempt {
        organization: &ballerup(),
        client: [192, 0, 2, 7].into(),
        eligible: &|_| true,
        holders: &|_| {},
        now: clock::now(),
    };
    for _ in 0..400 {
        let header = http::HeaderValue::from_static("Basic YW5uYS5ob2xtOmfDpnQ=");
        let outcome = tokio::time::timeout(
            std::time::Duration::from_millis(1),
            office.admin.authenticator().basic(attempt, &header),
        );
        if let Ok(crate::identity::Outcome::Limited) = outcome.await {
            limited = true;
            break;
        }
    }
    assert!(limited, "nobody may guess without end");
}

/// What a phone shows for a secret.
fn code(secret: &str, steps: i64) -> String {
    let secret = Secret::try_from_base32(secret.replace(' ', "")).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    let at = clock::now().as_second() + 30 * steps;
    totp.generate(u64::try_from(at).unwrap()).to_string()
}

fn secret(page: &Answered) -> String {
    let rest = page.text.split_once("class=\"secret\">").expect("a secret").1;
    rest.split('<').next().unwrap().to_owned()
}

async fn show(office: &Office, browser: &mut Browser, code: &str) -> Answered {
    let csrf = office.get(browser, "/").await.field("csrf");
    office
        .send(browser, "/sign-in/code", &[("csrf", &csrf), ("code", code), ("next", "/account")])
        .await
}

#[tokio::test]
async fn a_password_alone_is_nothing_and_no_code_counts_twice() {
    let office = Office::with("").await;
    let mut browser = office.signed_in("anna.holm").await;
    let halfway = browser.clone();
    let first = office.get(&mut browser, "/account").await;
    assert_eq!(first.status, StatusCode::UNAUTHORIZED, "halfway in is not in");
    assert!(first.text.contains("<svg"), "{}", first.text);
    let secret = secret(&first);
    assert_eq!(
        secret,
        self::secret(&office.get(&mut browser, "/").await),
        "the same until it is set up"
    );
    assert_eq!(show(&office, &mut browser, "000000").await.status, StatusCode::UNAUTHORIZED);
    let shown = code(&secret, 0);
    let answered = show(&office, &mut browser, &shown).await;
    assert_eq!(
        (answered.status, answered.location()),
        (StatusCode::SEE_OTHER, "/account"),
        "{}",
        answered.text
    );
    assert!(is_in(&office, &browser).await && !is_in(&office, &halfway).await);
    assert_ne!(browser.cookie(COOKIE), halfway.cookie(COOKIE));
    // The same code once more, in another browser that knows the password.
    let mut other = office.signed_in("anna.holm").await;
    let page = office.get(&mut other, "/").await;
    assert!(!page.text.contains("<svg"), "the secret is shown once");
    assert_eq!(show(&office, &mut other, &shown).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(show(&office, &mut other, &code(&secret, 1)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        show(&office, &mut office.signed_in("anna.holm").await, &code(&secret, 0)).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn codes_cannot_be_tried_out() {
    let office = Office::with("").await;
    let mut browser = office.signed_in("anna.holm").await;
    let secret = secret(&office.get(&mut browser, "/").await);
    assert_eq!(show(&office, &mut browser, &code(&secret, 0)).await.status, StatusCode::SEE_OTHER);
    for number in 0..10 {
        // Each in a session of its own: the person counts.
        let mut other = office.signed_in("anna.holm").await;
        let answered = show(&office, &mut other, &format!("{number:06}")).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    }
    let mut other = office.signed_in("anna.holm").await;
    let answered = show(&office, &mut other, &code(&secret, 1)).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "even the right one");
    assert!(answered.text.contains("kvarter"), "{}", answered.text);
    // Somebody else is not kept out by that.
    let mut other = office.signed_in("sofie.lind").await;
    let secret = self::secret(&office.get(&mut other, "/").await);
    assert_eq!(show(&office, &mut other, &code(&secret, 0)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_cookie_is_protected_where_the_connection_is() {
    let office = Office::open().await;
    let mut browser = Browser::default();
    let answered = office.password(&mut browser, "anna.holm", PASSWORD).await;
    let cookie = answered.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    assert!(answered.headers[header::SET_COOKIE].is_sensitive());
    assert!(crate::identity::GATEWAY_COOKIES.contains(&"__Host-geovagt-admin"));
    assert!(crate::identity::GATEWAY_COOKIES.contains(&COOKIE), "no upstream gets it");
}
