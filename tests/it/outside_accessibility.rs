//! axe-core in a real Chromium over the pages that the gateway really serves: on phones and desks,
//! by day and by night (see `tests/accessibility/check.mjs`).

use crate::support::demo::Demo;
use crate::support::gateway::repository;
use crate::support::outside::{npm_packages, run};

/// Runs the check over pages of the demo.
fn check(urls: &[String]) {
    npm_packages("accessibility");
    let script = repository().join("tests/accessibility/check.mjs").display().to_string();
    let output = run("node", [script].iter().chain(urls));
    let found = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{found}\n{complaint}");
    assert!(found.contains(": 0 findings"), "{found}");
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
