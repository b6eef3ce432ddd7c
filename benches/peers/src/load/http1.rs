//! HTTP/1.1 as cheaply as it can be asked: requests are bytes made beforehand, and of an answer only
//! status, length and end are read.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::connect::{HOST, Stream};

/// A request for `path`, as a reverse proxy in front would send it on for a client at `place`.
pub(crate) fn request(path: &str, place: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: peers/1\r\nAccept: */*\r\n\
         X-Forwarded-For: {place}\r\n\r\n"
    )
    .into_bytes()
}

/// What is kept of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Octets of the body.
    pub(crate) length: usize,
    /// Whether every octet of the body was the upstream's.
    pub(crate) from_upstream: bool,
    /// The connection ends with this answer.
    pub(crate) last: bool,
}

/// One connection with what was read ahead.
pub(crate) struct Connection {
    stream: Stream,
    buffer: Box<[u8]>,
    filled: usize,
}

/// How the end of a body is known.
enum Framing {
    Length(usize),
    Chunked,
}

struct Head {
    status: u16,
    framing: Framing,
    last: bool,
    length: usize,
}

impl Connection {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, buffer: vec![0; 64 << 10].into_boxed_slice(), filled: 0 }
    }

    /// For one of thousands.
    pub(crate) fn small(stream: Stream) -> Self {
        Self { stream, buffer: vec![0; 2 << 10].into_boxed_slice(), filled: 0 }
    }

    /// Sends a request and reads its answer to the end. `whole` compares the body, too.
    pub(crate) async fn ask(&mut self, request: &[u8], whole: bool) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        self.stream.flush().await?;
        let head = self.head().await?;
        self.consume(head.length);
        let (length, from_upstream) = match head.framing {
            Framing::Length(length) => (length, self.body(length, whole).await?),
            Framing::Chunked => self.chunks(whole).await?,
        };
        Ok(Answer { status: head.status, length, from_upstream, last: head.last })
    }

    /// Waits for what the other end does without being asked: octets, or the end (0).
    pub(crate) async fn unasked(&mut self) -> io::Result<usize> {
        self.stream.read(&mut self.buffer).await
    }

    /// Sends bytes and expects nothing.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    fn seen(&self) -> &[u8] {
        self.buffer.get(..self.filled).unwrap_or_default()
    }

    fn consume(&mut self, octets: usize) {
        self.buffer.copy_within(octets..self.filled, 0);
        self.filled -= octets;
    }

    async fn more(&mut self) -> io::Result<()> {
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        let read = self.stream.read(room).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.filled += read;
        Ok(())
    }

    async fn head(&mut self) -> io::Result<Head> {
        loop {
            if let Some(end) = self.seen().windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.seen().get(..end).unwrap_or_default();
                return parse(head, end + 4).ok_or_else(|| {
                    io::Error::other(format!("no answer: {:?}", String::from_utf8_lossy(head)))
                });
            }
            self.more().await?;
        }
    }

    async fn body(&mut self, length: usize, whole: bool) -> io::Result<bool> {
        let mut left = length;
        let mut from_upstream = true;
        loop {
            let now = left.min(self.filled);
            if whole {
                let body = self.seen().get(..now).unwrap_or_default();
                from_upstream &= body.iter().all(|&octet| octet == crate::upstream::FILLING);
            }
            self.consume(now);
            left -= now;
            if left == 0 {
                return Ok(from_upstream);
            }
            self.more().await?;
        }
    }

    async fn chunks(&mut self, whole: bool) -> io::Result<(usize, bool)> {
        let (mut length, mut from_upstream) = (0, true);
        loop {
            let Some(end) = self.seen().windows(2).position(|w| w == b"\r\n") else {
                self.more().await?;
                continue;
            };
            let size = std::str::from_utf8(self.seen().get(..end).unwrap_or_default())
                .ok()
                .and_then(|text| usize::from_str_radix(text.trim(), 16).ok())
                .ok_or_else(|| io::Error::other("no size of a chunk"))?;
            self.consume(end + 2);
            from_upstream &= self.body(size, whole).await?;
            length += size;
            while self.filled < 2 {
                self.more().await?;
            }
            self.consume(2);
            if size == 0 {
                return Ok((length, from_upstream));
            }
        }
    }
}

fn parse(head: &[u8], length: usize) -> Option<Head> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let mut framing = Framing::Length(0);
    let mut last = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            framing = Framing::Length(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            last = value.eq_ignore_ascii_case("close");
        }
    }
    Some(Head { status, framing, last, length })
}
