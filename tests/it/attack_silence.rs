//! A site with `denial: close`: whoever it rejects gets not a byte, whatever is asked.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::support::gateway::{Gateway, PATIENCE, configuration};
use crate::support::places::{CHINA, DENMARK};
use crate::support::upstream::Upstream;

fn bytes_back(gateway: &Gateway, host: &str, from: &str, line: &str, more: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "{line} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {from}\r\n{more}Connection: close\r\n\r\n").unwrap();
    let mut back = Vec::new();
    let _ = stream.read_to_end(&mut back);
    back
}

const REQUESTS: [(&str, &str); 17] = [
    ("GET /", ""),
    ("HEAD /", ""),
    ("OPTIONS *", ""),
    ("GET /.geovagt/", ""),
    ("GET /.geovagt/lande", ""),
    ("GET /.geovagt/privatliv", ""),
    ("POST /.geovagt/sign-in", "Content-Length: 0\r\n"),
    ("PUT /.geovagt/nowhere", ""),
    ("GET /a/../b", ""),
    ("GET /%2e%2e/b", ""),
    ("GET /a%zz", ""),
    ("GET /a\\b", ""),
    ("TRACE /", ""),
    ("get /", ""),
    ("GET /", "Expect: something\r\n"),
    ("GET /", "Upgrade: websocket\r\nConnection: upgrade\r\n"),
    ("GET /", "Authorization: Basic eDp5\r\n"),
];

#[test]
fn not_a_byte_whatever_is_asked() {
    let upstream = Upstream::start();
    let gateway = Gateway::start(&configuration(&upstream.url(), ""));
    for (line, more) in REQUESTS {
        let back = bytes_back(&gateway, "shut.example.dk", CHINA, line, more);
        assert!(back.is_empty(), "{line} {more}: {}", String::from_utf8_lossy(&back));
        let back = bytes_back(&gateway, "shut.example.dk", DENMARK, line, more);
        assert!(back.starts_with(b"HTTP/1.1 "), "{line} {more}: a Danish client is answered");
    }
    // The others are told, as long as one site answers with a page.
    let back = bytes_back(&gateway, "elsewhere.example", CHINA, "GET /", "");
    assert!(back.starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&back));
}

#[test]
fn where_every_site_is_silent_no_host_is_answered() {
    let upstream = Upstream::start();
    let configuration = configuration(&upstream.url(), "");
    let silent: String = configuration
        .lines()
        .map(|line| match line.strip_suffix('}') {
            Some(site) if line.contains("upstream: ") && !line.contains("denial") => {
                format!("{site}, denial: close}}\n")
            }
            _ => format!("{line}\n"),
        })
        // One that only reports rejects nobody, so it would have to answer.
        .map(|line| line.replace(", policy: reporting", ""))
        .collect();
    let gateway = Gateway::start(&silent);
    for host in ["elsewhere.example", "kilden.example.dk", "x:y:z", "127.0.0.1"] {
        let back = bytes_back(&gateway, host, CHINA, "GET /", "");
        assert!(back.is_empty(), "{host}: {}", String::from_utf8_lossy(&back));
    }
    let back = bytes_back(&gateway, "elsewhere.example", DENMARK, "GET /", "");
    assert!(back.starts_with(b"HTTP/1.1 404"), "{}", String::from_utf8_lossy(&back));
}

/// A gateway that has no room left tells nothing of it to those it rejects.
#[test]
fn a_full_gateway_is_as_silent() {
    let upstream = Upstream::start();
    let limits = "limits: {requests_in_flight: 1}\n";
    let gateway = Gateway::start(&configuration(&upstream.url(), limits));
    let request = format!(
        "GET /hang HTTP/1.1\r\nHost: shut.example.dk\r\nX-Forwarded-For: {DENMARK}\r\n\r\n"
    );
    let mut hanging = Vec::new();
    crate::support::gateway::eventually("the one place is taken", || {
        // The question below may itself have held the place when the last one came for it.
        let mut stream = TcpStream::connect(gateway.address("web")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        hanging.push(stream);
        let back = bytes_back(&gateway, "shut.example.dk", DENMARK, "GET /", "");
        back.starts_with(b"HTTP/1.1 503")
    });
    assert!(bytes_back(&gateway, "shut.example.dk", CHINA, "GET /", "").is_empty());
    let page = bytes_back(&gateway, "kilden.example.dk", CHINA, "GET /", "");
    assert!(page.starts_with(b"HTTP/1.1 403"), "{}", String::from_utf8_lossy(&page));
}
