use std::sync::Arc;

use proptest::prelude::*;

use super::follow::{At, Framing};
use super::*;

/// Follows one request after another; gives the index of the first octet that is refused.
fn follow_all(framing: &mut Framing, octets: &[u8]) -> Result<(), usize> {
    let mut offset = 0;
    while offset < octets.len() {
        offset += framing.follow(&octets[offset..]).map_err(|index| offset + index)?;
    }
    Ok(())
}

/// The index of the first octet that is refused.
fn refused(octets: &[u8]) -> Option<usize> {
    follow_all(&mut Framing::new(), octets).err()
}

const NEXT: &str = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn framing_without_doubt_goes_through() {
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n\n\r\0\n\r",
        "POST / HTTP/1.1\r\ncontent-length:\t0 \r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\n\n\0\r\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n000\r\nx: y\r\n\r\n",
        "GET / HTTP/1.1\r\nX: Content-Length: 5#\r\n\r\n",
    ] {
        let pipelined = format!("{request}{NEXT}{request}");
        assert_eq!(refused(pipelined.as_bytes()), None, "{request:?}");
    }
    let long = format!("GET /{} HTTP/1.1\r\nCookie: {}\r\n\r\n", "a".repeat(999), "b".repeat(999));
    assert_eq!(refused(format!("{long}{NEXT}").as_bytes()), None);
}

/// The parser looks at all that it has whenever more comes.
#[test]
fn empty_lines_are_not_handed_on_one_by_one() {
    let lines = "\r\n".repeat(8);
    assert_eq!(Framing::new().follow(lines.as_bytes()), Ok(lines.len()));
    let request = format!("{lines}{NEXT}");
    assert_eq!(Framing::new().follow(format!("{request}{NEXT}").as_bytes()), Ok(request.len()));
    assert_eq!(refused(format!("{request}{request}").as_bytes()), None);
}

/// Looking at each of thousands of them costs a look at all before it.
#[test]
fn nobody_sends_empty_lines_without_end() {
    let lines = "\r\n".repeat(9);
    assert_eq!(refused(lines.as_bytes()), Some(lines.len() - 1));
    let mut framing = Framing::new();
    let one_by_one: Vec<_> = lines.bytes().map(|octet| framing.follow(&[octet])).collect();
    assert_eq!(one_by_one.iter().position(Result::is_err), Some(lines.len() - 1));
}

#[test]
fn framing_in_doubt_is_refused_before_the_head_is_whole() {
    for request in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nX: a\nContent-Length: 50\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\rContent-Length: 50\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\0\r\n\r\n",
        "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\r\n Content-Length: 50\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding:\r\n chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\ncontent-length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding : chunked, identity\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ] {
        let index = refused(request.as_bytes()).unwrap_or(usize::MAX);
        assert!(index < request.len(), "{request:?}");
        // Also where it is not the first request of the connection.
        let later = format!("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc{request}");
        assert_eq!(refused(later.as_bytes()), Some(later.len() - request.len() + index));
    }
    let padded = format!("POST / HTTP/1.1\r\nContent-Length: {}5\r\n\r\n", " ".repeat(200));
    assert!(refused(padded.as_bytes()).is_some());
}

#[test]
fn chunks_in_doubt_are_refused() {
    for body in [
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-1\r\n\r\n",
        "\r\n3\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "1000000000000003\r\nabc\r\n0\r\n\r\n",
        "0\r\nx: y\n\r\n",
        "0\r\n\n",
        "0\r\nx: y\r\n z\r\n\r\n",
    ] {
        let request = format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        assert!(refused(request.as_bytes()).is_some(), "{body:?}");
    }
}

proptest! {
    /// However the network cuts the octets, the same one is refused.
    #[test]
    fn cuts_change_nothing(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "GET / HTTP/1.1\r\n", "Host: a\r\n", "\r\n", "\n", "\r", "Content-Length: 4\r\n",
            "Transfer-Encoding: chunked\r\n", "2\r\n", "ab\r\n", "0\r\n", "abcd", " x\r\n", "\0",
        ]), 1..14),
        cuts in prop::collection::vec(1_usize..9, 1..20),
    ) {
        let whole = pieces.concat().into_bytes();
        let mut framing = Framing::new();
        let mut offset = 0;
        let mut refusal = None;
        for cut in cuts.iter().cycle() {
            let end = (offset + cut).min(whole.len());
            if let Err(index) = follow_all(&mut framing, &whole[offset..end]) {
                refusal = Some(offset + index);
                break;
            }
            if end == whole.len() {
                break;
            }
            offset = end;
        }
        prop_assert_eq!(refusal, refused(&whole));
    }
}

