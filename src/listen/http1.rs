//! HTTP/1.1 on an accepted connection.
//!
//! Always holds: a connection on which nothing happens holds its stream and little else, because the
//! parser with its buffers exists only while there is something to parse; a head that the parser
//! refuses is answered by the [`Service`], like every other refusal; a connection ends when its
//! companion has.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use ::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::accepted::ConnectionFacts;
use super::beginning;
use super::framing::{Guarded, Refusal, Shared};
use super::http::{AnyError, Counted, FIRST_REQUEST, HttpLimits, NEXT_REQUEST, Refused, Service};
use super::interim::Outgoing;
use super::oversight::{Activity, Busy};
use super::stream::Stream;
use crate::clock;
use crate::lifecycle::OnWake;

/// How soon a connection looks whether something has ended, and how late at most where nothing moves.
/// The sooner a parser goes that has nothing to parse, the fewer there are at a time.
const LOOK: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How many lines hyper takes where it is told nothing.
const PARSERS_LINES: usize = 100;
/// How long a refusal may take to be written, and how long what the client still sends is read so
/// that it reads its answer and no reset.
const PARTING: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(1));
/// How long a client that sends nothing more may wait for the answer. It may as well be gone.
const HALF_CLOSED: Duration = Duration::from_secs(5);

/// Speaks HTTP/1.1 until the connection ends.
pub(super) async fn serve<S: Service>(
    stream: Stream,
    facts: Arc<ConnectionFacts>,
    since: Instant,
    limits: HttpLimits,
    service: Arc<S>,
    stopping: CancellationToken,
) {
    let shared = Shared::new(since);
    let mut stream = stream;
    let mut deadline = since + limits.head_time;
    loop {
        let last_call = if shared.begun() == 0 { FIRST_REQUEST } else { NEXT_REQUEST };
        let first = beginning::first(&mut stream, deadline, &stopping, last_call, &facts).await;
        let Some(mut octets) = first else { return };
        if !beginning::is_whole(&octets) {
            let deadline = shared.begin_head() + limits.head_time;
            let (lines, stopping) = (limits.head_lines, &stopping);
            let rest = beginning::rest(&mut stream, octets, deadline, stopping, lines);
            // What few requests need does not make every connection as large.
            let Some(rest) = Box::pin(rest).await else { return };
            octets = rest;
        }
        let activity = Activity::http1();
        if stopping.is_cancelled() {
            activity.end_after_this();
        }
        let guarded = Guarded::new(stream, octets, Arc::clone(&shared));
        let io = TokioIo::new(Outgoing::new(guarded, Arc::clone(&activity)));
        let following = (Arc::clone(&shared), Arc::clone(&activity));
        let answer = answering(Arc::clone(&service), Arc::clone(&facts), following);
        let connection = Box::pin(builder(limits).serve_connection(io, answer).with_upgrades());
        let outcome = drive(connection, (&shared, &facts), &activity, limits, &stopping).await;
        // Where it became a tunnel, there is none.
        let Some(returned) = shared.take_home() else { return };
        if let Some(refusal) = returned.refused {
            let answer = service.refuse(&refused(refusal), &facts);
            return Box::pin(part(returned.stream, answer)).await;
        }
        if outcome == Outcome::Ended || !returned.clean {
            return;
        }
        stream = returned.stream;
        deadline = clock::instant() + limits.idle.saturating_sub(LOOK.0);
    }
}

fn builder(limits: HttpLimits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // Time is kept here, for all that a connection can wait for.
        .header_read_timeout(None)
        .max_buf_size(limits.head_bytes.max(8 * 1024));
    // hyper keeps its own number ready on the stack; any other costs every request.
    if limits.head_lines != PARSERS_LINES {
        builder.max_headers(limits.head_lines);
    }
    builder
}

/// What hands a parsed request on and follows its answer.
fn answering<S: Service>(
    service: Arc<S>,
    facts: Arc<ConnectionFacts>,
    (shared, activity): (Arc<Shared<Stream>>, Arc<Activity>),
) -> impl HttpService<
    Incoming,
    ResBody = Counted<S::Body, (Busy, Following)>,
    Error = super::http::CloseConnection,
    Future: Send,
> {
    service_fn(move |request: Request<Incoming>| {
        shared.begin();
        let following = Following(Arc::clone(&shared));
        let busy = Busy::begin(&activity, request.version() == Version::HTTP_11);
        // hyper moves the answer a few times on its way to where it stays: a pointer, then.
        let answer = service.answer(request, Arc::clone(&facts), Arc::clone(&busy.watch));
        let answer = Box::pin(answer);
        let facts = Arc::clone(&facts);
        async move {
            let mut response = answer.await?;
            busy.watch.answered();
            if busy.activity.is_last() || facts.has_parted() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().entry(header::CONNECTION).or_insert(close);
            }
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                following.0.upgrade();
            }
            Ok(response.map(|body| Counted::new(body, (busy, following))))
        }
    })
}

