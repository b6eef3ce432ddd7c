//! The rules of HTTP/2 (RFC 9113) and of its header compression (RFC 7541), one broken at a time.
//!
//! Each row: section, what is broken, the octets, what has to come of it. A connection error may be
//! told by GOAWAY or by the end of the connection (RFC 9113 section 5.4.1), and a more general code
//! may stand for a special one (section 5.4): `FRAME_SIZE` and `COMPRESSION` are often told as
//! `PROTOCOL`.

use crate::support::gateway::Gateway;
use crate::support::h2_raw::*;
use crate::support::upstream::Upstream;

/// What has to come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    /// The connection ends.
    ConnectionError,
    /// Stream 1 is reset, or, where a library cannot go on, the connection ends.
    StreamError,
    /// Stream 1 is answered with this status.
    Answered(u16),
    /// Nothing: it is read and passed over.
    PassedOver,
}
use Is::{Answered, ConnectionError, PassedOver, StreamError};

pub(super) type Row = (&'static str, &'static str, Vec<u8>, Is);

/// Runs each row on a connection of its own.
pub(super) fn hold(rows: Vec<Row>) {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    let mut wrong = Vec::new();
    for (section, what, octets, expected) in rows {
        let mut connection = Connection::open(&gateway);
        connection.send(&octets);
        let came = outcome(&mut connection, expected);
        if !fits(came, expected) {
            wrong.push(format!("{section}, {what}: {came:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    still_serves(&gateway);
}

fn outcome(connection: &mut Connection, expected: Is) -> Came {
    match expected {
        ConnectionError => connection.end_or_verdict(),
        StreamError | Answered(_) => connection.fate(1),
        PassedOver => connection.verdict(1),
    }
}

fn fits(came: Came, expected: Is) -> bool {
    match (expected, came) {
        (ConnectionError | StreamError, Came::GoAway(code)) | (StreamError, Came::Reset(code)) => {
            code != 0
        }
        (ConnectionError, Came::Ended) | (PassedOver, Came::Nothing) => true,
        (Answered(status), Came::Answer(came)) => status == came,
        _ => false,
    }
}

pub(super) fn still_serves(gateway: &Gateway) {
    assert_eq!(Connection::open(gateway).ask(1, &request("GET", "/", &[])).0, 200);
}

/// A request that waits for its body.
pub(super) fn begun(stream: u32) -> Vec<u8> {
    headers(0, stream, &request("POST", "/", &[]))
}

/// A request that is complete.
pub(super) fn complete(stream: u32) -> Vec<u8> {
    headers(END_STREAM, stream, &request("GET", "/", &[]))
}

/// A complete request with these fields behind those of every request.
pub(super) fn with(more: &[(&str, &str)]) -> Vec<u8> {
    headers(END_STREAM, 1, &request("GET", "/", more))
}

/// A complete request with this header block.
fn block_of(fields: &[(&str, &str)]) -> Vec<u8> {
    headers(END_STREAM, 1, &block(fields))
}

pub(super) fn two(first: Vec<u8>, second: Vec<u8>) -> Vec<u8> {
    [first, second].concat()
}

#[test]
fn what_is_in_order_is_answered() {
    let priority = [&[0, 0, 0, 0, 15][..], &request("GET", "/", &[])].concat();
    let padded = [&[3][..], &request("GET", "/", &[]), &[0; 3]].concat();
    let whole = request("GET", "/", &[]);
    hold(vec![
        ("8.1", "GET", complete(1), Answered(200)),
        ("8.1", "HEAD", headers(END_STREAM, 1, &request("HEAD", "/", &[])), Answered(200)),
        ("8.1", "body", two(begun(1), frame(DATA, END_STREAM, 1, b"body")), Answered(200)),
        (
            "6.1",
            "padded DATA",
            two(begun(1), frame(DATA, END_STREAM | PADDED, 1, &[2, b'a', 0, 0])),
            Answered(200),
        ),
        ("6.2", "padded HEADERS", headers(END_STREAM | PADDED, 1, &padded), Answered(200)),
        (
            "6.2",
            "HEADERS with priority",
            headers(END_STREAM | WITH_PRIORITY, 1, &priority),
            Answered(200),
        ),
        (
            "6.10",
            "CONTINUATION",
            two(
                frame(HEADERS, END_STREAM, 1, &whole[..9]),
                frame(CONTINUATION, END_HEADERS, 1, &whole[9..]),
            ),
            Answered(200),
        ),
        (
            "8.1",
            "trailers",
            [begun(1), frame(DATA, 0, 1, b"a"), headers(END_STREAM, 1, &block(&[("x-sum", "1")]))]
                .concat(),
            Answered(200),
        ),
        ("8.2.2", "TE: trailers", with(&[("te", "trailers")]), Answered(200)),
        (
            "8.1.1",
            "content-length that fits",
            two(
                headers(0, 1, &request("POST", "/", &[("content-length", "4")])),
                frame(DATA, END_STREAM, 1, b"body"),
            ),
            Answered(200),
        ),
        (
            "6.3",
            "PRIORITY on an idle stream",
            two(frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]), complete(1)),
            Answered(200),
        ),
        (
            "6.9",
            "WINDOW_UPDATE",
            two(frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1]), complete(1)),
            Answered(200),
        ),
    ]);
}

