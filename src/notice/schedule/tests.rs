use proptest::prelude::*;

use super::*;
use crate::identifier::ListId;
use crate::notice::fixture::{at, journey, organization};
use crate::policy::{ExemptionState, TerritorySet};
use crate::territory::Territory;

fn kinds(one: &TravelExemption, now: &str) -> Vec<(NoticeKind, String)> {
    let all = [one.clone()];
    let zone = TimeZone::get("Europe/Copenhagen").unwrap();
    let told = by_time(one, &all, &zone, at(now));
    told.into_iter().map(|occasion| (occasion.kind, occasion.occasion)).collect()
}

#[test]
fn the_day_before_is_the_organisations_day_from_nine_on() {
    let one = journey(&["CN 2026-12-01..2026-12-08"]);
    let starts = vec![(NoticeKind::StartsTomorrow, "2026-12-01".to_owned())];
    assert_eq!(kinds(&one, "2026-11-30T08:59:59+01:00"), []);
    assert_eq!(kinds(&one, "2026-11-30T09:00:00+01:00"), starts);
    assert_eq!(kinds(&one, "2026-11-30T23:59:59+01:00"), starts);
    assert_eq!(kinds(&one, "2026-12-01T00:00:00+01:00"), []);
    let ends = vec![(NoticeKind::EndsTomorrow, "2026-12-08".to_owned())];
    assert_eq!(kinds(&one, "2026-12-07T08:59:59+01:00"), []);
    assert_eq!(kinds(&one, "2026-12-07T09:00:00+01:00"), ends);
    assert_eq!(kinds(&one, "2026-12-08T12:00:00+01:00"), []);
    let ended = vec![(NoticeKind::Ended, "2026-12-08".to_owned())];
    assert_eq!(kinds(&one, "2026-12-09T00:00:00+01:00"), ended);
    assert_eq!(kinds(&one, "2026-12-09T23:59:59+01:00"), ended);
    assert_eq!(kinds(&one, "2026-12-10T00:00:00+01:00"), []);
}

#[test]
fn what_has_no_effect_is_not_announced() {
    for state in [ExemptionState::AwaitingApproval, ExemptionState::Revoked, ExemptionState::Closed]
    {
        let one = TravelExemption { state, ..journey(&["CN 2026-12-01..2026-12-08"]) };
        for now in ["2026-11-30T12:00:00Z", "2026-12-07T12:00:00Z", "2026-12-09T12:00:00Z"] {
            assert_eq!(kinds(&one, now), [], "{state:?} {now}");
        }
    }
}

#[test]
fn an_end_that_an_extension_takes_over_is_no_end() {
    let one = journey(&["CN 2026-12-01..2026-12-08"]);
    let zone = organization("ballerup").time_zone.clone();
    let with = |legs: &[&str]| {
        let next = TravelExemption { id: ExemptionId::new("TE-000001"), ..journey(legs) };
        let told = |now| by_time(&one, &[one.clone(), next.clone()], &zone, at(now)).len();
        (told("2026-12-07T12:00:00Z"), told("2026-12-09T12:00:00Z"))
    };
    assert_eq!(with(&["CN 2026-12-09..2026-12-12"]), (0, 0));
    assert_eq!(with(&["CN 2026-12-05..2026-12-12"]), (0, 0));
    assert_eq!(with(&["CN 2026-12-10..2026-12-12"]), (1, 1), "a gap between them");
    assert_eq!(with(&["HK 2026-12-09..2026-12-12"]), (1, 1), "another place");
}

fn version(name: &str, announced: &str, effective: &str, codes: &[&str]) -> ListVersion {
    ListVersion {
        version: name.into(),
        source: "x".into(),
        adopted_by: "x".into(),
        adopted_on: announced.parse().unwrap(),
        announced_on: announced.parse().unwrap(),
        effective_from: at(effective),
        early_start: None,
        territories: codes.iter().map(|c| Territory::parse(c).unwrap()).collect::<TerritorySet>(),
    }
}

#[test]
fn a_list_that_changes_under_a_planned_journey_is_told_once() {
    let one = journey(&["CN,HK 2026-12-01..2026-12-08", "MO 2026-12-09..2026-12-12"]);
    let zone = organization("ballerup").time_zone.clone();
    let list = |announced: &str, effective: &str, codes: &[&str]| {
        let id = ListId::parse("cfcs").unwrap();
        let before = version("2025-05", "2025-03-27", "2025-05-11T22:00:00Z", &["CN", "RU"]);
        let next = version("2026-12", announced, effective, codes);
        CountryList::new(id, "Lande".into(), 14, vec![before, next]).unwrap()
    };
    let granted = at("2026-11-20T10:00:00Z");
    let told = |list: &CountryList, now: &str| by_list(&one, granted, list, &zone, at(now));
    let changes = list("2026-11-21", "2026-12-05T23:00:00Z", &["RU", "HK", "MO"]);
    let found = told(&changes, "2026-11-22T12:00:00Z");
    let [occasion] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (occasion.kind, occasion.occasion.as_str()),
        (NoticeKind::ListChange, "cfcs 2026-12")
    );
    assert_eq!(occasion.details.added, ["HK", "MO"]);
    assert_eq!(occasion.details.removed, ["CN"]);
    assert_eq!(told(&changes, "2026-12-02T12:00:00Z"), found, "the same while the journey lasts");
    assert_eq!(told(&changes, "2026-12-20T12:00:00Z"), [], "the journey is over");
    assert_eq!(told(&changes, "2026-11-20T12:00:00Z"), [], "nothing is announced yet");
    let elsewhere = list("2026-11-21", "2026-12-05T23:00:00Z", &["CN", "RU", "IR"]);
    assert_eq!(told(&elsewhere, "2026-11-22T12:00:00Z"), []);
    let known = list("2026-11-01", "2026-12-05T23:00:00Z", &["RU"]);
    assert_eq!(told(&known, "2026-11-22T12:00:00Z"), [], "known when it was granted");
    let later = list("2026-11-21", "2026-12-12T23:00:00Z", &["RU"]);
    assert_eq!(told(&later, "2026-11-22T12:00:00Z"), [], "after the journey");
    let after_the_leg = list("2026-11-21", "2026-12-08T23:00:00Z", &["RU"]);
    assert_eq!(told(&after_the_leg, "2026-11-22T12:00:00Z"), [], "China is behind the traveller");
}

proptest! {
    /// However often is looked, from whichever node, an occasion is one and the same, and each comes
    /// at most once.
    #[test]
    fn occasions_do_not_depend_on_when_is_looked(
        minutes in proptest::collection::vec(0_i64..30 * 1440, 1..50),
        days in 1_i8..9,
    ) {
        let one = journey(&[&format!("CN 2026-12-01..2026-12-0{days}")]);
        let mut seen = std::collections::BTreeSet::new();
        for minute in minutes {
            let now = at("2026-11-20T00:00:00Z") + SignedDuration::from_mins(minute);
            seen.extend(kinds(&one, &now.to_string()));
        }
        prop_assert!(seen.len() <= 3, "{seen:?}");
    }
}
