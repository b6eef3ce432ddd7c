//! What HTTP can say beside a plain request and answer, byte by byte through the gateway.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use crate::support::client::get;
use crate::support::gateway::{Gateway, PATIENCE, configuration};
use crate::support::places::{CHINA, DENMARK};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::secure;
use crate::support::upstream::Upstream;

fn gateway_before(upstream: &RawUpstream) -> Gateway {
    Gateway::start(&configuration(&upstream.url(), ""))
}

/// The whole conversation with a client that wants no second answer.
fn closing(gateway: &Gateway, head: &str) -> String {
    let mut client =
        connect(gateway.address("web"), &head.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"));
    read_rest(&mut client)
}

/// An upstream that does to each connection what the test tells it, and hands over what it reads
/// up to an end that the test names.
struct Scripted {
    upstream: RawUpstream,
    steps: Sender<Step>,
    read: Receiver<String>,
}

enum Step {
    ReadUntil(&'static str),
    Say(&'static [u8]),
    /// Reads nothing for a moment; gives what has come then.
    Listen(Duration),
}

impl Scripted {
    fn start() -> Self {
        let (steps, script) = channel::<Step>();
        let (sender, read) = channel();
        let (script, sender) = (Mutex::new(script), Mutex::new(sender));
        let upstream = RawUpstream::start(move |mut stream| {
            for step in script.lock().unwrap().iter() {
                let said = match step {
                    Step::ReadUntil(end) => read_until(&mut stream, end),
                    Step::Say(bytes) => {
                        stream.write_all(bytes).unwrap();
                        continue;
                    }
                    Step::Listen(time) => {
                        stream.set_read_timeout(Some(time)).unwrap();
                        let mut buffer = [0; 1024];
                        let count = stream.read(&mut buffer).unwrap_or(0);
                        stream.set_read_timeout(None).unwrap();
                        String::from_utf8_lossy(&buffer[..count]).into_owned()
                    }
                };
                sender.lock().unwrap().send(said).unwrap();
            }
        });
        Self { upstream, steps, read }
    }

    fn read_until(&self, end: &'static str) -> String {
        self.steps.send(Step::ReadUntil(end)).unwrap();
        self.read.recv_timeout(PATIENCE).unwrap()
    }

    fn listen(&self, milliseconds: u64) -> String {
        self.steps.send(Step::Listen(Duration::from_millis(milliseconds))).unwrap();
        self.read.recv_timeout(PATIENCE).unwrap()
    }

    fn say(&self, bytes: &'static [u8]) {
        self.steps.send(Step::Say(bytes)).unwrap();
    }
}

const EXPECTING: &str = "Content-Length: 4\r\nExpect: 100-continue\r\n";

fn expecting() -> String {
    head("/upload", EXPECTING).replace("GET ", "PUT ")
}

#[test]
fn the_upstream_asks_for_the_body_and_the_client_is_asked() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let mut client = connect(gateway.address("web"), &expecting());
    let upward = scripted.read_until("\r\n\r\n").to_lowercase();
    assert!(upward.contains("\r\nexpect: 100-continue\r\n"), "{upward}");
    scripted.say(b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(read_until(&mut client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").unwrap();
    assert_eq!(scripted.read_until("body"), "body");
    scripted.say(b"HTTP/1.1 204 No Content\r\n\r\n");
    let answer = read_until(&mut client, "\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 204 "), "one 100 and no more: {answer}");
}

#[test]
fn an_upstream_that_knows_no_100_is_given_the_body_after_a_moment() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let mut client = connect(gateway.address("web"), &expecting());
    scripted.read_until("\r\n\r\n");
    assert_eq!(read_until(&mut client, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"body").unwrap();
    assert_eq!(scripted.read_until("body"), "body");
}

#[test]
fn an_upstream_that_refuses_the_body_never_has_it_asked_for() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let mut client = connect(gateway.address("web"), &expecting());
    scripted.read_until("\r\n\r\n");
    scripted.say(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    let answer = read_rest(&mut client);
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(!answer.contains(" 100 "), "{answer}");
    // Neither does the upstream get one: its connection is given up.
    assert_eq!(scripted.listen(5000), "");
}

#[test]
fn a_body_that_stalls_behind_its_answer_is_not_waited_for_for_ever() {
    let scripted = Scripted::start();
    let limits = "limits: {body_timeout: 1s}\n";
    let gateway = Gateway::start(&configuration(&scripted.upstream.url(), limits));
    let request = head("/upload", "Content-Length: 9\r\n").replace("GET ", "PUT ") + "only";
    let mut client = connect(gateway.address("web"), &request);
    scripted.read_until("only");
    scripted.say(b"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
    assert!(read_until(&mut client, "none").starts_with("HTTP/1.1 404 "));
    assert_eq!(read_rest(&mut client), "", "and then it is closed");
}

#[test]
fn a_rejected_request_never_has_its_body_asked_for() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let answer = {
        let mut client = connect(gateway.address("web"), &expecting().replace(DENMARK, CHINA));
        read_rest(&mut client)
    };
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    assert!(!answer.contains(" 100 "), "{answer}");
    let other = expecting().replace("100-continue", "200-maybe");
    assert!(closing(&gateway, &other).starts_with("HTTP/1.1 417 "));
}

const HINTS: &[u8] = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\
    Connection: X-Private\r\nX-Private: 1\r\nSet-Cookie: a=b\r\nGeovagt-Reference: FORGED\r\n\
    Content-Length: 5\r\n\r\n";

#[test]
fn early_hints_come_before_the_answer_and_without_what_is_not_theirs() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let mut client = connect(gateway.address("web"), &head("/", ""));
    scripted.read_until("\r\n\r\n");
    scripted.say(HINTS);
    let hints = read_until(&mut client, "\r\n\r\n");
    assert_eq!(hints, "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n");
    scripted.say(b"HTTP/1.1 102 Processing\r\n\r\n");
    assert_eq!(read_until(&mut client, "\r\n\r\n"), "HTTP/1.1 102 Processing\r\n\r\n");
    scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let answer = read_until(&mut client, "ok");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    // The connection goes on, and what belongs to one exchange never reaches the next.
    client.write_all(head("/again", "").as_bytes()).unwrap();
    scripted.read_until("\r\n\r\n");
    scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnext");
    let answer = read_until(&mut client, "next");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[test]
fn interim_answers_are_bounded_in_number_and_size() {
    let upstream = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let mut said = Vec::new();
        write!(said, "HTTP/1.1 103 Early Hints\r\nLink: <{}>\r\n\r\n", "a".repeat(9000)).unwrap();
        for number in 0..40 {
            write!(said, "HTTP/1.1 103 Early Hints\r\nLink: <{number}>\r\n\r\n").unwrap();
        }
        stream.write_all(&said).unwrap();
        // Until the test has seen them; the final answer would take the place of what waits.
        read_until(&mut stream, "go");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
    });
    let gateway = gateway_before(&upstream);
    let request = head("/", "Content-Length: 2\r\n").replace("GET ", "PUT ");
    let mut client = connect(gateway.address("web"), &request);
    let mut hints = String::new();
    while !hints.contains("<15>") {
        hints.push_str(&read_until(&mut client, "\r\n\r\n"));
    }
    client.write_all(b"go").unwrap();
    hints.push_str(&read_until(&mut client, "ok"));
    assert_eq!(hints.matches("103 Early Hints").count(), 16, "{hints}");
    assert!(!hints.contains("aaaa"));
}

#[test]
fn a_client_of_http_1_0_is_sent_no_interim_answer() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let request = head("/", "").replace("HTTP/1.1", "HTTP/1.0");
    let mut client = connect(gateway.address("web"), &request);
    scripted.read_until("\r\n\r\n");
    scripted.say(HINTS);
    // Time enough for it to be handed on before the answer takes its place.
    assert_eq!(scripted.listen(500), "");
    scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    let answer = read_rest(&mut client);
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nok") && !answer.contains("Early"), "{answer}");
    assert!(!answer.to_lowercase().contains("transfer-encoding"), "{answer}");
}

#[test]
fn http_1_0_keeps_its_connection_only_where_it_asks_for_that() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let old = |more: &str| head("/", more).replace("HTTP/1.1", "HTTP/1.0");
    let answer = read_rest(&mut connect(gateway.address("web"), &old("")));
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    let mut client = connect(gateway.address("web"), &old("Connection: keep-alive\r\n"));
    for _ in 0..2 {
        let answer = read_until(&mut client, "\r\n\r\n").to_lowercase();
        assert!(answer.contains("connection: keep-alive\r\n"), "{answer}");
        let length = answer.split("content-length: ").nth(1).unwrap();
        let mut body = vec![0; length.split('\r').next().unwrap().parse().unwrap()];
        client.read_exact(&mut body).unwrap();
        client.write_all(old("Connection: keep-alive\r\n").as_bytes()).unwrap();
    }
}

