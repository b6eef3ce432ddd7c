//! Connections that take their time, and too many of them.

use std::io::Read as _;
use std::net::TcpStream;

use super::support::client::get;
use super::support::gateway::{Gateway, configuration, eventually};
use super::support::places::DENMARK;
use super::support::raw::{connect, head, read_rest, read_until};
use super::support::upstream::Upstream;

const IMPATIENT: &str = "limits: {header_timeout: 300ms, idle_timeout: 300ms}\n";

#[test]
fn a_head_that_does_not_end_is_cut() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), IMPATIENT));
    for listener in ["web", "direct"] {
        let mut slow = connect(gateway.address(listener), "GET / HTTP/1.1\r\nHost: kild");
        let received = read_rest(&mut slow);
        assert!(!received.starts_with("HTTP/1.1 2"), "{received}");
        let mut silent = connect(gateway.address(listener), "");
        assert_eq!(read_rest(&mut silent), "");
    }
    // A trusted sender of PROXY headers that sends none.
    let mut silent = connect(gateway.address("proxied"), "");
    assert_eq!(read_rest(&mut silent), "");
}

#[test]
fn an_idle_connection_is_cut() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), IMPATIENT));
    let mut client = connect(gateway.address("web"), &head("/", ""));
    assert!(read_until(&mut client, "}").starts_with("HTTP/1.1 200"));
    assert_eq!(read_rest(&mut client), "");
}

#[test]
fn connections_over_the_limit_are_closed_and_a_place_comes_back() {
    let upstream = Upstream::start();
    let limits = "limits: {connections: 2, header_timeout: 100s, idle_timeout: 100s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let mut held: Vec<TcpStream> =
        (0..2).map(|_| connect(gateway.address("web"), &head("/", ""))).collect();
    for client in &mut held {
        assert!(read_until(client, "\r\n\r\n").starts_with("HTTP/1.1 200"));
    }
    let mut third = connect(gateway.address("web"), "");
    assert_eq!(third.read(&mut [0]).unwrap_or(0), 0, "closed without a byte");
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(metrics.contains(r#"reason="limit_total"} 1"#), "{metrics}");
    drop(held);
    eventually("a place is free", || {
        let request = get(gateway.address("web"), "kilden.example.dk", "/").from(DENMARK);
        request.try_send().is_ok_and(|answer| answer.status == 200)
    });
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let upstream = Upstream::start();
    let limits = "limits: {header_bytes: 8192}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let long = "a".repeat(20_000);
    let mut client =
        connect(gateway.address("web"), &head("/", &format!("X: {long}\r\nConnection: close\r\n")));
    let received = read_rest(&mut client);
    assert!(received.is_empty() || received.starts_with("HTTP/1.1 431"), "{received}");
}
