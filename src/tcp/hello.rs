//! Which host a client names in TLS that passes through: read from its first words (ClientHello),
//! which go on to the server as they came.
//!
//! Always holds: a bounded number of bytes is read, and what is no TLS is refused.

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::config::HostPattern;

/// A ClientHello with keys that quantum computers cannot break has two kilobytes, one with a session
/// ticket some more.
const MOST_BYTES: usize = 32 << 10;

/// So much is read at once.
const PIECE: usize = 4096;

/// What a client began with.
#[derive(Debug)]
pub(super) struct Hello {
    /// The host it names, in lower case.
    pub(super) server_name: Option<String>,
    /// Everything that was read.
    pub(super) bytes: Vec<u8>,
}

/// Why no host could be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum HelloError {
    #[error("the connection ended or broke before the end of its ClientHello")]
    Broken(#[source] std::io::Error),
    #[error("the connection began with something else than TLS")]
    NoTls(#[source] rustls::Error),
    #[error("the ClientHello is longer than {MOST_BYTES} bytes")]
    TooLong,
    #[error("the ClientHello took too long")]
    Slow,
}

/// Reads until the ClientHello is there.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, HelloError> {
    let mut acceptor = Acceptor::default();
    let mut bytes = Vec::with_capacity(PIECE);
    let mut piece = vec![0; PIECE];
    loop {
        let count = stream.read(&mut piece).await.map_err(HelloError::Broken)?;
        let mut new = piece.get(..count).unwrap_or_default();
        if new.is_empty() {
            return Err(HelloError::Broken(std::io::ErrorKind::UnexpectedEof.into()));
        }
        if bytes.len() + new.len() > MOST_BYTES {
            return Err(HelloError::TooLong);
        }
        bytes.extend_from_slice(new);
        while !new.is_empty() {
            // Its own buffer is full before ours only where a record is cut up beyond measure.
            acceptor.read_tls(&mut new).map_err(|_| HelloError::TooLong)?;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let named = accepted.client_hello().server_name().map(str::to_ascii_lowercase);
                let server_name = named.map(|name| name.trim_end_matches('.').to_owned());
                return Ok(Hello { server_name, bytes });
            }
            Err((error, _alert)) => return Err(HelloError::NoTls(error)),
        }
    }
}

/// How closely these hosts mean the one that was named: exactly, by a suffix (the longer the closer),
/// or only as everything that no other takes; none: not at all.
pub(super) fn closeness(hosts: &[HostPattern], named: Option<&str>) -> Option<usize> {
    let of = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(_) => usize::MAX,
        HostPattern::Suffix(suffix) => suffix.len() + 1,
        HostPattern::Any => 0,
    };
    let named = named.unwrap_or_default();
    hosts.iter().filter(|pattern| pattern.matches(named)).map(of).max()
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    use proptest::prelude::*;
    use rustls::pki_types::ServerName;
    use tokio::io::ReadBuf;

    use super::*;

    /// What a client says first.
    fn first_words(name: &str) -> Vec<u8> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    /// The same handshake message in records of so many bytes.
    fn in_records(hello: &[u8], length: usize) -> Vec<u8> {
        let record = |part: &[u8]| {
            let mut record = vec![0x16, 3, 1];
            record.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            record.extend(part);
            record
        };
        hello[5..].chunks(length).flat_map(record).collect()
    }

    /// Gives one piece at a time, and then the end.
    struct Pieces(VecDeque<Vec<u8>>);

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                let fits = piece.len().min(buffer.remaining());
                buffer.put_slice(&piece[..fits]);
                piece.drain(..fits);
                if !piece.is_empty() {
                    self.0.push_front(piece);
                }
            }
            Poll::Ready(Ok(()))
        }
    }

    async fn read_from(pieces: &[&[u8]]) -> Result<Hello, HelloError> {
        read(&mut Pieces(pieces.iter().map(|piece| piece.to_vec()).collect())).await
    }

    #[tokio::test]
    async fn the_host_is_read_however_it_comes() {
        let whole = first_words("IMAP.example.dk");
        let mut with_more = whole.clone();
        with_more.extend(b"\x16\x03\x01 and what follows it");
        for bytes in [whole.clone(), in_records(&whole, 50), in_records(&whole, 1), with_more] {
            let bit_by_bit: Vec<&[u8]> = bytes.chunks(7).collect();
            for pieces in [vec![bytes.as_slice()], bit_by_bit] {
                let read = read_from(&pieces).await.unwrap();
                assert_eq!(read.server_name.as_deref(), Some("imap.example.dk"));
                assert!(bytes.starts_with(&read.bytes) && read.bytes.len() > 100);
            }
        }
    }

    #[tokio::test]
    async fn an_address_is_no_name() {
        let read = read_from(&[&first_words("192.0.2.1")]).await.unwrap();
        assert_eq!(read.server_name, None);
    }

    #[tokio::test]
    async fn what_is_no_client_hello_is_refused() {
        let mut cut = first_words("imap.example.dk");
        cut.truncate(100);
        for bytes in [b"PROXY TCP4 1.2.3.4 9.9.9.9 1 443\r\n".as_slice(), b"a1 LOGIN x y\r\n", &cut]
        {
            assert!(read_from(&[bytes]).await.is_err(), "{bytes:?}");
        }
        // A hello that announces megabytes is not waited for.
        let mut endless = vec![0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
        endless.resize(16_384 + 5, 0);
        let mut pieces = Pieces(std::iter::repeat_n(endless, 100).collect());
        assert!(read(&mut pieces).await.is_err());
        assert!(pieces.0.len() > 90, "it was read on and on");
    }

    #[test]
    fn the_closest_host_is_meant() {
        let exact = HostPattern::Exact("imap.example.dk".to_owned());
        let suffix = HostPattern::Suffix("example.dk".to_owned());
        let of = |pattern: &HostPattern, name| closeness(std::slice::from_ref(pattern), name);
        let name = Some("imap.example.dk");
        assert!(of(&exact, name) > of(&suffix, name));
        assert!(of(&suffix, name) > of(&HostPattern::Any, name));
        assert_eq!(of(&HostPattern::Any, None), Some(0));
        assert_eq!((of(&exact, None), of(&suffix, None)), (None, None));
        assert_eq!(of(&exact, Some("pop.example.dk")), None);
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), tls in any::<bool>()) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut said = if tls { vec![0x16, 3, 1] } else { Vec::new() };
            said.extend(bytes);
            let _ = runtime.block_on(read(&mut said.as_slice()));
        }
    }
}
