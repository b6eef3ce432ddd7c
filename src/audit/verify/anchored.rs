//! Heads that were kept elsewhere, and what the log has to hold for them.

use std::collections::BTreeMap;

use super::super::options::Class;
use super::super::sign::{Signed, Statement};
use super::signed::Trust;
use super::{Finding, Report};

/// By chain, segment and sequence.
#[derive(Debug, Default)]
pub(super) struct Anchored(BTreeMap<(Class, u64, u64), Statement>);

impl Anchored {
    /// Takes those whose signatures count; the others are findings.
    pub(super) fn read(anchors: &[Signed], trust: &Trust, report: &mut Report) -> Self {
        let mut anchored = Self::default();
        for anchor in anchors {
            let opened = anchor.open().filter(|(_, key)| trust.counts(key));
            let Some((statement, _)) = opened else {
                let what = "an anchored head is not signed by a key that counts".to_owned();
                report.add(Finding { chain: "anchors", segment: None, line: None, what });
                continue;
            };
            report.anchors += 1;
            let place = (statement.class, statement.segment, statement.sequence);
            let twice = anchored.0.insert(place, statement.clone());
            if twice.is_some_and(|other| other.hash != statement.hash) {
                let what = format!(
                    "two anchored heads of entry {} contradict each other",
                    statement.sequence
                );
                let chain = statement.class.word();
                report.add(Finding { chain, segment: None, line: None, what });
            }
        }
        anchored
    }

    pub(super) fn get(&self, class: Class, segment: u64, sequence: u64) -> Option<&Statement> {
        self.0.get(&(class, segment, sequence))
    }

    /// Every one of a chain, in order.
    pub(super) fn of(
        &self,
        class: Class,
    ) -> impl Iterator<Item = (&(Class, u64, u64), &Statement)> {
        self.0.range((class, 0, 0)..=(class, u64::MAX, u64::MAX))
    }
}
