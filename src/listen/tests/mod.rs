//! Real sockets, real TLS, and the ways to misuse them.

mod certificates;
mod connections;
mod http;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::client_address::{AddressSource, HeaderSource};
use crate::config::{self, CertificateFiles};
use crate::identifier::ListenerId;
use crate::lifecycle::Tasks;

/// A certificate that signs itself, on disk as `NAME.pem` and `NAME.key`.
fn write_certificate(
    directory: &Path,
    name: &str,
    hosts: &[&str],
) -> (CertificateFiles, CertificateDer<'static>) {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let files = CertificateFiles {
        chain: directory.join(format!("{name}.pem")),
        key: directory.join(format!("{name}.key")),
    };
    std::fs::write(&files.chain, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    (files, made.cert.der().clone())
}

fn listener(source: HeaderSource, trusted: &[&str]) -> config::Listener {
    config::Listener {
        name: ListenerId::parse("web").unwrap(),
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        protocol: config::Protocol::Http,
        tls: None,
        client_address: AddressSource {
            trusted_proxies: trusted.iter().map(|n| n.parse().unwrap()).collect(),
            source,
        },
        tcp: None,
        denial: config::ListenerDenial::AsSites,
    }
}

fn with_tls(mut listener: config::Listener, files: &[CertificateFiles]) -> config::Listener {
    listener.tls = Some(config::Tls { certificates: files.to_vec(), client_certificates: None });
    listener
}

/// A running listener.
struct Running {
    address: SocketAddr,
    door: Arc<Door>,
    tasks: Tasks,
}

fn run<H, F>(
    listener: &config::Listener,
    limits: ConnectionLimits,
    gate: impl Fn(ConnectionAddress) -> Gate + Send + Sync + 'static,
    handle: H,
) -> Running
where
    H: Fn(Accepted) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let settings = DoorSettings::load(listener, &config::Http1Names::default()).unwrap();
    let door = Arc::new(Door::new(listener.name.clone(), settings, limits));
    let socket = bind(listener).unwrap().remove(0);
    let address = socket.local_addr().unwrap();
    let tasks = Tasks::new();
    tasks.spawn(accept(Arc::new(socket), Arc::clone(&door), tasks.clone(), gate, handle));
    Running { address, door, tasks }
}

/// Answers each connection with what is known of it, then ends it.
async fn tell(mut accepted: Accepted) {
    let facts = &accepted.facts;
    let text = format!("{:?} {:?}", facts.address, facts.tls);
    let _ = accepted.stream.write_all(text.as_bytes()).await;
    let _ = accepted.stream.shutdown().await;
    let mut rest = Vec::new();
    let _ = accepted.stream.read_to_end(&mut rest).await;
}

async fn read_all(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn trusting(roots: &[CertificateDer<'static>], alpn: &[&str]) -> Arc<rustls::ClientConfig> {
    let mut store = rustls::RootCertStore::empty();
    for root in roots {
        store.add(root.clone()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(store)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    Arc::new(config)
}

async fn connect_tls(
    address: SocketAddr,
    host: &str,
    config: &Arc<rustls::ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(address).await?;
    let name = ServerName::try_from(host.to_owned()).unwrap();
    tokio_rustls::TlsConnector::from(Arc::clone(config)).connect(name, tcp).await
}

fn loopback() -> IpAddr {
    "127.0.0.1".parse().unwrap()
}
