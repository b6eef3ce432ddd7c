//! Phases, and the snapshot's own promises; what an exemption does to a decision is tested there.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::{ExemptionState, Exemptions, Leg, Phase, TravelExemption};
use crate::policy::fixture::{
    at, exemption, journey, leg, organization, site, snapshot, territories,
};
use crate::policy::{ExemptionId, Proof};
use crate::territory::Territory;

#[test]
fn the_phase_follows_the_clock_while_granted_and_the_people_otherwise() {
    let granted = journey();
    assert_eq!(granted.phase(at("2026-11-30T22:59:59Z")), Phase::Planned);
    assert_eq!(granted.phase(at("2026-11-30T23:00:00Z")), Phase::Active);
    assert_eq!(granted.phase(at("2026-12-08T22:59:59Z")), Phase::Active);
    assert_eq!(granted.phase(at("2026-12-08T23:00:00Z")), Phase::Ended);
    for (state, phase) in [
        (ExemptionState::Applied, Phase::Applied),
        (ExemptionState::AwaitingApproval, Phase::AwaitingApproval),
        (ExemptionState::Refused, Phase::Refused),
        (ExemptionState::Withdrawn, Phase::Withdrawn),
        (ExemptionState::Revoked, Phase::Revoked),
        (ExemptionState::Closed, Phase::Closed),
    ] {
        let exemption = TravelExemption { state, ..journey() };
        assert_eq!(exemption.phase(at("2026-12-04T00:00:00Z")), phase);
        assert!(snapshot(vec![exemption]).is_empty(), "{state:?} has no effect");
    }
    let empty = TravelExemption { legs: vec![], ..journey() };
    assert_eq!(empty.phase(at("2026-12-04T00:00:00Z")), Phase::Ended);
}

#[test]
fn words_lead_back_to_what_they_stand_for() {
    for phase in Phase::ALL {
        assert_eq!(Phase::from_word(phase.word()), Some(phase));
    }
    for word in
        ["applied", "awaiting_approval", "granted", "refused", "withdrawn", "revoked", "closed"]
    {
        assert_eq!(ExemptionState::read(word, None).unwrap().word(), word);
    }
    assert_eq!(ExemptionState::read("active", None), None);
    let until = at("2026-12-02T00:00:00Z");
    let provisional = ExemptionState::Provisional { until };
    assert_eq!(ExemptionState::read("provisional", Some(until)), Some(provisional));
    assert_eq!(ExemptionState::read("provisional", None), None, "without an end it is nothing");
}

#[test]
fn what_nobody_confirms_ends_by_itself_and_its_door_shuts() {
    let until = at("2026-12-02T00:00:00Z");
    let provisional = TravelExemption { state: ExemptionState::Provisional { until }, ..journey() };
    let before = at("2026-12-01T23:59:59Z");
    assert_eq!(provisional.phase(before), Phase::Active);
    assert_eq!(provisional.phase(until), Phase::Ended);
    assert_eq!(provisional.counts_until(), Some(until));
    let all = snapshot(vec![provisional.clone()]);
    assert!(is_open(&all, "CN", before) && !is_open(&all, "CN", until));
    assert_eq!(all.next_change(before), Some(until));
    // Where the second person's time is over before the journey begins, nothing ever opens.
    let never = TravelExemption {
        state: ExemptionState::Provisional { until: at("2026-11-30T22:59:59Z") },
        ..journey()
    };
    assert_eq!(
        (never.phase(at("2026-11-30T00:00:00Z")), never.counts_until()),
        (Phase::Ended, None)
    );
    assert!(!is_open(&snapshot(vec![never]), "CN", before));
    let longer = ExemptionState::Provisional { until: at("2027-01-01T00:00:00Z") };
    let longer = TravelExemption { state: longer, ..provisional };
    assert_eq!(longer.counts_until(), Some(at("2026-12-08T23:00:00Z")), "never beyond the journey");
}

