//! What the YAML reader did not like, said to an operator.

use serde_yaml::{Error, MessageFormatter as _, UserMessageFormatter, budget::BudgetBreach};

use super::nearest::known_names;
use super::{Finding, SourceFile};

/// The finding for an error of the YAML reader.
pub(super) fn finding(source: &SourceFile, error: &Error) -> Finding {
    let (message, help) = explain(source, error);
    let place = error.location().filter(|l| l.line() > 0).map(|l| source.place(l));
    let found = Finding::error(message).at(place);
    match help {
        Some(help) => found.with_help(help),
        None => found,
    }
}

fn explain(source: &SourceFile, error: &Error) -> (String, Option<String>) {
    match error {
        Error::AliasError { error, .. } => explain(source, error),
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown key `{field}`"), Some(known_names(field, expected.iter().copied())))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => (
            format!("`{variant}` is not one of the values that can stand here"),
            Some(known_names(variant, expected.iter().copied())),
        ),
        Error::SerdeMissingField { field, .. } => {
            (format!("the key `{field}` is missing here"), Some(format!("add `{field}:`")))
        }
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            (format!("expected {}, found {unexpected}", meant(expected)), None)
        }
        Error::Unexpected { expected, .. } => (format!("expected {}", meant(expected)), None),
        Error::InvalidScalar { ty, .. } => (format!("expected {}", meant(ty)), None),
        Error::UnexpectedSequenceEnd { .. } | Error::UnexpectedMappingEnd { .. } => {
            ("a value is missing before this".to_owned(), None)
        }
        Error::Eof { .. } => ("the file ends before a value".to_owned(), None),
        Error::DuplicateMappingKey { key, .. } => duplicate(source, error, key.as_deref()),
        Error::MultipleDocuments { .. } => one_document(),
        Error::InvalidBooleanStrict { .. } => {
            ("expected true or false".to_owned(), Some("write `true` or `false`".to_owned()))
        }
        Error::NullIntoString { .. } => (
            "expected a text, found nothing".to_owned(),
            Some("write the value after the colon, or remove the key".to_owned()),
        ),
        Error::UnknownAnchor { .. } => (
            "this alias (`*name`) points to nothing".to_owned(),
            Some("put a text that begins with `*` in quotes".to_owned()),
        ),
        Error::MergeKeyNotAllowed { .. } => (
            "`<<` is not part of YAML 1.2".to_owned(),
            Some("write the keys out; an alias (`*name`) may stand for a whole value".to_owned()),
        ),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => aliases(),
        Error::Budget { breach, .. } => breached(breach),
        other => other_error(source, other),
    }
}

/// The types of the program in the words of the field.
fn meant(expected: &str) -> &str {
    match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" | "u64" | "usize" => "a whole number, 0 or more",
        "i32" | "i64" => "a whole number",
        "a boolean" | "bool" => "true or false",
        "a string" => "a text",
        "a sequence" | "sequence start" => "a list",
        "a map" | "mapping start" => "a block of keys",
        "string scalar" | "scalar" => "a single value",
        other if other.starts_with("struct ") => "a block of keys",
        other => other,
    }
}

fn breached(breach: &BudgetBreach) -> (String, Option<String>) {
    match breach {
        BudgetBreach::Depth { .. } => (
            "values are nested more than 32 deep".to_owned(),
            Some("no configuration needs that; look for a bracket that is not closed".to_owned()),
        ),
        BudgetBreach::Documents { .. } => one_document(),
        BudgetBreach::MergeKeys { .. } => ("`<<` is not part of YAML 1.2".to_owned(), None),
        BudgetBreach::Aliases { .. }
        | BudgetBreach::Anchors { .. }
        | BudgetBreach::AliasAnchorRatio { .. } => aliases(),
        _ => (
            "the file holds more values than any configuration needs".to_owned(),
            Some("check that this is the file you mean".to_owned()),
        ),
    }
}

fn one_document() -> (String, Option<String>) {
    (
        "a second document begins here; one file is one document".to_owned(),
        Some("remove the `---` line and what follows it".to_owned()),
    )
}

fn aliases() -> (String, Option<String>) {
    (
        "the aliases (`*name`) of this file expand to too much".to_owned(),
        Some("write the values out instead".to_owned()),
    )
}

fn other_error(source: &SourceFile, error: &Error) -> (String, Option<String>) {
    let said = UserMessageFormatter.format_message(error).into_owned();
    let line = error.location().and_then(|l| u32::try_from(l.line()).ok());
    let tab = line
        .and_then(|number| source.line(number))
        .is_some_and(|text| text.trim_start_matches(' ').starts_with('\t'));
    let help = if tab {
        Some("YAML is indented with spaces; replace the tab at the beginning of this line")
    } else if said.starts_with("unsupported tag") {
        Some("no value here takes a tag (`!name`); put a text that begins with `!` in quotes")
    } else {
        Some("look here and on the lines above for a colon, bracket or quote too many or too few")
    };
    (said, help.map(str::to_owned))
}

fn duplicate(source: &SourceFile, error: &Error, key: Option<&str>) -> (String, Option<String>) {
    let help = Some("keep one of the two".to_owned());
    let Some(key) = key else { return ("a key stands here twice".to_owned(), help) };
    let first = error.location().and_then(|l| {
        first_place(source, key, usize::try_from(l.line()).ok()?, usize::try_from(l.column()).ok()?)
    });
    match first {
        Some(line) => (format!("the key `{key}` stands here twice, first on line {line}"), help),
        None => (format!("the key `{key}` stands here twice"), help),
    }
}

/// The line on which a key of the same mapping stood first. The YAML reader keeps only the second
/// place, so this looks upwards at the same column until the mapping begins.
fn first_place(source: &SourceFile, key: &str, line: usize, column: usize) -> Option<usize> {
    let lines: Vec<&str> = source.text.split('\n').take(line).collect();
    let own = *lines.last()?;
    let before = own.get(..byte_at(own, column))?;
    if before.split(['{', ',']).any(|entry| is_key(entry.trim_start(), key)) {
        return Some(line);
    }
    above(&lines, key, column)
}

fn above(lines: &[&str], key: &str, column: usize) -> Option<usize> {
    for (index, text) in lines.iter().enumerate().rev().skip(1) {
        let Some(start) = text.find(|c: char| c != ' ') else { continue };
        if text.get(start..).is_some_and(|t| t.starts_with('#')) {
            continue;
        }
        let before = text.get(..byte_at(text, column)).unwrap_or_default();
        let at_column = before.chars().all(|c| c == ' ' || c == '-');
        if at_column && text.get(before.len()..).is_some_and(|rest| is_key(rest, key)) {
            return Some(index + 1);
        }
        if start + 1 < column {
            return None;
        }
    }
    None
}

fn byte_at(text: &str, column: usize) -> usize {
    text.char_indices().nth(column.saturating_sub(1)).map_or(text.len(), |(index, _)| index)
}

fn is_key(text: &str, key: &str) -> bool {
    let bare = text.trim_start_matches(['"', '\'']);
    bare.strip_prefix(key)
        .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
}
