//! Every exemption that counts, arranged so that a decision finds its answer at once.
//!
//! Always holds: only exemptions that count are in it, for as long as they count, and only those
//! whose person and sites are of one organisation. It is built once and never changed; whoever changes an exemption, or an
//! organisation's transit grace, builds a new one.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use foldhash::fast::RandomState;
use jiff::{SignedDuration, Timestamp};

use super::{Interval, TravelExemption, windows};
use crate::identifier::{OrganizationId, SiteId};
use crate::language::Language;
use crate::policy::{Device, ExemptionId, Person, Proof, Reason};
use crate::territory::Territory;

/// The exemptions as one immutable snapshot.
#[derive(Debug, Clone, Default)]
pub struct Exemptions {
    held: Vec<Held>,
    /// By subject, because one short text is quickly hashed; the person is compared whole.
    people: HashMap<String, Vec<(Person, Vec<usize>)>, RandomState>,
    /// Of the exemptions that demand no device.
    doors: Vec<((SiteId, OrganizationId), Doors)>,
    /// Of all of them, for those whose device cannot be seen yet.
    doors_of_all: Vec<((SiteId, OrganizationId), Doors)>,
    /// Of all of an organisation's, whatever their sites.
    travelled: Vec<(OrganizationId, Doors)>,
    changes: Vec<Timestamp>,
}

/// When the door of one site is open for each territory: sorted by territory, and each one's
/// openings and closings in turn, in nanoseconds since 1970. Journeys that overlap are one opening,
/// so that asking costs much the same for one exemption and for ten thousand.
type Doors = Vec<(Territory, Vec<i128>)>;

#[derive(Debug, Clone)]
struct Held {
    exemption: TravelExemption,
    windows: Vec<(Territory, Interval)>,
}

/// How far a miss is from covering: its kind, its distance in time, and past after future.
type Rank = (u8, SignedDuration, bool);

/// What a person's exemptions say about a site, a place and an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) enum Claim<'a> {
    /// This one covers all of it.
    Covered { exemption: &'a TravelExemption, until: Timestamp },
    /// None does, and this one comes nearest.
    Missed(Miss<'a>),
    /// The person holds none that says anything about it.
    Nothing,
}

/// An exemption that does not cover, and the reason that tells most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::policy) struct Miss<'a> {
    pub(in crate::policy) reason: Reason,
    pub(in crate::policy) exemption: &'a TravelExemption,
    rank: Rank,
}

impl Miss<'_> {
    /// The reason as the end of a sentence.
    pub(in crate::policy) fn words(&self, language: Language) -> &'static str {
        let (danish, english) = match self.rank {
            (0, ..) if self.reason == Reason::ExemptionDeviceMissing => (
                "den kræver en enhed, der er knyttet til den",
                "it demands a device that is bound to it",
            ),
            (0, ..) => ("den kræver mere end én faktor", "it demands more than one factor"),
            (1, _, false) => ("den begynder senere", "it begins later"),
            (1, _, true) => ("den er slut", "it is over"),
            (2, ..) => ("den er til et andet system", "it is for another site"),
            _ => ("den er til et andet sted", "it is for another place"),
        };
        match language {
            Language::Danish => danish,
            Language::English => english,
        }
    }
}

impl Exemptions {
    /// Builds the snapshot. `transit_grace` gives each organisation's. Exemptions that do not
    /// count, or whose person is of another organisation, have no effect and are left out.
    #[must_use]
    pub fn new(
        exemptions: impl IntoIterator<Item = TravelExemption>,
        transit_grace: impl Fn(&OrganizationId) -> Duration,
    ) -> Self {
        let mut held: Vec<Held> = exemptions
            .into_iter()
            .filter(|e| e.state.counts())
            .filter(|e| *e.person.organization() == e.organization)
            .map(|exemption| Held {
                windows: windows(&exemption, transit_grace(&exemption.organization)),
                exemption,
            })
            .collect();
        held.sort_by(|a, b| a.exemption.id.cmp(&b.exemption.id));
        let mut people: HashMap<String, Vec<(Person, Vec<usize>)>, RandomState> =
            HashMap::default();
        for (index, one) in held.iter().enumerate() {
            let person = &one.exemption.person;
            let namesakes = people.entry(person.subject().to_owned()).or_default();
            match namesakes.iter_mut().find(|(known, _)| known == person) {
                Some((_, indices)) => indices.push(index),
                None => namesakes.push((person.clone(), vec![index])),
            }
        }
        let edges = held.iter().flat_map(|one| &one.windows).flat_map(|(_, w)| [w.from, w.until]);
        let mut changes: Vec<Timestamp> = edges.collect();
        changes.sort_unstable();
        changes.dedup();
        Self {
            doors: doors(held.iter().filter(|one| !one.exemption.demands.device)),
            doors_of_all: doors(held.iter()),
            travelled: travelled(&held),
            held,
            people,
            changes,
        }
    }

