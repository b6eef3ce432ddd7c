//! The servers behind the gateway: pooled HTTP/1.1 connections, one client for all sites.
//!
//! May use hyper's client. Always holds: a request ends in an answer's head or in an
//! [`UpstreamError`] within the time limits; nothing waits for ever.

use std::error::Error as _;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response, Uri};
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{self, Client};
use hyper_util::rt::{TokioExecutor, TokioTimer};

/// The body that goes up: the client's, streamed.
pub type RequestBody = crate::gateway::body::RequestBody;

/// A server that has silently gone is looked for after this, and given up within twice this.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How often a request is repeated whose connection ended before an answer.
const REPEATS: u32 = 2;

/// How long the upstream may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To accept a connection.
    pub connect: Duration,
    /// From the request's head to the answer's head.
    pub response: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
}

/// Why there is no answer from an upstream. What the client reads is another text.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection: 502.
    #[error("the upstream {server} cannot be reached")]
    Unreachable {
        /// The server that was tried.
        server: String,
        /// What the connection said.
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// The connection broke, or the answer was no HTTP: 502.
    #[error("the upstream {server} answered nothing that can be understood")]
    Nonsense {
        /// The server that was asked.
        server: String,
        /// What was wrong.
        #[source]
        source: hyper_util::client::legacy::Error,
    },
    /// It switched protocols although nobody had asked for that: 502.
    #[error("the upstream {server} switched protocols without being asked")]
    Unasked {
        /// The server that was asked.
        server: String,
    },
    /// Its answer's length can be read in more than one way: 502.
    #[error("the upstream {server} answered with a length that can be read in two ways")]
    Ambiguous {
        /// The server that was asked.
        server: String,
    },
    /// The client's own body broke off or cannot be read: 400. Says nothing of the upstream.
    #[error("the client's body cannot be read to its end")]
    ClientBody(#[source] hyper_util::client::legacy::Error),
    /// No head within the limit: 504.
    #[error("the upstream {server} did not answer within {} s", limit.as_secs_f32())]
    Slow {
        /// The server that was asked.
        server: String,
        /// The limit.
        limit: Duration,
    },
    /// The configuration holds no server: 503.
    #[error("the site has no upstream server")]
    NoServer,
}

impl UpstreamError {
    /// The status for the client (RFC 9110 sections 15.6.3 to 15.6.5).
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Unreachable { .. }
            | Self::Nonsense { .. }
            | Self::Unasked { .. }
            | Self::Ambiguous { .. } => http::StatusCode::BAD_GATEWAY,
            Self::ClientBody(_) => http::StatusCode::BAD_REQUEST,
            Self::Slow { .. } => http::StatusCode::GATEWAY_TIMEOUT,
            Self::NoServer => http::StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The cause as a metric label.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Nonsense { .. } | Self::Unasked { .. } | Self::Ambiguous { .. } => "nonsense",
            Self::ClientBody(_) => "client_body",
            Self::Slow { .. } => "slow",
            Self::NoServer => "no_server",
        }
    }
}

/// The client that all sites share; clones share its pool.
#[derive(Clone)]
pub struct Upstreams {
    client: Client<HttpsConnector<HttpConnector>, RequestBody>,
    timeouts: Timeouts,
}

impl std::fmt::Debug for Upstreams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstreams").field("timeouts", &self.timeouts).finish_non_exhaustive()
    }
}

