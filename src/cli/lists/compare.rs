//! `geovagt lists compare`

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{anyhow, bail};
use jiff::Timestamp;
use serde::Serialize;

use super::chosen::{self, Choice, Chosen};
use super::table::{Row, of_territories, rows};
use super::{entra, import, pasted};
use crate::cli::{Answer, Context};
use crate::config::{SourceFile, examine_list, write_findings};
use crate::policy::{Admission, TerritorySet};
use crate::territory::Territory;

/// Arguments of `lists compare`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Another list (YAML), an Entra named location (Microsoft Graph JSON) or a pasted list.
    #[arg(required_unless_present = "version")]
    other: Option<PathBuf>,
    /// Instead of a file: an earlier (or later) version of the same list. With a list file: the
    /// version of that file.
    #[arg(long, value_name = "NAME")]
    version: Option<String>,
    /// Our list, where the configuration has several.
    #[arg(long, value_name = "LIST")]
    list: Option<String>,
    /// The location's display name, where a JSON file holds several.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let at = arguments.choice.instant();
    let ours = arguments.choice.one(context, arguments.list.as_deref())?;
    let version = chosen::version(&ours.list, None, at)?;
    let other = other(context, arguments, &ours, at)?;
    let difference = Difference::between(&version.territories, ours.unknown_location, &other);
    let title = format!("list {} version {}", ours.list.id(), version.version);
    if context.json {
        context.print_json(&difference.report(&title, &other))?;
    } else {
        context.out().write_all(difference.text(&title, &other).as_bytes())?;
    }
    Ok(if difference.is_none() { Answer::Yes } else { Answer::No })
}

/// What is held against our list.
#[derive(Debug)]
struct Other {
    title: String,
    territories: TerritorySet,
    /// Entries that are no territory we know; they are extra, whatever they mean.
    not_known: Vec<String>,
    /// Entra's switch; other lists have none.
    includes_unknown: Option<bool>,
}

fn other(
    context: &Context,
    arguments: &Arguments,
    ours: &Chosen,
    at: Timestamp,
) -> anyhow::Result<Other> {
    let Some(path) = &arguments.other else {
        let version = chosen::version(&ours.list, arguments.version.as_deref(), at)?;
        return Ok(Other {
            title: format!("version {}", version.version),
            territories: version.territories.clone(),
            not_known: Vec::new(),
            includes_unknown: None,
        });
    };
    let text = import::read(path)?;
    let shown = path.display();
    if text.trim_start().starts_with(['{', '[']) && !is_code_list(&text) {
        let location = entra::read(&text, arguments.name.as_deref())
            .map_err(|error| error.context(format!("cannot read {shown}")))?;
        return Ok(from_entra(&location));
    }
    if text.lines().any(|line| line.starts_with("versions:")) {
        let source = SourceFile::new(path, &text);
        let list = match examine_list(None, &source) {
            Ok(file) => file.list,
            Err(findings) => {
                write_findings(&mut context.messages(), &findings, &[source])?;
                bail!("the list {shown} cannot be used; correct it");
            }
        };
        let version = chosen::version(&list, arguments.version.as_deref(), at)?;
        return Ok(Other {
            title: format!("{shown}, list {} version {}", list.id(), version.version),
            territories: version.territories.clone(),
            not_known: Vec::new(),
            includes_unknown: None,
        });
    }
    from_pasted(&text, &shown.to_string())
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

fn from_pasted(text: &str, title: &str) -> anyhow::Result<Other> {
    let pieces = pasted::read(text)?;
    if pieces.is_empty() {
        return Err(anyhow!("{title} names no country"));
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
struct Difference {
    /// On the other list and not on ours.
    extra: Vec<Territory>,
    /// On the other list, and no territory at all.
    not_known: Vec<String>,
    /// On our list and not covered by the other.
    missing: Vec<Territory>,
    /// Subdivisions on one list that the other covers with their country.
    covered: Vec<Territory>,
    /// Where the other's switch for unknown countries differs: what it says.
    unknown_switch: Option<bool>,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
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
    fn between(ours: &TerritorySet, unknown_location: Admission, other: &Other) -> Self {
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

    fn is_none(&self) -> bool {
        self.extra.is_empty()
            && self.not_known.is_empty()
            && self.missing.is_empty()
            && self.unknown_switch.is_none()
    }

    fn report<'a>(&'a self, ours: &'a str, other: &'a Other) -> Report<'a> {
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

    fn text(&self, ours: &str, other: &Other) -> String {
        let theirs = &other.title;
        let mut text = if self.is_none() {
            format!("{theirs} is the same as {ours}.\n")
        } else {
            format!("{theirs} differs from {ours}.\n")
        };
        let mut part = |title: &str, territories: &[Territory]| {
            if !territories.is_empty() {
                let table = of_territories(territories);
                let _ = write!(text, "\n{title} ({}):\n{table}", territories.len());
            }
        };
        part("Missing there: on our list, but not blocked", &self.missing);
        part("Extra there: blocked, but not on our list", &self.extra);
        part("On one list by itself, covered by its country on the other", &self.covered);
        for code in &self.not_known {
            let _ = writeln!(text, "\nNot known, and only there: {code:?}");
        }
        match self.unknown_switch {
            Some(true) => text += SWITCH_ON,
            Some(false) => text += SWITCH_OFF,
            None => {}
        }
        text
    }
}

const SWITCH_ON: &str =
    "\nincludeUnknownCountriesAndRegions is true there: addresses of no known country are
blocked; our policy lets them in (unknown_location: allow).\n";
const SWITCH_OFF: &str =
    "\nincludeUnknownCountriesAndRegions is false there: addresses of no known country
get in; our policy rejects them (unknown_location: deny).\n";

/// What stands on `one` and not on `other`; apart from it, the subdivisions that `other` covers.
fn beyond(one: &TerritorySet, other: &TerritorySet) -> (Vec<Territory>, Vec<Territory>) {
    one.to_vec()
        .into_iter()
        .filter(|&t| !other.names(t))
        .partition(|t| !other.names(Territory::country_of(t.country())))
}

/// Whether a location says just what the first version of a list does.
#[cfg(test)]
pub(super) fn is_same(ours: &Chosen, location: &entra::NamedLocation) -> bool {
    ours.list.versions().first().is_some_and(|version| {
        let other = from_entra(location);
        Difference::between(&version.territories, ours.unknown_location, &other).is_none()
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
        insta::assert_snapshot!(difference.text("list cfcs version 2025-05", &other), @r#"
        Entra location "Blocked" differs from list cfcs version 2025-05.

        Missing there: on our list, but not blocked (1):
          NG      Nigeria                            Nigeria

        Extra there: blocked, but not on our list (1):
          NE      Niger                              Niger

        On one list by itself, covered by its country on the other (1):
          RU-CE   Tjetjenien                         Chechnya

        includeUnknownCountriesAndRegions is false there: addresses of no known country
        get in; our policy rejects them (unknown_location: deny).
        "#);
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
