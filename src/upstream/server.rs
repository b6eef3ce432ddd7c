//! One server: its connections, its health, and one request's way through it.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::sync::Mutex as Turn;
use tokio::time::timeout;

use super::body::{Body, Lease};
use super::connect::{Fresh, Origin};
use super::connection::Connection;
use super::error::{ConnectError, UpstreamError};
use super::health::{Health, Standing, WHOLE};
use super::patience::answered_within;
use super::pool::{Entry, Place, Pool};
use super::{RequestBody, Timeouts, login, metrics};
use crate::clock;
use crate::config::{Connections, UpstreamHost, UpstreamProtocol};
use crate::gateway::body::Progress;
use crate::gateway::canonical::is_clear_answer;
use crate::identifier::SiteId;

/// One server of one site. It outlives reloads that keep it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) site: SiteId,
    pub(super) origin: Origin,
    pub(super) pool: Arc<Pool>,
    health: Mutex<Health>,
    /// Whether `health` holds anything: most of the time it need not be looked at.
    troubled: AtomicBool,
    /// Whether new connections are shared by many requests, as far as is known.
    shares: AtomicBool,
    /// Whether it has sent requests back from HTTP/2 to HTTP/1.1, as IIS does that wants NTLM.
    wants_http1: AtomicBool,
    /// One shared connection is opened at a time; holds how the last one failed.
    opening: Turn<Option<(Instant, Arc<ConnectError>)>>,
}

/// What a request needs to know of its site.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) timeouts: Timeouts,
    pub(super) connections: Connections,
    pub(super) host: UpstreamHost,
}

/// A request that one server did not answer.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: UpstreamError,
    /// The request, where nothing of it left.
    pub(super) unsent: Option<Request<RequestBody>>,
    /// Whether a connection that had served before ended without an answer: it may have been
    /// closed for its age in the moment in which it was used again.
    pub(super) unanswered: bool,
}

impl Failure {
    pub(super) fn unsent(error: UpstreamError, request: Request<RequestBody>) -> Box<Self> {
        Box::new(Self { error, unsent: Some(request), unanswered: false })
    }

    pub(super) fn lost(error: UpstreamError) -> Box<Self> {
        Box::new(Self { error, unsent: None, unanswered: false })
    }

    /// Whether it says something of the server, and not of the client or of how much there is to do.
    pub(super) fn blames_server(&self) -> bool {
        matches!(
            self.error,
            UpstreamError::Unreachable { .. } | UpstreamError::Nonsense { .. }
                if !self.unanswered
        )
    }
}

impl Server {
    pub(super) fn new(site: SiteId, origin: Origin) -> Self {
        let shares = match (origin.protocol, &origin.tls) {
            (UpstreamProtocol::Http2, _) | (UpstreamProtocol::Auto, Some(_)) => true,
            (UpstreamProtocol::Auto, None) | (UpstreamProtocol::Http1, _) => false,
        };
        Self {
            site,
            origin,
            pool: Arc::default(),
            health: Mutex::default(),
            troubled: AtomicBool::new(false),
            shares: AtomicBool::new(shares),
            wants_http1: AtomicBool::new(false),
            opening: Turn::default(),
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.origin.name
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it stands, and what part of its share it gets, in thousandths.
    pub(super) fn standing(&self, slow_start: Duration) -> (Standing, u64) {
        if !self.troubled.load(Ordering::Relaxed) {
            return (Standing::In, WHOLE);
        }
        let now = clock::instant();
        let health = self.health();
        (health.standing(now), health.share(now, slow_start))
    }

    /// Where it stands for those who watch over it.
    pub(super) fn shown(&self) -> Standing {
        if !self.troubled.load(Ordering::Relaxed) {
            return Standing::In;
        }
        self.health().shown(clock::instant())
    }

    /// Changes what is known of its health.
    pub(super) fn learn<T>(
        &self,
        slow_start: Duration,
        change: impl FnOnce(&mut Health, Instant) -> T,
    ) -> T {
        let now = clock::instant();
        let mut health = self.health();
        let outcome = change(&mut health, now);
        self.troubled.store(health.tidy(now, slow_start), Ordering::Relaxed);
        outcome
    }

    /// Whether a success has to be told to `learn`.
    pub(super) fn is_troubled(&self) -> bool {
        self.troubled.load(Ordering::Relaxed)
    }

    pub(super) fn open_connections(&self) -> usize {
        self.origin.open.load(Ordering::Relaxed)
    }

    /// Asks this server. `again` is whether another was asked before.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn keeps room for each argument twice, and each request's future is copied"
    )]
    pub(super) fn ask(
        &self,
        mut request: Request<RequestBody>,
        rules: &Rules,
        again: bool,
    ) -> impl Future<Output = Result<Response<Body>, Box<Failure>>> + Send {
        async move {
            let Some(place) = self.place(rules, again).await else {
                let error = UpstreamError::Full { server: Arc::clone(self.name()) };
                return Err(Failure::unsent(error, request));
            };
            self.set_host(&mut request, &rules.host);
            let may_switch = request.headers().contains_key(header::UPGRADE);
            loop {
                let (mut connection, used) = match self.connection(rules, may_switch).await {
                    Ok(found) => found,
                    Err(source) => {
                        metrics::connect_failed(self);
                        let error =
                            UpstreamError::Unreachable { server: Arc::clone(self.name()), source };
                        return Err(Failure::unsent(error, request));
                    }
                };
                let limit = rules.timeouts.response;
                let progress = request.body().progress();
                let sent = || progress.as_ref().map_or(0, Progress::octets);
                let outcome = {
                    let sending = pin!(connection.send(request));
                    answered_within(limit, sending, sent).await
                };
                let mut failed = match outcome {
                    Some(Ok(response)) => {
                        let lease = Lease::new(connection, place);
                        return self.answered(response, lease, may_switch);
                    }
                    Some(Err(failed)) => failed,
                    None => {
                        let server = Arc::clone(self.name());
                        return Err(Failure::lost(UpstreamError::Slow { server, limit }));
                    }
                };
                match failed.take_message() {
                    // The connection ended before it took the request: this was no attempt.
                    Some(unsent) if used => request = unsent,
                    unsent => return Err(self.broken(failed.into_error(), unsent, used)),
                }
            }
        }
    }