/// The lengths of the bodies that the guard sees, one for each whole head.
fn lengths(octets: &[u8]) -> Vec<usize> {
    let mut framing = Framing::new();
    let mut lengths = Vec::new();
    for octet in octets {
        let before = framing.at;
        let in_head = framing.request_line_seen;
        if framing.follow(&[*octet]).is_err() {
            break;
        }
        match before {
            At::Body(_) | At::Chunk(_) => *lengths.last_mut().unwrap() += 1,
            At::Head if in_head && !framing.request_line_seen => lengths.push(0),
            _ => {}
        }
    }
    lengths
}

struct Ended<S>(Arc<Shared<S>>);

impl<S> Drop for Ended<S> {
    fn drop(&mut self) {
        self.0.ended();
    }
}

/// The lengths of the bodies that hyper reads to their end behind the guard.
fn lengths_in_hyper(octets: &[u8]) -> Vec<usize> {
    use http_body_util::{BodyExt as _, Empty};
    use std::sync::Mutex;
    use tokio::io::AsyncWriteExt as _;

    let seen = Arc::new(Mutex::new(Vec::new()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(octets).await.unwrap();
        client.shutdown().await.unwrap();
        let shared = Shared::new(crate::clock::instant());
        let counting = Arc::clone(&shared);
        let service =
            hyper::service::service_fn(|request: http::Request<hyper::body::Incoming>| {
                let seen = Arc::clone(&seen);
                counting.begin();
                let busy = Ended(Arc::clone(&counting));
                async move {
                    let _busy = busy;
                    let body = request.into_body().collect().await?.to_bytes();
                    seen.lock().unwrap().push(body.len());
                    Ok::<_, hyper::Error>(http::Response::new(Empty::<bytes::Bytes>::new()))
                }
            });
        let guarded = Guarded::new(server, Vec::new(), shared);
        let _ = hyper::server::conn::http1::Builder::new()
            .header_read_timeout(None)
            .half_close(true)
            .serve_connection(hyper_util::rt::TokioIo::new(guarded), service)
            .await;
    });
    let seen = seen.lock().unwrap();
    seen.clone()
}

#[test]
fn hyper_sees_every_request_that_is_without_doubt() {
    let body =
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n";
    let length = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    let all = format!("{body}{NEXT}{length}{NEXT}");
    assert_eq!(lengths_in_hyper(all.as_bytes()), [2, 0, 3, 0]);
    assert_eq!(lengths(all.as_bytes()), [2, 0, 3, 0]);
}

proptest! {
    /// Every body that hyper reads behind the guard has the length that the guard saw: the two
    /// never part company, whatever a client sends.
    #[test]
    fn hyper_reads_what_the_guard_reads(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\n", "PUT / HTTP/1.0\r\n", "\r\n",
            "\r\n\r\n", "Content-Length: 4\r\n", "Content-Length : 4\r\n", "content-length: 04\r\n",
            "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked \r\n",
            "Transfer-Encoding: \tCHUNKED\r\n", "Transfer_Encoding: chunked\r\n",
            "Connection: close\r\n", "Connection: keep-alive\r\n", "Expect: 100-continue\r\n",
            "2\r\nab\r\n", "2 ;x\r\nab\r\n", "002\r\nab\r\n", "0\r\n\r\n", "0\r\nx: y\r\n\r\n", "abcd",
            "\n", "X\r\n", ": x\r\n",
        ]), 1..16),
    ) {
        let octets = pieces.concat().into_bytes();
        let (ours, theirs) = (lengths(&octets), lengths_in_hyper(&octets));
        prop_assert!(ours.starts_with(&theirs), "{ours:?} {theirs:?}");
    }
}
