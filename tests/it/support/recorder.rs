//! An upstream without a parser: what reached it comes back octet for octet as the answer's body.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A server that lives as long as the test program.
#[derive(Debug)]
pub struct Recorder {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// Starts it on a free port of the loopback.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let kept = Arc::clone(&kept);
                std::thread::spawn(move || {
                    let _ = answer(stream, &kept);
                });
            }
        });
        Self { address, received }
    }

    /// The whole requests that have reached it.
    pub fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }

    /// Forgets them.
    pub fn forget(&self) {
        self.received.lock().unwrap().clear();
    }

    /// As it stands in the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn answer(mut stream: TcpStream, kept: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut received = Vec::new();
    let mut room = [0; 4096];
    while !is_whole(&received) {
        let read = stream.read(&mut room)?;
        if read == 0 {
            return Ok(());
        }
        received.extend_from_slice(&room[..read]);
    }
    kept.lock().unwrap().push(String::from_utf8_lossy(&received).into_owned());
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nX-Geovagt-User: forged\r\nGeovagt-Reference: FORGED\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n", received.len())?;
    stream.write_all(&received)
}

fn is_whole(received: &[u8]) -> bool {
    let text = String::from_utf8_lossy(received).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    if head.contains("\r\ntransfer-encoding: chunked") {
        return body.contains("0\r\n") && body.ends_with("\r\n\r\n");
    }
    let length = head.split_once("\r\ncontent-length: ").map_or("0", |(_, rest)| rest);
    let length: usize = length.lines().next().and_then(|l| l.trim().parse().ok()).unwrap();
    body.len() >= length
}
