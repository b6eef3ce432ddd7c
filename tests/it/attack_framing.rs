//! Requests that two readers could cut apart in different places.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::gateway::{Gateway, PATIENCE, configuration};
use crate::support::places::{CHINA, DENMARK};
use crate::support::recorder::Recorder;

fn exchange(gateway: &Gateway, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut back = Vec::new();
    let _ = stream.read_to_end(&mut back);
    String::from_utf8_lossy(&back).into_owned()
}

fn statuses(answers: &str) -> Vec<&str> {
    let after = answers.split("HTTP/1.1 ").skip(1);
    after.filter_map(|rest| rest.get(..3)).filter(|code| code.parse::<u16>().is_ok()).collect()
}

#[test]
fn what_can_be_cut_in_two_ways_reaches_no_upstream() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let known = format!("Host: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\n");
    for (line, more) in [
        ("POST / HTTP/1.1", "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG"),
        (
            "POST / HTTP/1.1",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        ),
        ("POST / HTTP/1.1", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
        ("POST / HTTP/1.1", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("POST / HTTP/1.1", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"),
        ("POST / HTTP/1.1", "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n"),
        ("POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("POST / HTTP/1.1", "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"),
        ("POST / HTTP/1.1", "Content-Length: 3, 3\r\n\r\nabc"),
        ("POST / HTTP/1.1", "Content-Length: +3\r\n\r\nabc"),
        ("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n"),
        ("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n"),
        (
            "POST / HTTP/1.1",
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        ),
        ("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n3\r\nabcG\r\n0\r\n\r\n"),
        ("POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n"),
        ("GET / HTTP/1.1", "X-A: b\r\n c\r\n\r\n"),
        ("GET / HTTP/1.1", "X-A: b\nX-Forwarded-For: 130.225.244.1\r\n\r\n"),
        ("GET / HTTP/1.1", "X-A: b\rc\r\n\r\n"),
        ("GET / HTTP/1.1", "X-A: \u{0}\r\n\r\n"),
        ("GET / HTTP/1.1", "Host: shut.example.dk\r\n\r\n"),
        ("GET http://shut.example.dk/ HTTP/1.1", "\r\n"),
        ("GET http://a@kilden.example.dk/ HTTP/1.1", "\r\n"),
        ("GET /#a HTTP/1.1", "\r\n"),
        ("CONNECT kilden.example.dk:443 HTTP/1.1", "\r\n"),
        ("TRACE / HTTP/1.1", "\r\n"),
    ] {
        let answers = exchange(&gateway, format!("{line}\r\n{known}{more}").as_bytes());
        let seen = statuses(&answers);
        let closes = answers.to_lowercase().contains("\r\nconnection: close\r\n");
        assert!(closes || more.contains("chunked"), "{line} {more:?}: {answers}");
        assert!(matches!(seen[..], ["400" | "405"]), "{line} {more:?}: {answers}");
    }
}

/// On one connection each request is judged for itself, and a body is never a request.
#[test]
fn a_permitted_neighbour_opens_nothing() {
    let upstream = Recorder::start();
    let limits = "limits: {header_timeout: 1s, idle_timeout: 1s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let request = |from: &str, more: &str| {
        format!(
            "GET /x HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {from}\r\n{more}\r\n"
        )
    };
    let last = request(DENMARK, "Connection: close\r\n");
    let three = [request(DENMARK, ""), request(CHINA, ""), last.clone()].concat();
    assert_eq!(statuses(&exchange(&gateway, three.as_bytes())), ["200", "403", "200"]);
    let length = format!("Content-Length: {}\r\n", last.len());
    let hidden = request(CHINA, &length) + &last;
    assert_eq!(statuses(&exchange(&gateway, hidden.as_bytes())), ["403"]);
}

/// Only WebSocket is an upgrade, and none for whoever is rejected.
#[test]
fn no_upgrade_goes_around_the_decision() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let asks = |from: &str, protocol: &str| {
        exchange(&gateway, format!(
            "GET / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {from}\r\nConnection: Upgrade, \
             HTTP2-Settings, close\r\nUpgrade: {protocol}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
        ).as_bytes())
    };
    for protocol in ["h2c", "websocket, h2c", "HTTP/2.0", "TLS/1.2"] {
        let seen = asks(DENMARK, protocol).to_lowercase();
        assert!(
            !seen.contains("upgrade") && !seen.contains("http2-settings"),
            "{protocol}: {seen}"
        );
    }
    assert!(asks(DENMARK, "websocket").to_lowercase().contains("upgrade: websocket"));
    assert_eq!(statuses(&asks(CHINA, "websocket")), ["403"]);
    assert!(
        statuses(&exchange(&gateway, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
            .iter()
            .all(|s| *s != "200")
    );
}
