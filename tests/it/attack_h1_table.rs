//! Every spelling of a request that two readers could take for two different things, one a line:
//! what it is, how it begins, what follows, and what must come back.
//!
//! Behind each stands a second request. Where the first is refused, that one must not be answered,
//! and nothing of either may reach the upstream.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use crate::support::gateway::{Gateway, PATIENCE, configuration};
use crate::support::places::{CHINA, DENMARK};
use crate::support::recorder::Recorder;

/// What must come back.
#[derive(Debug, Clone, Copy)]
enum Back {
    /// One answer with this status, then the end; the upstream has seen nothing.
    Refused(u16),
    /// Both requests are answered, and the upstream has seen the first with this in it.
    Passes(&'static str),
}

use Back::{Passes, Refused};

const GET: &str = "GET /a HTTP/1.1";
const POST: &str = "POST /a HTTP/1.1";
const NO: Back = Refused(400);

/// The length of the body.
const LENGTHS: &[(&str, &str, &str, Back)] = &[
    ("CL", POST, "Content-Length: 3\r\n\r\nabc", Passes("content-length: 3\r\n")),
    ("CL padded", POST, "Content-Length:\t 3 \r\n\r\nabc", Passes("content-length: 3\r\n")),
    ("CL 0", POST, "Content-Length: 0\r\n\r\n", Passes("post /a")),
    ("CL of GET", GET, "Content-Length: 3\r\n\r\nabc", Passes("\r\n\r\nabc")),
    ("CL equal", POST, "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", NO),
    ("CL different", POST, "Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc", NO),
    ("CL list", POST, "Content-Length: 3, 3\r\n\r\nabc", NO),
    ("CL plus", POST, "Content-Length: +3\r\n\r\nabc", NO),
    ("CL minus", POST, "Content-Length: -0\r\n\r\n", NO),
    ("CL hexadecimal", POST, "Content-Length: 0x3\r\n\r\nabc", NO),
    ("CL underscore", POST, "Content-Length: 0_3\r\n\r\nabc", NO),
    ("CL two numbers", POST, "Content-Length: 3 3\r\n\r\nabc", NO),
    ("CL fraction", POST, "Content-Length: 3.0\r\n\r\nabc", NO),
    ("CL exponent", POST, "Content-Length: 3e0\r\n\r\nabc", NO),
    ("CL leading zero", POST, "Content-Length: 03\r\n\r\nabc", NO),
    ("CL empty", POST, "Content-Length:\r\n\r\n", NO),
    ("CL 2^64", POST, "Content-Length: 18446744073709551616\r\n\r\n", NO),
    ("CL 2^64 + 3", POST, "Content-Length: 18446744073709551619\r\n\r\nabc", NO),
    ("CL in other digits", POST, "Content-Length: \u{663}\r\n\r\nabc", NO),
    ("CL vertical tab", POST, "Content-Length: \u{b}3\r\n\r\nabc", NO),
    ("CL space before colon", POST, "Content-Length : 3\r\n\r\nabc", NO),
    ("CL folded", POST, "Content-Length:\r\n 3\r\n\r\nabc", NO),
    ("CL behind a NUL", POST, "X: \0\r\nContent-Length: 3\r\n\r\nabc", NO),
    ("CL.TE", POST, "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", NO),
    (
        "TE.CL",
        POST,
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n1\r\nZ\r\n0\r\n\r\n",
        NO,
    ),
    ("CL 0 TE", POST, "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NO),
    ("CL TE identity", POST, "Content-Length: 3\r\nTransfer-Encoding: identity\r\n\r\nabc", NO),
    (
        "CL, TE hidden by CR",
        POST,
        "Content-Length: 3\r\nX: a\rTransfer-Encoding: chunked\r\n\r\nabc",
        NO,
    ),
    (
        "CL, TE hidden by LF",
        POST,
        "Content-Length: 3\r\nX: a\nTransfer-Encoding: chunked\r\n\r\nabc",
        NO,
    ),
    (
        "CL of CONNECTION",
        POST,
        "Connection: Content-Length\r\nContent-Length: 3\r\n\r\nabc",
        Passes("\r\n\r\nabc"),
    ),
    (
        "0.CL expecting",
        POST,
        "Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        Passes("\r\n\r\nabc"),
    ),
    (
        "expecting more",
        POST,
        "Expect: 100-continue, x\r\nContent-Length: 3\r\n\r\nabc",
        Refused(417),
    ),
    (
        "expecting twice",
        POST,
        "Expect: 100-continue\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        NO,
    ),
    ("expecting y", POST, "Expect: y 100-continue\r\nContent-Length: 3\r\n\r\nabc", Refused(417)),
];

/// Transfer-Encoding and its chunks.
const CODINGS: &[(&str, &str, &str, Back)] = &[
    (
        "TE",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        Passes("3\r\nabc\r\n0\r\n\r\n"),
    ),
    (
        "TE in capitals",
        POST,
        "TRANSFER-ENCODING: Chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        Passes("3\r\nabc\r\n"),
    ),
    (
        "TE twice",
        POST,
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        NO,
    ),
    ("TE.TE", POST, "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n", NO),
    ("TE x", POST, "Transfer-Encoding: x\r\n\r\n0\r\n\r\n", NO),
    ("TE x, chunked", POST, "Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n", NO),
    ("TE gzip, chunked", POST, "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", NO),
    ("TE chunked, identity", POST, "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", NO),
    ("TE identity", POST, "Transfer-Encoding: identity\r\n\r\n", NO),
    ("TE empty", POST, "Transfer-Encoding:\r\n\r\n0\r\n\r\n", NO),
    ("TE comma", POST, "Transfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", NO),
    ("TE parameter", POST, "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", NO),
    ("TE quoted", POST, "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", NO),
    ("TE xchunked", POST, "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", NO),
    ("TE chunkedx", POST, "Transfer-Encoding: chunkedx\r\n\r\n0\r\n\r\n", NO),
    ("TE space before colon", POST, "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", NO),
    ("TE tab before colon", POST, "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", NO),
    ("TE vertical tab", POST, "Transfer-Encoding: \u{b}chunked\r\n\r\n0\r\n\r\n", NO),
    ("TE form feed", POST, "Transfer-Encoding: chunked\u{c}\r\n\r\n0\r\n\r\n", NO),
    ("TE NUL", POST, "Transfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n", NO),
    ("TE folded", POST, "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", NO),
    ("TE behind a fold", POST, "X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NO),
    ("TE first line folded", POST, " Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NO),
    (
        "TE underscore",
        POST,
        "Transfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        Passes("\r\n\r\nabc"),
    ),
    ("TE of HTTP/1.0", "POST /a HTTP/1.0", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", NO),
    (
        "chunk leading zeros",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n0003\r\nabc\r\n00\r\n\r\n",
        Passes("abc"),
    ),
    (
        "chunk extension",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n3;a=b;c=\"d\"\r\nabc\r\n0\r\n\r\n",
        Passes("\r\n3\r\nabc"),
    ),
    (
        "chunk extension LF",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
        NO,
    ),
    (
        "chunk extension quoted LF",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n3;a=\"\n\"\r\nabc\r\n0\r\n\r\n",
        NO,
    ),
    (
        "chunk extension CR",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n3;a\rb\r\nabc\r\n0\r\n\r\n",
        NO,
    ),
    ("chunk size 0x", POST, "Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n", NO),
    ("chunk size _", POST, "Transfer-Encoding: chunked\r\n\r\n0_3\r\nabc\r\n0\r\n\r\n", NO),
    ("chunk size -", POST, "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n", NO),
    ("chunk size +", POST, "Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n", NO),
    ("chunk size empty", POST, "Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n", NO),
    (
        "chunk size space before",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n 3\r\nabc\r\n0\r\n\r\n",
        NO,
    ),
    (
        "chunk size overflow",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n",
        NO,
    ),
    ("chunk size LF", POST, "Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n", NO),
    ("chunk end LF", POST, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n", NO),
    ("chunk end missing", POST, "Transfer-Encoding: chunked\r\n\r\n3\r\nabcG\r\n0\r\n\r\n", NO),
    ("last chunk LF", POST, "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\n\n", NO),
    ("trailer LF", POST, "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\n\r\n", NO),
    ("trailer folded", POST, "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n", NO),
    (
        "trailers of framing",
        POST,
        "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\n\r\n",
        Passes("\r\n0\r\n\r\n"),
    ),
];

/// The request line and the lines behind it.
const LINES: &[(&str, &str, &str, Back)] = &[
    ("plain", GET, "\r\n", Passes("get /a http/1.1\r\n")),
    ("LF in the request line", "GET /a HTTP/1.1\nX: y", "\r\n", NO),
    ("CR in the request line", "GET /a HTTP/1.1\rX: y", "\r\n", NO),
    ("LF in a line", GET, "X: y\nZ: a\r\n\r\n", NO),
    ("CR in a line", GET, "X: y\rZ: a\r\n\r\n", NO),
    ("CR CR LF", GET, "X: y\r\r\n\r\n", NO),
    ("LF LF", GET, "X: y\n\n", NO),
    ("CR LF LF", GET, "X: y\r\n\n", NO),
    ("NUL in a line", GET, "X: y\0\r\n\r\n", NO),
    ("control in a line", GET, "X: y\u{1}\r\n\r\n", NO),
    ("DEL in a line", GET, "X: y\u{7f}\r\n\r\n", NO),
    ("folded", GET, "X: y\r\n z\r\n\r\n", NO),
    ("no colon", GET, "X\r\n\r\n", NO),
    ("no name", GET, ": y\r\n\r\n", NO),
    ("space in a name", GET, "X Y: z\r\n\r\n", NO),
    ("space behind a name", GET, "X : z\r\n\r\n", NO),
    ("parenthesis in a name", GET, "X(: z\r\n\r\n", NO),
    ("octet above 127 in a name", GET, "X\u{e6}: z\r\n\r\n", NO),
    ("empty lines", "\r\n\r\nGET /a HTTP/1.1", "\r\n", Passes("get /a http/1.1\r\n")),
    ("nine empty lines", "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\nGET /a HTTP/1.1", "\r\n", NO),
    ("fragment", "GET /a#b HTTP/1.1", "\r\n", NO),
    ("two spaces", "GET  /a HTTP/1.1", "\r\n", NO),
    ("space in the target", "GET /a b HTTP/1.1", "\r\n", NO),
    ("tab in the target", "GET /a\tb HTTP/1.1", "\r\n", NO),
    ("space behind the version", "GET /a HTTP/1.1 ", "\r\n", NO),
    ("control in the target", "GET /a\u{1}b HTTP/1.1", "\r\n", NO),
    ("octet above 127 in the target", "GET /\u{e6} HTTP/1.1", "\r\n", NO),
    ("backslash", "GET /a\\b HTTP/1.1", "\r\n", NO),
    ("dot segment", "GET /a/../b HTTP/1.1", "\r\n", NO),
    ("dot segment with a parameter", "GET /a/..;x/b HTTP/1.1", "\r\n", NO),
    ("encoded dot segment", "GET /a/%2e%2E/b HTTP/1.1", "\r\n", NO),
    ("half encoded dot segment", "GET /a/.%2e/b HTTP/1.1", "\r\n", NO),
    ("encoded slash", "GET /a%2Fb HTTP/1.1", "\r\n", NO),
    ("encoded backslash", "GET /a%5cb HTTP/1.1", "\r\n", NO),
    ("encoded NUL", "GET /a%00 HTTP/1.1", "\r\n", NO),
    ("encoded line break", "GET /a%0d%0aX:%20y HTTP/1.1", "\r\n", NO),
    ("overlong slash", "GET /a%c0%afb HTTP/1.1", "\r\n", NO),
    ("overlong dot", "GET /a/%c0%ae%c0%ae/b HTTP/1.1", "\r\n", NO),
    ("overlong dot in three", "GET /a/%e0%80%ae/b HTTP/1.1", "\r\n", NO),
    ("broken encoding", "GET /a%g0 HTTP/1.1", "\r\n", NO),
    ("twice encoded slash", "GET /a%252fb HTTP/1.1", "\r\n", Passes("get /a%252fb http")),
    ("no slash", "GET a HTTP/1.1", "\r\n", NO),
    ("asterisk of GET", "GET * HTTP/1.1", "\r\n", NO),
    ("asterisk with a query", "OPTIONS *?a HTTP/1.1", "\r\n", NO),
    ("asterisk and more", "OPTIONS */a HTTP/1.1", "\r\n", NO),
    ("two asterisks", "OPTIONS ** HTTP/1.1", "\r\n", NO),
    ("other scheme", "GET ftp://kilden.example.dk/a HTTP/1.1", "\r\n", NO),
    ("absolute", "GET http://kilden.example.dk/a HTTP/1.1", "\r\n", Passes("get /a http/1.1\r\n")),
    ("absolute, other host", "GET http://shut.example.dk/a HTTP/1.1", "\r\n", NO),
    ("absolute, userinfo", "GET http://x@kilden.example.dk/a HTTP/1.1", "\r\n", NO),
    ("absolute, other port", "GET http://kilden.example.dk:81/a HTTP/1.1", "\r\n", NO),
    ("absolute, no host", "GET http:///a HTTP/1.1", "\r\n", NO),
    ("CONNECT", "CONNECT kilden.example.dk:443 HTTP/1.1", "\r\n", Refused(405)),
    ("TRACE", "TRACE /a HTTP/1.1", "\r\n", Refused(405)),
    ("method in lower case", "get /a HTTP/1.1", "\r\n", Refused(405)),
    ("method with a bracket", "G{T /a HTTP/1.1", "\r\n", NO),
    ("HTTP/0.9", "GET /a", "\r\n", NO),
    ("HTTP/1.2", "GET /a HTTP/1.2", "\r\n", NO),
    ("HTTP/2.0", "GET /a HTTP/2.0", "\r\n", NO),
    ("HTTP/1.10", "GET /a HTTP/1.10", "\r\n", NO),
    ("HTTP/01.1", "GET /a HTTP/01.1", "\r\n", NO),
    ("http/1.1", "GET /a http/1.1", "\r\n", NO),
    ("HTP/1.1", "GET /a HTP/1.1", "\r\n", NO),
    ("preface of HTTP/2", "PRI * HTTP/2.0", "\r\nSM\r\n\r\n", NO),
    (
        "h2c",
        GET,
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        Passes("get /a"),
    ),
    ("login twice", GET, "Authorization: Basic YTph\r\nAuthorization: Basic Yjpi\r\n\r\n", NO),
    ("early data", GET, "Early-Data: 1\r\n\r\n", Refused(425)),
    ("host twice", GET, "Host: kilden.example.dk\r\n\r\n", NO),
    ("another host", GET, "Host: shut.example.dk\r\n\r\n", NO),
];

/// `Host`, alone with the client's address.
const HOSTS: &[(&str, Back)] = &[
    ("Host: kilden.example.dk\r\n", Passes("\r\nhost: kilden.example.dk\r\n")),
    ("Host: KILDEN.Example.dk.\r\n", Passes("\r\nhost: kilden.example.dk\r\n")),
    ("Host: kilden.example.dk:80\r\n", Passes("\r\nhost: kilden.example.dk:80\r\n")),
    ("", NO),
    ("Host:\r\n", NO),
    ("Host: \t\r\n", NO),
    ("Host: kilden.example.dk/\r\n", NO),
    ("Host: kilden.example.dk shut.example.dk\r\n", NO),
    ("Host: kilden.example.dk, shut.example.dk\r\n", NO),
    ("Host: x@kilden.example.dk\r\n", NO),
    ("Host: kilden.example.dk@shut.example.dk\r\n", NO),
    ("Host: kilden.example.dk:80@shut.example.dk\r\n", NO),
    ("Host: kilden.example.dk:\r\n", NO),
    ("Host: kilden.example.dk:+80\r\n", NO),
    ("Host: kilden.example.dk:080\r\n", NO),
    ("Host: kilden.example.dk:65616\r\n", NO),
    ("Host: kilden.example.dk:80:80\r\n", NO),
    ("Host: kilden.example.dk\\x\r\n", NO),
    ("Host: kilden.example.dk#x\r\n", NO),
    ("Host: kilden.example.dk?x\r\n", NO),
    ("Host: kilden%2eexample.dk\r\n", NO),
    ("Host: .kilden.example.dk\r\n", NO),
    ("Host: kilden..example.dk\r\n", NO),
    ("Host: [::1\r\n", NO),
    ("Host: 0x7f.1\r\n", NO),
    ("Host : kilden.example.dk\r\n", NO),
    (" Host: kilden.example.dk\r\n", NO),
    ("X: y\r\n Host: mail.example.dk\r\nHost: kilden.example.dk\r\n", NO),
    ("Host: kilden.example.dk\r\nhost: kilden.example.dk\r\n", NO),
    ("Host: kilden.example.dk\nHost: mail.example.dk\r\n", NO),
];

const SECOND: &str = "/second";

fn exchange(gateway: &Gateway, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut back = Vec::new();
    if let Err(error) = stream.read_to_end(&mut back) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
    }
    String::from_utf8_lossy(&back).into_owned()
}

/// The statuses of the answers; the recorder's answers hold a request and no status line.
fn statuses(answers: &str) -> Vec<u16> {
    answers.split("HTTP/1.1 ").skip(1).filter_map(|rest| rest.get(..3)?.parse().ok()).collect()
}

/// Tries one line of a table; says what was wrong.
fn wrong(gateway: &Gateway, upstream: &Recorder, first: &str, back: Back) -> Option<String> {
    let client = format!("X-Forwarded-For: {DENMARK}\r\n");
    let second = format!(
        "GET {SECOND} HTTP/1.1\r\nHost: kilden.example.dk\r\n{client}Connection: close\r\n\r\n"
    );
    upstream.forget();
    let answers = exchange(gateway, format!("{first}{second}").as_bytes());
    let seen: Vec<String> = upstream.received();
    let good = match back {
        Refused(status) => {
            let answer = answers.to_lowercase();
            statuses(&answers) == [status]
                && seen.is_empty()
                && answer.contains("\r\nconnection: close\r\n")
                && answer.contains("\r\ngeovagt-reference: ")
        }
        Passes(text) => {
            let last = statuses(&answers).len() == 2 + usize::from(answers.contains(" 100 "));
            let [one, two] = seen.as_slice() else {
                return Some(format!(
                    "{first:?}: the upstream saw {seen:?}, back came {answers:?}"
                ));
            };
            last && one.to_lowercase().contains(text) && two.contains(&format!("GET {SECOND} "))
        }
    };
    (!good).then(|| format!("{first:?} {back:?}: back came {answers:?}; upstream saw {seen:?}"))
}

fn try_all<'c>(cases: impl Iterator<Item = (&'c str, String, Back)>) {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let mut wrongs = Vec::new();
    let mut count = 0;
    for (what, first, back) in cases {
        count += 1;
        wrongs.extend(wrong(&gateway, &upstream, &first, back).map(|why| format!("{what}: {why}")));
    }
    assert!(count > 10 && wrongs.is_empty(), "{} of {count}:\n{}", wrongs.len(), wrongs.join("\n"));
}

fn rows(
    table: &'static [(&str, &str, &str, Back)],
) -> impl Iterator<Item = (&'static str, String, Back)> {
    table.iter().map(|(what, line, rest, back)| {
        let known = format!("Host: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\n");
        (*what, format!("{line}\r\n{known}{rest}"), *back)
    })
}

#[test]
fn a_length_is_read_in_one_way() {
    try_all(rows(LENGTHS));
}

#[test]
fn a_coding_is_read_in_one_way() {
    try_all(rows(CODINGS));
}

#[test]
fn a_line_is_read_in_one_way() {
    try_all(rows(LINES));
}

#[test]
fn a_host_is_read_in_one_way() {
    try_all(HOSTS.iter().map(|(lines, back)| {
        (*lines, format!("{GET}\r\nX-Forwarded-For: {DENMARK}\r\n{lines}\r\n"), *back)
    }));
}

/// Every refusal can be looked up, is folded like other denials, and names nobody that its head
/// claims to be.
#[test]
fn what_the_parser_refuses_has_an_entry() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for (line, more) in
        [("GET / HTTP/1.1\n", ""), ("GET  / HTTP/1.1\r\n", ""), ("GET / HTTP/3.0\r\n", "")]
    {
        let head =
            format!("{line}Host: kilden.example.dk\r\nX-Forwarded-For: {CHINA}\r\n{more}\r\n");
        let answer = exchange(&gateway, head.as_bytes()).to_lowercase();
        let reference = answer.split("geovagt-reference: ").nth(1).unwrap();
        let reference = reference.lines().next().unwrap().to_uppercase();
        let found = crate::support::gateway::eventually_some("the entry is there", || {
            let search = ["audit", "search", "--json", "--reference", &reference];
            let out = gateway.command(&search).out;
            serde_json::from_str::<serde_json::Value>(out.lines().next()?).ok()
        });
        assert_eq!(found["event"]["reason"], "unclear_request", "{found}");
        assert_eq!(found["http"]["response"]["status_code"], 400, "{found}");
        assert!(found["client"]["ip"].is_null(), "{found}");
    }
}

/// Two good requests in one piece are two; one that is refused is the last.
#[test]
fn requests_in_one_piece_are_answered_in_order() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let request = |from: &str, target: &str, more: &str| {
        format!(
            "GET {target} HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {from}\r\n{more}\r\n"
        )
    };
    let last = request(DENMARK, "/3", "Connection: close\r\n");
    let all = [request(DENMARK, "/1", ""), request(CHINA, "/2", ""), last.clone()].concat();
    assert_eq!(statuses(&exchange(&gateway, all.as_bytes())), [200, 403, 200]);
    let refused =
        [request(DENMARK, "/1", ""), request(DENMARK, "/2", "X: a\nb\r\n"), last].concat();
    upstream.forget();
    assert_eq!(statuses(&exchange(&gateway, refused.as_bytes())), [200, 400]);
    assert_eq!(upstream.received().len(), 1);
}

/// A client that has said its last word still gets its answer.
#[test]
fn a_half_closed_client_is_answered() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for body in ["", "Content-Length: 3\r\n\r\nabc"] {
        let end = if body.is_empty() { "\r\n" } else { body };
        let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\n{end}"
        )
        .unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut back = String::new();
        stream.read_to_string(&mut back).unwrap();
        assert_eq!(statuses(&back), [200], "{back}");
    }
    // Half a body is no body.
    let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
    write!(stream, "POST / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\nContent-Length: 9\r\n\r\nabc").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    upstream.forget();
    let mut back = String::new();
    let _ = stream.read_to_string(&mut back);
    assert!(!statuses(&back).contains(&200) && upstream.received().is_empty(), "{back}");
}

