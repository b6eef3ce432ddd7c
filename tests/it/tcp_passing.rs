//! Connections that are no HTTP: what passes, how they end, and what the log and the server learn.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::time::Duration;

use crate::support::browsing::Browser;
use crate::support::gateway::{Gateway, eventually};
use crate::support::places::{CHINA, DENMARK, THAILAND};
use crate::support::raw::{RawUpstream, read_rest, read_until};
use crate::support::talk::{FAREWELL, GREETING, Talker, ended, entry, from, gateway, rest, with};
use crate::support::upstream::Upstream;

const PASSWORD: &str = "en lang adgangskode 42";

#[test]
fn both_directions_pass_and_each_ends_by_itself() {
    let (http, server) = (Upstream::start(), Talker::start());
    let gateway = gateway(&http, &server.url(), "tcp: {mail: imap}");
    let mut client = from(DENMARK, gateway.address("mail-in"));
    assert_eq!(read_until(&mut client, "\r\n"), GREETING);
    client.write_all(b"a1 NOOP\r\n").unwrap();
    assert_eq!(read_until(&mut client, "\r\n"), "a1 NOOP\r\n");
    // The client is done; the server still has something to say.
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut client), FAREWELL);
    assert_eq!(server.heard(), [b"a1 NOOP\r\n"]);
    let entry = entry(&gateway, "box", "allowed");
    assert_eq!(entry["client"]["ip"], DENMARK);
    assert_eq!(entry["event"]["reason"], "country_not_listed");
    assert_eq!(entry["event"]["outcome"], "success");
    assert_eq!(entry["geovagt"]["listener"], "mail-in");
    assert!(entry["http"]["response"]["status_code"].is_null(), "{entry}");
}

