//! Both ends of a connection, byte by byte: an upstream that does what it likes, and a client that
//! stays.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;

use super::gateway::PATIENCE;

/// An upstream that hands each connection to a function, on a thread of its own.
#[derive(Debug)]
pub struct RawUpstream {
    address: SocketAddr,
}

impl RawUpstream {
    /// Starts it on a free port; it lives as long as the test's process.
    pub fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serve = Arc::new(serve);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address }
    }

    /// Reads a request's head, sends these bytes and closes.
    pub fn saying(bytes: &'static [u8]) -> Self {
        Self::start(move |mut stream| {
            read_until(&mut stream, "\r\n\r\n");
            let _ = stream.write_all(bytes);
        })
    }

    /// As it stands in the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Connects and sends.
pub fn connect(to: SocketAddr, bytes: &str) -> TcpStream {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    stream
}

/// The head of a GET of `kilden` from Denmark.
pub fn head(target: &str, more: &str) -> String {
    let client = super::places::DENMARK;
    format!(
        "GET {target} HTTP/1.1\r\nHost: kilden.example.dk\r\nX-Forwarded-For: {client}\r\n{more}\r\n"
    )
}

/// Reads until these bytes have come; stops the test where the connection ends before.
pub fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut received = Vec::new();
    let mut byte = [0];
    while !received.ends_with(end.as_bytes()) {
        let count = stream.read(&mut byte).unwrap();
        let so_far = String::from_utf8_lossy(&received);
        assert_eq!(count, 1, "the connection ended before {end:?}: {so_far}");
        received.extend(byte);
    }
    String::from_utf8_lossy(&received).into_owned()
}

/// Reads until the connection ends, however it does.
pub fn read_rest(stream: &mut TcpStream) -> String {
    let mut received = Vec::new();
    if let Err(error) = stream.read_to_end(&mut received) {
        let ended = error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(ended, "the connection stands: {error}");
    }
    String::from_utf8_lossy(&received).into_owned()
}