    /// A place at this server, or none within the time that a request may wait.
    pub(super) async fn place(&self, rules: &Rules, again: bool) -> Option<Place> {
        match self.pool.enter(&rules.connections, again) {
            Entry::Place(place) => Some(place),
            Entry::Wait(place) => Box::pin(timeout(rules.connections.wait, place)).await.ok()?.ok(),
            Entry::Full => None,
        }
    }

    pub(super) fn set_host(&self, request: &mut Request<RequestBody>, host: &UpstreamHost) {
        let host: &HeaderValue = match host {
            UpstreamHost::Preserve => return,
            UpstreamHost::Upstream => &self.origin.host,
            UpstreamHost::Literal(host) => host,
        };
        request.headers_mut().insert(header::HOST, host.clone());
    }

    /// A connection, and whether it has served before.
    async fn connection(
        &self,
        rules: &Rules,
        only_http1: bool,
    ) -> Result<(Connection, bool), Arc<ConnectError>> {
        let only_http1 = only_http1 || self.wants_http1.load(Ordering::Relaxed);
        let began = clock::about();
        if let Some(connection) = self.pool.take(began, rules.timeouts.idle, only_http1) {
            return Ok((connection, true));
        }
        // What few requests need does not make every request's future as large.
        Box::pin(self.fresh(rules, only_http1, began)).await
    }

    async fn fresh(
        &self,
        rules: &Rules,
        only_http1: bool,
        began: Instant,
    ) -> Result<(Connection, bool), Arc<ConnectError>> {
        let kept = rules.timeouts.idle;
        let limit = rules.timeouts.connect;
        if only_http1 || !self.shares.load(Ordering::Relaxed) {
            return self.open(limit, only_http1).await.map(|fresh| (fresh, false));
        }
        // One opens it for all who wait; and where it cannot be opened, it failed for all of them.
        let mut turn = self.opening.lock().await;
        if let Some(connection) = self.pool.take(clock::instant(), kept, false) {
            return Ok((connection, true));
        }
        if !self.shares.load(Ordering::Relaxed) {
            // The first one has found out that nobody can share.
            drop(turn);
            return self.open(limit, false).await.map(|fresh| (fresh, false));
        }
        if let Some((at, error)) = &*turn
            && *at >= began
        {
            return Err(Arc::clone(error));
        }
        let opened = self.open(limit, false).await;
        if let Err(error) = &opened {
            *turn = Some((clock::instant(), Arc::clone(error)));
        }
        opened.map(|fresh| (fresh, false))
    }

