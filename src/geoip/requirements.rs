//! What a database must fulfil before it is used.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::database::Database;
use super::error::{DatabaseError, Problem};
use super::load::Loaded;
use crate::territory::{Country, Territory};

/// A build date may lie this far ahead of this machine's clock.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_hours(48);
/// The share of the known IPv4 addresses that an update may place in another country. Two good
/// databases of different makers disagree on about one percent.
pub(super) const MAXIMUM_CHANGE: f64 = 0.03;

/// What a database must fulfil before it is used.
#[derive(Debug, Clone)]
pub struct Requirements {
    now: Timestamp,
    countries: Vec<Country>,
    subdivisions: Vec<Territory>,
    running: Option<Arc<Database>>,
}

impl Requirements {
    /// A sound file whose build date is not in the future.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now, countries: Vec::new(), subdivisions: Vec::new(), running: None }
    }

    /// It must hold addresses of the country of each of these territories: those on the lists.
    #[must_use]
    pub fn knowing(mut self, territories: impl IntoIterator<Item = Territory>) -> Self {
        self.countries.extend(territories.into_iter().map(Territory::country));
        self.countries.sort_unstable();
        self.countries.dedup();
        self
    }

    /// It must tell each of these parts of a country from the rest: those that stand on a list
    /// without their country.
    #[must_use]
    pub fn telling(mut self, subdivisions: impl IntoIterator<Item = Territory>) -> Self {
        self.subdivisions.extend(subdivisions);
        self.subdivisions.sort_unstable();
        self.subdivisions.dedup();
        self
    }

    /// It takes the place of this one: it must not be older, must hold the address families that
    /// this one holds, and may place only few addresses in another country.
    #[must_use]
    pub fn replacing(mut self, running: Arc<Database>) -> Self {
        self.running = Some(running);
        self
    }

    /// Whether a database that is in use already fulfils this.
    ///
    /// # Errors
    /// [`DatabaseError`] for the first that it does not.
    pub fn check(&self, database: &Database) -> Result<(), DatabaseError> {
        self.of_content(database).map_err(|problem| problem.at(database.path()))
    }

    pub(super) fn of_build(&self, loaded: &Loaded) -> Result<(), Problem> {
        let built = loaded.built;
        if built.duration_since(self.now) > CLOCK_TOLERANCE {
            return Err(Problem::BuiltInFuture { built });
        }
        match &self.running {
            Some(running) if built < running.info().built => {
                Err(Problem::Older { built, running: running.info().built })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn of_content(&self, database: &Database) -> Result<(), Problem> {
        let missing = |country: &Country| !database.sees(Territory::country_of(*country));
        let missing: Vec<Country> = self.countries.iter().copied().filter(missing).collect();
        if !missing.is_empty() {
            return Err(Problem::CountriesMissing(missing));
        }
        let unseen: Vec<Territory> =
            self.subdivisions.iter().copied().filter(|&part| !database.sees(part)).collect();
        if !unseen.is_empty() {
            return Err(Problem::SubdivisionsUnseen(unseen));
        }
        let Some(running) = &self.running else { return Ok(()) };
        let (old, new) = (running.info(), database.info());
        if old.holds_ipv4 && !new.holds_ipv4 {
            return Err(Problem::FamilyMissing("IPv4"));
        }
        if old.holds_ipv6 && !new.holds_ipv6 {
            return Err(Problem::FamilyMissing("IPv6"));
        }
        let change = running.change_to(database);
        if change > MAXIMUM_CHANGE {
            let (percent, maximum_percent) = (change * 100.0, MAXIMUM_CHANGE * 100.0);
            return Err(Problem::ChangeTooLarge { percent, maximum_percent });
        }
        Ok(())
    }
}
