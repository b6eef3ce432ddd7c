//! HTTP/1.1 and HTTP/2 on an accepted connection.
//!
//! Which of the two is spoken is agreed in the TLS handshake and never guessed from the first bytes;
//! a plain connection speaks HTTP/1.1. HTTP/1.1 that could be framed in two ways is refused before
//! it is parsed. Always holds: a head is limited in length and time, an idle
//! connection ends, and a connection asked to stop finishes what it does and takes nothing new.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_util::sync::CancellationToken;

use super::accepted::{Accepted, ApplicationProtocol, ConnectionFacts};
use super::framing::{Guarded, Upgraded};
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

/// How long a connection that is asked to end waits for its first request.
const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// How long it waits for another.
const NEXT_REQUEST: Duration = Duration::from_millis(250);

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
            let answer = service(request, Arc::clone(&facts));
            let upgraded = upgraded.clone();
            async move {
                match answer.await {
                    Ok(mut response) => {
                        if !http2 && busy.activity.last.load(Ordering::Acquire) {
                            let close = HeaderValue::from_static("close");
                            response.headers_mut().entry(header::CONNECTION).or_insert(close);
                        }
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
        let connection =
            http2_builder(limits, tasks).serve_connection(TokioIo::new(stream), answer);
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

fn http2_builder(limits: HttpLimits, tasks: Tasks) -> http2::Builder<OnTasks> {
    let mut builder = http2::Builder::new(OnTasks(tasks));
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(limits.idle)
        .keep_alive_timeout(limits.head_time);
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
    let mut phase = Phase::Open;
    loop {
        let begun = activity.begun();
        // Ends also with the beginning of the request that is waited for.
        let turn = std::future::poll_fn(|cx| match connection.as_mut().poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if phase == Phase::LastCall && activity.begun() != begun => {
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        });
        tokio::select! {
            ended = turn => match ended {
                Some(ended) => {
                    if let Err(error) = ended {
                        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
                    }
                    return;
                }
                None => phase = Phase::Finishing,
            },
            () = activity.hang_up.cancelled() => return,
            () = stopping.cancelled(), if phase == Phase::Open => {
                activity.last.store(true, Ordering::Release);
                phase = if activity.is_quiet() { Phase::LastCall } else { Phase::Finishing };
            }
            () = last_call(begun), if phase == Phase::LastCall => {
                // hyper would wait for the first request of a connection that has sent none.
                if begun == 0 {
                    return;
                }
                phase = Phase::Finishing;
            }
            () = elapsed(idle) => {
                let quiet = activity.is_quiet_since(begun);
                if quiet && phase == Phase::Finishing {
                    return;
                }
                if quiet {
                    phase = Phase::Finishing;
                }
            }
        }
        if phase == Phase::Finishing {
            connection.as_mut().finish();
        }
    }
}

/// Where a connection stands between its beginning and its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// It takes requests.
    Open,
    /// It has been asked to end while it had no request: one that is on its way is still answered.
    LastCall,
    /// It ends with the requests that it has.
    Finishing,
}

/// How long a request may be on its way. Who has just connected cannot know that it was in vain; who
/// has been answered before connects anew when the connection ends (RFC 9112 section 9.6).
async fn last_call(begun: u64) {
    tokio::time::sleep(if begun == 0 { FIRST_REQUEST } else { NEXT_REQUEST }).await;
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

impl<S, B> Connection for http2::Connection<TokioIo<Stream>, S, OnTasks>
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
    /// From now on an answer is the connection's last.
    last: AtomicBool,
    hang_up: CancellationToken,
}

impl Activity {
    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    fn is_quiet(&self) -> bool {
        self.open.load(Ordering::Acquire) == 0
    }

    fn is_quiet_since(&self, begun: u64) -> bool {
        self.is_quiet() && self.begun() == begun
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
