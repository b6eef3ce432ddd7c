//! `geovagt lists compare`

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::bail;
use jiff::Timestamp;

use super::chosen::{self, Choice, Chosen};
use super::import;
use super::table::of_territories;
use crate::cli::{Answer, Context};
use crate::config::write_findings;
use crate::lists::{Difference, NotReadable, Other, Reading, read_other};
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
        context.out().write_all(text(&difference, &title, &other).as_bytes())?;
    }
    Ok(if difference.is_none() { Answer::Yes } else { Answer::No })
}

fn other(
    context: &Context,
    arguments: &Arguments,
    ours: &Chosen,
    at: Timestamp,
) -> anyhow::Result<Other> {
    let Some(path) = &arguments.other else {
        let version = chosen::version(&ours.list, arguments.version.as_deref(), at)?;
        return Ok(Other::version(version, format!("version {}", version.version)));
    };
    let text = import::read(path)?;
    let title = path.display().to_string();
    let (version, name) = (arguments.version.as_deref(), arguments.name.as_deref());
    match read_other(&text, Reading { title: &title, version, name, at }) {
        Ok(other) => Ok(other),
        Err(NotReadable::List(findings, source)) => {
            write_findings(&mut context.messages(), &findings, &[*source])?;
            bail!("the list {title} cannot be used; correct it");
        }
        Err(error @ NotReadable::Location(_)) => {
            Err(anyhow::Error::from(error).context(format!("cannot read {title}")))
        }
        Err(error) => Err(error.into()),
    }
}

fn text(difference: &Difference, ours: &str, other: &Other) -> String {
    let theirs = &other.title;
    let mut text = if difference.is_none() {
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
    part("Missing there: on our list, but not blocked", &difference.missing);
    part("Extra there: blocked, but not on our list", &difference.extra);
    part("On one list by itself, covered by its country on the other", &difference.covered);
    for code in &difference.not_known {
        let _ = writeln!(text, "\nNot known, and only there: {code:?}");
    }
    match difference.unknown_switch {
        Some(true) => text += SWITCH_ON,
        Some(false) => text += SWITCH_OFF,
        None => {}
    }
    text
}

const SWITCH_ON: &str =
    "\nincludeUnknownCountriesAndRegions is true there: addresses of no known country are
blocked; our policy lets them in (unknown_location: allow).\n";
const SWITCH_OFF: &str =
    "\nincludeUnknownCountriesAndRegions is false there: addresses of no known country
get in; our policy rejects them (unknown_location: deny).\n";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Admission, TerritorySet};

    #[test]
    fn each_extra_and_missing_country_and_the_switch_are_told() {
        let codes = ["CN", "RU", "RU-CE", "NG"];
        let ours: TerritorySet = codes.iter().map(|c| Territory::parse(c).unwrap()).collect();
        let json = r#"{"displayName": "Blocked", "countriesAndRegions": ["CN", "RU", "NE"]}"#;
        let at = Timestamp::UNIX_EPOCH;
        let reading = Reading { title: "x", version: None, name: None, at };
        let other = read_other(json, reading).unwrap();
        let difference = Difference::between(&ours, Admission::Deny, &other);
        insta::assert_snapshot!(text(&difference, "list cfcs version 2025-05", &other), @r#"
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
}
