//! Bodies that are larger than the memory a gateway may use for them.

use std::io::{Read as _, Write as _};

use bytes::Bytes;

use super::gateway::{Gateway, PATIENCE};
use super::raw::{RawUpstream, connect, head, read_until};
use super::secure;

const PIECE: usize = 1 << 20;

/// What the gateway's process holds of the machine's memory, in KiB.
fn resident(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.process_id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Calls `watch` once in a while, and gives the most that the process has grown by since the first
/// call, in KiB.
struct Growth<'a> {
    gateway: &'a Gateway,
    before: u64,
    most: u64,
}

impl<'a> Growth<'a> {
    fn of(gateway: &'a Gateway) -> Self {
        let before = resident(gateway);
        Self { gateway, before, most: before }
    }

    fn watch(&mut self) {
        self.most = self.most.max(resident(self.gateway));
    }

    fn kib(&self) -> u64 {
        self.most - self.before
    }
}

/// Reads a body of its declared length, or sends one of the length that the path names.
fn upstream() -> RawUpstream {
    RawUpstream::start(|mut stream| {
        let head = read_until(&mut stream, "\r\n\r\n").to_lowercase();
        let number = |after: &str| -> u64 {
            let rest = head.split(after).nth(1).unwrap();
            rest.split([' ', '\r']).next().unwrap().parse().unwrap()
        };
        let piece = vec![b'.'; PIECE];
        if head.starts_with("get ") {
            let mut left = number("get /");
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {left}\r\n\r\n").unwrap();
            while left > 0 {
                let count = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
                stream.write_all(&piece[..count]).unwrap();
                left -= count as u64;
            }
        } else {
            let mut left = number("content-length: ");
            let mut buffer = piece;
            while left > 0 {
                let count = stream.read(&mut buffer).unwrap();
                assert_ne!(count, 0, "{left} octets are missing");
                left -= count as u64;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntook").unwrap();
        }
    })
}

/// So many octets through the gateway and back, HTTP/1.1 and HTTP/2 over TLS; gives how much its
/// process has grown at most, in KiB.
pub fn there_and_back(octets: u64) -> u64 {
    let upstream = upstream();
    let gateway = secure::gateway_with_tls(&upstream.url(), "");
    // What is allocated once is allocated now.
    plain(&gateway, 8 << 20, &mut Growth::of(&gateway));
    secure::run_within(PATIENCE * 4, over_http2(&gateway, 8 << 20, &mut Growth::of(&gateway)));
    let mut growth = Growth::of(&gateway);
    plain(&gateway, octets, &mut growth);
    secure::run_within(PATIENCE * 4, over_http2(&gateway, octets, &mut growth));
    growth.kib()
}

fn plain(gateway: &Gateway, octets: u64, growth: &mut Growth<'_>) {
    let request = head("/", &format!("Content-Length: {octets}\r\n")).replace("GET ", "PUT ");
    let mut client = connect(gateway.address("web"), &request);
    let piece = vec![b'.'; PIECE];
    for _ in 0..octets / PIECE as u64 {
        client.write_all(&piece).unwrap();
        growth.watch();
    }
    read_until(&mut client, "took");
    client.write_all(head(&format!("/{octets}"), "").as_bytes()).unwrap();
    read_until(&mut client, "\r\n\r\n");
    let (mut left, mut buffer) = (octets, piece);
    while left > 0 {
        let count = client.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "{left} octets are missing");
        left -= count as u64;
        growth.watch();
    }
}

async fn over_http2(gateway: &Gateway, octets: u64, growth: &mut Growth<'_>) {
    let mut client = secure::connect(gateway).await;
    let request = secure::request("PUT", "/", None).header("content-length", octets);
    let (answer, mut body) = client.send_request(request.body(()).unwrap(), false).unwrap();
    let piece = Bytes::from(vec![b'.'; PIECE]);
    let mut left = octets;
    while left > 0 {
        body.reserve_capacity(PIECE);
        let room = std::future::poll_fn(|cx| body.poll_capacity(cx)).await.unwrap().unwrap();
        let count = usize::try_from(left).unwrap_or(room).min(room).min(PIECE);
        left -= count as u64;
        body.send_data(piece.slice(..count), left == 0).unwrap();
        growth.watch();
    }
    assert_eq!(answer.await.unwrap().status(), 200);
    let request = secure::request("GET", &format!("/{octets}"), None);
    let (answer, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    let mut body = answer.await.unwrap().into_body();
    let mut received = 0;
    while let Some(data) = body.data().await {
        let count = data.unwrap().len();
        received += count as u64;
        body.flow_control().release_capacity(count).unwrap();
        growth.watch();
    }
    assert_eq!(received, octets);
}