/// How driving a connection came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The connection is over.
    Ended,
    /// Nothing happens on it; its parser can go.
    Quiet,
}

/// Runs a parser until it is done, or is not needed any more.
async fn drive<C: Connection>(
    mut connection: Pin<Box<C>>,
    (shared, facts): (&Shared<Stream>, &ConnectionFacts),
    activity: &Activity,
    limits: HttpLimits,
    stopping: &CancellationToken,
) -> Outcome {
    let mut stop = pin!(OnWake::new(stopping.cancelled()));
    let mut pause = LOOK.0;
    let mut sleep = pin!(sleep_until(next_look(shared, limits, clock::instant(), pause).into()));
    let mut begun = shared.begun();
    let mut finishing = false;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(error = &error as &dyn std::error::Error, "connection ended");
            }
            return Poll::Ready(Outcome::Ended);
        }
        if !finishing && stop.as_mut().poll(cx).is_ready() {
            finishing = true;
            activity.end_after_this();
            if shared.is_quiet() {
                return Poll::Ready(Outcome::Quiet);
            }
            // A head that has come in part is still waited for: hyper would drop it.
            if !activity.is_quiet() {
                connection.as_mut().finish();
                cx.waker().wake_by_ref();
            }
        }
        while sleep.as_mut().poll(cx).is_ready() {
            let now = clock::instant();
            if is_over(shared, limits, now) {
                return Poll::Ready(Outcome::Ended);
            }
            activity.look(now);
            if facts.has_parted() && shared.is_quiet() {
                return Poll::Ready(Outcome::Ended);
            }
            if activity.must_hang_up() {
                // Asked once more, it may end in a way of its own.
                let ended = connection.as_mut().poll(cx).is_ready();
                if ended || activity.must_hang_up() {
                    return Poll::Ready(Outcome::Ended);
                }
            }
            let before = std::mem::replace(&mut begun, shared.begun());
            if shared.is_quiet() && before == begun {
                return Poll::Ready(Outcome::Quiet);
            }
            pause = if before == begun { LOOK.1.min(pause * 2) } else { LOOK.0 };
            sleep.as_mut().reset(next_look(shared, limits, now, pause).into());
        }
        Poll::Pending
    })
    .await
}

/// Whether something has taken too long.
fn is_over(shared: &Shared<Stream>, limits: HttpLimits, now: Instant) -> bool {
    head_deadline(shared, limits).is_some_and(|deadline| deadline <= now)
        || shared.client_ended().is_some_and(|ended| ended + HALF_CLOSED <= now)
}

fn head_deadline(shared: &Shared<Stream>, limits: HttpLimits) -> Option<Instant> {
    Some(shared.head_began()? + limits.head_time)
}

/// Never later than after a limit, so that one that begins to run is not overslept.
fn next_look(
    shared: &Shared<Stream>,
    limits: HttpLimits,
    now: Instant,
    pause: Duration,
) -> Instant {
    let next = now + pause.min(LOOK.1).min(limits.head_time).min(limits.idle);
    head_deadline(shared, limits).map_or(next, |deadline| deadline.min(next))
}

fn refused(refusal: Refusal) -> Refused {
    Refused { status: refusal.status, hosts: refusal.hosts }
}

/// Says the last word, where there is one, and ends the connection.
async fn part(mut stream: Stream, answer: Option<Response<Bytes>>) {
    let Some(answer) = answer else { return };
    let write = async {
        stream.write_all(&octets(answer)).await?;
        stream.shutdown().await
    };
    if !matches!(timeout(PARTING.0, write).await, Ok(Ok(()))) {
        return;
    }
    let mut rest = vec![0; 1024];
    let drain = async { while matches!(stream.read(&mut rest).await, Ok(1..)) {} };
    // Whoever goes on sending does not want to read.
    let _ = timeout(PARTING.1, drain).await;
}

/// The last answer on a connection, as it is written.
fn octets(answer: Response<Bytes>) -> Vec<u8> {
    let (mut parts, body) = answer.into_parts();
    let date =
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&clock::now());
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    if let Some(date) = date.ok().and_then(|date| HeaderValue::from_str(&date).ok()) {
        parts.headers.insert(header::DATE, date);
    }
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let mut octets = format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_str()).into_bytes();
    for (name, value) in &parts.headers {
        for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            octets.extend_from_slice(piece);
        }
    }
    octets.extend_from_slice(b"\r\n");
    octets.extend_from_slice(&body);
    octets
}

/// What can be asked to finish.
trait Connection: Future<Output = hyper::Result<()>> {
    fn finish(self: Pin<&mut Self>);
}

impl<S, B> Connection for http1::UpgradeableConnection<TokioIo<Outgoing<Guarded<Stream>>>, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<AnyError>,
    B: Body + 'static,
    B::Error: Into<AnyError>,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// One exchange, from its head to the end of its answer's body.
#[derive(Debug)]
struct Following(Arc<Shared<Stream>>);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.ended();
    }
}
