//! The stream of an HTTP/1 connection as the parser sees it: followed, and one request at a time.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::follow::Framing;
use crate::clock;

/// What the stream, the requests on it and whoever drives them know of one another.
#[derive(Debug)]
pub(in crate::listen) struct Shared<S> {
    start: Instant,
    /// Requests that were handed on.
    begun: AtomicU64,
    /// Those of them whose answers have not been written out.
    open: AtomicUsize,
    upgraded: AtomicBool,
    quiet: AtomicBool,
    head_began: Mark,
    client_ended: Mark,
    home: Mutex<Option<Returned<S>>>,
}

/// What is left when the parser is gone.
#[derive(Debug)]
pub(in crate::listen) struct Returned<S> {
    /// The stream itself.
    pub(in crate::listen) stream: S,
    /// Whether the parser has read all that came, and nothing is half done.
    pub(in crate::listen) clean: bool,
    /// The refusal that the client has not been told.
    pub(in crate::listen) refused: Option<Refusal>,
}

/// A head that was refused before it became a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::listen) struct Refusal {
    pub(in crate::listen) status: StatusCode,
    pub(in crate::listen) hosts: Vec<String>,
}

/// An instant, or none.
#[derive(Debug, Default)]
struct Mark(AtomicU64);

impl Mark {
    fn set(&self, start: Instant) {
        let elapsed = clock::about().duration_since(start).as_millis();
        self.0
            .store(u64::try_from(elapsed).unwrap_or(u64::MAX).saturating_add(1), Ordering::Release);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    fn clear(&self) {
        self.0.store(0, Ordering::Release);
    }

    fn get(&self, start: Instant) -> Option<Instant> {
        let elapsed = self.0.load(Ordering::Acquire).checked_sub(1)?;
        start.checked_add(Duration::from_millis(elapsed))
    }
}

impl<S> Shared<S> {
    pub(in crate::listen) fn new(start: Instant) -> Arc<Self> {
        Arc::new(Self {
            start,
            begun: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            upgraded: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
            head_began: Mark::default(),
            client_ended: Mark::default(),
            home: Mutex::new(None),
        })
    }

    /// How many requests were handed on.
    pub(in crate::listen) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// One more request; call [`Shared::ended`] when its answer has been given to the parser whole.
    pub(in crate::listen) fn begin(&self) {
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.open.fetch_add(1, Ordering::AcqRel);
    }

    pub(in crate::listen) fn ended(&self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }

    /// What follows the answer under way is not HTTP. Call it before that answer is sent; a client
    /// speaks the new protocol only after it has read it.
    pub(in crate::listen) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    /// Whether nothing is under way and nothing has come.
    pub(in crate::listen) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::Acquire)
    }

    /// A head has begun; gives when its time began, which for the first is when the connection did.
    pub(in crate::listen) fn begin_head(&self) -> Instant {
        self.head_began.set(self.start);
        self.head_began().unwrap_or(self.start)
    }

    /// When the time of the head began that has not ended: that of the first with the connection, that
    /// of each later one with its first octet.
    pub(in crate::listen) fn head_began(&self) -> Option<Instant> {
        let began = self.head_began.get(self.start)?;
        Some(if self.begun() == 0 { self.start } else { began })
    }

    /// When a client that sends nothing more was last seen to wait for its answer.
    pub(in crate::listen) fn client_ended(&self) -> Option<Instant> {
        self.client_ended.get(self.start)
    }

    /// The stream, once the parser is gone.
    pub(in crate::listen) fn take_home(&self) -> Option<Returned<S>> {
        self.home.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    fn answered(&self, heads: u64) -> bool {
        self.open.load(Ordering::Acquire) == 0 && self.begun() == heads
    }
}

/// A connection whose incoming octets are followed. Where framing is in doubt, the octet in question
/// reaches hyper as NUL, which hyper refuses, and nothing is read after it. What hyper says of its
/// own accord does not reach the client. Dropping it gives the stream back to [`Shared`].
#[derive(Debug)]
pub(in crate::listen) struct Guarded<S> {
    stream: Option<S>,
    shared: Arc<Shared<S>>,
    framing: Framing,
    /// What came before its turn.
    held: Vec<u8>,
    /// So many heads have been answered, and the answers written.
    answered: u64,
    /// Somebody waits for the answer to be written.
    waits: bool,
    /// Nothing is read any more.
    ended: bool,
    refused: Option<StatusCode>,
}

impl<S> Guarded<S> {
    /// `beginning` is what was already read from the stream.
    pub(in crate::listen) fn new(stream: S, beginning: Vec<u8>, shared: Arc<Shared<S>>) -> Self {
        let heads = shared.begun();
        shared.quiet.store(false, Ordering::Release);
        Self {
            stream: Some(stream),
            shared,
            framing: Framing::after(heads),
            held: beginning,
            answered: heads,
            waits: false,
            ended: false,
            refused: None,
        }
    }

