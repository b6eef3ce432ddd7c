//! Much of what costs a client little: the connection ends, and others are served.

use std::io::{Read as _, Write as _};

use crate::support::client::get;
use crate::support::gateway::{Gateway, eventually};
use crate::support::h2_raw::*;
use crate::support::raw::{RawUpstream, read_until};
use crate::support::upstream::Upstream;

/// No flood goes on for so many frames.
const MOST: u32 = 6_000;
/// How many go at a time.
const BATCH: u32 = 50;

/// Sends what `octets` makes of 0, 1, 2… until the connection ends; how many that took.
fn flood(connection: &mut Connection, octets: impl Fn(u32) -> Vec<u8>) -> (u32, Came) {
    for batch in 0..MOST / BATCH {
        let sent: Vec<u8> = (0..BATCH).flat_map(|one| octets(batch * BATCH + one)).collect();
        connection.send(&sent);
        // Only the connection's end counts; stream 0 is never reset.
        match connection.verdict(0) {
            Came::Nothing => {}
            came => return ((batch + 1) * BATCH, came),
        }
    }
    panic!("nobody ended a flood of {MOST}");
}

fn serves(gateway: &Gateway) {
    assert_eq!(Connection::open(gateway).ask(1, &request("GET", "/", &[])).0, 200);
}

fn is_calm(came: Came) -> bool {
    // A client that goes on sending may lose the GOAWAY with the connection.
    matches!(came, Came::GoAway(11) | Came::Ended)
}

/// The nth stream of a client.
fn stream(nth: u32) -> u32 {
    nth * 2 + 1
}

fn hanging(nth: u32) -> Vec<u8> {
    headers(END_STREAM, stream(nth), &request("GET", "/hang", &[]))
}

fn resident(gateway: &Gateway) -> usize {
    let status = format!("/proc/{}/status", gateway.process_id());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() << 10
}

#[test]
fn frames_that_do_no_work_have_an_end() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let begun = headers(0, 1, &request("POST", "/", &[]));
    let floods: &[(&str, Vec<u8>)] = &[
        ("PING", frame(PING, 0, 0, &[1; 8])),
        ("PING's answers", frame(PING, ACK, 0, &[1; 8])),
        ("SETTINGS", frame(SETTINGS, 0, 0, &[])),
        ("SETTINGS with values", frame(SETTINGS, 0, 0, &setting(4, 65_535).repeat(100))),
        ("PRIORITY", frame(PRIORITY, 0, 7, &[0, 0, 0, 3, 1])),
        ("WINDOW_UPDATE", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
        ("WINDOW_UPDATE of a stream", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
        ("empty DATA", frame(DATA, 0, 1, &[])),
        ("DATA that is all padding", frame(DATA, PADDED, 1, &[3, 0, 0, 0])),
        ("frames that nobody knows", frame(0xbe, 0, 0, &[])),
        ("GOAWAY", frame(GOAWAY, 0, 0, &[0; 8])),
    ];
    for (name, octets) in floods {
        let mut connection = Connection::open(&gateway);
        connection.send(&begun);
        let (sent, came) = flood(&mut connection, |_| octets.clone());
        assert!(is_calm(came), "{name}: {came:?} after {sent}");
    }
    serves(&gateway);
}

/// What a client does all day is no flood.
#[test]
fn a_busy_client_is_not_taken_for_a_flood() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    for nth in 0..300 {
        connection.send(&frame(0x10, 0, 0, b"\0\0\0\x01u=3"));
        connection.send(&headers(0, stream(nth), &request("POST", "/", &[])));
        connection.send(&frame(DATA, 0, stream(nth), b"some"));
        connection.send(&frame(DATA, END_STREAM, stream(nth), &[]));
        assert_eq!(connection.answer(stream(nth)).0, 200);
        connection.send(&frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1, 0]).repeat(5));
        assert_eq!(connection.verdict(0), Came::Nothing);
    }
}

/// CVE-2023-44487: requests that are taken back, at once and after they were begun.
#[test]
fn requests_that_are_taken_back_have_an_end() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let cancel = |nth| frame(RST_STREAM, 0, stream(nth), &[0, 0, 0, 8]);
    let mut at_once = Connection::open(&gateway);
    let (sent, came) = flood(&mut at_once, |nth| [hanging(nth), cancel(nth)].concat());
    assert!(sent <= 300 && is_calm(came), "{came:?} after {sent}");
    let mut begun = Connection::open(&gateway);
    let taken_back = (0..MOST).find(|nth| {
        begun.send(&hanging(*nth));
        let there = begun.verdict(0);
        begun.send(&cancel(*nth));
        there != Came::Nothing
    });
    assert!(taken_back.is_some_and(|nth| nth <= 300), "{taken_back:?}");
    serves(&gateway);
}

/// CVE-2025-8671: requests that the gateway is made to reset.
#[test]
fn requests_that_we_are_made_to_reset_have_an_end() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    type Way = (&'static str, fn(u32) -> Vec<u8>);
    let ways: [Way; 4] = [
        ("a window that grows by nothing", |id| frame(WINDOW_UPDATE, 0, id, &[0; 4])),
        ("a window that grows too far", |id| frame(WINDOW_UPDATE, 0, id, &[0x7f, 255, 255, 255])),
        ("DATA behind the end", |id| frame(DATA, 0, id, b"a")),
        ("HEADERS behind the end", |id| headers(END_STREAM, id, &request("GET", "/", &[]))),
    ];
    for (name, provoke) in ways {
        let mut connection = Connection::open(&gateway);
        let (sent, came) =
            flood(&mut connection, |nth| [hanging(nth), provoke(stream(nth))].concat());
        assert!(sent <= 300, "{name}: {came:?} after {sent}");
        assert!(matches!(came, Came::GoAway(1..) | Came::Ended), "{name}: {came:?}");
    }
    serves(&gateway);
}

