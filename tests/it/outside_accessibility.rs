//! axe-core in a real Chromium over the pages that the gateway really serves: on phones and desks,
//! by day and by night (see `tests/accessibility/check.mjs`).

use std::process::Output;

use crate::support::client::get;
use crate::support::demo::Demo;
use crate::support::gateway::{eventually, repository};
use crate::support::outside::{npm_packages, run};

/// Runs the check over pages.
fn axe(urls: &[String]) -> Output {
    npm_packages("accessibility");
    let script = repository().join("tests/accessibility/check.mjs").display().to_string();
    run("node", [script].iter().chain(urls))
}

fn check(urls: &[String]) {
    let output = axe(urls);
    let found = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{found}\n{complaint}");
    assert!(found.contains(": 0 findings"), "{found}");
}

#[test]
fn outside_axe_finds_what_is_wrong_elsewhere() {
    let output =
        axe(&["data:text/html,<p style='color:%23aaa'>Uden titel og sprog</p>".to_owned()]);
    let found = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{found}");
    assert!(found.contains("color-contrast") && found.contains("html-has-lang"), "{found}");
}

#[test]
fn outside_axe_finds_nothing_on_the_pages_for_the_rejected() {
    let demo = Demo::start();
    let front = demo.front("China");
    let paths = ["/", "/.geovagt/", "/.geovagt/lande", "/.geovagt/privatliv"];
    check(&paths.map(|path| format!("http://{front}{path}")));
}

#[test]
fn outside_axe_finds_nothing_on_the_pages_for_the_traveller() {
    let demo = Demo::start();
    let front = demo.front("Thailand");
    let paths = ["/", "/.geovagt/?sprog=en", "/.geovagt/sign-out"];
    check(&paths.map(|path| format!("http://{front}{path}")));
}

#[test]
fn outside_axe_finds_nothing_on_the_demos_own_pages() {
    let demo = Demo::start();
    let line = demo.line(|line| line.starts_with("Start here"));
    let start = line.split_whitespace().last().unwrap();
    let address = start.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
    let address: std::net::SocketAddr = address.expect("a URL").parse().unwrap();
    let status = |path: &str| get(address, &address.to_string(), path).send().status;
    eventually("the traveller has a letter", || status("/post/1") == 200);
    assert_eq!(status("/post/99"), 404);
    let paths = ["", "?sprog=en", "post", "post?sprog=en", "post/1", "post/99"];
    check(&paths.map(|path| format!("{start}{path}")));
}
