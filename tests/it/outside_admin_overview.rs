//! The overview, the list, what would happen, insight, the report and the register before axe: on
//! phones and desks, by day and by night, in both languages, with and without something to show.

use std::net::SocketAddr;

use crate::support::client::{get, post_form};
use crate::support::demo::Demo;
use crate::support::gateway::{eventually, repository};
use crate::support::outside::{command, npm_packages};

/// Somebody who is signed in to the demo.
struct Visit {
    admin: SocketAddr,
    cookie: String,
}

impl Visit {
    fn of(demo: &Demo, name: &str) -> Self {
        let line = demo.line(|line| line.starts_with("Administration"));
        let url = line.rsplit(' ').next().unwrap();
        let admin: SocketAddr =
            url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
        let account = demo.line(|line| line.trim_start().starts_with(name));
        let password = account.split_whitespace().nth(1).unwrap();
        let page = get(admin, &admin.to_string(), "/").send();
        let csrf = field(&page.text(), "csrf");
        let guard = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let form = format!("csrf={csrf}&organization=ballerup&name={name}&password={password}");
        let answered =
            post_form(admin, &admin.to_string(), "/sign-in", &form).header("Cookie", &guard).send();
        assert_eq!(answered.status, 303, "{}", answered.text());
        let cookies = answered.headers.iter().filter(|(name, _)| name == "set-cookie");
        let mut pairs = cookies.map(|(_, value)| value.split(';').next().unwrap().to_owned());
        let cookie = pairs.find(|pair| pair.starts_with("geovagt-admin=")).expect("a session");
        Self { admin, cookie }
    }

    fn page(&self, path: &str) -> String {
        let answered =
            get(self.admin, &self.admin.to_string(), path).header("Cookie", &self.cookie).send();
        assert_eq!(answered.status, 200, "{path}: {}", answered.text());
        answered.text()
    }

    fn axe(&self, paths: &[&str]) {
        for path in paths {
            self.page(path);
        }
        let script = repository().join("tests/accessibility/check.mjs").display().to_string();
        let urls = paths.iter().map(|path| format!("http://{}{path}", self.admin));
        let mut node = command("node");
        let output = node.arg(&script).args(urls).env("COOKIE", &self.cookie).output().unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && found.contains(": 0 findings"), "{found}");
    }
}

fn field(text: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    text.split_once(&mark).unwrap().1.split('"').next().unwrap().to_owned()
}

#[test]
fn outside_admin_overview_and_list_are_accessible() {
    npm_packages("accessibility");
    let demo = Demo::start();
    let china = demo.front("China");
    let operator = Visit::of(&demo, "ole.drift");
    operator.axe(&[
        "/",
        "/list",
        "/list?sprog=en",
        "/list/import",
        "/list/compare",
        "/would",
        "/would?address=114.114.114.114&site=kilden",
        "/systems",
        "/systems/new",
        "/report?sprog=en",
    ]);
    let _ = get(china, &china.to_string(), "/").browser().send();
    eventually("the rejection is on the map", || {
        operator.page("/?sprog=da").contains("<title>Kina: ")
    });
    operator.axe(&["/?sprog=da", "/?sprog=en"]);
}

#[test]
fn outside_admin_insight_is_accessible() {
    npm_packages("accessibility");
    let demo = Demo::start();
    let officer = Visit::of(&demo, "dorte.krogh");
    let (traveller, _) = demo.traveller();
    let person = format!("/insight/person?name={traveller}");
    officer.axe(&["/insight?sprog=da", &person, "/insight/pseudonyms?sprog=en"]);
}
