//! The door: it exists only while somebody travels, and only for them.

use crate::support::browsing::Browser;
use crate::support::client::{Answer, Request, get, post_form};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";

fn with_people() -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for name in ["anna.holm", "bo.lund", "carl.friis"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    gateway.command(&["user", "lock", "carl.friis", "--organization", "ballerup"]).expect_code(0);
    gateway.add_user("eva.egedal", "egedal", PASSWORD);
    (upstream, gateway)
}

fn from_thailand(gateway: &Gateway) -> Request {
    get(gateway.address("web"), HOST, "/").from(THAILAND)
}

fn grant_and_wait(gateway: &Gateway) -> String {
    let id = gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("the gateway sees the exemption", || from_thailand(gateway).send().status == 401);
    id
}

/// What a stranger sees, without what differs from answer to answer.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut text = answer.text();
    let mut headers = answer.headers.clone();
    if let Some(reference) = answer.header("geovagt-reference") {
        let spelled: Vec<String> =
            reference.chars().filter(|c| *c != '-').map(String::from).collect();
        for form in [reference.to_owned(), spelled.join(" "), spelled.join(", ")] {
            text = text.replace(&form, "REFERENCE");
        }
    }
    headers.retain(|(name, _)| !matches!(name.as_str(), "date" | "geovagt-reference"));
    (answer.status, headers, text)
}

#[test]
fn while_nobody_travels_there_is_no_door() {
    let (_upstream, gateway) = with_people();
    let web = gateway.address("web");
    let wall = seen(&from_thailand(&gateway).send());
    assert_eq!(wall.0, 403);
    assert_eq!(seen(&from_thailand(&gateway).basic("anna.holm", PASSWORD).send()), wall);
    assert_eq!(seen(&from_thailand(&gateway).basic("nobody", "x").send()), wall);
    let form = get(web, HOST, "/.geovagt/sign-in").from(THAILAND).send();
    assert_eq!(form.status, 403);
    assert!(!form.text().contains("password"));
    let posted = post_form(web, HOST, "/.geovagt/sign-in", "name=anna.holm&password=x")
        .from(THAILAND)
        .send();
    assert_eq!(posted.status, 403);
}

#[test]
fn the_traveller_passes_with_a_password_and_nobody_else_learns_anything() {
    let (_upstream, gateway) = with_people();
    grant_and_wait(&gateway);
    let answer = from_thailand(&gateway).basic("anna.holm", PASSWORD).send();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let upstream_saw = answer.json()["headers"].to_string();
    assert!(upstream_saw.contains("anna.holm"), "{upstream_saw}");
    assert!(!upstream_saw.to_lowercase().contains("authorization"), "{upstream_saw}");
    let wrong = seen(&from_thailand(&gateway).basic("anna.holm", "forkert").send());
    assert_eq!(wrong.0, 403);
    for (name, password) in [
        ("bo.lund", PASSWORD),
        ("carl.friis", PASSWORD),
        ("eva.egedal", PASSWORD),
        ("nobody.at.all", PASSWORD),
        ("anna.holm", ""),
    ] {
        let answer = from_thailand(&gateway).basic(name, password).send();
        assert_eq!(seen(&answer), wrong, "{name}");
    }
}

#[test]
fn the_exemption_opens_its_country_and_its_site_and_no_other() {
    let (_upstream, gateway) = with_people();
    grant_and_wait(&gateway);
    let web = gateway.address("web");
    let from = |host: &str, address: &str| {
        get(web, host, "/").from(address).basic("anna.holm", PASSWORD).send().status
    };
    assert_eq!(from(HOST, THAILAND), 200);
    assert_eq!(from(HOST, CHINA), 403);
    assert_eq!(from("mail.example.dk", THAILAND), 403);
    assert_eq!(from("www.egedal.example.dk", THAILAND), 403);
    assert_eq!(from("open.example.dk", THAILAND), 403);
    assert_eq!(from(HOST, DENMARK), 200);
}

