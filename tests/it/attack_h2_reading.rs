//! What is decided on and what goes on are the same, over HTTP/2 as over HTTP/1.1.

use std::io::Read as _;
use std::sync::{Arc, Mutex};

use crate::support::gateway::eventually;
use crate::support::h2_raw::*;
use crate::support::places::{CHINA, DENMARK};
use crate::support::raw::RawUpstream;
use crate::support::recorder::Recorder;

/// A request with these fields, in this order, and where it comes from.
fn head(fields: &[(&str, &str)]) -> Vec<u8> {
    [block(fields), block(&[("x-forwarded-for", DENMARK)])].concat()
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "https");
const AUTHORITY: (&str, &str) = (":authority", HOST);
const PATH: (&str, &str) = (":path", "/");

fn fate(connection: &mut Connection, stream: u32, block: &[u8]) -> Came {
    connection.send(&headers(END_STREAM, stream, block));
    connection.fate(stream)
}

#[test]
fn one_host_one_path_one_scheme() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream.url(), "");
    let authority = |value| head(&[METHOD, SCHEME, (":authority", value), PATH]);
    let scheme = |value| head(&[METHOD, (":scheme", value), AUTHORITY, PATH]);
    let path = |value| head(&[METHOD, SCHEME, AUTHORITY, (":path", value)]);
    let host = |value| head(&[METHOD, SCHEME, AUTHORITY, PATH, ("host", value)]);
    let refused = |what: &str, block: Vec<u8>, status| {
        let came = fate(&mut Connection::open(&gateway), 1, &block);
        let is_refused = matches!(came, Came::Reset(1)) || came == Came::Answer(status);
        assert!(is_refused, "{what}: {came:?} instead of {status}");
    };
    refused("another Host", host("shut.example.dk"), 400);
    refused("Host with a port", host("kilden.example.dk:8443"), 400);
    refused("Host twice", [host(HOST), block(&[("host", HOST)])].concat(), 400);
    refused("a user", authority("a@kilden.example.dk"), 400);
    refused("no host", head(&[METHOD, SCHEME, PATH]), 400);
    refused("a host with a space", authority("kilden.example.dk a"), 400);
    refused("another host than in TLS", authority("mail.example.dk"), 421);
    refused(
        "only Host, and another",
        head(&[METHOD, SCHEME, PATH, ("host", "mail.example.dk")]),
        421,
    );
    refused("*", path("*"), 400);
    let options = |path| head(&[(":method", "OPTIONS"), SCHEME, AUTHORITY, (":path", path)]);
    refused("OPTIONS *?a", options("*?a"), 400);
    refused("OPTIONS */", options("*/"), 400);
    // It asks about the server, which answers itself.
    let asked = fate(&mut Connection::open(&gateway), 1, &options("*"));
    assert_eq!(asked, Came::Answer(204));
    refused("a path without a slash", path("a"), 400);
    refused("a whole URL as path", path("https://kilden.example.dk/"), 400);
    refused("a dot segment", path("/a/../b"), 400);
    refused("a space in the path", path("/a b"), 400);
    refused("http", scheme("http"), 400);
    refused("HTTPS", scheme("HTTPS"), 400);
    refused("ftp", scheme("ftp"), 400);
    refused("no scheme", scheme(""), 400);
    refused("a method in lower case", head(&[(":method", "get"), SCHEME, AUTHORITY, PATH]), 405);
    refused("CONNECT", head(&[(":method", "CONNECT"), AUTHORITY]), 405);
    refused("TRACE", head(&[(":method", "TRACE"), SCHEME, AUTHORITY, PATH]), 405);
    refused(
        "content-length twice",
        [path("/"), block(&[("content-length", "0"); 2])].concat(),
        400,
    );
    for block in [
        host(HOST),
        head(&[METHOD, SCHEME, PATH, ("host", HOST)]),
        authority("KILDEN.example.dk."),
        path("/a?b=c&d=%23"),
    ] {
        assert_eq!(fate(&mut Connection::open(&gateway), 1, &block), Came::Answer(200));
    }
}