#[test]
fn the_next_change_is_the_next_begin_or_end() {
    let legs = vec![
        leg("CN", "2026-12-01T00:00:00Z", "2026-12-04T00:00:00Z"),
        leg("TH", "2026-12-04T00:00:00Z", "2026-12-08T00:00:00Z"),
    ];
    let trip = exemption("A", "anna@ballerup", &["mail"], legs);
    let graceful = Exemptions::new([trip], |_| Duration::from_hours(1));
    let mut now = at("2026-01-01T00:00:00Z");
    let mut changes = Vec::new();
    while let Some(next) = graceful.next_change(now) {
        changes.push(next.to_string());
        now = next;
    }
    assert_eq!(
        changes,
        [
            "2026-12-01T00:00:00Z",
            "2026-12-03T23:00:00Z",
            "2026-12-04T01:00:00Z",
            "2026-12-08T00:00:00Z",
        ]
    );
    assert_eq!(snapshot(vec![]).next_change(now), None);
}

#[test]
fn exemptions_are_found_by_name() {
    let all = snapshot(vec![journey(), exemption("TE-0", "bo@ballerup", &["mail"], vec![])]);
    assert_eq!(all.len(), 2);
    let names: Vec<&str> = all.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(names, ["TE-0", "TE-ANNA"]);
    assert_eq!(all.get(&ExemptionId::new("TE-ANNA")), Some(&journey()));
    assert_eq!(all.get(&ExemptionId::new("TE-NONE")), None);
}

#[test]
fn the_door_is_shut_between_two_journeys_and_open_where_they_overlap() {
    let trip = |id: &str, who: &str, from: &str, until: &str| {
        exemption(id, who, &["mail"], vec![leg("CN", from, until)])
    };
    let all = snapshot(vec![
        trip("A", "anna@ballerup", "2026-12-01T00:00:00Z", "2026-12-04T00:00:00Z"),
        trip("B", "bo@ballerup", "2026-12-02T00:00:00Z", "2026-12-03T00:00:00Z"),
        trip("C", "bo@ballerup", "2026-12-05T00:00:00Z", "2026-12-06T00:00:00Z"),
    ]);
    let open = |now: &str| is_open(&all, "CN", at(now));
    assert!(open("2026-12-03T12:00:00Z"), "a short journey inside a long one does not cut it");
    assert!(!open("2026-12-04T00:00:00Z") && !open("2026-12-04T23:59:59Z"));
    assert!(open("2026-12-05T00:00:00Z") && !open("2026-12-06T00:00:00Z"));
}

fn is_open(exemptions: &Exemptions, code: &str, now: Timestamp) -> bool {
    let territory = Territory::parse(code).unwrap();
    let (owner, site) = (organization("ballerup"), site("mail"));
    exemptions.is_open((&owner, &site), [Some(territory), None], &Proof::NONE, now)
}

proptest! {
    #[test]
    fn the_door_is_open_when_any_one_leg_is(
        journeys in proptest::collection::vec((0_i64..30, 0_i64..8, select(vec!["CN", "TH"])), 0..25),
        now in (0_i64..40, -1_i64..=1),
    ) {
        let hour = |h: i64| Timestamp::from_second(1_800_000_000 + h * 3600).unwrap();
        let now = hour(now.0) + jiff::SignedDuration::from_nanos(now.1);
        let legs: Vec<Leg> = journeys
            .into_iter()
            .map(|(from, length, code)| Leg {
                territories: territories(code),
                from: hour(from),
                until: hour(from + length),
            })
            .collect();
        let china = Territory::parse("CN").unwrap();
        let wanted = legs
            .iter()
            .any(|leg| leg.territories.contains(&china) && leg.from <= now && now < leg.until);
        let number = |(index, leg)| exemption(&format!("{index}"), "anna@ballerup", &["mail"], vec![leg]);
        let all = snapshot(legs.into_iter().enumerate().map(number).collect());
        prop_assert_eq!(is_open(&all, "CN", now), wanted);
    }
}
