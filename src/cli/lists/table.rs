//! Tables that fit 80 columns.

use std::fmt::Write as _;

use crate::language::Language;
use crate::territory::Territory;

/// Lines of columns; each column is as wide as said, in characters, and a longer text is cut.
pub(super) fn line(columns: &[(&str, usize)]) -> String {
    let mut line = String::new();
    for (text, width) in columns {
        let _ = write!(line, "{:width$}  ", cut(text, *width), width = *width);
    }
    line.trim_end().to_owned() + "\n"
}

fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A text in lines of at most `width` characters, broken between words. Never empty.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { break };
        if line.is_empty() {
            word.clone_into(line);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// Code, Danish and English name of each, in Danish order.
pub(super) fn of_territories(territories: &[Territory]) -> String {
    let mut sorted = territories.to_vec();
    crate::territory::sort_by_name(&mut sorted, Language::Danish);
    sorted.iter().map(|&t| row(t)).collect()
}

fn row(territory: Territory) -> String {
    let (danish, english) = (territory.name(Language::Danish), territory.name(Language::English));
    line(&[("", 0), (&territory.to_string(), 6), (&danish, 33), (&english, 33)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::territory::Country;

    #[test]
    fn a_text_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("", 7), [""]);
        assert_eq!(wrapped("oneverylongword x", 7), ["oneverylongword", "x"]);
    }

    #[test]
    fn no_row_is_wider_than_80_columns() {
        let all: Vec<Territory> = Country::assigned().map(Territory::country_of).collect();
        let table = of_territories(&all);
        assert_eq!(table.lines().count(), 250);
        for line in table.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let last = table.lines().last().unwrap();
        assert_eq!(last, "  AX      Åland                              Åland Islands");
    }
}
