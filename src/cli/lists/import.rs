//! `geovagt lists import`

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};

use crate::cli::{Answer, Context};
use crate::config::{MAXIMUM_BYTES, SourceFile};
use crate::language::Language;
use crate::lists::{self, Piece, Proposal};
use crate::territory::Match;

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
    let pieces = lists::read(&read(&arguments.file)?)?;
    if pieces.is_empty() {
        bail!("{} names no country", arguments.file.display());
    }
    if context.json {
        context.print_json(&lists::report(&pieces))?;
    } else {
        context.out().write_all(proposal(arguments).block(&pieces).as_bytes())?;
    }
    context.messages().write_all(remarks(&pieces).as_bytes())?;
    let all_known = pieces.iter().all(|piece| piece.found.is_ok());
    Ok(if all_known { Answer::Yes } else { Answer::No })
}

fn proposal(arguments: &Arguments) -> Proposal {
    Proposal {
        version: arguments.version.clone(),
        source: arguments.source.clone(),
        adopted_by: arguments.adopted_by.clone(),
        adopted_on: arguments.adopted_on,
        announced_on: arguments.announced_on,
        effective_from: arguments.effective_from,
    }
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
    let known = lists::known(pieces).len();
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

    #[test]
    fn what_is_not_known_is_said_with_the_nearest() {
        let remarks = |text: &str| remarks(&lists::read(text).unwrap());
        assert_eq!(
            remarks("Kina\nNigerai\nBali"),
            "line 2: \"Nigerai\" is no country that is known here; did you mean Nigeria (NG) or Niger (NE)?\n\
             line 3: \"Bali\" lies in Indonesia (ID) and was read as the whole of it\n\
             2 territories, 1 name is not known: correct it and import again\n"
        );
        assert_eq!(
            remarks("Norge, Kina\nTjetjenien\nKina"),
            "3 territories, every name is known\n"
        );
    }

    #[test]
    fn control_characters_of_the_text_do_not_reach_the_terminal() {
        let shown = remarks(&lists::read("Ki\u{1b}[31mna\n").unwrap());
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
    }
}
