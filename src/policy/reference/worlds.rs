//! Worlds to hold the decision against the model in: few names, so that they meet often, and
//! instants on each edge and a nanosecond to either side.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::World;
use crate::client_address::{ClientAddress, UnknownBecause};
use crate::identifier::ListId;
use crate::policy::fixture::{address, exemption, organization, parts, place, site, territories};
use crate::policy::{
    Admission, Authentication, Correction, CountryList, Demands, Device, ExemptionId,
    ExemptionState, Extent, Leg, ListVersion, Location, Mode, NetworkRule, PolicyParts, Proof,
    Reach, Scheduled, TravelExemption,
};
use crate::territory::{Country, Territory};

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
pub(super) const PEOPLE: [&str; 3] = ["anna@ballerup", "bo@ballerup", "anna@herlev"];

pub(super) fn hour(hour: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + hour * 3600).unwrap()
}

pub(super) fn hours() -> impl Strategy<Value = Timestamp> {
    (0_i64..10).prop_map(hour)
}

/// Instants on every edge that [`hours`] can make, and a nanosecond to either side.
pub(super) fn instants() -> impl Strategy<Value = Timestamp> {
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
            class: None,
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
        2 => hours().prop_map(|until| ExemptionState::Provisional { until }),
        1 => Just(ExemptionState::Applied),
        1 => Just(ExemptionState::AwaitingApproval),
        1 => Just(ExemptionState::Refused),
        1 => Just(ExemptionState::Withdrawn),
        1 => Just(ExemptionState::Revoked),
        1 => Just(ExemptionState::Closed),
    ];
    let sites = subsequence(vec!["intranet", "mail"], 0..=2);
    let legs = proptest::collection::vec(leg, 0..4);
    let few = || proptest::bool::weighted(0.3);
    let one =
        (select(PEOPLE.to_vec()), sites, legs, states, proptest::bool::weighted(0.1), few(), few());
    proptest::collection::vec(one, 0..7).prop_map(|all| {
        let numbered = all.into_iter().zip(0..);
        numbered
            .map(|((who, sites, legs, state, elsewhere, device, multi_factor), number)| {
                let mut one = exemption(&format!("TE-{number}"), who, &sites, legs);
                one.state = state;
                one.demands = Demands { multi_factor, device };
                if elsewhere {
                    one.organization = organization("herlev");
                }
                one
            })
            .collect()
    })
}

fn extents() -> impl Strategy<Value = Extent> {
    let path = |reach| Extent::Path { rule: Arc::from("/ecp/"), reach };
    let countries = subsequence(vec!["DK", "CN", "RU", "TH"], 0..=4);
    let only_from = countries.prop_map(move |codes| {
        let countries = codes.iter().map(|code| Country::parse(code).unwrap());
        path(Reach::OnlyFrom(countries.collect()))
    });
    prop_oneof![
        6 => Just(Extent::Site),
        1 => Just(path(Reach::All)),
        1 => Just(path(Reach::Nobody)),
        2 => only_from,
        1 => Just(Extent::AcmeChallenge),
    ]
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
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
        (proptest::bool::weighted(0.8), proptest::bool::weighted(0.2)),
        extents(),
    );
    (settings, rules(1), rules(1), corrections(), travels(), 0_u64..3).prop_map(
        |(settings, allow_networks, deny_networks, corrections, exemptions, grace)| {
            let (list, mode, unknown_location, private_networks, authentication, scheme, extent) =
                settings;
            let (enabled, sign_in) = scheme;
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
                sign_in,
                extent,
                site: site("mail"),
                ..parts()
            };
            World { parts, exemptions, grace: Duration::from_hours(grace) }
        },
    )
}

pub(super) fn addresses() -> impl Strategy<Value = ClientAddress> {
    prop_oneof![
        9 => select(ADDRESSES.to_vec()).prop_map(address),
        1 => Just(ClientAddress::Unknown(UnknownBecause::Unparsable)),
    ]
}

pub(super) fn locations() -> impl Strategy<Value = Location> {
    prop_oneof![
        9 => select(CODES.to_vec()).prop_map(place),
        1 => Just(Location::NotInDatabase),
        1 => Just(Location::PrivateNetwork),
        1 => Just(Location::AddressUnknown),
    ]
}

/// What a request brings along beside the person.
#[derive(Debug, Clone)]
pub(super) struct Brought {
    multi_factor: bool,
    kind: u8,
    bound: Vec<ExemptionId>,
}

impl Brought {
    pub(super) fn proof(&self) -> Proof<'_> {
        let device = match self.kind {
            0 => None,
            1 => Some(Device::Unseen),
            2 => Some(Device::Managed),
            _ => Some(Device::Bound(&self.bound)),
        };
        Proof { multi_factor: self.multi_factor, device }
    }
}

pub(super) fn proofs() -> impl Strategy<Value = Brought> {
    let bound = subsequence((0..7).collect::<Vec<i32>>(), 0..=3)
        .prop_map(|all| all.iter().map(|n| ExemptionId::new(&format!("TE-{n}"))).collect());
    (proptest::bool::ANY, 0_u8..5, bound).prop_map(|(multi_factor, kind, bound)| Brought {
        multi_factor,
        kind,
        bound,
    })
}
