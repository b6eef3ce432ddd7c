//! Clients that take their time over HTTP/2, or say nothing at all.

use std::thread::sleep;
use std::time::Duration;

use crate::support::gateway::Gateway;
use crate::support::h2_raw::*;
use crate::support::upstream::Upstream;

/// Only what a client has begun has to come soon.
const SHORT_HEADS: &str = "limits: {header_timeout: 500ms, idle_timeout: 10m}\n";
const SHORT_IDLING: &str = "limits: {header_timeout: 500ms, idle_timeout: 500ms}\n";

fn ends(connection: &mut Connection, what: &str) {
    let came = connection.end();
    assert!(matches!(came, Came::Ended | Came::GoAway(_)), "{what}: {came:?}");
}

#[test]
fn what_is_begun_is_finished_soon_or_cut() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), SHORT_HEADS);
    let settings = frame(SETTINGS, 0, 0, &[]);
    for (what, beginning) in [
        ("nothing", vec![]),
        ("half a preface", PREFACE[..9].to_vec()),
        ("a preface without settings", PREFACE.to_vec()),
        ("half of the settings' head", [PREFACE, &settings[..5]].concat()),
    ] {
        let mut connection = Connection::silent(&gateway, HOST);
        connection.send(&beginning);
        ends(&mut connection, what);
    }
    let head = headers(END_STREAM, 1, &request("GET", "/", &[]));
    for (what, beginning) in [
        ("an octet of a frame", vec![0]),
        ("half a PING", frame(PING, 0, 0, &[0; 8])[..12].to_vec()),
        ("half of HEADERS", head[..40].to_vec()),
        (
            "a header block without its end",
            frame(HEADERS, END_STREAM, 1, &request("GET", "/", &[])),
        ),
    ] {
        let mut connection = Connection::open(&gateway);
        connection.send(&beginning);
        ends(&mut connection, what);
    }
}

/// A header block that grows by an octet now and then is one head.
#[test]
fn a_head_has_its_time_as_a_whole() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), SHORT_HEADS);
    let mut connection = Connection::open(&gateway);
    connection.send(&frame(HEADERS, END_STREAM, 1, &request("GET", "/", &[])));
    let piece = frame(CONTINUATION, 0, 1, &field("a", "b"));
    let pieces = (0..600).take_while(|_| {
        sleep(Duration::from_millis(100));
        connection.try_send(&piece).is_ok()
    });
    assert!(pieces.count() < 600);
}

#[test]
fn a_body_may_take_longer_than_a_head() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), SHORT_HEADS);
    let mut connection = Connection::open(&gateway);
    let data = frame(DATA, END_STREAM, 1, b"body");
    connection.send(&headers(0, 1, &request("POST", "/", &[])));
    sleep(Duration::from_millis(900));
    connection.send(&data[..10]);
    sleep(Duration::from_millis(900));
    connection.send(&data[10..]);
    assert_eq!(connection.answer(1).0, 200);
}

/// Signs of life are no requests.
#[test]
fn a_connection_without_requests_ends_however_lively_it_is() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), SHORT_IDLING);
    let mut connection = Connection::open(&gateway);
    assert_eq!(connection.ask(1, &request("GET", "/", &[])).0, 200);
    let lively = (0..600).take_while(|_| {
        sleep(Duration::from_millis(50));
        connection.verdict(0) == Came::Nothing
    });
    assert!(lively.count() < 600);
}

/// Whoever waits for an answer shows now and then that he is still there.
#[test]
fn a_client_that_answers_no_ping_is_gone() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), SHORT_IDLING);
    let mut connection = Connection::open(&gateway);
    connection.send(&headers(END_STREAM, 1, &request("GET", "/hang", &[])));
    ends(&mut connection, "no answer to PING");
}

/// Many requests that never come to their end hold nobody up.
#[test]
fn half_requests_hold_nobody_up() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let mut held: Vec<Connection> = (0..4).map(|_| Connection::open(&gateway)).collect();
    for connection in &mut held {
        for nth in 0..128 {
            connection.send(&headers(0, nth * 2 + 1, &request("POST", "/", &[])));
        }
        assert_eq!(connection.verdict(0), Came::Nothing);
    }
    serves(&gateway);
    // Behind GOAWAY nothing new begins, and what is begun goes on.
    let mut leaving = Connection::open(&gateway);
    leaving.send(&headers(0, 1, &request("POST", "/", &[])));
    leaving.send(&frame(GOAWAY, 0, 0, &[0; 8]));
    leaving.send(&frame(DATA, END_STREAM, 1, b"body"));
    assert_eq!(leaving.fate(1), Came::Answer(200));
}

fn serves(gateway: &Gateway) {
    assert_eq!(Connection::open(gateway).ask(1, &request("GET", "/", &[])).0, 200);
}
