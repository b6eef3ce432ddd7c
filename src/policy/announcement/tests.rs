use proptest::prelude::*;

use super::*;
use crate::identifier::{ListId, PolicyId};
use crate::policy::{Admission, EarlyStart, Mode};

const NOTICE: u16 = 14;

fn at(text: &str) -> Timestamp {
    if text.len() == 10 { midnight(text.parse().unwrap()).unwrap() } else { text.parse().unwrap() }
}

fn version(name: &str, announced: &str, from: &str, codes: &str) -> ListVersion {
    ListVersion {
        version: name.into(),
        source: "minutes".into(),
        adopted_by: "owners".into(),
        adopted_on: announced.parse().unwrap(),
        announced_on: announced.parse().unwrap(),
        effective_from: at(from),
        early_start: None,
        territories: codes.split(' ').map(|c| Territory::parse(c).unwrap()).collect(),
    }
}

fn list_with(notice: u16, versions: Vec<ListVersion>) -> CountryList {
    CountryList::new(ListId::parse("cfcs").unwrap(), "n".into(), notice, versions).unwrap()
}

fn list(versions: Vec<ListVersion>) -> CountryList {
    list_with(NOTICE, versions)
}

fn old() -> ListVersion {
    version("2025-05", "2025-03-27", "2025-05-12", "CN RU")
}

fn next(announced: &str, from: &str, codes: &str) -> ListVersion {
    version("2026-12", announced, from, codes)
}

/// An installation that has run with the old version since June 2025.
fn memory() -> Vec<SeenVersion> {
    remember(&list(vec![old()]), &[], true, at("2025-06-01"))
}

fn violations(list: &CountryList, seen: &[SeenVersion], now: &str) -> Vec<LockViolation> {
    check_lock(list, seen, false, at(now)).violations
}

fn early(reason: &str, one: &str, other: &str) -> Option<EarlyStart> {
    Some(EarlyStart { reason: reason.into(), approved_by: [one.into(), other.into()] })
}

#[test]
fn what_is_in_force_at_the_first_installation_is_the_baseline() {
    let list = list(vec![old()]);
    let report = check_lock(&list, &[], true, at("2025-06-01"));
    assert_eq!(report.violations, []);
    assert_eq!(report.versions[0].enforced_from, at("2025-05-12"));
    // The same list, new to an installation that has run before, must keep its notice.
    let report = check_lock(&list, &[], false, at("2025-06-01"));
    assert!(matches!(&report.violations[..], [LockViolation::TooEarly { .. }]));
    assert_eq!(report.versions[0].enforced_from, at("2025-06-15"));
}

#[test]
fn what_is_to_come_at_the_first_installation_keeps_its_notice() {
    let both = list(vec![old(), next("2026-01-01", "2026-12-05", "CN RU IR")]);
    let report = check_lock(&both, &[], true, at("2026-12-01"));
    assert_eq!(report.violations.len(), 1);
    assert_eq!(report.violations[0].version(), "2026-12");
    assert_eq!(report.versions[1].enforced_from, at("2026-12-15"));
}

#[test]
fn notice_counts_from_the_later_of_seen_and_announced() {
    let seen = memory();
    for (announced, from, now, starts_in_time) in [
        ("2026-12-01", "2026-12-15", "2026-12-01", true),
        ("2026-12-01", "2026-12-14", "2026-12-01", false),
        ("2026-11-01", "2026-12-15", "2026-12-01", true),
        ("2026-11-01", "2026-12-14", "2026-12-01", false),
        ("2026-12-05", "2026-12-18", "2026-12-01", false),
        ("2026-12-05", "2026-12-19", "2026-12-01", true),
        // The case of 2025: it starts before anybody was told.
        ("2026-12-01", "2026-11-01", "2026-12-01", false),
        ("2026-12-01", "2026-12-15", "2026-12-01T00:00:01Z", false),
    ] {
        let list = list(vec![old(), next(announced, from, "CN RU IR")]);
        let found = violations(&list, &seen, now);
        assert_eq!(found.is_empty(), starts_in_time, "{announced} {from} {now}: {found:?}");
    }
}

