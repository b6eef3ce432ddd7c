//! What is told about floods. PURE.

use std::fmt;

use ipnet::IpNet;

use super::level::Told;
use crate::policy::Location;
use crate::territory::Country;

/// Who floods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One network, /24 or /48.
    Network(IpNet),
    /// A country.
    Country(Country),
    /// What has no country: private networks, or what the database does not hold.
    Elsewhere(Location),
}

impl Scope {
    /// The word in metrics and in the log: what has no country counts as one.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Network(_) => "network",
            Self::Country(_) | Self::Elsewhere(_) => "country",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) => network.fmt(f),
            Self::Country(country) => country.fmt(f),
            Self::Elsewhere(location) => f.write_str(location.kind()),
        }
    }
}

/// A flood that has begun or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub scope: Scope,
    /// None: it has begun. Else it has ended, with so many rejections since it began.
    pub ended: Option<u64>,
}

impl Change {
    pub(super) fn new(scope: Scope, told: Told) -> Self {
        let ended = match told {
            Told::Began => None,
            Told::Ended(rejected) => Some(rejected),
        };
        Self { scope, ended }
    }
}

/// How many flood now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Countries, and what counts as one.
    pub countries: usize,
    /// Networks.
    pub networks: usize,
}
