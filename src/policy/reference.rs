//! A slow, obvious model of the decision, and the proof that the quick one agrees with it.
//!
//! The model knows no table, index or merged interval: it walks through everything that was
//! written, in the contract's order, and takes the first thing that settles the matter.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::fixture::{address, exemption, organization, parts, person, place, site, territories};
use super::{
    Admission, Authentication, Correction, CountryList, ExemptionState, Exemptions, Leg,
    ListVersion, Location, Mode, NetworkRule, Person, Policy, PolicyParts, Reason, Scheduled,
    Subject, TravelExemption, Verdict, decide, door_is_open, everyone_denied_by_connection,
    opens_door,
};
use crate::client_address::{ClientAddress, UnknownBecause};
use crate::identifier::ListId;
use crate::territory::{Country, Territory};

/// Everything that was written.
#[derive(Debug, Clone)]
struct World {
    parts: PolicyParts,
    exemptions: Vec<TravelExemption>,
    grace: SignedDuration,
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
            if one.state != ExemptionState::Granted
                || one.organization != *one.person.organization()
            {
                continue;
            }
            let legs: Vec<&Leg> = one.legs.iter().filter(|leg| leg.from < leg.until).collect();
            for leg in &legs {
                let first = legs.iter().map(|l| l.from).min().unwrap();
                let last = legs.iter().map(|l| l.until).max().unwrap();
                let from = first.max(leg.from - self.grace);
                let until = last.min(leg.until + self.grace);
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
                && e.state == ExemptionState::Granted
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

const CODES: [&str; 6] = ["CN", "DK", "RU", "RU-CE", "RU-MOW", "TH"];
const NETWORKS: [&str; 6] = [
    "203.0.113.0/24",
    "203.0.113.8/29",
    "203.0.113.9/32",
    "9.9.9.0/24",
    "64:ff9b::/96",
    "2001:db8::/32",
];
const ADDRESSES: [&str; 5] =
    ["203.0.113.9", "203.0.113.1", "9.9.9.7", "64:ff9b::909:907", "2a00::1"];
const PEOPLE: [&str; 3] = ["anna@ballerup", "bo@ballerup", "anna@herlev"];

fn hour(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
}

fn hours() -> impl Strategy<Value = Timestamp> {
    (0_i64..10).prop_map(hour)
}

/// Instants on every edge that [`hours`] can make, and a nanosecond to either side.
fn instants() -> impl Strategy<Value = Timestamp> {
    (0_i64..11, -1_i64..=1).prop_map(|(h, edge)| hour(h) + SignedDuration::from_nanos(edge))
}

fn some_codes(least: usize) -> impl Strategy<Value = Vec<Territory>> {
    subsequence(CODES.to_vec(), least..=4).prop_map(|codes| territories(&codes.join(" ")))
}

fn admission() -> impl Strategy<Value = Admission> + Clone {
    select(vec![Admission::Allow, Admission::Deny])
}

fn scheduled<T: Copy + std::fmt::Debug + 'static>(
    values: impl Strategy<Value = T> + Clone + 'static,
) -> impl Strategy<Value = Scheduled<T>> {
    (values.clone(), values, proptest::option::of(hours())).prop_map(|(former, value, from)| {
        from.map_or(Scheduled::fixed(value), |from| Scheduled::changing(former, from, value))
    })
}

fn lists() -> impl Strategy<Value = CountryList> {
    proptest::collection::btree_map(-1_i64..10, some_codes(1), 1..4).prop_map(|versions| {
        let versions = versions.into_iter().map(|(from, codes)| ListVersion {
            version: from.to_string(),
            source: "s".into(),
            adopted_by: "a".into(),
            adopted_on: "2026-01-01".parse().unwrap(),
            announced_on: "2026-01-01".parse().unwrap(),
            effective_from: hour(from),
            early_start: None,
            territories: codes.into_iter().collect(),
        });
        let id = ListId::parse("cfcs").unwrap();
        CountryList::new(id, "n".into(), 14, versions.collect()).unwrap()
    })
}

fn rules(most: usize) -> impl Strategy<Value = Vec<NetworkRule>> {
    let rule = (select(NETWORKS.to_vec()), proptest::option::of(hours())).prop_map(
        |(network, expires)| NetworkRule {
            network: network.parse().unwrap(),
            reason: "r".into(),
            expires,
        },
    );
    proptest::collection::vec(rule, 0..=most)
}

/// Of equal networks only one: which of two corrections for one network counts is not defined.
fn corrections() -> impl Strategy<Value = Vec<Correction>> {
    let countries = proptest::collection::vec((select(vec!["CN", "DK", "RU"]), hours()), 6);
    (subsequence((0..NETWORKS.len()).collect::<Vec<_>>(), 0..3), countries).prop_map(
        |(chosen, countries)| {
            let correction = |index: usize| Correction {
                network: NETWORKS[index].parse().unwrap(),
                country: Country::parse(countries[index].0).unwrap(),
                reason: "r".into(),
                expires: countries[index].1,
            };
            chosen.into_iter().map(correction).collect()
        },
    )
}

fn travels() -> impl Strategy<Value = Vec<TravelExemption>> {
    let leg = (some_codes(0), hours(), hours()).prop_map(|(territories, from, until)| Leg {
        territories,
        from,
        until,
    });
    let states = prop_oneof![
        6 => Just(ExemptionState::Granted),
        1 => Just(ExemptionState::AwaitingApproval),
        1 => Just(ExemptionState::Revoked),
        1 => Just(ExemptionState::Closed),
    ];
    let sites = subsequence(vec!["intranet", "mail"], 0..=2);
    let legs = proptest::collection::vec(leg, 0..4);
    let one = (select(PEOPLE.to_vec()), sites, legs, states, proptest::bool::weighted(0.1));
    proptest::collection::vec(one, 0..7).prop_map(|all| {
        let numbered = all.into_iter().zip(0..);
        numbered
            .map(|((who, sites, legs, state, elsewhere), number)| {
                let mut one = exemption(&format!("TE-{number}"), who, &sites, legs);
                one.state = state;
                if elsewhere {
                    one.organization = organization("herlev");
                }
                one
            })
            .collect()
    })
}

fn worlds() -> impl Strategy<Value = World> {
    let modes = prop_oneof![4 => Just(Mode::Enforce), 1 => Just(Mode::ReportOnly)];
    let asks = prop_oneof![
        1 => Just(Authentication::Never),
        3 => Just(Authentication::WhenBlocked),
        2 => Just(Authentication::Always),
    ];
    let settings = (
        lists(),
        scheduled(modes),
        scheduled(admission()),
        admission(),
        asks,
        proptest::bool::weighted(0.8),
    );
    (settings, rules(1), rules(1), corrections(), travels(), 0_i64..3).prop_map(
        |(settings, allow_networks, deny_networks, corrections, exemptions, grace)| {
            let (list, mode, unknown_location, private_networks, authentication, enabled) =
                settings;
            let parts = PolicyParts {
                list: list.into(),
                mode,
                unknown_location,
                private_networks,
                allow_networks,
                deny_networks,
                corrections,
                authentication,
                exemptions_enabled: enabled,
                site: site("mail"),
                ..parts()
            };
            World { parts, exemptions, grace: SignedDuration::from_hours(grace) }
        },
    )
}

fn addresses() -> impl Strategy<Value = ClientAddress> {
    prop_oneof![
        9 => select(ADDRESSES.to_vec()).prop_map(address),
        1 => Just(ClientAddress::Unknown(UnknownBecause::Unparsable)),
    ]
}

fn locations() -> impl Strategy<Value = Location> {
    prop_oneof![
        9 => select(CODES.to_vec()).prop_map(place),
        1 => Just(Location::NotInDatabase),
        1 => Just(Location::PrivateNetwork),
        1 => Just(Location::AddressUnknown),
    ]
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
        code in select(CODES.to_vec()),
        who in proptest::option::of(select(PEOPLE.to_vec())),
        start in hours(),
    ) {
        let mut parts = world.parts.clone();
        // Only exemptions are to change with time here.
        parts.mode = Scheduled::fixed(Mode::Enforce);
        parts.list = super::fixture::list(&[("1", "2020-01-01T00:00:00Z", "CN RU RU-CE TH")]);
        let policy = Policy::new(PolicyParts { corrections: vec![], ..parts });
        let exemptions = Exemptions::new(world.exemptions.clone(), |_| world.grace);
        let person = who.map(person);
        let subject =
            Subject { address: address("2a00::1"), location: place(code), person: person.as_ref() };
        let admitted = |now| decide(&policy, &subject, &exemptions, now).word();
        let next = exemptions.next_change(start).unwrap_or(hour(100));
        let just_before = next - SignedDuration::from_nanos(1);
        prop_assert_eq!(admitted(start), admitted(just_before));
    }
}
