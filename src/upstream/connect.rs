//! From a server's URL to a connection that HTTP is spoken over, or that bytes go over as they come.
//!
//! Always holds: every connection has a task in [`Tasks`] that carries it, and is counted as open
//! for as long as that task lives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::connection::{Shared, Single, Whose};
use super::error::ConnectError;
use super::race;
use super::resolve::Addresses;
use super::stream::Stream;
use super::tls::ClientTls;
use crate::config::{Limits, UpstreamProtocol};
use crate::lifecycle::Tasks;

/// A server that has silently gone is looked for after this, and given up within twice this.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How often it is looked whether the server has said how many streams it takes; nothing tells.
const SETTINGS: Duration = Duration::from_millis(1);

/// Bytes of an answer's head over HTTP/2.
const MOST_HEADER_BYTES: u32 = 256 << 10;

/// What leads to one server.
#[derive(Debug)]
pub(super) struct Origin {
    /// As in the configuration, without a path.
    pub(super) name: Arc<str>,
    /// Its own Host.
    pub(super) host: HeaderValue,
    pub(super) scheme: Scheme,
    pub(super) addresses: Addresses,
    pub(super) protocol: UpstreamProtocol,
    /// Lines of an answer's head.
    pub(super) header_lines: usize,
    /// None without TLS.
    pub(super) tls: Option<(Arc<ClientTls>, ServerName<'static>)>,
    pub(super) open: Arc<AtomicUsize>,
    pub(super) tasks: Tasks,
}

/// A connection that nobody has used.
#[derive(Debug)]
pub(super) enum Fresh {
    Http1(Box<Single>),
    Http2(Arc<Shared>),
}

/// Counts an open connection.
#[derive(Debug)]
pub(super) struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The port that a URL names, or its scheme's.
pub(super) fn port(url: &Uri) -> u16 {
    let default = if url.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    url.port_u16().unwrap_or(default)
}

impl Origin {
    /// Connects within the limit. `only_http1` is for what HTTP/2 cannot do.
    pub(super) async fn connect(
        &self,
        limit: Duration,
        only_http1: bool,
    ) -> Result<Fresh, ConnectError> {
        let connecting = async {
            let (stream, agreed_http2) = self.stream(limit, only_http1).await?;
            let http2 = match (self.protocol, &self.tls) {
                _ if only_http1 => false,
                (UpstreamProtocol::Http2, None) => true,
                (UpstreamProtocol::Http2, Some(_)) if !agreed_http2 => {
                    return Err(ConnectError::NoHttp2);
                }
                _ => agreed_http2,
            };
            let shaken = if http2 { self.http2(stream).await } else { self.http1(stream).await };
            shaken.map_err(ConnectError::Http)
        };
        let connected = tokio::time::timeout(limit, connecting).await;
        connected.unwrap_or(Err(ConnectError::Slow(limit)))
    }

    /// Connects within the limit for bytes that go on as they come. The preface is said before
    /// anything else, TLS included.
    pub(super) async fn bytes(
        &self,
        limit: Duration,
        preface: &[u8],
    ) -> Result<(Stream, Open), ConnectError> {
        let connecting = async {
            let mut tcp = self.tcp(limit).await?;
            // The buffers of a new connection are empty, so this waits for nobody. Where it fails the
            // connection has broken, and what follows tells.
            if let Err(error) = tcp.write_all(preface).await {
                tracing::debug!(%error, "a server went before it was told whom the connection is for");
            }
            match &self.tls {
                None => Ok(Stream::Plain(tcp)),
                Some((tls, name)) => secured(&tls.bytes, name, tcp).await,
            }
        };
        let connected = tokio::time::timeout(limit, connecting).await;
        let stream = connected.unwrap_or(Err(ConnectError::Slow(limit)))?;
        Ok((stream, Open::new(&self.open)))
    }