    pub(super) async fn open(
        &self,
        limit: Duration,
        only_http1: bool,
    ) -> Result<Connection, Arc<ConnectError>> {
        let fresh = match self.origin.connect(limit, only_http1).await {
            Err(ConnectError::Refused(..) | ConnectError::Slow(_))
                if self.origin.addresses.have_changed().await =>
            {
                self.pool.renew();
                self.origin.connect(limit, only_http1).await
            }
            connected => connected,
        }?;
        if !only_http1 {
            self.shares.store(matches!(fresh, Fresh::Http2(_)), Ordering::Relaxed);
        }
        Ok(match fresh {
            Fresh::Http1(single) => Connection::Http1(single),
            Fresh::Http2(shared) => self.pool.share(&shared, clock::instant()),
        })
    }

    pub(super) fn answered(
        &self,
        response: Response<Incoming>,
        lease: Lease,
        may_switch: bool,
    ) -> Result<Response<Body>, Box<Failure>> {
        let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if switched && !may_switch {
            let server = Arc::clone(self.name());
            return Err(Failure::lost(UpstreamError::Unasked { server }));
        }
        if !is_clear_answer(response.headers()) {
            let server = Arc::clone(self.name());
            return Err(Failure::lost(UpstreamError::Ambiguous { server }));
        }
        let challenges = login::is_challenge(&response);
        let body = |incoming| {
            if switched {
                Body::switched(incoming, lease)
            } else if challenges {
                Body::of_challenge(incoming, lease)
            } else {
                Body::new(incoming, lease)
            }
        };
        Ok(response.map(body))
    }

    /// Whose fault it is that no answer came.
    pub(super) fn broken(
        &self,
        source: hyper::Error,
        unsent: Option<Request<RequestBody>>,
        used: bool,
    ) -> Box<Failure> {
        let let_go = was_let_go(&source);
        if unsent.is_none() && !let_go && (source.is_user() || was_given_up(&source)) {
            return Failure::lost(UpstreamError::ClientBody(source));
        }
        if source.is_parse_too_large() {
            let (server, lines) = (Arc::clone(self.name()), self.origin.header_lines);
            return Failure::lost(UpstreamError::HeadTooLarge { server, lines });
        }
        let wants_http1 = was_sent_back(&source);
        if wants_http1 && !self.wants_http1.swap(true, Ordering::Relaxed) {
            let (site, server) = (self.site.as_str(), &**self.name());
            tracing::info!(site, server, "an upstream server wants HTTP/1.1");
        }
        let unanswered =
            used && ended_unanswered(&source) || was_refused(&source) || wants_http1 || let_go;
        let error = UpstreamError::Nonsense { server: Arc::clone(self.name()), source };
        Box::new(Failure { error, unsent, unanswered })
    }

    /// Takes nothing new and keeps nothing; what is under way goes on to its end.
    pub(super) fn retire(&self) {
        self.pool.close();
    }
}

/// Whether the connection ended before the answer came: what happens when a server closes an idle
/// connection in the moment in which it is used again.
fn ended_unanswered(error: &hyper::Error) -> bool {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        return true;
    }
    let io = cause::<std::io::Error>(error);
    io.is_some_and(|error| {
        use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
        matches!(error.kind(), ConnectionReset | BrokenPipe)
    })
}

/// Whether the server has said that it did not begin with the request (RFC 9113 sections 6.8 and
/// 8.7).
fn was_refused(error: &hyper::Error) -> bool {
    cause::<h2::Error>(error).is_some_and(|error| {
        error.is_remote()
            && (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
                || error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

/// Whether the server wants this request over HTTP/1.1, and has not begun with it (RFC 9113 section 7).
fn was_sent_back(error: &hyper::Error) -> bool {
    cause::<h2::Error>(error).is_some_and(|error| {
        error.is_remote() && error.reason() == Some(h2::Reason::HTTP_1_1_REQUIRED)
    })
}

/// Whether hyper has let the request go with its connection (`User::DispatchGone`, which nothing but
/// its text tells): what waited to become a stream may have become one in the last moment.
fn was_let_go(error: &hyper::Error) -> bool {
    error.is_user() && error.to_string().starts_with("dispatch task is gone")
}

/// Whether we ended the stream ourselves: the body that was to go up broke off.
fn was_given_up(error: &hyper::Error) -> bool {
    cause::<h2::Error>(error)
        .is_some_and(|error| error.is_reset() && !error.is_remote() && !error.is_library())
}

fn cause<E: std::error::Error + 'static>(error: &hyper::Error) -> Option<&E> {
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}