#[test]
fn a_violation_names_the_territories_and_the_first_day_it_may_start() {
    let list = list(vec![old(), next("2026-12-01", "2026-12-02", "CN RU IR KP")]);
    let found = violations(&list, &memory(), "2026-12-01");
    let [violation] = &found[..] else { panic!("{found:?}") };
    let LockViolation::TooEarly { added, .. } = violation else { panic!("{violation:?}") };
    assert_eq!(added.iter().map(ToString::to_string).collect::<Vec<_>>(), ["IR", "KP"]);
    assert_eq!(
        violation.to_string(),
        "version `2026-12` would start on 2026-12-02, but its notice of 14 days lasts until 2026-12-15"
    );
    assert!(violation.way_out().starts_with("let it start on 2026-12-15 or later"));
}

#[test]
fn once_seen_the_notice_runs_and_the_version_starts_on_its_day() {
    let list = list(vec![old(), next("2026-12-01", "2026-12-15", "CN RU IR")]);
    let seen = remember(&list, &memory(), false, at("2026-12-01"));
    for now in ["2026-12-02", "2026-12-14", "2026-12-15", "2027-12-15"] {
        assert_eq!(violations(&list, &seen, now), [], "{now}");
        assert_eq!(remember(&list, &seen, false, at(now)), seen, "{now}");
    }
}

#[test]
fn taking_away_needs_no_notice_and_adding_needs_it_for_each_territory() {
    let seen = memory();
    for (codes, free) in [
        ("CN", true),
        ("RU", true),
        ("CN RU", true),
        ("CN IR", false),
        ("CN RU DK", false),
        // Named by itself, Chechnya is no longer covered by an exemption for Russia.
        ("CN RU RU-CE", false),
    ] {
        let list = list(vec![old(), next("2026-12-01", "2026-12-01", codes)]);
        assert_eq!(violations(&list, &seen, "2026-12-01").is_empty(), free, "{codes}");
    }
}

#[test]
fn an_early_start_takes_a_reason_and_two_different_people() {
    for (given, accepted) in [
        (early("attack", "Anna Holm", "Bo Lind"), true),
        (early("attack", "Anna Holm", "Anna Holm"), false),
        (early("attack", "Anna Holm", " anna  HOLM"), false),
        (early("attack", "Anna Holm", ""), false),
        (early(" ", "Anna Holm", "Bo Lind"), false),
        (None, false),
    ] {
        let mut hurried = next("2026-12-01", "2026-12-02", "CN RU IR");
        hurried.early_start.clone_from(&given);
        let found = violations(&list(vec![old(), hurried]), &memory(), "2026-12-01");
        assert_eq!(found.is_empty(), accepted, "{given:?}: {found:?}");
    }
}

#[test]
fn what_has_been_in_force_neither_changes_nor_goes_away() {
    let seen = memory();
    let mut changed = old();
    changed.source = "another paper".into();
    let found = violations(&list(vec![changed]), &seen, "2026-12-01");
    assert_eq!(found, [LockViolation::Changed { version: "2025-05".into() }]);

    let later = next("2026-12-01", "2026-12-15", "CN");
    let found = violations(&list(vec![later.clone()]), &seen, "2026-12-01");
    assert!(found.contains(&LockViolation::Removed { version: "2025-05".into() }), "{found:?}");

    let backdated = version("2025-01", "2025-01-01", "2025-02-01", "CN");
    let found = violations(&list(vec![backdated, old(), later]), &seen, "2026-12-01");
    let expected = LockViolation::Backdated { version: "2025-01".into(), before: "2025-05".into() };
    assert!(found.contains(&expected), "{found:?}");
}

