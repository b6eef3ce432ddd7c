//! One thing that is worth telling an operator about a file or a setting.

use std::path::PathBuf;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// It will become an error.
    Warning,
    /// The gateway does not start with it, and a reload changes nothing.
    Error,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The first line is 1.
    pub line: u32,
    /// The first column is 1, counted in characters.
    pub column: u32,
    /// How many characters to mark; 0 where it is not known.
    pub length: u32,
}

/// One finding: what is wrong, where, and the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong and why, in one sentence, without the place.
    pub message: String,
    /// Where, as far as a place exists.
    pub place: Option<Place>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Finding {
    /// An error without a place.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, message: message.into(), place: None, help: None }
    }

    /// A warning without a place.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// A note without a place.
    #[must_use]
    pub fn note(message: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(message) }
    }

    /// The same finding, with the way out.
    #[must_use]
    pub fn with_help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }

    /// The same finding, at this place.
    #[must_use]
    pub fn at(self, place: Option<Place>) -> Self {
        Self { place, ..self }
    }
}
