//! The two sides of a connection, with what passes noted.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::sleep;

use crate::client_address::PreambleRefused;
use crate::clock;
use crate::listen::{Beginning, ForeignPreamble};

/// What has passed, and when the last of it.
#[derive(Debug)]
pub(super) struct Flow {
    began: Instant,
    /// Milliseconds after the beginning.
    last: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
    broken: AtomicU8,
}

/// What broke a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    Client,
    Upstream,
    Preamble,
}

impl Broken {
    const ALL: [Self; 3] = [Self::Client, Self::Upstream, Self::Preamble];
}

impl Flow {
    pub(super) fn new() -> Self {
        Self {
            began: clock::instant(),
            last: AtomicU64::new(0),
            up: AtomicU64::new(0),
            down: AtomicU64::new(0),
            broken: AtomicU8::new(0),
        }
    }

    /// Bytes from the client, and to it.
    pub(super) fn octets(&self) -> (u64, u64) {
        (self.up.load(Ordering::Relaxed), self.down.load(Ordering::Relaxed))
    }

    pub(super) fn went_up(&self, octets: usize) {
        self.up.fetch_add(octets as u64, Ordering::Relaxed);
        self.touch();
    }

    fn went_down(&self, octets: usize) {
        self.down.fetch_add(octets as u64, Ordering::Relaxed);
        self.touch();
    }

    fn touch(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        let since = clock::instant().duration_since(self.began).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// What broke it first.
    pub(super) fn broken(&self) -> Option<Broken> {
        let number = usize::from(self.broken.load(Ordering::Relaxed));
        Broken::ALL.get(number.checked_sub(1)?).copied()
    }

    fn breaks(&self, what: Broken) {
        let number = Broken::ALL.iter().position(|one| *one == what).unwrap_or_default() + 1;
        let number = u8::try_from(number).unwrap_or(u8::MAX);
        // The first one stands.
        let _ = self.broken.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Waits until nothing has passed for so long.
    pub(super) async fn idle(&self, limit: Duration) {
        loop {
            let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
            let quiet = clock::instant().duration_since(self.began).saturating_sub(last);
            let Some(left) = limit.checked_sub(quiet).filter(|left| !left.is_zero()) else {
                return;
            };
            sleep(left).await;
        }
    }
}

/// One side.
#[derive(Debug)]
pub(super) struct Watched<'a, S> {
    inner: &'a mut S,
    flow: &'a Flow,
    is_client: bool,
    preamble: Option<ForeignPreamble>,
}

impl<'a, S> Watched<'a, S> {
    pub(super) fn client(inner: &'a mut S, flow: &'a Flow) -> Self {
        Self { inner, flow, is_client: true, preamble: Some(ForeignPreamble::default()) }
    }

    pub(super) fn upstream(inner: &'a mut S, flow: &'a Flow) -> Self {
        Self { inner, flow, is_client: false, preamble: None }
    }

    fn side(&self) -> Broken {
        if self.is_client { Broken::Client } else { Broken::Upstream }
    }

    fn noted<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(_)) = &outcome {
            self.flow.breaks(self.side());
        }
        outcome
    }

    /// A server that ends its connection without TLS's own end (close_notify) has ended it all the same:
    /// what it said goes on, and the log tells that it left so.
    fn ended(&self, outcome: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match self.noted(outcome) {
            Poll::Ready(Err(error))
                if !self.is_client && error.kind() == io::ErrorKind::UnexpectedEof =>
            {
                Poll::Ready(Ok(()))
            }
            other => other,
        }
    }

    /// Whether it has gone already, so that there is nobody to tell the end to.
    fn is_gone(&self, error: &io::Error) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, NotConnected};
        match error.kind() {
            NotConnected => true,
            BrokenPipe | ConnectionReset => !self.is_client,
            _ => false,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<'_, S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut *this.inner).poll_read(context, buffer);
        let new = buffer.filled().get(before..).unwrap_or_default();
        if this.is_client && !new.is_empty() {
            this.flow.went_up(new.len());
            match this.preamble.as_mut().map(|preamble| preamble.watch(new)) {
                None | Some(Beginning::Open) => {}
                Some(Beginning::Other) => this.preamble = None,
                Some(Beginning::Preamble) => {
                    buffer.set_filled(before);
                    this.flow.breaks(Broken::Preamble);
                    let refused = io::Error::new(io::ErrorKind::InvalidData, PreambleRefused);
                    return Poll::Ready(Err(refused));
                }
            }
        }
        this.ended(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<'_, S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut *this.inner).poll_write(context, bytes);
        if let Poll::Ready(Ok(octets)) = &outcome {
            match this.is_client {
                true => this.flow.went_down(*octets),
                false => this.flow.touch(),
            }
        }
        this.noted(outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut *this.inner).poll_flush(context);
        this.noted(outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut *this.inner).poll_shutdown(context) {
            // What it said is read all the same.
            Poll::Ready(Err(error)) if this.is_gone(&error) => Poll::Ready(Ok(())),
            outcome => this.noted(outcome),
        }
    }
}
