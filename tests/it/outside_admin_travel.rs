//! The pages about journeys in a real Chromium: each flow, on a phone and on a desk, in both
//! languages; and what axe-core says of the pages.

use std::net::SocketAddr;

use crate::support::browser::Browser;
use crate::support::gateway::{Gateway, configuration, eventually, repository};
use crate::support::outside::{command, npm_packages};

const PASSWORD: &str = "en lang adgangskode 42";

fn running() -> Gateway {
    let roles = "identity_providers: [local]\n    roles: {case_officer: [kirsten.vang], approver: [mads.bro]}";
    let text = configuration(
        "http://127.0.0.1:9",
        "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\nnotices: {smtp: {host: 127.0.0.1, security: none}, sender: rejser@example.dk}\n",
    )
    .replacen("identity_providers: [local]", roles, 1)
    .replace("two_approvers: [RU, CN]", "two_approvers: [RU, CN], lead_days: 0, emergency: {sites: [kilden]}");
    let gateway = Gateway::start(&text);
    for name in ["anna.holm", "kirsten.vang", "mads.bro"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    gateway
}

/// Signs in; the address of the administration.
fn sign_in(browser: &Browser, to: SocketAddr, name: &str) -> String {
    let url = format!("http://{to}");
    browser.open(&format!("{url}/sign-in"));
    browser.write("#name", name);
    browser.write("#password", PASSWORD);
    browser.follow("main button[type=submit]");
    eventually("the visitor is in", || !browser.address().contains("/sign-in"));
    url
}

/// Fills a field whatever keyboard the browser has: a date is typed otherwise in each language.
fn set(browser: &Browser, id: &str, value: &str) {
    browser.script(&format!("document.getElementById({id:?}).value = {value:?}"));
}

fn day(ahead: i64) -> String {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * ahead);
    now.to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap()).date().to_string()
}

/// The clerk's page from the empty form to the receipt, in at most a minute's worth of fields.
fn grant(browser: &Browser, url: &str, country: &str) -> String {
    browser.open(&format!("{url}/travel/new"));
    browser.write("#who", "anna.holm");
    browser.write("#places-1", country);
    set(browser, "from-1", &day(0));
    set(browser, "until-1", &day(6));
    browser.click("input[name=site][value=kilden]");
    browser.write("#purpose", "Venskabsby");
    browser.write("#case", "26/1234");
    browser.write("#mail", "anna@example.net");
    browser.follow("button[value=check]");
    assert!(browser.source().contains("26/1234"), "{}", browser.source());
    assert!(!browser.text(".letter").is_empty());
    browser.follow("button[value=confirm]");
    eventually("the receipt is there", || browser.address().contains("?done="));
    browser.address().split('?').next().unwrap().to_owned()
}

fn clerks_and_travellers(browser: &Browser, language: &str, name: &str) {
    let gateway = running();
    let to = gateway.address("admin");
    let (china, closed, awaits) = match language {
        "da" => ("Kina", "Afsluttet", "Afventer en anden person"),
        _ => ("China", "Closed", "Awaits another person"),
    };
    let url = sign_in(browser, to, "kirsten.vang");
    let journey = grant(browser, &url, china);
    assert!(browser.text("main").contains(awaits), "{}", browser.text("main"));
    browser.keep_picture(&format!("travel-journey-{name}"));
    for (page, path) in
        [("list", "/travel"), ("calendar", "/travel/calendar"), ("new", "/travel/new")]
    {
        browser.open(&format!("{url}{path}"));
        browser.keep_picture(&format!("travel-{page}-{name}"));
    }
    browser.follow(".account button[type=submit]");

    sign_in(browser, to, "mads.bro");
    browser.open(&format!("{journey}/approve"));
    browser.follow("main button[type=submit]");
    eventually("it is approved", || browser.address().ends_with("?done=approved-link"));
    browser.follow(".account button[type=submit]");

    sign_in(browser, to, "anna.holm");
    browser.open(&format!("{url}/own"));
    assert!(browser.text(".card h2").contains(china), "{}", browser.source());
    browser.keep_picture(&format!("own-list-{name}"));
    browser.follow(".card a.button");
    browser.keep_picture(&format!("own-journey-{name}"));
    browser.follow("a[href$='/home']");
    browser.follow("main button[type=submit]");
    eventually("it is closed", || browser.address().ends_with("?done=closed"));
    assert!(browser.text(".state").contains(closed), "{}", browser.text("main"));
    browser.open(&format!("{url}/own/log"));
    assert_eq!(browser.script("return document.querySelectorAll('h1').length"), 1);
}

#[test]
fn outside_a_journey_on_a_phone_in_danish() {
    clerks_and_travellers(&Browser::start("da"), "da", "phone-da");
}

#[test]
fn outside_a_journey_on_a_desk_in_english() {
    clerks_and_travellers(&Browser::start_on_a_desk("en"), "en", "desk-en");
}

#[test]
fn outside_axe_finds_nothing_on_the_pages_about_journeys() {
    npm_packages("accessibility");
    let gateway = running();
    let to = gateway.address("admin");
    let browser = Browser::start("da");
    let url = sign_in(&browser, to, "kirsten.vang");
    let journey = grant(&browser, &url, "Thailand");
    let clerk = [
        "/travel",
        "/travel/calendar",
        "/travel/new",
        "/travel/apply",
        "/travel/emergency",
        "/travel/emergency?reference=K7QX",
        "/travel/import",
    ];
    let mut urls: Vec<String> = clerk.iter().map(|path| format!("{url}{path}")).collect();
    urls.extend(
        ["", "/revoke", "/close", "/extend", "/contact", "/lost"].map(|p| format!("{journey}{p}")),
    );
    urls.extend(["/travel", "/travel/new"].map(|path| format!("{url}{path}?sprog=en")));
    axe(&browser, &urls);
    browser.follow(".account button[type=submit]");
    sign_in(&browser, to, "anna.holm");
    let id = journey.rsplit('/').next().unwrap();
    let own = [
        "/own".to_owned(),
        "/own/apply".into(),
        "/own/lost".into(),
        "/own/log".into(),
        format!("/own/{id}"),
        format!("/own/{id}/home"),
    ];
    let urls: Vec<String> = own.iter().map(|path| format!("{url}{path}")).collect();
    axe(&browser, &urls);
}

/// Runs the check as whoever the browser is signed in as.
fn axe(browser: &Browser, urls: &[String]) {
    let cookies = browser.cookies();
    let session = cookies.iter().find(|one| one["name"] == "geovagt-admin").expect("a session");
    let session = format!("geovagt-admin={}", session["value"].as_str().unwrap());
    let script = repository().join("tests/accessibility/check.mjs");
    let output = command("node").arg(script).args(urls).env("COOKIE", session).output();
    let output = output.unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{found}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(found.contains(": 0 findings"), "{found}");
}
