//! Upstreams by name, with a hosts file of the test's own (mount namespace; needs root).

use std::path::Path;

use crate::support::backend::{Backend, Speaks};
use crate::support::client::get;
use crate::support::gateway::{Gateway, configuration_with_upstream, eventually};
use crate::support::places::DENMARK;

const HOST: &str = "kilden.example.dk";

/// Two servers on one port of two addresses.
fn two_servers() -> (Backend, Backend, u16) {
    let a = Backend::serve("a", Speaks::Http1, None, "127.0.0.1:0");
    let port = a.address.port();
    let b = Backend::serve("b", Speaks::Http1, None, &format!("127.0.0.2:{port}"));
    (a, b, port)
}

/// A gateway that sees this file as `/etc/hosts`.
fn started(hosts: &Path, block: &str) -> Gateway {
    let mut gateway = Gateway::prepare(&configuration_with_upstream(block, ""));
    let script = format!("mount --bind {} /etc/hosts && exec \"$@\"", hosts.display());
    gateway.run_under(&["unshare", "--mount", "sh", "-c", &script, "sh"]);
    gateway
}

fn name(gateway: &Gateway) -> Option<String> {
    let answer = get(gateway.address("web"), HOST, "/").from(DENMARK).send();
    (answer.status == 200).then(|| answer.header("server-name").unwrap().to_owned())
}

#[test]
fn a_name_is_resolved_anew_and_keeps_its_addresses_when_it_is_gone() {
    let (_a, _b, port) = two_servers();
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 intranet.test\n").unwrap();
    let block = format!("servers: [\"http://intranet.test:{port}\"], resolve_every: 1s");
    let gateway = started(&hosts, &block);
    assert_eq!(name(&gateway).as_deref(), Some("a"));
    std::fs::write(&hosts, "127.0.0.2 intranet.test\n").unwrap();
    eventually("requests go where the name leads, although the old connection stands", || {
        name(&gateway).as_deref() == Some("b")
    });
    std::fs::write(&hosts, "127.0.0.1 localhost\n").unwrap();
    gateway.wait_for_log("the name is gone", |line| {
        line["fields"]["message"].as_str().unwrap_or_default().contains("does not resolve")
    });
    assert_eq!(name(&gateway).as_deref(), Some("b"));
}

#[test]
fn a_connection_that_fails_asks_for_the_name_again() {
    let (mut a, b, port) = two_servers();
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "127.0.0.1 intranet.test\n").unwrap();
    let block = format!("servers: [\"http://intranet.test:{port}\"], resolve_every: 1d");
    let gateway = started(&hosts, &block);
    assert_eq!(name(&gateway).as_deref(), Some("a"));
    std::fs::write(&hosts, "127.0.0.2 intranet.test\n").unwrap();
    // A name is not asked for twice within a second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    a.stop();
    assert_eq!(name(&gateway).as_deref(), Some("b"), "without one failed request");
    assert_eq!(b.requests(), 1);
}

#[test]
fn every_address_of_a_name_is_tried() {
    let (mut a, _b, port) = two_servers();
    a.stop();
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    let all = "::1 intranet.test\n127.0.0.1 intranet.test\n127.0.0.2 intranet.test\n";
    std::fs::write(&hosts, all).unwrap();
    let gateway = started(&hosts, &format!("servers: [\"http://intranet.test:{port}\"]"));
    for _ in 0..5 {
        assert_eq!(name(&gateway).as_deref(), Some("b"));
    }
}

/// A listener that takes no connection: its queue is full, and whoever comes is left without an
/// answer, as where a route swallows everything.
fn swallowing(address: &str) -> (socket2::Socket, Vec<std::net::TcpStream>) {
    let address: std::net::SocketAddr = address.parse().unwrap();
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(0).unwrap();
    let soon = std::time::Duration::from_millis(300);
    let waiting = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&address, soon).ok());
    let waiting = waiting.take(16).collect::<Vec<_>>();
    assert!(waiting.len() < 16, "the queue never gets full");
    (socket, waiting)
}

/// One after the other, half of two minutes for each, would outlast every client.
#[test]
fn a_dead_address_of_a_name_costs_a_moment_and_no_failure() {
    let (_a, b, port) = two_servers();
    let (dead, _waiting) = swallowing(&format!("[::1]:{port}"));
    let directory = tempfile::tempdir().unwrap();
    let hosts = directory.path().join("hosts");
    std::fs::write(&hosts, "::1 intranet.test\n127.0.0.2 intranet.test\n").unwrap();
    let more = "timeouts: {connect: 2m}";
    let block = format!("servers: [\"http://intranet.test:{port}\"], {more}");
    let gateway = started(&hosts, &block);
    assert_eq!(name(&gateway).as_deref(), Some("b"));
    assert_eq!(b.requests(), 1);
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    assert!(!metrics.contains("geovagt_upstream_errors_total{"), "{metrics}");
    drop(dead);
}
