//! An HTTP/2 client without a library: frames and header blocks are written by hand, so that it can
//! say what no client would.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::gateway::{Gateway, PATIENCE, configuration};
use super::places::DENMARK;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const WITH_PRIORITY: u8 = 32;

/// What a client says first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The host that the tests ask for.
pub const HOST: &str = "kilden.example.dk";

/// The payload of the PING that asks whether all before it was read.
const PROBE: [u8; 8] = *b"all-read";

/// A running gateway whose listener `web` speaks TLS.
pub fn gateway(upstream: &str, more: &str) -> Gateway {
    let plain = "  - name: web\n    bind: [\"127.0.0.1:0\"]\n";
    let tls = format!("{plain}    tls: {{certificates: [{{chain: chain.pem, key: key.pem}}]}}\n");
    let configuration = configuration(upstream, more);
    assert!(configuration.contains(plain), "the listener `web` stands elsewhere now");
    let mut gateway = Gateway::prepare(&configuration.replace(plain, &tls));
    let made = rcgen::generate_simple_self_signed(vec!["*.example.dk".to_owned()]).unwrap();
    std::fs::write(gateway.directory().join("chain.pem"), made.cert.pem()).unwrap();
    let key = gateway.directory().join("key.pem");
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let only_mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&key, only_mine).unwrap();
    gateway.run();
    gateway
}

/// One frame as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// What a connection or a stream came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// GOAWAY with this code.
    GoAway(u32),
    /// The connection ended without GOAWAY.
    Ended,
    /// RST_STREAM with this code.
    Reset(u32),
    /// An answer with this status.
    Answer(u16),
    /// The gateway read everything and had nothing to say.
    Nothing,
}

/// A frame's octets.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let mut octets = length.to_be_bytes()[1..].to_vec();
    octets.extend([kind, flags]);
    octets.extend(stream.to_be_bytes());
    octets.extend_from_slice(payload);
    octets
}

/// HEADERS that end their header block.
pub fn headers(flags: u8, stream: u32, block: &[u8]) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, block)
}

/// One setting.
pub fn setting(identifier: u16, value: u32) -> Vec<u8> {
    let mut octets = identifier.to_be_bytes().to_vec();
    octets.extend(value.to_be_bytes());
    octets
}

/// An integer with this many bits of its first octet (RFC 7541 section 5.1).
pub fn integer(first: u8, bits: u32, value: usize) -> Vec<u8> {
    let room = (1_usize << bits) - 1;
    if value < room {
        return vec![first | u8::try_from(value).unwrap()];
    }
    let mut octets = vec![first | u8::try_from(room).unwrap()];
    let mut left = value - room;
    while left >= 128 {
        octets.push(u8::try_from(left % 128).unwrap() | 128);
        left /= 128;
    }
    octets.push(u8::try_from(left).unwrap());
    octets
}

/// A string that is not compressed (section 5.2).
pub fn string(octets: &[u8]) -> Vec<u8> {
    [integer(0, 7, octets.len()), octets.to_vec()].concat()
}

/// A field whose name and value stand there as they are and enter no table (section 6.2.2).
pub fn field(name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    [vec![0], string(name.as_ref()), string(value.as_ref())].concat()
}

/// A header block of such fields.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| field(name, value)).collect()
}

/// The header block of a request that is in order, from Denmark; `more` follows.
pub fn request(method: &str, path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    let pseudo = [(":method", method), (":scheme", "https"), (":authority", HOST), (":path", path)];
    [block(&pseudo), block(&[("x-forwarded-for", DENMARK)]), block(more)].concat()
}

/// A connection over TLS.
#[derive(Debug)]
pub struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    received: Vec<u8>,
}

