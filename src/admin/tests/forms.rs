//! Forms from elsewhere, frames, and texts that want to be more.

use axum::body::Body;
use http::{Request, StatusCode, header};

use crate::admin::fixture::{Browser, Office};

/// Something that changes and can be seen: a token.
const FIELDS: &str = "label=x&scope=read&role=security&days=1";

async fn tokens(office: &Office, browser: &Browser) -> usize {
    office.get(&mut browser.clone(), "/system/tokens").await.text.matches("/revoke\"").count()
}

#[tokio::test]
async fn a_form_without_this_sessions_token_does_nothing() {
    let office = Office::open().await;
    let browser = office.signed_in("sofie.lind").await;
    let csrf = office.get(&mut browser.clone(), "/account").await.field("csrf");
    let other = office.signed_in("sofie.lind").await;
    let others = office.get(&mut other.clone(), "/account").await.field("csrf");
    assert_ne!(csrf, others);
    let form = |token: &str, headers: &[(&'static str, &str)]| {
        let body = format!("{FIELDS}&csrf={token}");
        let mut request = Request::post("/system/tokens")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::from(body)).unwrap()
    };
    for (token, headers) in [
        ("", &[][..]),
        ("0000", &[]),
        (&others, &[]),
        (&csrf, &[("sec-fetch-site", "cross-site")]),
        (&csrf, &[("sec-fetch-site", "same-site")]),
        (&csrf, &[("origin", "https://evil.example")]),
        (&csrf, &[("origin", "null")]),
    ] {
        let answered = office.ask(&mut browser.clone(), form(token, headers)).await;
        assert_eq!(answered.status, StatusCode::FORBIDDEN, "{token} {headers:?}");
        assert_eq!(tokens(&office, &browser).await, 0, "{token} {headers:?}");
    }
    for headers in
        [&[][..], &[("sec-fetch-site", "same-origin")], &[("origin", "http://localhost:9443")]]
    {
        let answered = office.ask(&mut browser.clone(), form(&csrf, headers)).await;
        assert_eq!(answered.status, StatusCode::OK, "{headers:?}: {}", answered.text);
    }
    assert_eq!(tokens(&office, &browser).await, 3);
}

#[tokio::test]
async fn the_sign_in_form_of_another_site_signs_nobody_in() {
    let office = Office::open().await;
    let mut browser = Browser::default();
    let page = office.get(&mut browser, "/sign-in").await;
    let fields = |csrf: String| {
        [
            ("csrf", csrf),
            ("organization", "ballerup".to_owned()),
            ("name", "anna.holm".to_owned()),
            ("password", crate::admin::fixture::PASSWORD.to_owned()),
        ]
    };
    let wrong = fields("x".to_owned());
    let wrong: Vec<(&str, &str)> = wrong.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let answered = office.send(&mut browser.clone(), "/sign-in", &wrong).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    assert!(
        answered
            .headers
            .get_all(header::SET_COOKIE)
            .iter()
            .all(|c| !c.to_str().unwrap().starts_with("geovagt-admin="))
    );
    let right = fields(page.field("csrf"));
    let right: Vec<(&str, &str)> = right.iter().map(|(n, v)| (*n, v.as_str())).collect();
    // The token without the cookie it belongs to is no better.
    let answered = office.send(&mut Browser::default(), "/sign-in", &right).await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED);
    assert_eq!(office.send(&mut browser, "/sign-in", &right).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_it_to_itself() {
    let office = Office::open().await;
    let mut inside = office.signed_in("ole.drift").await;
    for path in
        ["/", "/nowhere", "/account", "/system/tokens", "/api/v1/session", "/api/v1/x", "/sign-out"]
    {
        for browser in [&mut Browser::default(), &mut inside] {
            let answered = office.get(browser, path).await;
            let value = |name: &str| {
                let value = answered.headers.get(name);
                value.map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
            };
            assert_eq!(value("cache-control"), "no-store", "{path}");
            assert_eq!(value("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(value("x-frame-options"), "DENY", "{path}");
            assert_eq!(value("referrer-policy"), "same-origin", "{path}");
            let policy = value("content-security-policy");
            assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            assert!(!policy.contains("unsafe") && !policy.contains('*'), "{path}: {policy}");
        }
    }
}

#[tokio::test]
async fn what_was_sent_is_never_markup() {
    let office = Office::open().await;
    let attack = "\"><script>alert(1)</script>";
    let encoded = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E";
    let mut inside = office.signed_in("sofie.lind").await;
    for path in [
        format!("/{encoded}"),
        format!("/?next={encoded}"),
        format!("/sign-in?next=/{encoded}"),
        format!("/account?sprog={encoded}"),
        format!("/system/tokens/{encoded}/revoke"),
        format!("/api/v1/{encoded}"),
    ] {
        for browser in [&mut Browser::default(), &mut inside] {
            let answered = office.get(browser, &path).await;
            assert!(!answered.text.contains("<script>alert"), "{path}: {}", answered.text);
        }
    }
    let mut stranger = Browser::default();
    let answered = office.password(&mut stranger, attack, "x").await;
    assert!(answered.text.contains("alert(1)"), "the name is not typed again");
    assert!(!answered.text.contains("<script>alert"));
    let fields = [("label", attack), ("scope", "read"), ("role", "security"), ("days", "1")];
    office.post(&mut inside, "/system/tokens", &fields).await;
    let list = office.get(&mut inside, "/system/tokens").await;
    assert!(
        list.text.contains("alert(1)") && !list.text.contains("<script>alert"),
        "{}",
        list.text
    );
}

#[tokio::test]
async fn signing_in_leads_nowhere_else() {
    let office = Office::open().await;
    for next in
        ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
    {
        let mut browser = Browser::default();
        let csrf = office.get(&mut browser, "/sign-in").await.field("csrf");
        let fields = [
            ("csrf", csrf.as_str()),
            ("next", next),
            ("organization", "ballerup"),
            ("name", "anna.holm"),
            ("password", crate::admin::fixture::PASSWORD),
        ];
        let answered = office.send(&mut browser, "/sign-in", &fields).await;
        assert_eq!((answered.status, answered.location()), (StatusCode::SEE_OTHER, "/"), "{next}");
    }
}
