//! What an upstream says that nobody asked for, too early, or too much of.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Response;

use crate::support::client::get;
use crate::support::gateway::{
    Gateway, PATIENCE, configuration, configuration_with_upstream, eventually,
};
use crate::support::h2_raw;
use crate::support::http2::{FrameServer, Then};
use crate::support::outside::entry;
use crate::support::places::DENMARK;
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::secure;

const HOST: &str = "kilden.example.dk";

/// What stands behind a whole answer, in one piece with it or a moment later.
const UNASKED: &[(&str, &str, &str)] = &[
    ("a second answer", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    ("a longer body than announced", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    (
        "behind chunks",
        "GET",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    ),
    ("a body of HEAD", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"),
    ("a body of 204", "GET", "HTTP/1.1 204 No Content\r\n\r\n"),
    ("a body of 304", "GET", "HTTP/1.1 304 Not Modified\r\n\r\n"),
];
const EVIL: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";

/// Answers `/N` as the table says and then says what nobody asked for, a moment later or in one
/// piece; everything else with the number of its connection.
fn poisoning(pause: Duration) -> Poisoning {
    let connections = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    let (count, count_ended) = (Arc::clone(&connections), Arc::clone(&ended));
    let upstream = RawUpstream::start(move |mut stream| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        while let Some(path) = next_path(&mut stream) {
            let row = path[1..].parse().ok().and_then(|row: usize| UNASKED.get(row));
            let Some((what, _, answer)) = row else {
                let own = format!("connection {number}");
                let length = own.len();
                let said = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{own}");
                stream.write_all(said.as_bytes()).unwrap();
                continue;
            };
            let evil = if what.contains("body") { "evil" } else { EVIL };
            if pause.is_zero() {
                let _ = stream.write_all(format!("{answer}{evil}").as_bytes());
            } else {
                let _ = stream.write_all(answer.as_bytes());
                std::thread::sleep(pause);
                let _ = stream.write_all(evil.as_bytes());
            }
        }
        count_ended.fetch_add(1, Ordering::SeqCst);
    });
    Poisoning { upstream, connections, ended }
}

struct Poisoning {
    upstream: RawUpstream,
    connections: Arc<AtomicUsize>,
    /// Those that the gateway has ended.
    ended: Arc<AtomicUsize>,
}

/// The path of the next request, or none where the connection ends.
fn next_path(stream: &mut TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.extend(byte);
    }
    String::from_utf8_lossy(&head).split(' ').nth(1).map(str::to_owned)
}

/// The answers of a shared connection would go to whoever asks next: response-queue poisoning.
#[test]
fn what_stands_behind_an_answer_reaches_nobody() {
    for pause in [Duration::ZERO, Duration::from_millis(20)] {
        let Poisoning { upstream, connections, ended } = poisoning(pause);
        let gateway = Gateway::start(&configuration(&upstream.url(), ""));
        let ask = |method: &str, path: &str| {
            let request = get(gateway.address("web"), HOST, path).from(DENMARK).method(method);
            request.send()
        };
        for _ in 0..5 {
            for (row, (what, method, _)) in UNASKED.iter().enumerate() {
                let before = ended.load(Ordering::SeqCst);
                let answer = ask(method, &format!("/{row}"));
                assert!(!answer.text().contains("evil"), "{what}: {}", answer.text());
                // In one piece it is there before anybody can ask; what comes later has to have come.
                if !pause.is_zero() {
                    eventually("the connection ends", || ended.load(Ordering::SeqCst) > before);
                }
                let used = connections.load(Ordering::SeqCst);
                let next = ask("GET", "/mine");
                assert_eq!(next.status, 200, "{what}: {}", next.text());
                assert_eq!(next.text(), format!("connection {used}"), "{what}: another connection");
            }
        }
    }
}

/// In good order a connection serves on: the test above would else say nothing.
#[test]
fn a_connection_in_order_is_used_again() {
    let poisoning = poisoning(Duration::ZERO);
    let gateway = Gateway::start(&configuration(&poisoning.upstream.url(), ""));
    for _ in 0..5 {
        let answer = get(gateway.address("web"), HOST, "/mine").from(DENMARK).send();
        assert_eq!(answer.text(), "connection 0");
    }
}

const TOO_LARGE: &[u8] = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 6\r\n\r\nenough";

/// Answers each request with 413 at its head. `After` says what it does with the rest.
#[derive(Clone, Copy)]
enum After {
    /// Ends the connection with octets unread, so that it is reset.
    Resets,
    /// Reads nothing more, and the connection stands.
    Stands,
    /// Reads all of it.
    Reads,
}

fn refusing(after: After) -> RawUpstream {
    RawUpstream::start(move |mut stream| {
        if next_path(&mut stream).is_none() {
            return;
        }
        let _ = stream.write_all(TOO_LARGE);
        match after {
            After::Resets => {}
            After::Stands => std::thread::sleep(PATIENCE),
            After::Reads => drop(read_rest(&mut stream)),
        }
    })
}

/// 64 MiB, which fit into no buffers on the way.
const LENGTH: usize = 64 << 20;

/// The client reads its 413 although most of its body was never sent, and then the end. Each request has
/// a server of its own: one that reads on without an end would swallow the next request on a connection
/// that has come to its end in good order.
#[test]
fn an_upload_that_outlives_its_answer_is_told_and_ends() {
    let framings =
        [format!("Content-Length: {LENGTH}\r\n"), "Transfer-Encoding: chunked\r\n".to_owned()];
    for after in [After::Resets, After::Stands, After::Reads] {
        for framing in &framings {
            let upstream = refusing(after);
            let gateway =
                Gateway::start(&configuration(&upstream.url(), "limits: {body_timeout: 2s}\n"));
            upload_outlives_its_answer(&gateway, framing);
            nothing_is_left(&gateway);
        }
    }
}

fn upload_outlives_its_answer(gateway: &Gateway, framing: &str) {
    let request = head("/upload", framing).replace("GET ", "PUT ");
    let mut client = connect(gateway.address("web"), &request);
    let mut writing = client.try_clone().unwrap();
    let chunked = framing.starts_with('T');
    let writer = std::thread::spawn(move || {
        let piece = vec![b'.'; 1 << 16];
        for _ in 0..LENGTH / piece.len() {
            let sent = if chunked {
                writing
                    .write_all(b"10000\r\n")
                    .and_then(|()| writing.write_all(&piece))
                    .and_then(|()| writing.write_all(b"\r\n"))
            } else {
                writing.write_all(&piece)
            };
            if sent.is_err() {
                return;
            }
        }
    });
    let answer = read_until(&mut client, "enough");
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Nobody waits for the rest for ever.
    drop(client);
    writer.join().unwrap();
}

fn nothing_is_left(gateway: &Gateway) {
    eventually("the places are given back", || {
        let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
        metrics.lines().any(|line| line == "geovagt_requests_in_flight 0")
    });
}

/// The stream of HTTP/2 has its answer, and the others go on.
#[test]
fn a_stream_that_outlives_its_answer_harms_no_other() {
    for after in [After::Resets, After::Stands, After::Reads] {
        let upstream = refusing(after);
        let limits = "limits: {body_timeout: 2s}\n";
        let gateway = secure::gateway_with_tls(&upstream.url(), limits);
        secure::run(async {
            let client = secure::connect(&gateway).await;
            for _ in 0..3 {
                let mut sending = client.clone().ready().await.unwrap();
                let request = secure::request("PUT", "/upload", None).body(()).unwrap();
                let (answer, mut body) = sending.send_request(request, false).unwrap();
                // As much as its window takes, and no end.
                let _ = body.send_data(Bytes::from(vec![b'.'; LENGTH]), false);
                let answer = answer.await.unwrap();
                assert_eq!(answer.status(), 413);
                let mut down = answer.into_body();
                assert_eq!(down.data().await.unwrap().unwrap(), "enough");
                drop(body);
            }
        });
        nothing_is_left(&gateway);
    }
}

/// An upload that stops and one whose client leaves are two things, and the log tells them apart.
#[test]
fn the_log_says_whether_a_client_stalled_or_left() {
    let upstream = RawUpstream::start(|mut stream| drop(read_rest(&mut stream)));
    let gateway = Gateway::start(&configuration(&upstream.url(), "limits: {body_timeout: 1s}\n"));
    let begin = |path: &str| {
        let request = head(path, "Content-Length: 100\r\n").replace("GET ", "PUT ") + "only this";
        connect(gateway.address("web"), &request)
    };
    let mut stalling = begin("/stalls");
    let answer = read_rest(&mut stalling);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let mut leaving = begin("/leaves");
    leaving.shutdown(std::net::Shutdown::Write).unwrap();
    let answer = read_rest(&mut leaving);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    drop(begin("/is-gone"));
    let entries = |path: &str| {
        let printed = gateway.command(&["audit", "search", "--json", "--limit", "1000"]);
        let entries = printed.out.lines().map(|line| serde_json::from_str(line).unwrap());
        entries.filter(|e: &serde_json::Value| e["url"]["path"] == path).collect::<Vec<_>>()
    };
    for (path, status) in [("/stalls", 408), ("/leaves", 400), ("/is-gone", 400)] {
        eventually("it has its entry", || !entries(path).is_empty());
        for entry in entries(path) {
            assert_eq!(entry["http"]["response"]["status_code"], status, "{path}: {entry}");
        }
    }
}

/// An upstream whose answers have so many header lines as their path says.
fn with_lines() -> RawUpstream {
    RawUpstream::start(|mut stream| {
        while let Some(path) = next_path(&mut stream) {
            let lines: usize = path[1..].parse().unwrap();
            let mut said = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_owned();
            for number in 1..lines {
                said += &format!("X-Line-{number}: {number}\r\n");
            }
            if stream.write_all(format!("{said}\r\nok").as_bytes()).is_err() {
                return;
            }
        }
    })
}

#[test]
fn an_answer_with_too_many_lines_is_502_and_the_log_says_why() {
    let upstream = with_lines();
    let block = format!("servers: [\"{}\"]", upstream.url());
    let ask = |gateway: &Gateway, lines: usize| {
        get(gateway.address("web"), HOST, &format!("/{lines}")).from(DENMARK).send()
    };
    let gateway = Gateway::start(&configuration_with_upstream(&block, ""));
    assert_eq!(ask(&gateway, 100).status, 200);
    let refused = ask(&gateway, 101);
    assert_eq!(refused.status, 502, "{}", refused.text());
    let reference = refused.header("geovagt-reference").expect("a reference").to_owned();
    assert_eq!(entry(&gateway, &reference)["http"]["response"]["status_code"], 502);
    gateway.wait_for_log("the reason", |line| {
        let fields = &line["fields"];
        let error = fields["error"].as_str().unwrap_or_default();
        fields["reference"] == reference.as_str()
            && error.contains("more than 100 lines")
            && error.contains("limits.upstream_header_lines")
    });
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(metrics.contains(r#"cause="head_too_large""#), "{metrics}");

    let gateway = Gateway::start(&configuration_with_upstream(
        &block,
        "limits: {upstream_header_lines: 300}\n",
    ));
    assert_eq!(ask(&gateway, 300).status, 200);
    assert_eq!(ask(&gateway, 301).status, 502);
    assert_eq!(ask(&gateway, 300).status, 200);
}

/// A server that says 103 and 102 before each answer, more of them than anybody wants.
fn hinting() -> FrameServer {
    FrameServer::start(100, |mut asked| {
        let mut hint = Response::builder().status(103);
        hint = hint.header("link", "</a.css>; rel=preload").header("set-cookie", "a=b");
        asked.respond.send_informational(hint.body(()).unwrap()).unwrap();
        for _ in 0..40 {
            let more = Response::builder().status(102).body(()).unwrap();
            asked.respond.send_informational(more).unwrap();
        }
        let head = Response::builder().header("content-length", "2").body(()).unwrap();
        let mut body = asked.respond.send_response(head, false).unwrap();
        body.send_data(Bytes::from_static(b"ok"), true).unwrap();
        Then::Stays
    })
}

/// hyper takes no 1xx from an HTTP/2 server and has none to send by one: they are left out, and the
/// answer is as it would be without them.
#[test]
fn interim_answers_over_http2_are_left_out_whole() {
    let server = hinting();
    let block = format!("servers: [\"{}\"], protocol: http2", server.url());
    let gateway = Gateway::start(&configuration_with_upstream(&block, ""));
    let mut client = connect(gateway.address("web"), &head("/", ""));
    for _ in 0..3 {
        let answer = read_until(&mut client, "\r\n\r\nok");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(!answer.contains("a.css") && !answer.contains("set-cookie"), "{answer}");
        client.write_all(head("/again", "").as_bytes()).unwrap();
    }
    assert_eq!(server.connections(), 1, "it serves on");
}

/// Frame by frame: one head, which is the final one, and a body that is whole.
#[test]
fn a_client_of_http2_gets_one_head_for_each_answer() {
    let hints =
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n\
        HTTP/1.1 199 Anything\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let upstream = RawUpstream::start(move |mut stream| {
        while next_path(&mut stream).is_some() && stream.write_all(hints).is_ok() {}
    });
    let gateway = h2_raw::gateway(&upstream.url(), "");
    let mut connection = h2_raw::Connection::open(&gateway);
    for stream in [1, 3, 5] {
        let request = h2_raw::request("GET", "/", &[]);
        connection.send(&h2_raw::headers(h2_raw::END_STREAM, stream, &request));
        let (mut heads, mut body) = (0, Vec::new());
        loop {
            let frame = connection.next().expect("the answer");
            match frame.kind {
                h2_raw::HEADERS => heads += 1,
                h2_raw::DATA => body.extend_from_slice(&frame.payload),
                h2_raw::RST_STREAM | h2_raw::GOAWAY => panic!("{frame:?}"),
                _ => continue,
            }
            if frame.flags & h2_raw::END_STREAM != 0 {
                break;
            }
        }
        assert_eq!((heads, body.as_slice()), (1, &b"ok"[..]));
    }
}
