//! `geovagt lists import`

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use serde::Serialize;

use super::pasted::{self, Piece};
use crate::cli::{Answer, Context};
use crate::config::{MAXIMUM_BYTES, SourceFile};
use crate::language::Language;
use crate::territory::{Match, Territory};

/// Arguments of `lists import`. What is not given stays empty in the block, and an empty field is
/// refused when the list is read: nothing is made up.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The pasted text; `-` reads standard input.
    file: PathBuf,
    /// The new version's name, such as 2027-01.
    #[arg(long, value_name = "NAME")]
    version: Option<String>,
    /// The paper it comes from.
    #[arg(long, value_name = "TEXT")]
    source: Option<String>,
    /// Who adopted it.
    #[arg(long, value_name = "TEXT")]
    adopted_by: Option<String>,
    /// When it was adopted.
    #[arg(long, value_name = "DATE")]
    adopted_on: Option<jiff::civil::Date>,
    /// When those concerned were or will be told.
    #[arg(long, value_name = "DATE")]
    announced_on: Option<jiff::civil::Date>,
    /// When it starts.
    #[arg(long, value_name = "DATE")]
    effective_from: Option<jiff::civil::Date>,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let pieces = pasted::read(&read(&arguments.file)?)?;
    if pieces.is_empty() {
        bail!("{} names no country", arguments.file.display());
    }
    if context.json {
        context.print_json(&report(&pieces))?;
    } else {
        context.out().write_all(block(arguments, &pieces).as_bytes())?;
    }
    context.messages().write_all(remarks(&pieces).as_bytes())?;
    let all_known = pieces.iter().all(|piece| piece.found.is_ok());
    Ok(if all_known { Answer::Yes } else { Answer::No })
}

/// The text of a file, or of standard input for `-`.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    if path != Path::new("-") {
        let read = SourceFile::read(path).map_err(|finding| anyhow!(finding.message));
        return Ok(read?.text);
    }
    let mut text = String::new();
    std::io::stdin()
        .take(MAXIMUM_BYTES + 1)
        .read_to_string(&mut text)
        .context("cannot read standard input")?;
    if text.len() as u64 > MAXIMUM_BYTES {
        bail!("standard input is longer than a list can be");
    }
    Ok(text)
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    known: Vec<Known<'a>>,
    unknown: Vec<Unknown<'a>>,
}

#[derive(Debug, Serialize)]
struct Known<'a> {
    id: Territory,
    line: usize,
    text: &'a str,
    /// The text names only a part of the territory.
    part: bool,
}

#[derive(Debug, Serialize)]
struct Unknown<'a> {
    line: usize,
    text: &'a str,
    nearest: &'a [Territory],
}

fn report(pieces: &[Piece]) -> Report<'_> {
    let known = pieces.iter().filter_map(|p| {
        let found = p.found.as_ref().ok()?;
        let part = matches!(found, Match::PartOf(_));
        Some(Known { id: found.territory(), line: p.line, text: &p.text, part })
    });
    let unknown = pieces.iter().filter_map(|p| {
        let nearest = &p.found.as_ref().err()?.nearest;
        Some(Unknown { line: p.line, text: &p.text, nearest })
    });
    Report { known: known.collect(), unknown: unknown.collect() }
}

/// A version to paste under `versions:`. What was not known stands in it as it was written, so that
/// the list is refused until somebody has said what was meant.
fn block(arguments: &Arguments, pieces: &[Piece]) -> String {
    let text = |value: Option<&str>| quoted(value.unwrap_or_default());
    let day =
        |value: Option<jiff::civil::Date>| value.map_or_else(|| quoted(""), |d| d.to_string());
    let mut block = format!(
        "  - version: {}\n    source: {}\n    adopted_by: {}\n    adopted_on: {}\n    announced_on: {}\n    effective_from: {}\n    territories:\n",
        text(arguments.version.as_deref()),
        text(arguments.source.as_deref()),
        text(arguments.adopted_by.as_deref()),
        day(arguments.adopted_on),
        day(arguments.announced_on),
        day(arguments.effective_from),
    );
    for territory in pasted::known(pieces) {
        let name = territory.name(Language::Danish);
        let _ = writeln!(block, "      - {:5} # {name}", territory.to_string());
    }
    for piece in pieces.iter().filter(|p| p.found.is_err()) {
        let _ = writeln!(block, "      - {} # not known", quoted(&piece.text));
    }
    block
}

