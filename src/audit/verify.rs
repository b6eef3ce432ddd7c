//! Proving that the log is whole: nothing altered, taken out, put in, swapped or cut off.
//!
//! Reads segments from the first to the last in memory that does not grow, holds every line against
//! its hash and its predecessor, and the end against the flushed head. What stands beyond the head is
//! the live tail of a running gateway. Works on a copy as well as on the directory in use.
//!
//! What it cannot see: somebody who may write the directory and makes the whole log anew, heads
//! included. Heads kept elsewhere show that.

mod chain;
mod pruned;

use std::fmt;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::options::Class;

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Each chain by itself.
    pub chains: Vec<ChainReport>,
    /// What does not hold together; the first [`MOST_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many findings there were in all.
    pub found: u64,
}

/// One chain.
#[derive(Debug, Clone, Serialize)]
pub struct ChainReport {
    /// Its name.
    pub chain: &'static str,
    /// How many segments were read.
    pub segments: u64,
    /// How many entries were checked.
    pub entries: u64,
    /// How many of them stand beyond the flushed head.
    pub unflushed: u64,
    /// The sequence of the first and the last entry.
    pub sequences: Option<(u64, u64)>,
    /// How many entries have lost personal fields, provably.
    pub pseudonymised: u64,
}

/// One thing that does not hold together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// In which chain.
    pub chain: &'static str,
    /// In which segment; none: the chain as a whole.
    pub segment: Option<String>,
    /// In which line, counted from 1.
    pub line: Option<u64>,
    /// What.
    pub what: String,
}

/// The most findings that are kept word by word.
pub const MOST_FINDINGS: usize = 100;

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.chain)?;
        if let Some(segment) = &self.segment {
            write!(f, "/{segment}")?;
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl Report {
    /// Whether everything holds together.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.found == 0
    }

    fn add(&mut self, finding: Finding) {
        self.found += 1;
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// Verifies the log in this directory.
///
/// # Errors
/// What the operating system says where a file cannot be read.
pub fn verify(directory: &Path) -> io::Result<Report> {
    let mut report = Report::default();
    // A chain may begin later than at its beginning only where the chain of people says why.
    let pruned = pruned::recorded(directory)?;
    for class in Class::ALL {
        chain::verify(directory, class, &pruned, &mut report)?;
    }
    Ok(report)
}

#[cfg(test)]
mod tests;
