//! The reviewer's questions.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::query::LogEntry;
use crate::territory::Country;

/// What counts as being at home.
#[derive(Debug, Clone)]
pub struct Home {
    /// The countries that people sign in from when they are at home.
    pub countries: BTreeSet<Country>,
    /// So near in time, before or after a rejection, a sign-in from home makes it doubtful.
    pub within: SignedDuration,
    /// Autonomous systems whose addresses are often placed in the wrong country: near the border,
    /// satellites, mobile operators at sea.
    pub networks: BTreeSet<u32>,
}

/// A rejection that looks wrong.
#[derive(Debug, Clone)]
pub struct ProbablyWrong {
    /// The rejection.
    pub entry: LogEntry,
    /// Why it looks wrong; at least one.
    pub because: Vec<Because>,
}

/// Why a rejection looks wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Because {
    /// The same account signed in from home so near to it.
    SignedInAtHome {
        /// When.
        at: Timestamp,
        /// From which country.
        country: Country,
    },
    /// The network is one of those often placed in the wrong country.
    DoubtfulNetwork {
        /// Its autonomous system.
        number: u32,
    },
    /// The same account came with the other address family from home.
    OtherFamilyAtHome {
        /// When.
        at: Timestamp,
    },
    /// The network is registered at home.
    RegisteredAtHome,
}

/// What counts as a surge.
#[derive(Debug, Clone)]
pub struct Surges {
    /// So far back a country's usual is looked for.
    pub usual: SignedDuration,
    /// So many rejections in an hour at least.
    pub at_least: u64,
    /// So many robust spreads above the median.
    pub spreads: f64,
}

impl Default for Surges {
    fn default() -> Self {
        Self { usual: SignedDuration::from_hours(24 * 28), at_least: 20, spreads: 6.0 }
    }
}

/// An hour in which a country stands out.
#[derive(Debug, Clone, PartialEq)]
pub struct Surge {
    /// Whose sites; none: no site was named.
    pub organization: Option<String>,
    /// The country; empty where none is known.
    pub country: String,
    /// When the hour begins.
    pub hour: Timestamp,
    /// How many rejections.
    pub count: u64,
    /// The country's own median of an hour.
    pub median: f64,
    /// The robust spread of its hours (1.4826 times the median absolute deviation).
    pub spread: f64,
    /// How many spreads above the median.
    pub score: f64,
}