/// A YAML string: JSON's is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a person should know about how the text was read.
fn remarks(pieces: &[Piece]) -> String {
    let mut remarks = String::new();
    for Piece { line, text, found } in pieces {
        let _ = match found {
            Err(unknown) => writeln!(remarks, "line {line}: {unknown}"),
            Ok(Match::PartOf(whole)) => writeln!(
                remarks,
                "line {line}: {text:?} lies in {} ({whole}) and was read as the whole of it",
                whole.name(Language::English)
            ),
            Ok(Match::Exact(_)) => Ok(()),
        };
    }
    let unknown = pieces.iter().filter(|p| p.found.is_err()).count();
    let known = pasted::known(pieces).len();
    let _ = match unknown {
        0 => writeln!(remarks, "{known} territories, every name is known"),
        1 => writeln!(
            remarks,
            "{known} territories, 1 name is not known: correct it and import again"
        ),
        _ => writeln!(
            remarks,
            "{known} territories, {unknown} names are not known: correct them and import again"
        ),
    };
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::examine_list;

    fn arguments() -> Arguments {
        Arguments {
            file: PathBuf::from("x"),
            version: Some("2027-01".into()),
            source: Some("minutes: \"item 3\"".into()),
            adopted_by: Some("council".into()),
            adopted_on: Some("2026-12-01".parse().unwrap()),
            announced_on: Some("2026-12-01".parse().unwrap()),
            effective_from: Some("2027-01-01".parse().unwrap()),
        }
    }

    fn as_list(block: &str) -> Result<crate::policy::CountryList, Vec<crate::config::Finding>> {
        let text = format!("id: x\nname: n\nversions:\n{block}");
        examine_list(None, &SourceFile::new("x.yaml", &text)).map(|file| file.list)
    }

    #[test]
    fn the_block_can_be_pasted_as_it_is() {
        let pieces = pasted::read("Norge, Kina\nTjetjenien\nKina").unwrap();
        let block = block(&arguments(), &pieces);
        let list = as_list(&block).unwrap();
        let codes: Vec<String> =
            list.versions()[0].territories.to_vec().iter().map(ToString::to_string).collect();
        assert_eq!(codes, ["CN", "NO", "RU-CE"]);
        assert_eq!(list.versions()[0].source, "minutes: \"item 3\"");
        assert_eq!(remarks(&pieces), "3 territories, every name is known\n");
    }

    #[test]
    fn what_is_not_known_is_said_with_the_nearest_and_cannot_be_pasted() {
        let pieces = pasted::read("Kina\nNigerai\nBali").unwrap();
        assert_eq!(
            remarks(&pieces),
            "line 2: \"Nigerai\" is no country that is known here; did you mean Nigeria (NG) or Niger (NE)?\n\
             line 3: \"Bali\" lies in Indonesia (ID) and was read as the whole of it\n\
             2 territories, 1 name is not known: correct it and import again\n"
        );
        let block = block(&arguments(), &pieces);
        assert!(block.ends_with("      - \"Nigerai\" # not known\n"), "{block}");
        assert!(as_list(&block).is_err());
        let report = serde_json::to_value(report(&pieces)).unwrap();
        assert_eq!(report["unknown"][0]["nearest"][0], "NG");
        assert_eq!(report["known"][1]["part"], true);
    }

    #[test]
    fn what_was_not_given_is_refused_rather_than_made_up() {
        let pieces = pasted::read("Kina").unwrap();
        let mut none = arguments();
        (none.version, none.source, none.effective_from) = (None, None, None);
        assert_eq!(as_list(&block(&none, &pieces)).unwrap_err().len(), 3);
    }

    #[test]
    fn control_characters_of_the_text_do_not_reach_the_terminal() {
        let pieces = pasted::read("Ki\u{1b}[31mna\n").unwrap();
        let shown = remarks(&pieces) + &block(&arguments(), &pieces);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}
