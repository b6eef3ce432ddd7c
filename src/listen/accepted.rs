//! What is known of a connection once it has been accepted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use ::http::HeaderMap;

use super::Stream;
use super::client_certificates::ShownCertificate;
use super::companion::{Companion, Place};
use crate::client_address::{
    AddressSource, ClientAddress, Explanation, HeaderSource, derive, explain, spoke_https,
    unless_relayed,
};
use crate::identifier::ListenerId;
use crate::lifecycle::Tasks;

/// A connection that is ready to be served.
#[derive(Debug)]
pub struct Accepted {
    /// Its bytes.
    pub stream: Stream,
    /// What is known of it.
    pub facts: Arc<ConnectionFacts>,
    /// When it was accepted; the time for the first head runs from then.
    pub since: Instant,
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
    /// Where a proxy asks about a request that it forwards by itself: how it takes answers.
    pub forward_auth: Option<ForwardAuth>,
    source: Arc<AddressSource>,
    tasks: Tasks,
    companion: Place,
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
    /// The certificate that the client has shown.
    pub certificate: Option<Arc<ShownCertificate>>,
}

/// How a proxy that asks before it forwards takes answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ForwardAuth {
    /// It hands a redirection on to the client.
    pub redirects: bool,
    /// The request that it asks about wants another protocol, or has a body that says no length.
    pub changes: bool,
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
    /// The facts of a connection from `peer` that was read as `source` says; [`super::accept()`]
    /// makes them for real ones.
    #[must_use]
    pub fn new(
        listener: ListenerId,
        (peer, local): (SocketAddr, SocketAddr),
        address: ConnectionAddress,
        tls: Option<TlsFacts>,
        source: Arc<AddressSource>,
    ) -> Self {
        Self {
            listener,
            peer,
            local,
            address,
            tls,
            forward_auth: None,
            source,
            tasks: Tasks::new(),
            companion: Place::default(),
        }
    }

    /// Whether the client's own connection is protected, as far as it is ours to know.
    #[must_use]
    pub fn is_secure(&self, headers: &HeaderMap) -> bool {
        self.tls.is_some() || self.proxy_spoke_https(headers)
    }

    /// The same for a proxy that asks before it forwards.
    #[must_use]
    pub fn asked_by_proxy(self, forward_auth: ForwardAuth) -> Self {
        Self { forward_auth: Some(forward_auth), ..self }
    }

    /// With the tasks that what outlives a request on this connection belongs to: the listener's.
    #[must_use]
    pub fn owned_by(mut self, tasks: Tasks) -> Self {
        self.tasks = tasks;
        self
    }

    /// What the connection is bound to.
    #[must_use]
    pub fn companion<C: Companion>(&self) -> Option<&C> {
        self.companion.get()
    }

    /// The same, bound from now on. None where it is bound to something of another kind.
    #[must_use]
    pub fn companion_or_new<C: Companion + Default>(&self) -> Option<&C> {
        self.companion.get_or_make()
    }

    /// Whether the connection must end with the answer that is under way, because what it is bound to
    /// has ended.
    pub(super) fn has_parted(&self) -> bool {
        self.companion.has_parted()
    }

    /// Waits for that while nothing is under way.
    pub(super) async fn parted(&self) {
        self.companion.parted().await;
    }

    /// Whose tasks this connection's are.
    #[must_use]
    pub fn tasks(&self) -> &Tasks {
        &self.tasks
    }

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

    /// Whether a trusted proxy in front says that the client spoke TLS with it.
    #[must_use]
    pub fn proxy_spoke_https(&self, headers: &HeaderMap) -> bool {
        spoke_https(self.peer.ip(), &self.source, headers)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::{KnownAddress, UnknownBecause};

    fn facts(source: HeaderSource, stated: &str) -> ConnectionFacts {
        let known = KnownAddress::new(stated.parse().unwrap()).unwrap();
        let ends = ("10.0.0.1:1".parse().unwrap(), "10.0.0.2:443".parse().unwrap());
        let trusted_proxies = vec!["10.0.0.1/32".parse().unwrap()];
        ConnectionFacts::new(
            ListenerId::parse("web").unwrap(),
            ends,
            ConnectionAddress::Settled(ClientAddress::Known(known)),
            None,
            Arc::new(AddressSource { trusted_proxies, source }),
        )
    }

    #[test]
    fn what_the_preamble_stated_stands_for_every_request() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1".parse().unwrap());
        let public = facts(HeaderSource::ProxyProtocol, "5.6.7.8");
        let ConnectionAddress::Settled(stated) = public.address else { panic!("settled") };
        assert_eq!(public.client_address(&headers), stated);
        // Behind the preamble stands a private machine that relays for others.
        let private = facts(HeaderSource::ProxyProtocol, "192.168.0.9");
        assert_eq!(
            private.client_address(&headers),
            ClientAddress::Unknown(UnknownBecause::UntrustedPrivatePeer)
        );
        assert_ne!(
            private.client_address(&HeaderMap::new()),
            ClientAddress::Unknown(UnknownBecause::UntrustedPrivatePeer)
        );
    }

    #[test]
    fn a_proxy_is_never_its_own_client() {
        let facts = facts(HeaderSource::XForwardedFor, "5.6.7.8");
        assert_eq!(
            facts.client_address(&HeaderMap::new()),
            ClientAddress::Unknown(UnknownBecause::HeaderMissing)
        );
    }
}
