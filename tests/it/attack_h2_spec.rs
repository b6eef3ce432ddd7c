//! What h2spec asks of a server beyond the table of `attack_h2_rules`, so that together they cover
//! each of its sections (generic 1 to 5, http2 3.5 to 8.2, hpack 2.3.3 to 6.3).

use crate::attack_h2_rules::Is::{Answered, ConnectionError, PassedOver, StreamError};
use crate::attack_h2_rules::{begun, complete, hold, still_serves, two, with};
use crate::support::gateway::Gateway;
use crate::support::h2_raw::*;
use crate::support::places::DENMARK;
use crate::support::upstream::Upstream;

/// A request that is complete and stays without an answer.
fn hanging(stream: u32) -> Vec<u8> {
    headers(END_STREAM, stream, &request("GET", "/hang", &[]))
}

fn priority(stream: u32, payload: [u8; 5]) -> Vec<u8> {
    frame(PRIORITY, 0, stream, &payload)
}

fn reset(stream: u32, code: u8) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &[0, 0, 0, code])
}

fn window(stream: u32, by: u32) -> Vec<u8> {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes())
}

#[test]
fn every_frame_is_taken_where_it_may_stand() {
    let whole = request("GET", "/", &[]);
    let data = |flags, octets: &[u8]| frame(DATA, flags, 1, octets);
    hold(vec![
        (
            "4.2",
            "DATA of as much as a frame may hold",
            two(begun(1), data(END_STREAM, &[b'a'; 16_384])),
            Answered(200),
        ),
        (
            "generic 3.1",
            "a body in several frames",
            [begun(1), data(0, b"a"), data(0, b""), data(END_STREAM, b"b")].concat(),
            Answered(200),
        ),
        ("generic 3.3", "the least weight", two(priority(1, [0; 5]), complete(1)), Answered(200)),
        (
            "generic 3.3",
            "the most weight",
            two(priority(1, [0, 0, 0, 0, 255]), complete(1)),
            Answered(200),
        ),
        (
            "generic 3.3",
            "a dependency on an idle stream",
            two(priority(1, [0, 0, 0, 9, 15]), complete(1)),
            Answered(200),
        ),
        (
            "generic 3.3",
            "an exclusive dependency",
            two(priority(1, [0x80, 0, 0, 9, 15]), complete(1)),
            Answered(200),
        ),
        (
            "generic 3.3",
            "PRIORITY of a later stream, which opens none",
            two(priority(7, [0, 0, 0, 0, 15]), complete(1)),
            Answered(200),
        ),
        (
            "generic 2",
            "WINDOW_UPDATE behind the end of a request",
            two(complete(1), window(1, 1)),
            Answered(200),
        ),
        (
            "generic 2",
            "PRIORITY behind the end of a request",
            two(hanging(1), priority(1, [0, 0, 0, 0, 15])),
            PassedOver,
        ),
        (
            "generic 2",
            "RST_STREAM behind the end of a request",
            two(hanging(1), reset(1, 8)),
            PassedOver,
        ),
        (
            "7",
            "RST_STREAM with a code that nobody knows",
            two(begun(1), reset(1, 0xff)),
            PassedOver,
        ),
        (
            "5.1",
            "WINDOW_UPDATE on a stream that was reset",
            [begun(1), reset(1, 8), window(1, 1)].concat(),
            PassedOver,
        ),
        (
            "generic 3.10",
            "several CONTINUATION, one of them empty",
            [
                frame(HEADERS, END_STREAM, 1, &whole[..5]),
                frame(CONTINUATION, 0, 1, &whole[5..20]),
                frame(CONTINUATION, 0, 1, &[]),
                frame(CONTINUATION, 0, 1, &whole[20..30]),
                frame(CONTINUATION, END_HEADERS, 1, &whole[30..]),
            ]
            .concat(),
            Answered(200),
        ),
        (
            "generic 3.5",
            "several settings at once",
            two(frame(SETTINGS, 0, 0, &[setting(2, 0), setting(3, 7)].concat()), complete(1)),
            Answered(200),
        ),
    ]);
}

