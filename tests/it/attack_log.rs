//! Strangers who write into the log what could be taken for another entry, or act on a terminal.

use base64::Engine as _;

use crate::support::client::{get, raw};
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, THAILAND};
use crate::support::upstream::Upstream;

/// Characters that break a line, act on a terminal or turn the reading direction.
fn acts(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[test]
fn nothing_a_stranger_sends_forges_a_line_or_acts_on_a_terminal() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let password = "en lang adgangskode 42";
    gateway.add_user("anna.holm", "ballerup", password);
    gateway.grant("anna.holm", "TH", &["kilden"]);
    let web = gateway.address("web");
    let host = "kilden.example.dk";
    eventually("the door", || get(web, host, "/").from(THAILAND).send().status == 401);
    let agent = "\u{9b}31m\u{202e}\u{2028}\u{2066}\",\"event\":{\"action\":\"FORGED\"}}";
    for (line, host) in [
        ("GET /%0a%7b%22FORGED%22%7d", host),
        ("GET /\"}},{\"FORGED\":{", host),
        ("GET /a?FORGED=%0d%0a", host),
        ("FORGED' /", host),
        ("GET /", "forged.example"),
        ("GET /", "x\u{202e}y"),
    ] {
        let request = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {CHINA}\r\nUser-Agent: {agent}\r\n\
             Connection: close\r\n\r\n"
        );
        assert!(raw(web, request.as_bytes()).unwrap().status >= 400, "{line}");
    }
    let names = ["a\nFORGED", "a\u{1b}[2J", "a\u{202e}b", "a\u{2028}FORGED", "a@b@c", "\u{0}"];
    for (number, name) in names.iter().enumerate() {
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        let request = get(web, host, "/").from(&format!("61.19.9.{}", number + 1));
        let answer = request.header("Authorization", &format!("Basic {login}")).send();
        assert_eq!(answer.status, 403, "{name:?}");
    }
    let search = |more: &[&str]| {
        let arguments = [&["audit", "search", "--limit", "500"], more].concat();
        gateway.command(&arguments).expect_code(0).out
    };
    eventually("every entry", || search(&["--json"]).contains("unclear_request"));
    for shown in [search(&[]), search(&["--json"])] {
        assert!(!shown.chars().any(acts), "{shown:?}");
    }
    for line in search(&["--json"]).lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_ne!(entry["event"]["action"], "FORGED");
        assert!(entry["event"]["sequence"].is_u64(), "{line}");
        assert!(!line.contains(password), "{line}");
    }
    gateway.command(&["audit", "verify"]).expect_code(0);
    for line in gateway.log() {
        assert!(!line.to_string().contains(password), "{line}");
    }
}
