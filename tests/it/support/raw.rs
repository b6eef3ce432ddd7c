//! Both ends of a connection, byte by byte: an upstream that does what it likes, and a client that
//! stays.

use std::io::{ErrorKind, Read, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

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

    /// Streams without end at `/stream`, takes without end at `/take`, becomes a tunnel at `/tunnel`,
    /// never answers at `/poll` or a phone's Ping, and answers everything else with the head it got.
    pub fn lasting() -> Self {
        Self::start(|mut stream| {
            let head = read_until(&mut stream, "\r\n\r\n");
            match head.split(' ').nth(1).unwrap() {
                "/stream" => {
                    let begin = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
                    stream.write_all(begin).unwrap();
                    while stream.write_all(b"9\r\ndata: 1\n\n\r\n").is_ok() {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                }
                "/tunnel" => {
                    let accept = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                                  Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nopen";
                    stream.write_all(accept.as_bytes()).unwrap();
                    drop(read_rest(&mut stream));
                }
                target if target.contains("Cmd=Ping") => drop(read_rest(&mut stream)),
                "/poll" | "/take" => drop(read_rest(&mut stream)),
                _ => {
                    let length = head.len();
                    let answer =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            }
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
pub fn read_until(stream: &mut impl Read, end: &str) -> String {
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

/// Reads until the connection ends, however it does; stops the test where it goes on and on.
pub fn read_rest(stream: &mut impl Read) -> String {
    let (mut received, mut room) = (Vec::new(), [0; 4096]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match stream.read(&mut room) {
            Ok(0) => break,
            Ok(count) => received.extend_from_slice(&room[..count]),
            Err(error) => {
                // TLS that ends without its farewell is such an end, too.
                let ends = [ErrorKind::ConnectionReset, ErrorKind::UnexpectedEof];
                assert!(ends.contains(&error.kind()), "the connection stands: {error}");
                break;
            }
        }
        assert!(Instant::now() < deadline, "the connection stands, and octets come");
    }
    String::from_utf8_lossy(&received).into_owned()
}