#[test]
fn what_is_unknown_is_passed_over() {
    hold(vec![
        ("4.1", "a frame of a type that nobody knows", frame(0xee, 0xff, 0, b"octets"), PassedOver),
        ("4.1", "an undefined flag", frame(PING, 0x16, 0, &[0; 8]), PassedOver),
        ("4.1", "the reserved bit", frame(PING, 0, 1 << 31, &[0; 8]), PassedOver),
        ("6.5.2", "an unknown setting", frame(SETTINGS, 0, 0, &setting(0xabcd, 1)), PassedOver),
        ("6.7", "a PING's answer that nobody asked for", frame(PING, ACK, 0, &[7; 8]), PassedOver),
        (
            "6.8",
            "GOAWAY with an unknown code",
            two(
                headers(END_STREAM, 1, &request("GET", "/hang", &[])),
                frame(GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 0xff]),
            ),
            PassedOver,
        ),
        (
            "5.1",
            "PRIORITY on a closed stream",
            [complete(1), frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])].concat(),
            Answered(200),
        ),
    ]);
}

#[test]
fn frames_have_their_sizes() {
    let long = vec![0; 16_385];
    hold(vec![
        (
            "4.2",
            "DATA longer than SETTINGS_MAX_FRAME_SIZE",
            two(begun(1), frame(DATA, 0, 1, &long)),
            ConnectionError,
        ),
        ("4.2", "HEADERS longer than that", headers(END_STREAM, 1, &long), ConnectionError),
        ("6.3", "PRIORITY of four octets", frame(PRIORITY, 0, 1, &[0; 4]), ConnectionError),
        (
            "6.4",
            "RST_STREAM of three octets",
            two(begun(1), frame(RST_STREAM, 0, 1, &[0; 3])),
            ConnectionError,
        ),
        ("6.5", "SETTINGS of five octets", frame(SETTINGS, 0, 0, &[0; 5]), ConnectionError),
        (
            "6.5",
            "SETTINGS that answers and says something",
            frame(SETTINGS, ACK, 0, &setting(3, 1)),
            ConnectionError,
        ),
        ("6.7", "PING of seven octets", frame(PING, 0, 0, &[0; 7]), ConnectionError),
        ("6.8", "GOAWAY of seven octets", frame(GOAWAY, 0, 0, &[0; 7]), ConnectionError),
        (
            "6.9",
            "WINDOW_UPDATE of three octets",
            frame(WINDOW_UPDATE, 0, 0, &[0; 3]),
            ConnectionError,
        ),
        (
            "6.1",
            "padding as long as the DATA",
            two(begun(1), frame(DATA, PADDED, 1, &[4, 0, 0, 0])),
            ConnectionError,
        ),
        (
            "6.2",
            "padding longer than the HEADERS",
            headers(END_STREAM | PADDED, 1, &[200, 0, 0]),
            ConnectionError,
        ),
    ]);
}

