//! `OPTIONS *` asks about the server: the gateway answers itself, to whom it lets in.

use std::io::Write as _;

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::h2_raw;
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{connect, read_rest, read_until};
use crate::support::recorder::Recorder;

const PASSWORD: &str = "en lang adgangskode 42";

fn asking(host: &str, from: &str, more: &str) -> String {
    format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {from}\r\n{more}\r\n")
}

#[test]
fn the_gateway_answers_and_the_connection_goes_on() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let next = format!(
        "GET /next HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\n\
         Connection: close\r\n\r\n"
    );
    // Both in one piece: the second begins where the first one ends.
    let both = asking("kilden.example.dk", DENMARK, "") + &next;
    let mut client = connect(gateway.address("web"), &both);
    let answer = read_until(&mut client, "\r\n\r\n").to_lowercase();
    assert!(answer.starts_with("http/1.1 204 no content\r\n"), "{answer}");
    assert!(
        answer.contains("\r\nallow: get, head, post, put, delete, options, patch\r\n"),
        "{answer}"
    );
    assert!(
        !answer.contains("content-length") && !answer.contains("transfer-encoding"),
        "{answer}"
    );
    let answer = read_rest(&mut client);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("GET /next "), "{answer}");
    assert_eq!(upstream.received().len(), 1, "nobody else was asked");
}

#[test]
fn it_has_its_entry() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    drop(read_until(
        &mut connect(gateway.address("web"), &asking("kilden.example.dk", DENMARK, "")),
        "\r\n\r\n",
    ));
    eventually("the log has it", || {
        let found = gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
        found.out.lines().any(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            entry["http"]["request"]["method"] == "OPTIONS"
                && entry["url"]["path"] == "*"
                && entry["http"]["response"]["status_code"] == 204
                && entry["client"]["ip"] == DENMARK
        })
    });
}

#[test]
fn whoever_may_not_pass_is_answered_as_for_any_path() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let status = |host: &str, from: &str, more: &str| {
        let more = format!("Connection: close\r\n{more}");
        let answer = read_rest(&mut connect(gateway.address("web"), &asking(host, from, &more)));
        answer.get(9..12).unwrap_or_default().to_owned()
    };
    assert_eq!(status("kilden.example.dk", CHINA, ""), "403");
    assert_eq!(status("shut.example.dk", CHINA, ""), "", "not a byte");
    assert_eq!(status("nowhere.example.dk", DENMARK, ""), "404");
    assert_eq!(status("inner.example.dk", DENMARK, ""), "401", "everybody is asked there");
    let login = "Authorization: Basic YW5uYS5ob2xtOmVuIGxhbmcgYWRnYW5nc2tvZGUgNDI=\r\n";
    assert_eq!(status("inner.example.dk", DENMARK, login), "204");
    assert_eq!(status("kilden.example.dk", THAILAND, login), "403");
    gateway.grant("anna.holm", "TH", &["kilden"]);
    eventually("the door is open", || status("kilden.example.dk", THAILAND, "") == "401");
    assert_eq!(status("kilden.example.dk", THAILAND, login), "204");
    assert!(upstream.received().is_empty());
}

/// A rule for a part of a site is about its paths, and this is none.
#[test]
fn path_rules_are_about_paths() {
    let upstream = Recorder::start();
    let kilden = "kilden: {organization: ballerup, hosts: [kilden.example.dk], ";
    let rules = "paths: [{path: /internal/, closed: true}], ";
    let text = configuration(&upstream.url(), "").replace(kilden, &format!("{kilden}{rules}"));
    let gateway = Gateway::start(&text);
    let asking = asking("kilden.example.dk", DENMARK, "Connection: close\r\n");
    let answer = read_rest(&mut connect(gateway.address("web"), &asking));
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    let closed = get(gateway.address("web"), "kilden.example.dk", "/internal/").from(DENMARK);
    assert_eq!(closed.send().status, 403);
}

#[test]
fn what_comes_with_it_is_no_second_request() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let hidden = "GET /hidden HTTP/1.1\r\nHost: kilden.example.dk\r\n\r\n";
    let more = format!("Content-Length: {}\r\nConnection: close\r\n", hidden.len());
    let mut client = connect(gateway.address("web"), &asking("kilden.example.dk", DENMARK, &more));
    let _ = client.write_all(hidden.as_bytes());
    let answer = read_rest(&mut client);
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
    assert!(upstream.received().is_empty());
}

#[test]
fn over_http2_it_is_the_same() {
    let upstream = Recorder::start();
    let gateway = h2_raw::gateway(&upstream.url(), "");
    let mut connection = h2_raw::Connection::open(&gateway);
    let from = |place| {
        [
            h2_raw::block(&[(":method", "OPTIONS"), (":scheme", "https")]),
            h2_raw::block(&[(":authority", h2_raw::HOST), (":path", "*")]),
            h2_raw::block(&[("x-forwarded-for", place)]),
        ]
        .concat()
    };
    assert_eq!(connection.ask(1, &from(DENMARK)), (204, Vec::new()));
    assert_eq!(connection.ask(3, &from(CHINA)).0, 403);
    assert_eq!(connection.ask(5, &h2_raw::request("GET", "/", &[])).0, 200);
    assert_eq!(upstream.received().len(), 1);
}
