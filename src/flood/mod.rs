//! Whether a network or a country floods the gateway with what is rejected (`denial: adaptive`).
//!
//! PURE but for short locks: instants are arguments. It counts and says so; who may pass is none of
//! its business, and whoever asks it has decided before that the client is rejected by every site.
//! Always holds: memory is fixed, however many networks come, and a network that floods is never
//! forgotten for another one; what is told about floods is at most a few lines a second.
//!
//! [`Flood`] is what one listener counts, [`Floods`] all of them.

mod level;
mod networks;
mod report;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;

pub use level::Level;
pub use networks::Network;
pub use report::{Change, Scope, Tally};

use self::networks::Networks;
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::{Config, FloodThresholds, ListenerDenial};
use crate::identifier::ListenerId;
use crate::policy::Location;
use crate::territory::Country;

/// What one listener counts.
#[derive(Debug)]
pub struct Flood {
    listener: ListenerId,
    thresholds: FloodThresholds,
    began: Instant,
    networks: Networks,
    places: Vec<Mutex<Level>>,
}

/// The places that are no country, behind the countries.
const ELSEWHERE: usize = 3;

impl Flood {
    /// Nothing has been counted yet.
    #[must_use]
    pub fn new(listener: ListenerId, thresholds: FloodThresholds) -> Self {
        let places = Country::COUNT + ELSEWHERE;
        Self {
            listener,
            thresholds,
            began: clock::instant(),
            networks: Networks::new(),
            places: std::iter::repeat_with(Mutex::default).take(places).collect(),
        }
    }

    /// Counts a rejection, and tells whether its network or country floods.
    pub fn rejected(&self, client: ClientAddress, location: Location, now: Instant) -> bool {
        let now = self.since(now);
        let place = self.places.get(index(location)).is_some_and(|place| {
            lock(place).count(now, self.thresholds.country, self.thresholds.calm_after)
        });
        let Some(network) = Network::of(client) else { return place };
        self.networks.count(network, now, &self.thresholds) || place
    }

    /// What has begun or ended since the last look. Look every second.
    pub fn changes(&self, now: Instant) -> Vec<Change> {
        let now = self.since(now);
        let mut changes = Vec::new();
        for (index, place) in self.places.iter().enumerate() {
            if let Some(change) = lock(place).change(now, self.thresholds.calm_after) {
                changes.push(Change::new(scope(index), change));
            }
        }
        self.networks.changes(now, &self.thresholds, &mut changes);
        changes
    }

    /// How many flood now.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let countries = self.places.iter().filter(|place| lock(place).is_flooding()).count();
        Tally { countries, networks: self.networks.flooding() }
    }

    /// Where it counts.
    #[must_use]
    pub fn listener(&self) -> &ListenerId {
        &self.listener
    }

    /// Microseconds since it began to count.
    fn since(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.began);
        u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counts are numbers: a panic elsewhere cannot leave them half written.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn index(location: Location) -> usize {
    match location {
        Location::Country { country, .. } => country.index(),
        Location::PrivateNetwork => Country::COUNT,
        Location::NotInDatabase => Country::COUNT + 1,
        Location::AddressUnknown => Country::COUNT + 2,
    }
}

fn scope(index: usize) -> Scope {
    match index.checked_sub(Country::COUNT) {
        None => {
            let letter = |number: usize| u8::try_from(number).map_or(b'A', |n| b'A' + n);
            let letters = [letter(index / 26), letter(index % 26)];
            Country::from_letters(letters)
                .map_or(Scope::Elsewhere(Location::AddressUnknown), Scope::Country)
        }
        Some(0) => Scope::Elsewhere(Location::PrivateNetwork),
        Some(1) => Scope::Elsewhere(Location::NotInDatabase),
        Some(_) => Scope::Elsewhere(Location::AddressUnknown),
    }
}

/// What every listener with `denial: adaptive` counts.
#[derive(Debug, Default)]
pub struct Floods {
    all: ArcSwap<Vec<Arc<Flood>>>,
}

impl Floods {
    /// Counts as this configuration says, from now on; where nothing has changed, what was counted
    /// stays.
    pub fn configure(&self, config: &Config) {
        let before = self.all.load();
        let flood = |listener: &crate::config::Listener| match listener.denial {
            ListenerDenial::Adaptive(thresholds) => {
                let same =
                    |f: &&Arc<Flood>| f.listener == listener.name && f.thresholds == thresholds;
                let kept = before.iter().find(same).map(Arc::clone);
                Some(
                    kept.unwrap_or_else(|| Arc::new(Flood::new(listener.name.clone(), thresholds))),
                )
            }
            ListenerDenial::AsSites | ListenerDenial::Close => None,
        };
        self.all.store(Arc::new(config.listeners.iter().filter_map(flood).collect()));
    }

    /// What a listener counts; none where it is not adaptive.
    #[must_use]
    pub fn of(&self, listener: &ListenerId) -> Option<Arc<Flood>> {
        self.all.load().iter().find(|flood| flood.listener == *listener).map(Arc::clone)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> Arc<Vec<Arc<Flood>>> {
        self.all.load_full()
    }
}

#[cfg(test)]
mod tests;
