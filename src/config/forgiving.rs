//! Reading on after an unknown key or a value of the wrong type, so that one run of `check` names
//! them all.
//!
//! The YAML reader stops at the first. Here the line it stopped at is emptied, with what is indented
//! under it, and the rest is read again. That is only ever used to say more: a file with one finding
//! of this kind is never run with.

use serde::de::DeserializeOwned;
use serde_yaml::Error;

use super::yaml::read;
use super::yaml_error::finding;
use super::{Finding, SourceFile};

/// An operator who has made more mistakes than this has the wrong file.
const MOST: usize = 30;

/// What could be read, and every finding about what could not.
pub(super) fn parse_all<T: DeserializeOwned>(source: &SourceFile) -> (Option<T>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut text = source.text.clone();
    loop {
        let error = match read::<T>(&text) {
            Ok(raw) => return (Some(raw), findings),
            Err(error) => error,
        };
        let kept = rest(&text, &error).filter(|_| findings.len() < MOST);
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

/// The text without the entry that an error is about, where that can be told.
fn rest(text: &str, error: &Error) -> Option<String> {
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
    let mut lines: Vec<&str> = text.split('\n').collect();
    let own = *lines.get(line.checked_sub(1)?)?;
    let indent = indent_of(own)?;
    let plain = own.trim_start().starts_with(|c: char| c.is_ascii_alphanumeric());
    let alone = if is_about_a_key { column == indent + 1 } else { !own.contains(['{', '[']) };
    if !plain || !alone {
        return None;
    }
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
