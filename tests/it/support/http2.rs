//! Both ends of HTTP/2, frame by frame: a server that does what the test says, and a client that
//! sees how a stream ends.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use rustls::pki_types::ServerName;

use super::authority::Authority;
use super::gateway::{Gateway, PATIENCE, configuration_with_upstream};

/// A request that a frame server got, and where.
pub struct Asked {
    /// The connection's number, from 0.
    pub connection: usize,
    /// The stream's number on its connection, from 0.
    pub stream: usize,
    /// The request.
    pub request: Request<RecvStream>,
    /// The way back.
    pub respond: SendResponse<Bytes>,
}

/// What happens to the connection after a request was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// Nothing.
    Stays,
    /// GOAWAY: the last request of this connection.
    GoesAway,
    /// It ends at once, with every request on it.
    Dies,
}

/// A server without TLS, as long as this value lives.
pub struct FrameServer {
    /// Where it listens.
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _runtime: tokio::runtime::Runtime,
}

impl FrameServer {
    /// Starts it; it allows each connection so many streams at a time.
    pub fn start(streams: u32, serve: impl Fn(Asked) -> Then + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (serve, count) = (Arc::new(serve), Arc::clone(&connections));
        runtime.spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let serve = Arc::clone(&serve);
                let connection = count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    let mut builder = h2::server::Builder::new();
                    builder.max_concurrent_streams(streams);
                    let Ok(mut speaking) = builder.handshake::<_, Bytes>(socket).await else {
                        return;
                    };
                    let mut stream = 0;
                    while let Some(Ok((request, respond))) = speaking.accept().await {
                        match serve(Asked { connection, stream, request, respond }) {
                            Then::Stays => {}
                            Then::GoesAway => speaking.graceful_shutdown(),
                            Then::Dies => return,
                        }
                        stream += 1;
                    }
                });
            }
        });
        Self { address, connections, _runtime: runtime }
    }

    /// As it stands in the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A gateway with a listener `secure` that speaks TLS and HTTP/2, whose certificate comes from the
/// authority; the directory holds its files.
pub fn started_with_tls(block: &str) -> (Gateway, Authority, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    let issued = authority.issue("kilden.example.dk");
    let listener = format!(
        "  - name: secure
    bind: [\"127.0.0.1:0\"]
    tls: {{certificates: [{{chain: \"{}\", key: \"{}\"}}]}}
    client_address: {{trusted_proxies: [127.0.0.0/8], source: x_forwarded_for}}
sites:\n",
        issued.chain.display(),
        issued.key.display()
    );
    let configuration = configuration_with_upstream(block, "").replacen("sites:\n", &listener, 1);
    (Gateway::start(&configuration), authority, directory)
}

/// A whole short answer.
pub fn say(respond: &mut SendResponse<Bytes>, text: &'static str) {
    let mut body = respond.send_response(Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(text.as_bytes()), true).unwrap();
}

/// What a client saw of one stream.
#[derive(Debug)]
pub struct Seen {
    /// The answer's head.
    pub head: Option<http::response::Parts>,
    /// The bytes that came.
    pub body: Vec<u8>,
    /// What stood behind them, or how the stream ended instead.
    pub end: Result<Option<HeaderMap>, h2::Error>,
}

/// Sends one request over TLS and HTTP/2 and reads the answer to its end, whatever that is.
pub fn exchange(
    to: SocketAddr,
    authority: &Authority,
    request: Request<()>,
    body: &'static str,
) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let exchange = exchanged(to, authority, request, body);
        tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time")
    })
}

async fn exchanged(
    to: SocketAddr,
    authority: &Authority,
    request: Request<()>,
    body: &'static str,
) -> Seen {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let tcp = tokio::net::TcpStream::connect(to).await.unwrap();
    let host = ServerName::try_from(request.uri().host().unwrap().to_owned()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let tls = connector.connect(host, tcp).await.unwrap();
    let (mut sender, connection) = h2::client::handshake(tls).await.unwrap();
    tokio::spawn(async move {
        let _ = connection.await;
        tokio::time::sleep(Duration::ZERO).await;
    });
    let (answer, mut up) = sender.send_request(request, body.is_empty()).unwrap();
    if !body.is_empty() {
        up.send_data(Bytes::from_static(body.as_bytes()), true).unwrap();
    }
    let (head, mut down) = match answer.await {
        Ok(answer) => answer.into_parts(),
        Err(error) => return Seen { head: None, body: Vec::new(), end: Err(error) },
    };
    let mut body = Vec::new();
    let end = loop {
        match down.data().await {
            None => break down.trailers().await,
            Some(Err(error)) => break Err(error),
            Some(Ok(bytes)) => {
                let _ = down.flow_control().release_capacity(bytes.len());
                body.extend_from_slice(&bytes);
            }
        }
    };
    Seen { head: Some(head), body, end }
}
