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

use self::worlds::{PEOPLE, addresses, hour, hours, instants, locations, proofs, worlds};
use super::fixture::person;
use super::{
    Admission, Authentication, Device, Everywhere, ExemptionId, ExemptionState, Exemptions, Extent,
    Leg, Location, Mode, NetworkRule, Person, Policy, PolicyParts, Proof, Reach, Reason, Subject,
    TravelExemption, Verdict, decide, door_is_open, everyone_denied_by_connection, opens_door,
};
use crate::client_address::ClientAddress;
use crate::territory::{Country, Territory};

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
        if let Extent::Path { reach, .. } = &parts.extent
            && outcome.word != "deny"
        {
            let by_network = [Reason::AllowedNetwork, Reason::PrivateNetwork];
            match reach {
                Reach::Nobody => return Outcome::new("deny", Reason::PathClosed),
                Reach::OnlyFrom(countries)
                    if !by_network.contains(&outcome.reason)
                        && !self.stays_at_home(countries, &outcome, subject, now) =>
                {
                    return Outcome::new("deny", Reason::PathOtherCountry);
                }
                Reach::OnlyFrom(_) | Reach::All => {}
            }
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

    fn stays_at_home(
        &self,
        countries: &[Country],
        outcome: &Outcome,
        subject: &Subject<'_>,
        now: Timestamp,
    ) -> bool {
        let ClientAddress::Known(known) = subject.address else { return false };
        match self.corrected(known.judged(), subject.location, now) {
            Location::Country { country, .. } => {
                let travels =
                    [Reason::TravelExemption, Reason::SignInSite, Reason::IdentificationNeeded];
                countries.contains(&country) && !travels.contains(&outcome.reason)
            }
            Location::NotInDatabase | Location::PrivateNetwork | Location::AddressUnknown => false,
        }
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
        let named_by_itself = exact != country && listed.contains(&exact);
        let covers = |t: Territory| t == exact || (t == country && !named_by_itself);
        if parts.sign_in && self.somebody_is_away(covers, now) {
            return Outcome::new("allow", Reason::SignInSite);
        }
        if parts.authentication == Authentication::Never {
            return Outcome::new("deny", Reason::CountryListed);
        }
        match subject.person {
            Some(p) if *p.organization() != parts.organization => {
                Outcome::new("deny", Reason::NotAuthorized)
            }
            Some(person) => self.claimed(person, subject.proof, covers, now),
            None if self.anybody_travels(subject.proof, covers, now) => {
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

    fn somebody_is_away(&self, covers: impl Fn(Territory) -> bool, now: Timestamp) -> bool {
        self.parts.exemptions_enabled
            && self.windows().into_iter().any(|(one, territory, from, until)| {
                let own = one.organization == self.parts.organization;
                own && covers(territory) && from <= now && now < until
            })
    }

    fn anybody_travels(
        &self,
        proof: Proof<'_>,
        covers: impl Fn(Territory) -> bool,
        now: Timestamp,
    ) -> bool {
        let seen = |one: &TravelExemption| match proof.device {
            _ if !one.demands.device => true,
            Some(Device::Bound(exemptions)) => exemptions.contains(&one.id),
            Some(Device::Unseen) => true,
            Some(Device::Managed) | None => false,
        };
        self.parts.exemptions_enabled
            && self.windows().into_iter().any(|(one, territory, from, until)| {
                one.organization == self.parts.organization
                    && seen(one)
                    && one.sites.contains(&self.parts.site)
                    && covers(territory)
                    && from <= now
                    && now < until
            })
    }

    fn claimed(
        &self,
        person: &Person,
        proof: Proof<'_>,
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
        let device = |one: &TravelExemption| match proof.device {
            Some(Device::Bound(exemptions)) => exemptions.contains(&one.id),
            Some(Device::Managed) => true,
            Some(Device::Unseen) | None => false,
        };
        let mut unmet = None;
        let mut nearest: Vec<(SignedDuration, bool, Reason)> = Vec::new();
        for &(one, territory, from, until) in &mine {
            if here(one) && covers(territory) {
                if now < from {
                    nearest.push((from.duration_since(now), false, Reason::ExemptionNotStarted));
                } else if until <= now {
                    nearest.push((now.duration_since(until), true, Reason::ExemptionEnded));
                } else if one.demands.device && !device(one) {
                    unmet = unmet.or(Some(Reason::ExemptionDeviceMissing));
                } else if one.demands.multi_factor && !proof.multi_factor {
                    unmet = unmet.or(Some(Reason::ExemptionMultiFactorMissing));
                } else {
                    let exemption = Some(one.id.to_string());
                    return Outcome { exemption, ..Outcome::new("allow", Reason::TravelExemption) };
                }
            }
        }
        let active: Vec<_> = mine.iter().filter(|w| w.2 <= now && now < w.3).collect();
        let reason = if let Some(reason) = unmet {
            reason
        } else if let Some(&(_, _, reason)) = nearest.iter().min_by_key(|n| (n.0, n.1)) {
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
        brought in proofs(),
        now in instants(),
    ) {
        let policy = Policy::new(world.parts.clone());
        let exemptions = Exemptions::new(world.exemptions.clone(), |_| world.grace);
        let person = who.map(person);
        let subject = Subject { address, location, person: person.as_ref(), proof: brought.proof() };
        let stranger = Subject { person: None, ..subject };

        let decided = Outcome::of(&decide(&policy, &subject, &exemptions, now));
        prop_assert_eq!(&decided, &world.expected(&subject, now));

        let to_stranger = world.expected(&stranger, now);
        prop_assert_eq!(
            door_is_open(&policy, address, location, &exemptions, now),
            world.expected(&Subject { proof: Proof::NONE, ..stranger }, now).reason
                == Reason::IdentificationNeeded
        );
        let unseen = Subject { proof: Proof::UNSEEN, ..stranger };
        let to_unseen = world.expected(&unseen, now);
        prop_assert_eq!(
            decide(&policy, &stranger, &exemptions, now).reason(),
            to_stranger.reason
        );
        prop_assert_eq!(
            everyone_denied_by_connection(&policy, address, location, &exemptions, now),
            to_unseen.word == "deny"
        );
        if let Some(person) = &person {
            let opens = opens_door(&policy, &exemptions, (person, subject.proof), address, location, now);
            prop_assert_eq!(opens, decided.reason == Reason::TravelExemption);
            // A closed door hides nobody who could come in.
            if opens && policy.mode(now) == Mode::Enforce {
                prop_assert_eq!(to_unseen.reason, Reason::IdentificationNeeded);
                let bound = !matches!(subject.proof.device, Some(Device::Managed));
                if bound {
                    prop_assert_eq!(to_stranger.reason, Reason::IdentificationNeeded);
                }
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
        brought in proofs(),
        start in hours(),
    ) {
        let policy = Policy::new(world.parts.clone());
        let exemptions = Exemptions::new(world.exemptions.clone(), |_| world.grace);
        let person = who.map(person);
        let subject = Subject { address, location, person: person.as_ref(), proof: brought.proof() };
        let changes = [exemptions.next_change(start), policy.next_change(start)];
        let next = changes.into_iter().flatten().min().unwrap_or(hour(100));
        prop_assert!(start < next);
        let just_before = next - SignedDuration::from_nanos(1);
        let word = |now| decide(&policy, &subject, &exemptions, now).word();
        prop_assert_eq!(word(start), word(just_before));
    }

    #[test]
    fn asking_one_site_of_each_kind_is_asking_all(
        worlds in proptest::collection::vec(worlds(), 1..3),
        address in addresses(),
        location in locations(),
        who in proptest::option::of(select(PEOPLE.to_vec())),
        brought in proofs(),
        now in instants(),
    ) {
        let names = ["mail", "intranet", "web"].map(super::fixture::site);
        let sites = worlds.iter().flat_map(|world| {
            names.iter().map(|site| PolicyParts { site: site.clone(), ..world.parts.clone() })
        });
        let policies: Vec<Policy> = sites.map(Policy::new).collect();
        let travels = worlds.iter().flat_map(|world| world.exemptions.clone()).enumerate();
        let renamed = travels.map(|(number, one)| {
            TravelExemption { id: ExemptionId::new(&format!("TE-{number}")), ..one }
        });
        let grace = worlds.iter().map(|world| world.grace).max().unwrap_or_default();
        let exemptions = Exemptions::new(renamed, |_| grace);
        let person = who.map(person);
        let subject = Subject { address, location, person: person.as_ref(), proof: brought.proof() };
        let rejects = |policy| matches!(decide(policy, &subject, &exemptions, now), Verdict::Deny(_));
        prop_assert_eq!(
            Everywhere::of(&policies).rejects(&policies, &subject, &exemptions, now).is_some(),
            policies.iter().all(rejects)
        );
    }
}