#[test]
fn a_revoked_exemption_closes_the_door_for_the_session_too() {
    let (_upstream, gateway) = with_people();
    let id = grant_and_wait(&gateway);
    let cookie = sign_in(&gateway, THAILAND);
    let with_cookie = |address: &str| {
        get(gateway.address("web"), HOST, "/").from(address).header("Cookie", &cookie).send().status
    };
    assert_eq!(with_cookie(THAILAND), 200);
    assert_eq!(with_cookie(CHINA), 403);
    gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme igen"]).expect_code(0);
    eventually("the session no longer opens Thailand", || with_cookie(THAILAND) == 403);
    assert_eq!(with_cookie(DENMARK), 200);
    let again = gateway.command(&["exemption", "revoke", &id, "--reason", "igen"]);
    assert_eq!(again.code, 1);
}

#[test]
fn a_browser_is_led_to_the_form_and_back_to_where_it_wanted_to_go() {
    let (_upstream, gateway) = with_people();
    grant_and_wait(&gateway);
    let web = gateway.address("web");
    let led = get(web, HOST, "/sager?nr=1&x=2").from(THAILAND).browser().send();
    assert_eq!(led.status, 303);
    let to = led.header("location").unwrap();
    assert!(to.starts_with("/.geovagt/sign-in?next="), "{to}");
    let page = get(web, HOST, to).from(THAILAND).browser().send();
    assert_eq!(page.status, 200);
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let token = hidden(&page.text(), "csrf");
    let next = hidden(&page.text(), "next").replace("&amp;", "&").replace("&#38;", "&");
    assert_eq!(next, "/sager?nr=1&x=2");
    let form = format!(
        "name=anna.holm&password={}&csrf={token}&next=%2Fsager%3Fnr%3D1%26x%3D2",
        PASSWORD.replace(' ', "+")
    );
    let signed_in = post_form(web, HOST, "/.geovagt/sign-in", &form)
        .from(THAILAND)
        .header("Cookie", &cookie)
        .browser()
        .send();
    assert_eq!(signed_in.status, 303, "{}", signed_in.text());
    assert_eq!(signed_in.header("location"), Some("/sager?nr=1&x=2"));
    let session = signed_in.header("set-cookie").unwrap();
    assert!(session.contains("HttpOnly") && session.contains("SameSite=Lax"), "{session}");
    let foreign = post_form(web, HOST, "/.geovagt/sign-in", &form).from(THAILAND).browser().send();
    assert_ne!(foreign.status, 303, "a form without its cookie signs nobody in");
}

#[test]
fn a_second_person_approves_where_the_organisation_asks_for_one() {
    let (_upstream, gateway) = with_people();
    let leg = format!("CN {}", crate::support::gateway::journey());
    let grant = |by: &str| {
        gateway.command(&[
            "exemption",
            "grant",
            "--json",
            "--organization",
            "ballerup",
            "--person",
            "anna.holm",
            "--leg",
            &leg,
            "--site",
            "kilden",
            "--purpose",
            "Studietur",
            "--case",
            "24-1",
            "--demand",
            "none",
            "--by",
            by,
        ])
    };
    let id = grant("Bente Lund").expect_code(0).json()["id"].as_str().unwrap().to_owned();
    let from_china =
        || get(gateway.address("web"), HOST, "/").from(CHINA).basic("anna.holm", PASSWORD).send();
    assert_eq!(from_china().status, 403);
    let same = gateway.command(&["exemption", "approve", &id, "--by", "bente lund"]);
    assert_eq!(same.code, 1, "{}", same.err);
    gateway.command(&["exemption", "approve", &id, "--by", "Carl Friis"]).expect_code(0);
    eventually("the approved exemption counts", || from_china().status == 200);
}

