//! What an idle connection holds in the gateway's process: resident memory for each of 2,000, plain
//! and through TLS, before their first request and some time after one.
//!
//! `cargo bench --bench idle`; the figures that must be met stand in the last line.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a bench prints, waits, and stops at what is not as expected"
)]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const CONNECTIONS: u32 = 2_000;
/// Longer than a parser is kept that has nothing to parse.
const REST: Duration = Duration::from_secs(6);
const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: 1.2.4.8\r\n\r\n";

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let roots = write_configuration(directory.path());
    for (listener, limit) in [("plain", 14), ("secure", 25)] {
        // Each in a process of its own: memory that has been given back once hides what is taken.
        let (mut gateway, address) = start(directory.path(), listener);
        let base = memory(&gateway);
        let mut clients: Vec<Box<dyn Client>> =
            (0..CONNECTIONS).map(|_| connect(address, &roots, listener)).collect();
        std::thread::sleep(REST);
        let silent = memory(&gateway) - base;
        for client in &mut clients {
            ask(&mut **client);
        }
        std::thread::sleep(REST);
        let rested = memory(&gateway) - base;
        let each = |bytes: u64| bytes / u64::from(CONNECTIONS);
        println!(
            "{listener}: {} bytes before the first request, {} after one (at most {})",
            each(silent),
            each(rested),
            limit * 1024
        );
        drop(clients);
        gateway.kill().unwrap();
        gateway.wait().unwrap();
    }
}

trait Client: std::io::Read + std::io::Write {}

impl Client for TcpStream {}
impl Client for StreamOwned<ClientConnection, TcpStream> {}

fn connect(address: SocketAddr, roots: &Arc<ClientConfig>, listener: &str) -> Box<dyn Client> {
    let mut tcp = TcpStream::connect(address).unwrap();
    if listener == "plain" {
        return Box::new(tcp);
    }
    let name = ServerName::try_from("kilden.example.dk").unwrap();
    let mut connection = ClientConnection::new(Arc::clone(roots), name).unwrap();
    while connection.is_handshaking() {
        connection.complete_io(&mut tcp).unwrap();
    }
    Box::new(StreamOwned::new(connection, tcp))
}

fn ask(client: &mut dyn Client) {
    client.write_all(REQUEST).unwrap();
    let mut head = Vec::new();
    let mut octet = [0];
    while !head.ends_with(b"\r\n\r\n") {
        client.read_exact(&mut octet).unwrap();
        head.extend(octet);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    client.read_exact(&mut body).unwrap();
}

fn memory(process: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// A configuration with a plain and a TLS listener; gives a client that trusts the latter.
fn write_configuration(directory: &Path) -> Arc<ClientConfig> {
    let made = rcgen::generate_simple_self_signed(["kilden.example.dk".to_owned()]).unwrap();
    std::fs::write(directory.join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let root = env!("CARGO_MANIFEST_DIR");
    let proxy = "client_address: {trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}";
    let configuration = format!(
        r#"state_directory: state
geoip: {{database: "{root}/geoip/country.mmdb", warn_after: 3650d}}
country_lists: {{cfcs: "{root}/config/lists/cfcs.yaml"}}
policies: {{standard: {{list: cfcs}}}}
organizations: {{ballerup: {{name: Ballerup Kommune, policy: standard}}}}
listeners:
  - {{name: plain, bind: ["127.0.0.1:0"], {proxy}}}
  - {{name: secure, bind: ["127.0.0.1:0"], {proxy}, tls: {{certificates: [{{chain: chain.pem, key: key.pem}}]}}}}
sites:
  kilden: {{organization: ballerup, hosts: [kilden.example.dk], upstream: {{servers: ["http://127.0.0.1:9"]}}}}
limits: {{connections_per_address: 10000, header_timeout: 120s, idle_timeout: 600s}}
"#
    );
    std::fs::write(directory.join("gateway.yaml"), configuration).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Starts the gateway and waits until it is ready.
fn start(directory: &Path, wanted: &str) -> (Child, SocketAddr) {
    let _ = std::fs::remove_dir_all(directory.join("state"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_geovagt"))
        .args(["--config"])
        .arg(directory.join("gateway.yaml"))
        .arg("serve")
        .env("RUST_LOG", "info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let mut address = None;
    for line in lines.by_ref() {
        let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let fields = &line["fields"];
        match fields["message"].as_str() {
            Some("listening") if fields["listener"] == wanted => {
                address = fields["address"].as_str().and_then(|text| text.parse().ok());
            }
            Some("ready") => break,
            _ => {}
        }
    }
    std::thread::spawn(move || lines.count());
    (child, address.unwrap_or_else(|| panic!("the listener {wanted} is not open")))
}
