//! Every route, from the list that the router is made of.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};

use crate::admin::fixture::{Answered, Browser, Office, PEOPLE};
use crate::admin::{Right, Route, routes};
use crate::config::Role;

/// What stands for a part of a path in braces: a name that nobody has.
const NOBODY: &str = "00000000-0000-7000-8000-000000000000";
/// The only routes that answer a stranger at all.
const FOR_STRANGERS: [&str; 2] = ["/api/v1/openapi.json", "/api/v1/session"];

fn path(route: &Route) -> String {
    let part = |part: &str| if part.starts_with('{') { NOBODY.to_owned() } else { part.to_owned() };
    route.path.split('/').map(part).collect::<Vec<_>>().join("/")
}

async fn ask(office: &Office, browser: &mut Browser, route: &Route, csrf: &str) -> Answered {
    let request = Request::builder()
        .method(route.method.clone())
        .uri(path(route))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("X-CSRF-Token", csrf)
        .body(Body::from(format!("csrf={csrf}")))
        .unwrap();
    office.ask(browser, request).await
}

#[tokio::test]
async fn a_stranger_learns_of_no_route() {
    let office = Office::open().await;
    let list = routes(&office.admin);
    assert!(list.list().len() > 15, "{list:?}");
    for route in list.list() {
        let mut answered = ask(&office, &mut Browser::default(), route, "").await;
        let public = FOR_STRANGERS.contains(&route.path);
        let expected = if public { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(answered.status, expected, "{route:?}: {}", answered.text);
        // Nor of those that are not there, nor of methods that are not taken.
        for other in [Method::DELETE, Method::PUT, Method::OPTIONS] {
            let here = list.list().iter().any(|r| r.path == route.path && r.method == other);
            if !here {
                let other = Route { method: other, ..route.clone() };
                answered = ask(&office, &mut Browser::default(), &other, "").await;
                assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{other:?}");
            }
        }
    }
    for path in ["/nowhere", "/api/v1/nowhere", "/travel/x/y/z", "//", "/..", "/%2e%2e/etc/passwd"]
    {
        let answered = office.get(&mut Browser::default(), path).await;
        assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{path}");
    }
}

fn role_of(word: &str) -> Option<Role> {
    Role::from_word(word)
}

fn has(right: Right, what: &str) -> bool {
    let role = role_of(what);
    let is_of = |roles: &[Role]| what == "everything" || role.is_some_and(|r| roles.contains(&r));
    match right {
        Right::Everybody | Right::SignedIn | Right::Somebody => true,
        Right::Roles(roles) => is_of(roles),
        Right::RolesOrCentre(roles) => is_of(roles) || what == "centre",
    }
}

#[tokio::test]
async fn whoever_has_not_the_right_is_told_so_and_nothing_else() {
    let office = Office::open().await;
    let list = routes(&office.admin);
    let mut refused = 0;
    for (name, _, what) in PEOPLE {
        let browser = office.signed_in(name).await;
        let csrf = office.get(&mut browser.clone(), "/account").await.field("csrf");
        for route in list.list().iter().filter(|route| !has(route.right, what)) {
            let answered = ask(&office, &mut browser.clone(), route, &csrf).await;
            assert_eq!(answered.status, StatusCode::FORBIDDEN, "{name}: {route:?}");
            refused += 1;
        }
    }
    assert!(refused > 10, "{refused}");
}

#[tokio::test]
async fn everybody_with_the_right_gets_each_page_in_both_languages() {
    let office = Office::open().await;
    let list = routes(&office.admin);
    for (name, _, what) in PEOPLE {
        let browser = office.signed_in(name).await;
        let pages = list.list().iter().filter(|route| {
            route.method == Method::GET
                && !route.path.contains('{')
                && !route.path.starts_with("/api")
                && !route.path.starts_with("/sign-in")
                // A file and a stream without an end are no pages.
                && !["/log/export", "/log/live/events"].contains(&route.path)
                && has(route.right, what)
        });
        for route in pages {
            for (tag, other) in [("da", "In English"), ("en", "På dansk")] {
                let path = format!("{}?sprog={tag}", route.path);
                let answered = office.get(&mut browser.clone(), &path).await;
                let good = [StatusCode::OK, StatusCode::SEE_OTHER].contains(&answered.status);
                assert!(good, "{name} {path}: {} {}", answered.status, answered.text);
                if answered.status == StatusCode::OK {
                    let text = &answered.text;
                    assert!(text.contains(&format!("<html lang=\"{tag}\"")), "{path}");
                    assert!(text.contains(other), "{path}");
                    assert_eq!(text.matches("<h1>").count(), 1, "{path}");
                    assert!(!text.contains(" style=\"") && !text.contains(" onclick"), "{path}");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_description_of_the_api_tells_of_every_call() {
    let office = Office::open().await;
    let list = routes(&office.admin);
    let document = office.get(&mut Browser::default(), "/api/v1/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{document}");
    let mut described: Vec<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (path.clone(), method.to_uppercase())).collect::<Vec<_>>()
        })
        .collect();
    let calls = list.list().iter().filter(|route| route.path.starts_with("/api/"));
    let mut calls: Vec<(String, String)> =
        calls.map(|route| (route.path.to_owned(), route.method.to_string())).collect();
    described.sort();
    calls.sort();
    assert_eq!(described, calls);
}
