//! TLS to a server that is written `tls://…`: what passes, whom the gateway trusts, what it shows, and
//! what nobody gets before that is settled.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::path::Path;
use std::sync::OnceLock;

use crate::support::authority::Authority;
use crate::support::client::get;
use crate::support::gateway::{Gateway, eventually};
use crate::support::outside::entry;
use crate::support::places::{DENMARK, THAILAND};
use crate::support::postbox::{LOGIN, PASSWORD, Scene, say};
use crate::support::raw::{read_rest, read_until};
use crate::support::relay::{Manner, Relay};
use crate::support::talk::{FAREWELL, GREETING, Talker, ended, from, reference, rest, with};
use crate::support::upstream::Upstream;

const NAME: &str = "mail.internal";

struct Behind {
    talker: Talker,
    relay: Relay,
    authority: Authority,
    http: Upstream,
    directory: tempfile::TempDir,
}

impl Behind {
    fn start(manner: Manner) -> Self {
        // It knows its own protocol alone, and would refuse a client that offers HTTP (ALPN).
        Self::with(manner, |authority| authority.server(NAME, &["imap"], None))
    }

    fn with(manner: Manner, server: impl Fn(&Authority) -> rustls::ServerConfig) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new(directory.path(), "ca");
        let talker = Talker::start();
        let relay = Relay::start(server(&authority), talker.address, manner);
        Self { talker, relay, authority, http: Upstream::start(), directory }
    }

    /// Settings of `tls` that are right.
    fn tls(&self) -> String {
        format!("ca: \"{}\", server_name: {NAME}", self.authority.file.display())
    }

    fn gateway(&self, tls: &str, more: &str) -> Gateway {
        self.servers(&[&self.relay.url()], tls, more)
    }

    fn servers(&self, servers: &[&str], tls: &str, more: &str) -> Gateway {
        let site = format!(
            "upstream: {{servers: {servers:?}, timeouts: {{connect: 3s}}, tls: {{{tls}}}}}, \
             tcp: {{mail: imap{more}}}"
        );
        Gateway::start(&with(&self.http, &[("mail-in", "site: box")], &[("box", &site)]))
    }

    fn directory(&self) -> &Path {
        self.directory.path()
    }
}

#[test]
fn both_directions_pass_and_each_ends_by_itself() {
    for header in [false, true] {
        let behind = Behind::start(Manner { header, ..Manner::default() });
        let more = if header { ", proxy_protocol: v2" } else { "" };
        let gateway = behind.gateway(&behind.tls(), more);
        let mut client = from(DENMARK, gateway.address("mail-in"));
        assert_eq!(read_until(&mut client, "\r\n"), GREETING);
        let sent: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
        let (mut writing, all) = (client.try_clone().unwrap(), sent.clone());
        let writer = std::thread::spawn(move || {
            writing.write_all(&all).unwrap();
            writing.shutdown(Shutdown::Write).unwrap();
        });
        let mut received = Vec::new();
        client.read_to_end(&mut received).unwrap();
        writer.join().unwrap();
        let heard = behind.talker.heard().remove(0);
        let length = if header {
            let (told, length) = proxy_protocol_rs::parse(&heard).unwrap();
            assert_eq!(told.source_ip().unwrap().to_string(), DENMARK);
            length
        } else {
            0
        };
        assert!(heard[length..] == sent, "header: {header}");
        // The server echoes all that it hears.
        assert!(received == [heard.as_slice(), FAREWELL.as_bytes()].concat(), "header: {header}");
    }
}

/// Whoever comes hears that the server is away, and the log and the metrics tell the operator why.
fn assert_is_refused(relay: &Relay, gateway: &Gateway, why: &str) {
    let mut client = from(DENMARK, gateway.address("mail-in"));
    // What somebody says at once does not go where nobody knows who listens.
    client.write_all(b"a LOGIN anna secret\r\n").unwrap();
    let line = read_until(&mut client, "\r\n");
    assert!(line.starts_with("* BYE [UNAVAILABLE] "), "{why}: {line}");
    let found = entry(gateway, &reference(&line));
    assert_eq!(found["event"]["action"], "allowed");
    assert_eq!(found["event"]["outcome"], "unknown");
    gateway.wait_for_log(why, |line| {
        let error = line["fields"]["error"].as_str().unwrap_or_default();
        error.contains("TLS failed") && error.contains(why) && error.contains("tls://127.0.0.1")
    });
    let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
    for (name, label) in [
        ("geovagt_upstream_errors_total", "cause=\"unreachable\""),
        ("geovagt_upstream_connect_failures_total", "server=\"tls://127.0.0.1"),
    ] {
        let counted = |line: &str| {
            line.starts_with(name)
                && line.contains("site=\"box\"")
                && line.contains(label)
                && !line.ends_with(" 0")
        };
        assert!(metrics.lines().any(counted), "{name}\n{metrics}");
    }
    let (came, shaken) = relay.seen();
    assert!(came > 0 && shaken == 0, "{why}: {came} {shaken}");
}

