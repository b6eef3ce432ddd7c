//! The administration in a real browser, with scripts and without, before axe, and its API before a
//! fuzzer.

use std::net::SocketAddr;

use crate::support::browser::Browser;
use crate::support::client::{get, post_form};
use crate::support::demo::Demo;
use crate::support::desk::{Desk, between};
use crate::support::gateway::{Gateway, configuration, eventually, repository};
use crate::support::outside::{command, curl, npm_packages, run};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "korrekt hest batteri klammer";
const NAME: &str = "anna.holm";

/// A gateway whose administration asks for a second factor.
fn office(upstream: &Upstream) -> Gateway {
    let gateway =
        Gateway::start(&configuration(&upstream.url(), "admin: {bind: [\"127.0.0.1:0\"]}"));
    gateway.add_user(NAME, "ballerup", PASSWORD);
    gateway
}

fn password(browser: &Browser, gateway: &Gateway) {
    browser.open(&format!("http://localhost:{}/account", gateway.address("admin").port()));
    assert_eq!(browser.text("h1"), "Log ind");
    browser.write("#name", NAME);
    browser.write("#password", PASSWORD);
    browser.follow("main form button[type=submit]");
    eventually("the password was answered", || {
        !["Log ind", ""].contains(&heading(browser).as_str())
    });
}

/// The heading, by a script: an element that was found can be gone before its text is asked for.
fn heading(browser: &Browser) -> String {
    let found = browser.script("return document.querySelector('h1')?.textContent ?? ''");
    found.as_str().unwrap_or_default().to_owned()
}

fn is_in(browser: &Browser) {
    eventually("somebody is signed in", || heading(browser) == "Din konto");
    assert!(browser.text("main").contains(NAME));
}

#[test]
fn outside_admin_lets_a_passkey_in() {
    let upstream = Upstream::start();
    let gateway = office(&upstream);
    let browser = Browser::start("da-DK");
    browser.add_passkey_device();
    password(&browser, &gateway);
    assert_eq!(browser.text("h1"), "Sæt et ekstra trin op");
    browser.keep_picture("admin-second-factor-first");
    browser.click("[data-passkey] button");
    is_in(&browser);
    assert!(browser.text("table").contains("Adgangsnøgle"), "{}", browser.text("main"));
    browser.keep_picture("admin-account");
    browser.follow(".account form button");
    eventually("signed out", || heading(&browser) == "Log ind");
    password(&browser, &gateway);
    assert_eq!(browser.text("h1"), "Vis, at det er dig");
    assert!(!browser.source().contains("id=\"code\""), "there is no code to show");
    browser.click("[data-passkey] button");
    is_in(&browser);
    // A device that does not know the person is of no use.
    let stranger = Browser::start("da-DK");
    stranger.add_passkey_device();
    password(&stranger, &gateway);
    stranger.click("[data-passkey] button");
    eventually("the page says so", || stranger.text("[data-problem]").contains("Det gik ikke"));
    stranger.open(&format!("http://localhost:{}/account", gateway.address("admin").port()));
    assert_eq!(stranger.text("h1"), "Vis, at det er dig");
    // The phone is gone.
    let reset = ["user", "second-factor", "reset", NAME, "--organization", "ballerup"];
    assert!(gateway.command(&reset).expect_code(0).out.starts_with("1 taken away"));
    browser.open(&format!("http://localhost:{}/account", gateway.address("admin").port()));
    assert_eq!(browser.text("h1"), "Log ind", "and whoever was signed in by it");
    password(&browser, &gateway);
    assert_eq!(browser.text("h1"), "Sæt et ekstra trin op");
}

#[test]
fn outside_admin_needs_no_script() {
    npm_packages("accessibility");
    let upstream = Upstream::start();
    let gateway = office(&upstream);
    let script = repository().join("tests/accessibility/without_scripts.mjs");
    let url = format!("http://localhost:{}/account", gateway.address("admin").port());
    let output = run("node", [script.to_str().unwrap(), &url, NAME, PASSWORD]);
    let printed = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = printed.lines().collect();
    let expected =
        ["Log ind", "Sæt et ekstra trin op", "Din konto", "passkeys are offered: false", "Log ind"];
    assert_eq!(lines, expected, "{complaint}");
}

/// The cookie of somebody who is signed in to the demo.
fn cookie(demo: &Demo, name: &str) -> (SocketAddr, String) {
    let line = demo.line(|line| line.starts_with("Administration"));
    let url = line.rsplit(' ').next().unwrap();
    let admin = url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let account = demo.line(|line| line.trim_start().starts_with(name));
    let password = account.split_whitespace().nth(1).unwrap();
    let page = get(admin, &admin.to_string(), "/").send();
    let text = page.text();
    let csrf = text.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap();
    let guard = page.header("set-cookie").unwrap().split(';').next().unwrap();
    let form = format!("csrf={csrf}&organization=ballerup&name={name}&password={password}");
    let answered =
        post_form(admin, &admin.to_string(), "/sign-in", &form).header("Cookie", guard).send();
    assert_eq!(answered.status, 303, "{}", answered.text());
    let cookies = answered.headers.iter().filter(|(name, _)| name == "set-cookie");
    let mut cookie = cookies.map(|(_, value)| value.split(';').next().unwrap());
    let found = cookie.rfind(|pair| pair.starts_with("geovagt-admin="));
    (admin, found.expect("a session").to_owned())
}

