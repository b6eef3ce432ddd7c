//! A client that sends exactly the bytes it is given and reads what comes back.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The field lines, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came, de-chunked.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first field with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("no JSON ({e}): {}", self.text()))
    }
}

/// A request in the making; one connection each.
#[derive(Debug, Clone)]
pub struct Request {
    to: SocketAddr,
    preamble: Vec<u8>,
    method: String,
    target: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A GET of `target` from the listener at `to`.
pub fn get(to: SocketAddr, host: &str, target: &str) -> Request {
    Request {
        to,
        preamble: Vec::new(),
        method: "GET".into(),
        target: target.into(),
        host: host.into(),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

/// A POST of a form.
pub fn post_form(to: SocketAddr, host: &str, target: &str, form: &str) -> Request {
    let mut request = get(to, host, target);
    request.method = "POST".into();
    request.body = form.as_bytes().to_vec();
    request.header("Content-Type", "application/x-www-form-urlencoded")
}

impl Request {
    /// Adds a field line.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Puts a field line in the place of those of its name.
    pub fn replacing(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.header(name, value)
    }

    /// As a trusted proxy would say it.
    pub fn from(self, address: &str) -> Self {
        self.header("X-Forwarded-For", address)
    }

    /// Logs in with HTTP Basic.
    pub fn basic(self, user: &str, password: &str) -> Self {
        use base64::Engine as _;
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        self.header("Authorization", &format!("Basic {token}"))
    }

    /// As a browser asks.
    pub fn browser(self) -> Self {
        self.header("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
            .header("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    }

    /// Another method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = method.into();
        self
    }

    /// Bytes before the request, such as a PROXY protocol header.
    pub fn preamble(mut self, bytes: &[u8]) -> Self {
        self.preamble = bytes.to_vec();
        self
    }

    /// Sends it and reads one answer.
    pub fn send(&self) -> Answer {
        self.try_send().expect("an answer")
    }

    /// Sends it; an error where the connection ends without an answer.
    pub fn try_send(&self) -> std::io::Result<Answer> {
        raw(self.to, &self.bytes()?)
    }

    /// The octets that are sent.
    pub fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = self.preamble.clone();
        write!(bytes, "{} {} HTTP/1.1\r\nHost: {}\r\n", self.method, self.target, self.host)?;
        for (name, value) in &self.headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        if !self.body.is_empty() || self.method == "POST" {
            write!(bytes, "Content-Length: {}\r\n", self.body.len())?;
        }
        bytes.extend_from_slice(b"Connection: close\r\n\r\n");
        bytes.extend_from_slice(&self.body);
        Ok(bytes)
    }
}

/// Sends bytes, closes the sending side's interest, and reads one answer to the end.
pub fn raw(to: SocketAddr, bytes: &[u8]) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    stream.write_all(bytes)?;
    let mut received = Vec::new();
    let outcome = stream.read_to_end(&mut received);
    if received.is_empty() {
        outcome?;
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "no byte came back"));
    }
    parse(&received)
}

/// The answer that these bytes are.
pub fn parse(bytes: &[u8]) -> std::io::Result<Answer> {
    let bad =
        |what: &str| std::io::Error::other(format!("{what}: {:?}", String::from_utf8_lossy(bytes)));
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").ok_or_else(|| bad("no head"))?;
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| bad("head"))?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| bad("status"))?;
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value.contains("chunked"));
    let rest = &bytes[end + 4..];
    let body = if chunked { dechunk(rest).ok_or_else(|| bad("chunks"))? } else { rest.to_vec() };
    Ok(Answer { status, headers, body })
}

fn dechunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let size =
            usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size + 2..)?;
    }
}
