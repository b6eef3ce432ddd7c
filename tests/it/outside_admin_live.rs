//! The log as it is written, in a real browser: it follows, it can be held up, and it ends with the
//! session of whoever reads.

use serde_json::Value;

use crate::support::browser::Browser;
use crate::support::client::get;
use crate::support::demo::Demo;
use crate::support::desk::{Desk, administration, between, password};
use crate::support::gateway::eventually;

fn shown(browser: &Browser, selector: &str) -> String {
    let script = format!("return (document.querySelector({selector:?}) || {{}}).innerText || ''");
    browser.script(&script).as_str().unwrap_or_default().to_owned()
}

/// A stranger is rejected: gives the reference, once it can be found.
fn rejected(demo: &Demo, watcher: &Desk, from: &str) -> String {
    let answer = get(demo.web(), "127.0.0.1", "/").from(from).send();
    let reference = answer.header("geovagt-reference").expect("a rejection").to_owned();
    eventually("it is in the index", || {
        let found = watcher.get(&format!("/log/find?reference={reference}"));
        found.status == 200 || found.status == 303
    });
    reference
}

#[test]
fn outside_browser_follows_the_log_is_held_up_and_ends_with_the_session() {
    let demo = Demo::start();
    let watcher = Desk::of(&demo, "sofie.lind");
    let browser = Browser::start("da-DK");
    // Nothing of this country has happened yet: the list is empty and follows all the same.
    browser.open(&format!("http://{}/log/live?country=CN", administration(&demo)));
    browser.write("#name", "sofie.lind");
    browser.write("#password", password(&demo, "sofie.lind"));
    browser.follow("main form button[type=submit]");
    eventually("it follows", || shown(&browser, "#live-state") == "Nye poster kommer af sig selv.");
    let rows = || shown(&browser, "tbody[data-live]");
    assert!(shown(&browser, "[data-live-empty]").contains("Der er ikke sket noget"));
    let first = rejected(&demo, &watcher, "1.0.1.1");
    eventually("the entry comes by itself", || rows().contains(&first));
    assert_eq!(browser.script("return document.querySelector('[data-live-empty]')"), Value::Null);
    browser.keep_picture("log-live");

    assert_eq!(shown(&browser, "#live-pause"), "Hold pause");
    browser.click("#live-pause");
    let second = rejected(&demo, &watcher, "1.0.2.1");
    eventually("it waits", || {
        shown(&browser, "#live-state") == "På pause. Nye poster, der venter: 1"
    });
    assert!(!rows().contains(&second), "it is held up: {}", rows());
    browser.keep_picture("log-live-paused");
    browser.click("#live-pause");
    eventually("what waited is shown", || rows().contains(&second));
    assert_eq!(shown(&browser, "#live-state"), "Nye poster kommer af sig selv.");
    let third = rejected(&demo, &watcher, "1.0.3.1");
    eventually("it follows again", || rows().contains(&third));
    let (newest, oldest) = (rows().find(&third), rows().find(&first));
    assert!(newest < oldest, "the newest stands on top: {}", rows());

    // The session ends elsewhere; the page is told, and no more comes.
    let cookies = browser.cookies();
    let session = cookies.iter().find(|cookie| cookie["name"] == "geovagt-admin").unwrap();
    let cookie = format!("geovagt-admin={}", session["value"].as_str().unwrap());
    let same = Desk { at: watcher.at, cookie };
    let page = same.get("/account").text();
    assert!(between(&page, "name=\"csrf\" value=\"", "\"").is_some(), "{page}");
    assert_eq!(same.post("/sign-out", "").status, 303);
    eventually("it has ended", || {
        shown(&browser, "#live-state") == "Der kommer ikke flere af sig selv. Hent siden igen."
    });
    let hidden = "return document.querySelector('#live-pause').hidden";
    assert_eq!(browser.script(hidden), true, "nothing is left to hold up");
    let fourth = rejected(&demo, &watcher, "1.0.8.1");
    assert!(!rows().contains(&fourth), "{}", rows());
    browser.open(&format!("http://{}/log/live?country=CN", administration(&demo)));
    assert_eq!(shown(&browser, "h1"), "Log ind");
}
