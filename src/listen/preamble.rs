//! The PROXY protocol before anything else: reading it from trusted proxies, refusing it from others.
//!
//! Always holds: not one byte behind the preamble is taken.

use std::io;

use proxy_protocol_rs::{Command, ParseError, V2_SIGNATURE};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::client_address::Preamble;

/// Version 1 is one line of at most this many bytes, its end included.
const VERSION_1_LENGTH: usize = 107;
/// Version 2 could announce 64 KiB; addresses and the fields in use fit in far less.
const VERSION_2_LENGTH: usize = 4096;
/// How much both versions have at least.
const SHORTEST: usize = 12;
const VERSION_1_START: &[u8] = b"PROXY ";

/// Why a trusted proxy's preamble could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PreambleError {
    /// Neither version begins so.
    #[error("the trusted proxy sent no PROXY protocol header")]
    Missing,
    /// Longer than any that is in use.
    #[error("the PROXY protocol header is too long")]
    TooLong,
    /// It breaks its own rules, or its checksum is wrong.
    #[error("the PROXY protocol header is not valid")]
    Invalid(#[source] ParseError),
    /// The connection ended or broke.
    #[error("the connection ended before its PROXY protocol header")]
    Connection(#[source] io::Error),
}

/// Reads the preamble, and nothing behind it.
pub(crate) async fn read(stream: &mut TcpStream) -> Result<Preamble, PreambleError> {
    let mut bytes = vec![0; SHORTEST];
    stream.read_exact(&mut bytes).await.map_err(PreambleError::Connection)?;
    if bytes.as_slice() == V2_SIGNATURE {
        read_version_2(stream, &mut bytes).await?;
    } else if bytes.starts_with(VERSION_1_START) {
        read_line(stream, &mut bytes).await?;
    } else {
        return Err(PreambleError::Missing);
    }
    stated(&bytes)
}

async fn read_version_2(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), PreambleError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.map_err(PreambleError::Connection)?;
    let [_, _, high, low] = head;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > VERSION_2_LENGTH {
        return Err(PreambleError::TooLong);
    }
    bytes.extend_from_slice(&head);
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest).await.map_err(PreambleError::Connection)?;
    bytes.append(&mut rest);
    Ok(())
}

/// Takes what has arrived of the line, looking first so that nothing behind it is taken.
async fn read_line(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Result<(), PreambleError> {
    while !bytes.ends_with(b"\n") {
        let mut room = [0; VERSION_1_LENGTH];
        let left = VERSION_1_LENGTH.saturating_sub(bytes.len());
        let room = room.get_mut(..left).filter(|r| !r.is_empty()).ok_or(PreambleError::TooLong)?;
        let seen = stream.peek(room).await.map_err(PreambleError::Connection)?;
        let seen = room.get(..seen).unwrap_or_default();
        let wanted = seen.iter().position(|&b| b == b'\n').map_or(seen.len(), |at| at + 1);
        if wanted == 0 {
            return Err(PreambleError::Connection(io::ErrorKind::UnexpectedEof.into()));
        }
        let mut taken = vec![0; wanted];
        stream.read_exact(&mut taken).await.map_err(PreambleError::Connection)?;
        bytes.append(&mut taken);
    }
    Ok(())
}

fn stated(bytes: &[u8]) -> Result<Preamble, PreambleError> {
    let (info, length) = proxy_protocol_rs::parse(bytes).map_err(PreambleError::Invalid)?;
    if length != bytes.len() {
        // A line feed without its carriage return ended what was read.
        return Err(PreambleError::Invalid(ParseError::Incomplete));
    }
    // A datagram's preamble has no business on a stream; a Unix socket has no address.
    let stream = info
        .transport
        .as_ref()
        .is_some_and(|t| matches!(t.protocol, proxy_protocol_rs::TransportProtocol::Stream));
    Ok(match info.source_ip() {
        Some(ip) if stream && matches!(info.command, Command::Proxy) => Preamble::Stated(ip),
        _ => Preamble::NotStated,
    })
}

/// Watches what a peer that is no trusted proxy sends first. Without it, a preamble would go on to
/// whatever stands behind a TCP listener, which might believe it because it comes from us.
#[derive(Debug, Default)]
pub(crate) struct ForeignPreamble {
    seen: usize,
}

/// What the first bytes are so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// Could still become one.
    Open,
    /// Something else.
    Other,
    /// A PROXY preamble.
    Preamble,
}

