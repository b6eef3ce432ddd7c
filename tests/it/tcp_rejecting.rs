//! Connections that are no HTTP and may not pass: what mail programs are told, and what nobody is.

use std::io::Write as _;
use std::net::{Shutdown, TcpListener};

use crate::support::client::get;
use crate::support::gateway::{Gateway, eventually};
use crate::support::outside::entry;
use crate::support::places::{CHINA, DENMARK, LISTED};
use crate::support::raw::{read_rest, read_until};
use crate::support::talk::{GREETING, Talker, from, gateway, reference, rest, with};
use crate::support::upstream::Upstream;

#[test]
fn mail_programs_are_told_in_their_own_words() {
    for (mail, start) in [("imap", "* BYE "), ("pop3", "-ERR ")] {
        let (http, server) = (Upstream::start(), Talker::start());
        let gateway = gateway(&http, &server.url(), &format!("tcp: {{mail: {mail}}}"));
        let mut client = from(CHINA, gateway.address("mail-in"));
        // What the client says meanwhile does not take the answer away from it.
        client.write_all(b"a1 LOGIN anna secret\r\n").unwrap();
        let line = read_until(&mut client, "\r\n");
        assert!(line.starts_with(start) && line.contains("ingen adgang"), "{line}");
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(&mut client), "");
        let entry = entry(&gateway, &reference(&line));
        assert_eq!(entry["event"]["action"], "denied");
        assert_eq!(entry["event"]["reason"], "country_listed");
        assert_eq!(entry["client"]["ip"], CHINA);
        assert_eq!(entry["geovagt"]["site"], "box");
        assert!(server.heard().is_empty(), "the server has heard of it");
    }
}

#[test]
fn an_smtp_client_is_heard_until_it_quits() {
    let (http, server) = (Upstream::start(), Talker::start());
    let gateway = gateway(&http, &server.url(), "tcp: {mail: smtp}");
    let mut client = from(CHINA, gateway.address("mail-in"));
    let line = read_until(&mut client, "\r\n");
    assert!(line.starts_with("554 "), "{line}");
    client.write_all(b"EHLO there\r\nMAIL FROM:<x@example.org>\r\n").unwrap();
    for _ in 0..2 {
        assert_eq!(read_until(&mut client, "\r\n"), "503 Bad sequence of commands\r\n");
    }
    client.write_all(b"QUIT\r\n").unwrap();
    assert_eq!(rest(&mut client), "221 Bye\r\n");
    assert_eq!(entry(&gateway, &reference(&line))["event"]["reason"], "country_listed");
    // Whoever never quits does not stay for ever either.
    let mut endless = from(CHINA, gateway.address("mail-in"));
    read_until(&mut endless, "\r\n");
    let _ = endless.write_all("NOOP\r\n".repeat(1000).as_bytes());
    let answers = read_rest(&mut endless).matches("503 ").count();
    assert!(answers <= 8, "{answers}");
    assert!(server.heard().is_empty());
}

#[test]
fn every_country_of_the_list_is_rejected_and_denmark_is_not() {
    let (http, server) = (Upstream::start(), Talker::start());
    let gateway = gateway(&http, &server.url(), "tcp: {mail: imap}");
    let greeted =
        |address: &str| read_until(&mut from(address, gateway.address("mail-in")), "\r\n");
    for (_, _, fourth, sixth) in LISTED {
        for address in [fourth, sixth] {
            assert!(greeted(address).starts_with("* BYE "), "{address}");
        }
    }
    assert!(server.heard().is_empty());
    assert_eq!(greeted(DENMARK), GREETING);
}

#[test]
fn where_nothing_can_be_said_the_connection_just_ends() {
    for more in ["tcp: {idle: 10m}", "tcp: {mail: imap}, denial: close"] {
        let (http, server) = (Upstream::start(), Talker::start());
        let gateway = gateway(&http, &server.url(), more);
        let mut client = from(CHINA, gateway.address("mail-in"));
        assert_eq!(rest(&mut client), "", "{more}");
        let found = crate::support::talk::entry(&gateway, "box", "denied");
        assert_eq!(found["event"]["reason"], "country_listed");
        assert!(server.heard().is_empty());
    }
}