#[test]
fn what_is_only_announced_may_change_but_is_then_seen_anew_where_it_gets_stricter() {
    let announced = list(vec![old(), next("2026-12-01", "2026-12-31", "CN RU IR")]);
    let seen = remember(&announced, &memory(), false, at("2026-12-01"));
    let now = "2026-12-20";
    for (from, codes, free) in [
        ("2026-12-31", "CN RU IR", true),
        ("2027-01-02", "CN RU IR", true),
        ("2026-12-31", "CN IR", true),
        ("2026-12-30", "CN RU IR", false),
        ("2026-12-31", "CN RU IR KP", false),
    ] {
        let list = list(vec![old(), next("2026-12-01", from, codes)]);
        assert_eq!(violations(&list, &seen, now).is_empty(), free, "{from} {codes}");
    }
    // Gone before it began: nothing was enforced, nothing is history.
    assert_eq!(violations(&list(vec![old()]), &seen, now), []);
}

#[test]
fn a_refused_change_does_not_cost_the_form_that_was_accepted_its_notice() {
    let accepted = list(vec![old(), next("2026-12-01", "2026-12-31", "CN RU IR")]);
    let refused = list(vec![old(), next("2026-12-01", "2026-12-21", "CN RU IR KP")]);
    let seen = remember(&accepted, &memory(), false, at("2026-12-01"));
    let after = remember(&refused, &seen, false, at("2026-12-20"));
    assert_eq!(after, seen);
    assert_eq!(violations(&accepted, &after, "2026-12-20"), []);
}

#[test]
fn a_version_that_was_refused_never_becomes_history_by_waiting() {
    let hurried = list(vec![old(), next("2026-12-01", "2026-12-02", "CN RU IR")]);
    let seen = remember(&hurried, &memory(), false, at("2026-12-01"));
    assert_eq!(violations(&hurried, &seen, "2027-06-01").len(), 1);
    assert!(!seen.iter().any(|s| s.version == "2026-12" && s.was_in_force(at("2027-06-01"))));
}

#[test]
fn a_shorter_notice_is_no_way_around_the_notice() {
    let short = list_with(0, vec![old(), next("2026-12-01", "2026-12-02", "CN RU IR")]);
    assert_eq!(violations(&short, &memory(), "2026-12-01").len(), 1);
    // Promised with the version before, it binds the version after.
    let calm = list_with(3, vec![old(), next("2026-12-01", "2026-12-15", "CN RU IR")]);
    let seen = remember(&calm, &memory(), false, at("2026-12-01"));
    let third = version("2027-01", "2027-01-01", "2027-01-04", "CN RU IR KP");
    let later = list_with(3, [calm.versions(), &[third]].concat());
    assert_eq!(violations(&later, &seen, "2027-01-01"), []);
    // Seen under the long notice, an announced version does not get a shorter one.
    let promised = list(vec![old(), next("2026-12-01", "2026-12-31", "CN RU IR")]);
    let seen = remember(&promised, &memory(), false, at("2026-12-01"));
    let shortened = list_with(0, vec![old(), next("2026-12-01", "2026-12-02", "CN RU IR")]);
    assert_eq!(violations(&shortened, &seen, "2026-12-01").len(), 1);
}

#[test]
fn the_digest_follows_what_a_version_says_and_not_how() {
    let one = old();
    assert_eq!(
        one.digest(),
        version("2025-05", "2025-03-27", "2025-05-11T22:00:00Z", "RU CN").digest()
    );
    let changes: [fn(&mut ListVersion); 9] = [
        |v| v.version.push('x'),
        |v| v.source.push('x'),
        |v| v.adopted_by.push('x'),
        |v| v.adopted_on = "2025-03-28".parse().unwrap(),
        |v| v.announced_on = "2025-03-28".parse().unwrap(),
        |v| v.effective_from = at("2025-05-13"),
        |v| v.early_start = early("r", "a", "b"),
        |v| v.territories = [Territory::parse("CN").unwrap()].into_iter().collect(),
        // The same letters, divided in another way.
        |v| (v.source, v.adopted_by) = ("minuteso".into(), "wners".into()),
    ];
    for change in changes {
        let mut other = one.clone();
        change(&mut other);
        assert_ne!(one.digest(), other.digest(), "{other:?}");
    }
    // Held fast, because stores keep it.
    assert_eq!(
        hex::encode(one.digest()),
        "84286a0d0fbc1d8898d9ee93956c1f57ded6870fef52b95bee91e1a757b0662e"
    );
}

