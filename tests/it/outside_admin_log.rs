//! The log's pages in a real browser: before axe in both languages, followed live by the script, and
//! used without one.

use crate::support::browser::Browser;
use crate::support::client::get;
use crate::support::demo::Demo;
use crate::support::desk::{Desk, administration, between, password};
use crate::support::gateway::{eventually, repository};
use crate::support::outside::{command, npm_packages};

const CHINA: &str = "1.0.1.1";

/// What the browser carries of a session.
fn session(desk: &Desk) -> String {
    let mut pairs = desk.cookie.split("; ");
    pairs.find(|pair| pair.starts_with("geovagt-admin=")).expect("a session").to_owned()
}

#[test]
fn outside_axe_finds_nothing_on_the_pages_of_the_log() {
    npm_packages("accessibility");
    let demo = Demo::start();
    let desk = Desk::of(&demo, "sofie.lind");
    for number in 1..4 {
        let from = format!("1.0.{number}.1");
        assert_eq!(get(demo.web(), "127.0.0.1", "/").from(&from).send().status, 403);
    }
    let opened = desk.post(
        "/breach",
        "title=Forkert&occurred_from=2026-01-01T08:00&occurred_until=2026-01-02T08:00&discovered=2026-01-02T09:00&persons=",
    );
    let breach = opened.header("location").expect("a breach file").to_owned();
    let mut entry = String::new();
    eventually("an entry is found", || {
        let page = desk.get("/log?action=denied&span=1h").text();
        entry = between(&page, "href=\"/log/entry/", "\"").unwrap_or_default().to_owned();
        !entry.is_empty()
    });
    let entry = format!("/log/entry/{entry}");
    let pages = [
        "/log?span=24h",
        "/log?span=24h&sprog=en",
        "/log?since=x&country=Kinax&sprog=da",
        "/log/charts?span=24h",
        "/log/charts?span=30d&sprog=en",
        "/log/live",
        entry.as_str(),
        "/review?sprog=da",
        "/review/looked",
        "/review/planned?sprog=en",
        "/breach?sprog=da",
        breach.as_str(),
    ];
    let urls = pages.map(|page| format!("http://{}{page}", desk.at));
    let script = repository().join("tests/accessibility/check.mjs");
    let output =
        command("node").arg(script).args(&urls).env("COOKIE", session(&desk)).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && found.contains(": 0 findings"), "{found}");
}

fn sign_in(browser: &Browser, demo: &Demo, name: &str, path: &str) {
    browser.open(&format!("http://{}{path}", administration(demo)));
    browser.write("#name", name);
    browser.write("#password", password(demo, name));
    browser.follow("main form button[type=submit]");
    eventually("signed in", || browser.source().contains("/sign-out"));
}

/// The text of what is there at this moment, also while another page comes.
fn shown(browser: &Browser, selector: &str) -> String {
    let script = format!("return (document.querySelector({selector:?}) || {{}}).innerText || ''");
    browser.script(&script).as_str().unwrap_or_default().to_owned()
}

#[test]
fn outside_browser_answers_a_reviewers_questions() {
    let demo = Demo::start();
    let answer = get(demo.web(), "127.0.0.1", "/").from(CHINA).send();
    let reference = answer.header("geovagt-reference").expect("a reference").to_owned();
    let browser = Browser::start("da-DK");
    sign_in(&browser, &demo, "sofie.lind", "/review");
    for number in 1..=5 {
        browser.open(&format!("http://{}/review", administration(&demo)));
        let link = format!(".cards section:nth-of-type({number}) h2 a");
        let question = browser.text(&link);
        browser.follow(&link);
        eventually("the answer is there", || {
            let title = shown(&browser, "h1");
            !title.is_empty() && title != "Gennemgang af loggen"
        });
        assert!(!question.is_empty() && !shown(&browser, "main").is_empty());
    }
    browser.open(&format!("http://{}/review", administration(&demo)));
    browser.write("#find-reference", &reference);
    browser.follow(".finder button");
    eventually("the entry is found", || {
        shown(&browser, "main").contains("Hvorfor blev det sådan?")
    });
    assert!(shown(&browser, "main").contains("Kina står på listen"));
    browser.keep_picture("log-entry");
}
