//! Whose signatures count.

use std::collections::BTreeSet;

use super::super::options::Class;
use super::super::records::Records;
use super::super::sign::{PublicKey, Signed, Statement};
use super::{Finding, Report, SignedReport};

/// The keys that count; where none is given, any that signed validly, and each is told.
pub(super) struct Trust {
    given: Option<PublicKey>,
    /// The given one and those that follow from it.
    now: BTreeSet<PublicKey>,
    /// Those, and those it follows from: what they signed stands before what it signed.
    ever: BTreeSet<PublicKey>,
    seen: std::cell::RefCell<BTreeSet<PublicKey>>,
}

impl Trust {
    pub(super) fn new(given: Option<PublicKey>, records: &Records) -> Self {
        let mut now: BTreeSet<_> = given.into_iter().collect();
        let successions = &records.successions;
        // Each round finds at least one more, or it is over.
        for _ in 0..=successions.len() {
            let more = successions.iter().filter(|(old, _)| now.contains(old));
            let more: Vec<_> = more.map(|(_, new)| *new).collect();
            now.extend(more);
        }
        let mut ever = now.clone();
        for _ in 0..=successions.len() {
            let more = successions.iter().filter(|(_, new)| ever.contains(new));
            let more: Vec<_> = more.map(|(old, _)| *old).collect();
            ever.extend(more);
        }
        Self { given, now, ever, seen: std::cell::RefCell::default() }
    }

    /// Who signed the head. The signature itself was looked at when the head was read.
    pub(super) fn head(&self, signed: Option<&Signed>) -> Result<Option<SignedReport>, String> {
        let Some((statement, key)) = signed.and_then(Signed::open) else {
            return match self.given {
                Some(_) => Err("the head is not signed; nothing proves whose log it is".to_owned()),
                None => Ok(None),
            };
        };
        self.seen.borrow_mut().insert(key);
        if self.given.is_some() && !self.now.contains(&key) {
            return Err(format!("the head is signed by another key, {key}"));
        }
        let Statement { sequence, at, .. } = statement;
        Ok(Some(SignedReport { key: key.to_string(), sequence, at }))
    }

    /// What was signed as the end of a segment.
    pub(super) fn end(&self, class: Class, signed: &Signed) -> Result<Statement, String> {
        let Some((statement, key)) = signed.open() else {
            return Err("a signed end is not signed by the key that it names".to_owned());
        };
        self.seen.borrow_mut().insert(key);
        if statement.class != class || !statement.closed {
            return Err("what stands as a signed end is none of this chain".to_owned());
        }
        if self.given.is_some() && !self.ever.contains(&key) {
            return Err(format!(
                "the end of segment {} is signed by another key, {key}",
                statement.segment
            ));
        }
        Ok(statement)
    }

    /// Whether an anchored head is by a key that counts.
    pub(super) fn counts(&self, key: &PublicKey) -> bool {
        self.given.is_none() || self.ever.contains(key)
    }

    /// Says which keys signed, and what should be known of them.
    pub(super) fn tell(&self, records: &Records, report: &mut Report) {
        report.keys = self.seen.borrow().iter().map(ToString::to_string).collect();
        let unsigned: Vec<_> =
            report.chains.iter().filter(|c| c.signed.is_none()).map(|c| c.chain).collect();
        if !unsigned.is_empty() {
            report.notes.push(format!(
                "not signed: {}; the log is from before it was signed, or nobody signs it",
                unsigned.join(", ")
            ));
        }
        for key in &records.unproven_keys {
            let what = format!("the key {key} took over without the consent of the one before");
            match self.given {
                Some(_) if !self.now.contains(key) || self.given != Some(*key) => {
                    let chain = Class::People.word();
                    report.add(Finding { chain, segment: None, line: None, what });
                }
                _ => report.notes.push(what),
            }
        }
    }
}
