//! From the log's sightings to the store.
//!
//! One task works through them one by one; what has just been looked at is not looked at again for a
//! minute, in a table of bounded size.

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::device;
use super::judge::{Place, Use, after_home_again, judge, never_used};
use crate::audit::Sighting;
use crate::policy::{ExemptionId, ExemptionState, Exemptions, Phase, Reason, TravelExemption};
use crate::store::{ExemptionRecord, Flag, OddUse, Seen, Store, StoreError};
use crate::territory::Territory;

/// What was seen is not kept anew more often.
const AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// What was on its way when the traveller said to be home again does not count.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(5);
/// So many uses are remembered as just looked at.
const REMEMBERED: usize = 4096;
/// The kingdom is home.
const HOME: [&str; 3] = ["DK", "FO", "GL"];

/// Looks at sightings.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    looked: HashMap<(ExemptionId, String), Timestamp>,
    /// Journeys that are over and were looked at since.
    over: HashSet<ExemptionId>,
}

impl Watcher {
    /// Looks at one. `exemptions` are those in effect; `zone` gives each organisation's time zone.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept; it is lost then.
    pub(crate) async fn look(
        &mut self,
        store: &Store,
        exemptions: &Exemptions,
        zone: impl Fn(&TravelExemption) -> TimeZone,
        sighting: &Sighting,
    ) -> Result<(), StoreError> {
        let Some(territory) = sighting.location.territory() else { return Ok(()) };
        let mut told = false;
        for exemption in concerned(exemptions, sighting) {
            told = true;
            let Some(place) = place(sighting, exemption, territory) else { continue };
            let user_agent = sighting.user_agent.as_deref();
            let device = device::name(&exemption.id, sighting.device_id.as_deref(), user_agent);
            let now = Use { at: sighting.at, place, device };
            if !self.is_new(&exemption.id, format!("{place:?} {:?}", now.device), sighting.at) {
                continue;
            }
            let day = zone(exemption).to_datetime(now.at).date();
            let seen = now.seen();
            let judge = |known: &[Seen]| judge(exemption, known, &now);
            tell(exemption, &store.note_use(exemption, &seen, (now.at, day), judge).await?);
        }
        if !told && sighting.rejected.is_some() && is_door(sighting.rejected) {
            self.after_home_again(store, zone, sighting, territory).await?;
        }
        Ok(())
    }

    /// Rejected abroad without any exemption in effect: perhaps one was closed too early.
    async fn after_home_again(
        &mut self,
        store: &Store,
        zone: impl Fn(&TravelExemption) -> TimeZone,
        sighting: &Sighting,
        territory: Territory,
    ) -> Result<(), StoreError> {
        let person = format!("{:?}", sighting.person);
        if !self.is_new(&ExemptionId::new(""), person, sighting.at) {
            return Ok(());
        }
        let records = store.exemptions(Some(sighting.person.organization())).await?;
        for record in records.iter().filter(|record| is_closed_for(record, sighting, territory)) {
            let exemption = &record.exemption;
            let day = zone(exemption).to_datetime(sighting.at).date();
            let flag = after_home_again(territory);
            let flags = store.note_use(exemption, &[], (sighting.at, day), |_| vec![flag]).await?;
            tell(exemption, &flags);
        }
        Ok(())
    }

