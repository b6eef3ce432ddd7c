//! A cell of a table that a spreadsheet opens: whatever a stranger sent, it computes nothing.
//!
//! PURE.

use std::borrow::Cow;

/// The text as it may stand in a cell. What a spreadsheet would take for a formula gets an
/// apostrophe in front, which it shows and does not run; line breaks become spaces.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let is_break = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let flat = if text.contains(is_break) {
        Cow::Owned(text.replace(is_break, " "))
    } else {
        Cow::Borrowed(text)
    };
    // Spreadsheets pass over what is not seen, and some take full-width signs for the same.
    let first = flat.chars().find(|c| !c.is_whitespace() && !is_invisible(*c));
    let begins_formula =
        matches!(first, Some('=' | '+' | '-' | '@' | '|' | '%' | '＝' | '＋' | '－' | '＠'));
    if begins_formula { Cow::Owned(format!("'{flat}")) } else { flat }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_cell_is_a_formula() {
        for text in [
            "=HYPERLINK(\"http://evil\")",
            "+1+1",
            "-2+3",
            "@SUM(A1)",
            " =1+1",
            "\t=1+1",
            "\r\n=1+1",
            "\u{feff}=1",
            "\u{200b}=1",
            "＝1+1",
            "\"=1+1",
            "|calc",
            "%0A=1",
        ] {
            assert!(cell(text).starts_with('\''), "{text:?} -> {:?}", cell(text));
        }
        for text in ["", "anna", "203.0.113.9", "Mozilla/5.0 (=)", "a=b", "æøå", "2001:db8::1"] {
            assert_eq!(cell(text), text);
        }
        assert_eq!(cell("a\r\nb\tc"), "a  b c");
    }
}
