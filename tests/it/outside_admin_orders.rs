//! Orders on the pages in a real browser and before axe, in both languages, with scripts and without;
//! and the pages that only come once somebody has sent a form.

use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::demo::Demo;
use crate::support::desk::{Desk, administration, between, encoded, password};
use crate::support::gateway::{Gateway, configuration, eventually, repository};
use crate::support::outside::{command, npm_packages};
use crate::support::upstream::Upstream;

fn checked(at: &str, cookie: &str, paths: &[&str], form: Option<&Value>) {
    npm_packages("accessibility");
    let script = repository().join("tests/accessibility/check.mjs").display().to_string();
    let mut node = command("node");
    node.arg(&script).args(paths.iter().map(|path| format!("http://{at}{path}")));
    if let Some(form) = form {
        node.env("FORM", form.to_string());
    }
    let output = node.env("COOKIE", cookie).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && found.contains(": 0 findings"), "{found}\n{complaint}");
}

fn axe(desk: &Desk, paths: &[&str], form: Option<&Value>) {
    checked(&desk.at.to_string(), &desk.session(), paths, form);
}

#[test]
fn outside_axe_finds_nothing_on_the_pages_of_orders() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "dorte.krogh");
    axe(&desk, &["/insight/orders?sprog=da", "/insight/orders/new?sprog=en"], None);
    let number = "01989898-0000-7000-8000-000000000001";
    let (person, _) = demo.traveller();
    let order = format!(
        "what=remove&about=one_person&persons={}&why=erasure_request&case=2026-17&number={number}&sure=yes",
        encoded(&person)
    );
    let given = desk.post("/insight/orders", &order);
    assert_eq!(given.status, 303, "{}", given.text());
    let place = format!("/insight/orders/{number}");
    eventually("it is carried out", || desk.get(&place).text().contains("Udført"));
    let receipt = format!("{place}?done=given&sprog=da");
    axe(&desk, &["/insight/orders?sprog=en", &receipt, "/insight?sprog=da"], None);
    // What comes when the form was sent: with faults, and with the question.
    let send = "main form button[type=submit]";
    let new = ["/insight/orders/new?sprog=da", "/insight/orders/new?sprog=en"];
    let faulty = json!({"write": {"#case": "1"}, "send": send, "arrives": "main .problems"});
    axe(&desk, &new, Some(&faulty));
    let asked = json!({
        "write": {"#persons": "anna.holm\nlocal/a-1", "#case": "2026-18"},
        "choose": {"#why": "mistake"},
        "tick": ["input[value=remove]"],
        "send": send,
        "arrives": "#sure",
    });
    axe(&desk, &new, Some(&asked));
}

#[test]
fn outside_axe_finds_nothing_where_a_token_is_shown_once() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "ole.drift");
    let made = json!({
        "write": {"#label": "Journal", "#days": "9"},
        "tick": ["input[name=role][value=operator]"],
        "send": "form[action='/system/tokens'] button[type=submit]",
        "arrives": "code.secret",
    });
    axe(&desk, &["/system/tokens?sprog=da", "/system/tokens?sprog=en"], Some(&made));
}

#[test]
fn outside_axe_finds_nothing_where_a_second_factor_is_taken_away() {
    const NAME: &str = "anna.holm";
    const PASSWORD: &str = "korrekt hest batteri klammer";
    let upstream = Upstream::start();
    let admin = "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}";
    let gateway = Gateway::start(&configuration(&upstream.url(), admin));
    gateway.add_user(NAME, "ballerup", PASSWORD);
    let at = format!("localhost:{}", gateway.address("admin").port());
    let browser = Browser::start("da-DK");
    browser.add_passkey_device();
    browser.open(&format!("http://{at}/account"));
    browser.write("#name", NAME);
    browser.write("#password", PASSWORD);
    browser.follow("main form button[type=submit]");
    let heading = "return document.querySelector('h1')?.textContent ?? ''";
    eventually("somebody is in", || browser.script(heading) == "Din konto");
    browser.click("[data-passkey] button");
    let link = "return document.querySelector('a[href$=\"/remove\"]')?.getAttribute('href') ?? ''";
    eventually("the passkey can be taken away", || browser.script(link) != "");
    let remove = browser.script(link).as_str().unwrap().to_owned();
    browser.follow("a[href$='/remove']");
    browser.keep_picture("admin-factor-remove");
    let cookies = browser.cookies();
    let session = cookies.iter().find(|cookie| cookie["name"] == "geovagt-admin").unwrap();
    let session = format!("geovagt-admin={}", session["value"].as_str().unwrap());
    let pages = [format!("{remove}?sprog=da"), format!("{remove}?sprog=en")];
    checked(&at, &session, &pages.each_ref().map(String::as_str), None);
}

