//! A version of a list made of a pasted text, ready to be put into the list's file by its operator.
//! PURE.
//!
//! Always holds: nothing is made up. What was not given stays empty, what was not known stands as it
//! was written, and a list with either is refused when it is read.

use std::fmt::Write as _;

use jiff::civil::Date;
use serde::Serialize;

use super::pasted::{self, Piece};
use crate::language::Language;
use crate::territory::{Match, Territory};

/// What is said of the new version beside its territories.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proposal {
    /// Its name.
    pub(crate) version: Option<String>,
    /// The paper it comes from.
    pub(crate) source: Option<String>,
    /// Who adopted it.
    pub(crate) adopted_by: Option<String>,
    /// When it was adopted.
    pub(crate) adopted_on: Option<Date>,
    /// When those concerned were or will be told.
    pub(crate) announced_on: Option<Date>,
    /// When it starts.
    pub(crate) effective_from: Option<Date>,
}

impl Proposal {
    /// A version to paste under `versions:`. What was not known stands in it as it was written, so that
    /// the list is refused until somebody has said what was meant.
    pub(crate) fn block(&self, pieces: &[Piece]) -> String {
        let text = |value: Option<&str>| quoted(value.unwrap_or_default());
        let day = |value: Option<Date>| value.map_or_else(|| quoted(""), |d| d.to_string());
        let mut block = format!(
            "  - version: {}\n    source: {}\n    adopted_by: {}\n    adopted_on: {}\n    announced_on: {}\n    effective_from: {}\n    territories:\n",
            text(self.version.as_deref()),
            text(self.source.as_deref()),
            text(self.adopted_by.as_deref()),
            day(self.adopted_on),
            day(self.announced_on),
            day(self.effective_from),
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
}

/// A YAML string: JSON's is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// How a text was read, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct ReadReport<'a> {
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

/// How a text was read, for programs.
pub(crate) fn report(pieces: &[Piece]) -> ReadReport<'_> {
    let known = pieces.iter().filter_map(|p| {
        let found = p.found.as_ref().ok()?;
        let part = matches!(found, Match::PartOf(_));
        Some(Known { id: found.territory(), line: p.line, text: &p.text, part })
    });
    let unknown = pieces.iter().filter_map(|p| {
        let nearest = &p.found.as_ref().err()?.nearest;
        Some(Unknown { line: p.line, text: &p.text, nearest })
    });
    ReadReport { known: known.collect(), unknown: unknown.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SourceFile, examine_list};

    fn proposal() -> Proposal {
        Proposal {
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
        let block = proposal().block(&pieces);
        let list = as_list(&block).unwrap();
        let codes: Vec<String> =
            list.versions()[0].territories.to_vec().iter().map(ToString::to_string).collect();
        assert_eq!(codes, ["CN", "NO", "RU-CE"]);
        assert_eq!(list.versions()[0].source, "minutes: \"item 3\"");
    }

    #[test]
    fn what_is_not_known_is_said_with_the_nearest_and_cannot_be_pasted() {
        let pieces = pasted::read("Kina\nNigerai\nBali").unwrap();
        let block = proposal().block(&pieces);
        assert!(block.ends_with("      - \"Nigerai\" # not known\n"), "{block}");
        assert!(as_list(&block).is_err());
        let report = serde_json::to_value(report(&pieces)).unwrap();
        assert_eq!(report["unknown"][0]["nearest"][0], "NG");
        assert_eq!(report["known"][1]["part"], true);
    }

    #[test]
    fn what_was_not_given_is_refused_rather_than_made_up() {
        let pieces = pasted::read("Kina").unwrap();
        let mut none = proposal();
        (none.version, none.source, none.effective_from) = (None, None, None);
        assert_eq!(as_list(&none.block(&pieces)).unwrap_err().len(), 3);
    }

    #[test]
    fn control_characters_of_the_text_do_not_reach_the_terminal() {
        let pieces = pasted::read("Ki\u{1b}[31mna\n").unwrap();
        let shown = proposal().block(&pieces);
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}
