//! A server as Windows has them: who logs in over a connection is taken for the sender of every later
//! request on it. And a client that stays on one connection.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::client::Answer;
use super::gateway::{Gateway, PATIENCE};
use super::places::DENMARK;
use super::raw::read_until;

/// The server. `NTLM` alone begins a login, `NTLM NAME` ends it, on the same connection. `/open` asks
/// nobody to log in; `/says-close` and `/closes` end the connection, the one says so; `/breaks` ends it
/// without an answer.
#[derive(Debug)]
pub struct Windows {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    connections: AtomicUsize,
    open: Mutex<Vec<Arc<TcpStream>>>,
    targets: Mutex<Vec<String>>,
}

impl Windows {
    /// Starts it on a free port; it lives as long as the test's process.
    pub fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let seen = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let stream = Arc::new(stream);
                    seen.open.lock().unwrap().push(Arc::clone(&stream));
                    serve(&stream, name, &seen);
                    let _ = stream.shutdown(Shutdown::Both);
                    seen.open.lock().unwrap().retain(|other| !Arc::ptr_eq(other, &stream));
                });
            }
        });
        Self { address, seen }
    }

    /// As it stands in the configuration.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Connections that stand.
    pub fn open(&self) -> usize {
        self.seen.open.lock().unwrap().len()
    }

    /// How often something was asked for.
    pub fn asked(&self, target: &str) -> usize {
        self.seen.targets.lock().unwrap().iter().filter(|seen| *seen == target).count()
    }

    /// Ends all connections.
    pub fn end_all(&self) {
        for stream in self.seen.open.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn serve(mut stream: &TcpStream, name: &str, seen: &Seen) {
    let (mut user, mut challenged, mut number) = (None::<String>, false, None);
    while let Some(head) = head(stream) {
        let number = *number.get_or_insert_with(|| seen.connections.fetch_add(1, Ordering::SeqCst));
        let target = head.split(' ').nth(1).unwrap().to_owned();
        seen.targets.lock().unwrap().push(target.clone());
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let length = field("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        if stream.read_exact(&mut body).is_err() || target == "/breaks" {
            return;
        }
        let asks = match field("authorization") {
            Some("NTLM") => {
                challenged = true;
                Some(format!("NTLM challenge-{number}"))
            }
            Some(login) if login.starts_with("NTLM ") && challenged => {
                user = Some(login[5..].to_owned());
                None
            }
            Some(login) if login.starts_with("NTLM ") => Some("NTLM".to_owned()),
            _ if user.is_some() || target == "/open" => None,
            _ => Some("Negotiate\r\nWWW-Authenticate: NTLM".to_owned()),
        };
        let (status, asks) = match asks {
            Some(asks) => ("401 Unauthorized", format!("WWW-Authenticate: {asks}\r\n")),
            None => ("200 OK", String::new()),
        };
        let close = if target == "/says-close" { "Connection: close\r\n" } else { "" };
        let body = if asks.is_empty() { user.as_deref().unwrap_or("nobody") } else { "" };
        let answer = format!(
            "HTTP/1.1 {status}\r\nServer-Name: {name}\r\nConnection-Number: {number}\r\n{asks}{close}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let ends = ["/says-close", "/closes"].contains(&&*target);
        if stream.write_all(answer.as_bytes()).is_err() || ends {
            return;
        }
    }
}

fn head(mut stream: &TcpStream) -> Option<String> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.extend(byte),
            _ => return None,
        }
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

/// A client that stays on one connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    address: &'static str,
    host: &'static str,
}

impl Client {
    /// From Denmark, as a trusted proxy says.
    pub fn of(gateway: &Gateway) -> Self {
        Self::at(gateway, "kilden.example.dk")
    }

    /// The same at another host.
    pub fn at(gateway: &Gateway, host: &'static str) -> Self {
        let stream = TcpStream::connect(gateway.address("web")).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, address: DENMARK, host }
    }

    /// The proxy sends the next requests for somebody else.
    pub fn speaks_for(&mut self, address: &'static str) {
        self.address = address;
    }

    /// Asks; `more` are lines of the head.
    pub fn ask(&mut self, target: &str, more: &str) -> Answer {
        self.send(target, more);
        let head = read_until(&mut self.stream, "\r\n\r\n");
        let mut answer = super::client::parse(head.as_bytes()).unwrap();
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        answer.body = vec![0; length];
        self.stream.read_exact(&mut answer.body).unwrap();
        answer
    }

    /// Sends a request and reads nothing.
    pub fn send(&mut self, target: &str, more: &str) {
        let Self { address, host, .. } = self;
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {address}\r\n{more}\r\n"
        );
        self.stream.write_all(head.as_bytes()).unwrap();
    }

    /// Logs in as curl does: asks, is asked, begins, ends.
    pub fn log_in(&mut self, name: &str) {
        assert_eq!(self.ask("/", "").status, 401);
        let begun = self.ask("/", "Authorization: NTLM\r\n");
        assert_eq!(begun.status, 401);
        assert!(begun.header("www-authenticate").unwrap().starts_with("NTLM challenge-"));
        let ended = self.ask("/", &format!("Authorization: NTLM {name}\r\n"));
        assert_eq!((ended.status, ended.text().as_str()), (200, name));
    }

    /// Waits for the end of the connection; nothing may come before it.
    pub fn assert_ends(&mut self) {
        assert_eq!(super::raw::read_rest(&mut self.stream), "");
    }
}
