//! A guard in front of the HTTP/1 parser, which repairs what could be read in another way.
//!
//! hyper ends lines at a bare line feed and drops `Content-Length` beside `Transfer-Encoding`
//! (both allowed by RFC 9112 sections 2.2 and 6.3). A proxy in front of us that reads such a request
//! in the other way would let one client put words into another's mouth. The guard follows each
//! request's head and body, pipelined ones included, and lets through only framing in which there
//! is nothing to repair. It decides nothing else and changes no octet of what it lets through: where
//! it accepts a head, hyper reads the same length from it or refuses it.

#[cfg(test)]
mod tests;

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// So much of each line is looked at; a longer one is no framing header.
const LINE_LENGTH: usize = 128;

/// Where in a connection's octets the next one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// In a line of a request's head.
    Head,
    /// In a body, with so many octets left.
    Body(u64),
    /// In the line that begins a chunk.
    ChunkSize,
    /// In a chunk, with so many octets left.
    Chunk(u64),
    /// In the empty line that ends a chunk.
    ChunkEnd,
    /// In the lines behind the last chunk.
    Trailer,
}

/// Follows the framing of one connection.
#[derive(Debug)]
struct Framing {
    at: At,
    line: Vec<u8>,
    too_long: bool,
    carriage_return: bool,
    request_line_seen: bool,
    length: Option<u64>,
    chunked: bool,
}

/// Framing that can be read in more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Doubtful;

impl Framing {
    fn new() -> Self {
        Self {
            at: At::Head,
            line: Vec::with_capacity(LINE_LENGTH),
            too_long: false,
            carriage_return: false,
            request_line_seen: false,
            length: None,
            chunked: false,
        }
    }

    /// Follows the next octets; gives the index of the first that must not be read.
    fn follow(&mut self, octets: &[u8]) -> Result<(), usize> {
        let mut index = 0;
        while let Some(rest) = octets.get(index..).filter(|rest| !rest.is_empty()) {
            index += match self.at {
                At::Body(left) | At::Chunk(left) => self.skip(left, rest.len()),
                At::Head | At::ChunkSize | At::ChunkEnd | At::Trailer => {
                    let octet = rest.first().copied().unwrap_or_default();
                    self.octet_of_line(octet).map_err(|Doubtful| index)?;
                    1
                }
            };
        }
        Ok(())
    }

    /// Whether a head has begun and not ended.
    fn is_in_head(&self) -> bool {
        let begun = self.request_line_seen || self.carriage_return || !self.line.is_empty();
        self.at == At::Head && begun
    }

    fn skip(&mut self, left: u64, available: usize) -> usize {
        let skipped = usize::try_from(left).unwrap_or(usize::MAX).min(available);
        let left = left.saturating_sub(skipped as u64);
        self.at = match (self.at, left) {
            (At::Chunk(_), 0) => At::ChunkEnd,
            (At::Chunk(_), left) => At::Chunk(left),
            (_, 0) => At::Head,
            (_, left) => At::Body(left),
        };
        skipped
    }

    /// Lines end in CR LF; neither stands anywhere else, and NUL nowhere.
    fn octet_of_line(&mut self, octet: u8) -> Result<(), Doubtful> {
        match octet {
            b'\n' if self.carriage_return => {
                self.carriage_return = false;
                let outcome = self.end_of_line();
                self.line.clear();
                self.too_long = false;
                outcome
            }
            _ if self.carriage_return => Err(Doubtful),
            b'\r' => {
                self.carriage_return = true;
                Ok(())
            }
            b'\n' | 0 => Err(Doubtful),
            // hyper would cut a fragment off the target; no client may send one.
            b'#' if self.at == At::Head && !self.request_line_seen => Err(Doubtful),
            octet if self.line.len() < LINE_LENGTH => {
                self.line.push(octet);
                Ok(())
            }
            _ => {
                self.too_long = true;
                Ok(())
            }
        }
    }

    fn end_of_line(&mut self) -> Result<(), Doubtful> {
        let empty = self.line.is_empty();
        match self.at {
            At::Head if !self.request_line_seen => {
                // RFC 9112 section 2.2: an empty line before a request is skipped.
                self.request_line_seen = !empty;
            }
            At::Head if empty => self.end_of_head()?,
            At::Head => self.header()?,
            At::ChunkSize => self.at = self.chunk()?,
            At::ChunkEnd if empty => self.at = At::ChunkSize,
            At::Trailer if empty => self.at = At::Head,
            At::Trailer if !self.is_folded() => {}
            At::ChunkEnd | At::Trailer | At::Body(_) | At::Chunk(_) => return Err(Doubtful),
        }
        Ok(())
    }

    fn is_folded(&self) -> bool {
        self.line.first().is_some_and(|b| *b == b' ' || *b == b'\t')
    }