#[test]
fn trailers_pass_both_ways_without_what_they_must_not_say() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let request = head(
        "/",
        "TE: trailers, deflate\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Checksum, X-Geovagt-User, X_Geovagt_User\r\n",
    )
    .replace("GET ", "POST ");
    let mut client = connect(gateway.address("web"), &request);
    client
        .write_all(
            b"4;name=value\r\nbody\r\n0\r\nX-Checksum: up\r\nHost: evil.example\r\n\
              Authorization: Basic eDp5\r\nX-Geovagt-User: mayor\r\nX_Geovagt_User: mayor\r\n\r\n",
        )
        .unwrap();
    let upward = scripted.read_until("\r\n0\r\n").to_lowercase();
    assert!(upward.contains("\r\nte: trailers\r\n"), "{upward}");
    assert!(upward.contains("\r\ntrailer: x-checksum, "), "{upward}");
    assert!(upward.ends_with("\r\n\r\n4\r\nbody\r\n0\r\n"), "extensions go no further: {upward}");
    assert_eq!(scripted.read_until("\r\n\r\n").to_lowercase(), "x-checksum: up\r\n\r\n");
    scripted.say(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie, Geovagt-Reference\r\n\r\n2\r\nok\r\n\
          0\r\nX-Sum: down\r\nSet-Cookie: a=b\r\nContent-Length: 7\r\nGeovagt-Reference: FORGED\r\n\r\n",
    );
    let answer = read_until(&mut client, "\r\n0\r\n").to_lowercase();
    assert!(answer.contains("\r\ntrailer: x-sum, "), "{answer}");
    assert_eq!(read_until(&mut client, "\r\n\r\n").to_lowercase(), "x-sum: down\r\n\r\n");
}

