//! HTTP/1.1 and HTTP/2 on an accepted connection.
//!
//! Which of the two is spoken is agreed in the TLS handshake and never guessed from the first bytes;
//! a plain connection speaks HTTP/1.1. HTTP/1.1 that could be framed in two ways is refused before
//! it is parsed. Always holds: a head is limited in length and time, an idle
//! connection ends, and a connection asked to stop finishes what it does and takes nothing new.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{Request, Response, StatusCode, Version};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;

use super::accepted::{Accepted, ApplicationProtocol, ConnectionFacts};
use super::http1;
use super::http2;
use super::interim::Outgoing;
use super::oversight::{Activity, Busy, Ticks, Watch, overseen, task_of_newest};
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
pub(super) const FIRST_REQUEST: Duration = Duration::from_secs(1);
/// How long it waits for another.
pub(super) const NEXT_REQUEST: Duration = Duration::from_millis(250);

/// Answering nothing: the connection ends without a byte (`denial: close`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection is closed without an answer")]
pub struct CloseConnection;

/// An answer to HTTP/2 that carries this extension is none: the request is sent back, for the client
/// to ask again over HTTP/1.1 (RFC 9113 section 7, `HTTP_1_1_REQUIRED`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Http1Required;

/// How a stream of HTTP/2 ends without an answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error(transparent)]
    Closed(#[from] CloseConnection),
    #[error("the request belongs on HTTP/1.1")]
    SentBack(#[source] h2::Error),
}

/// A body's or a service's error, whatever it is.
pub(super) type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A head that was refused before it became a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it deserves to be told.
    pub status: StatusCode,
    /// The hosts that it names, as far as they were seen. Good for deciding whether to answer, and
    /// for nothing that opens anything.
    pub hosts: Vec<String>,
}

/// What answers the requests of a connection. A function from a request to a future answer is one.
pub trait Service: Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data: Send, Error: Into<AnyError>> + Unpin + Send + 'static;
    /// The answer.
    type Answer: Future<Output = Result<Response<Self::Body>, CloseConnection>> + Send + 'static;

    /// Answers a request, or closes the connection without a byte. Through the [`Watch`] an exchange
    /// that lasts can be ended.
    fn answer(
        &self,
        request: Request<Incoming>,
        connection: Arc<ConnectionFacts>,
        watch: Arc<Watch>,
    ) -> Self::Answer;

    /// Answers a head that is no request, or closes the connection without a byte. The connection
    /// ends in any case.
    fn refuse(&self, refused: &Refused, connection: &ConnectionFacts) -> Option<Response<Bytes>> {
        let _ = connection;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = refused.status;
        Some(response)
    }
}