    fn header(&mut self) -> Result<(), Doubtful> {
        if self.is_folded() {
            return Err(Doubtful);
        }
        let mut parts = self.line.splitn(2, |&b| b == b':');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let value = parts.next().unwrap_or_default().trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = number(value, 10, 18).filter(|_| !self.too_long).ok_or(Doubtful)?;
            if self.chunked || self.length.replace(length).is_some() {
                return Err(Doubtful);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            let chunked = value.eq_ignore_ascii_case(b"chunked") && !self.too_long;
            if !chunked || self.length.is_some() || std::mem::replace(&mut self.chunked, true) {
                return Err(Doubtful);
            }
        }
        Ok(())
    }

    fn end_of_head(&mut self) -> Result<(), Doubtful> {
        self.request_line_seen = false;
        let chunked = std::mem::take(&mut self.chunked);
        self.at = match self.length.take() {
            Some(_) if chunked => return Err(Doubtful),
            None if chunked => At::ChunkSize,
            None | Some(0) => At::Head,
            Some(length) => At::Body(length),
        };
        Ok(())
    }

    /// Extensions (RFC 9112 section 7.1.1) are let through; hyper passes them over.
    fn chunk(&self) -> Result<At, Doubtful> {
        let digits = self.line.split(|b| matches!(b, b';' | b' ' | b'\t')).next();
        match number(digits.unwrap_or_default(), 16, 15) {
            Some(0) => Ok(At::Trailer),
            Some(length) => Ok(At::Chunk(length)),
            None => Err(Doubtful),
        }
    }
}

/// Digits and nothing else, at most so many.
fn number(text: &[u8], radix: u32, digits: usize) -> Option<u64> {
    let fits =
        (1..=digits).contains(&text.len()) && text.iter().all(|&b| char::from(b).is_digit(radix));
    let text = std::str::from_utf8(text).ok().filter(|_| fits)?;
    u64::from_str_radix(text, radix).ok()
}

/// Says to a [`Guarded`] connection that it has been upgraded: what follows is not HTTP.
#[derive(Debug, Clone, Default)]
pub(super) struct Upgraded(Arc<AtomicBool>);

impl Upgraded {
    /// Call before the answer that switches protocols is sent; a client speaks the new protocol
    /// only after it has read that answer.
    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// How long a head may take: the first from the beginning of the connection, each later one from
/// its first octet. Between requests no time runs here.
#[derive(Debug)]
struct HeadTime {
    limit: Duration,
    running: Option<Pin<Box<Sleep>>>,
}

impl HeadTime {
    fn start(&mut self) {
        if self.running.is_none() {
            self.running = Some(Box::pin(tokio::time::sleep(self.limit)));
        }
    }

    /// Ready, with an error, when the time is over.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.running {
            Some(sleep) => sleep.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into())),
            None => Poll::Pending,
        }
    }
}

/// A connection whose incoming octets are followed. Where framing is in doubt, the octet in question
/// reaches hyper as NUL, which hyper answers with 400, and nothing is read after it. A head that
/// takes too long ends the connection.
#[derive(Debug)]
pub(super) struct Guarded<S> {
    stream: S,
    framing: Framing,
    head_time: HeadTime,
    ended: bool,
    upgraded: Upgraded,
}

impl<S> Guarded<S> {
    /// Call it in a runtime: the time for the first head begins.
    pub(super) fn new(stream: S, head_time: Duration, upgraded: Upgraded) -> Self {
        let mut head_time = HeadTime { limit: head_time, running: None };
        head_time.start();
        Self { stream, framing: Framing::new(), head_time, ended: false, upgraded }
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
        let before = buffer.filled().len();
        let upgraded = this.upgraded.0.load(Ordering::Acquire);
        match Pin::new(&mut this.stream).poll_read(cx, buffer) {
            Poll::Pending if upgraded => return Poll::Pending,
            Poll::Pending => return this.head_time.poll_over(cx),
            Poll::Ready(read) => read?,
        }
        if upgraded {
            return Poll::Ready(Ok(()));
        }
        let new = buffer.filled().get(before..).unwrap_or_default();
        if let Err(index) = this.framing.follow(new) {
            this.ended = true;
            metrics::counter!("geovagt_requests_ambiguous_framing_total").increment(1);
            if let Some(octet) = buffer.filled_mut().get_mut(before + index) {
                *octet = 0;
            }
            buffer.set_filled(before + index + 1);
            return Poll::Ready(Ok(()));
        }
        if !this.framing.is_in_head() {
            this.head_time.running = None;
            return Poll::Ready(Ok(()));
        }
        this.head_time.start();
        match this.head_time.poll_over(cx) {
            Poll::Ready(over) => Poll::Ready(over),
            Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
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
