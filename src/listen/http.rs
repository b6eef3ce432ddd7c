//! HTTP/1.1 and HTTP/2 on an accepted connection.
//!
//! Which of the two is spoken is agreed in the TLS handshake and never guessed from the first bytes;
//! a plain connection speaks HTTP/1.1. HTTP/1.1 that could be framed in two ways is refused before
//! it is parsed. Always holds: a head is limited in length and time, an idle
//! connection ends, and a connection asked to stop finishes what it does and takes nothing new.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{Request, Response, StatusCode};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::accepted::{Accepted, ApplicationProtocol, ConnectionFacts};
use super::framing::{Guarded, Upgraded};
use super::http2;
use super::stream::Stream;
use crate::lifecycle::Tasks;

/// What one HTTP connection may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// For the head of a request: with HTTP/1.1 the first from the beginning of the connection, each
    /// later one from its first octet.
    pub head_time: Duration,
    /// Bytes of a request's head. At least 8 KiB.
    pub head_bytes: usize,
    /// Lines of a request's head.
    pub head_lines: usize,
    /// Requests at a time on one HTTP/2 connection.
    pub streams: u32,
    /// How long a connection may have no request; with HTTP/2 it ends within twice this time.
    pub idle: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            head_time: Duration::from_secs(30),
            head_bytes: 64 * 1024,
            head_lines: 100,
            streams: 128,
            idle: Duration::from_secs(60),
        }
    }
}

/// Answering nothing: the connection ends without a byte (`denial: close`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub struct CloseConnection;

/// A body's or a service's error, whatever it is.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// Speaks HTTP on a connection until it ends. Upgrades are possible on HTTP/1.1.
///
/// Dropping the future closes the connection.
pub async fn serve<S, F, B>(accepted: Accepted, limits: HttpLimits, service: Arc<S>, tasks: Tasks)
where
    S: Fn(Request<Incoming>, Arc<ConnectionFacts>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<AnyError>,
{
    let Accepted { stream, facts } = accepted;
    let activity = Arc::new(Activity::default());
    let http2 = facts
        .tls
        .as_ref()
        .is_some_and(|tls| tls.application_protocol == ApplicationProtocol::Http2);
    let upgraded = Upgraded::default();
    let answer = {
        let (activity, upgraded) = (Arc::clone(&activity), upgraded.clone());
        service_fn(move |request| {
            let busy = Busy::new(&activity);
            // hyper moves the answer a few times on its way to its task: a pointer, then.
            let answer = Box::pin(service(request, Arc::clone(&facts)));
            let upgraded = upgraded.clone();
            async move {
                match answer.await {
                    Ok(response) => {
                        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                            upgraded.set();
                        }
                        Ok(response.map(|body| Counted { body: Box::pin(body), _busy: busy }))
                    }
                    Err(close) => {
                        busy.activity.hang_up.cancel();
                        Err(close)
                    }
                }
            }
        })
    };
    let stopping = tasks.stopping();
    if http2 {
        let io = TokioIo::new(http2::Guarded::new(stream, limits.head_time));
        let connection = http2::builder(limits, OnTasks(tasks)).serve_connection(io, answer);
        drive(connection, &stopping, Some(limits.idle), &activity).await;
    } else {
        let io = TokioIo::new(Guarded::new(stream, limits.head_time, upgraded));
        let connection = http1_builder(limits).serve_connection(io, answer).with_upgrades();
        drive(connection, &stopping, None, &activity).await;
    }
}

fn http1_builder(limits: HttpLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // The guard before the parser limits a head; this limits the wait for one.
        .header_read_timeout(limits.idle.max(limits.head_time))
        .max_buf_size(limits.head_bytes.max(8 * 1024))
        .max_headers(limits.head_lines);
    builder
}

/// Runs a connection; asks it to finish when the gateway stops or nothing happens on it.
async fn drive<C: Connection>(
    connection: C,
    stopping: &CancellationToken,
    idle: Option<Duration>,
    activity: &Activity,
) {
    let mut connection = std::pin::pin!(connection);
    let mut finishing = false;
    loop {
        let begun = activity.begun();
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
                }
                return;
            }
            () = activity.hang_up.cancelled() => return,
            () = stopping.cancelled(), if !finishing => {
                // hyper would wait for the first request of a connection that has sent none.
                if activity.begun() == 0 {
                    return;
                }
                connection.as_mut().finish();
                finishing = true;
            }
            () = elapsed(idle) => {
                let quiet = activity.is_quiet_since(begun);
                if quiet && finishing {
                    return;
                }
                if quiet {
                    connection.as_mut().finish();
                    finishing = true;
                }
            }
        }
    }
}

async fn elapsed(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// What both kinds of connection can do.
trait Connection: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<S, B> Connection for http1::UpgradeableConnection<TokioIo<Guarded<Stream>>, S>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<AnyError>,
    B: Body + 'static,
    B::Error: Into<AnyError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, B> Connection
    for hyper::server::conn::http2::Connection<TokioIo<http2::Guarded<Stream>>, S, OnTasks>
where
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<AnyError>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<AnyError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// The streams of an HTTP/2 connection are tasks with an owner, like all others.
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

/// Whether something happens on a connection.
#[derive(Debug, Default)]
struct Activity {
    begun: AtomicU64,
    open: AtomicUsize,
    hang_up: CancellationToken,
}

impl Activity {
    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    fn is_quiet_since(&self, begun: u64) -> bool {
        self.open.load(Ordering::Acquire) == 0 && self.begun() == begun
    }
}

/// One exchange, from its head to the end of its answer's body.
#[derive(Debug)]
struct Busy {
    activity: Arc<Activity>,
}

impl Busy {
    fn new(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::AcqRel);
        activity.open.fetch_add(1, Ordering::AcqRel);
        Self { activity: Arc::clone(activity) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.activity.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A body that keeps its exchange counted until it has been sent.
struct Counted<B> {
    body: Pin<Box<B>>,
    _busy: Busy,
}

impl<B: Body> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
