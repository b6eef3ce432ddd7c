//! The end of a gateway: what runs may finish, what hangs is cut, the log says so and is whole.

use std::io::Write as _;
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::support::client::get;
use super::support::gateway::{Gateway, configuration, eventually};
use super::support::places::DENMARK;
use super::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use super::support::upstream::Upstream;

/// Begins an answer of ten bytes with five, and sends the other five when it is told to.
fn slow_upstream() -> (RawUpstream, Sender<()>) {
    let (go_on, told): (Sender<()>, Receiver<()>) = channel();
    let told = Mutex::new(told);
    let upstream = RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
        if told.lock().unwrap().recv().is_ok() {
            let _ = stream.write_all(b"-last");
        }
    });
    (upstream, go_on)
}

fn is_stopping(line: &serde_json::Value) -> bool {
    line["fields"]["message"].as_str().is_some_and(|message| message.starts_with("stopping"))
}

fn has_cut(gateway: &Gateway) -> bool {
    gateway.log().iter().any(|line| line["fields"]["message"] == "what is left is cut")
}

fn assert_log_is_whole_and_ends(gateway: &Gateway) {
    gateway.command(&["audit", "verify"]).expect_code(0);
    let stopped = gateway.command(&["audit", "search", "--json", "--action", "stopped"]);
    assert_eq!(stopped.expect_code(0).out.lines().count(), 1);
}

#[test]
fn an_exchange_under_way_finishes_and_nothing_new_begins() {
    let (upstream, go_on) = slow_upstream();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let web = gateway.address("web");
    let mut client = connect(web, &head("/long", ""));
    read_until(&mut client, "first");
    gateway.signal("TERM");
    gateway.wait_for_log("it says that it stops", is_stopping);
    eventually("new connections are refused", || TcpStream::connect(web).is_err());
    go_on.send(()).unwrap();
    assert_eq!(read_rest(&mut client), "-last");
    assert_eq!(gateway.wait(), Some(0));
    assert!(!has_cut(&gateway));
    assert_log_is_whole_and_ends(&gateway);
}

#[test]
fn a_second_signal_cuts_what_hangs() {
    let (upstream, _never) = slow_upstream();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let mut client = connect(gateway.address("web"), &head("/long", ""));
    read_until(&mut client, "first");
    gateway.signal("TERM");
    gateway.wait_for_log("it says that it stops", is_stopping);
    gateway.signal("TERM");
    assert_eq!(gateway.wait(), Some(0));
    assert_eq!(read_rest(&mut client), "", "the body stays broken");
    assert!(has_cut(&gateway));
    assert_log_is_whole_and_ends(&gateway);
}

#[test]
fn connections_on_which_nothing_happens_hold_nobody_up() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let _silent = connect(gateway.address("web"), "");
    let _silent_too = connect(gateway.address("operations"), "");
    let _lines = connect(gateway.address("web"), "\r\n\r\n");
    let mut idle = connect(gateway.address("web"), &head("/", ""));
    assert!(read_until(&mut idle, "\r\n\r\n").starts_with("HTTP/1.1 200"));
    let half = connect(gateway.address("web"), "GET / HTTP/1.1\r\nHost: kild");
    // Its connection has been accepted once a later one is answered.
    assert_eq!(
        get(gateway.address("web"), "kilden.example.dk", "/").from(DENMARK).send().status,
        200
    );
    assert_eq!(gateway.stop(), Some(0));
    assert!(!has_cut(&gateway));
    drop(half);
}

#[test]
fn an_interrupt_ends_it_as_well() {
    let upstream = Upstream::start();
    let mut gateway = Gateway::start(&configuration(&upstream.url(), ""));
    gateway.signal("INT");
    assert_eq!(gateway.wait(), Some(0));
    assert_log_is_whole_and_ends(&gateway);
}