impl<S, F, B> Service for S
where
    S: Fn(Request<Incoming>, Arc<ConnectionFacts>, Arc<Watch>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send + 'static,
    B: Body<Data: Send, Error: Into<AnyError>> + Unpin + Send + 'static,
{
    type Body = B;
    type Answer = F;

    fn answer(
        &self,
        request: Request<Incoming>,
        connection: Arc<ConnectionFacts>,
        watch: Arc<Watch>,
    ) -> F {
        self(request, connection, watch)
    }
}

/// A function that answers requests, and one that answers what is no request.
#[derive(Debug, Clone)]
pub struct Answering<S, R> {
    /// Answers a request.
    pub answer: S,
    /// Answers a refused head.
    pub refuse: R,
}

impl<S, R, F, B> Service for Answering<S, R>
where
    S: Fn(Request<Incoming>, Arc<ConnectionFacts>, Arc<Watch>) -> F + Send + Sync + 'static,
    R: Fn(&Refused, &ConnectionFacts) -> Option<Response<Bytes>> + Send + Sync + 'static,
    F: Future<Output = Result<Response<B>, CloseConnection>> + Send + 'static,
    B: Body<Data: Send, Error: Into<AnyError>> + Unpin + Send + 'static,
{
    type Body = B;
    type Answer = F;

    fn answer(
        &self,
        request: Request<Incoming>,
        connection: Arc<ConnectionFacts>,
        watch: Arc<Watch>,
    ) -> F {
        (self.answer)(request, connection, watch)
    }

    fn refuse(&self, refused: &Refused, connection: &ConnectionFacts) -> Option<Response<Bytes>> {
        (self.refuse)(refused, connection)
    }
}

/// Speaks HTTP on a connection until it ends. Upgrades are possible on HTTP/1.1.
///
/// Dropping the future closes the connection.
pub async fn serve<S: Service>(
    accepted: Accepted,
    limits: HttpLimits,
    service: Arc<S>,
    tasks: Tasks,
) {
    let Accepted { stream, facts, since } = accepted;
    let protocol = facts.tls.as_ref().map(|tls| tls.application_protocol);
    if protocol == Some(ApplicationProtocol::Http2) {
        Box::pin(serve_http2(stream, facts, limits, service, tasks)).await;
    } else {
        http1::serve(stream, facts, since, limits, service, tasks.stopping()).await;
    }
}

async fn serve_http2<S: Service>(
    stream: Stream,
    facts: Arc<ConnectionFacts>,
    limits: HttpLimits,
    service: Arc<S>,
    tasks: Tasks,
) {
    let activity = Activity::http2();
    let answer = {
        let activity = Arc::clone(&activity);
        service_fn(move |request: Request<Incoming>| {
            let busy = Busy::begin(&activity, request.version() == Version::HTTP_11);
            let answer = service.answer(request, Arc::clone(&facts), Arc::clone(&busy.watch));
            // hyper moves the answer a few times on its way to its task: a pointer, then.
            let answer = Box::pin(answer);
            async move {
                match answer.await {
                    Ok(response) if response.extensions().get::<Http1Required>().is_some() => {
                        Err(Unanswered::SentBack(h2::Reason::HTTP_1_1_REQUIRED.into()))
                    }
                    Ok(response) => {
                        busy.watch.answered();
                        Ok(response.map(|body| Counted::new(body, busy)))
                    }
                    Err(close) => {
                        busy.activity.hang_up.cancel();
                        Err(Unanswered::Closed(close))
                    }
                }
            }
        })
    };
    let stopping = tasks.stopping();
    let executor = OnTasks { tasks, activity: Arc::clone(&activity) };
    let counted = Outgoing::new(stream, Arc::clone(&activity));
    let io = TokioIo::new(http2::Guarded::new(counted, limits.head_time));
    let connection = http2::builder(limits, executor).serve_connection(io, answer);
    drive(connection, &stopping, Some(limits.idle), &activity).await;
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
    let mut ticks = Ticks::default();
    loop {
        let begun = activity.begun();
        let until = (phase == Phase::LastCall).then_some(begun);
        tokio::select! {
            ended = turn(connection.as_mut(), activity, &mut ticks, until) => match ended {
                Some(ended) => {
                    if let Some(Err(error)) = ended {
                        tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
                    }
                    return;
                }
                None => phase = Phase::Finishing,
            },
            () = activity.hang_up.cancelled() => return,
            () = stopping.cancelled(), if phase == Phase::Open => {
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

/// Runs a connection to its end; also only until a request begins, where there were so many before.
async fn turn<C: Connection>(
    connection: Pin<&mut C>,
    activity: &Activity,
    ticks: &mut Ticks,
    until_after: Option<u64>,
) -> Option<Option<hyper::Result<()>>> {
    let mut overseen = std::pin::pin!(overseen(connection, activity, ticks));
    std::future::poll_fn(|cx| match overseen.as_mut().poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if until_after.is_some_and(|begun| activity.begun() != begun) => {
            Poll::Ready(None)
        }
        Poll::Pending => Poll::Pending,
    })
    .await
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

/// What can be asked to finish.
trait Connection: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<S, B> Connection
    for hyper::server::conn::http2::Connection<
        TokioIo<http2::Guarded<Outgoing<Stream>>>,
        S,
        OnTasks,
    >
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
struct OnTasks {
    tasks: Tasks,
    activity: Arc<Activity>,
}

impl<F> hyper::rt::Executor<F> for OnTasks
where
    F: Future<Output = ()> + Send + 'static,
{
    /// hyper asks the service for a request's answer and spawns that answer's task at once.
    fn execute(&self, task: F) {
        self.tasks.spawn(task_of_newest(&self.activity, task));
    }
}

/// A body that keeps its exchange counted until it has been sent.
pub(super) struct Counted<B, K> {
    body: B,
    _kept: K,
}

impl<B, K> Counted<B, K> {
    pub(super) fn new(body: B, kept: K) -> Self {
        Self { body, _kept: kept }
    }
}

impl<B: Body + Unpin, K: Unpin> Body for Counted<B, K> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
