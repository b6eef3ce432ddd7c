//! How another list differs from ours: an Entra named location, a list file, a pasted list. PURE but
//! for the reading of a list's text.

use jiff::Timestamp;
use serde::Serialize;

use super::pasted::TooLong;
use super::row::{Row, rows};
use super::{entra, pasted};
use crate::config::{Finding, SourceFile, examine_list};
use crate::policy::{Admission, CountryList, ListVersion, TerritorySet};
use crate::territory::Territory;

/// What is held against our list.
#[derive(Debug)]
pub(crate) struct Other {
    /// What it is called.
    pub(crate) title: String,
    /// What stands on it.
    pub(crate) territories: TerritorySet,
    /// Entries that are no territory we know; they are extra, whatever they mean.
    pub(crate) not_known: Vec<String>,
    /// Entra's switch; other lists have none.
    pub(crate) includes_unknown: Option<bool>,
}

/// Why a text cannot be held against a list.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReadable {
    /// It looks like a named location and is none.
    #[error(transparent)]
    Location(#[from] entra::NoLocation),
    /// It looks like a list file, with these faults.
    #[error("the list cannot be used; correct it")]
    List(Vec<Finding>, Box<SourceFile>),
    /// It has no version of that name, or none at all.
    #[error(transparent)]
    Version(#[from] NoVersion),
    /// It is too long.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// It names nothing.
    #[error("{0} names no country")]
    Empty(String),
}

/// Why there is no such version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoVersion {
    /// None of that name.
    #[error("list `{list}` has no version {name:?}; it has: {known}")]
    NotNamed {
        /// The list.
        list: String,
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// None at all.
    #[error("the list has no version")]
    None,
}

/// The version by this name, or the one in force, or the first that will be.
pub(crate) fn version<'a>(
    list: &'a CountryList,
    name: Option<&str>,
    at: Timestamp,
) -> Result<&'a ListVersion, NoVersion> {
    let Some(name) = name else {
        return list.in_force(at).or_else(|| list.announced(at)).ok_or(NoVersion::None);
    };
    list.versions().iter().find(|v| v.version == name).ok_or_else(|| {
        let known: Vec<&str> = list.versions().iter().map(|v| v.version.as_str()).collect();
        let (list, name) = (list.id().to_string(), name.to_owned());
        NoVersion::NotNamed { list, name, known: known.join(", ") }
    })
}

/// How a text that is held against ours is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading<'a> {
    /// Where it comes from, for titles and faults.
    pub(crate) title: &'a str,
    /// Of a list file: which version.
    pub(crate) version: Option<&'a str>,
    /// Of several named locations: which.
    pub(crate) name: Option<&'a str>,
    /// The version in force then is taken where none is named.
    pub(crate) at: Timestamp,
}

/// Reads what somebody holds against our list.
///
/// # Errors
/// [`NotReadable`] where it is none of the kinds that are read.
pub(crate) fn read_other(text: &str, how: Reading<'_>) -> Result<Other, NotReadable> {
    if text.trim_start().starts_with(['{', '[']) && !is_code_list(text) {
        return Ok(from_entra(&entra::read(text, how.name)?));
    }
    if text.lines().any(|line| line.starts_with("versions:")) {
        let source = SourceFile::new(how.title, text);
        let list = match examine_list(None, &source) {
            Ok(file) => file.list,
            Err(findings) => return Err(NotReadable::List(findings, Box::new(source))),
        };
        let version = version(&list, how.version, how.at)?;
        return Ok(Other::version(
            version,
            format!("{}, list {} version {}", how.title, list.id(), version.version),
        ));
    }
    from_pasted(text, how.title)
}

impl Other {
    /// A version of a list.
    pub(crate) fn version(version: &ListVersion, title: String) -> Self {
        let (territories, not_known) = (version.territories.clone(), Vec::new());
        Self { title, territories, not_known, includes_unknown: None }
    }
}

/// `[CN, RU]` and `["CN", "RU"]` are pasted lists; `[{…}]` is Graph's.
fn is_code_list(text: &str) -> bool {
    text.trim_start().starts_with('[') && !text.contains('{')
}

fn from_entra(location: &entra::NamedLocation) -> Other {
    let read = |code: &String| {
        Territory::parse(code).ok().filter(|t| t.is_assigned()).ok_or_else(|| code.clone())
    };
    let (mut territories, mut not_known) = (Vec::new(), Vec::new());
    for code in &location.countries_and_regions {
        match read(code) {
            Ok(territory) => territories.push(territory),
            Err(code) => not_known.push(code),
        }
    }
    Other {
        title: format!("Entra location {:?}", location.display_name.as_deref().unwrap_or("")),
        territories: territories.into_iter().collect(),
        not_known,
        includes_unknown: Some(location.include_unknown_countries_and_regions),
    }
}

fn from_pasted(text: &str, title: &str) -> Result<Other, NotReadable> {
    let pieces = pasted::read(text)?;
    if pieces.is_empty() {
        return Err(NotReadable::Empty(title.to_owned()));
    }
    Ok(Other {
        title: title.to_owned(),
        territories: pasted::known(&pieces).into_iter().collect(),
        not_known: pieces.iter().filter(|p| p.found.is_err()).map(|p| p.text.clone()).collect(),
        includes_unknown: None,
    })
}

