//! What a connection sends beside what hyper writes: 1xx answers (RFC 9110 section 15.2).
//!
//! hyper's HTTP/1.1 server writes no 1xx but its own 100. [`Outgoing`] stands between it and the
//! connection and writes them where hyper flushes: hyper's own buffer is empty then. Always holds: a
//! 1xx is written whole, between two messages, before the final answer of its own exchange or not
//! at all, and never to a client of HTTP/1.0. Its head is made here from a checked status and
//! checked fields, and is bounded in size and number.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use ::http::{HeaderMap, StatusCode};
use atomic_waker::AtomicWaker;
use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::oversight::Activity;

/// The most 1xx answers of one exchange; what comes after them is left out.
const MOST: usize = 16;

/// The longest head of a 1xx answer; a longer one is left out.
const LONGEST: usize = 8 << 10;

/// The 1xx answers that wait on one connection.
#[derive(Debug, Default)]
pub(super) struct Interim {
    waiting: Mutex<VecDeque<Bytes>>,
    /// Whether an exchange may still get one: otherwise nobody looks.
    expected: AtomicBool,
    connection: AtomicWaker,
}

/// The place of one exchange's 1xx answers. Closed when its final answer is known.
#[derive(Debug)]
pub struct Reserved {
    interim: Arc<Interim>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: usize,
    closed: bool,
}

impl Reserved {
    pub(super) fn new(interim: &Arc<Interim>) -> Self {
        Self { interim: Arc::clone(interim), state: Mutex::default() }
    }

    /// From now on 1xx answers may come. Call it in the task of the exchange.
    pub fn expect(&self) {
        self.interim.expected.store(true, Ordering::Release);
    }

    /// Hands a 1xx answer on, from whatever task it comes. `headers` hold what may go to the client.
    /// 100 and 101 are not for here: hyper writes the one, the other is a final answer.
    pub fn send(&self, status: StatusCode, headers: &HeaderMap) {
        if !matches!(status.as_u16(), 102..=199) {
            return;
        }
        let Some(head) = written(status, headers) else { return };
        let mut state = lock(&self.state);
        if state.closed || state.sent == MOST {
            return;
        }
        state.sent += 1;
        lock(&self.interim.waiting).push_back(head);
        drop(state);
        self.interim.connection.wake();
    }

    pub(super) fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        self.interim.expected.store(false, Ordering::Release);
        lock(&self.interim.waiting).clear();
    }
}

/// The head as octets. Field names and values are checked by their types: neither holds a line
/// break.
fn written(status: StatusCode, headers: &HeaderMap) -> Option<Bytes> {
    let mut head = Vec::with_capacity(256);
    head.extend_from_slice(b"HTTP/1.1 ");
    head.extend_from_slice(status.as_str().as_bytes());
    head.push(b' ');
    head.extend_from_slice(status.canonical_reason().unwrap_or("Informational").as_bytes());
    head.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    (head.len() <= LONGEST).then(|| head.into())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection as hyper sees it: counts what the client sends and takes, and writes 1xx answers.
#[derive(Debug)]
pub(super) struct Outgoing<S> {
    stream: S,
    activity: Arc<Activity>,
    /// What is left of a 1xx that is being written; nothing else is written meanwhile.
    rest: Bytes,
}

impl<S: AsyncWrite + Unpin> Outgoing<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity, rest: Bytes::new() }
    }

    /// Writes the rest of a 1xx that has been begun.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.rest.is_empty() {
            let outcome = Pin::new(&mut self.stream).poll_write(cx, &self.rest);
            self.activity.took(&outcome);
            let count = ready!(outcome)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.rest.advance(count);
        }
        Poll::Ready(Ok(()))
    }

    /// Writes every 1xx that waits. hyper has nothing of its own to write when this is called.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(cx))?;
        let Some(interim) = self.activity.interim().map(Arc::clone) else {
            return Poll::Ready(Ok(()));
        };
        if !interim.expected.load(Ordering::Acquire) {
            return Poll::Ready(Ok(()));
        }
        interim.connection.register(cx.waker());
        loop {
            let Some(head) = lock(&interim.waiting).pop_front() else {
                return Poll::Ready(Ok(()));
            };
            self.rest = head;
            ready!(self.poll_rest(cx))?;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Outgoing<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buffer))?;
        this.activity.received(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Outgoing<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_rest(cx))?;
        let outcome = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.activity.took(&outcome);
        outcome
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_rest(cx))?;
        let outcome = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.activity.took(&outcome);
        outcome
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_interim(cx))?;
        Pin::new(&mut this.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
