//! Where a listener takes the client's address from.

use ipnet::IpNet;

/// `client_address`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressSource {
    /// Peers whose word about the client counts. Never empty where `source` is a header.
    pub trusted_proxies: Vec<IpNet>,
    /// Where the address is read.
    pub source: HeaderSource,
}

/// `source`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderSource {
    /// The connection's peer is the client.
    Peer,
    /// `X-Forwarded-For`
    XForwardedFor,
    /// `Forwarded` (RFC 7239)
    Forwarded,
    /// The PROXY protocol, version 1 or 2, before anything else.
    ProxyProtocol,
}

impl HeaderSource {
    /// The word of the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::XForwardedFor => "x_forwarded_for",
            Self::Forwarded => "forwarded",
            Self::ProxyProtocol => "proxy_protocol",
        }
    }
}
