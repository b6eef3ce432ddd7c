//! What a stranger can try at an open door without holding a key to it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::client::{Answer, Request, get, raw};
use crate::support::gateway::{Gateway, PATIENCE, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";
const HOST: &str = "kilden.example.dk";

/// A gateway whose door for Thailand is open for anna.holm.
fn open_door(more: &str) -> (Upstream, Gateway) {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), more));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    gateway.add_user("bo.lund", "ballerup", PASSWORD);
    gateway.grant("anna.holm", "TH", &["kilden"]);
    let web = gateway.address("web");
    eventually("the door", || get(web, HOST, "/").from(THAILAND).send().status == 401);
    (upstream, gateway)
}

/// An answer without what differs from one to the next.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, usize) {
    let mut headers = answer.headers.clone();
    headers.retain(|(name, _)| !matches!(name.as_str(), "date" | "geovagt-reference"));
    (answer.status, headers, answer.body.len())
}

fn failures(gateway: &Gateway) -> usize {
    let search = ["audit", "search", "--action", "sign_in_failed", "--limit", "1000", "--json"];
    gateway.command(&search).expect_code(0).out.lines().count()
}

/// A login that cannot be read is answered like any other, and cannot fill the log of people.
#[test]
fn a_broken_login_is_a_login_that_fails_and_counts_as_one() {
    let (_upstream, gateway) = open_door("");
    let web = gateway.address("web");
    let from = |address: &str| get(web, HOST, "/").from(address);
    let wrong = seen(&from("61.19.3.1").basic("anna.holm", "forkert").send());
    let long = "QUFB".repeat(8000);
    let broken = ["%%%", "bm9jb2xvbg==", "YW4AbmE6eA==", "YW5uYQo6eA==", "////", "Og==", &long];
    for (number, text) in broken.iter().enumerate() {
        let request = from(&format!("61.19.4.{}", number + 1));
        let answer = request.header("Authorization", &format!("Basic {text}")).send();
        assert_eq!(seen(&answer), wrong, "{number}");
    }
    let before = failures(&gateway);
    for _ in 0..40 {
        let answer = from("61.19.5.1").header("Authorization", "Basic bm9jb2xvbg==").send();
        assert_eq!(seen(&answer), wrong);
    }
    let written = failures(&gateway) - before;
    assert!((1..=10).contains(&written), "{written} entries for 40 broken logins");
}

/// Whoever sends a form a byte at a time does not keep a place for ever.
#[test]
fn a_form_that_never_ends_is_hung_up_on() {
    let (_upstream, gateway) = open_door("limits: {header_timeout: 500ms}\n");
    for (address, path) in [(THAILAND, "sign-in"), (DENMARK, "sign-in"), (DENMARK, "sign-out")] {
        let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST /.geovagt/{path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {address}\r\n\
             Content-Length: 100\r\n\r\nname=a"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut back = Vec::new();
        let ended = stream.read_to_end(&mut back);
        let timed_out = ended.is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock);
        assert!(!timed_out && back.is_empty(), "{path}: {}", String::from_utf8_lossy(&back));
    }
    let giant = format!(
        "POST /.geovagt/sign-in HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {THAILAND}\r\n\
         Connection: close\r\nContent-Length: 20000\r\n\r\nname={}",
        "a".repeat(19_995)
    );
    assert_eq!(raw(gateway.address("web"), giant.as_bytes()).unwrap().status, 413);
}

/// With the door shut every path and method has one answer, and with it open other places still do.
#[test]
fn no_page_or_method_tells_that_a_door_could_exist() {
    let (_upstream, gateway) = open_door("");
    let web = gateway.address("web");
    let elsewhere =
        [(HOST, CHINA), ("mail.example.dk", THAILAND), ("a.egedal.example.dk", THAILAND)];
    for (host, address) in elsewhere {
        for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"] {
            let ask = |path: &str| seen(&get(web, host, path).from(address).method(method).send());
            let wall = ask("/");
            assert_eq!(wall.0, 403);
            for page in
                ["/", "/sign-in", "/sign-in?next=/", "/sign-out", "/callback", "/rejse/x", "/no"]
            {
                assert_eq!(ask(&format!("/.geovagt{page}")), wall, "{method} {page} {address}");
            }
        }
        let plain = seen(&get(web, host, "/").from(address).send());
        for login in ["Basic YTpi", "Basic", "Bearer x", "Negotiate x"] {
            let with = get(web, host, "/").from(address).header("Authorization", login).send();
            assert_eq!(seen(&with), plain, "{login}");
        }
        let tossed =
            get(web, host, "/").from(address).header("Cookie", "geovagt=x; __Host-geovagt=y");
        assert_eq!(seen(&tossed.send()), plain);
    }
}

