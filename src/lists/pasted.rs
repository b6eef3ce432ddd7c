//! A list as somebody copied it from minutes, a mail or a spreadsheet.
//!
//! Always holds: every piece of the text that could be a name is either known or said to be unknown.

use crate::territory::{self, Match, NotFound, Territory};

/// A text with more pieces is no list of countries.
const MOST_PIECES: usize = 2000;

/// Why a text is not read at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this has more than {MOST_PIECES} entries and is hardly a list of countries")]
pub(crate) struct TooLong;

/// One piece of the text.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Where it stands; the first line is 1.
    pub(crate) line: usize,
    /// As it was written.
    pub(crate) text: String,
    /// What it names.
    pub(crate) found: Result<Match, NotFound>,
}

/// Every territory of a text: one a line, or several between commas, semicolons, tabs or "og";
/// numbering, bullets, quotes and `#` comments are passed over.
pub(crate) fn read(text: &str) -> Result<Vec<Piece>, TooLong> {
    let mut pieces = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        divide(line, SEPARATORS, &mut |part, found| {
            pieces.push(Piece { line: index + 1, text: part.to_owned(), found });
        });
        if pieces.len() > MOST_PIECES {
            return Err(TooLong);
        }
    }
    Ok(pieces)
}

/// Tried in this order, each only where the whole is no name: "Korea, Republic of" stays one.
const SEPARATORS: &[&[&str]] = &[&["\t", ";", "|"], &[","], &[" og ", " and ", " & "]];

fn divide(
    text: &str,
    separators: &[&[&str]],
    give: &mut impl FnMut(&str, Result<Match, NotFound>),
) {
    let text = bare(text);
    if text.is_empty() || text.chars().all(|c| c.is_ascii_digit()) {
        return;
    }
    let found = territory::look_up(text);
    if found.is_err()
        && let Some((these, rest)) = separators.split_first()
    {
        for part in split(text, these) {
            divide(part, rest, give);
        }
        return;
    }
    give(text, found);
}

fn split<'a>(text: &'a str, separators: &[&str]) -> Vec<&'a str> {
    separators.iter().fold(vec![text], |parts, separator| {
        parts.into_iter().flat_map(|part| part.split(separator)).collect()
    })
}

/// Without bullet, number, quotes and the punctuation around.
fn bare(text: &str) -> &str {
    let around =
        |c: char| c.is_whitespace() || "\"'“”„»«[].,;:-*•·–—‣◦▪●○\u{feff}\u{a0}".contains(c);
    let text = text.trim_matches(around);
    let number = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if number.len() == text.len() {
        return text;
    }
    // "12. Kina", "12) Kina", "12 Kina"; never the digits of a name.
    match number.chars().next() {
        Some(c) if ".):".contains(c) || c.is_whitespace() => {
            number.trim_start_matches([')', '.', ':']).trim_matches(around)
        }
        Some(_) | None => text,
    }
}

/// The territories that were known, each once, in the order of the text.
pub(crate) fn known(pieces: &[Piece]) -> Vec<Territory> {
    let mut known = Vec::new();
    for piece in pieces {
        if let Ok(found) = &piece.found
            && !known.contains(&found.territory())
        {
            known.push(found.territory());
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn codes(text: &str) -> Vec<String> {
        read(text)
            .unwrap()
            .iter()
            .map(|p| {
                p.found
                    .as_ref()
                    .map_or_else(|_| format!("?{}", p.text), |m| m.territory().to_string())
            })
            .collect()
    }

    #[test]
    fn lists_are_read_as_people_paste_them() {
        for (text, expected) in [
            ("Kina\nRusland\n", "CN RU"),
            ("Kina, Rusland; Iran", "CN RU IR"),
            ("Kina, Rusland og Iran.", "CN RU IR"),
            ("1. Kina\n2) Rusland\n 3 Iran\n4: Irak\n", "CN RU IR IQ"),
            ("• Kina\n- Rusland\n* Iran\n– Irak", "CN RU IR IQ"),
            ("1\tAfghanistan\tAF\n2\tAlgeriet\tDZ", "AF AF DZ DZ"),
            ("[AF, DZ, AO, RU-CE]", "AF DZ AO RU-CE"),
            ("      - AF    # Afghanistan\n", "AF"),
            ("# a comment\n\n\u{feff}Nord Korea", "KP"),
            ("Trinidad og Tobago og Kina", "?Trinidad ?Tobago CN"),
            ("Trinidad og Tobago, Kina", "TT CN"),
            ("Korea, Republic of\nDR Congo, Republikken Congo", "KR CD CG"),
            ("Hviderusland (Belarus), Hong Kong", "BY HK"),
            ("Nigerai\nKina, Atlantis", "?Nigerai CN ?Atlantis"),
            ("Kina\r\nRusland\r\n", "CN RU"),
            ("3", ""),
            ("", ""),
        ] {
            assert_eq!(codes(text).join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn the_minutes_give_38_codes() {
        let minutes = include_str!("../../config/lists/cfcs.yaml");
        let names: Vec<&str> = minutes
            .lines()
            .filter_map(|line| {
                line.split_once(" # ").filter(|(code, _)| code.starts_with("      - "))
            })
            .map(|(_, name)| name.split(';').next().unwrap())
            .collect();
        assert_eq!(names.len(), 38);
        let pieces = read(&names.join("\n")).unwrap();
        assert!(pieces.iter().all(|p| p.found.is_ok()), "{pieces:?}");
        assert_eq!(known(&pieces).len(), 38);
    }

    #[test]
    fn a_text_that_is_no_list_ends_soon() {
        assert!(read(&"x\n".repeat(100_000)).is_err());
        assert_eq!(codes(&"a".repeat(100_000)).len(), 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(\\PC|\n|\t){0,80}") {
            let pieces = read(&text).unwrap();
            prop_assert!(known(&pieces).len() <= pieces.len());
        }
    }
}