/// The parser would cut a fragment off; it reaches nobody, however it is written.
#[test]
fn a_fragment_is_no_path() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream.url(), "");
    let (before, after) =
        (block(&[METHOD, SCHEME, AUTHORITY]), block(&[("x-forwarded-for", DENMARK)]));
    let path = |field: &[u8]| [&before, field, &after].concat();
    // `/a#b`, `#` and `/?a#` in the code of RFC 7541 appendix B: 011000 00011 111111111010 100011 …
    let huffman = [0x60, 0x7f, 0xf5, 0x1f];
    let coded = |prefix: &[u8]| [prefix, &[128 | 4], &huffman].concat();
    // `:path` in that code: 1011100 101011 00011 01001 100111
    let coded_name = [&[0, 128 | 4, 0xb9, 0x58, 0xd3, 0x3f, 4], &b"/a#b"[..]].concat();
    let fragments: Vec<(&str, Vec<u8>)> = vec![
        ("spelled out", field(":path", "/a#b")),
        ("spelled out, nothing behind it", field(":path", "/#")),
        ("in the query", field(":path", "/a?b#c")),
        ("before the query", field(":path", "/a#b?c")),
        ("with a name from the table", [&[4], &string(b"/a#b")[..]].concat()),
        ("never to be indexed", [&[0x15], &string(b"/a#b")[..]].concat()),
        ("entering the table", [&[0x44], &string(b"/a#b")[..]].concat()),
        ("compressed", coded(&[4])),
        ("compressed and entering the table", coded(&[0x44])),
        ("with a compressed name", coded_name),
    ];
    for (what, field) in fragments {
        let mut connection = Connection::open(&gateway);
        let came = fate(&mut connection, 1, &path(&field));
        assert_eq!(came, Came::Reset(1), "{what}");
        // Both still know the same table.
        assert_eq!(connection.ask(3, &path(&[0x84])).0, 200, "{what}");
    }
    let mut connection = Connection::open(&gateway);
    let entering = [&[0x44], &string(b"/once")[..]].concat();
    assert_eq!(connection.ask(1, &path(&entering)).0, 200);
    let by_name = [&[0x0f, 62 - 15], &string(b"/a#b")[..]].concat();
    assert_eq!(fate(&mut connection, 3, &path(&by_name)), Came::Reset(1), "a name that entered");
    // An octet at a time: what was read before is gone by then.
    let slow = headers(END_STREAM, 5, &path(&coded(&[4])));
    slow.iter().for_each(|octet| connection.send(&[*octet]));
    assert_eq!(connection.fate(5), Came::Reset(1), "an octet at a time");
    // In other fields it is an octet like any other.
    let (_, seen) = connection.ask(7, &[path(&[0x84]), block(&[("x-colour", "#fff")])].concat());
    assert!(String::from_utf8(seen).unwrap().contains("x-colour: #fff"));
}

#[test]
fn what_goes_on_is_ours_or_theirs_and_never_both() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream.url(), "");
    let more = [
        ("cookie", "a=1"),
        ("cookie", "b=2; c=3"),
        ("x_forwarded_for", "1.1.1.1"),
        ("x-geovagt_user", "mayor"),
        ("x.geovagt.user", "mayor"),
        ("x-real-ip", "1.1.1.1"),
        ("te", "trailers"),
    ];
    let (status, seen) = Connection::open(&gateway).ask(1, &request("GET", "/x?y", &more));
    let seen = String::from_utf8(seen).unwrap().to_lowercase();
    assert_eq!(status, 200);
    assert!(seen.starts_with("get /x?y http/1.1\r\n"), "{seen}");
    assert!(seen.contains("\r\ncookie: a=1; b=2; c=3\r\n"), "{seen}");
    assert_eq!(seen.matches("cookie:").count(), 1, "{seen}");
    assert_eq!(seen.matches("host: kilden").count(), 2, "Host and X-Forwarded-Host: {seen}");
    assert!(!seen.contains("mayor") && !seen.contains("1.1.1.1"), "{seen}");
    assert!(seen.contains(&format!("x-forwarded-for: {DENMARK}\r\n")), "{seen}");
    let listed = [block(&[METHOD, SCHEME, AUTHORITY, PATH]), block(&[("x-forwarded-for", CHINA)])];
    assert_eq!(Connection::open(&gateway).ask(1, &listed.concat()).0, 403);
}

/// Each request of a connection is judged for itself.
#[test]
fn a_permitted_neighbour_opens_nothing() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    for (nth, (client, status)) in [(DENMARK, 200), (CHINA, 403), (DENMARK, 200)].iter().enumerate()
    {
        let block =
            [block(&[METHOD, SCHEME, AUTHORITY, PATH]), block(&[("x-forwarded-for", client)])];
        let stream = u32::try_from(nth).unwrap() * 2 + 1;
        assert_eq!(connection.ask(stream, &block.concat()).0, *status);
    }
}

