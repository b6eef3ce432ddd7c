//! Upstreams that are down, slow or talk nonsense, and bodies that stream.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration, eventually};
use super::support::places::DENMARK;
use super::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use super::support::upstream::Upstream;

fn ask(gateway: &Gateway) -> Answer {
    get(gateway.address("web"), "kilden.example.dk", "/page").from(DENMARK).browser().send()
}

/// A page with a reference that leads to the entry, which says the same.
fn assert_is_trouble(gateway: &Gateway, answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let reference = answer.header("geovagt-reference").expect("a reference").to_owned();
    assert!(answer.text().contains(&reference));
    let search = ["audit", "search", "--json", "--reference", &reference];
    eventually("the entry is there", || !gateway.command(&search).out.is_empty());
    let found = gateway.command(&search).expect_code(0);
    let entry: serde_json::Value = serde_json::from_str(found.out.lines().next().unwrap()).unwrap();
    assert_eq!(entry["event"]["action"], "allowed");
    assert_eq!(entry["http"]["response"]["status_code"], status);
}

#[test]
fn an_upstream_that_is_down_is_502() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = Gateway::start(&configuration(&format!("http://{address}"), ""));
    assert_is_trouble(&gateway, &ask(&gateway), 502);
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(
        metrics.lines().any(|line| line.starts_with("geovagt_upstream_errors_total{")
            && line.contains(r#"cause="unreachable""#)
            && line.ends_with(" 1")),
        "{metrics}"
    );
}

#[test]
fn an_upstream_that_does_not_answer_in_time_is_504() {
    let upstream = Upstream::start();
    let limits = "limits: {upstream_response_timeout: 300ms}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let hanging = get(gateway.address("web"), "kilden.example.dk", "/hang");
    assert_is_trouble(&gateway, &hanging.from(DENMARK).browser().send(), 504);
    assert_eq!(ask(&gateway).status, 200);
}

#[test]
fn an_upstream_that_talks_nonsense_is_502() {
    const NONSENSE: [&[u8]; 7] = [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header : x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ];
    let upstream = RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        let number: usize = head[5..6].parse().unwrap();
        let _ = stream.write_all(NONSENSE[number]);
    });
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for (number, said) in NONSENSE.iter().enumerate() {
        let request = get(gateway.address("web"), "kilden.example.dk", &format!("/{number}"));
        let answer = request.from(DENMARK).browser().send();
        assert_eq!(answer.status, 502, "{:?}", String::from_utf8_lossy(said));
        assert_is_trouble(&gateway, &answer, 502);
    }
}

#[test]
fn a_body_that_is_cut_never_looks_whole() {
    let counted = RawUpstream::saying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this");
    let gateway = Gateway::start(&configuration(&counted.url(), ""));
    let mut client = connect(gateway.address("web"), &head("/", "Connection: close\r\n"));
    let received = read_rest(&mut client).to_lowercase();
    assert!(received.contains("content-length: 100\r\n"), "{received}");
    assert!(received.ends_with("only this"), "{received}");
    let chunked = RawUpstream::saying(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    );
    let gateway = Gateway::start(&configuration(&chunked.url(), ""));
    let mut client = connect(gateway.address("web"), &head("/", "Connection: close\r\n"));
    let received = read_rest(&mut client).to_lowercase();
    assert!(received.contains("transfer-encoding: chunked\r\n"), "{received}");
    assert!(received.contains("only this") && !received.contains("0\r\n\r\n"), "{received}");
}

/// Says what it has read of each body as it comes, and sends what it is told to.
fn streaming_upstream() -> (RawUpstream, Receiver<String>, Sender<&'static str>) {
    let (seen, reading) = channel();
    let (tell, told) = channel::<&'static str>();
    let (seen, told) = (Mutex::new(seen), Mutex::new(told));
    let upstream = RawUpstream::start(move |mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n").to_lowercase();
        if head.contains("transfer-encoding") {
            for _ in 0..2 {
                read_until(&mut stream, "\r\n");
                let chunk = read_until(&mut stream, "\r\n");
                seen.lock().unwrap().send(chunk.trim().to_owned()).unwrap();
            }
            // What is left unread would turn the end into a reset.
            read_until(&mut stream, "0\r\n\r\n");
        }
        let start = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
        stream.write_all(start.as_bytes()).unwrap();
        for event in told.lock().unwrap().iter() {
            stream.write_all(event.as_bytes()).unwrap();
        }
    });
    (upstream, reading, tell)
}

