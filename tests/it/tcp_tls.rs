//! TLS on a listener that speaks no HTTP: ended here, or passed through by the host it names.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConnection, StreamOwned};

use crate::support::authority::Authority;
use crate::support::gateway::{Gateway, eventually};
use crate::support::outside;
use crate::support::places::{CHINA, DENMARK};
use crate::support::raw::read_until;
use crate::support::talk::{FAREWELL, GREETING, Talker, from, reference, rest, with};
use crate::support::upstream::Upstream;

fn client(authority: &Authority, name: &str) -> ClientConnection {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap()).unwrap()
}

/// What a client says first to this host.
fn first_words(name: &str) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let mut bytes = Vec::new();
    client(&Authority::new(directory.path(), "ca"), name).write_tls(&mut bytes).unwrap();
    bytes
}

/// The same in TLS records of so many bytes.
fn in_records(hello: &[u8], length: usize) -> Vec<u8> {
    let record = |part: &[u8]| {
        let length = u16::try_from(part.len()).unwrap().to_be_bytes();
        [&[0x16, 3, 1][..], &length, part].concat()
    };
    hello[5..].chunks(length).flat_map(record).collect()
}

struct Passing {
    imap: Talker,
    rest: Talker,
    gateway: Gateway,
    _http: Upstream,
}

/// A listener that passes TLS through to one site by its host, and to another by everything else.
fn passing(others: &str) -> Passing {
    let (http, imap, rest) = (Upstream::start(), Talker::start(), Talker::start());
    let site = |server: &Talker, hosts: &str| {
        format!("hosts: [{hosts}], upstream: {{servers: [\"{}\"]}}", server.url())
    };
    let (first, second) = (site(&imap, "imap.example.dk"), site(&rest, others));
    let listeners = [("tls-in", "sites: [imap, rest]")];
    let text = with(&http, &listeners, &[("imap", &first), ("rest", &second)]);
    let gateway = Gateway::start(&(text + "limits: {header_timeout: 4s}\n"));
    Passing { imap, rest, gateway, _http: http }
}

#[test]
fn the_host_that_is_named_leads_to_its_site_and_every_byte_goes_on() {
    let passing = passing("\"*.example.dk\", \"*\"");
    let to = passing.gateway.address("tls-in");
    let hello = |name| first_words(name);
    let mut early = hello("imap.example.dk");
    early.extend(b"\x17\x03\x03\x00\x05early");
    for (sent, server) in [
        (hello("imap.example.dk"), &passing.imap),
        (hello("IMAP.example.dk"), &passing.imap),
        (in_records(&hello("imap.example.dk"), 64), &passing.imap),
        (early, &passing.imap),
        (hello("pop.example.dk"), &passing.rest),
        (hello("example.org"), &passing.rest),
        // No name at all.
        (hello("192.0.2.1"), &passing.rest),
    ] {
        let before = server.heard().len();
        let mut stream = from(DENMARK, to);
        stream.set_nodelay(true).unwrap();
        for piece in sent.chunks(100) {
            stream.write_all(piece).unwrap();
        }
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let whole = [GREETING.as_bytes(), &sent, FAREWELL.as_bytes()].concat();
        assert_eq!(answer, whole, "what the server echoes is what was sent");
        assert_eq!(server.heard().len(), before + 1);
        assert_eq!(server.heard()[before], sent);
    }
}

#[test]
fn what_names_no_site_or_is_no_tls_reaches_no_server() {
    let passing = passing("pop.example.dk");
    let to = passing.gateway.address("tls-in");
    let mut cut = first_words("imap.example.dk");
    cut.truncate(80);
    let mut huge = vec![0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
    huge.resize(16_384 + 5, 0);
    for (sent, finishes) in [
        (first_words("smtp.example.dk"), true),
        (first_words("192.0.2.1"), true),
        (b"a1 LOGIN anna secret\r\n".to_vec(), true),
        (vec![0x16; 600], true),
        (huge.repeat(4), true),
        (cut.clone(), true),
        (Vec::new(), true),
        // Whoever begins and stays silent is not waited for.
        (cut, false),
        (Vec::new(), false),
    ] {
        let mut stream = from(DENMARK, to);
        // It may end before all is sent.
        let _ = stream.write_all(&sent);
        if finishes {
            let _ = stream.shutdown(Shutdown::Write);
        }
        assert_eq!(crate::support::raw::read_rest(&mut stream), "");
    }
    assert!(passing.imap.heard().is_empty() && passing.rest.heard().is_empty());
    eventually("a host that nobody answers for is in the log", || {
        let search = ["audit", "search", "--json", "--reason", "unknown_site"];
        let found = passing.gateway.command(&search).expect_code(0).out;
        found.contains("smtp.example.dk") && found.contains("tls-in")
    });
}

#[test]
fn whoever_is_rejected_by_the_host_in_tls_gets_a_clean_end() {
    let passing = passing("\"*\"");
    let mut stream = from(CHINA, passing.gateway.address("tls-in"));
    stream.write_all(&first_words("imap.example.dk")).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), "");
    let found = crate::support::talk::entry(&passing.gateway, "imap", "denied");
    assert_eq!(found["event"]["reason"], "country_listed");
    assert_eq!(found["url"]["domain"], "imap.example.dk");
    assert!(passing.imap.heard().is_empty());
}

