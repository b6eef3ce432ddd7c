//! The server behind every contestant: answers each request from memory, with as little work as can
//! be, so that the core it shares with the load is not what limits a round.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Octets of a usual answer's body.
pub(crate) const SMALL: usize = 1024;
/// Octets of a large answer's body.
pub(crate) const LARGE: usize = 1 << 20;
/// The path of the large answer.
pub(crate) const LARGE_PATH: &str = "/large";
/// What every body consists of.
pub(crate) const FILLING: u8 = b'x';

/// Both answers, head and body, ready to be written.
struct Answers {
    small: Vec<u8>,
    large: Vec<u8>,
}

/// Serves until the process is ended.
pub(crate) async fn serve(address: SocketAddr) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.context("the upstream cannot listen")?;
    let answers = Arc::new(Answers { small: answer(SMALL), large: answer(LARGE) });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let answers = Arc::clone(&answers);
        tokio::spawn(async move {
            // A contestant that hangs up is no concern of the upstream's.
            let _ = connection(stream, &answers).await;
        });
    }
}

fn answer(length: usize) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\r\n")
            .into_bytes();
    bytes.resize(bytes.len() + length, FILLING);
    bytes
}

async fn connection(mut stream: TcpStream, answers: &Answers) -> std::io::Result<()> {
    let mut received = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut received).await? == 0 {
            return Ok(());
        }
        while let Some(end) = received.windows(4).position(|w| w == b"\r\n\r\n") {
            let large = received.starts_with(b"GET /large");
            stream.write_all(if large { &answers.large } else { &answers.small }).await?;
            received.drain(..end + 4);
        }
    }
}
