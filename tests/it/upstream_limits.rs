//! How much one server is given at a time, how long it may take, and which Host it reads.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::support::backend::Backend;
use super::support::client::{Answer, get};
use super::support::gateway::{Gateway, configuration_with_upstream, eventually};
use super::support::places::DENMARK;
use super::support::raw::{RawUpstream, connect, head, read_until};

const HOST: &str = "kilden.example.dk";

fn started(block: &str) -> Gateway {
    Gateway::start(&configuration_with_upstream(block, ""))
}

fn ask(gateway: &Gateway, path: &str) -> Answer {
    get(gateway.address("web"), HOST, path).from(DENMARK).send()
}

fn hold(gateway: &Gateway) -> thread::JoinHandle<Answer> {
    let request = get(gateway.address("web"), HOST, "/hold").from(DENMARK);
    thread::spawn(move || request.send())
}

fn waiting(gateway: &Gateway) -> bool {
    let text = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    text.lines().any(|line| {
        line.starts_with("geovagt_upstream_queue_length{")
            && line.contains("kilden")
            && line.ends_with(" 1")
    })
}

#[test]
fn a_server_that_has_enough_makes_requests_wait_and_then_refuses_them() {
    let server = Backend::start("a");
    let connections = "connections: {maximum: 1, queue: 1, wait: 60s}";
    let gateway = started(&format!("servers: [\"{}\"], {connections}", server.url()));
    let first = hold(&gateway);
    server.wait_for_held(1);
    let second = hold(&gateway);
    eventually("it waits", || waiting(&gateway));
    let third = ask(&gateway, "/");
    assert_eq!(third.status, 503, "{}", third.text());
    assert!(third.header("retry-after").is_some());
    assert_eq!(server.requests(), 1, "the second has not reached it");
    server.release(1);
    assert_eq!(first.join().unwrap().status, 200);
    server.wait_for_held(1);
    server.release(1);
    assert_eq!(second.join().unwrap().status, 200);
    assert_eq!(ask(&gateway, "/").status, 200);
    assert_eq!(server.connections(), 1, "never more than one connection");
}

#[test]
fn nobody_waits_longer_than_configured() {
    let server = Backend::start("a");
    let connections = "connections: {maximum: 1, queue: 10, wait: 0s}";
    let gateway = started(&format!("servers: [\"{}\"], {connections}", server.url()));
    let first = hold(&gateway);
    server.wait_for_held(1);
    assert_eq!(ask(&gateway, "/").status, 503);
    server.release(1);
    assert_eq!(first.join().unwrap().status, 200);
    assert_eq!(ask(&gateway, "/").status, 200, "the place of the one that gave up is not lost");
}

#[test]
fn a_client_that_leaves_gives_its_place_back() {
    let server = Backend::start("a");
    let connections = "connections: {maximum: 1, queue: 10, wait: 60s}";
    let gateway = started(&format!("servers: [\"{}\"], {connections}", server.url()));
    let head = super::support::raw::head("/hold", "");
    let client = super::support::raw::connect(gateway.address("web"), &head);
    server.wait_for_held(1);
    let second = hold(&gateway);
    eventually("it waits", || waiting(&gateway));
    drop(client);
    eventually("the second reaches the server", || server.requests() == 2);
    server.release(2);
    assert_eq!(second.join().unwrap().status, 200);
}

#[test]
fn a_site_has_timeouts_of_its_own() {
    let server = Backend::start("a");
    let block = format!("servers: [\"{}\"], timeouts: {{response: 200ms}}", server.url());
    let gateway = started(&block);
    assert_eq!(ask(&gateway, "/hold").status, 504);
    assert_eq!(ask(&gateway, "/").status, 200);
}

#[test]
fn an_unused_connection_ends_after_its_time() {
    let server = Backend::start("a");
    let block = format!("servers: [\"{}\"], timeouts: {{idle: 100ms}}", server.url());
    let gateway = started(&block);
    assert_eq!(ask(&gateway, "/").status, 200);
    assert_eq!(server.connections(), 1);
    eventually("the gateway ends it", || server.open() == 0);
    assert_eq!(ask(&gateway, "/").status, 200);
    assert_eq!(server.connections(), 2);
}

/// Answers one request and says that nothing more comes; counts who hears that.
fn ending(ended: &Arc<AtomicUsize>) -> RawUpstream {
    let ended = Arc::clone(ended);
    RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        ended.fetch_add(1, Ordering::SeqCst);
    })
}

#[test]
fn an_unused_connection_that_the_server_ends_is_not_kept() {
    let ended = Arc::default();
    let server = ending(&ended);
    let gateway = started(&format!("servers: [\"{}\"], timeouts: {{idle: 1h}}", server.url()));
    for number in 1..=3 {
        assert_eq!(ask(&gateway, "/").status, 200);
        eventually("nobody asks, and it ends", || ended.load(Ordering::SeqCst) == number);
    }
    // Where the next one comes at once, it gets a connection that lives.
    for _ in 0..20 {
        assert_eq!(ask(&gateway, "/").status, 200);
    }
}

#[test]
fn a_client_that_leaves_in_the_middle_of_an_answer_ends_the_connection_that_brings_it() {
    let left = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&left);
    let server = RawUpstream::start(move |mut stream| {
        read_until(&mut stream, "\r\n\r\n");
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nok").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
        count.fetch_add(1, Ordering::SeqCst);
    });
    let gateway = started(&format!("servers: [\"{}\"], timeouts: {{idle: 1h}}", server.url()));
    for number in 1..=3 {
        let mut client = connect(gateway.address("web"), &head("/", ""));
        read_until(&mut client, "\r\n\r\nok");
        drop(client);
        eventually("the server is left too", || left.load(Ordering::SeqCst) == number);
    }
}

#[test]
fn the_upstream_reads_the_host_that_the_site_says() {
    let server = Backend::start("a");
    let own = server.address.to_string();
    let cases =
        [("preserve", HOST), ("upstream", own.as_str()), ("mail.internal:81", "mail.internal:81")];
    for (host, seen) in cases {
        let block = format!("servers: [\"{}\"], host: \"{host}\"", server.url());
        let answer = ask(&started(&block), "/a?b").json();
        assert_eq!(answer["host"], seen, "{host}");
        assert_eq!(answer["forwarded_host"], HOST, "what the client asked for stays known");
        assert_eq!(answer["target"], "/a?b");
    }
}