#[test]
fn a_client_that_takes_no_trailers_is_sent_none() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let mut client = connect(gateway.address("web"), &head("/", ""));
    let upward = scripted.read_until("\r\n\r\n").to_lowercase();
    assert!(!upward.contains("\r\nte:"), "{upward}");
    scripted.say(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: down\r\n\r\n",
    );
    let answer = read_until(&mut client, "0\r\n\r\n").to_lowercase();
    assert!(answer.ends_with("\r\nok\r\n0\r\n\r\n"), "{answer}");
}

#[test]
fn trailers_pass_both_ways_over_http2() {
    let scripted = Scripted::start();
    let gateway = secure::gateway_with_tls(&scripted.upstream.url(), "");
    secure::run(async {
        let mut client = secure::connect(&gateway).await;
        let request = secure::request("POST", "/", None)
            .header("te", "trailers")
            .header("trailer", "x-checksum, x-geovagt-user")
            .body(())
            .unwrap();
        let (answer, mut body) = client.send_request(request, false).unwrap();
        body.send_data("body".into(), false).unwrap();
        let mut trailers = http::HeaderMap::new();
        for (name, value) in [("x-checksum", "up"), ("x-geovagt-user", "mayor"), ("host", "evil")] {
            trailers.insert(name, value.parse().unwrap());
        }
        body.send_trailers(trailers).unwrap();
        let upward = scripted.read_until("\r\n0\r\n").to_lowercase();
        assert!(upward.contains("\r\nte: trailers\r\n"), "{upward}");
        assert_eq!(scripted.read_until("\r\n\r\n").to_lowercase(), "x-checksum: up\r\n\r\n");
        scripted.say(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n2\r\nok\r\n\
              0\r\nX-Sum: down\r\nGeovagt-Reference: FORGED\r\n\r\n",
        );
        let mut answer = answer.await.unwrap().into_body();
        assert_eq!(answer.data().await.unwrap().unwrap(), "ok");
        while let Some(data) = answer.data().await {
            assert!(data.unwrap().is_empty());
        }
        let trailers = answer.trailers().await.unwrap().unwrap();
        assert_eq!(trailers.get("x-sum").unwrap(), "down");
        assert_eq!(trailers.len(), 1, "{trailers:?}");
    });
}