#[test]
fn much_passes_unchanged() {
    let (http, server) = (Upstream::start(), Talker::start());
    let gateway = gateway(&http, &server.url(), "");
    let mut client = from(DENMARK, gateway.address("mail-in"));
    assert_eq!(read_until(&mut client, "\r\n"), GREETING);
    let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut writing = client.try_clone().unwrap();
    let all = sent.clone();
    let writer = std::thread::spawn(move || {
        writing.write_all(&all).unwrap();
        writing.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    client.read_to_end(&mut received).unwrap();
    writer.join().unwrap();
    assert_eq!(received.len(), sent.len() + FAREWELL.len());
    assert!(received.starts_with(&sent) && received.ends_with(FAREWELL.as_bytes()));
}

#[test]
fn the_server_learns_whose_connection_it_is() {
    let (http, server) = (Upstream::start(), Talker::start());
    let gateway = gateway(&http, &server.url(), "tcp: {proxy_protocol: v2}");
    for address in [DENMARK, "2a02:aa0::1"] {
        let mut client = from(address, gateway.address("mail-in"));
        client.write_all(b"hello").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let said = rest(&mut client);
        assert!(said.ends_with(FAREWELL), "{said}");
    }
    // The server has heard all of it before its farewell came.
    for (heard, address) in server.heard().iter().zip([DENMARK, "2a02:aa0::1"]) {
        let (header, length) = proxy_protocol_rs::parse(heard).unwrap();
        assert_eq!(header.source_ip().unwrap().to_string(), address);
        assert!(header.tlvs.ssl.is_none());
        assert_eq!(&heard[length..], b"hello");
    }
    assert_eq!(server.heard().len(), 2);
}

#[test]
fn a_client_that_speaks_as_a_proxy_is_not_believed_by_anybody() {
    let (http, server) = (Upstream::start(), Talker::start());
    let open = "allow_networks: [{network: 127.0.0.0/8, reason: test}]";
    let site = format!("upstream: {{servers: [\"{}\"]}}, {open}", server.url());
    let peer = "site: box, client_address: {source: peer}";
    let gateway = Gateway::start(&with(&http, &[("mail-in", peer)], &[("box", &site)]));
    for pieces in [&["PROXY TCP4 1.2.3.4 9.9.9.9 1 993\r\n"][..], &["PRO", "XY TCP4 1.2.3.4"]] {
        let mut client = std::net::TcpStream::connect(gateway.address("mail-in")).unwrap();
        client.set_nodelay(true).unwrap();
        assert_eq!(read_until(&mut client, "\r\n"), GREETING);
        for piece in pieces {
            // What was refused before its end finds nobody who takes the rest.
            let _ = client.write_all(piece.as_bytes());
        }
        read_rest(&mut client);
    }
    ended(&gateway, "box", "foreign_preamble");
    for heard in server.heard() {
        assert!(!String::from_utf8_lossy(&heard).contains("PROXY "), "{heard:?}");
    }
}

#[test]
fn silence_and_a_long_life_end() {
    for (limit, word) in [("idle: 3s", "idle"), ("lifetime: 3s", "lifetime")] {
        let (http, server) = (Upstream::start(), Talker::start());
        let gateway = gateway(&http, &server.url(), &format!("tcp: {{{limit}}}"));
        let mut client = from(DENMARK, gateway.address("mail-in"));
        client.write_all(b"a NOOP\r\n").unwrap();
        assert_eq!(rest(&mut client), format!("{GREETING}a NOOP\r\n"));
        let details = &ended(&gateway, "box", word)["geovagt"]["details"];
        assert_eq!(details["request_bytes"], "8");
        assert_eq!(details["response_bytes"], (GREETING.len() + 8).to_string());
    }
}

/// A client in IDLE says nothing, and hears of new mail.
#[test]
fn what_one_side_says_is_no_silence() {
    let http = Upstream::start();
    let server = RawUpstream::start(|mut stream| {
        for _ in 0..8 {
            stream.write_all(b"* 1 EXISTS\r\n").unwrap();
            std::thread::sleep(Duration::from_millis(700));
        }
    });
    let url = server.url().replace("http://", "tcp://");
    let gateway = gateway(&http, &url, "tcp: {idle: 3s}");
    let mut client = from(DENMARK, gateway.address("mail-in"));
    assert_eq!(rest(&mut client), "* 1 EXISTS\r\n".repeat(8));
}

#[test]
fn an_address_that_was_let_pass_passes_here_until_the_exemption_ends() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = format!(
        "upstream: {{servers: [\"{}\"]}}, tcp: {{mail: imap, grants_of: kilden}}",
        server.url()
    );
    let other = format!("upstream: {{servers: [\"{}\"]}}, tcp: {{mail: imap}}", server.url());
    let text = with(
        &http,
        &[("mail-in", "site: box"), ("other-in", "site: other")],
        &[("box", &site), ("other", &other)],
    )
    .replace("hosts: [kilden.example.dk],", "hosts: [kilden.example.dk], address_grant: 1h,");
    let gateway = Gateway::start(&text);
    gateway.add_user("anna.holm", "ballerup", PASSWORD);
    let id = gateway.grant("anna.holm", "TH", &["kilden", "box", "other"]);
    let greeted = |listener: &str, address: &str| {
        read_until(&mut from(address, gateway.address(listener)), "\r\n")
    };
    eventually("the door is open", || {
        let page = Browser::at(&gateway, "kilden.example.dk", THAILAND).open("/");
        page.status == 303
    });
    assert!(greeted("mail-in", THAILAND).starts_with("* BYE "), "nobody has signed in");
    let mut browser = Browser::at(&gateway, "kilden.example.dk", THAILAND);
    browser.sign_in("anna.holm", PASSWORD);
    let page = browser.open("/.geovagt/adresse");
    assert_eq!(browser.press(&page, "/.geovagt/adresse").status, 200);
    // The one address, at the site whose people are known there, and in that country alone.
    assert!(greeted("mail-in", "61.19.0.2").starts_with("* BYE "));
    assert!(greeted("other-in", THAILAND).starts_with("* BYE "));
    assert!(greeted("mail-in", CHINA).starts_with("* BYE "));
    let mut client = from(THAILAND, gateway.address("mail-in"));
    assert_eq!(read_until(&mut client, "\r\n"), GREETING);
    client.write_all(b"a1 IDLE\r\n").unwrap();
    assert_eq!(read_until(&mut client, "\r\n"), "a1 IDLE\r\n");
    gateway.command(&["exemption", "revoke", &id, "--reason", "Hjemme igen"]).expect_code(0);
    assert_eq!(rest(&mut client), "", "it is cut, in order");
    let end = ended(&gateway, "box", "exemption_ended");
    assert_eq!(end["user"]["name"], "anna.holm");
    assert_eq!(end["geovagt"]["exemption"], id.as_str());
    assert!(greeted("mail-in", THAILAND).starts_with("* BYE "));
}

#[test]
fn connections_end_with_their_listener_and_with_the_gateway() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = format!("upstream: {{servers: [\"{}\"]}}", server.url());
    let both = [("mail-in", "site: box"), ("other-in", "site: box")];
    let limits = "limits: {drain_timeout: 2s}\n";
    let text = with(&http, &both, &[("box", &site)]) + limits;
    let mut gateway = Gateway::start(&text);
    let talking = |listener: &str| {
        let mut client = from(DENMARK, gateway.address(listener));
        assert_eq!(read_until(&mut client, "\r\n"), GREETING);
        client
    };
    let (mut gone, mut kept) = (talking("other-in"), talking("mail-in"));
    std::fs::write(gateway.config_file(), with(&http, &both[..1], &[("box", &site)]) + limits)
        .unwrap();
    gateway.command(&["reload"]).expect_code(0);
    read_rest(&mut gone);
    kept.write_all(b"still here\r\n").unwrap();
    assert_eq!(read_until(&mut kept, "\r\n"), "still here\r\n");
    assert_eq!(gateway.stop(), Some(0));
    assert_eq!(rest(&mut kept), "");
}