#[test]
fn the_memory_survives_the_store() {
    let seen = memory();
    let text = serde_json::to_string(&seen).unwrap();
    assert_eq!(serde_json::from_str::<Vec<SeenVersion>>(&text).unwrap(), seen);
    let settings = settings(Mode::Enforce, Admission::Allow, "2026-12-01");
    let text = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<SeenSettings>(&text).unwrap(), settings);
}

fn settings(mode: Mode, unknown_location: Admission, seen: &str) -> SeenSettings {
    SeenSettings {
        policy: PolicyId::parse("standard").unwrap(),
        mode,
        unknown_location,
        first_seen: at(seen),
        baseline: false,
    }
}

#[test]
fn a_stricter_setting_waits_for_its_notice_and_says_so() {
    let lenient = settings(Mode::ReportOnly, Admission::Allow, "2026-01-01");
    let strict = settings(Mode::Enforce, Admission::Deny, "2026-12-01");
    let seen = [lenient.clone(), strict.clone()];
    let count = |now: &str| effective_settings(&strict, &seen, NOTICE, at(now));
    let before = count("2026-12-14T22:59:59Z");
    assert_eq!((before.mode, before.unknown_location), (Mode::ReportOnly, Admission::Allow));
    assert_eq!(before.waiting.len(), 2);
    assert_eq!(
        before.waiting[0].to_string(),
        "policy `standard` asks for `mode: enforce`, which is stricter than what was announced; \
         it takes effect on 2026-12-15, until then `mode: report_only` counts"
    );
    let after = count("2026-12-15");
    assert_eq!((after.mode, after.unknown_location), (Mode::Enforce, Admission::Deny));
    assert_eq!(after.waiting, []);
    // Not in the memory yet, it counts as seen now.
    let first_look = effective_settings(&strict, &seen[..1], NOTICE, at("2026-12-01"));
    assert_eq!(first_look.mode, Mode::ReportOnly);
    assert_eq!(must_remember(&strict, &seen[..1]), Some(&strict));
    assert_eq!(must_remember(&strict, &seen), None);
}

#[test]
fn the_first_installation_counts_at_once_and_looser_settings_always_do() {
    let mut strict = settings(Mode::Enforce, Admission::Deny, "2026-12-01");
    let new_policy = effective_settings(&strict, &[], NOTICE, at("2026-12-01"));
    assert_eq!(new_policy.mode, Mode::ReportOnly, "a new policy is no way around the lock");
    strict.baseline = true;
    let first = effective_settings(&strict, &[], NOTICE, at("2026-12-01"));
    assert_eq!((first.mode, first.unknown_location), (Mode::Enforce, Admission::Deny));
    let looser = settings(Mode::ReportOnly, Admission::Deny, "2026-12-02");
    let relaxed = effective_settings(&looser, &[strict], NOTICE, at("2026-12-02"));
    assert_eq!((relaxed.mode, relaxed.unknown_location), (Mode::ReportOnly, Admission::Deny));
}

#[test]
fn a_slip_can_be_taken_back_at_once_but_not_after_the_notice() {
    let mut first = settings(Mode::Enforce, Admission::Deny, "2026-01-01");
    first.baseline = true;
    let slip = settings(Mode::ReportOnly, Admission::Deny, "2026-12-01");
    for (back, mode) in [
        ("2026-12-01T10:00:00Z", Mode::Enforce),
        ("2026-12-14", Mode::Enforce),
        ("2026-12-15", Mode::ReportOnly),
    ] {
        let again = settings(Mode::Enforce, Admission::Deny, back);
        let seen = [first.clone(), slip.clone(), again.clone()];
        assert_eq!(effective_settings(&again, &seen, NOTICE, at(back)).mode, mode, "{back}");
    }
    // What never took effect cannot be taken back.
    let mut lenient = slip.clone();
    lenient.first_seen = at("2026-01-01");
    let tried = settings(Mode::Enforce, Admission::Deny, "2026-12-01");
    let withdrawn = settings(Mode::ReportOnly, Admission::Deny, "2026-12-02");
    let again = settings(Mode::Enforce, Admission::Deny, "2026-12-03");
    let seen = [lenient, tried, withdrawn, again.clone()];
    let waiting = effective_settings(&again, &seen, NOTICE, at("2026-12-03"));
    assert_eq!(waiting.mode, Mode::ReportOnly);
    assert_eq!(waiting.waiting[0].from, at("2026-12-17"));
}

