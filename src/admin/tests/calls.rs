//! Calls that are made twice.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::State;
use http::{Request, StatusCode};
use tower::ServiceExt as _;

use crate::admin::access::Connection;
use crate::admin::fixture::Office;
use crate::admin::{Admin, Answer, Refusal, Right, Routes, api, guard};

static DONE: AtomicUsize = AtomicUsize::new(0);

async fn count(State(_): State<Admin>, api::Body(body): api::Body<serde_json::Value>) -> Answer {
    if body["fail"] == true {
        return Err(Refusal::Invalid("it was asked to".to_owned()));
    }
    let number = DONE.fetch_add(1, Ordering::SeqCst) + 1;
    Ok(api::json(StatusCode::CREATED, &serde_json::json!({ "number": number })))
}

#[tokio::test]
async fn a_call_with_the_same_name_is_done_once() {
    let office = Office::open().await;
    let browser = office.signed_in("sofie.lind").await;
    let csrf = office.get(&mut browser.clone(), "/account").await.field("csrf");
    let cookie = format!("geovagt-admin={}", browser.cookie("geovagt-admin").unwrap());
    let routes = Routes::new(office.admin.clone()).post("/api/v1/count", Right::STAFF, count);
    let router = guard::around(&office.admin, routes.into_router());
    let call = |name: Option<&'static str>, body: &'static str, csrf: String| {
        let mut request = Request::post("/api/v1/count")
            .header("cookie", &cookie)
            .header("content-type", "application/json")
            .header("x-csrf-token", csrf)
            .extension(Connection { client: [127, 0, 0, 1].into(), secure: false });
        if let Some(name) = name {
            request = request.header("idempotency-key", name);
        }
        let asked = router.clone().oneshot(request.body(Body::from(body)).unwrap());
        async move {
            let response = asked.await.unwrap();
            let replayed = response.headers().contains_key("idempotency-replayed");
            let status = response.status().as_u16();
            let bytes = axum::body::to_bytes(response.into_body(), 9999).await.unwrap();
            (status, replayed, String::from_utf8(bytes.to_vec()).unwrap())
        }
    };
    let one = || csrf.clone();
    assert_eq!(call(None, "{}", String::new()).await.0, 403, "a session needs its token here too");
    let first = call(Some("a"), "{}", one()).await;
    assert_eq!(first, (201, false, "{\"number\":1}".to_owned()));
    assert_eq!(call(Some("a"), "{}", one()).await, (201, true, first.2.clone()));
    assert_eq!(call(Some("b"), "{}", one()).await.2, "{\"number\":2}");
    let other = call(Some("a"), "{\"x\":1}", one()).await;
    assert!(other.0 == 422 && other.2.contains("Idempotency-Key"), "{other:?}");
    // What was refused changed nothing, and can be tried again under the same name.
    assert_eq!(call(Some("c"), "{\"fail\":true}", one()).await.0, 422);
    assert_eq!(call(Some("c"), "{}", one()).await.2, "{\"number\":3}");
    assert_eq!(call(None, "{}", one()).await.2, "{\"number\":4}");
    assert_eq!(call(Some("d"), "{", one()).await.0, 422);
    assert_eq!(DONE.load(Ordering::SeqCst), 4);
}
