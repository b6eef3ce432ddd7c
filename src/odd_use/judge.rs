//! What of a use looks odd, given what was seen before. PURE.

use jiff::{SignedDuration, Timestamp};

use crate::policy::{Phase, TravelExemption};
use crate::store::{Aspect, Flag, OddUse, Seen};
use crate::territory::Territory;

/// Nobody gets home from a country on the list in so short a time.
const WITHIN: SignedDuration = SignedDuration::from_hours(1);

/// One use, as it matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// When.
    pub at: Timestamp,
    /// From where.
    pub place: Place,
    /// With which device.
    pub device: Option<String>,
}

/// From where an exemption's person came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// From a country of the journey, let in by the exemption.
    Abroad(Territory),
    /// From home.
    Home(Territory),
    /// From a country on the list where the exemption does not count: rejected.
    Rejected(Territory),
}

impl Use {
    /// What is kept of it. What was rejected is nothing to hold the next use against.
    #[must_use]
    pub fn seen(&self) -> Vec<(Aspect, String)> {
        let country = |territory: &Territory| territory.country().to_string();
        let place = match &self.place {
            Place::Abroad(territory) => (Aspect::Country, country(territory)),
            Place::Home(territory) => (Aspect::Home, country(territory)),
            Place::Rejected(_) => return Vec::new(),
        };
        let device = self.device.clone().map(|device| (Aspect::Device, device));
        std::iter::once(place).chain(device).collect()
    }
}

/// What looks odd about a use of this exemption; `known` is what was seen before it.
#[must_use]
pub fn judge(exemption: &TravelExemption, known: &[Seen], now: &Use) -> Vec<Flag> {
    let of = |aspect| known.iter().filter(move |seen| seen.aspect == aspect);
    let mut flags = Vec::new();
    let mut flag = |kind, detail: String, unexpected| {
        flags.push(Flag { kind, detail, unexpected });
    };
    match now.place {
        Place::Abroad(territory) => {
            let here = territory.country().to_string();
            let first = of(Aspect::Country).min_by_key(|seen| seen.first);
            if let Some(first) = first.filter(|first| first.value != here) {
                let planned = is_planned(exemption, territory, now.at);
                let word = if planned { "as planned" } else { "not as planned" };
                let unexpected = (!planned).then(|| territory.to_string());
                flag(
                    OddUse::SecondCountry,
                    format!("{here} after {}, {word}", first.value),
                    unexpected,
                );
            }
            if let Some(home) = of(Aspect::Home).find(|seen| is_close(seen.last, now.at)) {
                flag(OddUse::HomeAndAbroad, format!("{here} and {}", home.value), Some(here));
            }
            let devices: Vec<&Seen> = of(Aspect::Device).collect();
            if let Some(device) = &now.device
                && !devices.is_empty()
                && devices.iter().all(|seen| seen.value != *device)
            {
                flag(OddUse::NewDevice, device.clone(), None);
            }
        }
        Place::Home(territory) => {
            if let Some(abroad) = of(Aspect::Country).find(|seen| is_close(seen.last, now.at)) {
                let detail = format!("{} and {}", abroad.value, territory.country());
                flag(OddUse::HomeAndAbroad, detail, Some(abroad.value.clone()));
            }
        }
        Place::Rejected(territory) => {
            let here = territory.country().to_string();
            let detail = format!("{here}, rejected");
            flag(OddUse::SecondCountry, detail, Some(territory.to_string()));
        }
    }
    flags
}

/// Whether the journey has this place for now and no other.
fn is_planned(exemption: &TravelExemption, territory: Territory, at: Timestamp) -> bool {
    let mut now = exemption.legs.iter().filter(|leg| leg.from <= at && at < leg.until).peekable();
    let country = territory.country();
    let here = |leg: &crate::policy::Leg| leg.territories.iter().all(|t| t.country() == country);
    now.peek().is_some() && now.all(here)
}

fn is_close(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() <= WITHIN
}

/// The flag for a use after the traveller had said to be home again.
#[must_use]
pub fn after_home_again(territory: Territory) -> Flag {
    let detail = territory.country().to_string();
    Flag { kind: OddUse::AfterHomeAgain, detail, unexpected: None }
}

/// The flag for a journey that is over and of which nothing was seen abroad, though it began after
/// `since`, when uses began to be seen.
#[must_use]
pub fn never_used(
    exemption: &TravelExemption,
    known: &[Seen],
    since: Timestamp,
    now: Timestamp,
) -> Option<Flag> {
    let over = exemption.phase(now) == Phase::Ended;
    let watched = exemption.journey().is_some_and(|(from, _)| since <= from);
    let used = known.iter().any(|seen| seen.aspect == Aspect::Country);
    let detail = "the journey is over".to_owned();
    (over && watched && !used).then_some(Flag { kind: OddUse::NeverUsed, detail, unexpected: None })
}