    /// Flags journeys that are over and of which nothing was seen.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub(crate) async fn look_for_unused(
        &mut self,
        store: &Store,
        zone: impl Fn(&TravelExemption) -> TimeZone,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let over: Vec<TravelExemption> = store
            .exemptions(None)
            .await?
            .into_iter()
            .map(|record| record.exemption)
            .filter(|one| is_just_over(one, now) && !self.over.contains(&one.id))
            .collect();
        if over.is_empty() {
            return Ok(());
        }
        let since = store.uses_seen_since(now).await?;
        for exemption in over {
            // The day of the end, so that it is one flag whenever it is looked for.
            let until = exemption.journey().map_or(now, |(_, until)| until);
            let day = zone(&exemption).to_datetime(until).date();
            let judge = |known: &[Seen]| -> Vec<Flag> {
                never_used(&exemption, known, since, now).into_iter().collect()
            };
            tell(&exemption, &store.note_use(&exemption, &[], (now, day), judge).await?);
            if self.over.len() >= REMEMBERED {
                self.over.clear();
            }
            self.over.insert(exemption.id.clone());
        }
        Ok(())
    }

    fn is_new(&mut self, exemption: &ExemptionId, what: String, at: Timestamp) -> bool {
        if self.looked.len() >= REMEMBERED {
            self.looked.clear();
        }
        let key = (exemption.clone(), what);
        let looked = self.looked.get(&key);
        if looked.is_some_and(|looked| at.duration_since(*looked).abs() < AGAIN_AFTER) {
            return false;
        }
        self.looked.insert(key, at);
        true
    }
}

/// The exemption that let somebody in, or those of the person that are not over.
fn concerned<'a>(
    exemptions: &'a Exemptions,
    sighting: &'a Sighting,
) -> impl Iterator<Item = &'a TravelExemption> {
    exemptions.iter().filter(move |exemption| match &sighting.exemption {
        Some(id) => exemption.id == *id,
        None => {
            exemption.person == sighting.person
                && matches!(exemption.phase(sighting.at), Phase::Planned | Phase::Active)
        }
    })
}

fn place(sighting: &Sighting, one: &TravelExemption, territory: Territory) -> Option<Place> {
    match (&sighting.exemption, sighting.rejected) {
        (Some(_), _) => Some(Place::Abroad(territory)),
        (None, None) if HOME.contains(&territory.country().as_str()) => {
            Some(Place::Home(territory))
        }
        (None, Some(Reason::ExemptionOtherTerritory))
            if one.phase(sighting.at) == Phase::Active =>
        {
            Some(Place::Rejected(territory))
        }
        (None, _) => None,
    }
}

/// Whether it was the country that somebody was rejected for.
fn is_door(rejected: Option<Reason>) -> bool {
    matches!(
        rejected,
        Some(
            Reason::CountryListed
                | Reason::ExemptionEnded
                | Reason::ExemptionOtherTerritory
                | Reason::ExemptionNotStarted
                | Reason::ExemptionOtherSite
        )
    )
}

/// Whether this exemption of the person would have covered it, had it not been closed before.
fn is_closed_for(record: &ExemptionRecord, sighting: &Sighting, territory: Territory) -> bool {
    let exemption = &record.exemption;
    let closed = record.history.iter().rev().find(|entry| entry.action == "closed");
    let since_then = closed.is_some_and(|entry| {
        entry.at.checked_add(ON_ITS_WAY).is_ok_and(|counts_from| counts_from <= sighting.at)
    });
    exemption.state == ExemptionState::Closed
        && exemption.person == sighting.person
        && since_then
        && exemption.legs.iter().any(|leg| {
            sighting.at < leg.until
                && leg.territories.iter().any(|t| t.country() == territory.country())
        })
}

fn is_just_over(exemption: &TravelExemption, now: Timestamp) -> bool {
    const LOOKED_FOR: SignedDuration = SignedDuration::from_hours(24);
    let until = exemption.journey().map(|(_, until)| until);
    exemption.phase(now) == Phase::Ended
        && until.is_some_and(|until| now.duration_since(until) < LOOKED_FOR)
}

fn tell(exemption: &TravelExemption, flags: &[OddUse]) {
    for flag in flags {
        let kind = flag.word();
        metrics::counter!("geovagt_odd_use_total", "kind" => kind).increment(1);
        tracing::warn!(
            exemption = exemption.id.as_str(),
            kind,
            "an exemption is used in an odd way; see `geovagt exemption show`"
        );
    }
}
