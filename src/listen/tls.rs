//! The TLS side of a listener: TLS 1.2 and 1.3, resumption by ticket, no early data.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::{ProtocolVersion, ServerConfig};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::accepted::{ApplicationProtocol, TlsFacts};
use super::certificates::Certificates;
use super::last::Last;
use super::stream::Wire;

/// Why a handshake ended without a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("the TLS handshake failed")]
    Failed(#[source] std::io::Error),
    #[error("the TLS handshake took too long")]
    TooSlow,
}

/// Makes the acceptor of a listener.
///
/// # Errors
/// Where the operating system gives no randomness for tickets.
pub(super) fn acceptor(
    certificates: &Arc<Certificates>,
    protocols: &[ApplicationProtocol],
) -> Result<TlsAcceptor, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()?
    .with_no_client_auth()
    .with_cert_resolver(Arc::clone(certificates) as _);
    config.ticketer = Ticketer::new()?;
    // Early data can be replayed, and would be decided on before the client has proved anything.
    config.max_early_data_size = 0;
    config.alpn_protocols = protocols.iter().map(|p| p.identifier().to_vec()).collect();
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Makes a handshake; where `places` are given, behind everything else there is to do.
pub(super) async fn handshake(
    acceptor: &TlsAcceptor,
    wire: Wire,
    limit: Duration,
    places: Option<Arc<Semaphore>>,
) -> Result<(TlsStream<Wire>, TlsFacts), HandshakeError> {
    let handshake = acceptor.accept(wire);
    let made = match places {
        None => tokio::time::timeout(limit, handshake).await,
        Some(places) => tokio::time::timeout(limit, Last::new(handshake, places)).await,
    };
    let stream = made.map_err(|_| HandshakeError::TooSlow)?.map_err(HandshakeError::Failed)?;
    let (_, session) = stream.get_ref();
    let http2 = session.alpn_protocol() == Some(ApplicationProtocol::Http2.identifier());
    let facts = TlsFacts {
        server_name: session.server_name().map(str::to_ascii_lowercase),
        application_protocol: if http2 {
            ApplicationProtocol::Http2
        } else {
            ApplicationProtocol::Http1
        },
        version: match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            _ => "1.2",
        },
    };
    Ok((stream, facts))
}

impl ApplicationProtocol {
    /// As TLS names it (RFC 7301, RFC 9113).
    fn identifier(self) -> &'static [u8] {
        match self {
            Self::Http2 => b"h2",
            Self::Http1 => b"http/1.1",
        }
    }
}