    /// Every exemption in it, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &TravelExemption> {
        self.held.iter().map(|one| &one.exemption)
    }

    /// The exemption of this name.
    #[must_use]
    pub fn get(&self, id: &ExemptionId) -> Option<&TravelExemption> {
        self.held(id).map(|one| &one.exemption)
    }

    fn held(&self, id: &ExemptionId) -> Option<&Held> {
        let index = self.held.binary_search_by(|one| one.exemption.id.cmp(id)).ok()?;
        self.held.get(index)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The next instant at which anything begins or ends: when open connections are to be decided
    /// anew.
    #[must_use]
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        self.changes.get(self.changes.partition_point(|&change| change <= now)).copied()
    }

    /// Whether anybody's exemption opens this site of this organisation, for one of the territories,
    /// to whoever brings this along. One that demands a device is there for that device alone.
    pub(in crate::policy) fn is_open(
        &self,
        (organization, site): (&OrganizationId, &SiteId),
        territories: [Option<Territory>; 2],
        proof: &Proof<'_>,
        now: Timestamp,
    ) -> bool {
        let all = proof.device == Some(Device::Unseen);
        let doors = if all { &self.doors_of_all } else { &self.doors };
        let wanted = (site, organization);
        let of_site = doors
            .binary_search_by(|((site, owner), _)| (site, owner).cmp(&wanted))
            .ok()
            .and_then(|index| doors.get(index));
        of_site.is_some_and(|(_, doors)| stand_open(doors, territories, now))
            || proof.bound().iter().filter_map(|id| self.held(id)).any(|one| {
                one.exemption.organization == *organization
                    && one.exemption.sites.contains(site)
                    && one.windows.iter().any(|&(territory, window)| {
                        territories.contains(&Some(territory)) && window.holds(now)
                    })
            })
    }

    /// Whether anybody of this organisation travels in one of the territories, to whatever site.
    pub(in crate::policy) fn anybody_travels(
        &self,
        organization: &OrganizationId,
        territories: [Option<Territory>; 2],
        now: Timestamp,
    ) -> bool {
        self.travelled
            .binary_search_by(|(owner, _)| owner.cmp(organization))
            .ok()
            .and_then(|index| self.travelled.get(index))
            .is_some_and(|(_, doors)| stand_open(doors, territories, now))
    }

    /// The same of whatever organisation.
    pub(in crate::policy) fn anybody_travels_at_all(
        &self,
        territories: [Option<Territory>; 2],
        now: Timestamp,
    ) -> bool {
        self.travelled.iter().any(|(_, doors)| stand_open(doors, territories, now))
    }

    /// What this person's exemptions say. Of several that cover, the one whose name comes first.
    ///
    /// Of several that do not, the nearest miss tells most: first one whose demands alone are not
    /// met, then one for this place and site at another time (the nearest in time; of two equally near the one to come), then one that is
    /// active now for this place and another site, then one that is active now for another place.
    pub(in crate::policy) fn claim(
        &self,
        person: &Person,
        site: &SiteId,
        territories: [Option<Territory>; 2],
        proof: Proof<'_>,
        now: Timestamp,
    ) -> Claim<'_> {
        let mut nearest: Option<Miss<'_>> = None;
        for one in self.held_by(person) {
            let right_site = one.exemption.sites.contains(site);
            for &(territory, window) in &one.windows {
                let right_place = territories.contains(&Some(territory));
                let missed = if right_site && right_place && window.holds(now) {
                    let lacks = proof.lacks(&one.exemption);
                    if lacks.is_none() {
                        return Claim::Covered { exemption: &one.exemption, until: window.until };
                    }
                    lacks.map(|reason| (reason, (0, SignedDuration::ZERO, false)))
                } else {
                    miss(right_site, right_place, window, now)
                };
                if let Some((reason, rank)) = missed
                    && nearest.is_none_or(|nearest| rank < nearest.rank)
                {
                    nearest = Some(Miss { reason, exemption: &one.exemption, rank });
                }
            }
        }
        nearest.map_or(Claim::Nothing, Claim::Missed)
    }

    /// The first of the exemptions that the person holds, at whatever time.
    pub(in crate::policy) fn anything_held_by(&self, person: &Person) -> Option<&TravelExemption> {
        self.held_by(person).next().map(|one| &one.exemption)
    }

    fn held_by(&self, person: &Person) -> impl Iterator<Item = &Held> {
        let namesakes = self.people.get(person.subject());
        let found = namesakes.and_then(|all| all.iter().find(|(known, _)| known == person));
        let indices = found.map_or(&[][..], |(_, indices)| indices.as_slice());
        indices.iter().filter_map(|&index| self.held.get(index))
    }
}

