//! `listeners[].denial` and `listeners[].flood`: what a listener does with whom every site rejects.

use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::checker::{Checker, Text};
use crate::client_address::{AddressSource, HeaderSource};

/// `denial` of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ListenerDenial {
    /// Left out: as each site says.
    #[default]
    AsSites,
    /// `close`: before TLS and without a byte.
    Close,
    /// `adaptive`: as each site says, until the client's network or country floods; then close.
    Adaptive(FloodThresholds),
}

/// `flood`: from when on it is one, and when it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodThresholds {
    /// Rejections a second from one network (/24, /48).
    pub network: u32,
    /// Rejections a second from one country.
    pub country: u32,
    /// So long it has to stay below half of that.
    pub calm_after: Duration,
}

impl Default for FloodThresholds {
    fn default() -> Self {
        Self { network: 50, country: 500, calm_after: Duration::from_secs(60) }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFlood {
    /// Default 50.
    network: Option<Spanned<u64>>,
    /// Default 500.
    country: Option<Spanned<u64>>,
    /// Default 60s.
    calm_after: Option<Text>,
}

#[derive(Clone, Copy)]
enum Word {
    Close,
    Adaptive,
}

/// Puts the two keys together.
pub(super) fn check(
    denial: Option<&Text>,
    flood: Option<&Spanned<RawFlood>>,
    source: Option<&AddressSource>,
    check: &mut Checker<'_>,
) -> Option<ListenerDenial> {
    let words = [("close", Some(Word::Close)), ("adaptive", Some(Word::Adaptive))];
    let word = check.word(denial, None, &words)?;
    let thresholds = match flood {
        Some(flood) => flood.value.check(check)?,
        None => FloodThresholds::default(),
    };
    if let (Some(flood), None | Some(Word::Close)) = (flood, word) {
        check.refuse(
            flood.referenced,
            "`flood` has an effect only together with `denial: adaptive`",
            "write `denial: adaptive`, or remove `flood`",
        );
        return None;
    }
    match (word, denial) {
        (Some(Word::Adaptive), _) => Some(ListenerDenial::Adaptive(thresholds)),
        (Some(Word::Close), Some(text))
            if source.is_some_and(|source| source.source != HeaderSource::Peer) =>
        {
            check.refuse(
                text.referenced,
                "`denial: close` rejects by the connection's own address, which here is a proxy's",
                "remove it here and set `denial: close` at the sites, or take `source: peer`",
            );
            None
        }
        (Some(Word::Close), _) => Some(ListenerDenial::Close),
        (None, _) => Some(ListenerDenial::AsSites),
    }
}

impl RawFlood {
    fn check(&self, check: &mut Checker<'_>) -> Option<FloodThresholds> {
        let default = FloodThresholds::default();
        let mut rate = |number: Option<&Spanned<u64>>, default: u32| {
            let number = check.number(number, u64::from(default), 1..=1_000_000);
            number.and_then(|number| u32::try_from(number).ok())
        };
        let network = rate(self.network.as_ref(), default.network);
        let country = rate(self.country.as_ref(), default.country);
        let bounds = Duration::from_secs(1)..=Duration::from_secs(86_400);
        let calm_after = check.span(self.calm_after.as_ref(), default.calm_after, bounds);
        Some(FloodThresholds { network: network?, country: country?, calm_after: calm_after? })
    }
}
