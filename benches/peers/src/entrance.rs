//! The doors that each contestant has, each on a port of its own.

use std::net::{Ipv4Addr, SocketAddr};

/// Ports between one contestant's first and the next one's.
pub(crate) const PORTS: u16 = 10;

/// A door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// X-Forwarded-For of the peer counts; forwards, or answers 403.
    Forward,
    ForwardTls,
    /// The floors, which decide nothing, answer 403 here. The same as `Forward` for all others.
    Reject,
    RejectTls,
    /// The peer's own address counts; a listed one gets no byte.
    Close,
    CloseTls,
}

impl Entrance {
    pub(crate) const ALL: [Self; 6] = [
        Self::Forward,
        Self::ForwardTls,
        Self::Reject,
        Self::RejectTls,
        Self::Close,
        Self::CloseTls,
    ];

    /// Whether TLS is spoken there.
    pub(crate) fn is_tls(self) -> bool {
        matches!(self, Self::ForwardTls | Self::RejectTls | Self::CloseTls)
    }

    /// The one for contestants that decide.
    pub(crate) fn of_deciding(self) -> Self {
        match self {
            Self::Reject => Self::Forward,
            Self::RejectTls => Self::ForwardTls,
            other => other,
        }
    }

    pub(crate) fn port(self, first: u16) -> u16 {
        first + self as u16
    }

    pub(crate) fn address(self, first: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port(first)))
    }
}