const CODES: [&str; 6] = ["CN", "RU", "RU-CE", "IR", "KP", "DZ"];

fn subset(mask: u8) -> Option<String> {
    let codes: Vec<&str> =
        CODES.iter().enumerate().filter(|(i, _)| mask & (1 << i) != 0).map(|(_, c)| *c).collect();
    (!codes.is_empty()).then(|| codes.join(" "))
}

proptest! {
    /// The slow way to say it: whoever is let in today and would be locked out by the new version
    /// has been told for the whole notice, or the version is refused.
    #[test]
    fn nobody_is_locked_out_without_notice(
        before in 1_u8..64, after in 1_u8..64, announced in 0_i64..60, seen_on in 0_i64..60,
        starts in 0_i64..90, notice in 0_u16..30,
    ) {
        let day = |offset: i64| {
            let first: jiff::civil::Date = "2026-01-10".parse().unwrap();
            first.checked_add(jiff::Span::new().days(offset)).unwrap().to_string()
        };
        let mut base = old();
        base.territories = version("x", "2025-03-27", "2025-05-12", &subset(before).unwrap()).territories;
        let seen = remember(&list_with(notice, vec![base.clone()]), &[], true, at("2025-06-01"));
        let new = next(&day(announced), &day(starts), &subset(after).unwrap());
        let report = check_lock(&list_with(notice, vec![base, new]), &seen, false, at(&day(seen_on)));
        let stricter = after & !before != 0;
        let told = announced.max(seen_on);
        let allowed = !stricter || starts >= told + i64::from(notice);
        prop_assert_eq!(report.violations.is_empty(), allowed, "{:?}", report);
        let from = report.versions[1].enforced_from;
        prop_assert!(from >= at(&day(starts)));
        if stricter {
            prop_assert!(from >= at(&day(told + i64::from(notice))));
        }
    }

    /// A slow model that walks day by day: enforced is what has been asked for through the whole
    /// notice, or what was enforced less than a notice before it was asked for again.
    #[test]
    fn settings_count_as_the_day_by_day_model_says(
        asks in prop::collection::vec((any::<bool>(), 1_usize..40), 1..8),
    ) {
        let asked: Vec<bool> =
            asks.iter().flat_map(|&(enforce, days)| std::iter::repeat_n(enforce, days)).collect();
        let notice = usize::from(NOTICE);
        let mut enforced: Vec<bool> = Vec::new();
        let mut seen: Vec<SeenSettings> = Vec::new();
        for day in 0..asked.len() {
            let began = (0..=day).rev().take_while(|&d| asked[d]).last();
            let shortly_before = |began: usize| {
                let last = enforced[..began].iter().rposition(|&e| e);
                last.is_some_and(|last| began < last + 1 + notice)
            };
            let expected = began.is_some_and(|b| day >= b + notice || shortly_before(b));
            let now = days_later(at("2026-01-10"), u16::try_from(day).unwrap());
            let mode = if asked[day] { Mode::Enforce } else { Mode::ReportOnly };
            let mut record = settings(mode, Admission::Allow, "2026-01-01");
            record.first_seen = now;
            let counts = effective_settings(&record, &seen, NOTICE, now);
            prop_assert_eq!(counts.mode == Mode::Enforce, expected, "day {}", day);
            prop_assert_eq!(!counts.waiting.is_empty(), asked[day] && !expected);
            enforced.push(expected);
            seen.extend(must_remember(&record, &seen).cloned());
        }
    }
}