/// Too many lines, too many octets, too long a line: refused while it comes, with a reference.
#[test]
fn floods_of_headers_are_refused() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let known = format!("Host: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\n");
    let long = "a".repeat(70_000);
    for head in [
        format!("GET / HTTP/1.1\r\n{known}{}\r\n", "X: y\r\n".repeat(200)),
        format!("GET / HTTP/1.1\r\n{known}X: {long}\r\n\r\n"),
        format!("GET /{long} HTTP/1.1\r\n{known}\r\n"),
        format!("{long} / HTTP/1.1\r\n{known}\r\n"),
        "\r\n".repeat(40_000),
    ] {
        let answer = exchange(&gateway, head.as_bytes());
        let begin: String = head.chars().take(40).collect();
        assert!(matches!(statuses(&answer)[..], [400 | 414 | 431]), "{begin}: {answer}");
        assert!(answer.to_lowercase().contains("geovagt-reference: "), "{begin}: {answer}");
    }
    assert!(upstream.received().is_empty());
}

/// `Connection` takes nothing away that we say or that the request needs.
#[test]
fn no_header_can_be_named_away() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for named in ["X-Forwarded-For, X-Geovagt-Country", "close, Host", "Content-Length, Cookie"] {
        upstream.forget();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {DENMARK}\r\nCookie: a=b\r\n\
             Content_Length: 9\r\nContent.Type: forged\r\nConnection: close, {named}\r\nContent-Length: 3\r\n\r\nabc"
        );
        assert_eq!(statuses(&exchange(&gateway, request.as_bytes())), [200]);
        let seen = upstream.received().concat().to_lowercase();
        for kept in [
            "x-geovagt-country: dk\r\n",
            "\r\nhost: kilden",
            "cookie: a=b\r\n",
            "\r\ncontent-length: 3\r\n",
        ] {
            assert_eq!(seen.matches(kept).count(), 1, "{named} {kept}: {seen}");
        }
        assert_eq!(seen.matches(&format!("x-forwarded-for: {DENMARK}\r\n")).count(), 1, "{seen}");
        assert!(!seen.contains("content_length") && !seen.contains("content.type"), "{seen}");
    }
}