fn miss(
    right_site: bool,
    right_place: bool,
    window: Interval,
    now: Timestamp,
) -> Option<(Reason, Rank)> {
    let active = window.holds(now);
    match (right_site, right_place) {
        (true, true) if now < window.from => {
            Some((Reason::ExemptionNotStarted, (1, window.from.duration_since(now), false)))
        }
        (true, true) => Some((Reason::ExemptionEnded, (1, now.duration_since(window.until), true))),
        (false, true) if active => {
            Some((Reason::ExemptionOtherSite, (2, SignedDuration::ZERO, false)))
        }
        (_, false) if active => {
            Some((Reason::ExemptionOtherTerritory, (3, SignedDuration::ZERO, false)))
        }
        (_, true | false) => None,
    }
}

fn stand_open(doors: &Doors, territories: [Option<Territory>; 2], now: Timestamp) -> bool {
    let now = now.as_nanosecond();
    territories.into_iter().flatten().any(|territory| {
        doors
            .binary_search_by_key(&territory, |(territory, _)| *territory)
            .ok()
            .and_then(|index| doors.get(index))
            // After an odd number of openings and closings the last was an opening.
            .is_some_and(|(_, turns)| turns.partition_point(|&turn| turn <= now) % 2 == 1)
    })
}

fn travelled(held: &[Held]) -> Vec<(OrganizationId, Doors)> {
    let mut open: BTreeMap<OrganizationId, Vec<(Territory, Interval)>> = BTreeMap::new();
    for one in held {
        open.entry(one.exemption.organization.clone()).or_default().extend(&one.windows);
    }
    open.into_iter().map(|(owner, windows)| (owner, merged(windows))).collect()
}

fn doors<'h>(held: impl Iterator<Item = &'h Held>) -> Vec<((SiteId, OrganizationId), Doors)> {
    let mut open: BTreeMap<(SiteId, OrganizationId), Vec<(Territory, Interval)>> = BTreeMap::new();
    for one in held {
        for site in &one.exemption.sites {
            let owner = one.exemption.organization.clone();
            open.entry((site.clone(), owner)).or_default().extend(&one.windows);
        }
    }
    open.into_iter().map(|(site, windows)| (site, merged(windows))).collect()
}

fn merged(mut windows: Vec<(Territory, Interval)>) -> Doors {
    windows.sort_unstable();
    let mut doors: Doors = Vec::new();
    for (territory, window) in windows {
        let (from, until) = (window.from.as_nanosecond(), window.until.as_nanosecond());
        match doors.last_mut() {
            Some((last, turns)) if *last == territory => match turns.last_mut() {
                Some(closing) if from <= *closing => *closing = until.max(*closing),
                Some(_) | None => turns.extend([from, until]),
            },
            Some(_) | None => doors.push((territory, vec![from, until])),
        }
    }
    doors
}
