//! Proving that the log is whole: nothing altered, taken out, put in, swapped or cut off.
//!
//! Reads segments from the first to the last in memory that does not grow, holds every line against
//! its hash and its predecessor, and the end against the flushed head. What stands beyond the head is
//! the live tail of a running gateway. Works on a copy as well as on the directory in use.
//!
//! Personal values may have been taken out, where an order says so whose record names the digest of
//! the whole file that it left.
//!
//! What it cannot see by itself: somebody who may write the directory and makes the whole log anew,
//! heads included. The public key, kept elsewhere, shows that (such a log is signed by nobody, or by
//! somebody else), and anchored heads show one that was put back to how it was earlier.

mod anchored;
mod chain;
mod signed;

use std::fmt;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::options::Class;
use super::records::{self, Records};
use super::rewrite;
use super::sign::{PublicKey, Signed};

/// What the log is held against, beside itself.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The key that must have signed it, or one that follows from it provably.
    pub key: Option<PublicKey>,
    /// Signed heads that were kept elsewhere.
    pub anchors: Vec<Signed>,
}

/// What was found.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Each chain by itself.
    pub chains: Vec<ChainReport>,
    /// The orders by which personal values were taken out.
    pub orders: Vec<OrderReport>,
    /// The keys that signed.
    pub keys: Vec<String>,
    /// How many anchored heads the log was held against.
    pub anchors: u64,
    /// What is no flaw and should be known.
    pub notes: Vec<String>,
    /// What does not hold together; the first [`MOST_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many findings there were in all.
    pub found: u64,
    /// How many records of rewriting there were.
    #[serde(skip)]
    rewritings: usize,
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
    /// How many entries have lost personal fields, provably; a pseudonym may stand in their place.
    pub pseudonymised: u64,
    /// How many of them have a pseudonym.
    pub with_pseudonyms: u64,
    /// Up to where the chain is signed, and by whom; none: it is not.
    pub signed: Option<SignedReport>,
    /// How many closed segments have a signed end of their own.
    pub signed_ends: u64,
    /// What was deleted last, its time being over.
    pub deletion: Option<DeletionReport>,
}

/// The signature that covers a chain.
#[derive(Debug, Clone, Serialize)]
pub struct SignedReport {
    /// The public key.
    pub key: String,
    /// The last entry that it covers, and every one before.
    pub sequence: u64,
    /// When it was made.
    pub at: Timestamp,
}

/// Whole segments that were deleted on record.
#[derive(Debug, Clone, Serialize)]
pub struct DeletionReport {
    /// When.
    pub at: Timestamp,
    /// How many segments.
    pub segments: u64,
    /// How many entries, where the record says so.
    pub entries: Option<u64>,
    /// From when on they were written.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
    /// The last segment that went.
    pub through_segment: u64,
    /// The hash of its end, which the first segment that stays carries.
    pub final_hash: String,
    /// Whether the end was signed, and is still there to be shown.
    pub end_is_signed: bool,
}

/// An order by which personal values were taken out.
#[derive(Debug, Clone, Serialize)]
pub struct OrderReport {
    /// Its name.
    pub order: String,
    /// `deleted` or `pseudonymised`.
    pub action: &'static str,
    /// When it was carried out first.
    pub at: Timestamp,
    /// Who gave it; none: the rule of the configuration.
    pub by: Option<String>,
    /// Why.
    pub reason: String,
    /// The case that says more.
    pub case: Option<String>,
    /// How many entries it changed.
    pub entries: u64,
    /// In how many segments.
    pub segments: u64,
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
    verify_against(directory, &Expected::default())
}

/// The same, and holds it against a key and anchored heads.
///
/// # Errors
/// What the operating system says where a file cannot be read.
pub fn verify_against(directory: &Path, expected: &Expected) -> io::Result<Report> {
    let mut attempts = 0;
    loop {
        let report = verify_once(directory, expected)?;
        attempts += 1;
        // A running gateway may be putting a segment in place that its record names already.
        if report.is_whole() || attempts == ATTEMPTS || !report.is_on_the_move(directory)? {
            return Ok(report);
        }
        std::thread::sleep(PAUSE);
    }
}

/// How often a log is looked at that changes under our eyes.
const ATTEMPTS: u32 = 10;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

fn verify_once(directory: &Path, expected: &Expected) -> io::Result<Report> {
    // The heads first: whatever a running gateway adds from now on stands beyond them.
    let mut chains = Vec::new();
    for class in Class::ALL {
        chains.push(chain::Found::read(directory, class)?);
    }
    let records = records::read(directory)?;
    let mut report = Report { rewritings: rewritings(&records), ..Report::default() };
    let trust = signed::Trust::new(expected.key, &records);
    let anchored = anchored::Anchored::read(&expected.anchors, &trust, &mut report);
    for found in chains {
        chain::verify(directory, found, &records, &trust, &anchored, &mut report)?;
    }
    trust.tell(&records, &mut report);
    report.orders = orders(&records);
    Ok(report)
}

fn rewritings(records: &Records) -> usize {
    records.rewritings.values().map(Vec::len).sum()
}

fn orders(records: &Records) -> Vec<OrderReport> {
    let mut orders: Vec<OrderReport> = Vec::new();
    for rewriting in records.rewritings.values().flatten() {
        // What was written down anew counts once.
        if rewriting.event.details.contains_key("recorded") {
            continue;
        }
        match orders.iter_mut().find(|order| order.order == rewriting.order) {
            Some(order) => {
                order.entries += rewriting.entries;
                order.segments += 1;
                order.at = order.at.min(rewriting.at);
            }
            None => orders.push(OrderReport {
                order: rewriting.order.clone(),
                action: rewriting.action.word(),
                at: rewriting.at,
                by: rewriting.by.clone(),
                reason: rewriting.reason.clone(),
                case: rewriting.event.details.get("case").cloned(),
                entries: rewriting.entries,
                segments: 1,
            }),
        }
    }
    orders.sort_by_key(|order| order.at);
    orders
}

impl Report {
    /// Whether the segments are being changed by orders just now.
    fn is_on_the_move(&self, directory: &Path) -> io::Result<bool> {
        Ok(rewrite::is_under_way(directory)
            || rewritings(&records::read(directory)?) != self.rewritings)
    }
}

#[cfg(test)]
mod tests;
