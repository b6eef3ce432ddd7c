//! Tokens of programs.

use axum::body::Body;
use http::{Method, Request, StatusCode};

use crate::admin::fixture::{Answered, Browser, Office};
use crate::clock;
use crate::identifier::OrganizationId;
use crate::policy::{Actor, UserName};

async fn make(office: &Office, browser: &mut Browser, role: &str, scope: &str) -> Answered {
    let fields = [("label", "Journal"), ("scope", scope), ("role", role), ("days", "30")];
    office.post(browser, "/system/tokens", &fields).await
}

fn secret(page: &Answered) -> String {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    page.text.split_once("class=\"secret\">").unwrap().1.split('<').next().unwrap().to_owned()
}

async fn call(office: &Office, token: &str, method: Method, path: &str) -> Answered {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("Authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    office.ask(&mut Browser::default(), request).await
}

#[tokio::test]
async fn a_token_is_shown_once_and_acts_in_its_makers_name() {
    let office = Office::open().await;
    let mut browser = office.signed_in("sofie.lind").await;
    let token = secret(&make(&office, &mut browser, "security", "read").await);
    assert!(token.starts_with("gva_"));
    let list = office.get(&mut browser, "/system/tokens").await;
    assert!(list.text.contains("Journal") && !list.text.contains(&token));
    let session = call(&office, &token, Method::GET, "/api/v1/session").await.json();
    assert_eq!(session["name"], "sofie.lind");
    assert_eq!(session["roles"], serde_json::json!(["security"]));
    let tokens = call(&office, &token, Method::GET, "/api/v1/tokens").await;
    assert_eq!(tokens.status, StatusCode::OK);
    assert!(!tokens.text.contains(&token));
    let id = tokens.json()[0]["id"].as_str().unwrap().to_owned();
    // Reading alone.
    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(call(&office, &token, Method::DELETE, &path).await.status, StatusCode::FORBIDDEN);
    // It is for the API and opens no page.
    assert_eq!(
        call(&office, &token, Method::GET, "/account").await.status,
        StatusCode::UNAUTHORIZED
    );
    for wrong in ["", "gva_", "gva_AAAA", &token[..token.len() - 1], &token.replace("gva_", "")] {
        let answered = call(&office, wrong, Method::GET, "/api/v1/tokens").await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{wrong}");
        assert_eq!(answered.headers["content-type"], "application/problem+json");
    }
    office.post(&mut browser, &format!("/system/tokens/{id}/revoke"), &[]).await;
    assert_eq!(
        call(&office, &token, Method::GET, "/api/v1/tokens").await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_token_is_never_more_than_its_maker() {
    let office = Office::open().await;
    let mut browser = office.signed_in("sofie.lind").await;
    for role in ["approver", "nobody", ""] {
        let answered = make(&office, &mut browser, role, "write").await;
        assert_eq!(answered.status, StatusCode::UNPROCESSABLE_ENTITY, "{role}");
    }
    let token = secret(&make(&office, &mut browser, "security", "write").await);
    let good = || call(&office, &token, Method::GET, "/api/v1/tokens");
    assert_eq!(good().await.status, StatusCode::OK);
    let name = UserName::parse("sofie.lind").unwrap();
    let organization = OrganizationId::parse("ballerup").unwrap();
    let by = Actor { name: "test".to_owned(), operating_system_user: None };
    let store = office.admin.store();
    store.set_locked(&organization, &name, true, &by, clock::now()).await.unwrap();
    office.admin.authenticator().reload(clock::now()).await.unwrap();
    assert_eq!(good().await.status, StatusCode::UNAUTHORIZED, "locked with its maker");
}

#[tokio::test]
async fn the_tokens_of_others_are_not_there() {
    let office = Office::open().await;
    let mut eva = office.signed_in("eva.egedal").await;
    let token = secret(&make(&office, &mut eva, "security", "write").await);
    let egedal = OrganizationId::parse("egedal").unwrap();
    let id = office.admin.store().admin_tokens(&egedal).await.unwrap()[0].id.clone();
    let mut operator = office.signed_in("ole.drift").await;
    let path = format!("/system/tokens/{id}/revoke");
    assert_eq!(office.get(&mut operator, &path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(office.post(&mut operator, &path, &[]).await.status, StatusCode::NOT_FOUND);
    assert!(!office.get(&mut operator, "/system/tokens").await.text.contains("Journal"));
    let mut sofie = office.signed_in("sofie.lind").await;
    let own = secret(&make(&office, &mut sofie, "security", "write").await);
    assert!(office.get(&mut operator, "/system/tokens").await.text.contains("sofie.lind"));
    let mut mads = office.signed_in("mads.bro").await;
    assert!(!office.get(&mut mads, "/system/tokens").await.text.contains("sofie.lind"));
    let answered = call(&office, &own, Method::DELETE, &format!("/api/v1/tokens/{id}")).await;
    assert_eq!(answered.status, StatusCode::NOT_FOUND);
    assert_eq!(call(&office, &token, Method::GET, "/api/v1/tokens").await.status, StatusCode::OK);
}