/// A request whose body is not what it said, or that is broken off, is never whole for the upstream.
#[test]
fn half_a_request_is_not_made_whole() {
    let received: Arc<Mutex<(String, bool)>> = Arc::default();
    let keep = Arc::clone(&received);
    let upstream = RawUpstream::start(move |mut stream| {
        let mut room = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut room) {
            keep.lock().unwrap().0 += &String::from_utf8_lossy(&room[..read]).to_lowercase();
        }
        keep.lock().unwrap().1 = true;
    });
    let gateway = gateway(&upstream.url(), "");
    let post = |length: &str| headers(0, 1, &request("POST", "/", &[("content-length", length)]));
    let chunked = || headers(0, 1, &request("POST", "/", &[]));
    let cancel = frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    let data = |flags, text: &[u8]| frame(DATA, flags, 1, text);
    let trailers = headers(END_STREAM, 1, &block(&[("x-sum", "1")]));
    for (what, beginning, end) in [
        ("shorter", [post("9"), data(0, b"body")].concat(), data(END_STREAM, b"")),
        ("longer", [post("5"), data(0, b"body")].concat(), data(END_STREAM, b"more")),
        ("shorter before trailers", [post("9"), data(0, b"body")].concat(), trailers),
        ("broken off", [post("9"), data(0, b"body")].concat(), cancel.clone()),
        ("without a length, broken off", [chunked(), data(0, b"body")].concat(), cancel),
        ("without a length, gone", [chunked(), data(0, b"body")].concat(), frame(PING, 0, 9, &[])),
    ] {
        *received.lock().unwrap() = <(String, bool)>::default();
        let mut connection = Connection::open(&gateway);
        connection.send(&beginning);
        eventually("the upstream saw the beginning", || {
            received.lock().unwrap().0.contains("body")
        });
        connection.send(&end);
        eventually("the upstream saw the end", || received.lock().unwrap().1);
        let seen = received.lock().unwrap().0.clone();
        let (head, body) = seen.split_once("\r\n\r\n").expect("a head");
        assert!(!body.ends_with("0\r\n\r\n") && body.len() < 9 + 4, "{what}: {seen}");
        let length = head.split_once("content-length: ").map(|(_, rest)| rest.lines().next());
        let length: Option<usize> = length.map(|length| length.unwrap().parse().unwrap());
        assert!(length.is_none_or(|length| body.len() < length), "{what}: {seen}");
    }
}

/// What stands behind a body says nothing in our name.
#[test]
fn trailers_state_nothing() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    connection.send(&headers(0, 1, &request("POST", "/", &[("te", "trailers")])));
    connection.send(&frame(DATA, 0, 1, b"body"));
    let more = [
        ("x-sum", "1"),
        ("x-geovagt-user", "mayor"),
        ("x_forwarded_for", "1.1.1.1"),
        ("host", "a"),
    ];
    connection.send(&headers(END_STREAM, 1, &block(&more)));
    let (status, seen) = connection.answer(1);
    let seen = String::from_utf8(seen).unwrap();
    assert_eq!(status, 200);
    assert!(!seen.contains("mayor") && !seen.contains("1.1.1.1"), "{seen}");
    let mut connection = Connection::open(&gateway);
    connection.send(&headers(0, 1, &request("POST", "/", &[])));
    connection.send(&headers(END_STREAM, 1, &block(&[(":path", "/b")])));
    assert_eq!(connection.fate(1), Came::GoAway(1));
}

/// The guard and the parser know the same header table as the client, whatever has left it: the
/// oldest entry is always there, and the one before it is an error.
#[test]
fn the_table_is_the_same_on_all_sides() {
    let upstream = Recorder::start();
    let gateway = gateway(&upstream.url(), "");
    let mut connection = Connection::open(&gateway);
    // Room for what the upstream echoes.
    connection.send(&frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 24).to_be_bytes()));
    let mut sizes = std::collections::VecDeque::new();
    let whole = request("GET", "/", &[]);
    let mut stream = 1;
    for nth in 0..120_usize {
        let (name, length) = (format!("x-{nth}"), nth * 37 % 300);
        // `a` has the five bits 00011; ones fill the last octet (RFC 7541 section 5.2).
        let coded: Vec<u8> = (0..(length * 5).div_ceil(8))
            .map(|octet| {
                (0..8).fold(0, |bits, bit| {
                    let at = octet * 8 + bit;
                    bits << 1 | u8::from(at >= length * 5 || at % 5 > 2)
                })
            })
            .collect();
        let value = match nth % 2 {
            0 => string(&vec![b'a'; length]),
            _ => [integer(128, 7, coded.len()), coded].concat(),
        };
        let entering = [&[0x40][..], &string(name.as_bytes()), &value].concat();
        sizes.push_front(name.len() + length + 32);
        while sizes.iter().sum::<usize>() > 4096 {
            sizes.pop_back();
        }
        let oldest = 61 + sizes.len();
        let again = [integer(128, 7, oldest), integer(0, 4, oldest), string(b"v")].concat();
        let (status, _) = connection.ask(stream, &[&whole[..], &entering, &again].concat());
        assert_eq!(status, 200, "entry {nth}");
        stream += 2;
    }
    let gone = [&whole[..], &integer(128, 7, 62 + sizes.len())].concat();
    assert!(matches!(fate(&mut connection, stream, &gone), Came::GoAway(1..) | Came::Ended));
}
