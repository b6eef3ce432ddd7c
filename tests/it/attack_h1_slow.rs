//! Clients that take their time, alone and by the hundred, and one that wants everything.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, connect, head, read_rest, read_until};
use crate::support::recorder::Recorder;
use crate::support::upstream::Upstream;

/// The kernel's count of this process' memory, in KiB.
fn memory(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn open_connections(gateway: &Gateway) -> u64 {
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    let line = metrics
        .lines()
        .find(|line| line.starts_with("geovagt_connections_open{listener=\"direct\"}"));
    line.map_or(0, |line| line.split(' ').nth(1).unwrap().parse().unwrap())
}

/// Five hundred clients feed a head octet by octet. They are gone when its time is over, whatever
/// they still send; memory does not grow with them, and everybody else is served meanwhile.
#[test]
fn five_hundred_slow_heads_are_shed() {
    let upstream = Upstream::start();
    let limits = "limits: {header_timeout: 5s, idle_timeout: 100s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let before = memory(&gateway);
    let mut slow: Vec<TcpStream> = (0..500)
        .map(|_| {
            connect(gateway.address("direct"), "GET / HTTP/1.1\r\nHost: kilden.example.dk\r\nX: ")
        })
        .collect();
    eventually("all are there", || open_connections(&gateway) == 500);
    let full = memory(&gateway);
    let mut served = 0;
    eventually("all are gone", || {
        for client in &mut slow {
            let _ = client.write(b"y");
        }
        let request = get(gateway.address("web"), "kilden.example.dk", "/").from(DENMARK);
        served += usize::from(request.send().status == 200);
        open_connections(&gateway) == 0
    });
    assert!(served > 3, "{served} others were served");
    for client in &mut slow {
        assert!(!read_rest(client).contains("HTTP/1.1 2"));
    }
    let each = full.saturating_sub(before) / 500;
    assert!(each <= 40, "{each} KiB for each slow head");
}

/// The time of a head runs on while its octets trickle, also that of a later head.
#[test]
fn a_trickle_does_not_stretch_the_time() {
    let upstream = Upstream::start();
    let limits = "limits: {header_timeout: 500ms, idle_timeout: 100s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    for first in ["", "a request before"] {
        let mut client = connect(gateway.address("web"), "");
        if !first.is_empty() {
            client.write_all(head("/", "").as_bytes()).unwrap();
            read_until(&mut client, "}");
        }
        client.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
        eventually("it is cut", || {
            client.write_all(b"y").is_err() || {
                client.set_nonblocking(true).unwrap();
                let read = client.read(&mut [0; 64]);
                client.set_nonblocking(false).unwrap();
                matches!(read, Ok(0)) || read.is_err_and(|e| e.kind() != ErrorKind::WouldBlock)
            }
        });
    }
}

/// A client may send a few empty lines before a request (RFC 9112 section 2.2). They are no head: whoever
/// sends nothing else has the time of one, and whoever goes on with them is cut, first and after a
/// request.
#[test]
fn empty_lines_hold_no_connection() {
    let upstream = Upstream::start();
    let limits = "limits: {header_timeout: 500ms, idle_timeout: 100s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    for lines in ["\r\n", "\r\n\r\n", "\r\n\r\n\r\n"] {
        let mut client = connect(gateway.address("direct"), lines);
        assert_eq!(read_rest(&mut client), "", "{lines:?}");
        let mut client = connect(gateway.address("direct"), &head("/", ""));
        read_until(&mut client, "\r\n\r\n");
        client.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        eventually("it is cut", || {
            let written = client.write_all(lines.as_bytes());
            let read = client.read(&mut [0; 4096]);
            written.is_err()
                || matches!(read, Ok(0))
                || read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
        });
        let mut client = connect(gateway.address("web"), lines);
        client.write_all(head("/", "").as_bytes()).unwrap();
        assert!(read_until(&mut client, "}").starts_with("HTTP/1.1 200"), "{lines:?}");
    }
    eventually("none of them is left", || open_connections(&gateway) == 0);
}

/// A proxy that we trust carries everybody: its own connections are not counted. Whoever comes
/// without one is.
#[test]
fn a_trusted_proxy_is_not_one_client() {
    let upstream = Upstream::start();
    let limits = "limits: {connections_per_address: 3, header_timeout: 100s, idle_timeout: 100s}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let mut proxied: Vec<TcpStream> =
        (0..10).map(|_| connect(gateway.address("web"), &head("/", ""))).collect();
    for client in &mut proxied {
        assert!(read_until(client, "}").starts_with("HTTP/1.1 200"));
    }
    let mut strangers: Vec<TcpStream> =
        (0..3).map(|_| connect(gateway.address("direct"), "GET /")).collect();
    eventually("three are there", || open_connections(&gateway) == 3);
    let mut fourth = connect(gateway.address("direct"), "");
    assert_eq!(fourth.read(&mut [0]).unwrap_or(0), 0);
    strangers.clear();
    eventually("there is room again", || open_connections(&gateway) == 0);
}