    /// Whether hyper writes what nobody has asked it to: its refusal of the head it was given.
    fn is_refusing(&self) -> bool {
        self.shared.begun() == self.answered && !self.shared.is_upgraded()
    }

    fn refuse(&mut self, written: &[u8]) {
        let status = || StatusCode::from_bytes(written.get(9..12)?).ok();
        if self.refused.is_none() {
            self.refused = Some(status().unwrap_or(StatusCode::BAD_REQUEST));
        }
    }

    /// What is owed to the client when the parser gives up, also where it has said nothing.
    fn refusal(&self) -> Option<Refusal> {
        let unheard = self.framing.heads() > self.shared.begun();
        let status = self.refused.or(unheard.then_some(StatusCode::BAD_REQUEST))?;
        let hosts = self.framing.hosts().split(|&octet| octet == b',');
        let hosts = hosts.filter(|host| !host.is_empty());
        let hosts = hosts.map(|host| String::from_utf8_lossy(host).into_owned()).collect();
        Some(Refusal { status, hosts })
    }

    /// Follows what was put into the buffer behind `before`, and takes out of it again what is not
    /// the parser's turn to see.
    fn follow(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let new = buffer.filled().get(before..).unwrap_or_default();
        match self.framing.follow(new) {
            Ok(taken) if taken == new.len() => {}
            Ok(taken) => {
                let later = new.get(taken..).unwrap_or_default();
                self.held.splice(..0, later.iter().copied());
                buffer.set_filled(before + taken);
            }
            Err(index) => {
                self.ended = true;
                metrics::counter!("geovagt_requests_ambiguous_framing_total").increment(1);
                if let Some(octet) = buffer.filled_mut().get_mut(before + index) {
                    *octet = 0;
                }
                buffer.set_filled(before + index + 1);
            }
        }
        let in_head = self.framing.is_in_head() && !self.framing.is_between();
        match (in_head, self.shared.head_began.is_set()) {
            (true, false) => self.shared.head_began.set(self.shared.start),
            (false, true) => self.shared.head_began.clear(),
            _ => {}
        }
    }

    fn read_held(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.held.len().min(buffer.remaining());
        buffer.put_slice(self.held.get(..count).unwrap_or_default());
        if count == self.held.len() {
            self.held = Vec::new();
        } else {
            self.held.drain(..count);
        }
    }
}

impl<S: AsyncRead + Unpin> Guarded<S> {
    fn poll_stream(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Some(stream) => Pin::new(stream).poll_read(cx, buffer),
            None => Poll::Ready(Ok(())),
        }
    }

    /// An answer is under way: whatever comes meanwhile waits for its turn, and a client that has
    /// said its last word still gets what it asked for.
    fn poll_out_of_turn(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.waits = true;
        if !self.held.is_empty() || self.shared.client_ended.is_set() {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(self.poll_stream(cx, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        if new.is_empty() {
            self.shared.client_ended.set(self.shared.start);
        }
        self.held = new.to_vec();
        buffer.set_filled(before);
        Poll::Pending
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        let upgraded = this.shared.is_upgraded();
        if !upgraded && this.framing.is_between() && this.answered != this.framing.heads() {
            return this.poll_out_of_turn(cx, buffer);
        }
        let before = buffer.filled().len();
        if this.held.is_empty() {
            let Poll::Ready(read) = this.poll_stream(cx, buffer) else {
                if this.framing.is_between() {
                    this.shared.quiet.store(true, Ordering::Release);
                }
                return Poll::Pending;
            };
            read?;
            if this.shared.quiet.load(Ordering::Relaxed) {
                this.shared.quiet.store(false, Ordering::Release);
            }
        } else {
            this.read_held(buffer);
        }
        if !upgraded && buffer.filled().len() > before {
            this.follow(buffer, before);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_refusing() {
            this.refuse(slices.iter().find(|slice| !slice.is_empty()).map_or(&[], |slice| slice));
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        // Who takes what is written is there.
        if this.shared.client_ended.is_set() {
            this.shared.client_ended.set(this.shared.start);
        }
        match (&mut this.stream, slices) {
            (Some(stream), [only]) => Pin::new(stream).poll_write(cx, only),
            (Some(stream), slices) => Pin::new(stream).poll_write_vectored(cx, slices),
            (None, _) => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some(stream) = &mut this.stream {
            ready!(Pin::new(stream).poll_flush(cx))?;
        }
        // hyper comes here only when it has nothing more to write.
        let heads = this.framing.heads();
        if this.answered != heads && this.shared.answered(heads) {
            this.answered = heads;
            if std::mem::take(&mut this.waits) {
                cx.waker().wake_by_ref();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.stream {
            Some(stream) if this.refused.is_none() => Pin::new(stream).poll_shutdown(cx),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<S> Drop for Guarded<S> {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        let clean = self.framing.is_between()
            && self.held.is_empty()
            && !self.ended
            && self.answered == self.framing.heads();
        let returned = Returned { stream, clean, refused: self.refusal() };
        *self.shared.home.lock().unwrap_or_else(PoisonError::into_inner) = Some(returned);
    }
}
