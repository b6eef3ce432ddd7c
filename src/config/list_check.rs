//! What a list means on this machine: what the database can tell, and what the lock says.
//!
//! PURE but for [`read_lists`]: the database is a closure, the store's memory an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Finding, ListFile, Place, SourceFile, examine_list};
use crate::identifier::ListId;
use crate::language::Language;
use crate::policy::CountryList;
use crate::policy::announcement::{EffectiveSettings, LockReport};
use crate::territory::Territory;

/// The lists of a configuration, as far as they could be read.
#[derive(Debug, Clone, Default)]
pub struct ReadLists {
    /// The lists that are whole.
    pub lists: BTreeMap<ListId, Arc<CountryList>>,
    /// The same with the places of their versions.
    pub files: BTreeMap<ListId, ListFile>,
    /// Everything there is to say.
    pub findings: Vec<Finding>,
    /// The files, to show findings in.
    pub sources: Vec<SourceFile>,
}

/// Reads every list of `country_lists`. A list that cannot be read is an error among the findings.
#[must_use]
pub fn read_lists(paths: &BTreeMap<ListId, PathBuf>) -> ReadLists {
    let mut read = ReadLists::default();
    for (id, path) in paths {
        let source = match SourceFile::read(path) {
            Ok(source) => source,
            Err(finding) => {
                let help = format!("correct the path of `{id}` under `country_lists`");
                read.findings.push(finding.with_help(help));
                continue;
            }
        };
        match examine_list(Some(id), &source) {
            Ok(file) => {
                read.findings.extend(file.findings.iter().cloned());
                read.lists.insert(id.clone(), Arc::new(file.list.clone()));
                read.files.insert(id.clone(), file);
            }
            Err(findings) => read.findings.extend(findings),
        }
        read.sources.push(source);
    }
    read
}

/// Whether the database can tell what stands on the list. `sees` says of a territory whether the
/// database holds addresses of it; for one with countries alone, it is false for each subdivision.
///
/// Looks at the version in force and at those to come: what has ended decides nothing.
pub fn visibility(
    file: &ListFile,
    sees: impl Fn(Territory) -> bool,
    now: Timestamp,
) -> Vec<Finding> {
    let list = &file.list;
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
            findings.push(not_seen(territory, covered, file.place_of(&version.version)));
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
pub fn lock_findings(file: &ListFile, report: &LockReport) -> Vec<Finding> {
    let finding = |violation: &crate::policy::announcement::LockViolation| {
        Finding::error(format!("list `{}`: {violation}", file.list.id()))
            .with_help(violation.way_out())
            .at(file.place_of(violation.version()))
    };
    report.violations.iter().map(finding).collect()
}

/// What the announcement lock says about the settings of a policy: a warning that names the date
/// for each stricter setting that still waits.
#[must_use]
pub fn settings_findings(settings: &EffectiveSettings) -> Vec<Finding> {
    let finding = |wait: &crate::policy::announcement::SettingsWait| {
        Finding::warning(wait.to_string())
            .with_help("tell those concerned; nothing else needs to be done")
    };
    settings.waiting.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Severity, SourceFile};
    use crate::policy::announcement::check_lock;

    fn file(territories: &str) -> ListFile {
        let text = format!(
            "id: cfcs\nname: n\nversions:\n  - version: a\n    source: s\n    adopted_by: b\n    adopted_on: 2025-03-27\n    announced_on: 2025-03-27\n    effective_from: 2025-05-12\n    territories: [{territories}]\n"
        );
        examine_list(None, &SourceFile::new("l.yaml", &text)).unwrap()
    }

    fn seen(territories: &str, sees: impl Fn(Territory) -> bool) -> Vec<(Severity, String)> {
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        let found = visibility(&file(territories), sees, now);
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
        let file = file("CN");
        let now = "2026-11-22T00:00:00Z".parse().unwrap();
        assert_eq!(lock_findings(&file, &check_lock(&file.list, &[], true, now)), []);
        let found = lock_findings(&file, &check_lock(&file.list, &[], false, now));
        assert_eq!(found[0].severity, Severity::Error);
        assert!(found[0].message.starts_with("list `cfcs`: version `a` would start on 2025-05-12"));
        assert_eq!(found[0].place.as_ref().map(|p| (p.line, p.column)), Some((4, 14)));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_an_error_and_the_others_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let good = directory.path().join("cfcs.yaml");
        std::fs::write(&good, include_str!("../../config/lists/cfcs.yaml")).unwrap();
        let id = |text: &str| ListId::parse(text).unwrap();
        let paths = BTreeMap::from([
            (id("cfcs"), good),
            (id("missing"), directory.path().join("missing.yaml")),
        ]);
        let read = read_lists(&paths);
        assert_eq!(read.lists.keys().map(ListId::as_str).collect::<Vec<_>>(), ["cfcs"]);
        assert_eq!(read.findings.len(), 1);
        assert_eq!(read.findings[0].severity, Severity::Error);
    }
}
