//! "Which address do you see, and why": the derivation with its steps noted down.

use std::fmt;
use std::net::IpAddr;

use http::HeaderMap;

use super::derive::derive_noting;
use super::{AddressSource, ClientAddress, HeaderSource};

/// One step of a derivation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The peer is no trusted proxy.
    UntrustedPeer(IpAddr),
    /// The peer is a trusted proxy.
    TrustedPeer(IpAddr),
    /// A header stood there and did not count.
    HeaderIgnored,
    /// A proxy that nobody named stands between.
    PrivatePeerWithHeader,
    /// An address of the chain that is a trusted proxy.
    TrustedHop(IpAddr),
    /// The first address of the chain that is none.
    FirstUntrustedHop(IpAddr),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UntrustedPeer(ip) => {
                write!(f, "the connection comes from {ip}, which is not a trusted proxy")
            }
            Self::TrustedPeer(ip) => {
                write!(f, "the connection comes from {ip}, which is a trusted proxy")
            }
            Self::HeaderIgnored => {
                f.write_str("a header names a client address; from here it does not count")
            }
            Self::PrivatePeerWithHeader => f.write_str(
                "a private address that is not a trusted proxy sent a client address: if it is a \
                 proxy of yours, name it under trusted_proxies",
            ),
            Self::TrustedHop(ip) => {
                write!(f, "the chain names {ip}, which is a trusted proxy: one further")
            }
            Self::FirstUntrustedHop(ip) => {
                write!(f, "the chain names {ip}, the first that is not a trusted proxy")
            }
        }
    }
}

/// An address and the steps that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// What [`super::derive`] gives for the same.
    pub address: ClientAddress,
    /// The steps, first to last.
    pub steps: Vec<Step>,
    source: HeaderSource,
}

/// Derives as [`super::derive`] does, by the same function, and notes the steps.
#[must_use]
pub fn explain(peer: IpAddr, source: &AddressSource, headers: &HeaderMap) -> Explanation {
    let mut steps = Vec::new();
    let address = derive_noting(peer, source, headers, &mut steps);
    Explanation { address, steps, source: source.source }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the client's address is taken from: {}", self.source.word())?;
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        match self.address {
            ClientAddress::Unknown(because) => write!(f, "so the client is unknown: {because}"),
            ClientAddress::Known(known) if known.seen() == known.judged() => {
                write!(f, "so the client is {}", known.seen())
            }
            ClientAddress::Known(known) => write!(
                f,
                "so the client is {}, judged by the address it carries, {}",
                known.seen(),
                known.judged()
            ),
        }
    }
}

/// Where steps go. The request path notes nothing and pays nothing.
pub(super) trait Notes {
    fn note(&mut self, step: Step);
}

impl Notes for () {
    fn note(&mut self, _: Step) {}
}

impl Notes for Vec<Step> {
    fn note(&mut self, step: Step) {
        self.push(step);
    }
}