impl Connection {
    /// TLS for this host, and not yet a word of HTTP/2.
    pub fn silent(gateway: &Gateway, host: &str) -> Self {
        let chain = gateway.directory().join("chain.pem");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(chain).unwrap()).unwrap();
        Self::over_tls(gateway.address("web"), host, roots)
    }

    fn over_tls(to: SocketAddr, host: &str, roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(host.to_owned()).unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let tcp = TcpStream::connect(to).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        tcp.set_write_timeout(Some(PATIENCE)).unwrap();
        tcp.set_nodelay(true).unwrap();
        let mut stream = StreamOwned::new(tls, tcp);
        stream.flush().unwrap();
        Self { stream, received: Vec::new() }
    }

    /// Preface and settings exchanged; the gateway's answers use no header table.
    pub fn open(gateway: &Gateway) -> Self {
        Self::open_with(gateway, &[])
    }

    /// The same with more settings.
    pub fn open_with(gateway: &Gateway, settings: &[(u16, u32)]) -> Self {
        let mut connection = Self::silent(gateway, HOST);
        let mut payload = setting(1, 0);
        payload
            .extend(settings.iter().flat_map(|(identifier, value)| setting(*identifier, *value)));
        connection.send(PREFACE);
        connection.send(&frame(SETTINGS, 0, 0, &payload));
        loop {
            let answer = connection.next().expect("settings");
            if answer.kind == SETTINGS && answer.flags & ACK == 0 {
                connection.send(&frame(SETTINGS, ACK, 0, &[]));
            } else if answer.kind == SETTINGS {
                return connection;
            }
        }
    }

    /// Sends octets; that the gateway has hung up is seen when reading.
    pub fn send(&mut self, octets: &[u8]) {
        let _ = self.try_send(octets);
    }

    /// Sends octets.
    pub fn try_send(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(octets)?;
        self.stream.flush()
    }

    /// The next frame; none where the connection has ended.
    pub fn next(&mut self) -> Option<Frame> {
        let head = self.octets(9)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        let payload = self.octets(length as usize)?;
        Some(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    fn octets(&mut self, count: usize) -> Option<Vec<u8>> {
        let mut room = [0; 16 * 1024];
        while self.received.len() < count {
            match self.stream.read(&mut room) {
                Ok(0) => return None,
                Ok(read) => self.received.extend_from_slice(&room[..read]),
                Err(error) => {
                    use std::io::ErrorKind::{TimedOut, WouldBlock};
                    assert!(
                        !matches!(error.kind(), TimedOut | WouldBlock),
                        "the gateway neither answers nor ends the connection"
                    );
                    return None;
                }
            }
        }
        Some(self.received.drain(..count).collect())
    }

    /// What comes of a stream, or of the connection where that ends first.
    pub fn fate(&mut self, stream: u32) -> Came {
        self.read_until(|frame| match frame.kind {
            HEADERS if frame.stream == stream => Some(Came::Answer(status(&frame.payload))),
            RST_STREAM if frame.stream == stream => Some(Came::Reset(code(&frame.payload))),
            _ => None,
        })
    }

    /// Asks whether everything so far was read, and tells what else was said meanwhile.
    pub fn verdict(&mut self, stream: u32) -> Came {
        self.send(&frame(PING, 0, 0, &PROBE));
        self.read_until(|frame| match frame.kind {
            PING if frame.payload == PROBE => Some(Came::Nothing),
            RST_STREAM if frame.stream == stream => Some(Came::Reset(code(&frame.payload))),
            _ => None,
        })
    }

    /// The end of the connection, or that everything was read and it did not end.
    pub fn end_or_verdict(&mut self) -> Came {
        self.send(&frame(PING, 0, 0, &PROBE));
        self.read_until(|frame| (frame.payload == PROBE).then_some(Came::Nothing))
    }

    /// The end of the connection: its GOAWAY, or that there was none.
    pub fn end(&mut self) -> Came {
        self.read_until(|_| None)
    }

    fn read_until(&mut self, wanted: impl Fn(&Frame) -> Option<Came>) -> Came {
        loop {
            let Some(frame) = self.next() else { return Came::Ended };
            // NO_ERROR announces that the gateway is going to stop, and what is begun goes on.
            if frame.kind == GOAWAY && frame.payload[4..8] != [0; 4] {
                return Came::GoAway(code(&frame.payload[4..]));
            }
            if let Some(came) = wanted(&frame) {
                return came;
            }
        }
    }

    /// Sends a request without a body and reads the whole answer.
    pub fn ask(&mut self, stream: u32, block: &[u8]) -> (u16, Vec<u8>) {
        self.send(&headers(END_STREAM, stream, block));
        self.answer(stream)
    }

    /// Reads the whole answer on a stream.
    pub fn answer(&mut self, stream: u32) -> (u16, Vec<u8>) {
        let (mut answered, mut body) = (None, Vec::new());
        loop {
            let frame = self.next().expect("an answer");
            match frame.kind {
                HEADERS if frame.stream == stream && answered.is_none() => {
                    answered = Some(status(&frame.payload));
                }
                DATA if frame.stream == stream => body.extend_from_slice(&frame.payload),
                RST_STREAM if frame.stream == stream => {
                    panic!("reset with {} instead of an answer", code(&frame.payload))
                }
                GOAWAY => panic!("going away with {}", code(&frame.payload[4..])),
                _ => continue,
            }
            let ends = frame.stream == stream && frame.flags & END_STREAM != 0;
            if ends && matches!(frame.kind, HEADERS | DATA) {
                return (answered.expect("a head"), body);
            }
        }
    }
}

/// The code of RST_STREAM, or of GOAWAY behind its first four octets.
fn code(payload: &[u8]) -> u32 {
    u32::from_be_bytes(payload[..4].try_into().unwrap())
}

/// `:status` stands first in an answer; the gateway has no table to keep it in.
fn status(block: &[u8]) -> u16 {
    let first = block.iter().position(|octet| octet >> 5 != 1).unwrap();
    match block[first..] {
        [indexed, ..] if indexed & 128 != 0 => {
            [200, 204, 206, 304, 400, 404, 500][usize::from(indexed & 127) - 8]
        }
        [_, length, ref value @ ..] => {
            let value = &value[..usize::from(length & 127)];
            if length & 128 == 0 {
                std::str::from_utf8(value).unwrap().parse().unwrap()
            } else {
                digits(value)
            }
        }
        _ => panic!("no status: {block:?}"),
    }
}

/// Three digits in the code of RFC 7541 appendix B: those up to 2 have five bits, the others six.
fn digits(octets: &[u8]) -> u16 {
    let bits: Vec<u8> =
        octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u16, |number, bit| number << 1 | u16::from(*bit));
    let (mut at, mut value) = (0, 0);
    for _ in 0..3 {
        let five = number(&bits[at..at + 5]);
        let (digit, length) =
            if five < 3 { (five, 5) } else { (number(&bits[at..at + 6]) - 22, 6) };
        value = value * 10 + digit;
        at += length;
    }
    value
}