fn sign_in(browser: &Browser, demo: &Demo, path: &str) {
    browser.open(&format!("http://{}{path}", administration(demo)));
    browser.write("#name", "dorte.krogh");
    browser.write("#password", password(demo, "dorte.krogh"));
    browser.follow("main form button[type=submit]");
    eventually("signed in", || browser.source().contains("/sign-out"));
}

fn shown(browser: &Browser, selector: &str) -> String {
    let script = format!("return (document.querySelector({selector:?}) || {{}}).innerText || ''");
    browser.script(&script).as_str().unwrap_or_default().to_owned()
}

/// One order from the officer's first page to its receipt, as a person gives it.
fn gives_an_order(browser: &Browser, demo: &Demo, words: [&str; 4], picture: &str) {
    let [empty, question, receipt, done] = words;
    sign_in(browser, demo, "/insight");
    browser.follow("main a[href='/insight/orders']");
    assert!(shown(browser, "main").contains(empty), "{}", browser.source());
    browser.keep_picture(&format!("orders-empty-{picture}"));
    browser.follow("main a[href='/insight/orders/new']");
    browser.keep_picture(&format!("orders-new-{picture}"));
    browser.follow("main form button[type=submit]");
    eventually("what is missing is said", || shown(browser, ".problems").contains('\n'));
    browser.keep_picture(&format!("orders-wrong-{picture}"));
    browser.click("input[value=pseudonymise]");
    browser.write("#persons", &demo.traveller().0);
    browser.script("document.querySelector('#why').value = 'erasure_request'");
    browser.write("#case", "2026-17");
    browser.follow("main form button[type=submit]");
    eventually("it is asked whether", || shown(browser, "h1") == question);
    browser.keep_picture(&format!("orders-preview-{picture}"));
    browser.follow("main form button[type=submit]");
    eventually("nothing is given unseen", || !shown(browser, ".problems").is_empty());
    browser.click("#sure");
    browser.follow("main form button[type=submit]");
    eventually("it is given", || shown(browser, ".done").contains(receipt));
    browser.keep_picture(&format!("orders-given-{picture}"));
    let at = browser.address();
    eventually("it is carried out", || {
        browser.open(&at);
        shown(browser, ".lead .state") == done
    });
    browser.keep_picture(&format!("orders-done-{picture}"));
    browser.follow("main a[href='/insight/orders']");
    browser.keep_picture(&format!("orders-list-{picture}"));
}

#[test]
fn outside_browser_gives_an_order_in_danish_on_a_phone() {
    let demo = Demo::start();
    let browser = Browser::start("da-DK");
    let words = ["Ingen ordre har ændret", "Skal ordren gives?", "Ordren er givet", "Udført"];
    gives_an_order(&browser, &demo, words, "da-phone");
}

#[test]
fn outside_browser_gives_an_order_in_english_on_a_desk() {
    let demo = Demo::start();
    let browser = Browser::start_on_a_desk("en-GB");
    let words =
        ["No order has changed", "Is the order to be given?", "The order is given", "Carried out"];
    gives_an_order(&browser, &demo, words, "en-desk");
}

/// The forms are sent as a browser without scripts sends them: what the page holds and nothing more.
#[test]
fn outside_admin_orders_need_no_script() {
    let demo = Demo::start();
    let desk = Desk::of(&demo, "dorte.krogh");
    let (person, _) = demo.traveller();
    let typed = format!(
        "what=pseudonymise&about=one_person&persons={}&since=&until=&why=mistake&case=",
        encoded(&person)
    );
    let page = desk.post("/insight/orders/new", &typed).text();
    let form = between(&page, "action=\"/insight/orders\">", "</form>").expect("the question");
    assert!(!form.contains("onclick") && !form.contains("<script"), "{form}");
    let mut fields = Vec::new();
    for hidden in form.split("<input ").filter(|input| input.starts_with("type=\"hidden\"")) {
        let name = between(hidden, "name=\"", "\"").unwrap();
        if name != "csrf" {
            fields.push(format!("{name}={}", encoded(between(hidden, "value=\"", "\"").unwrap())));
        }
    }
    fields.push("sure=yes".to_owned());
    let given = desk.post("/insight/orders", &fields.join("&"));
    assert_eq!(given.status, 303, "{}", given.text());
    let place = given.header("location").unwrap().to_owned();
    eventually("it is carried out", || desk.get(&place).text().contains("Udført"));
}
