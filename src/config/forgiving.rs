//! Reading on after an unknown key or a value of the wrong type, so that one run of `check` names
//! them all.
//!
//! The YAML reader stops at the first. Here the line it stopped at is emptied, with what is indented
//! under it, and the rest is read again. A key that is near to one there is gets that one's name for the
//! rest of the reading, so that nothing is said to be missing that is only written wrong. All that is only
//! ever used to say more: a file with one finding of this kind is never run with.

use serde::de::DeserializeOwned;
use serde_yaml::Error;

use super::nearest::nearest;
use super::yaml::read;
use super::yaml_error::finding;
use super::{Finding, SourceFile};

/// An operator who has made more mistakes than this has the wrong file.
const MOST: usize = 30;

/// What could be read, and every finding about what could not.
pub(super) fn parse_all<T: DeserializeOwned>(source: &SourceFile) -> (Option<T>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut text = source.text.clone();
    let mut renamed: Vec<Renamed> = Vec::new();
    loop {
        let error = match read::<T>(&text) {
            Ok(raw) => return (Some(raw), findings),
            Err(error) => error,
        };
        if let Some(again) = twice(&error, &mut renamed) {
            text = emptied(&text, again.line).unwrap_or_default();
            continue;
        }
        let kept = rest(&text, &error, &mut renamed).filter(|_| findings.len() < MOST);
        // Once a line was emptied, an error of another kind may be of our own making.
        if findings.is_empty() || kept.is_some() {
            findings.push(finding(source, &error));
        }
        match kept {
            Some(kept) => text = kept,
            None => return (None, findings),
        }
    }
}

/// A key that was taken for another one.
struct Renamed {
    line: usize,
    to: String,
}

/// The one of them whose right name stands beside it, which would be a finding of our own making.
fn twice(error: &Error, renamed: &mut Vec<Renamed>) -> Option<Renamed> {
    let Error::DuplicateMappingKey { key: Some(key), .. } = error else { return None };
    let index = renamed.iter().position(|one| one.to == *key)?;
    Some(renamed.swap_remove(index))
}

/// The text without the entry that an error is about, or with the name that is meant, where that can
/// be told.
fn rest(text: &str, error: &Error, renamed: &mut Vec<Renamed>) -> Option<String> {
    let is_about_a_key = match error {
        Error::SerdeUnknownField { .. } | Error::DuplicateMappingKey { .. } => true,
        Error::SerdeInvalidType { .. }
        | Error::SerdeInvalidValue { .. }
        | Error::InvalidScalar { .. }
        | Error::InvalidBooleanStrict { .. }
        | Error::NullIntoString { .. } => false,
        _ => return None,
    };
    let place = error.location()?;
    let (line, column) =
        (usize::try_from(place.line()).ok()?, usize::try_from(place.column()).ok()?);
    let own = text.split('\n').nth(line.checked_sub(1)?)?;
    let indent = indent_of(own)?;
    let plain = own.trim_start().starts_with(|c: char| c.is_ascii_alphanumeric());
    let alone = if is_about_a_key { column == indent + 1 } else { !own.contains(['{', '[']) };
    if !plain || !alone {
        return None;
    }
    if let Error::SerdeUnknownField { field, expected, .. } = error
        && let Some(to) = nearest(field, expected.iter().copied())
        && let Some(value) = own.trim_start().strip_prefix(field.as_str())
    {
        renamed.push(Renamed { line, to: to.to_owned() });
        let width = field.chars().count();
        let entry = format!("{}{to:<width$}{value}", " ".repeat(indent));
        let lines = text.split('\n').enumerate();
        let lines: Vec<&str> = lines
            .map(|(index, own)| if index + 1 == line { entry.as_str() } else { own })
            .collect();
        return Some(lines.join("\n"));
    }
    emptied(text, line)
}

/// The text without the entry on this line and what is indented under it.
fn emptied(text: &str, line: usize) -> Option<String> {
    let mut lines: Vec<&str> = text.split('\n').collect();
    let indent = indent_of(lines.get(line.checked_sub(1)?)?)?;
    for (index, slot) in lines.iter_mut().enumerate().skip(line - 1) {
        if index >= line && !belongs_under(slot, indent) {
            break;
        }
        *slot = "";
    }
    Some(lines.join("\n"))
}

fn belongs_under(line: &str, indent: usize) -> bool {
    match indent_of(line) {
        None => true,
        Some(own) => own > indent || own == indent && line.trim_start().starts_with("- "),
    }
}

/// The spaces before the text of a line; none where there is no text.
fn indent_of(line: &str) -> Option<usize> {
    line.find(|c: char| c != ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Sample {
        days: u16,
        enabled: bool,
        inner: Option<Box<Sample>>,
        names: Vec<String>,
    }

    fn all(text: &str) -> (Option<Sample>, Vec<(u32, String)>) {
        let (sample, findings) = parse_all(&SourceFile::new("s.yaml", text));
        let said =
            findings.into_iter().map(|f| (f.place.map_or(0, |p| p.line), f.message)).collect();
        (sample, said)
    }

    #[test]
    fn every_unknown_key_and_wrong_value_is_named_with_its_own_line() {
        let text = "dayz: 1\nenabled: maybe\ninner:\n  dais: 1\n  days: 7\nother:\n- a\n- b\n\
                    names: [x]\ndays: many\n";
        let (sample, said) = all(text);
        assert_eq!(
            said,
            [
                (1, "unknown key `dayz`".to_owned()),
                (2, "expected true or false".to_owned()),
                (4, "unknown key `dais`".to_owned()),
                (6, "unknown key `other`".to_owned()),
                (10, "expected a whole number from 0 to 65535".to_owned()),
            ]
        );
        let sample = sample.unwrap();
        assert_eq!((sample.inner.unwrap().days, sample.names.len()), (7, 1));
    }

    #[test]
    fn a_key_that_is_only_written_wrong_is_read_as_the_one_that_is_meant() {
        let (sample, said) = all("dayz: 3\nenabld: maybe\ninnr:\n  dys: 4\n");
        assert_eq!(
            said,
            [
                (1, "unknown key `dayz`".to_owned()),
                (2, "unknown key `enabld`".to_owned()),
                (2, "expected true or false".to_owned()),
                (3, "unknown key `innr`".to_owned()),
                (4, "unknown key `dys`".to_owned()),
            ]
        );
        let sample = sample.unwrap();
        assert_eq!((sample.days, sample.inner.unwrap().days), (3, 4));
        for both in ["dayz: 3\ndays: 4\n", "days: 4\ndayz: 3\n"] {
            let (sample, said) = all(both);
            assert_eq!((sample.unwrap().days, said.len()), (4, 1), "{said:?}");
        }
        let (_, twice) = all("dayz: 3\ndays: 4\ndays: 5\n");
        assert!(twice.iter().any(|(line, says)| *line == 3 && !says.starts_with("unknown")));
    }

    #[test]
    fn what_cannot_be_left_out_safely_ends_the_reading() {
        for text in ["inner: {dais: 1}\ndayz: 1\n", "dayz: [\n1\n]\n", "days: [\ndayz: 1\n"] {
            let (sample, said) = all(text);
            assert_eq!((sample, said.len()), (None, 1), "{text}");
        }
    }

    #[test]
    fn the_number_of_findings_has_an_end() {
        let text: String = (0..100).map(|i| format!("unknown_{i}: 1\n")).collect();
        assert_eq!(all(&text).1.len(), MOST);
    }
}