impl ForeignPreamble {
    pub(crate) fn watch(&mut self, bytes: &[u8]) -> Beginning {
        for signature in [VERSION_1_START, V2_SIGNATURE.as_slice()] {
            let expected = signature.get(self.seen..).unwrap_or_default();
            let common = expected.len().min(bytes.len());
            if common == 0 || expected.get(..common) != bytes.get(..common) {
                continue;
            }
            if common == expected.len() {
                return Beginning::Preamble;
            }
            self.seen += common;
            return Beginning::Open;
        }
        Beginning::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proxy_protocol_rs::HeaderBuilder;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    /// Sends the bytes in the given pieces; gives what was read and what is left behind it.
    async fn sent(pieces: &[&[u8]]) -> (Result<Preamble, PreambleError>, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let send = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
        };
        let (read, ()) = tokio::join!(read(&mut server), send);
        let mut rest = Vec::new();
        server.read_to_end(&mut rest).await.unwrap();
        (read, rest)
    }

    fn version_2(address: &str) -> Vec<u8> {
        let source = address.parse().unwrap();
        HeaderBuilder::v2_proxy(source, "9.9.9.9:443".parse().unwrap()).with_crc32c().build()
    }

    #[tokio::test]
    async fn the_address_is_read_and_what_follows_stays() {
        for (pieces, expected) in [
            (&[b"PROXY TCP4 1.2.3.4 9.9.9.9 1 443\r\nGET /".as_slice()][..], Some("1.2.3.4")),
            (&[b"PROXY TCP6 2a00::1 2a00::2 1 443\r\nGET /"], Some("2a00::1")),
            (&[b"PRO", b"XY TCP4 1.2.3.", b"4 9.9.9.9 1 443\r", b"\nGET /"], Some("1.2.3.4")),
            (&[b"PROXY UNKNOWN\r\nGET /"], None),
            (&[&version_2("1.2.3.4:1"), b"GET /"], Some("1.2.3.4")),
            (&[b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0GET /"], None),
            (&[b"\r\n\r\n\0\r\nQUIT\n", b"\x20\0\0\x03abcGET /"], None),
        ] {
            let (read, rest) = sent(pieces).await;
            let expected = match expected {
                Some(ip) => Preamble::Stated(ip.parse().unwrap()),
                None => Preamble::NotStated,
            };
            assert_eq!(read.unwrap(), expected, "{pieces:?}");
            assert_eq!(rest, b"GET /", "{pieces:?}");
        }
    }

    #[tokio::test]
    async fn a_broken_preamble_is_an_error() {
        let mut wrong_checksum = version_2("1.2.3.4:1");
        *wrong_checksum.last_mut().unwrap() ^= 1;
        let long = format!("PROXY TCP4 {} 9.9.9.9 1 443\r\n", "1".repeat(100));
        for bytes in [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n".as_slice(),
            b"PROXY ",
            b"PROXY TCP4 1.2.3.4 9.9.9.9 1 443\nGET / HTTP/1.1\r\n",
            b"PROXY TCP4 1.2.3.4 9.9.9.9 1\r\n",
            b"PROXY TCP4 1.2.3.4 9.9.9.9 1 443 x\r\n",
            b"PROXY TCP4 2a00::1 2a00::2 1 443\r\n",
            b"PROXY TCP4 01.2.3.4 9.9.9.9 1 443\r\n",
            b"PROXY TCP4 1.2.3.4 9.9.9.9 1 65536\r\n",
            b"PROXY UDP4 1.2.3.4 9.9.9.9 1 443\r\n",
            b"proxy TCP4 1.2.3.4 9.9.9.9 1 443\r\n",
            b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x04abcd",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xffabcd",
            b"\r\n\r\n\0\r\nQUIT\n\x21",
            &wrong_checksum,
            long.as_bytes(),
        ] {
            assert!(sent(&[bytes]).await.0.is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_foreign_preamble_is_seen_however_it_is_cut() {
        for bytes in [b"PROXY TCP4".as_slice(), b"\r\n\r\n\0\r\nQUIT\n!"] {
            for cut in 1..bytes.len() {
                let mut watch = ForeignPreamble::default();
                let (first, second) = bytes.split_at(cut);
                let seen = match watch.watch(first) {
                    Beginning::Open => watch.watch(second),
                    other => other,
                };
                assert_eq!(seen, Beginning::Preamble, "{bytes:?} {cut}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_taken_for_one(bytes in prop::collection::vec(any::<u8>(), 1..20)) {
            let is = bytes.starts_with(b"PROXY ") || bytes.starts_with(V2_SIGNATURE);
            let seen = ForeignPreamble::default().watch(&bytes);
            prop_assert_eq!(seen == Beginning::Preamble, is);
        }
    }
}
