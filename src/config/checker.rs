//! What every section uses to turn raw values into checked ones, collecting every finding.
//!
//! Always holds: a finding shows a value as the operator wrote it, never what it expands to.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_yaml::{Location, Spanned};

use super::expand::{Part, expand, parts};
use super::nearest::known_names;
use super::{Finding, Severity, SourceFile};

/// More findings than this help nobody.
const MOST_FINDINGS: usize = 100;

/// A text value and where it stands.
pub(super) type Text = Spanned<String>;

/// A block whose keys are names that the operator chose, in the file's order.
#[derive(Debug)]
pub(super) struct Entries<V>(pub(super) Vec<(Text, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder<V>(std::marker::PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for InOrder<V> {
            type Value = Entries<V>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a block of names")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(InOrder(std::marker::PhantomData))
    }
}

/// Why a text is not what is expected: what it is instead, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Completes the sentence that begins with the value: `is not a network`.
    pub(super) says: String,
    /// What to write.
    pub(super) help: String,
}

impl Wrong {
    pub(super) fn new(says: impl Into<String>, help: impl Into<String>) -> Self {
        Self { says: says.into(), help: help.into() }
    }
}

/// What a check may look at beside the file.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The environment that `${NAME}` is taken from.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// The instant that ends are held against.
    pub now: Timestamp,
    /// Look at the file alone: nothing is expanded and no other file is opened.
    pub static_only: bool,
}

/// Collects findings while sections are checked.
pub(super) struct Checker<'a> {
    source: &'a SourceFile,
    surroundings: Surroundings<'a>,
    findings: Vec<Finding>,
    unsaid: usize,
    left_out: bool,
}

impl<'a> Checker<'a> {
    pub(super) fn new(source: &'a SourceFile, surroundings: Surroundings<'a>) -> Self {
        Self { source, surroundings, findings: Vec::new(), unsaid: 0, left_out: false }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.surroundings.now
    }

    pub(super) fn environment(&self, name: &str) -> Option<String> {
        if self.surroundings.static_only { None } else { (self.surroundings.environment)(name) }
    }

    /// Whether what was found so far stops the gateway from starting.
    pub(super) fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// Whether a value was not looked at, because a static check cannot know it.
    pub(super) fn left_out(&self) -> bool {
        self.left_out
    }

