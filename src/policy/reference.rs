//! A slow, obvious model of the decision, and the proof that the quick one agrees with it.
//!
//! The model knows no table, index or merged interval: it walks through everything that was
//! written, in the contract's order, and takes the first thing that settles the matter.

mod worlds;

use std::net::IpAddr;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::select;

use self::worlds::{PEOPLE, addresses, hour, hours, instants, locations, worlds};
use super::fixture::person;
use super::{
    Admission, Authentication, ExemptionState, Exemptions, Extent, Leg, Location, Mode,
    NetworkRule, Person, Policy, PolicyParts, Reason, Subject, TravelExemption, Verdict, decide,
    door_is_open, everyone_denied_by_connection, opens_door,
};
use crate::client_address::ClientAddress;
use crate::territory::Territory;

/// Everything that was written.
#[derive(Debug, Clone)]
struct World {
    parts: PolicyParts,
    exemptions: Vec<TravelExemption>,
    grace: Duration,
}

/// A verdict with everything that it carries.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    word: &'static str,
    reason: Reason,
    exemption: Option<String>,
    person: Option<Person>,
    would_be: Option<Reason>,
}

impl Outcome {
    fn of(verdict: &Verdict) -> Self {
        let permit = if let Verdict::Allow(permit) = verdict { Some(permit) } else { None };
        Self {
            word: verdict.word(),
            reason: verdict.reason(),
            exemption: permit.and_then(|p| p.exemption()).map(ToString::to_string),
            person: permit.and_then(|p| p.person()).cloned(),
            would_be: permit.and_then(super::Permit::would_be),
        }
    }

    fn new(word: &'static str, reason: Reason) -> Self {
        Self { word, reason, exemption: None, person: None, would_be: None }
    }
}

impl World {
    fn expected(&self, subject: &Subject<'_>, now: Timestamp) -> Outcome {
        let parts = &self.parts;
        let own = subject.person.filter(|p| *p.organization() == parts.organization);
        let outcome = self.before_authentication(subject, now);
        if outcome.word != "deny" && matches!(parts.extent, Extent::Path { closed: true, .. }) {
            return Outcome::new("deny", Reason::PathClosed);
        }
        if outcome.word != "allow" {
            return outcome;
        }
        if parts.authentication == Authentication::Always && subject.person.is_none() {
            return Outcome::new("identify", Reason::AuthenticationRequired);
        }
        if parts.authentication == Authentication::Always && own.is_none() {
            return Outcome::new("deny", Reason::NotAuthorized);
        }
        Outcome { person: own.cloned(), ..outcome }
    }

    fn before_authentication(&self, subject: &Subject<'_>, now: Timestamp) -> Outcome {
        let parts = &self.parts;
        let ClientAddress::Known(known) = subject.address else {
            return Outcome::new("deny", Reason::ClientAddressUnknown);
        };
        let holds = |rules: &[NetworkRule], address: IpAddr| {
            rules.iter().any(|r| r.network.contains(&address) && r.expires.is_none_or(|e| now < e))
        };
        if holds(&parts.deny_networks, known.seen()) || holds(&parts.deny_networks, known.judged())
        {
            return Outcome::new("deny", Reason::DeniedNetwork);
        }
        if holds(&parts.allow_networks, known.judged()) {
            return Outcome::new("allow", Reason::AllowedNetwork);
        }
        if subject.location == Location::PrivateNetwork {
            return match parts.private_networks {
                Admission::Allow => Outcome::new("allow", Reason::PrivateNetwork),
                Admission::Deny => Outcome::new("deny", Reason::DeniedPrivateNetwork),
            };
        }
        if subject.location == Location::AddressUnknown {
            return Outcome::new("deny", Reason::ClientAddressUnknown);
        }
        if parts.extent == Extent::AcmeChallenge {
            return Outcome::new("allow", Reason::AcmeChallenge);
        }
        let outcome =
            self.enforced(self.corrected(known.judged(), subject.location, now), subject, now);
        if parts.mode.at(now) == Mode::ReportOnly && outcome.word != "allow" {
            let would_be = Some(outcome.reason);
            return Outcome { would_be, ..Outcome::new("allow", Reason::ReportOnly) };
        }
        outcome
    }

