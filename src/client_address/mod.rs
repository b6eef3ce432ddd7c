//! From the connection's peer and the headers of trusted proxies to exactly one client address.
//!
//! PURE: may use `http` and `ipnet`, no socket and no clock. What cannot be read is *unknown*,
//! never the proxy's own address.

mod source;

use std::net::IpAddr;

pub use source::{AddressSource, HeaderSource};

/// The one client address of a connection or request; every later step uses this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAddress {
    /// An address that could be read without doubt.
    Known(KnownAddress),
    /// No address could be derived; the policy rejects it.
    Unknown(UnknownBecause),
}

/// An address as it was seen, and the address it is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KnownAddress {
    seen: IpAddr,
    judged: IpAddr,
}

/// Why there is no client address. For the log and `explain`, never for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum UnknownBecause {
    /// The peer is a trusted proxy and sent no header.
    #[error("the trusted proxy sent no client address")]
    HeaderMissing,
    /// A header or PROXY preamble that does not parse.
    #[error("the client address that was sent does not parse")]
    Unparsable,
    /// Every address of the chain belongs to a trusted proxy.
    #[error("every address in the chain is a trusted proxy")]
    OnlyProxies,
    /// A peer on a private network that is not trusted sent a header.
    #[error("a private peer that is not a trusted proxy sent a client address")]
    UntrustedPrivatePeer,
    /// An IPv6 address that carries a private IPv4 address, or one that cannot be told.
    #[error("the IPv6 address carries an IPv4 address that is private or cannot be told")]
    EmbeddedPrivate,
    /// A PROXY preamble that says LOCAL or UNKNOWN.
    #[error("the PROXY protocol header says that the client is not known")]
    NotStated,
}

impl KnownAddress {
    /// The address as seen: v4-mapped IPv6 shown as IPv4.
    #[must_use]
    pub fn seen(&self) -> IpAddr {
        self.seen
    }

    /// The address that location and networks are judged by: the IPv4 address that a NAT64, 6to4
    /// or Teredo address carries, else the address as seen.
    #[must_use]
    pub fn judged(&self) -> IpAddr {
        self.judged
    }
}
