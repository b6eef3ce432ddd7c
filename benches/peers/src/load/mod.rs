//! The load: so many requests, over so many connections at a time, each answer checked.

mod connect;
mod flood;
mod http1;
mod http2;
mod slow;
mod standing;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::bail;
use tokio::task::JoinSet;

pub(crate) use connect::{HOST, Offer, Target, connector};
pub(crate) use flood::{Kind, flood};
pub(crate) use http1::{Answer, Connection, request};
pub(crate) use slow::{Shed, Slow};
pub(crate) use standing::Standing;

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// HTTP/1.1, one connection after another request on it.
    KeepAlive,
    /// HTTP/1.1, a connection for each request, which the client closes.
    NewConnection,
    /// HTTP/2: so many connections; the concurrency is spread over them as streams.
    Http2 { connections: usize },
    /// A connection that must end without a byte.
    Refused,
}

/// What an answer must be; anything else ends the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// 200 with so many octets.
    Forwarded(usize),
    /// 403, whatever the page.
    Rejected,
    /// No answer at all.
    Closed,
}

impl Expected {
    fn is(self, status: u16, length: usize) -> bool {
        match self {
            Self::Forwarded(wanted) => status == 200 && length == wanted,
            Self::Rejected => status == 403,
            Self::Closed => false,
        }
    }
}

/// One round's work.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) target: Target,
    pub(crate) shape: Shape,
    pub(crate) path: &'static str,
    /// Requests under way at a time.
    pub(crate) concurrency: usize,
    pub(crate) requests: usize,
    /// Where clients are said to be, in turn.
    pub(crate) places: Arc<[String]>,
    pub(crate) expected: Expected,
}

/// Microseconds from asking (or connecting) to the end of the answer, one for each request.
pub(crate) type Latencies = Vec<u32>;

/// Hands out the turns of a round to its workers.
pub(crate) struct Turns {
    next: AtomicUsize,
    end: usize,
}

impl Turns {
    fn take(&self) -> Option<usize> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        (turn < self.end).then_some(turn)
    }
}

/// Does the work and gives the latencies.
pub(crate) async fn run(work: &Work) -> anyhow::Result<Latencies> {
    let turns = Arc::new(Turns { next: AtomicUsize::new(0), end: work.requests });
    let requests: Arc<[Vec<u8>]> =
        work.places.iter().map(|place| request(work.path, place)).collect();
    let mut workers = JoinSet::new();
    match work.shape {
        Shape::Http2 { connections } => {
            for worker in 0..connections {
                let streams = work.concurrency / connections;
                workers.spawn(http2::connection(work.clone(), Arc::clone(&turns), worker, streams));
            }
        }
        Shape::KeepAlive | Shape::NewConnection | Shape::Refused => {
            for worker in 0..work.concurrency {
                let worker = Worker {
                    work: work.clone(),
                    turns: Arc::clone(&turns),
                    requests: Arc::clone(&requests),
                    number: worker,
                };
                workers.spawn(async move {
                    match worker.work.shape {
                        Shape::KeepAlive => worker.keep_alive().await,
                        Shape::NewConnection => worker.new_connections().await,
                        Shape::Refused | Shape::Http2 { .. } => worker.refused().await,
                    }
                });
            }
        }
    }
    let mut latencies = Vec::with_capacity(work.requests);
    while let Some(done) = workers.join_next().await {
        latencies.extend(done??);
    }
    Ok(latencies)
}

/// One client among those at work at a time.
struct Worker {
    work: Work,
    turns: Arc<Turns>,
    requests: Arc<[Vec<u8>]>,
    number: usize,
}

impl Worker {
    fn request(&self, turn: usize) -> &[u8] {
        turn.checked_rem(self.requests.len())
            .and_then(|index| self.requests.get(index))
            .map_or(&[], Vec::as_slice)
    }

    fn check(&self, answer: &Answer) -> anyhow::Result<()> {
        if !self.work.expected.is(answer.status, answer.length) {
            bail!("{answer:?} instead of {:?}", self.work.expected);
        }
        Ok(())
    }

    async fn keep_alive(&self) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::new();
        let mut connection = None;
        while let Some(turn) = self.turns.take() {
            let mut open = match connection.take() {
                Some(open) => open,
                None => Connection::new(self.work.target.connect(self.number).await?),
            };
            let begun = Instant::now();
            let answer = open.ask(self.request(turn), false).await?;
            latencies.push(microseconds(begun));
            self.check(&answer)?;
            connection = (!answer.last).then_some(open);
        }
        Ok(latencies)
    }

    async fn new_connections(&self) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::new();
        while let Some(turn) = self.turns.take() {
            let begun = Instant::now();
            let mut connection = Connection::new(self.work.target.connect(turn).await?);
            let answer = connection.ask(self.request(turn), false).await?;
            latencies.push(microseconds(begun));
            self.check(&answer)?;
        }
        Ok(latencies)
    }

    async fn refused(&self) -> anyhow::Result<Latencies> {
        let mut latencies = Latencies::new();
        while let Some(turn) = self.turns.take() {
            let begun = Instant::now();
            if let Some(answer) = answered(&self.work.target, turn, self.request(turn)).await? {
                bail!("{answer:?} instead of the connection's end");
            }
            latencies.push(microseconds(begun));
        }
        Ok(latencies)
    }
}

/// The answer to one request on a connection of its own, or nothing where the other end closes it
/// without one. That nobody listens is an error.
pub(crate) async fn answered(
    target: &Target,
    turn: usize,
    request: &[u8],
) -> anyhow::Result<Option<Answer>> {
    let stream = match target.connect(turn).await {
        Ok(stream) => stream,
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => bail!(error),
        Err(error) if ended(&error) => return Ok(None),
        Err(error) => bail!(error),
    };
    match Connection::new(stream).ask(request, true).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if ended(&error) => Ok(None),
        Err(error) => bail!(error),
    }
}

fn ended(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn microseconds(begun: Instant) -> u32 {
    u32::try_from(begun.elapsed().as_micros()).unwrap_or(u32::MAX)
}