/// How another list differs from ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Difference {
    /// On the other list and not on ours.
    pub(crate) extra: Vec<Territory>,
    /// On the other list, and no territory at all.
    pub(crate) not_known: Vec<String>,
    /// On our list and not covered by the other.
    pub(crate) missing: Vec<Territory>,
    /// Subdivisions on one list that the other covers with their country.
    pub(crate) covered: Vec<Territory>,
    /// Where the other's switch for unknown countries differs: what it says.
    pub(crate) unknown_switch: Option<bool>,
}

/// The same for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    ours: &'a str,
    other: &'a str,
    same: bool,
    extra: Vec<Row>,
    not_known: &'a [String],
    missing: Vec<Row>,
    covered: Vec<Row>,
    include_unknown_countries_and_regions: Option<bool>,
    unknown_switch_differs: bool,
}

impl Difference {
    /// Holds the other against ours, which lets in or rejects what is unknown.
    pub(crate) fn between(ours: &TerritorySet, unknown_location: Admission, other: &Other) -> Self {
        let (extra, extra_covered) = beyond(&other.territories, ours);
        let (missing, missing_covered) = beyond(ours, &other.territories);
        let denies = unknown_location == Admission::Deny;
        Self {
            extra,
            not_known: other.not_known.clone(),
            missing,
            covered: extra_covered.into_iter().chain(missing_covered).collect(),
            unknown_switch: other.includes_unknown.filter(|&includes| includes != denies),
        }
    }

    /// Whether both say the same.
    pub(crate) fn is_none(&self) -> bool {
        self.extra.is_empty()
            && self.not_known.is_empty()
            && self.missing.is_empty()
            && self.unknown_switch.is_none()
    }

    /// The same for programs.
    pub(crate) fn report<'a>(&'a self, ours: &'a str, other: &'a Other) -> Report<'a> {
        Report {
            ours,
            other: &other.title,
            same: self.is_none(),
            extra: rows(&self.extra),
            not_known: &self.not_known,
            missing: rows(&self.missing),
            covered: rows(&self.covered),
            include_unknown_countries_and_regions: other.includes_unknown,
            unknown_switch_differs: self.unknown_switch.is_some(),
        }
    }
}

/// What stands on `one` and not on `other`; apart from it, the subdivisions that `other` covers.
fn beyond(one: &TerritorySet, other: &TerritorySet) -> (Vec<Territory>, Vec<Territory>) {
    one.to_vec()
        .into_iter()
        .filter(|&t| !other.names(t))
        .partition(|t| !other.names(Territory::country_of(t.country())))
}

/// Whether a location says just what the first version of a list does.
#[cfg(test)]
pub(super) fn is_same(
    ours: &CountryList,
    unknown_location: Admission,
    location: &entra::NamedLocation,
) -> bool {
    ours.versions().first().is_some_and(|version| {
        let other = from_entra(location);
        Difference::between(&version.territories, unknown_location, &other).is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(codes: &str) -> TerritorySet {
        codes.split(' ').map(|c| Territory::parse(c).unwrap()).collect()
    }

    fn codes(territories: &[Territory]) -> String {
        territories.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    fn location(countries: &str, includes_unknown: bool) -> Other {
        from_entra(&entra::NamedLocation {
            display_name: Some("Blocked".into()),
            countries_and_regions: countries.split(' ').map(str::to_owned).collect(),
            include_unknown_countries_and_regions: includes_unknown,
        })
    }

    #[test]
    fn each_extra_and_missing_country_and_the_switch_are_named() {
        let ours = set("CN RU RU-CE NG");
        let other = location("CN RU NE", false);
        let difference = Difference::between(&ours, Admission::Deny, &other);
        assert_eq!(codes(&difference.missing), "NG");
        assert_eq!(codes(&difference.extra), "NE");
        assert_eq!(codes(&difference.covered), "RU-CE");
        assert_eq!(difference.unknown_switch, Some(false));
    }

    #[test]
    fn the_same_list_is_the_same_and_the_switch_follows_the_policy() {
        let ours = set("CN RU RU-CE");
        for (deny, includes, same) in [
            (Admission::Deny, true, true),
            (Admission::Deny, false, false),
            (Admission::Allow, false, true),
            (Admission::Allow, true, false),
        ] {
            let difference = Difference::between(&ours, deny, &location("RU CN", includes));
            assert_eq!(difference.is_none(), same, "{deny:?} {includes}");
        }
        let pasted = from_pasted("Kina, Rusland, Tjetjenien", "x").unwrap();
        assert!(Difference::between(&ours, Admission::Deny, &pasted).is_none());
    }

    #[test]
    fn what_covers_less_differs() {
        let other = from_pasted("Tjetjenien\nAtlantis", "x").unwrap();
        let difference = Difference::between(&set("RU"), Admission::Deny, &other);
        assert_eq!(codes(&difference.missing), "RU");
        assert_eq!(difference.not_known, ["Atlantis"]);
        let only_known = from_pasted("Rusland\nAtlantis", "x").unwrap();
        assert!(!Difference::between(&set("RU"), Admission::Deny, &only_known).is_none());
        let unassigned = location("RU XX", true);
        assert_eq!(Difference::between(&set("RU"), Admission::Deny, &unassigned).not_known, ["XX"]);
    }

    #[test]
    fn a_list_of_codes_in_brackets_is_no_entra_file() {
        assert!(is_code_list("[CN, RU]"));
        assert!(is_code_list("[\"CN\", \"RU\"]"));
        assert!(!is_code_list("[{\"countriesAndRegions\": []}]"));
    }
}