#[test]
fn frames_stand_on_their_streams() {
    hold(vec![
        ("6.1", "DATA on stream 0", frame(DATA, 0, 0, b"a"), ConnectionError),
        (
            "6.2",
            "HEADERS on stream 0",
            headers(END_STREAM, 0, &request("GET", "/", &[])),
            ConnectionError,
        ),
        ("6.3", "PRIORITY on stream 0", frame(PRIORITY, 0, 0, &[0; 5]), ConnectionError),
        ("6.4", "RST_STREAM on stream 0", frame(RST_STREAM, 0, 0, &[0; 4]), ConnectionError),
        ("6.5", "SETTINGS on a stream", frame(SETTINGS, 0, 1, &[]), ConnectionError),
        ("6.7", "PING on a stream", frame(PING, 0, 1, &[0; 8]), ConnectionError),
        ("6.8", "GOAWAY on a stream", frame(GOAWAY, 0, 1, &[0; 8]), ConnectionError),
        (
            "6.6",
            "PUSH_PROMISE from a client",
            two(begun(1), frame(PUSH_PROMISE, END_HEADERS, 1, &[0, 0, 0, 2])),
            ConnectionError,
        ),
        (
            "5.1.1",
            "a stream with an even number",
            headers(END_STREAM, 2, &request("GET", "/", &[])),
            ConnectionError,
        ),
        (
            "5.1.1",
            "a stream below one that was there",
            two(complete(5), complete(3)),
            ConnectionError,
        ),
        (
            "5.3.1",
            "HEADERS that depend on themselves",
            headers(
                END_STREAM | WITH_PRIORITY,
                1,
                &[&[0, 0, 0, 1, 15][..], &request("GET", "/", &[])].concat(),
            ),
            StreamError,
        ),
    ]);
}

#[test]
fn streams_have_states() {
    let reset = |stream| frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]);
    hold(vec![
        ("5.1", "DATA on an idle stream", frame(DATA, 0, 1, b"a"), ConnectionError),
        ("5.1", "RST_STREAM on an idle stream", reset(1), ConnectionError),
        (
            "5.1",
            "WINDOW_UPDATE on an idle stream",
            frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]),
            ConnectionError,
        ),
        (
            "5.1",
            "CONTINUATION on an idle stream",
            frame(CONTINUATION, END_HEADERS, 1, &[]),
            ConnectionError,
        ),
        (
            "5.1",
            "DATA behind the end of a request",
            two(
                headers(END_STREAM, 1, &request("GET", "/hang", &[])),
                frame(DATA, END_STREAM, 1, b"a"),
            ),
            StreamError,
        ),
        (
            "5.1",
            "HEADERS behind the end of a request",
            two(headers(END_STREAM, 1, &request("GET", "/hang", &[])), complete(1)),
            StreamError,
        ),
        (
            "5.1",
            "HEADERS on a stream that was reset",
            [begun(1), reset(1), complete(1)].concat(),
            ConnectionError,
        ),
        (
            "8.1",
            "HEADERS within a request that do not end it",
            two(begun(1), headers(0, 1, &block(&[("a", "b")]))),
            StreamError,
        ),
    ]);
}

#[test]
fn header_blocks_are_whole() {
    let part = frame(HEADERS, END_STREAM, 1, &request("GET", "/", &[]));
    hold(vec![
        (
            "6.2",
            "another frame within a header block",
            two(part.clone(), frame(PING, 0, 0, &[0; 8])),
            ConnectionError,
        ),
        (
            "6.2",
            "HEADERS of another stream within it",
            two(part.clone(), complete(3)),
            ConnectionError,
        ),
        (
            "6.2",
            "an unknown frame within it",
            two(part.clone(), frame(0xee, 0, 1, &[])),
            ConnectionError,
        ),
        (
            "6.10",
            "CONTINUATION of another stream",
            two(part, frame(CONTINUATION, END_HEADERS, 3, &[])),
            ConnectionError,
        ),
        (
            "6.10",
            "CONTINUATION behind a whole block",
            [begun(1), frame(CONTINUATION, END_HEADERS, 1, &[])].concat(),
            ConnectionError,
        ),
        (
            "6.10",
            "CONTINUATION behind DATA",
            [begun(1), frame(DATA, 0, 1, b"a"), frame(CONTINUATION, END_HEADERS, 1, &[])].concat(),
            ConnectionError,
        ),
    ]);
}