/// A local account's password does not go on beside a session of the same or another person.
#[test]
fn a_session_does_not_carry_a_local_password_to_the_upstream() {
    let (_upstream, gateway) = open_door("");
    let web = gateway.address("web");
    let cookie = sign_in(&gateway, "anna.holm");
    let upstream_saw = |address: &str, name: &str, password: &str| {
        let request = get(web, HOST, "/").from(address).header("Cookie", &cookie);
        let answer = request.basic(name, password).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().to_lowercase()
    };
    assert!(!upstream_saw(DENMARK, "anna.holm", PASSWORD).contains("authorization"));
    assert!(!upstream_saw(DENMARK, "bo.lund", PASSWORD).contains("authorization"));
    assert!(!upstream_saw(THAILAND, "anna.holm", PASSWORD).contains("authorization"));
    // One of the upstream's own goes on.
    assert!(upstream_saw(DENMARK, "somebody.else", "x").contains("authorization"));
    assert!(upstream_saw(DENMARK, "anna.holm", "the upstream's own").contains("authorization"));
}

/// At home nobody needs a login, and one may come along. A guess is written down once, and a password
/// that may not be compared any more, since there were too many guesses, is not handed on either.
#[test]
fn guesses_at_an_open_site_are_seen_and_lead_no_password_to_the_upstream() {
    let (_upstream, gateway) = open_door("");
    let web = gateway.address("web");
    let upstream_saw = |name: &str, password: &str| {
        let answer = get(web, HOST, "/").from(DENMARK).basic(name, password).send();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().to_lowercase()
    };
    let guess = |number: usize| format!("forkert adgangskode {number}");
    for _ in 0..3 {
        assert!(upstream_saw("anna.holm", &guess(0)).contains("authorization"));
    }
    eventually("one guess in the log", || failures(&gateway) == 1);
    for number in 1..20 {
        upstream_saw("anna.holm", &guess(number));
    }
    assert!(!upstream_saw("anna.holm", PASSWORD).contains("authorization"));
    // Of a name that is no account's nobody can know, and nothing is written.
    let before = failures(&gateway);
    assert!(upstream_saw("somebody.else", "x").contains("authorization"));
    assert_eq!(failures(&gateway), before);
}

/// A session counts for its own organisation, untouched, alone, and until it is ended.
#[test]
fn a_session_cannot_be_moved_altered_doubled_or_kept() {
    let (_upstream, gateway) = open_door("");
    let web = gateway.address("web");
    let cookie = sign_in(&gateway, "anna.holm");
    let with = |host: &str, cookie: &str| get(web, host, "/").header("Cookie", cookie);
    let status = |request: Request, address: &str| request.from(address).send().status;
    assert_eq!(status(with(HOST, &cookie), THAILAND), 200);
    let foreign = with("a.egedal.example.dk", &cookie).from(DENMARK).send().text();
    assert!(!foreign.contains("anna.holm"), "{foreign}");
    let mut altered = cookie.clone();
    let last = altered.pop().unwrap();
    altered.push(if last == 'A' { 'Q' } else { 'A' });
    let renamed = cookie.replace("geovagt=", "__Host-geovagt=");
    for tried in [altered, renamed, format!("{cookie}; {cookie}"), format!("{cookie}; geovagt=x")] {
        assert_eq!(status(with(HOST, &tried), THAILAND), 401, "{tried}");
    }
    let out = get(web, HOST, "/.geovagt/sign-out").from(DENMARK).header("Cookie", &cookie).send();
    let form_cookie = out.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = out.text();
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let both = format!("{cookie}; {form_cookie}");
    let post = |token: &str| {
        let request = crate::support::client::post_form(
            web,
            HOST,
            "/.geovagt/sign-out",
            &format!("csrf={token}"),
        );
        request.from(DENMARK).header("Cookie", &both).send().status
    };
    assert_eq!(post("forged"), 200);
    assert_eq!(status(with(HOST, &cookie), THAILAND), 200, "another site cannot sign anybody out");
    assert_eq!(post(token), 200);
    assert_eq!(status(with(HOST, &cookie), THAILAND), 401);
    let second = sign_in(&gateway, "anna.holm");
    gateway.command(&["user", "lock", "anna.holm", "--organization", "ballerup"]).expect_code(0);
    eventually("a lock ends the session", || status(with(HOST, &second), THAILAND) == 403);
}

/// Signs in from Denmark and gives the session cookie.
fn sign_in(gateway: &Gateway, name: &str) -> String {
    let web = gateway.address("web");
    let page = get(web, HOST, "/.geovagt/sign-in").from(DENMARK).browser().send();
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let page = page.text();
    let token = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let mut first = String::new();
    for next in [
        "/\\evil.example",
        "//evil.example",
        "/%09/evil.example",
        "https://evil.example",
        "javascript:x",
        "/%0d%0aSet-Cookie:x",
        "@evil.example",
    ] {
        let form = format!(
            "name={name}&password={}&csrf={token}&next={}",
            PASSWORD.replace(' ', "+"),
            next.replace('%', "%25")
        );
        let answer = crate::support::client::post_form(web, HOST, "/.geovagt/sign-in", &form)
            .from(DENMARK)
            .header("Cookie", &cookie)
            .send();
        assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{next}");
        first = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    }
    first
}
