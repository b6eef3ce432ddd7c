//! Phases, and the snapshot's own promises; what an exemption does to a decision is tested there.

use std::time::Duration;

use super::{ExemptionState, Exemptions, Phase, TravelExemption};
use crate::policy::ExemptionId;
use crate::policy::fixture::{at, exemption, journey, leg, snapshot};

#[test]
fn the_phase_follows_the_clock_while_granted_and_the_people_otherwise() {
    let granted = journey();
    assert_eq!(granted.phase(at("2026-11-30T22:59:59Z")), Phase::Planned);
    assert_eq!(granted.phase(at("2026-11-30T23:00:00Z")), Phase::Active);
    assert_eq!(granted.phase(at("2026-12-08T22:59:59Z")), Phase::Active);
    assert_eq!(granted.phase(at("2026-12-08T23:00:00Z")), Phase::Ended);
    for (state, phase) in [
        (ExemptionState::AwaitingApproval, Phase::AwaitingApproval),
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
    for word in ["awaiting_approval", "granted", "revoked", "closed"] {
        assert_eq!(ExemptionState::from_word(word).unwrap().word(), word);
    }
    assert_eq!(ExemptionState::from_word("active"), None);
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
