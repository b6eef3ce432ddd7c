//! A journey from the secretariat's pages to the traveller's open page and back: the real gateway,
//! the forms as a browser without scripts sends them.

use std::io::Write as _;
use std::time::Duration;

use base64::Engine as _;

use crate::support::browsing::hidden;
use crate::support::client::{Answer, get, post_form};
use crate::support::gateway::{Gateway, PATIENCE, configuration, eventually};
use crate::support::places::{CHINA, DENMARK};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};

const PASSWORD: &str = "en lang adgangskode 42";
const PHONE: &str = "/Microsoft-Server-ActiveSync?Cmd=Ping&DeviceId=APPL1&DeviceType=iPad";

/// Somebody in the administration.
struct Desk<'g> {
    gateway: &'g Gateway,
    cookie: String,
}

impl<'g> Desk<'g> {
    fn signed_in(gateway: &'g Gateway, name: &str) -> Self {
        let mut desk = Self { gateway, cookie: String::new() };
        let page = desk.open("/sign-in");
        let csrf = hidden(&page.text(), "csrf");
        let password = PASSWORD.replace(' ', "+");
        let form =
            format!("csrf={csrf}&organization=ballerup&name={name}&password={password}&next=%2F");
        let answer = desk.send("/sign-in", &form);
        assert_eq!(answer.status, 303, "{}", answer.text());
        desk
    }

    fn open(&mut self, path: &str) -> Answer {
        let to = self.gateway.address("admin");
        let request = get(to, &to.to_string(), path).header("Cookie", &self.cookie);
        let answer = request.send();
        self.keep(&answer);
        answer
    }

    fn send(&mut self, path: &str, form: &str) -> Answer {
        let to = self.gateway.address("admin");
        let request = post_form(to, &to.to_string(), path, form).header("Cookie", &self.cookie);
        let answer = request.send();
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for (name, value) in &answer.headers {
            if name == "set-cookie" {
                let pair = value.split(';').next().unwrap();
                let (name, _) = pair.split_once('=').unwrap();
                let kept = self.cookie.split("; ").filter(|other| !other.is_empty());
                let kept = kept.filter(|other| !other.starts_with(&format!("{name}=")));
                self.cookie = kept.chain([pair]).collect::<Vec<_>>().join("; ");
            }
        }
    }

    /// Answers the question that a page asks; gives where that led.
    fn step(&mut self, path: &str) -> String {
        let page = self.open(path);
        assert_eq!(page.status, 200, "{}", page.text());
        let (csrf, version) = (hidden(&page.text(), "csrf"), hidden(&page.text(), "version"));
        let answer = self.send(path, &format!("csrf={csrf}&version={version}"));
        assert_eq!(answer.status, 303, "{}", answer.text());
        answer.header("location").unwrap().to_owned()
    }
}

fn day(ahead: i64) -> String {
    let now = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * ahead);
    now.to_zoned(jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap()).date().to_string()
}

/// What never ends by itself.
fn streaming() -> RawUpstream {
    RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let begin = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
        if stream.write_all(begin).is_err() {
            return;
        }
        while stream.write_all(b"9\r\ndata: 1\n\n\r\n").is_ok() {
            std::thread::sleep(Duration::from_millis(50));
        }
    })
}

#[test]
fn granted_approved_used_and_closed_and_the_open_page_ends() {
    let upstream = streaming();
    let roles = "identity_providers: [local]\n    roles: {case_officer: [kirsten.vang], approver: [mads.bro]}";
    let text =
        configuration(&upstream.url(), "admin: {bind: [\"127.0.0.1:0\"], second_factor: off}\n")
            .replacen("identity_providers: [local]", roles, 1);
    let gateway = Gateway::start(&text);
    for name in ["anna.holm", "kirsten.vang", "mads.bro"] {
        gateway.add_user(name, "ballerup", PASSWORD);
    }
    let login = base64::engine::general_purpose::STANDARD.encode(format!("anna.holm:{PASSWORD}"));
    let from_the_phone =
        head(PHONE, &format!("Authorization: Basic {login}\r\n")).replace(DENMARK, CHINA);
    let status = || {
        let mut stream = connect(gateway.address("web"), &from_the_phone);
        read_until(&mut stream, "\r\n")[9..12].to_owned()
    };
    assert_eq!(status(), "403");

    // The clerk grants; China takes two.
    let mut clerk = Desk::signed_in(&gateway, "kirsten.vang");
    let csrf = hidden(&clerk.open("/travel/new").text(), "csrf");
    let form = format!(
        "csrf={csrf}&who=anna.holm&places-1=Kina&from-1={}&until-1={}&site=kilden&purpose=Venskabsby&case=26%2F1&do=confirm",
        day(0),
        day(5)
    );
    let granted = clerk.send("/travel/new", &form);
    assert_eq!(granted.status, 303, "{}", granted.text());
    let place = granted.header("location").unwrap().to_owned();
    let journey =
        place.strip_suffix("?done=awaiting").unwrap_or_else(|| panic!("{place}")).to_owned();
    let id = journey.strip_prefix("/travel/").unwrap();
    assert_eq!(status(), "403");

    // The second person approves, and the traveller's phone is bound at home.
    let mut approver = Desk::signed_in(&gateway, "mads.bro");
    let approved = approver.step(&format!("{journey}/approve"));
    assert_eq!(approved, format!("{journey}?done=approved-no-link"), "no mail is sent");
    gateway.command(&["exemption", "device", id, "--activesync", "APPL1"]).expect_code(0);
    eventually("the traveller gets in", || status() == "200");

    // The traveller's page stands open until the clerk closes the journey.
    let mut page = connect(gateway.address("web"), &from_the_phone);
    read_until(&mut page, "data: 1");
    page.set_read_timeout(Some(PATIENCE)).unwrap();
    let closed = clerk.step(&format!("{journey}/close"));
    assert_eq!(closed, format!("{journey}?done=closed"));
    let rest = read_rest(&mut page);
    assert!(!rest.contains("0\r\n\r\n"), "what was cut never looks whole: {rest:.200}");
    eventually("the door is gone", || status() == "403");
    let history = clerk.open(&journey).text();
    for said in ["givet af kirsten.vang", "godkendt af mads.bro", "afsluttet af kirsten.vang"] {
        assert!(history.contains(said), "{said}: {history}");
    }
}