/// CVE-2024-27316: a header block that never ends.
#[test]
fn a_header_block_has_an_end() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let before = resident(&gateway);
    let field = field("x-long", "a".repeat(1_000));
    for piece in [vec![], field.repeat(16), b"\0\x7f\xff\xff\xff\x07".to_vec()] {
        let mut connection = Connection::open(&gateway);
        connection.send(&frame(HEADERS, END_STREAM, 1, &request("GET", "/", &[])));
        let piece = frame(CONTINUATION, 0, 1, &piece);
        let sent = (0..MOST).take_while(|_| connection.try_send(&piece).is_ok()).count();
        assert!(sent < MOST as usize, "nobody ended a header block of {sent} pieces");
        assert!(matches!(connection.end(), Came::GoAway(1..) | Came::Ended));
    }
    let grown = resident(&gateway).saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
    serves(&gateway);
}

/// A few octets that stand for many: each counts as long as it reads.
#[test]
fn a_compressed_head_counts_as_long_as_it_is() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let before = resident(&gateway);
    // One entry of 4,000 octets, and many times a reference to it.
    let entry = [&[0x40][..], &string(b"x-bomb"), &string(&[b'a'; 3_900])].concat();
    let bomb = |times: usize| [request("GET", "/", &[]), entry.clone(), vec![0xbe; times]].concat();
    let crumbs = |times: usize| {
        let more = field("cookie", "a=b").repeat(times);
        [request("GET", "/", &[]), more].concat()
    };
    let asked = |block: &[u8]| {
        let mut connection = Connection::open(&gateway);
        connection.send(&headers(END_STREAM, 1, block));
        connection.fate(1)
    };
    assert_eq!(asked(&bomb(5)), Came::Answer(200));
    assert_eq!(asked(&crumbs(100)), Came::Answer(200));
    assert_eq!(asked(&bomb(20)), Came::Answer(431));
    assert!(matches!(asked(&bomb(12_000)), Came::GoAway(11) | Came::Ended));
    // Short as it stands on the wire, too long once each part counts with what it costs (RFC 9113
    // section 6.5.2).
    let over = crumbs(1_700);
    assert!(over.len() < 32 << 10);
    let (first, rest) = over.split_at(16_000);
    let mut connection = Connection::open(&gateway);
    connection.send(&frame(HEADERS, END_STREAM, 1, first));
    connection.send(&frame(CONTINUATION, END_HEADERS, 1, rest));
    assert_eq!(connection.fate(1), Came::Answer(431));
    let grown = resident(&gateway).saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes more");
    serves(&gateway);
}

/// More requests at a time than were agreed are refused one by one, and for ever is too long.
#[test]
fn streams_at_a_time_have_a_limit() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    (0..129).for_each(|nth| connection.send(&hanging(nth)));
    assert_eq!(connection.fate(stream(128)), Came::Reset(7), "the 129th");
    let (_, came) = flood(&mut connection, |nth| hanging(129 + nth));
    assert!(matches!(came, Came::GoAway(11) | Came::Ended), "{came:?}");
    serves(&gateway);
    let metrics = || get(gateway.address("operations"), "localhost", "/metrics").send().text();
    let counted = r#"geovagt_http2_streams_refused_total{code="refused_stream"}"#;
    eventually("refused streams are counted", || metrics().contains(counted));
}

/// Requests that are malformed never reach a site, and an operator sees them all the same.
#[test]
fn malformed_requests_are_counted() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    connection.send(&headers(END_STREAM, 1, &request("GET", "/", &[("te", "gzip")])));
    connection.send(&headers(END_STREAM, 3, &request("GET", "/", &[("upgrade", "h2c")])));
    assert_eq!(connection.fate(3), Came::Reset(1));
    let metrics = || get(gateway.address("operations"), "localhost", "/metrics").send().text();
    let counted = r#"geovagt_http2_streams_refused_total{code="protocol_error"} 2"#;
    eventually("malformed requests are counted", || metrics().contains(counted));
}

/// Answers that nobody reads wait at the upstream, not with us.
#[test]
fn answers_that_nobody_reads_are_not_kept() {
    const LENGTH: usize = 8 << 20;
    let upstream = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
        let _ = stream.write_all(head.as_bytes());
        let piece = [b'a'; 1 << 16];
        let _ = (0..LENGTH >> 16).try_for_each(|_| stream.write_all(&piece));
        let _ = stream.read(&mut [0]);
    });
    let gateway = gateway(&upstream.url(), "");
    let answers = || {
        let mut connection = Connection::open(&gateway);
        connection.send(&headers(END_STREAM, 1, &request("GET", "/", &[])));
        assert_eq!(connection.fate(1), Came::Answer(200));
    };
    answers();
    let before = resident(&gateway);
    for window in [0, 65_535, (1 << 31) - 1] {
        let mut connection = Connection::open_with(&gateway, &[(4, window)]);
        connection.send(&frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0, 0, 0]));
        for nth in 0..100 {
            connection.send(&headers(END_STREAM, stream(nth), &request("GET", "/", &[])));
        }
        // Until nothing more is taken from the upstream.
        let mut last = 0;
        eventually("the gateway takes no more", || {
            std::thread::sleep(std::time::Duration::from_millis(300));
            let now = resident(&gateway);
            std::mem::replace(&mut last, now) == now
        });
        let grown = last.saturating_sub(before);
        assert!(grown < 56 << 20, "{grown} bytes more with a window of {window}");
        answers();
    }
}