    /// The findings in the order of the file.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        self.findings.sort_by_key(|f| f.place.as_ref().map_or((0, 0), |p| (p.line, p.column)));
        if self.unsaid > 0 {
            let unsaid = self.unsaid;
            self.findings.push(Finding::note(format!("{unsaid} more findings are not shown")));
        }
        self.findings
    }

    /// An error at a place.
    pub(super) fn refuse(&mut self, at: Location, says: impl Into<String>, help: impl Display) {
        self.report(Finding::error(says), at, help);
    }

    /// A warning at a place.
    pub(super) fn warn(&mut self, at: Location, says: impl Into<String>, help: impl Display) {
        self.report(Finding::warning(says), at, help);
    }

    /// A note at a place.
    pub(super) fn note(&mut self, at: Location, says: impl Into<String>, help: impl Display) {
        self.report(Finding::note(says), at, help);
    }

    fn report(&mut self, finding: Finding, at: Location, help: impl Display) {
        if self.findings.len() >= MOST_FINDINGS && finding.severity != Severity::Error
            || self.findings.len() >= 2 * MOST_FINDINGS
        {
            self.unsaid += 1;
            return;
        }
        let place = (at.line() > 0).then(|| self.source.place(at));
        self.findings.push(finding.with_help(help.to_string()).at(place));
    }

    /// What a text stands for. None where that cannot be said: a finding stands, or the check is
    /// static and the value comes from elsewhere.
    pub(super) fn value(&mut self, text: &Text) -> Option<String> {
        let expanded = parts(&text.value).and_then(|parts| {
            if self.surroundings.static_only && !parts.iter().all(is_literal) {
                self.left_out = true;
                return Ok(None);
            }
            expand(&parts, self.directory(), self.surroundings.environment).map(Some)
        });
        expanded.unwrap_or_else(|cannot| {
            self.refuse(text.referenced, cannot.message, cannot.help);
            None
        })
    }

    /// Whether a static check cannot know what a text stands for, and need not: nothing follows from
    /// it.
    pub(super) fn is_for_later(&self, text: &Text) -> bool {
        let literal = |parts: &Vec<Part<'_>>| parts.iter().all(is_literal);
        self.surroundings.static_only && parts(&text.value).is_ok_and(|parts| !literal(&parts))
    }

    /// The same within a URL: what stands for something else may hold any character.
    pub(super) fn value_in_url(&mut self, text: &Text) -> Option<String> {
        // Says what cannot be expanded, and whether it may be.
        self.value(text)?;
        let parts = parts(&text.value).ok()?;
        parts
            .iter()
            .map(|part| match part {
                Part::Literal(literal) => Some((*literal).to_owned()),
                taken => {
                    let one = std::slice::from_ref(taken);
                    let taken =
                        expand(one, self.directory(), self.surroundings.environment).ok()?;
                    Some(in_url(&taken))
                }
            })
            .collect()
    }

    /// A text made into something else. `expected` completes `… is not …`.
    pub(super) fn parsed<T>(
        &mut self,
        text: &Text,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = self.value(text)?;
        let wrong = match parse(&value) {
            Ok(parsed) => return Some(parsed),
            Err(wrong) => wrong,
        };
        let written = &text.value;
        if value == *written {
            self.refuse(text.referenced, format!("`{written}` {}", wrong.says), wrong.help);
        } else {
            let says = format!("what `{written}` stands for is not {expected}");
            self.refuse(text.referenced, says, format!("let it stand for {expected}"));
        }
        None
    }

    /// A text that must be there.
    pub(super) fn required<'t, T>(
        &mut self,
        value: &'t Option<T>,
        key: &str,
        block: Location,
    ) -> Option<&'t T> {
        if value.is_none() {
            self.refuse(block, format!("the key `{key}` is missing here"), format!("add `{key}:`"));
        }
        value.as_ref()
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(
        &mut self,
        text: Option<&Text>,
        default: T,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let Some(text) = text else { return Some(default) };
        self.parsed(text, "one of the words that can stand here", |value| {
            words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning).ok_or_else(
                || {
                    let known = words.iter().map(|(word, _)| *word);
                    Wrong::new(
                        "is not one of the words that can stand here",
                        known_names(value, known),
                    )
                },
            )
        })
    }

    /// A text that people read: one line, not empty, no control characters.
    pub(super) fn label(&mut self, text: &Text) -> Option<String> {
        self.parsed(text, "a short text on one line", |value| {
            let value = value.trim();
            if value.is_empty() {
                return Err(Wrong::new("is empty", "write a short text"));
            }
            if value.chars().count() > 300 || value.chars().any(char::is_control) {
                return Err(Wrong::new(
                    "is longer than 300 characters or not on one line",
                    "write a short text on one line",
                ));
            }
            Ok(value.to_owned())
        })
    }

    /// A path, relative to the file's directory.
    pub(super) fn path(&mut self, text: &Text) -> Option<PathBuf> {
        let directory = self.directory().to_owned();
        self.parsed(text, "a path", |value| {
            if value.is_empty() || value.contains('\0') {
                return Err(Wrong::new("is not a path", "name a file or directory"));
            }
            Ok(directory.join(value))
        })
    }

    /// A path that has a default.
    pub(super) fn path_or(&mut self, text: Option<&Text>, default: &str) -> Option<PathBuf> {
        match text {
            Some(text) => self.path(text),
            None => Some(self.directory().join(default)),
        }
    }

    /// A whole number within bounds.
    pub(super) fn number(
        &mut self,
        number: Option<&Spanned<u64>>,
        default: u64,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let Some(number) = number else { return Some(default) };
        if bounds.contains(&number.value) {
            return Some(number.value);
        }
        self.refuse(
            number.referenced,
            format!("{} lies outside what can stand here", number.value),
            format!("write a whole number from {} to {}", bounds.start(), bounds.end()),
        );
        None
    }

    pub(super) fn directory(&self) -> &Path {
        self.source.path.parent().unwrap_or(Path::new(""))
    }
}

fn is_literal(part: &Part<'_>) -> bool {
    matches!(part, Part::Literal(_))
}

/// All of them, or none where one is missing.
pub(super) fn all<T>(values: impl IntoIterator<Item = Option<T>>) -> Option<Vec<T>> {
    // Every item is looked at, so that every finding is made.
    let values: Vec<Option<T>> = values.into_iter().collect();
    values.into_iter().collect()
}

fn in_url(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}