#[test]
fn both_directions_stream() {
    let (upstream, reading, tell) = streaming_upstream();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let request = head("/events", "Transfer-Encoding: chunked\r\n").replace("GET ", "POST ");
    let mut client = connect(gateway.address("web"), &(request + "5\r\nfirst\r\n"));
    let wait = super::support::gateway::PATIENCE;
    assert_eq!(reading.recv_timeout(wait).unwrap(), "first");
    client.write_all(b"6\r\nsecond\r\n0\r\n\r\n").unwrap();
    assert_eq!(reading.recv_timeout(wait).unwrap(), "second");
    let answer = read_until(&mut client, "\r\n\r\n").to_lowercase();
    assert!(answer.contains("transfer-encoding: chunked\r\n"), "{answer}");
    tell.send("data: one\n\n").unwrap();
    read_until(&mut client, "data: one\n\n");
    tell.send("data: two\n\n").unwrap();
    read_until(&mut client, "data: two\n\n");
    drop(tell);
    assert!(read_until(&mut client, "0\r\n\r\n").len() < 20);
}

#[test]
fn a_full_gateway_says_so_at_once_and_a_client_that_leaves_frees_its_place() {
    let upstream = Upstream::start();
    let limits = "limits: {requests_in_flight: 1}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let hanging = connect(gateway.address("web"), &head("/hang", ""));
    eventually("the place is taken", || {
        let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
        metrics.contains("\ngeovagt_requests_in_flight 1\n")
    });
    let refused = ask(&gateway);
    assert_eq!(refused.status, 503);
    assert!(refused.header("geovagt-reference").is_some());
    let reason = ["audit", "search", "--json", "--reason", "overload"];
    eventually("the log says why", || !gateway.command(&reason).out.is_empty());
    drop(hanging);
    eventually("the place is free", || ask(&gateway).status == 200);
    // What was forwarded has its entry although nobody waited for the answer.
    eventually("the exchange that was left is in the log", || {
        let found = gateway.command(&["audit", "search", "--json", "--action", "allowed"]);
        found.out.lines().any(|line| line.contains("/hang"))
    });
}

#[test]
fn a_connection_that_the_upstream_has_closed_is_not_used_again() {
    let upstream = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        // Promises to stay and does not.
    });
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for _ in 0..20 {
        assert_eq!(ask(&gateway).status, 200);
    }
}

/// Closes each connection when the second request has come on it, as a server does whose patience
/// ends in that moment, and hands over what it was asked.
fn closing_upstream() -> (RawUpstream, Receiver<String>) {
    let (seen, requests) = channel();
    let seen = Mutex::new(seen);
    let upstream = RawUpstream::start(move |mut stream| {
        let mut request = || {
            let head = read_until(&mut stream, "\r\n\r\n");
            seen.lock().unwrap().send(head).unwrap();
            stream.try_clone().unwrap()
        };
        let mut answer = request();
        answer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        request();
    });
    (upstream, requests)
}

#[test]
fn only_what_is_safe_is_asked_again() {
    let (upstream, requests) = closing_upstream();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let post = get(gateway.address("web"), "kilden.example.dk", "/").from(DENMARK).method("POST");
    assert_eq!(ask(&gateway).status, 200);
    assert_eq!(ask(&gateway).status, 200, "asked again on a new connection");
    assert_eq!(requests.try_iter().count(), 3);
    assert_eq!(post.send().status, 502, "a POST may have been done already");
    assert_eq!(requests.try_iter().count(), 1);
}

#[test]
fn a_body_that_the_client_cuts_never_reaches_the_upstream_as_whole() {
    let (ended, how) = channel();
    let ended = Mutex::new(ended);
    let upstream = RawUpstream::start(move |mut stream| {
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received);
        ended.lock().unwrap().send(String::from_utf8_lossy(&received).into_owned()).unwrap();
    });
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let request = head("/upload", "Transfer-Encoding: chunked\r\n").replace("GET ", "PUT ");
    let client = connect(gateway.address("web"), &(request + "5\r\nfirst\r\n"));
    drop(client);
    let received = how.recv_timeout(super::support::gateway::PATIENCE).unwrap();
    assert!(!received.contains("0\r\n\r\n"), "{received}");
}