#[test]
fn every_frame_is_refused_where_it_may_not_stand() {
    let whole = request("GET", "/", &[]);
    let end = |stream| frame(CONTINUATION, END_HEADERS, stream, &[]);
    hold(vec![
        (
            "5.1",
            "CONTINUATION behind the end of a request",
            two(hanging(1), end(1)),
            ConnectionError,
        ),
        (
            "5.1",
            "CONTINUATION on a stream that was reset",
            [begun(1), reset(1, 8), end(1)].concat(),
            ConnectionError,
        ),
        (
            "5.1",
            "DATA on a stream that was reset",
            [begun(1), reset(1, 8), frame(DATA, END_STREAM, 1, b"a")].concat(),
            StreamError,
        ),
        (
            "5.3.1",
            "PRIORITY that depends on itself",
            two(begun(1), priority(1, [0, 0, 0, 1, 15])),
            StreamError,
        ),
        (
            "6.10",
            "CONTINUATION on stream 0",
            two(frame(HEADERS, END_STREAM, 1, &whole), end(0)),
            ConnectionError,
        ),
        (
            "6.10",
            "CONTINUATION behind the last one",
            [frame(HEADERS, 0, 1, &whole), end(1), end(1)].concat(),
            ConnectionError,
        ),
        (
            "6.10",
            "PRIORITY within a header block",
            two(frame(HEADERS, END_STREAM, 1, &whole), priority(1, [0, 0, 0, 0, 15])),
            ConnectionError,
        ),
        (
            "6.3",
            "PRIORITY of six octets",
            two(begun(1), frame(PRIORITY, 0, 1, &[0; 6])),
            StreamError,
        ),
        (
            "6.4",
            "RST_STREAM of five octets",
            two(begun(1), frame(RST_STREAM, 0, 1, &[0; 5])),
            ConnectionError,
        ),
        (
            "6.9.1",
            "the window over 2^31-1 by one step",
            two(begun(1), window(1, (1 << 31) - 1)),
            StreamError,
        ),
    ]);
}

/// `custom-key` and `custom-value` in Huffman's code (RFC 7541 appendix C.4.3).
const KEY: [u8; 9] = [0x88, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f];
const VALUE: [u8; 10] = [0x89, 0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf];
/// `no-cache` (appendix C.4.2), for `cache-control`, which stands at 24 of the table.
const NO_CACHE: [u8; 7] = [0x86, 0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf];

/// Each way to write a field down, and what the upstream reads of it.
#[test]
fn every_representation_of_a_field_is_read() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let (key, value) = (string(b"custom-key"), string(b"custom-value"));
    let (custom, cached) = (("custom-key", "custom-value"), ("cache-control", "no-cache"));
    let plain = string(b"no-cache");
    for (what, field, expected) in [
        ("incremental, indexed name", [&[0x58][..], &plain].concat(), cached),
        ("incremental, indexed name, Huffman", [&[0x58][..], &NO_CACHE].concat(), cached),
        ("incremental, new name", [&[0x40][..], &key, &value].concat(), custom),
        ("incremental, new name, Huffman", [&[0x40][..], &KEY, &VALUE].concat(), custom),
        ("without indexing, indexed name", [&[0x0f, 9][..], &plain].concat(), cached),
        ("without indexing, indexed name, Huffman", [&[0x0f, 9][..], &NO_CACHE].concat(), cached),
        ("without indexing, new name", [&[0][..], &key, &value].concat(), custom),
        ("without indexing, new name, Huffman", [&[0][..], &KEY, &VALUE].concat(), custom),
        ("never indexed, indexed name", [&[0x1f, 9][..], &plain].concat(), cached),
        ("never indexed, indexed name, Huffman", [&[0x1f, 9][..], &NO_CACHE].concat(), cached),
        ("never indexed, new name", [&[0x10][..], &key, &value].concat(), custom),
        ("never indexed, new name, Huffman", [&[0x10][..], &KEY, &VALUE].concat(), custom),
    ] {
        let mut connection = Connection::open(&gateway);
        assert_eq!(read_of(&mut connection, 1, &field, expected.0), expected.1, "{what}");
    }
    // Indexed fields of the static table, the name of one, and a size that changes twice.
    let from = block(&[("x-forwarded-for", DENMARK)]);
    let start = [&[0x20, 0x3f, 0xe1, 0x1f, 0x82, 0x87, 0x84, 0x41][..], &string(HOST.as_bytes())];
    let whole = [start.concat(), from].concat();
    assert_eq!(Connection::open(&gateway).ask(1, &whole).0, 200);
    // What entered the table is known to the next request.
    let mut connection = Connection::open(&gateway);
    let enters = [&[0x40][..], &key, &value].concat();
    assert_eq!(read_of(&mut connection, 1, &enters, "custom-key"), "custom-value");
    assert_eq!(read_of(&mut connection, 3, &[0xbe], "custom-key"), "custom-value");
}

/// A field's value as the upstream was told it.
fn read_of(connection: &mut Connection, stream: u32, field: &[u8], name: &str) -> String {
    let (status, body) = connection.ask(stream, &[&request("GET", "/", &[])[..], field].concat());
    assert_eq!(status, 200);
    let seen: serde_json::Value = serde_json::from_slice(&body).unwrap();
    let headers = seen["headers"].as_array().unwrap();
    let found = headers.iter().find(|header| header[0] == name);
    found.unwrap_or_else(|| panic!("{name} is not in {headers:?}"))[1].as_str().unwrap().to_owned()
}

