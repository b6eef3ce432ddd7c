//! Connections to a contestant, plain or TLS, from addresses of choice.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The one site's host, in every contestant's configuration and in every request.
pub(crate) const HOST: &str = "kilden.example.dk";

/// What is offered in the TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    Http1,
    Http2,
    /// HTTP/1.1, with the hybrid key exchange first, which the peers' OpenSSL does not know.
    Http1PostQuantum,
}

/// Makes TLS clients that trust the one certificate of this run. No session is resumed: each
/// handshake is whole. All use X25519 and AES-128-GCM, so that every contestant does the same work.
pub(crate) fn connector(chain: &std::path::Path, offer: Offer) -> anyhow::Result<TlsConnector> {
    let mut provider = aws_lc_rs::default_provider();
    if offer != Offer::Http1PostQuantum {
        provider.kx_groups = vec![aws_lc_rs::kx_group::X25519];
    }
    provider.cipher_suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(chain).context("the certificate of this run")?)?;
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = match offer {
        Offer::Http1 | Offer::Http1PostQuantum => vec![b"http/1.1".to_vec()],
        Offer::Http2 => vec![b"h2".to_vec()],
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Where connections go, how, and from where.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsConnector>,
    /// Taken in turn; empty: the loopback's own address.
    pub(crate) sources: Arc<[Ipv4Addr]>,
}

impl Target {
    /// Opens a connection; `turn` chooses the source address.
    pub(crate) async fn connect(&self, turn: usize) -> io::Result<Stream> {
        let socket = TcpSocket::new_v4()?;
        let source = turn.checked_rem(self.sources.len()).and_then(|i| self.sources.get(i));
        if let Some(&source) = source {
            socket.bind(SocketAddr::from((source, 0)))?;
        }
        let tcp = socket.connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Stream::Plain(tcp)) };
        let name = ServerName::try_from(HOST).map_err(io::Error::other)?;
        Ok(Stream::Tls(Box::new(tls.connect(name, tcp).await?)))
    }
}

/// A connection of either kind.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(context, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(context, bytes),
            Self::Tls(tls) => Pin::new(tls).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(context),
            Self::Tls(tls) => Pin::new(tls).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(context),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(context),
        }
    }
}