#[test]
fn settings_and_windows_have_bounds() {
    let window = |stream, by: u32| frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes());
    let settings = |identifier, value| frame(SETTINGS, 0, 0, &setting(identifier, value));
    hold(vec![
        ("6.5.2", "ENABLE_PUSH of 2", settings(2, 2), ConnectionError),
        ("6.5.2", "INITIAL_WINDOW_SIZE over 2^31-1", settings(4, 1 << 31), ConnectionError),
        ("6.5.2", "MAX_FRAME_SIZE under 2^14", settings(5, 16_383), ConnectionError),
        ("6.5.2", "MAX_FRAME_SIZE over 2^24-1", settings(5, 1 << 24), ConnectionError),
        ("6.9", "WINDOW_UPDATE of the connection by nothing", window(0, 0), ConnectionError),
        ("6.9", "WINDOW_UPDATE of a stream by nothing", two(begun(1), window(1, 0)), StreamError),
        (
            "6.9.1",
            "the connection's window over 2^31-1",
            two(window(0, (1 << 31) - 1), window(0, 1)),
            ConnectionError,
        ),
        (
            "6.9.1",
            "a stream's window over 2^31-1",
            [begun(1), window(1, (1 << 31) - 1), window(1, 1)].concat(),
            StreamError,
        ),
        (
            "6.9.2",
            "an initial window that is too much for an open stream",
            [begun(1), window(1, (1 << 31) - 65_536), settings(4, (1 << 31) - 1)].concat(),
            ConnectionError,
        ),
    ]);
}