#[test]
fn settings_and_pings_are_answered_once() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    connection.send(&frame(SETTINGS, 0, 0, &setting(3, 100)));
    connection.send(&frame(SETTINGS, 0, 0, &[]));
    connection.send(&frame(PING, ACK, 0, b"answered"));
    connection.send(&frame(PING, 0, 0, b"whatever"));
    let mut acknowledged = 0;
    loop {
        let came = connection.next().expect("an answer");
        match (came.kind, came.flags) {
            (SETTINGS, ACK) => {
                assert!(came.payload.is_empty());
                acknowledged += 1;
            }
            (PING, ACK) => {
                assert_eq!((came.stream, came.payload.as_slice()), (0, &b"whatever"[..]));
                break;
            }
            (WINDOW_UPDATE, _) => {}
            _ => panic!("{came:?}"),
        }
    }
    assert_eq!(acknowledged, 2);
}

/// The length of the next DATA on stream 1.
fn next_data(connection: &mut Connection) -> usize {
    loop {
        let frame = connection.next().expect("DATA");
        assert!(![RST_STREAM, GOAWAY].contains(&frame.kind), "{frame:?}");
        if frame.kind == DATA && frame.stream == 1 {
            return frame.payload.len();
        }
    }
}

#[test]
fn an_answer_is_as_long_as_its_window() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let initial = |values: &[u32]| {
        let payload: Vec<u8> = values.iter().flat_map(|value| setting(4, *value)).collect();
        frame(SETTINGS, 0, 0, &payload)
    };
    let opened = |window: u32| Connection::open_with(&gateway, &[(4, window)]);
    // 6.9.1: as much as the window holds, and more when it is opened.
    let mut connection = opened(1);
    connection.send(&complete(1));
    assert_eq!(next_data(&mut connection), 1);
    connection.send(&window(1, 2));
    assert_eq!(next_data(&mut connection), 2);
    // 6.9.2: a setting opens the windows of streams that are there.
    let mut connection = opened(0);
    connection.send(&complete(1));
    assert_eq!(connection.fate(1), Came::Answer(200));
    assert_eq!(connection.verdict(1), Came::Nothing);
    connection.send(&initial(&[1]));
    assert_eq!(next_data(&mut connection), 1);
    // 6.9.2: a window may be below nothing.
    let mut connection = opened(3);
    connection.send(&complete(1));
    assert_eq!(next_data(&mut connection), 3);
    connection.send(&initial(&[2]));
    connection.send(&window(1, 1));
    assert_eq!(connection.verdict(1), Came::Nothing);
    connection.send(&window(1, 1));
    assert_eq!(next_data(&mut connection), 1);
    // 6.5.3: the last value of several counts.
    let mut connection = opened(0);
    connection.send(&initial(&[100, 1]));
    connection.send(&complete(1));
    assert_eq!(next_data(&mut connection), 1);
}

/// A connection on which stream 1 is over on both sides.
fn over(gateway: &Gateway) -> Connection {
    let mut connection = Connection::open(gateway);
    assert_eq!(connection.ask(1, &request("GET", "/", &[])).0, 200);
    connection
}

#[test]
fn nothing_more_is_taken_on_a_stream_that_is_over() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    for (what, octets) in [
        ("DATA", frame(DATA, END_STREAM, 1, b"a")),
        ("HEADERS", with(&[])),
        ("CONTINUATION", frame(CONTINUATION, END_HEADERS, 1, &[])),
    ] {
        let mut connection = over(&gateway);
        connection.send(&octets);
        let came = connection.fate(1);
        let refused = matches!(came, Came::Reset(1..) | Came::GoAway(1..) | Came::Ended);
        assert!(refused, "{what}: {came:?}");
    }
    // These may be under way when it ends.
    for octets in [window(1, 1), priority(1, [0, 0, 0, 0, 15]), reset(1, 8)] {
        let mut connection = over(&gateway);
        connection.send(&octets);
        assert_eq!(connection.verdict(1), Came::Nothing);
        assert_eq!(connection.ask(3, &request("GET", "/", &[])).0, 200);
    }
    still_serves(&gateway);
}

/// 5.4.1: whoever breaks the rules of the connection is told, and hung up on.
#[test]
fn a_connection_error_ends_the_connection() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    connection.send(&frame(PING, 0, 3, &[0; 8]));
    assert!(matches!(connection.end(), Came::GoAway(1..)));
    assert_eq!(connection.end(), Came::Ended);
    still_serves(&gateway);
}