    fn corrected(&self, judged: IpAddr, location: Location, now: Timestamp) -> Location {
        self.parts
            .corrections
            .iter()
            .filter(|c| c.network.contains(&judged) && now < c.expires)
            .max_by_key(|c| c.network.prefix_len())
            .map_or(location, |c| Location::Country { country: c.country, subdivision: None })
    }

    fn enforced(&self, location: Location, subject: &Subject<'_>, now: Timestamp) -> Outcome {
        let parts = &self.parts;
        let Some(exact) = location.territory() else {
            return match parts.unknown_location.at(now) {
                Admission::Allow => Outcome::new("allow", Reason::UnknownLocationAllowed),
                Admission::Deny => Outcome::new("deny", Reason::UnknownLocation),
            };
        };
        let mut begun = parts.list.versions().iter().filter(|v| v.effective_from <= now);
        let listed = begun.next_back().map(|v| v.territories.to_vec()).unwrap_or_default();
        let country = Territory::country_of(exact.country());
        if !listed.contains(&exact) && !listed.contains(&country) {
            return Outcome::new("allow", Reason::CountryNotListed);
        }
        if parts.authentication == Authentication::Never {
            return Outcome::new("deny", Reason::CountryListed);
        }
        let named_by_itself = exact != country && listed.contains(&exact);
        let covers = |t: Territory| t == exact || (t == country && !named_by_itself);
        match subject.person {
            Some(p) if *p.organization() != parts.organization => {
                Outcome::new("deny", Reason::NotAuthorized)
            }
            Some(person) => self.claimed(person, covers, now),
            None if self.anybody_travels(covers, now) => {
                Outcome::new("identify", Reason::IdentificationNeeded)
            }
            None => Outcome::new("deny", Reason::CountryListed),
        }
    }

    /// Every territory of every leg that counts, of every exemption that counts.
    fn windows(&self) -> Vec<(&TravelExemption, Territory, Timestamp, Timestamp)> {
        let mut windows = Vec::new();
        for one in &self.exemptions {
            let until = match one.state {
                ExemptionState::Granted => Timestamp::MAX,
                ExemptionState::Provisional { until } => until,
                ExemptionState::Applied
                | ExemptionState::AwaitingApproval
                | ExemptionState::Refused
                | ExemptionState::Withdrawn
                | ExemptionState::Revoked
                | ExemptionState::Closed => continue,
            };
            if one.organization != *one.person.organization() {
                continue;
            }
            let legs: Vec<&Leg> = one.legs.iter().filter(|leg| leg.from < leg.until).collect();
            for leg in &legs {
                let first = legs.iter().map(|l| l.from).min().unwrap();
                let last = legs.iter().map(|l| l.until).max().unwrap().min(until);
                let from = first.max(leg.from - self.grace);
                let until = last.min(leg.until + self.grace);
                // Cut away before it began: it says nothing.
                if until <= from {
                    continue;
                }
                for &territory in &leg.territories {
                    windows.push((one, territory, from, until));
                }
            }
        }
        windows.sort_by(|a, b| a.0.id.cmp(&b.0.id));
        windows
    }

    fn anybody_travels(&self, covers: impl Fn(Territory) -> bool, now: Timestamp) -> bool {
        self.parts.exemptions_enabled
            && self.windows().into_iter().any(|(one, territory, from, until)| {
                one.organization == self.parts.organization
                    && one.sites.contains(&self.parts.site)
                    && covers(territory)
                    && from <= now
                    && now < until
            })
    }

