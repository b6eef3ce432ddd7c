//! A real browser in front of the demo: rejected in China, signed in from Thailand, and sent away
//! when the exemption is revoked.

use std::net::SocketAddr;

use crate::support::browser::Browser;
use crate::support::client::get;
use crate::support::demo::Demo;
use crate::support::gateway::eventually;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

fn url(front: SocketAddr, path: &str) -> String {
    format!("http://{front}{path}")
}

/// Fills in the form that the browser shows.
fn sign_in(browser: &Browser, name: &str, password: &str) {
    browser.write("#name", name);
    browser.write("#password", password);
    browser.follow("form button[type=submit]");
    // The click comes back before a slow machine has the answer: the form is gone when it is there.
    eventually("the form was answered", || {
        browser.script("return document.readyState === 'complete' && !document.forms.length")
            == true
    });
}

#[test]
fn outside_browser_shows_the_rejection_page_in_china() {
    let demo = Demo::start();
    let front = demo.front("China");
    for (language, tag, heading, country) in [
        ("da-DK", "da", "Du kan ikke få adgang herfra", "Kina"),
        ("en-GB", "en", "You cannot get access from here", "China"),
    ] {
        let browser = Browser::start(language);
        browser.open(&url(front, "/"));
        assert_eq!(browser.text("h1"), heading);
        let main = browser.text("main");
        assert!(main.contains(country) && main.contains("Ballerup Kommune"), "{main}");
        assert_eq!(browser.script("return document.documentElement.lang"), tag);
        let reference = browser.text(".code");
        assert!(reference.len() == 9 && reference.contains('-'), "{reference}");
        assert!(browser.source().contains("href=\"tel:"), "the number dials");
        let width = "return document.documentElement.scrollWidth - window.innerWidth";
        assert!(browser.script(width).as_i64().unwrap() <= 0, "scrolls sideways");
        assert_eq!(browser.script("return performance.getEntriesByType('resource').length"), 0);
        assert!(browser.picture().starts_with(PNG));
        browser.keep_picture(&format!("rejection-{tag}"));
        assert!(browser.cookies().is_empty(), "{:?}", browser.cookies());
        eventually("the reference leads to the entry", || {
            let found = demo.command(&["audit", "search", "--json", "--reference", &reference]);
            found.contains("country_listed")
        });
    }
    // A form is neither there nor found by its address.
    let browser = Browser::start("da-DK");
    browser.open(&url(front, "/.geovagt/sign-in"));
    assert!(!browser.source().contains("<form"));
}

#[test]
fn outside_browser_lets_the_traveller_in_until_the_exemption_is_revoked() {
    let demo = Demo::start();
    let front = demo.front("Thailand");
    let (name, password) = demo.traveller();
    let browser = Browser::start("da-DK");

    browser.open(&url(front, "/?side=2"));
    assert!(browser.address().starts_with(&url(front, "/.geovagt/sign-in")));
    assert_eq!(browser.text("h1"), "Log ind");
    browser.keep_picture("sign-in");
    sign_in(&browser, &name, &password);
    assert_eq!(browser.address(), url(front, "/?side=2"));
    let intranet = browser.text("body");
    assert!(intranet.contains(&name), "the intranet knows who it is: {intranet}");
    browser.keep_picture("intranet");
    let cookies = browser.cookies();
    assert!(cookies.iter().any(|cookie| cookie["name"] == "geovagt"), "{cookies:?}");
    assert!(cookies.iter().all(|cookie| cookie["httpOnly"] == true), "{cookies:?}");
    assert_eq!(browser.script("return document.cookie"), "");

    let active = demo.command(&["exemption", "list", "--json", "--state", "active"]);
    let active: serde_json::Value = serde_json::from_str(&active).unwrap();
    let id = active[0]["id"].as_str().expect("the demo's exemption");
    demo.command(&["exemption", "revoke", id, "--reason", "Rejsen er aflyst"]);
    eventually("the browser is rejected", || {
        browser.open(&url(front, "/"));
        browser.text("h1") == "Du kan ikke få adgang herfra"
    });
    browser.open(&url(front, "/.geovagt/sign-in"));
    assert!(!browser.source().contains("<form"), "the door is shut for everybody");
}

#[test]
fn outside_browser_learns_nothing_from_a_wrong_password() {
    let demo = Demo::start();
    let front = demo.front("Thailand");
    let (name, _) = demo.traveller();
    let seen = [name.as_str(), "bo.lund", "ingen.saadan"].map(|claimed| {
        let browser = Browser::start("da-DK");
        browser.open(&url(front, "/"));
        sign_in(&browser, claimed, "ikke adgangskoden");
        let reference = browser.text(".code");
        let page = browser.text("body").replace(&reference, "REFERENCE");
        let spelled = browser.script("return document.querySelector('.code').ariaLabel");
        assert!(!browser.cookies().iter().any(|cookie| cookie["name"] == "geovagt"));
        assert!(spelled.is_string());
        (browser.address(), browser.text("h1"), page.lines().next().map(str::to_owned))
    });
    assert!(seen[0] == seen[1] && seen[1] == seen[2], "{seen:#?}");
    let front_page = get(front, &front.to_string(), "/").browser().send();
    assert_eq!(front_page.status, 303, "strangers' failures do not lock the door");
}