#[test]
fn header_blocks_are_compressed_as_they_should_be() {
    let with =
        |octets: &[u8]| headers(END_STREAM, 1, &[&request("GET", "/", &[])[..], octets].concat());
    let first =
        |octets: &[u8]| headers(END_STREAM, 1, &[octets, &request("GET", "/", &[])].concat());
    // A value in Huffman's code whose padding is not as it has to be.
    let huffman = |octets: &[u8]| {
        let length = 128 | u8::try_from(octets.len()).unwrap();
        with(&[&[0][..], &string(b"a"), &[length], octets].concat())
    };
    hold(vec![
        ("7541 2.3.3", "an index behind the tables", with(&[0xff, 0x80, 0x01]), ConnectionError),
        ("7541 6.1", "index 0", with(&[0x80]), ConnectionError),
        (
            "7541 6.2.1",
            "a name behind the tables",
            with(&[0x7f, 0x80, 0x01, 1, b'a']),
            ConnectionError,
        ),
        (
            "7541 5.1",
            "an integer without end",
            with(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
            ConnectionError,
        ),
        (
            "7541 5.2",
            "a string longer than its block",
            with(&[0, 1, b'a', 100, b'b']),
            ConnectionError,
        ),
        ("7541 5.2", "a block that ends within a field", with(&[0x40]), ConnectionError),
        ("7541 5.2", "padding of eight bits", huffman(&[0x1f, 0xff]), ConnectionError),
        ("7541 5.2", "padding that is not the end's beginning", huffman(&[0x18]), ConnectionError),
        (
            "7541 5.2",
            "the end's code in a string",
            huffman(&[0xff, 0xff, 0xff, 0xff]),
            ConnectionError,
        ),
        ("7541 5.2", "a string in the code that is right", huffman(&[0x1f]), Answered(200)),
        ("7541 6.3", "a table larger than allowed", first(&[0x3f, 0xe2, 0x1f]), ConnectionError),
        ("7541 4.2", "the table's size behind a field", with(&[0x20]), ConnectionError),
        ("7541 4.2", "the table's size first", first(&[0x20]), Answered(200)),
        (
            "7541 6.2.1",
            "a field that enters the table, used again",
            with(&[0x40, 1, b'a', 1, b'b', 0xbe]),
            Answered(200),
        ),
        (
            "7541 4.4",
            "a field that the emptied table has no more",
            two(
                with(&[0x40, 1, b'a', 1, b'b']),
                headers(END_STREAM, 3, &[&[0x20], &request("GET", "/", &[])[..], &[0xbe]].concat()),
            ),
            ConnectionError,
        ),
    ]);
}

#[test]
fn requests_have_their_fields_in_order() {
    let (m, s, a, p) =
        ((":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/"));
    let body = |length: &str| headers(0, 1, &request("POST", "/", &[("content-length", length)]));
    hold(vec![
        ("8.3", "an unknown pseudo field", block_of(&[m, s, a, p, (":test", "a")]), StreamError),
        (
            "8.3.2",
            "a pseudo field of answers",
            block_of(&[m, s, a, p, (":status", "200")]),
            StreamError,
        ),
        (
            "8.3",
            "a pseudo field behind another field",
            block_of(&[m, s, a, ("a", "b"), p]),
            StreamError,
        ),
        ("8.3.1", ":method missing", block_of(&[s, a, p]), StreamError),
        ("8.3.1", ":scheme missing", block_of(&[m, a, p]), StreamError),
        ("8.3.1", ":path missing", block_of(&[m, s, a]), StreamError),
        ("8.3.1", ":path empty", block_of(&[m, s, a, (":path", "")]), StreamError),
        ("8.3", ":method twice", block_of(&[m, m, s, a, p]), StreamError),
        ("8.3", ":scheme twice", block_of(&[m, s, s, a, p]), StreamError),
        ("8.3", ":authority twice", block_of(&[m, s, a, a, p]), StreamError),
        ("8.3", ":path twice", block_of(&[m, s, a, p, p]), StreamError),
        ("8.2.1", "a name with a capital letter", with(&[("X-test", "a")]), StreamError),
        ("8.2.1", "a name with a space", with(&[("x test", "a")]), StreamError),
        ("8.2.1", "a name without letters", with(&[("", "a")]), StreamError),
        ("8.2.1", "a name with a colon in it", with(&[("x:test", "a")]), StreamError),
        ("8.2.1", "CR in a value", with(&[("x", "a\rb")]), StreamError),
        ("8.2.1", "LF in a value", with(&[("x", "a\nb")]), StreamError),
        ("8.2.1", "NUL in a value", with(&[("x", "a\0b")]), StreamError),
        ("8.2.2", "Connection", with(&[("connection", "x-forwarded-for")]), StreamError),
        ("8.2.2", "Keep-Alive", with(&[("keep-alive", "1")]), StreamError),
        ("8.2.2", "Proxy-Connection", with(&[("proxy-connection", "close")]), StreamError),
        ("8.2.2", "Transfer-Encoding", with(&[("transfer-encoding", "chunked")]), StreamError),
        ("8.2.2", "Upgrade", with(&[("upgrade", "websocket")]), StreamError),
        ("8.2.2", "TE other than trailers", with(&[("te", "trailers, deflate")]), StreamError),
        (
            "8.1.1",
            "content-length larger than the body",
            two(body("5"), frame(DATA, END_STREAM, 1, b"body")),
            StreamError,
        ),
        (
            "8.1.1",
            "content-length smaller than the body",
            two(body("3"), frame(DATA, END_STREAM, 1, b"body")),
            StreamError,
        ),
        (
            "8.1.1",
            "content-length smaller than several frames",
            [body("5"), frame(DATA, 0, 1, b"body"), frame(DATA, END_STREAM, 1, b"body")].concat(),
            StreamError,
        ),
        (
            "8.1.1",
            "content-length and no body",
            headers(END_STREAM, 1, &request("POST", "/", &[("content-length", "3")])),
            StreamError,
        ),
        (
            "8.1.1",
            "two different content-lengths",
            headers(
                0,
                1,
                &request("POST", "/", &[("content-length", "3"), ("content-length", "4")]),
            ),
            StreamError,
        ),
        ("8.1.1", "content-length that is no number", body("+4"), StreamError),
        ("8.5", "CONNECT with :path", block_of(&[(":method", "CONNECT"), s, a, p]), StreamError),
        (
            "8.1",
            "a pseudo field behind the body",
            [begun(1), headers(END_STREAM, 1, &block(&[(":path", "/b")]))].concat(),
            StreamError,
        ),
        (
            "8441 4",
            "extended CONNECT, which was not offered",
            block_of(&[(":method", "CONNECT"), (":protocol", "websocket"), s, a, p]),
            StreamError,
        ),
    ]);
}

/// What a client says first decides whether it is one.
#[test]
fn a_connection_begins_with_its_preface() {
    let upstream = Upstream::start();
    let gateway = gateway(&upstream.url(), "");
    for beginning in [
        b"GET / HTTP/1.1\r\nHost: kilden.example.dk\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".to_vec(),
        [PREFACE, &frame(PING, 0, 0, &[0; 8])].concat(),
        [PREFACE, &frame(SETTINGS, ACK, 0, &[])].concat(),
        [PREFACE, &complete(1)].concat(),
    ] {
        let mut connection = Connection::silent(&gateway, HOST);
        connection.send(&beginning);
        let came = connection.end();
        assert!(matches!(came, Came::Ended | Came::GoAway(1..)), "{beginning:?}: {came:?}");
    }
    still_serves(&gateway);
}
