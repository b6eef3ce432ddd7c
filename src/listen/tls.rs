//! The TLS side of a listener: TLS 1.2 and 1.3, resumption by ticket, no early data.

use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::NoServerSessionStorage;
use rustls::{ProtocolVersion, ServerConfig};
use tokio::sync::Semaphore;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::accepted::{ApplicationProtocol, TlsFacts};
use super::certificates::Certificates;
use super::client_certificates::{Authorities, ShownCertificate};
use super::last::Last;
use super::stream::Wire;
use crate::config::Http1Names;

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
    authorities: Option<&Arc<Authorities>>,
    protocols: &[ApplicationProtocol],
    http1_names: Option<Http1Names>,
) -> Result<Acceptor, rustls::Error> {
    let offers = |authorities: Option<&Arc<Authorities>>| -> Result<Offers, rustls::Error> {
        let http1 = match &http1_names {
            Some(_) => Some(config(certificates, authorities, &[ApplicationProtocol::Http1])?),
            None => None,
        };
        Ok(Offers { all: config(certificates, authorities, protocols)?, http1 })
    };
    let plain = offers(None)?;
    let asking = match authorities {
        Some(all) => Some((offers(Some(all))?, Arc::clone(all))),
        None => None,
    };
    Ok(Acceptor { plain, asking, http1_names })
}

/// What a listener's handshakes go by.
pub(super) struct Acceptor {
    plain: Offers,
    /// For the hosts whose clients are asked for a certificate.
    asking: Option<(Offers, Arc<Authorities>)>,
    /// The hosts that HTTP/2 is not offered for.
    http1_names: Option<Http1Names>,
}

/// The protocols that are offered.
struct Offers {
    all: Arc<ServerConfig>,
    /// Without HTTP/2, where some hosts go without it.
    http1: Option<Arc<ServerConfig>>,
}

impl Acceptor {
    /// The client's first words decide whether it is asked for a certificate and whether it is offered
    /// HTTP/2. What one host was shown counts for no other: each has its own handshake, and none is
    /// resumed.
    async fn accept(&self, wire: Wire) -> std::io::Result<TlsStream<Wire>> {
        if self.asking.is_none() && self.http1_names.is_none() {
            return TlsAcceptor::from(Arc::clone(&self.plain.all)).accept(wire).await;
        }
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), wire).await?;
        let config = self.config(start.client_hello().server_name());
        start.into_stream(config).await
    }

    fn config(&self, name: Option<&str>) -> Arc<ServerConfig> {
        let offers = match &self.asking {
            Some((asking, authorities)) if authorities.concern(name) => asking,
            _ => &self.plain,
        };
        let only_http1 = self.http1_names.as_ref().is_some_and(|names| names.concern(name));
        let http1 = offers.http1.as_ref().filter(|_| only_http1);
        Arc::clone(http1.unwrap_or(&offers.all))
    }
}

fn config(
    certificates: &Arc<Certificates>,
    authorities: Option<&Arc<Authorities>>,
    protocols: &[ApplicationProtocol],
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()?;
    let builder = match authorities {
        Some(authorities) => builder.with_client_cert_verifier(Arc::clone(authorities) as _),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::clone(certificates) as _);
    if authorities.is_some() {
        // A resumed session would bring its certificate along unverified.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else {
        config.ticketer = Ticketer::new()?;
        // Whoever resumes is given a new one each time; a second one would be made for nobody.
        config.send_tls13_tickets = 1;
    }
    // Early data can be replayed, and would be decided on before the client has proved anything.
    config.max_early_data_size = 0;
    config.alpn_protocols = protocols.iter().map(|p| p.identifier().to_vec()).collect();
    Ok(Arc::new(config))
}

/// Makes a handshake; where `places` are given, behind everything else there is to do.
pub(super) async fn handshake(
    acceptor: &Acceptor,
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
    let certificate = acceptor.asking.as_ref().and_then(|(_, authorities)| {
        let chain = session.peer_certificates()?;
        Some(Arc::new(ShownCertificate::new(chain, Arc::clone(authorities))))
    });
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
        certificate,
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