/// Whoever is rejected and does not go is not kept.
#[test]
fn whoever_is_rejected_and_stays_takes_no_place() {
    for (more, said) in [("tcp: {mail: imap}", "* BYE "), ("tcp: {idle: 10m}", "")] {
        let (http, server) = (Upstream::start(), Talker::start());
        let gateway = gateway(&http, &server.url(), more);
        let mut client = from(CHINA, gateway.address("mail-in"));
        // All that it hears comes at once; it stays, and could still speak.
        assert!(rest(&mut client).starts_with(said));
        eventually("it is gone", || {
            let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
            let mut lines = metrics.lines();
            let of_this = "geovagt_connections_open{listener=\"mail-in\"} ";
            lines.any(|line| line.strip_prefix(of_this) == Some("0"))
        });
        drop(client);
    }
}

#[test]
fn a_listener_that_closes_does_so_before_everything() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = format!("upstream: {{servers: [\"{}\"]}}, tcp: {{mail: imap}}", server.url());
    let open = format!("{site}, allow_networks: [{{network: 127.0.0.0/8, reason: test}}]");
    let closing = "client_address: {source: peer}, denial: close";
    let (first, second) = (format!("site: box, {closing}"), format!("site: open-box, {closing}"));
    let listeners = [("mail-in", first.as_str()), ("open-in", second.as_str())];
    let gateway = Gateway::start(&with(&http, &listeners, &[("box", &site), ("open-box", &open)]));
    // This machine's own network is private: rejected at one site, and let in at the other.
    let mut client = std::net::TcpStream::connect(gateway.address("mail-in")).unwrap();
    assert_eq!(read_rest(&mut client), "");
    eventually("it is in the log", || {
        let search = ["audit", "search", "--json", "--reason", "denied_private_network"];
        gateway.command(&search).out.contains("mail-in")
    });
    let mut client = std::net::TcpStream::connect(gateway.address("open-in")).unwrap();
    assert_eq!(read_until(&mut client, "\r\n"), GREETING);
}

#[test]
fn a_server_that_is_away_is_a_matter_of_patience() {
    for (mail, start) in
        [("imap", "* BYE [UNAVAILABLE] "), ("pop3", "-ERR [SYS/TEMP] "), ("smtp", "421 ")]
    {
        let http = Upstream::start();
        // A port that somebody had a moment ago.
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let gateway = gateway(&http, &format!("tcp://{nobody}"), &format!("tcp: {{mail: {mail}}}"));
        let mut client = from(DENMARK, gateway.address("mail-in"));
        let line = rest_after_closing(&mut client);
        assert!(line.starts_with(start), "{line}");
        let entry = entry(&gateway, &reference(&line));
        assert_eq!(entry["event"]["action"], "allowed");
        assert_eq!(entry["event"]["outcome"], "unknown");
        // Whoever is not let in learns nothing of that.
        let line = rest_after_closing(&mut from(CHINA, gateway.address("mail-in")));
        assert!(line.contains("ingen adgang"), "{line}");
    }
}

fn rest_after_closing(client: &mut std::net::TcpStream) -> String {
    let line = read_until(client, "\r\n");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(client), "");
    line
}

#[test]
fn another_server_takes_over_and_a_full_one_says_so() {
    let (http, server) = (Upstream::start(), Talker::start());
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let site = format!(
        "upstream: {{servers: [\"tcp://{nobody}\", \"{}\"], connections: {{maximum: 1, queue: 0}}}}, \
         tcp: {{mail: imap}}",
        server.url()
    );
    let gateway = Gateway::start(&with(&http, &[("mail-in", "site: box")], &[("box", &site)]));
    let greeted = |client: &mut std::net::TcpStream| read_until(client, "\r\n");
    let mut first = from(DENMARK, gateway.address("mail-in"));
    assert_eq!(greeted(&mut first), GREETING);
    eventually("there is no room for a second one", || {
        let mut second = from(DENMARK, gateway.address("mail-in"));
        greeted(&mut second).starts_with("* BYE [UNAVAILABLE] ")
    });
    drop(first);
    eventually("the place comes back", || {
        greeted(&mut from(DENMARK, gateway.address("mail-in"))) == GREETING
    });
}