#[test]
fn a_server_that_is_not_the_one_that_is_meant_hears_nothing() {
    let behind = Behind::start(Manner::default());
    let ca = behind.authority.file.display().to_string();
    let other = Authority::new(behind.directory(), "other").file;
    for (tls, why) in [
        (format!("ca: \"{}\", server_name: {NAME}", other.display()), "UnknownIssuer"),
        (format!("server_name: {NAME}"), "UnknownIssuer"),
        (format!("ca: \"{ca}\", server_name: other.internal"), "not valid for name"),
        // The URL's host, where no name is written.
        (format!("ca: \"{ca}\""), "not valid for name"),
    ] {
        let config = behind.authority.server(NAME, &[], None);
        let relay = Relay::start(config, behind.talker.address, Manner::default());
        assert_is_refused(&relay, &behind.servers(&[&relay.url()], &tls, ""), why);
    }
    assert!(behind.talker.heard().is_empty());
    let expired = Behind::with(Manner::default(), |authority| {
        Authority::server_with(&authority.issue_expired(NAME), None)
    });
    assert_is_refused(&expired.relay, &expired.gateway(&expired.tls(), ""), "expired");
}

#[test]
fn a_server_that_never_answers_tls_is_not_waited_for() {
    let behind = Behind::start(Manner::default());
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tls://{}", silent.local_addr().unwrap());
    let gateway = behind.servers(&[&url], &behind.tls(), "");
    let began = std::time::Instant::now();
    let line = read_until(&mut from(DENMARK, gateway.address("mail-in")), "\r\n");
    assert!(line.starts_with("* BYE [UNAVAILABLE] "), "{line}");
    assert!(began.elapsed().as_secs() < 20, "{:?}", began.elapsed());
    // Beside one that can be trusted, it costs a moment.
    let gateway = behind.servers(&[&url, &behind.relay.url()], &behind.tls(), "");
    for _ in 0..3 {
        let mut client = from(DENMARK, gateway.address("mail-in"));
        assert_eq!(read_until(&mut client, "\r\n"), GREETING);
    }
}

#[test]
fn a_client_certificate_is_shown() {
    let directory = tempfile::tempdir().unwrap();
    let clients = Authority::new(directory.path(), "clients");
    let behind =
        Behind::with(Manner::default(), |authority| authority.server(NAME, &[], Some(&clients)));
    let own = clients.issue("geovagt");
    let shown = format!(
        "{}, certificate: \"{}\", key: \"{}\"",
        behind.tls(),
        own.chain.display(),
        own.key.display()
    );
    let without = behind.gateway(&behind.tls(), "");
    let mut client = from(DENMARK, without.address("mail-in"));
    let _ = client.write_all(b"a LOGIN anna secret\r\n");
    let said = read_rest(&mut client);
    assert!(!said.contains(GREETING), "{said}");
    assert!(behind.talker.heard().is_empty());
    let gateway = behind.gateway(&shown, "");
    let mut client = from(DENMARK, gateway.address("mail-in"));
    assert_eq!(read_until(&mut client, "\r\n"), GREETING);
}

/// Many servers just close. What they said is heard, and the log tells how it ended.
#[test]
fn a_server_that_leaves_without_tls_own_end_is_heard_out() {
    let behind = Behind::start(Manner { abrupt: true, ..Manner::default() });
    let gateway = behind.gateway(&behind.tls(), "");
    let mut client = from(DENMARK, gateway.address("mail-in"));
    client.write_all(b"a1 NOOP\r\n").unwrap();
    assert_eq!(read_until(&mut client, "a1 NOOP\r\n"), format!("{GREETING}a1 NOOP\r\n"));
    client.shutdown(Shutdown::Write).unwrap();
    rest(&mut client);
    eventually("it is counted as what it was", || {
        let metrics = get(gateway.address("operations"), "localhost", "/metrics").send().text();
        let counted = |line: &str| {
            line.starts_with("geovagt_tcp_connections_total{")
                && line.contains("ended=\"cut_by_upstream\"")
                && line.ends_with(" 1")
        };
        metrics.lines().any(counted)
    });
}

