//! HTTP/2 over TLS, frame by frame: a client that decides itself what it takes and when.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use rustls::pki_types::ServerName;

use super::gateway::{Gateway, PATIENCE, configuration};
use super::places::DENMARK;

const HOST: &str = "kilden.example.dk";

/// A running gateway with one more listener, `tls`; `more` is added to its configuration.
pub fn gateway_with_tls(upstream: &str, more: &str) -> Gateway {
    let listener = "listeners:
  - name: tls
    bind: [\"127.0.0.1:0\"]
    tls: {certificates: [{chain: chain.pem, key: key.pem}]}
    client_address: {trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}
";
    let text = configuration(upstream, more).replace("listeners:\n", listener);
    let mut gateway = Gateway::prepare(&text);
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    std::fs::write(gateway.directory().join("chain.pem"), made.cert.pem()).unwrap();
    std::fs::write(gateway.directory().join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(gateway.directory().join("chain.der"), made.cert.der()).unwrap();
    gateway.run();
    gateway
}

/// A connection to the listener `tls`, whose certificate is the only one that is believed. Its own
/// task runs it.
pub async fn connect(gateway: &Gateway) -> SendRequest<Bytes> {
    let mut roots = rustls::RootCertStore::empty();
    let certificate = std::fs::read(gateway.directory().join("chain.der")).unwrap();
    roots.add(certificate.into()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let to: SocketAddr = gateway.address("tls");
    let tcp = tokio::net::TcpStream::connect(to).await.unwrap();
    let name = ServerName::try_from(HOST).unwrap();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, tcp).await.unwrap();
    let (send, connection) = h2::client::Builder::new()
        .initial_window_size(256 << 10)
        .initial_connection_window_size(64 << 20)
        .handshake(tls)
        .await
        .unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
    });
    send.ready().await.unwrap()
}

/// A request of `kilden` from Denmark, or from where `from` says.
pub fn request(method: &str, path: &str, from: Option<&str>) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("https://{HOST}{path}"))
        .header("x-forwarded-for", from.unwrap_or(DENMARK))
}

/// Runs a conversation to its end, within the patience of a test.
pub fn run(conversation: impl Future<Output = ()>) {
    run_within(PATIENCE, conversation);
}

/// The same for a conversation that takes its time.
pub fn run_within(time: Duration, conversation: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let within = async { tokio::time::timeout(time, conversation).await };
    runtime.block_on(within).expect("the conversation came to an end");
}
