//! The closing entry of a long exchange says how it ended.

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};

/// An exchange longer than this has a closing entry.
const LONG: Duration = Duration::from_millis(10_500);

fn upstream() -> RawUpstream {
    RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegin").unwrap();
        match head.split(' ').nth(1).unwrap() {
            "/whole" => {
                std::thread::sleep(LONG);
                stream.write_all(b"ended").unwrap();
            }
            "/cut" => std::thread::sleep(LONG),
            _ => drop(read_rest(&mut stream)),
        }
    })
}

#[test]
fn the_log_says_how_a_long_exchange_ended() {
    let upstream = upstream();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let begin = |path: &str| {
        let request = head(path, "Content-Length: 3\r\n").replace("GET ", "PUT ") + "abc";
        let mut client = connect(gateway.address("web"), &request);
        read_until(&mut client, "begin");
        client
    };
    let (mut whole, mut cut, leaving) = (begin("/whole"), begin("/cut"), begin("/left"));
    read_until(&mut whole, "ended");
    read_rest(&mut cut);
    drop(leaving);
    let expected = [
        ("/whole", "whole", "10"),
        ("/cut", "cut_by_upstream", "5"),
        ("/left", "cut_by_client", "5"),
    ];
    for (path, how, down) in expected {
        let mut details = serde_json::Value::Null;
        eventually("the closing entry is there", || {
            let found = gateway.command(&["audit", "search", "--json", "--action", "completed"]);
            let mut entries = found
                .out
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let entry = entries.find(|entry| entry["url"]["path"] == path);
            details = entry.map(|e| e["geovagt"]["details"].clone()).unwrap_or_default();
            !details.is_null()
        });
        assert_eq!(details["ended"], how, "{path}");
        assert_eq!(details["request_bytes"], "3", "{path}");
        assert_eq!(details["response_bytes"], down, "{path}");
    }
}

/// Whoever drips the rest of a body whose answer is over does so for a limited time.
#[test]
fn what_is_sent_behind_the_answer_comes_to_an_end() {
    let (ended, end) = channel();
    let ended = Mutex::new(ended);
    let upstream = RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        read_rest(&mut stream);
        ended.lock().unwrap().send(()).unwrap();
    });
    let limits = "limits: {body_timeout: 1s, body_rate: 0}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let request = head("/early", "Transfer-Encoding: chunked\r\n").replace("GET ", "POST ");
    let mut client = connect(gateway.address("web"), &request);
    read_until(&mut client, "ok");
    let dripping = std::thread::spawn(move || {
        // Until nobody takes it any more, or for as long as a test may last.
        for _ in 0..600 {
            if client.write_all(b"1\r\na\r\n").is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    let patience = crate::support::gateway::PATIENCE.min(Duration::from_secs(25));
    assert!(end.recv_timeout(patience).is_ok(), "the upstream sees an end while the client drips");
    dripping.join().unwrap();
}