/// What is still on its way to a slow client when such a server leaves is not lost.
#[test]
fn a_slow_client_gets_the_last_word_of_a_server_that_just_leaves() {
    const OCTETS: usize = 30_000_000;
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = server.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in server.incoming().map_while(Result::ok) {
            let _ = stream.write_all(&vec![b'x'; OCTETS]);
        }
    });
    let behind = Behind::start(Manner::default());
    let config = behind.authority.server(NAME, &[], None);
    let relay = Relay::start(config, at, Manner { abrupt: true, ..Manner::default() });
    let gateway = behind.servers(&[&relay.url()], &behind.tls(), "");
    let mut client = from(DENMARK, gateway.address("mail-in"));
    let (mut received, mut room) = (0, vec![0; 1 << 20]);
    loop {
        std::thread::sleep(std::time::Duration::from_millis(20));
        match client.read(&mut room).unwrap() {
            0 => break,
            count => received += count,
        }
    }
    assert_eq!(received, OCTETS);
}

#[test]
fn reload_reads_the_authority_anew_and_keeps_what_stands() {
    let behind = Behind::start(Manner::default());
    let gateway = behind.gateway(&behind.tls(), "");
    let mut stands = from(DENMARK, gateway.address("mail-in"));
    assert_eq!(read_until(&mut stands, "\r\n"), GREETING);
    std::fs::write(&behind.authority.file, "rubbish").unwrap();
    for command in ["check", "reload"] {
        let said = gateway.command(&[command]).expect_code(1);
        assert!(said.err.contains("ca.pem holds no certificate"), "{}", said.err);
    }
    let _other = Authority::new(behind.directory(), "ca");
    gateway.command(&["reload"]).expect_code(0);
    let line = read_until(&mut from(DENMARK, gateway.address("mail-in")), "\r\n");
    assert!(line.starts_with("* BYE [UNAVAILABLE] "), "{line}");
    stands.write_all(b"still here\r\n").unwrap();
    assert_eq!(read_until(&mut stands, "\r\n"), "still here\r\n");
}

/// A traveller's gateway, whose mail server speaks TLS by this authority's word.
fn travelling(authority: &Authority, trusted: &Authority) -> (Scene, Relay) {
    let relay = OnceLock::new();
    let scene = Scene::with("imap", LOGIN, |text| {
        let (head, rest) = text.split_once("\"tcp://").unwrap();
        let (server, rest) = rest.split_once("\"]").unwrap();
        let url = relay
            .get_or_init(|| {
                let config = authority.server(NAME, &[], None);
                let manner = Manner { header: true, ..Manner::default() };
                Relay::start(config, server.parse().unwrap(), manner)
            })
            .url();
        let ca = trusted.file.display();
        format!("{head}\"{url}\"], tls: {{ca: \"{ca}\", server_name: {NAME}}}{rest}")
    });
    (scene, relay.into_inner().unwrap())
}

#[test]
fn a_login_is_said_to_a_server_that_is_proven_and_to_no_other() {
    let login = format!("a LOGIN \"anna.holm\" \"{PASSWORD}\"\r\n");
    let directory = tempfile::tempdir().unwrap();
    let inner = Authority::new(directory.path(), "inner");
    let other = Authority::new(directory.path(), "other");
    let (scene, relay) = travelling(&inner, &inner);
    scene.travels("anna.holm");
    let (mut client, _) = scene.greeted(THAILAND);
    assert_eq!(relay.seen(), (0, 0), "before the proof nobody hears of it");
    say(&mut client, &login);
    read_until(&mut client, "a OK in\r\n* 1 EXISTS\r\n");
    assert_eq!(scene.server.heard(), [login.as_str()]);
    let (scene, relay) = travelling(&inner, &other);
    scene.travels("anna.holm");
    let (mut client, _) = scene.greeted(THAILAND);
    say(&mut client, &login);
    let said = read_until(&mut client, "\r\n");
    assert!(said.starts_with("* BYE [UNAVAILABLE] "), "{said}");
    let (came, shaken) = relay.seen();
    assert!(came > 0 && shaken == 0, "{came} {shaken}");
    assert!(scene.server.heard().is_empty());
    ended(&scene.gateway, "box", "no_upstream");
}
