//! Several frames, one TLS record, one system call.
//!
//! The parser writes and flushes each answer by itself. Here what is flushed waits until the task has
//! had its turn once more: whatever other answers are ready by then go out with it. Always holds:
//! nothing waits longer than that turn, and more than a record's worth does not wait at all.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A TLS record (RFC 8446 section 5.1).
const RECORD: usize = 16 * 1024;
/// What is longer goes out without being copied.
const LONG: usize = 4 * 1024;

/// A stream whose small writes are collected.
#[derive(Debug)]
pub(super) struct Batched<S> {
    stream: S,
    waiting: Vec<u8>,
    /// Of what waits, how much has gone.
    gone: usize,
    /// Whether what waits was flushed and is owed.
    owed: bool,
}

impl<S: AsyncWrite + Unpin> Batched<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, waiting: Vec::new(), gone: 0, owed: false }
    }

    /// Sends what waits.
    pub(super) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self.waiting.get(self.gone..).filter(|rest| !rest.is_empty()) {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.gone += sent;
        }
        // An idle connection keeps no memory for it.
        self.waiting = Vec::new();
        self.gone = 0;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.owed = false;
        Poll::Ready(Ok(()))
    }

    fn takes(&self, length: usize) -> bool {
        length <= LONG && self.waiting.len() + length <= RECORD
    }

    fn take(&mut self, octets: &[u8]) {
        if self.waiting.capacity() == 0 {
            self.waiting.reserve_exact(RECORD);
        }
        self.waiting.extend_from_slice(octets);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Batched<S> {
    /// The parser reads at the beginning of each turn.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.owed
            && let Poll::Ready(Err(error)) = this.poll_send(cx)
        {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut this.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Batched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.takes(octets.len()) {
            this.take(octets);
            return Poll::Ready(Ok(octets.len()));
        }
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_write(cx, octets)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let length = slices.iter().map(|slice| slice.len()).sum();
        if this.takes(length) {
            slices.iter().for_each(|slice| this.take(slice));
            return Poll::Ready(Ok(length));
        }
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.waiting.is_empty() {
            return Pin::new(&mut this.stream).poll_flush(cx);
        }
        if !this.owed {
            this.owed = true;
            cx.waker().wake_by_ref();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};
    use tokio::io::{AsyncReadExt as _, duplex};

    #[derive(Default)]
    struct Turns(AtomicUsize);

    impl Wake for Turns {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn what_is_flushed_goes_out_in_the_next_turn_and_what_is_long_at_once() {
        let (ours, mut theirs) = duplex(1 << 20);
        let mut batched = Batched::new(ours);
        let turns = Arc::new(Turns::default());
        let waker = Waker::from(Arc::clone(&turns));
        let mut cx = Context::from_waker(&waker);
        let mut room = [0; 8 * 1024];
        let arrived = |theirs: &mut tokio::io::DuplexStream, room: &mut [u8]| {
            let mut buffer = ReadBuf::new(room);
            let mut cx = Context::from_waker(Waker::noop());
            match Pin::new(theirs).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(_) => buffer.filled().len(),
                Poll::Pending => 0,
            }
        };
        for text in [b"one".as_slice(), b"two"] {
            assert!(Pin::new(&mut batched).poll_write(&mut cx, text).is_ready());
            assert!(Pin::new(&mut batched).poll_flush(&mut cx).is_ready());
        }
        assert_eq!(turns.0.load(Ordering::Relaxed), 1, "one more turn for both");
        assert_eq!(arrived(&mut theirs, &mut room), 0);
        let mut nothing = [0; 1];
        let read = Pin::new(&mut batched).poll_read(&mut cx, &mut ReadBuf::new(&mut nothing));
        assert!(read.is_pending());
        assert_eq!(arrived(&mut theirs, &mut room), 6, "both, with the turn");
        assert_eq!(batched.waiting.capacity(), 0);
        assert!(Pin::new(&mut batched).poll_write(&mut cx, b"three").is_ready());
        assert!(Pin::new(&mut batched).poll_write(&mut cx, &[0; LONG + 1]).is_ready());
        let mut all = vec![0; 5 + LONG + 1];
        theirs.read_exact(&mut all).await.unwrap();
        assert!(all.starts_with(b"three"), "in order");
        assert!(Pin::new(&mut batched).poll_write(&mut cx, b"last").is_ready());
        assert!(Pin::new(&mut batched).poll_shutdown(&mut cx).is_ready());
        assert_eq!(theirs.read_to_end(&mut Vec::new()).await.unwrap(), 4, "before the end");
    }
}