#[test]
fn early_hints_are_left_out_over_http2() {
    let scripted = Scripted::start();
    let gateway = secure::gateway_with_tls(&scripted.upstream.url(), "");
    secure::run(async {
        let mut client = secure::connect(&gateway).await;
        let request = secure::request("GET", "/", None).body(()).unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        scripted.read_until("\r\n\r\n");
        scripted.say(HINTS);
        assert_eq!(scripted.listen(500), "");
        scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        assert_eq!(answer.await.unwrap().status(), 200);
    });
}

/// One answer of the upstream's, and what of it the client reads behind the head.
fn passed(method: &str, more: &str, said: &'static [u8]) -> (String, String) {
    let upstream = RawUpstream::saying(said);
    let gateway = gateway_before(&upstream);
    let answer = closing(&gateway, &head("/file", more).replace("GET ", &format!("{method} ")));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn answers_without_a_body_keep_their_length() {
    let said = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n";
    let (answer, body) = passed("HEAD", "", said);
    assert!(answer.contains("\r\ncontent-length: 1234") && body.is_empty(), "{answer}");
    let said = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: \"a\"\r\n\r\n";
    let (answer, body) = passed("GET", "If-None-Match: \"a\"\r\n", said);
    assert!(answer.starts_with("http/1.1 304 ") && body.is_empty(), "{answer}");
    let (answer, body) = passed("DELETE", "", b"HTTP/1.1 204 No Content\r\n\r\n");
    assert!(answer.starts_with("http/1.1 204 ") && body.is_empty(), "{answer}");
    assert!(!answer.contains("content-length") && !answer.contains("transfer-"), "{answer}");
}

#[test]
fn ranges_and_encodings_pass_untouched() {
    let said = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 2-4/10\r\nContent-Length: 3\r\n\r\ncde";
    let (answer, body) = passed("GET", "Range: bytes=2-4\r\nIf-Range: \"a\"\r\n", said);
    assert!(answer.starts_with("http/1.1 206 "), "{answer}");
    assert!(answer.contains("\r\ncontent-range: bytes 2-4/10"), "{answer}");
    assert_eq!(body, "cde");
    let said = b"HTTP/1.1 206 Partial Content\r\nContent-Type: multipart/byteranges; boundary=X\r\n\
        Content-Length: 63\r\n\r\n--X\r\nContent-Range: bytes 0-0/9\r\n\r\na\r\n--X\r\nContent-Ra-\r\n--X--\r\n";
    let (answer, body) = passed("GET", "Range: bytes=0-0,2-2\r\n", said);
    assert!(answer.contains("multipart/byteranges; boundary=x"), "{answer}");
    assert_eq!(body.len(), 63, "{body:?}");
    let said =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x0b\x08\x00";
    let (answer, body) = passed("GET", "Accept-Encoding: gzip\r\n", said);
    assert!(answer.contains("\r\ncontent-encoding: gzip"), "{answer}");
    assert_eq!(body.as_bytes(), b"\x1f\x0b\x08\x00");
}

#[test]
fn every_method_and_its_fields_reach_the_upstream() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    const METHODS: [&str; 16] = [
        "OPTIONS",
        "PATCH",
        "DELETE",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "UNLOCK",
        "REPORT",
        "SEARCH",
        "MKCALENDAR",
        "RPC_IN_DATA",
        "RPC_OUT_DATA",
        "GET",
    ];
    let fields = [
        ("destination", "https://kilden.example.dk/ny%20mappe/"),
        ("depth", "infinity"),
        ("overwrite", "F"),
        ("if", "(<opaquelocktoken:1>)"),
        ("lock-token", "<opaquelocktoken:1>"),
        ("timeout", "Second-3600"),
        ("range", "bytes=1-2"),
        ("if-range", "\"a\""),
    ];
    for method in METHODS {
        let mut request = get(gateway.address("web"), "kilden.example.dk", "/mappe/")
            .from(DENMARK)
            .method(method);
        for (name, value) in fields {
            request = request.header(name, value);
        }
        let answer = request.send();
        assert_eq!(answer.status, 200, "{method}");
        let seen = answer.json();
        assert_eq!(seen["method"], method);
        for (name, value) in fields {
            let field = serde_json::json!([name, value]);
            assert!(seen["headers"].as_array().unwrap().contains(&field), "{method}: {name}");
        }
    }
}

