//! What is known of a connection once it has been accepted.

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::HeaderMap;

use super::Stream;
use crate::client_address::{
    AddressSource, ClientAddress, Explanation, HeaderSource, derive, explain, unless_relayed,
};
use crate::identifier::ListenerId;

/// A connection that is ready to be served.
#[derive(Debug)]
pub struct Accepted {
    /// Its bytes.
    pub stream: Stream,
    /// What is known of it.
    pub facts: Arc<ConnectionFacts>,
}

/// What is known of a connection; the same for every request on it.
#[derive(Debug, Clone)]
pub struct ConnectionFacts {
    /// The listener that accepted it.
    pub listener: ListenerId,
    /// The other end of the TCP connection; for a reader, never for a decision.
    pub peer: SocketAddr,
    /// Our end of it.
    pub local: SocketAddr,
    /// What the connection itself tells of the client.
    pub address: ConnectionAddress,
    /// What TLS told; none on a plain connection.
    pub tls: Option<TlsFacts>,
    pub(super) source: Arc<AddressSource>,
}

/// The client's address as far as the connection itself tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionAddress {
    /// The peer's, or the one that a PROXY preamble stated.
    Settled(ClientAddress),
    /// Each request's headers tell.
    PerRequest,
}

/// What was agreed in a TLS handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFacts {
    /// The host the client named, in lower case.
    pub server_name: Option<String>,
    /// What is spoken inside.
    pub application_protocol: ApplicationProtocol,
    /// `1.2` or `1.3`.
    pub version: &'static str,
}

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationProtocol {
    /// `h2` was agreed.
    Http2,
    /// `http/1.1` was agreed, or nothing.
    Http1,
}

impl ConnectionFacts {
    /// The client's address of one request on this connection. On a TCP listener, pass no headers.
    #[must_use]
    pub fn client_address(&self, headers: &HeaderMap) -> ClientAddress {
        match (self.address, self.source.source) {
            (ConnectionAddress::Settled(address), HeaderSource::ProxyProtocol) => {
                unless_relayed(address, headers)
            }
            _ => derive(self.peer.ip(), &self.source, headers),
        }
    }

    /// The same with its steps, for the page that shows a client what the gateway sees. On a
    /// PROXY protocol connection the steps begin at the preamble, which is gone: none there.
    #[must_use]
    pub fn explain_client_address(&self, headers: &HeaderMap) -> Option<Explanation> {
        (self.source.source != HeaderSource::ProxyProtocol)
            .then(|| explain(self.peer.ip(), &self.source, headers))
    }

    /// Where this listener reads the client's address.
    #[must_use]
    pub fn address_source(&self) -> &AddressSource {
        &self.source
    }

    /// Whether the connection's other end is a trusted proxy, whose headers count.
    #[must_use]
    pub fn is_from_trusted_proxy(&self) -> bool {
        let peer = self.peer.ip().to_canonical();
        self.source.trusted_proxies.iter().any(|network| network.contains(&peer))
    }

    /// `https` or `http`: what the client spoke to us.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The host that was named in the TLS handshake, for [`crate::gateway::canonical`].
    #[must_use]
    pub fn server_name(&self) -> Option<&str> {
        self.tls.as_ref()?.server_name.as_deref()
    }
}