/// One client cannot have all requests, through however many connections of the proxy; another
/// client of the same proxy is served.
#[test]
fn one_client_cannot_have_every_place() {
    let upstream = Upstream::start();
    let limits = "limits: {requests_in_flight: 100, requests_per_address: 3}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let ask = |from: &str| get(gateway.address("web"), "kilden.example.dk", "/").from(from).send();
    let mut hanging = Vec::new();
    eventually("its places are taken", || {
        hanging.push(connect(gateway.address("web"), &head("/hang", "")));
        ask(DENMARK).status == 503
    });
    assert_eq!(ask("130.226.1.1").status, 200, "another Danish client");
    assert_eq!(ask(CHINA).status, 403);
    assert_eq!(ask(THAILAND).status, 403);
    drop(hanging);
}

/// A client that has said its last word and reads on is not taken for one that has left.
#[test]
fn a_half_closed_client_reads_to_the_end() {
    let upstream = RawUpstream::start(|mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n");
        for _ in 0..16 {
            std::thread::sleep(Duration::from_millis(500));
            let _ = stream.write_all(b"y");
        }
    });
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let mut client = connect(gateway.address("web"), &head("/", ""));
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let back = read_rest(&mut client);
    assert!(back.ends_with(&"y".repeat(16)), "{back}");
}

/// What comes back for an answer of the upstream.
fn passed_on(answer: &'static str) -> String {
    let upstream = RawUpstream::saying(answer.as_bytes());
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    read_rest(&mut connect(gateway.address("web"), &head("/", "Connection: close\r\n")))
}

/// What an upstream says that could be cut apart in two places is not passed on.
#[test]
fn an_answer_that_can_be_read_in_two_ways_is_502() {
    let mut wrong = Vec::new();
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nabcdef",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: a\r\n b\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nabcde",
        "ICY 200 OK\r\n\r\nabcde",
    ] {
        let back = passed_on(answer);
        if !back.starts_with("HTTP/1.1 502") || back.contains("abcde") {
            wrong.push(format!("{answer:?}: {back:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A bare line feed in an upstream's head ends its line for us; what goes on has none, and one length.
#[test]
fn a_bare_line_feed_of_an_upstream_goes_no_further() {
    for answer in [
        "HTTP/1.1 200 OK\nContent-Length: 5\n\nabcdeHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 5\r\n\r\nabcdeHTTP/1.1 200 OK\r\n\r\n",
    ] {
        let back = passed_on(answer);
        let (head, body) = back.split_once("\r\n\r\n").unwrap();
        assert_eq!(head.matches("content-length: ").count(), 1, "{head}");
        assert!(!head.replace("\r\n", "").contains('\n') && body == "abcde", "{back:?}");
    }
}

/// A site that answers strangers with silence keeps it where the parser would have spoken, by the
/// address of the connection or, where headers tell the address, for everybody.
#[test]
fn what_the_parser_refuses_is_silent_where_the_site_is() {
    let upstream = Recorder::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    let preamble = |from: &str| format!("PROXY TCP4 {from} 9.9.9.9 1 443\r\n");
    for bad in [
        "GET / HTTP/1.1\nHost: shut.example.dk\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shut.example.dk\nX: y\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: shut.example.dk\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: SHUT.example.dk.:80\r\nX Y: z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: kilden.example.dk\r\nHost: shut.example.dk\r\nX: y\r\n z\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: shut.example.dk\r\n\r\n",
    ] {
        let back =
            |from| read_rest(&mut connect(gateway.address("proxied"), &(preamble(from) + bad)));
        assert_eq!(back(CHINA), "", "{bad:?}");
        let danish = back(DENMARK);
        assert!(danish.starts_with("HTTP/1.1 400"), "{bad:?}: {danish}");
        assert_eq!(read_rest(&mut connect(gateway.address("web"), bad)), "", "{bad:?}");
    }
    let lines =
        format!("GET / HTTP/1.1\r\nHost: shut.example.dk\r\n{}\r\n", "X: y\r\n".repeat(200));
    assert_eq!(
        read_rest(&mut connect(gateway.address("proxied"), &(preamble(CHINA) + &lines))),
        ""
    );
    let found = || {
        let search =
            ["audit", "search", "--json", "--reason", "unclear_request", "--client", CHINA];
        gateway.command(&search).out.lines().next().map(str::to_owned)
    };
    let entry = crate::support::gateway::eventually_some("the entry is there", found);
    assert!(entry.contains("\"country_iso_code\":\"CN\""), "{entry}");
}