    fn claimed(
        &self,
        person: &Person,
        covers: impl Fn(Territory) -> bool,
        now: Timestamp,
    ) -> Outcome {
        let counts = |e: &&TravelExemption| {
            e.person == *person
                && matches!(e.state, ExemptionState::Granted | ExemptionState::Provisional { .. })
                && e.organization == *person.organization()
        };
        if !self.parts.exemptions_enabled {
            let holds_one = self.exemptions.iter().any(|e| counts(&e));
            let reason = if holds_one { Reason::ExemptionsDisabled } else { Reason::CountryListed };
            return Outcome::new("deny", reason);
        }
        let mine: Vec<_> = self.windows().into_iter().filter(|w| counts(&w.0)).collect();
        let here = |e: &TravelExemption| e.sites.contains(&self.parts.site);
        let mut nearest: Vec<(SignedDuration, bool, Reason)> = Vec::new();
        for &(one, territory, from, until) in &mine {
            if here(one) && covers(territory) {
                if now < from {
                    nearest.push((from.duration_since(now), false, Reason::ExemptionNotStarted));
                } else if until <= now {
                    nearest.push((now.duration_since(until), true, Reason::ExemptionEnded));
                } else {
                    let exemption = Some(one.id.to_string());
                    return Outcome { exemption, ..Outcome::new("allow", Reason::TravelExemption) };
                }
            }
        }
        let active: Vec<_> = mine.iter().filter(|w| w.2 <= now && now < w.3).collect();
        let reason = if let Some(&(_, _, reason)) = nearest.iter().min_by_key(|n| (n.0, n.1)) {
            reason
        } else if active.iter().any(|w| covers(w.1)) {
            Reason::ExemptionOtherSite
        } else if active.is_empty() {
            Reason::CountryListed
        } else {
            Reason::ExemptionOtherTerritory
        };
        Outcome::new("deny", reason)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn the_decision_and_the_door_agree_with_the_model(
        world in worlds(),
        address in addresses(),
        location in locations(),
        who in proptest::option::of(select(PEOPLE.to_vec())),
        now in instants(),
    ) {
        let policy = Policy::new(world.parts.clone());
        let exemptions = Exemptions::new(world.exemptions.clone(), |_| world.grace);
        let person = who.map(person);
        let subject = Subject { address, location, person: person.as_ref() };
        let stranger = Subject { person: None, ..subject };

        let decided = Outcome::of(&decide(&policy, &subject, &exemptions, now));
        prop_assert_eq!(&decided, &world.expected(&subject, now));

        let to_stranger = world.expected(&stranger, now);
        prop_assert_eq!(
            door_is_open(&policy, address, location, &exemptions, now),
            to_stranger.reason == Reason::IdentificationNeeded
        );
        prop_assert_eq!(
            everyone_denied_by_connection(&policy, address, location, &exemptions, now),
            to_stranger.word == "deny"
        );
        if let Some(person) = &person {
            let opens = opens_door(&policy, &exemptions, person, address, location, now);
            prop_assert_eq!(opens, decided.reason == Reason::TravelExemption);
            // A closed door hides nobody who could come in.
            if opens && policy.mode(now) == Mode::Enforce {
                prop_assert!(door_is_open(&policy, address, location, &exemptions, now));
            }
        }
        // An exemption only ever adds access.
        let without = World { exemptions: vec![], ..world.clone() };
        if without.expected(&subject, now).word == "allow" {
            prop_assert_eq!(decided.word, "allow");
        }
    }

    #[test]
    fn between_two_changes_nothing_changes(
        world in worlds(),
        address in addresses(),
        location in locations(),
        who in proptest::option::of(select(PEOPLE.to_vec())),
        start in hours(),
    ) {
        let policy = Policy::new(world.parts.clone());
        let exemptions = Exemptions::new(world.exemptions.clone(), |_| world.grace);
        let person = who.map(person);
        let subject = Subject { address, location, person: person.as_ref() };
        let changes = [exemptions.next_change(start), policy.next_change(start)];
        let next = changes.into_iter().flatten().min().unwrap_or(hour(100));
        prop_assert!(start < next);
        let just_before = next - SignedDuration::from_nanos(1);
        let word = |now| decide(&policy, &subject, &exemptions, now).word();
        prop_assert_eq!(word(start), word(just_before));
    }
}
