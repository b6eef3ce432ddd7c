//! A guard in front of the HTTP/2 parser, and the parser's settings.
//!
//! The guard looks at frames' heads and at the shape of header blocks. It ends a connection that
//! keeps us busy without asking for anything, and one whose header blocks the parser would read in
//! another way than somebody in front of us might. It changes nothing but one octet: the `#` that
//! begins a fragment in `:path` becomes one that no target may have. Always holds: where the guard
//! lets a header block through, it knows the same header table as the parser.

mod allowance;
mod batched;
mod fields;
mod frames;
mod huffman;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use self::allowance::Allowance;
use self::batched::Batched;
use self::frames::{Incoming, Outgoing, Refused};
use super::http::HttpLimits;

/// The parser's settings for one connection.
pub(super) fn builder<E: Clone>(limits: HttpLimits, executor: E) -> Builder<E> {
    let mut builder = Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        // The head's limit, whatever the compression; four times as much ends the connection.
        .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        // What a client may send before anybody reads it: for one upload a megabyte a round trip,
        // and no more for all of a connection's together.
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(1 << 20)
        // What waits for a client that does not read, for each stream. A piece of an upstream's
        // answer is as large.
        .max_send_buf_size(64 << 10)
        // Requests taken back before they were looked at; what is taken back later the guard counts.
        .max_pending_accept_reset_streams(20)
        // A client that goes on sending bodies which were refused makes one for each piece.
        .max_local_error_reset_streams(1024)
        // A client that has gone without a word.
        .keep_alive_interval(limits.idle)
        .keep_alive_timeout(limits.head_time);
    debug_assert_eq!(fields::TABLE_SIZE, 4096, "the parser's default, which is not set here");
    builder
}

/// A connection whose frames are followed.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: Batched<S>,
    incoming: Incoming,
    outgoing: Outgoing,
    allowance: Allowance,
    head_time: Duration,
    /// Runs while the client owes the rest of what it began.
    running: Option<Pin<Box<Sleep>>>,
    refused: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guarded<S> {
    /// Call it in a runtime: the time for the client's first words begins.
    pub(super) fn new(stream: S, head_time: Duration) -> Self {
        Self {
            stream: Batched::new(stream),
            incoming: Incoming::new(),
            outgoing: Outgoing::default(),
            allowance: Allowance::new(),
            head_time,
            running: Some(Box::pin(tokio::time::sleep(head_time))),
            refused: false,
        }
    }

    /// Says why, as far as there is room for it, and reads no more.
    fn refuse(&mut self, refused: Refused, cx: &mut Context<'_>) -> io::Error {
        self.refused = true;
        metrics::counter!("geovagt_http2_connections_refused_total", "reason" => refused.word())
            .increment(1);
        if self.outgoing.is_between_frames() {
            let mut goaway = [0, 0, 8, 7, 0, 0, 0, 0, 0].to_vec();
            goaway.extend(self.incoming.newest_stream().to_be_bytes());
            goaway.extend(refused.code().to_be_bytes());
            // What cannot go at once is not worth waiting for.
            let _ = Pin::new(&mut self.stream).poll_write(cx, &goaway);
            let _ = self.stream.poll_send(cx);
        }
        io::Error::new(io::ErrorKind::InvalidData, refused)
    }

    /// Ready, with an error, when the rest has not come in time.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.incoming.is_in_head() {
            self.running = None;
            return Poll::Pending;
        }
        let limit = self.head_time;
        let running = self.running.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(running.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.refused {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Pending => return this.poll_time(cx),
            Poll::Ready(read) => read?,
        }
        let new = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        let followed = this.incoming.follow(new, &mut this.allowance);
        let resets = this.allowance.mostly_resets().then_some(Refused::Resets);
        if let Some(refused) = followed.err().or(resets) {
            buffer.set_filled(before);
            return Poll::Ready(Err(this.refuse(refused, cx)));
        }
        if let Poll::Ready(over) = this.poll_time(cx) {
            return Poll::Ready(over);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, octets))?;
        this.outgoing.follow(octets.get(..written).unwrap_or_default(), &mut this.allowance);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, slices))?;
        let mut left = written;
        for slice in slices {
            let octets = slice.get(..left.min(slice.len())).unwrap_or_default();
            this.outgoing.follow(octets, &mut this.allowance);
            left -= octets.len();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
