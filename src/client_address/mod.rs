//! From the connection's peer and the headers of trusted proxies to exactly one client address.
//!
//! PURE: may use `http` and `ipnet`, no socket and no clock. What cannot be read is *unknown*,
//! never the proxy's own address.

mod derive;
mod explain;
mod forwarded;
mod known;
mod scheme;
mod source;
#[cfg(test)]
mod tests;
mod text;
mod x_forwarded_for;

pub use derive::{
    MAXIMUM_HEADER_LENGTH, MAXIMUM_HOPS, Preamble, PreambleRefused, derive, derive_proxy,
    is_trusted, unless_relayed,
};
pub use explain::{Explanation, Step, explain};
pub use known::{KnownAddress, is_private_network, is_public};
pub use scheme::spoke_https;
pub use source::{AddressSource, HeaderSource};
pub use text::address_text;

/// The one client address of a connection or request; every later step uses this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientAddress {
    /// An address that could be read without doubt.
    Known(KnownAddress),
    /// No address could be derived; the policy rejects it.
    Unknown(UnknownBecause),
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
    /// A proxy that says it does not know or will not tell: PROXY protocol LOCAL or UNKNOWN, a
    /// `Forwarded` element with `unknown` or an obfuscated name.
    #[error("the proxy says that the client is not known")]
    NotStated,
    /// The unspecified address, a multicast or broadcast address.
    #[error("the address is not one that a client can have")]
    NotUnicast,
}