#[test]
fn a_body_belongs_to_any_method_and_ends_where_it_says() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let chunked = head("/", "Transfer-Encoding: chunked\r\nConnection: close\r\n")
        + "1;a=b;c=\"d e\"\r\nx\r\n02\r\nyz\r\n0\r\n\r\n";
    let counted = head("/", "Content-Length: 3\r\nConnection: close\r\n") + "xyzGET /more";
    for request in [chunked, counted] {
        let answer = read_rest(&mut connect(gateway.address("web"), &request));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains(r#""body":"xyz""#), "{answer}");
    }
}

#[test]
fn an_answer_longer_than_it_says_is_cut_where_it_says() {
    let said = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfourHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let (answer, body) = passed("GET", "", said);
    assert!(answer.contains("content-length: 4"), "{answer}");
    assert_eq!(body, "four");
}

#[test]
fn large_headers_pass_both_ways() {
    let scripted = Scripted::start();
    let gateway = gateway_before(&scripted.upstream);
    let large = "a".repeat(32 << 10);
    let mut client = connect(gateway.address("web"), &head("/", &format!("X-Large: {large}\r\n")));
    assert!(scripted.read_until("\r\n\r\n").contains(&large));
    let said = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Large: {large}\r\n\r\nok");
    scripted.say(said.leak().as_bytes());
    assert!(read_until(&mut client, "ok").contains(&large));
}

#[test]
fn events_arrive_one_by_one_over_http2() {
    let scripted = Scripted::start();
    let gateway = secure::gateway_with_tls(&scripted.upstream.url(), "");
    secure::run(async {
        let mut client = secure::connect(&gateway).await;
        let request = secure::request("GET", "/events", None).body(()).unwrap();
        let (answer, _) = client.send_request(request, true).unwrap();
        scripted.read_until("\r\n\r\n");
        scripted.say(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
        let mut events = answer.await.unwrap().into_body();
        for event in [b"data: one\n\n", b"data: two\n\n"] {
            scripted.say(event);
            assert_eq!(events.data().await.unwrap().unwrap(), &event[..]);
        }
    });
}

#[test]
fn a_long_poll_outlasts_every_limit_that_is_not_its_own() {
    let scripted = Scripted::start();
    let limits = "limits: {body_timeout: 1s, idle_timeout: 1s, header_timeout: 1s, \
                  upstream_response_timeout: 90m, upstream_body_timeout: 90m}\n";
    let gateway = Gateway::start(&configuration(&scripted.upstream.url(), limits));
    let mut client: TcpStream = connect(gateway.address("web"), &head("/poll", ""));
    scripted.read_until("\r\n\r\n");
    assert_eq!(scripted.listen(5000), "");
    scripted.say(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    assert!(read_until(&mut client, "new").starts_with("HTTP/1.1 200 "));
}
