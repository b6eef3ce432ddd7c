//! A server of which several stand behind one site: it says its name, counts what it is asked, and
//! fails or waits as the test tells it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::gateway::eventually;

/// A server that lives as long as this value does.
#[derive(Debug)]
pub struct Backend {
    /// Where it listens.
    pub address: SocketAddr,
    told: Arc<Told>,
    tls: bool,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What it is told, and what it has seen.
#[derive(Debug)]
struct Told {
    name: &'static str,
    requests: AtomicUsize,
    held: AtomicUsize,
    connections: AtomicUsize,
    open: AtomicUsize,
    health: AtomicU16,
    release: Semaphore,
}

/// How it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, with prior knowledge where there is no TLS.
    Http2,
}

impl Backend {
    /// HTTP/1.1 on a free port.
    pub fn start(name: &'static str) -> Self {
        Self::serve(name, Speaks::Http1, None, "127.0.0.1:0")
    }

    /// As the test needs it.
    pub fn serve(
        name: &'static str,
        speaks: Speaks,
        tls: Option<rustls::ServerConfig>,
        bind: &str,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind(bind)).unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Told {
            name,
            requests: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            health: AtomicU16::new(200),
            release: Semaphore::new(0),
        });
        let has_tls = tls.is_some();
        let acceptor = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let seen = Arc::clone(&told);
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (told, acceptor) = (Arc::clone(&seen), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => connection(stream, speaks, &told, String::new()).await,
                        Some(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else { return };
                            let session = stream.get_ref().1;
                            let name = session.server_name().unwrap_or_default();
                            let certificate = session.peer_certificates().map_or(0, <[_]>::len);
                            let tls = format!("{name} {certificate}");
                            connection(stream, speaks, &told, tls).await;
                        }
                    }
                });
            }
        });
        Self { address, told, tls: has_tls, runtime: Some(runtime) }
    }

    /// As it stands in the configuration.
    pub fn url(&self) -> String {
        format!("http{}://{}", if self.tls { "s" } else { "" }, self.address)
    }

    /// Requests so far, health checks left out.
    pub fn requests(&self) -> usize {
        self.told.requests.load(Ordering::SeqCst)
    }

    /// Requests that wait in `/hold`.
    pub fn wait_for_held(&self, count: usize) {
        eventually("requests are held", || self.told.held.load(Ordering::SeqCst) == count);
    }

    /// Connections that carried a request so far, health checks left out.
    pub fn connections(&self) -> usize {
        self.told.connections.load(Ordering::SeqCst)
    }

    /// Connections that stand.
    pub fn open(&self) -> usize {
        self.told.open.load(Ordering::SeqCst)
    }

    /// What `/health` answers from now on.
    pub fn set_health(&self, status: u16) {
        self.told.health.store(status, Ordering::SeqCst);
    }

    /// Lets so many of the held requests go on.
    pub fn release(&self, count: usize) {
        self.told.release.add_permits(count);
    }

    /// Ends it: nobody listens any longer.
    pub fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        eventually("nobody listens", || std::net::TcpStream::connect(self.address).is_err());
    }
}

async fn connection<S>(stream: S, speaks: Speaks, told: &Arc<Told>, tls: String)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let asked = AtomicUsize::new(0);
    let service = service_fn(|request| {
        if request_counts(&request) && asked.fetch_add(1, Ordering::SeqCst) == 0 {
            told.connections.fetch_add(1, Ordering::SeqCst);
        }
        answer(request, Arc::clone(told), tls.clone())
    });
    told.open.fetch_add(1, Ordering::SeqCst);
    let stream = TokioIo::new(stream);
    let _ = match speaks {
        Speaks::Http1 => {
            hyper::server::conn::http1::Builder::new().serve_connection(stream, service).await
        }
        Speaks::Http2 => {
            hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(stream, service)
                .await
        }
    };
    told.open.fetch_sub(1, Ordering::SeqCst);
}

fn request_counts(request: &Request<Incoming>) -> bool {
    request.uri().path() != "/health"
}

async fn answer(
    request: Request<Incoming>,
    told: Arc<Told>,
    tls: String,
) -> Result<Response<BoxBody>, Infallible> {
    let (parts, body) = request.into_parts();
    if parts.uri.path() == "/health" {
        let mut response = Response::new(full(""));
        *response.status_mut() = told.health.load(Ordering::SeqCst).try_into().unwrap();
        return Ok(response);
    }
    told.requests.fetch_add(1, Ordering::SeqCst);
    if parts.uri.path() == "/hold" {
        told.held.fetch_add(1, Ordering::SeqCst);
        told.release.acquire().await.unwrap().forget();
        told.held.fetch_sub(1, Ordering::SeqCst);
    }
    let body = body.collect().await;
    let trailers = body.as_ref().ok().and_then(|body| body.trailers().cloned());
    let bytes = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let text = |name: &str| {
        parts.headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
    };
    let seen = serde_json::json!({
        "name": told.name,
        "version": format!("{:?}", parts.version),
        "authority": parts.uri.authority().map(ToString::to_string),
        "target": parts.uri.path_and_query().map(ToString::to_string),
        "host": text("host"),
        "te": text("te"),
        "connection": text("connection"),
        "forwarded_host": text("x-forwarded-host"),
        "body": String::from_utf8_lossy(&bytes),
        "tls": tls,
    });
    let body = Full::new(Bytes::from(seen.to_string()));
    let mut response = Response::new(match trailers {
        None => body.boxed(),
        Some(trailers) => body.with_trailers(async move { Some(Ok(echoed(&trailers))) }).boxed(),
    });
    response.headers_mut().insert("server-name", told.name.parse().unwrap());
    Ok(response)
}

type BoxBody = http_body_util::combinators::BoxBody<Bytes, Infallible>;

fn full(text: &'static str) -> BoxBody {
    Full::new(Bytes::from_static(text.as_bytes())).boxed()
}

/// What stood behind the request's body stands behind the answer's, with one more.
fn echoed(trailers: &HeaderMap) -> HeaderMap {
    let mut echoed = trailers.clone();
    echoed.insert("grpc-status", "0".parse().unwrap());
    echoed
}
