//! `geovagt lists show`

use std::io::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::chosen::{Choice, Chosen};
use super::table::{line, of_territories, wrapped};
use crate::cli::{Answer, Context};
use crate::lists::{Change, Row, rows};
use crate::policy::{CountryList, ListVersion, civil};
use crate::territory::Territory;

/// Arguments of `lists show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The list; all of them by default.
    list: Option<String>,
    #[command(flatten)]
    choice: Choice,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let at = arguments.choice.instant();
    let lists = arguments.choice.lists(context, arguments.list.as_deref())?;
    if context.json {
        let shown: Vec<ShownList<'_>> = lists.iter().map(|chosen| shown_list(chosen, at)).collect();
        context.print_json(&shown)?;
    } else {
        let mut out = context.out();
        for chosen in &lists {
            out.write_all(text(&chosen.list, at).as_bytes())?;
        }
    }
    Ok(Answer::Yes)
}

#[derive(Debug, Serialize)]
struct ShownList<'a> {
    id: &'a str,
    name: &'a str,
    minimum_notice_days: u16,
    at: Timestamp,
    in_force: Option<&'a str>,
    announced: Option<&'a str>,
    versions: Vec<ShownVersion<'a>>,
}

#[derive(Debug, Serialize)]
struct ShownVersion<'a> {
    id: &'a str,
    source: &'a str,
    adopted_by: &'a str,
    adopted_on: String,
    announced_on: String,
    effective_from: Timestamp,
    early_start: Option<Early<'a>>,
    territories: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Early<'a> {
    reason: &'a str,
    approved_by: &'a [String],
}

fn shown_list(chosen: &Chosen, at: Timestamp) -> ShownList<'_> {
    let list = &chosen.list;
    ShownList {
        id: list.id().as_str(),
        name: list.name(),
        minimum_notice_days: list.minimum_notice_days(),
        at,
        in_force: list.in_force(at).map(|v| v.version.as_str()),
        announced: list.announced(at).map(|v| v.version.as_str()),
        versions: list.versions().iter().map(shown_version).collect(),
    }
}

fn shown_version(version: &ListVersion) -> ShownVersion<'_> {
    ShownVersion {
        id: &version.version,
        source: &version.source,
        adopted_by: &version.adopted_by,
        adopted_on: version.adopted_on.to_string(),
        announced_on: version.announced_on.to_string(),
        effective_from: version.effective_from,
        early_start: version
            .early_start
            .as_ref()
            .map(|e| Early { reason: &e.reason, approved_by: &e.approved_by }),
        territories: rows(&version.territories.to_vec()),
    }
}

/// The list as a person reads it: what counts, what comes, what was.
fn text(list: &CountryList, at: Timestamp) -> String {
    let mut text = format!("{}: {}\n", list.id(), list.name());
    match list.in_force(at) {
        Some(version) => {
            let entries = version.territories.to_vec();
            text += &format!(
                "\nVersion {} has been in force since {}, {} entries.\n",
                version.version,
                civil::shown(version.effective_from),
                entries.len()
            );
            text += &facts(version);
            text.push('\n');
            text += &of_territories(&entries);
        }
        None => text += "\nNo version is in force.\n",
    }
    if let Some(next) = list.announced(at) {
        text += &format!(
            "\nVersion {} comes into force on {}.\n",
            next.version,
            civil::shown(next.effective_from)
        );
        text += &facts(next);
        text += &change(list.in_force(at), next);
    }
    text + &versions(list, at)
}

fn facts(version: &ListVersion) -> String {
    let adopted = format!("{} by {}", version.adopted_on, version.adopted_by);
    let mut facts = fact("source", &version.source)
        + &fact("adopted", &adopted)
        + &fact("announced", &version.announced_on.to_string());
    if let Some(early) = &version.early_start {
        facts += &fact("early", &format!("{} ({})", early.reason, early.approved_by.join(", ")));
    }
    facts
}

fn fact(name: &str, text: &str) -> String {
    let lines = wrapped(text, 66);
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    names.zip(&lines).map(|(name, text)| line(&[("", 0), (name, 10), (text, 66)])).collect()
}

fn change(before: Option<&ListVersion>, after: &ListVersion) -> String {
    let Change { added, removed } =
        Change::between(before.map(|before| &before.territories), &after.territories);
    let part = |title: &str, territories: &[Territory]| {
        if territories.is_empty() {
            return String::new();
        }
        format!("  {title}:\n{}", of_territories(territories))
    };
    part("added", &added) + &part("removed", &removed)
}

fn versions(list: &CountryList, at: Timestamp) -> String {
    let mut text = "\nVersions\n".to_owned();
    let in_force = list.in_force(at).map(|v| &v.version);
    for version in list.versions() {
        let state = if version.effective_from > at {
            "announced"
        } else if Some(&version.version) == in_force {
            "in force"
        } else {
            "ended"
        };
        let entries = format!("{} entries", version.territories.len());
        let from = civil::shown(version.effective_from);
        text += &line(&[("", 0), (&version.version, 16), (&from, 29), (&entries, 12), (state, 10)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceFile, examine_list};

    fn list() -> CountryList {
        let shipped = include_str!("../../../config/lists/cfcs.yaml");
        let next = "  - {version: \"2027-01\", source: s, adopted_by: b, adopted_on: 2026-12-01, announced_on: 2026-12-01, effective_from: 2027-01-01, territories: [CN, RU, KR]}\n";
        let source = SourceFile::new("l.yaml", &format!("{shipped}{next}"));
        examine_list(None, &source).unwrap().list
    }

    #[test]
    fn the_version_in_force_is_shown_whole_and_the_next_as_a_change() {
        let text = text(&list(), "2026-11-22T00:00:00Z".parse().unwrap());
        assert!(text.starts_with("cfcs: Lande på listen\n\nVersion 2025-05 has been in force since 2025-05-12, 38 entries.\n"), "{text}");
        let source = "  source      Ballerup Kommune, Digitaliserings- og Teknologiudvalget\n              14-08-2025, punkt 3\n";
        assert!(text.contains(source), "{text}");
        assert!(text.contains("  RU-CE   Tjetjenien                         Chechnya\n"), "{text}");
        assert!(text.contains("Version 2027-01 comes into force on 2027-01-01.\n"), "{text}");
        assert!(text.contains("  added:\n  KR      Sydkorea "), "{text}");
        assert!(text.contains("  removed:\n  AF      Afghanistan "), "{text}");
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }

    #[test]
    fn before_the_first_version_nothing_is_in_force() {
        let text = text(&list(), "2025-05-11T21:59:59Z".parse().unwrap());
        assert!(text.contains("No version is in force."));
        assert!(text.contains("Version 2025-05 comes into force on 2025-05-12."));
    }

    #[test]
    fn json_carries_ids() {
        let chosen = Chosen {
            list: list(),
            unknown_location: crate::policy::Admission::Deny,
            database: None,
        };
        let json =
            serde_json::to_value(shown_list(&chosen, "2026-11-22T00:00:00Z".parse().unwrap()))
                .unwrap();
        assert_eq!(
            (&json["id"], &json["in_force"], &json["announced"]),
            (&"cfcs".into(), &"2025-05".into(), &"2027-01".into())
        );
        assert_eq!(json["versions"][0]["id"], "2025-05");
        assert_eq!(json["versions"][0]["territories"].as_array().unwrap().len(), 38);
        assert_eq!(json["versions"][0]["territories"][0]["id"], "AF");
    }
}
