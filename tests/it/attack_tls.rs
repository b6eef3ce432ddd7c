//! TLS by those who do not mean it: old versions, broken and slow handshakes, hosts that differ.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::client::get;
use crate::support::gateway::{Gateway, PATIENCE, configuration, eventually};
use crate::support::places::{CHINA, DENMARK};
use crate::support::recorder::Recorder;

struct Served {
    gateway: Gateway,
    upstream: Recorder,
    root: CertificateDer<'static>,
    _files: tempfile::TempDir,
}

/// A gateway whose listener `secure` speaks TLS behind PROXY preambles.
fn served(more: &str) -> Served {
    let hosts = ["kilden.example.dk", "mail.example.dk", "shut.example.dk"];
    let made = rcgen::generate_simple_self_signed(hosts.map(str::to_owned)).unwrap();
    let files = tempfile::tempdir().unwrap();
    let (chain, key) = (files.path().join("chain.pem"), files.path().join("key.pem"));
    std::fs::write(&chain, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let listener = format!(
        "  - name: secure\n    bind: [\"127.0.0.1:0\"]\n    \
         tls: {{certificates: [{{chain: {chain:?}, key: {key:?}}}]}}\n    \
         client_address: {{trusted_proxies: [127.0.0.0/8], source: proxy_protocol}}\nsites:"
    );
    let upstream = Recorder::start();
    let configuration = configuration(&upstream.url(), more).replace("sites:", &listener);
    let root = made.cert.der().clone();
    Served { gateway: Gateway::start(&configuration), upstream, root, _files: files }
}

impl Served {
    fn connect(&self, from: &str) -> TcpStream {
        let mut tcp = TcpStream::connect(self.gateway.address("secure")).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(tcp, "PROXY TCP4 {from} 9.9.9.9 1 443\r\n").unwrap();
        tcp
    }

    /// What comes back for these octets in the place of a handshake.
    fn raw(&self, octets: &[u8]) -> Vec<u8> {
        let mut tcp = self.connect(DENMARK);
        let _ = tcp.write_all(octets);
        let mut back = Vec::new();
        let _ = tcp.read_to_end(&mut back);
        back
    }

    fn client(&self, name: Option<&str>) -> StreamOwned<ClientConnection, TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.enable_sni = name.is_some();
        let name = ServerName::try_from(name.unwrap_or("kilden.example.dk").to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::new(config), name).unwrap();
        StreamOwned::new(connection, self.connect(DENMARK))
    }

    fn ask(&self, name: Option<&str>, host: &str) -> String {
        let mut tls = self.client(name);
        write!(tls, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut back = Vec::new();
        let _ = tls.read_to_end(&mut back);
        String::from_utf8_lossy(&back).into_owned()
    }
}

/// A ClientHello of this version, in a record of that one, with these extensions.
fn hello(record: [u8; 2], version: [u8; 2], extensions: &[u8]) -> Vec<u8> {
    let ciphers = [0xc0, 0x2f, 0xc0, 0x2b, 0xc0, 0x13, 0x00, 0x2f, 0x00, 0x0a];
    let mut body = [version.as_slice(), &[7; 32], &[0, 0, 10], &ciphers, &[1, 0]].concat();
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    body.extend([length.as_slice(), extensions].concat());
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    let handshake = [&[1, 0], length.as_slice(), &body].concat();
    let length = u16::try_from(handshake.len()).unwrap().to_be_bytes();
    [&[0x16], record.as_slice(), &length, &handshake].concat()
}

/// A name as the extension `server_name` holds it.
fn name(host: &[u8]) -> Vec<u8> {
    let length = |more: usize| u16::try_from(host.len() + more).unwrap().to_be_bytes();
    [&[0, 0], length(5).as_slice(), &length(3), &[0], &length(0), host].concat()
}

const GROUPS: &[u8] =
    &[0, 10, 0, 4, 0, 2, 0, 0x17, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 4, 1];

#[test]
fn only_whole_handshakes_of_today_are_made() {
    let served = served("");
    let (tls_1_2, record) = ([3, 3], [3, 1]);
    let good = hello(record, tls_1_2, GROUPS);
    assert_eq!(served.raw(&good).first(), Some(&0x16), "TLS 1.2 is answered");
    let named = |host: &[u8]| hello(record, tls_1_2, &[GROUPS, &name(host)].concat());
    assert_eq!(served.raw(&named(b"kilden.example.dk")).first(), Some(&0x16));
    for (what, octets) in [
        ("TLS 1.1", hello(record, [3, 2], GROUPS)),
        ("TLS 1.0", hello(record, [3, 1], GROUPS)),
        ("SSL 3", hello([3, 0], [3, 0], GROUPS)),
        ("SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80".to_vec()),
        ("nothing in common", hello(record, tls_1_2, &[])),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: kilden.example.dk\r\n\r\n".to_vec()),
        ("zeros", vec![0; 600]),
        ("ones", vec![255; 600]),
        ("an alert", vec![0x15, 3, 3, 0, 2, 2, 0]),
        ("data first", vec![0x17, 3, 3, 0, 3, 1, 2, 3]),
        ("an empty record", vec![0x16, 3, 1, 0, 0]),
        ("a record that is too long", [&[0x16, 3, 1, 0xff, 0xff][..], &[1; 600]].concat()),
        ("a length that lies", {
            let mut lying = good.clone();
            lying[8] = 0xff;
            [lying, vec![0; 600]].concat()
        }),
        ("a name with NUL", named(b"kilden.example.dk\0.evil")),
        ("an empty name", named(b"")),
        ("a name with a space", named(b"kilden example.dk")),
        ("an address for a name", named(b"127.0.0.1/")),
    ] {
        let back = served.raw(&octets);
        assert!(back.first().is_none_or(|kind| *kind == 0x15), "{what}: {back:?}");
    }
    // An answer to the second hello of one connection would be renegotiation.
    assert!(served.upstream.received().is_empty());
}

#[test]
fn the_host_is_the_one_that_the_handshake_named() {
    let served = served("");
    for (sni, host, status) in [
        (Some("kilden.example.dk"), "kilden.example.dk", "200"),
        (Some("KILDEN.example.DK"), "kilden.example.dk", "200"),
        (Some("kilden.example.dk"), "Kilden.Example.dk.", "200"),
        (None, "kilden.example.dk", "200"),
        (None, "nowhere.example.dk", "404"),
        (Some("kilden.example.dk"), "mail.example.dk", "421"),
        (Some("kilden.example.dk"), "shut.example.dk", "421"),
        (Some("mail.example.dk"), "kilden.example.dk", "421"),
        (Some("kilden.example.dk"), "kilden.example.dk.evil.dk", "421"),
    ] {
        served.upstream.forget();
        let back = served.ask(sni, host);
        assert!(back.starts_with(&format!("HTTP/1.1 {status}")), "{sni:?} {host}: {back}");
        assert_eq!(served.upstream.received().len(), usize::from(status == "200"), "{host}");
    }
}

/// The name of the handshake counts where the head tells none.
#[test]
fn a_silent_site_is_silent_by_the_name_of_the_handshake() {
    let served = served("");
    for (sni, silent) in [("shut.example.dk", true), ("kilden.example.dk", false)] {
        let mut tls = served.client(Some(sni));
        let mut tcp = served.connect(CHINA);
        std::mem::swap(&mut tls.sock, &mut tcp);
        tls.write_all(b"GET / HTTP/1.1\n\n").unwrap();
        let mut back = Vec::new();
        let _ = tls.read_to_end(&mut back);
        assert_eq!(back.is_empty(), silent, "{sni}: {}", String::from_utf8_lossy(&back));
    }
}

/// Handshakes that do not go on are shed, however many, and others are served meanwhile.
#[test]
fn slow_handshakes_are_shed() {
    let served = served("limits: {header_timeout: 2s}\n");
    let half = hello([3, 1], [3, 3], GROUPS);
    let mut slow: Vec<TcpStream> = (0..200)
        .map(|count| {
            let mut tcp = served.connect(DENMARK);
            tcp.write_all(&half[..count % half.len()]).unwrap();
            tcp
        })
        .collect();
    assert!(served.ask(None, "kilden.example.dk").starts_with("HTTP/1.1 200"));
    let metrics =
        || get(served.gateway.address("operations"), "localhost", "/metrics").send().text();
    eventually("all are gone", || {
        metrics().contains("geovagt_connections_open{listener=\"secure\"} 0")
    });
    for tcp in &mut slow {
        let mut back = Vec::new();
        let _ = tcp.read_to_end(&mut back);
        assert_ne!(back.first(), Some(&0x16));
    }
    assert!(served.ask(None, "kilden.example.dk").starts_with("HTTP/1.1 200"));
}