    async fn stream(
        &self,
        limit: Duration,
        only_http1: bool,
    ) -> Result<(Stream, bool), ConnectError> {
        let tcp = self.tcp(limit).await?;
        let Some((tls, name)) = &self.tls else { return Ok((Stream::Plain(tcp), false)) };
        let config = if only_http1 { &tls.http1 } else { &tls.any };
        let stream = secured(config, name, tcp).await?;
        let agreed_http2 = stream.agreed_protocol() == Some(b"h2");
        Ok((stream, agreed_http2))
    }

    async fn tcp(&self, limit: Duration) -> Result<TcpStream, ConnectError> {
        let addresses = self.addresses.all().await;
        let addresses = addresses.map_err(|(host, error)| ConnectError::Name(host, error))?;
        self.first_that_answers(&addresses, limit).await
    }

    async fn first_that_answers(
        &self,
        addresses: &[SocketAddr],
        limit: Duration,
    ) -> Result<TcpStream, ConnectError> {
        match race::first(addresses, TcpStream::connect).await {
            Ok((address, stream)) => {
                self.addresses.prefer(address);
                prepare(&stream);
                Ok(stream)
            }
            Err(Some((address, error))) => Err(ConnectError::Refused(address, error)),
            Err(None) => Err(ConnectError::Slow(limit)),
        }
    }

    async fn http1(&self, stream: Stream) -> Result<Fresh, hyper::Error> {
        let mut builder = http1::Builder::new();
        // hyper keeps its own number ready on the stack; any other costs every answer.
        if self.header_lines != Limits::HEADER_LINES {
            builder.max_headers(self.header_lines);
        }
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        let open = Open::new(&self.open);
        let ended = CancellationToken::new();
        let ends = ended.clone().drop_guard();
        self.tasks.spawn(async move {
            let (_open, _ends) = (open, ends);
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%error, "a connection to an upstream broke");
            }
        });
        Ok(Fresh::Http1(Box::new(Single { sender, ended, whose: Whose::Anybodys, bound: None })))
    }

    async fn http2(&self, stream: Stream) -> Result<Fresh, hyper::Error> {
        let (sender, mut connection) = http2::Builder::new(OnTasks(self.tasks.clone()))
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE / 2)
            .keep_alive_while_idle(true)
            // None before the server has said how many it takes.
            .initial_max_send_streams(0)
            .max_header_list_size(MOST_HEADER_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        // A request that waits for its stream is lost where the connection ends meanwhile.
        while connection.current_max_send_streams() == 0 {
            if let Ok(ended) = tokio::time::timeout(SETTINGS, &mut connection).await {
                ended?;
                break;
            }
        }
        let most = Arc::new(AtomicUsize::new(connection.current_max_send_streams()));
        let shared = Shared::new(sender, self.scheme.clone(), Arc::clone(&most));
        let open = Open::new(&self.open);
        self.tasks.spawn(async move {
            let _open = open;
            let ended = std::future::poll_fn(|context| {
                let polled = std::pin::Pin::new(&mut connection).poll(context);
                most.store(connection.current_max_send_streams(), Ordering::Relaxed);
                polled
            });
            if let Err(error) = ended.await {
                tracing::debug!(%error, "an HTTP/2 connection to an upstream broke");
            }
        });
        Ok(Fresh::Http2(shared))
    }
}

/// TLS with a server whose certificate is sound and bears this name.
async fn secured(
    config: &Arc<ClientConfig>,
    name: &ServerName<'static>,
    tcp: TcpStream,
) -> Result<Stream, ConnectError> {
    let connector = TlsConnector::from(Arc::clone(config));
    let stream = connector.connect(name.clone(), tcp).await.map_err(ConnectError::Tls)?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// Small writes go at once; a server that has lost its power closes nothing, and an answer under way
/// would stand for ever.
fn prepare(stream: &TcpStream) {
    let keepalive =
        TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 4).with_retries(4);
    let outcome =
        stream.set_nodelay(true).and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    if let Err(error) = outcome {
        tracing::debug!(%error, "an upstream connection's options");
    }
}

/// hyper's own tasks for HTTP/2, owned as all others.
#[derive(Clone)]
struct OnTasks(Tasks);

impl<F> hyper::rt::Executor<F> for OnTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}