#[test]
fn a_site_that_asks_everybody_knows_its_people_at_home() {
    let (_upstream, gateway) = with_people();
    let web = gateway.address("web");
    let inner = |name: &str, password: &str| {
        get(web, "inner.example.dk", "/").from(DENMARK).basic(name, password).send().status
    };
    assert_eq!(get(web, "inner.example.dk", "/").from(DENMARK).send().status, 401);
    assert_eq!(inner("bo.lund", PASSWORD), 200);
    assert_eq!(inner("bo.lund", "forkert"), 401);
    assert_eq!(inner("eva.egedal", PASSWORD), 401);
    assert_eq!(get(web, "inner.example.dk", "/").from(CHINA).send().status, 403);
}

fn hidden(page: &str, name: &str) -> String {
    let marker = format!("name=\"{name}\" value=\"");
    let start = page.find(&marker).unwrap_or_else(|| panic!("no field {name} in {page}"));
    page[start + marker.len()..].split('"').next().unwrap().to_owned()
}

/// Signs in with the form and gives the session's cookie.
fn sign_in(gateway: &Gateway, address: &str) -> String {
    let web = gateway.address("web");
    let page = get(web, HOST, "/.geovagt/sign-in").from(address).browser().send();
    assert_eq!(page.status, 200);
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let token = hidden(&page.text(), "csrf");
    let password = PASSWORD.replace(' ', "+");
    let form = format!("name=anna.holm&password={password}&csrf={token}&next=%2F");
    let answer = post_form(web, HOST, "/.geovagt/sign-in", &form)
        .from(address)
        .header("Cookie", &cookie)
        .browser()
        .send();
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

/// A whole country gets in there while one person travels: that is no reason to try its passwords.
/// What nobody may compare there may be an account's password, and does not go on either.
#[test]
fn where_people_sign_in_for_other_sites_nobodys_password_is_tried() {
    let upstream = Upstream::start();
    let login = format!(
        "sites:\n  login: {{organization: ballerup, hosts: [login.example.dk], upstream: {{servers: [\"{}\"]}}, sign_in: true}}\n",
        upstream.url()
    );
    let gateway =
        Gateway::start(&configuration(&upstream.url(), "").replacen("sites:\n", &login, 1));
    for name in ["anna.holm", "bo.lund"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    grant_and_wait(&gateway);
    let ask = |password: &str| {
        let request = get(gateway.address("web"), "login.example.dk", "/").from(THAILAND);
        let answer = request.basic("bo.lund", password).send();
        assert_eq!(answer.status, 200);
        let mut seen: Vec<serde_json::Value> = answer.json()["headers"].as_array().unwrap().clone();
        let is_login = |pair: &serde_json::Value| pair[0] == "authorization";
        assert!(!seen.iter().any(is_login), "it may be a password of ours: {seen:?}");
        seen.retain(|pair| pair[0] != "x-request-id");
        seen
    };
    assert_eq!(ask(PASSWORD), ask("another password"));
    for password in [PASSWORD, "another password"] {
        let mut browser = Browser::at(&gateway, "login.example.dk", THAILAND);
        assert_eq!(browser.try_sign_in("bo.lund", password).status, 403, "{password}");
    }
}

/// A part of a site that lets a listed country in opens no way to try passwords.
#[test]
fn a_path_that_is_open_to_all_is_no_door() {
    let upstream = Upstream::start();
    let open = "hosts: [kilden.example.dk], paths: [{path: /public/, policy: reporting}]";
    let text = configuration(&upstream.url(), "").replacen("hosts: [kilden.example.dk]", open, 1);
    let gateway = Gateway::start(&text);
    gateway.add_user("bo.lund", "ballerup", PASSWORD);
    let from_abroad = |path: &str| get(gateway.address("web"), HOST, path).from(THAILAND);
    assert_eq!(from_abroad("/public/a").send().status, 200);
    assert_eq!(from_abroad("/").send().status, 403);
    assert_eq!(from_abroad("/.geovagt/sign-in").browser().send().status, 403);
    let form = format!("name=bo.lund&password={}", PASSWORD.replace(' ', "+"));
    let posted = post_form(gateway.address("web"), HOST, "/.geovagt/sign-in", &form);
    assert_eq!(posted.from(THAILAND).browser().send().status, 403);
}
