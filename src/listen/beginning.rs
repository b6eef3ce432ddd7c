//! A request's head before there is a parser for it.
//!
//! A parser takes room, and whoever sends a head octet by octet could have one for as long as a head
//! may take. So it comes into being when the head is there, or is longer than most are. Always holds:
//! what the guard would refuse reaches it as soon as it has come, and what the parser alone would, with
//! the end of its line; nothing is changed on the way.

use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use memchr::memmem;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::accepted::ConnectionFacts;
use super::framing::Framing;
use super::stream::Stream;

/// How much of a request's beginning is read before there is a parser for it.
const BEGINNING: usize = 4 * 1024;

/// Waits for the first octets of a request; none where the connection ends instead.
pub(super) async fn first(
    stream: &mut Stream,
    deadline: Instant,
    stopping: &CancellationToken,
    last_call: Duration,
    facts: &ConnectionFacts,
) -> Option<Vec<u8>> {
    tokio::select! {
        biased;
        read = poll_fn(|cx| poll_first(stream, cx)) => return read,
        () = stopping.cancelled() => {}
        () = facts.parted() => return None,
        () = sleep_until(deadline.into()) => return None,
    }
    // One that is on its way is still answered.
    timeout(last_call, poll_fn(|cx| poll_first(stream, cx))).await.ok().flatten()
}

/// Whether the head has come to its end: that of nearly all has. Empty lines before it are none.
pub(super) fn is_whole(octets: &[u8]) -> bool {
    let head = octets.iter().position(|octet| !is_line_end(*octet));
    let head = head.and_then(|begin| octets.get(begin..));
    head.is_some_and(|head| memmem::find(head, b"\r\n\r\n").is_some())
}

fn is_line_end(octet: u8) -> bool {
    matches!(octet, b'\r' | b'\n')
}

/// Waits for the rest of a head that has come in part, as long as it is one and short; `lines` is how
/// many it may have. None where it does not come in time, or the client leaves.
pub(super) async fn rest(
    stream: &mut Stream,
    mut octets: Vec<u8>,
    deadline: Instant,
    stopping: &CancellationToken,
    lines: usize,
) -> Option<Vec<u8>> {
    let mut unfinished = Unfinished { framing: Framing::new(), followed: 0, lines };
    while octets.len() < BEGINNING && unfinished.is_still(&octets) {
        tokio::select! {
            biased;
            more = poll_fn(|cx| poll_more(stream, cx, &mut octets)) => {
                if !more {
                    return None;
                }
            }
            // The parser is still given what has come of a head, and waits for the rest.
            () = stopping.cancelled() => {
                if octets.iter().copied().all(is_line_end) {
                    return None;
                }
                break;
            }
            () = sleep_until(deadline.into()) => return None,
        }
    }
    Some(octets)
}

/// A head whose end has not come.
struct Unfinished {
    framing: Framing,
    followed: usize,
    lines: usize,
}

impl Unfinished {
    /// Whether it is still unfinished, and there is nothing to refuse in it.
    fn is_still(&mut self, octets: &[u8]) -> bool {
        let new = octets.get(self.followed..).unwrap_or_default();
        self.followed = octets.len();
        let follows = self.framing.follow(new) == Ok(new.len()) && self.framing.is_first_head();
        // Within a line there is little to refuse, and to look at all again for each octet is dear.
        let is_first = new.len() == octets.len();
        follows && (!(is_first || new.contains(&b'\n')) || self.is_partial(octets))
    }

    fn is_partial(&self, octets: &[u8]) -> bool {
        let mut headers = vec![httparse::EMPTY_HEADER; self.lines];
        let parsed = httparse::Request::new(&mut headers).parse(octets);
        matches!(parsed, Ok(httparse::Status::Partial))
    }
}

fn poll_first(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
    let mut octets = Vec::new();
    let more = ready!(poll_more(stream, cx, &mut octets));
    Poll::Ready(more.then_some(octets))
}

/// The room for the octets is on the stack, so that waiting takes none.
fn poll_more(stream: &mut Stream, cx: &mut Context<'_>, octets: &mut Vec<u8>) -> Poll<bool> {
    let mut room = [const { MaybeUninit::uninit() }; BEGINNING];
    let mut buffer = ReadBuf::uninit(&mut room);
    let read = ready!(Pin::new(stream).poll_read(cx, &mut buffer));
    octets.extend_from_slice(buffer.filled());
    Poll::Ready(read.is_ok() && !buffer.filled().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many octets a head that comes one by one is handed on.
    fn waits_for(head: &[u8]) -> usize {
        let mut unfinished = Unfinished { framing: Framing::new(), followed: 0, lines: 3 };
        let came = |count: &usize| !unfinished.is_still(&head[..*count]);
        (1..=head.len()).find(came).unwrap_or(usize::MAX)
    }

    #[test]
    fn a_head_is_waited_for_to_its_end() {
        let head = b"\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Slow: b\r\n\r\n";
        assert_eq!(waits_for(head), head.len());
        assert!(is_whole(head) && !is_whole(&head[..head.len() - 1]));
        assert!(!is_whole(b"\r\n\r\n") && !is_whole(b"\r\n\r\nG"), "no head has begun or ended");
        assert!(waits_for(&b"\r\n".repeat(20)) < 40, "nor do empty lines go on for ever");
        assert_eq!(waits_for(&head[..head.len() - 1]), usize::MAX, "as long as it takes");
    }

    #[test]
    fn what_would_be_refused_is_not_waited_for() {
        // The octet after which there is something to say.
        for (head, refused) in [
            (&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], 1),
            (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 16),
            (b"GET / HTTP/1.1\nHost: a\r\n\r\n", 15),
            (b"GET /#a HTTP/1.1\r\n\r\n", 18),
            (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x, chunked\r\n\r\n", 56),
            (b"GET / HTTP/1.1\r\nA: a\r\nB: b\r\nC: c\r\nD: d\r\n\r\n", 40),
        ] {
            let whole = String::from_utf8_lossy(head).into_owned();
            assert_eq!(waits_for(head), refused, "{whole:?}");
        }
    }
}