impl Upstreams {
    /// A client whose TLS trusts what the operating system trusts.
    ///
    /// # Errors
    /// Where the system's certificate store cannot be read.
    pub fn new(timeouts: Timeouts) -> Result<Self, rustls::Error> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(timeouts.connect));
        // A server that has lost its power closes nothing; an answer under way would stand for ever.
        http.set_keepalive(Some(KEEPALIVE));
        http.set_keepalive_interval(Some(KEEPALIVE / 4));
        http.set_keepalive_retries(Some(4));
        let tls =
            rustls::ClientConfig::builder().try_with_platform_verifier()?.with_no_client_auth();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(timeouts.idle)
            .http1_max_headers(128)
            .build(connector);
        Ok(Self { client, timeouts })
    }

    /// Asks, and asks again where the connection ended without an answer and that is harmless.
    async fn ask(
        &self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, legacy::Error> {
        for _ in 0..REPEATS {
            let Some(again) = repeatable(&request) else { break };
            match self.client.request(request).await {
                Err(error) if !error.is_connect() && ended_unanswered(&error) => request = again,
                answered => return answered,
            }
        }
        self.client.request(request).await
    }

    /// Sends a request whose URI already names the server, and waits for the answer's head.
    ///
    /// # Errors
    /// [`UpstreamError`]; the request may have reached the server unless it is `Unreachable`.
    pub async fn send(
        &self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let server = request.uri().authority().map(ToString::to_string).unwrap_or_default();
        let may_switch = request.headers().contains_key(http::header::UPGRADE);
        let limit = self.timeouts.response;
        match tokio::time::timeout(limit, self.ask(request)).await {
            Ok(Ok(response))
                if response.status() == http::StatusCode::SWITCHING_PROTOCOLS && !may_switch =>
            {
                Err(UpstreamError::Unasked { server })
            }
            Ok(Ok(response)) => Ok(response),
            Ok(Err(source)) if source.is_connect() => {
                Err(UpstreamError::Unreachable { server, source })
            }
            Ok(Err(source)) if is_about_body(&source) => Err(UpstreamError::ClientBody(source)),
            Ok(Err(source)) => Err(UpstreamError::Nonsense { server, source }),
            Err(_) => Err(UpstreamError::Slow { server, limit }),
        }
    }
}

/// The same request once more, where asking twice changes nothing (RFC 9110 section 9.2.1) and there
/// is no body that would have been used up.
fn repeatable(request: &Request<RequestBody>) -> Option<Request<RequestBody>> {
    if !request.method().is_safe() {
        return None;
    }
    let mut again = Request::new(request.body().again()?);
    *again.method_mut() = request.method().clone();
    *again.uri_mut() = request.uri().clone();
    *again.version_mut() = request.version();
    *again.headers_mut() = request.headers().clone();
    Some(again)
}

/// Whether the connection ended before the answer came: what happens when a server closes an idle
/// connection in the moment in which it is used again.
fn ended_unanswered(error: &legacy::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_closed() || error.is_canceled())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe);
        }
        cause = error.source();
    }
    false
}

/// Whether the body that we sent failed, and not the server: all that a stranger can break.
fn is_about_body(error: &hyper_util::client::legacy::Error) -> bool {
    let hyper = std::error::Error::source(error).and_then(|e| e.downcast_ref::<hyper::Error>());
    hyper.is_some_and(hyper::Error::is_user)
}

/// The servers of one site, taken in turn.
#[derive(Debug)]
pub struct Servers {
    servers: Vec<Uri>,
    next: AtomicUsize,
}

impl Servers {
    /// The servers in the configuration's order.
    #[must_use]
    pub fn new(servers: Vec<Uri>) -> Self {
        Self { servers, next: AtomicUsize::new(0) }
    }

    /// The next server.
    ///
    /// # Errors
    /// [`UpstreamError::NoServer`] where there is none.
    pub fn pick(&self) -> Result<&Uri, UpstreamError> {
        if let [only] = self.servers.as_slice() {
            return Ok(only);
        }
        let count = self.servers.len().max(1);
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % count;
        self.servers.get(turn).ok_or(UpstreamError::NoServer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_take_turns() {
        let servers =
            Servers::new(vec![Uri::from_static("http://a"), Uri::from_static("http://b")]);
        let picked: Vec<_> = (0..4).map(|_| servers.pick().unwrap().to_string()).collect();
        assert_eq!(picked, ["http://a/", "http://b/", "http://a/", "http://b/"]);
        assert!(matches!(Servers::new(vec![]).pick(), Err(UpstreamError::NoServer)));
    }
}