#[test]
fn outside_admin_pages_are_accessible() {
    npm_packages("accessibility");
    let demo = Demo::start();
    let (admin, cookie) = cookie(&demo, "ole.drift");
    let script = repository().join("tests/accessibility/check.mjs").display().to_string();
    for (cookie, paths) in [
        ("", &["/", "/sign-in?sprog=en"][..]),
        (&cookie, &["/system", "/system/tokens", "/account?sprog=en", "/nowhere"]),
    ] {
        let urls = paths.iter().map(|path| format!("http://{admin}{path}"));
        let mut node = command("node");
        let output = node.arg(&script).args(urls).env("COOKIE", cookie).output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && found.contains(": 0 findings"), "{found}");
    }
}

/// Runs axe over pages as whoever the desk belongs to.
fn axe(desk: &Desk, paths: &[String]) {
    npm_packages("accessibility");
    let script = repository().join("tests/accessibility/check.mjs").display().to_string();
    let urls = paths.iter().map(|path| format!("http://{}{path}", desk.at));
    let mut node = command("node");
    let output = node.arg(&script).args(urls).env("COOKIE", desk.session()).output().unwrap();
    let found = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && found.contains(": 0 findings"), "{found}");
}

#[test]
fn outside_axe_finds_nothing_on_the_way_in() {
    let upstream = Upstream::start();
    let gateway = office(&upstream);
    // Name and password are right; the second step is still to come.
    let desk = Desk::signed_in(gateway.address("admin"), NAME, PASSWORD);
    let paths = ["/account?sprog=da", "/account?sprog=en"];
    for (path, title) in paths.iter().zip(["Sæt et ekstra trin op", "<h1>"]) {
        let page = desk.get(path);
        assert!(page.status == 401 && page.text().contains(title), "{}", page.text());
    }
    axe(&desk, &paths.map(str::to_owned));
}

#[test]
fn outside_axe_finds_nothing_where_something_is_confirmed() {
    let demo = Demo::start();
    let operator = Desk::of(&demo, "ole.drift");
    let made = operator.post("/system/tokens", "label=Journal&scope=read&role=operator&days=9");
    assert!(made.text().contains("gva_"), "{}", made.text());
    let page = operator.get("/system/tokens").text();
    let revoke = between(&page, "href=\"/system/tokens/", "/revoke\"").expect("the token");
    let revoke = format!("/system/tokens/{revoke}/revoke");
    axe(
        &operator,
        &["/system/tokens?sprog=en".into(), revoke.clone(), format!("{revoke}?sprog=da")],
    );
    let (officer, security) = (Desk::of(&demo, "dorte.krogh"), Desk::of(&demo, "sofie.lind"));
    assert_eq!(security.post("/insight/pseudonyms", "wanted=p_x&reason=Sag").status, 422);
    let answer = get(demo.web(), "127.0.0.1", "/").from("1.0.1.1").send();
    let reference = answer.header("geovagt-reference").expect("a rejection").to_owned();
    let asked = security.post("/insight/pseudonyms", &format!("wanted={reference}&reason=Sag"));
    assert_eq!(asked.status, 303, "{}", asked.text());
    assert!(officer.get("/insight/pseudonyms").text().contains(&reference));
    let pages = ["/insight/pseudonyms?sprog=da", "/insight/pseudonyms?sprog=en"];
    axe(&officer, &pages.map(str::to_owned));
}

#[test]
fn outside_admin_speaks_tls_and_protects_its_cookies() {
    let upstream = Upstream::start();
    let admin =
        "admin: {bind: [\"127.0.0.1:0\"], tls: {certificates: [{chain: chain.pem, key: key.pem}]}}";
    let mut gateway = Gateway::prepare(&configuration(&upstream.url(), admin));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(gateway.directory().join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(gateway.directory().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    gateway.run();
    let url = format!("https://localhost:{}/", gateway.address("admin").port());
    let chain = gateway.directory().join("chain.pem").display().to_string();
    for protocol in ["--http2", "--http1.1"] {
        let (code, printed) = curl(&["-i", protocol, "--cacert", &chain, &url]);
        assert_eq!(code, 0, "{printed}");
        let printed = printed.to_lowercase();
        assert!(
            printed.starts_with("http/2 401") || printed.starts_with("http/1.1 401"),
            "{printed}"
        );
        assert!(printed.contains("set-cookie: __host-geovagt-form="), "{printed}");
        assert!(printed.contains("; secure"), "{printed}");
        assert!(printed.contains("strict-transport-security: max-age=31536000"), "{printed}");
    }
}