/// What was read to find the site counts like everything else.
#[test]
fn the_log_counts_what_was_read_ahead() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site =
        format!("hosts: [\"*\"], upstream: {{servers: [\"{}\"]}}, tcp: {{idle: 2s}}", server.url());
    let gateway = Gateway::start(&with(&http, &[("tls-in", "sites: [box]")], &[("box", &site)]));
    let (hello, mut stream) =
        (first_words("a.example.dk"), from(DENMARK, gateway.address("tls-in")));
    stream.write_all(&hello).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
    let details = &crate::support::talk::ended(&gateway, "box", "idle")["geovagt"]["details"];
    assert_eq!(details["request_bytes"], hello.len().to_string());
    assert_eq!(details["response_bytes"], (GREETING.len() + hello.len()).to_string());
}

/// A word of ours inside of the client's TLS would be rubbish to it.
#[test]
fn nothing_is_said_where_tls_passes_through() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = format!(
        "hosts: [\"*\"], upstream: {{servers: [\"{}\"]}}, tcp: {{mail: imap}}",
        server.url()
    );
    let gateway = Gateway::start(&with(&http, &[("tls-in", "sites: [box]")], &[("box", &site)]));
    let mut stream = from(CHINA, gateway.address("tls-in"));
    stream.write_all(&first_words("imap.example.dk")).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), "");
    let found = crate::support::talk::entry(&gateway, "box", "denied");
    assert_eq!(found["event"]["reason"], "country_listed");
}

#[test]
fn a_listener_that_closes_waits_for_the_host_where_one_site_lets_in() {
    let (http, server) = (Upstream::start(), Talker::start());
    let site = |host: &str, more: &str| {
        format!("hosts: [{host}], upstream: {{servers: [\"{}\"]}}{more}", server.url())
    };
    // This machine's own network is private: rejected at one site, and let in at the other.
    let open = ", allow_networks: [{network: 127.0.0.0/8, reason: test}]";
    let (open, shut) = (site("open.example.dk", open), site("shut.example.dk", ""));
    let listener = "sites: [open-box, shut-box], client_address: {source: peer}, denial: close";
    let sites = [("open-box", open.as_str()), ("shut-box", shut.as_str())];
    let gateway = Gateway::start(&with(&http, &[("tls-in", listener)], &sites));
    for (host, answer) in [("open.example.dk", GREETING), ("shut.example.dk", "")] {
        let mut stream = TcpStream::connect(gateway.address("tls-in")).unwrap();
        stream.write_all(&first_words(host)).unwrap();
        if answer.is_empty() {
            stream.shutdown(Shutdown::Write).unwrap();
            assert_eq!(rest(&mut stream), "");
        } else {
            assert_eq!(read_until(&mut stream, "\r\n"), answer);
        }
    }
    assert_eq!(server.heard().len(), 1);
}

/// A client that has made its handshake, from this address.
fn secured(
    gateway: &Gateway,
    authority: &Authority,
    name: &str,
    address: &str,
) -> StreamOwned<ClientConnection, TcpStream> {
    StreamOwned::new(client(authority, name), from(address, gateway.address("tls-in")))
}

#[test]
fn where_tls_ends_here_the_server_learns_of_it_and_rejections_can_be_read() {
    let (http, server) = (Upstream::start(), Talker::start());
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let issued = authority.issue("imap.example.dk");
    let tls = format!(
        "sites: [box], tls: {{certificates: [{{chain: \"{}\", key: \"{}\"}}]}}",
        issued.chain.display(),
        issued.key.display()
    );
    let site = format!(
        "hosts: [imap.example.dk], upstream: {{servers: [\"{}\"]}}, \
         tcp: {{mail: imap, proxy_protocol: v2}}",
        server.url()
    );
    let gateway = Gateway::start(&with(&http, &[("tls-in", &tls)], &[("box", &site)]));
    let mut danish = secured(&gateway, &authority, "imap.example.dk", DENMARK);
    assert_eq!(read_until(&mut danish, "\r\n"), GREETING);
    danish.write_all(b"a1 NOOP\r\n").unwrap();
    danish.flush().unwrap();
    eventually("the server has heard the command", || {
        server.heard().first().is_some_and(|heard| heard.ends_with(b"a1 NOOP\r\n"))
    });
    danish.conn.send_close_notify();
    danish.flush().unwrap();
    let said = rest(&mut danish);
    assert!(said.ends_with(FAREWELL), "it ends in order: {said:?}");
    let heard = server.heard().remove(0);
    let (header, length) = proxy_protocol_rs::parse(&heard).unwrap();
    assert_eq!(header.source_ip().unwrap().to_string(), DENMARK);
    assert_eq!(header.tlvs.authority.as_deref(), Some("imap.example.dk"));
    let ssl = header.tlvs.ssl.unwrap();
    assert_eq!(ssl.version.as_deref(), Some("TLSv1.3"));
    assert!(ssl.client_flags.contains(proxy_protocol_rs::SslClientFlags::SSL));
    assert_eq!(&heard[length..], b"a1 NOOP\r\n");
    let mut chinese = secured(&gateway, &authority, "imap.example.dk", CHINA);
    let line = read_until(&mut chinese, "\r\n");
    assert!(line.starts_with("* BYE "), "{line}");
    chinese.conn.send_close_notify();
    chinese.flush().unwrap();
    assert_eq!(rest(&mut chinese), "", "with TLS's own end");
    let entry = outside::entry(&gateway, &reference(&line));
    assert_eq!(entry["event"]["reason"], "country_listed");
    assert_eq!(server.heard().len(), 1);
    // Inside TLS nobody is a proxy either.
    let mut forger = secured(&gateway, &authority, "imap.example.dk", DENMARK);
    let _ = forger.write_all(b"PROXY TCP4 1.2.3.4 9.9.9.9 1 993\r\n");
    crate::support::raw::read_rest(&mut forger);
    crate::support::talk::ended(&gateway, "box", "foreign_preamble");
}
