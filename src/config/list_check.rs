//! What a list means on this machine: what the database can tell, and what the lock says.
//!
//! PURE: the database is a closure, the store's memory an argument. `sources` are the files that were
//! read with the configuration, so that a finding stands at the version it is about.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Finding, Place, SourceFile, examine_list};
use crate::language::Language;
use crate::policy::CountryList;
use crate::policy::announcement::{EffectiveSettings, LockReport, LockViolation, SettingsWait};
use crate::territory::Territory;

/// Whether the database can tell what stands on the list. `sees` says of a territory whether the
/// database holds addresses of it; for one with countries alone, it is false for each subdivision.
///
/// Looks at the version in force and at those to come: what has ended decides nothing.
#[must_use]
pub fn visibility(
    list: &CountryList,
    sees: impl Fn(Territory) -> bool,
    now: Timestamp,
    sources: &[SourceFile],
) -> Vec<Finding> {
    let in_force = list.in_force(now).map_or(Timestamp::MIN, |v| v.effective_from);
    let mut said = BTreeSet::new();
    let mut findings = Vec::new();
    for version in list.versions().iter().filter(|v| v.effective_from >= in_force) {
        for territory in version.territories.to_vec() {
            if sees(territory) || !said.insert(territory) {
                continue;
            }
            let country = Territory::country_of(territory.country());
            let covered = territory != country && version.territories.names(country);
            findings.push(not_seen(territory, covered, place_of(list, &version.version, sources)));
        }
    }
    findings
}

fn not_seen(territory: Territory, covered: bool, place: Option<Place>) -> Finding {
    let named = |t: Territory| format!("{t} ({})", t.name(Language::English));
    let country = Territory::country_of(territory.country());
    let finding = if covered {
        Finding::note(format!(
            "the database cannot tell {} from the rest of {}; {country} stands on the list and covers it",
            named(territory),
            named(country)
        ))
        .with_help("nothing needs to be done; a city-level database would tell it apart")
    } else if territory == country {
        Finding::error(format!("the database holds no address of {}", named(territory)))
            .with_help("take a database that covers every country on the list")
    } else {
        Finding::error(format!(
            "the database cannot tell {} from the rest of {}, so nobody there would be rejected",
            named(territory),
            named(country)
        ))
        .with_help(format!("take a city-level database, or put {country} on the list"))
    };
    finding.at(place)
}

/// What the announcement lock says about a list, at the places of its versions.
#[must_use]
pub fn lock_findings(
    list: &CountryList,
    report: &LockReport,
    sources: &[SourceFile],
) -> Vec<Finding> {
    let finding = |violation: &LockViolation| {
        Finding::error(format!("list `{}`: {violation}", list.id()))
            .with_help(violation.way_out())
            .at(place_of(list, violation.version(), sources))
    };
    report.violations.iter().map(finding).collect()
}

/// What the announcement lock says about the settings of a policy: a warning that names the date
/// for each stricter setting that still waits.
#[must_use]
pub fn settings_findings(settings: &EffectiveSettings) -> Vec<Finding> {
    let finding = |wait: &SettingsWait| {
        Finding::warning(wait.to_string())
            .with_help("tell those concerned; nothing else needs to be done")
    };
    settings.waiting.iter().map(finding).collect()
}

/// Where a version begins in the file that holds the list.
fn place_of(list: &CountryList, version: &str, sources: &[SourceFile]) -> Option<Place> {
    let files = sources.iter().filter_map(|source| examine_list(Some(list.id()), source).ok());
    files.into_iter().find(|file| file.list == *list)?.place_of(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Severity;
    use crate::policy::announcement::check_lock;

    fn list(territories: &str) -> (CountryList, [SourceFile; 2]) {
        let text = format!(
            "id: cfcs\nname: n\nversions:\n  - version: a\n    source: s\n    adopted_by: b\n    adopted_on: 2025-03-27\n    announced_on: 2025-03-27\n    effective_from: 2025-05-12\n    territories: [{territories}]\n"
        );
        let sources =
            [SourceFile::new("gateway.yaml", "store: sqlite\n"), SourceFile::new("l.yaml", &text)];
        (examine_list(None, &sources[1]).unwrap().list, sources)
    }

    fn seen(territories: &str, sees: impl Fn(Territory) -> bool) -> Vec<(Severity, String)> {
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        let (list, sources) = list(territories);
        let found = visibility(&list, sees, now, &sources);
        assert!(found.iter().all(|f| f.place.as_ref().is_some_and(|p| p.line == 4)));
        found.into_iter().map(|f| (f.severity, f.message)).collect()
    }

    #[test]
    fn a_country_level_database_leaves_chechnya_to_russia() {
        let countries_only = |t: Territory| t.subdivision().is_none();
        let found = seen("RU, RU-CE, CN", countries_only);
        assert_eq!(
            found,
            [(
                Severity::Note,
                "the database cannot tell RU-CE (Chechnya) from the rest of RU (Russia); RU stands on the list and covers it".to_owned()
            )]
        );
        let found = seen("RU-CE, CN", countries_only);
        assert_eq!(found[0].0, Severity::Error);
        assert!(found[0].1.ends_with("so nobody there would be rejected"));
    }

    #[test]
    fn a_city_level_database_that_sees_all_has_nothing_to_say() {
        assert_eq!(seen("RU, RU-CE", |_| true), []);
        assert_eq!(seen("RU-CE", |_| true), []);
        let found = seen("RU, CN", |t| t.to_string() != "CN");
        assert_eq!(
            found,
            [(Severity::Error, "the database holds no address of CN (China)".to_owned())]
        );
    }

    #[test]
    fn a_broken_lock_is_an_error_at_the_version() {
        let (list, sources) = list("CN");
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        let found = |first| lock_findings(&list, &check_lock(&list, &[], first, now), &sources);
        assert_eq!(found(true), []);
        let found = found(false);
        assert_eq!(found[0].severity, Severity::Error);
        assert!(found[0].message.starts_with("list `cfcs`: version `a` would start on 2025-05-12"));
        assert_eq!(found[0].place.as_ref().map(|p| (p.line, p.column)), Some((4, 14)));
    }
}
