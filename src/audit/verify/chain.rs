//! One chain, from its first line to its last.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::super::chain::{self, Hash};
use super::super::event::Action;
use super::super::head::{self, Head};
use super::super::line;
use super::super::options::Class;
use super::super::records::{Deletion, Records};
use super::super::segment::{self, Header, LineEnd, Lines};
use super::super::sign::{self, Signed, Statement};
use super::super::tree::Tree;
use super::anchored::Anchored;
use super::signed::Trust;
use super::{ChainReport, DeletionReport, Finding, Report};

/// What stands in a chain's head.
pub(super) struct Found {
    class: Class,
    head: head::Found,
    signed: Option<Signed>,
}

impl Found {
    pub(super) fn read(directory: &Path, class: Class) -> io::Result<Self> {
        let (head, signed) = head::read_signed(directory, class)?;
        Ok(Self { class, head, signed })
    }
}

pub(super) fn verify(
    directory: &Path,
    found: Found,
    records: &Records,
    trust: &Trust,
    anchored: &Anchored,
    report: &mut Report,
) -> io::Result<()> {
    let Found { class, head: found, signed } = found;
    let segments = segment::list(&directory.join(class.word()))?;
    let head = match found {
        head::Found::Head(head) => Some(head),
        head::Found::Missing | head::Found::Unreadable => None,
    };
    let chain = ChainReport {
        chain: class.word(),
        segments: 0,
        entries: 0,
        unflushed: 0,
        sequences: None,
        pseudonymised: 0,
        with_pseudonyms: 0,
        signed: None,
        signed_ends: 0,
        deletion: None,
    };
    let mut walk = Walk {
        class,
        head,
        head_met: false,
        sequence: 0,
        hash: Hash::ZERO,
        segment: 0,
        line: 0,
        chain,
        records,
        anchored,
        anchors_met: BTreeSet::new(),
        first_segment: 1,
        ends: Ends::default(),
        tree: Tree::default(),
        digest: Sha256::new(),
        redacted: 0,
        report,
    };
    match found {
        head::Found::Head(_) => {}
        head::Found::Missing => walk.about_the_chain("the flushed head is missing".to_owned()),
        head::Found::Unreadable => walk.about_the_chain("the flushed head was altered".to_owned()),
    }
    walk.signatures(directory, signed.as_ref(), trust)?;
    walk.all(&segments)
}

/// The signed ends of a chain, by segment.
type Ends = BTreeMap<u64, Statement>;

/// How far one has come.
struct Walk<'a> {
    class: Class,
    head: Option<Head>,
    head_met: bool,
    /// Of the line before.
    sequence: u64,
    hash: Hash,
    /// The segment and line that is looked at.
    segment: u64,
    line: u64,
    chain: ChainReport,
    records: &'a Records,
    anchored: &'a Anchored,
    anchors_met: BTreeSet<(u64, u64)>,
    /// What stands before it was deleted on record, or is missing.
    first_segment: u64,
    ends: Ends,
    /// Of the segment so far.
    tree: Tree,
    digest: Sha256,
    /// How many entries of the segment have lost personal values.
    redacted: u64,
    report: &'a mut Report,
}

impl Walk<'_> {
    /// Looks at who signed the head and the ends of the segments.
    fn signatures(
        &mut self,
        directory: &Path,
        head: Option<&Signed>,
        trust: &Trust,
    ) -> io::Result<()> {
        match trust.head(head) {
            Ok(signed) => self.chain.signed = signed,
            Err(what) => self.about_the_chain(what),
        }
        let (ends, unreadable) = sign::ends(directory, self.class)?;
        if unreadable > 0 {
            self.about_the_chain(format!("{unreadable} of its signed ends were altered"));
        }
        for end in &ends {
            match trust.end(self.class, end) {
                Ok(statement) => drop(self.ends.insert(statement.segment, statement)),
                Err(what) => self.about_the_chain(what),
            }
        }
        Ok(())
    }

    fn all(mut self, segments: &[(u64, PathBuf)]) -> io::Result<()> {
        if segments.is_empty() {
            self.about_the_chain("the chain has no segments".to_owned());
        }
        let mut expected = self.begin(segments)?;
        for (number, path) in segments {
            let beyond = self.head.is_some_and(|head| *number > head.segment);
            if *number != expected {
                for missing in (expected..*number).take(8) {
                    self.about_a_file(missing, "the segment is missing".to_owned());
                }
            }
            expected = number.saturating_add(1);
            match self.segment(*number, path, beyond) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.about_a_file(*number, "the segment vanished while it was read".to_owned());
                }
                other => other?,
            }
        }
        self.end();
        self.report.chains.push(self.chain);
        Ok(())
    }

    /// Where the chain has to begin: at its first segment, or after what was deleted on record.
    fn begin(&mut self, segments: &[(u64, PathBuf)]) -> io::Result<u64> {
        let Some((first, path)) = segments.first().filter(|(number, _)| *number > 1) else {
            return Ok(1);
        };
        let mut lines = Lines::open(path, 0)?;
        let complete = lines.advance()? == Some(LineEnd::Complete);
        let header = Header::parse(self.class, &lines.line).filter(|_| complete);
        let Some(header) = header else { return Ok(1) };
        let deletions = self.records.deletions.get(self.class);
        let is_it =
            |record: &&Deletion| (record.through, record.hash) == (first - 1, header.previous());
        let Some(record) = deletions.iter().find(is_it) else { return Ok(1) };
        self.chain.deletion = Some(self.deleted(record));
        self.first_segment = *first;
        self.hash = header.previous();
        self.sequence = header.first_sequence.saturating_sub(1);
        Ok(*first)
    }

    /// The proof of a deletion: the end that went, and what was said of it.
    fn deleted(&self, record: &Deletion) -> DeletionReport {
        let detail = |name: &str| record.details.get(name);
        let signed = self.ends.get(&record.through);
        DeletionReport {
            at: record.at,
            segments: record.segments,
            entries: detail("entries").and_then(|text| text.parse().ok()),
            from: detail("from").and_then(|text| text.parse().ok()),
            until: detail("until").and_then(|text| text.parse().ok()),
            through_segment: record.through,
            final_hash: record.hash.to_string(),
            end_is_signed: signed.is_some_and(|end| end.hash == record.hash),
        }
    }

    fn segment(&mut self, number: u64, path: &Path, beyond: bool) -> io::Result<()> {
        (self.segment, self.line, self.redacted) = (number, 0, 0);
        (self.tree, self.digest) = (Tree::default(), Sha256::new());
        self.chain.segments += 1;
        let mut lines = Lines::open(path, 0)?;
        while let Some(end) = lines.advance()? {
            self.line += 1;
            self.digest.update(&lines.line);
            if end == LineEnd::Complete {
                self.digest.update(b"\n");
            }
            let flushed = !beyond && self.is_flushed(lines.offset);
            match end {
                LineEnd::Complete if self.line == 1 => {
                    self.header(number, &lines.line, lines.offset);
                }
                LineEnd::Complete => self.entry(&lines.line, lines.offset, flushed),
                // A running gateway may be writing the last line just now.
                LineEnd::Torn if !flushed && self.head.is_some() => {}
                LineEnd::Torn => self.here("the line is cut off"),
                LineEnd::TooLong => {
                    self.here("the line is longer than any entry");
                    return Ok(());
                }
            }
        }
        if self.line == 0 && !beyond {
            self.here("the segment is empty");
        }
        self.orders(number);
        self.signed_end(number);
        Ok(())
    }

    /// Holds what was taken out of the segment against the orders on record.
    fn orders(&mut self, number: u64) {
        let digest = Hash::from_bytes(self.digest.finalize_reset().into());
        let what = match (self.records.last_rewriting(self.class, number), self.redacted) {
            (None, 0) => return,
            (None, redacted) => {
                format!("{redacted} entries have lost personal fields without an order")
            }
            (Some(last), _) if last.digest == digest => return,
            (Some(last), 0) => {
                format!("the order {} is on record and was not carried out", last.order)
            }
            (Some(last), _) => {
                format!("the segment is not as the last order on record, {}, left it", last.order)
            }
        };
        self.about_a_file(number, what);
    }

    /// Holds a closed segment against its signed end.
    fn signed_end(&mut self, number: u64) {
        let Some(end) = self.ends.get(&number) else { return };
        let is = (self.sequence, self.hash, self.tree.count(), self.tree.root());
        if is == (end.sequence, end.hash, end.entries, end.tree) {
            self.chain.signed_ends += 1;
        } else {
            self.about_a_file(number, "the segment does not end as was signed".to_owned());
        }
    }

    fn is_flushed(&self, offset: u64) -> bool {
        self.head.is_some_and(|head| {
            self.segment < head.segment || (self.segment == head.segment && offset <= head.offset)
        })
    }

    fn header(&mut self, number: u64, line: &[u8], offset: u64) {
        let Some(header) = Header::parse(self.class, line) else {
            return self.here("the segment's header was altered");
        };
        if header.segment != number {
            self.here("the header belongs to another segment");
        } else if header.first_sequence != self.sequence.saturating_add(1) {
            self.jump(header.first_sequence);
        } else if header.previous() != self.hash {
            self.here("the segment does not follow the one before it");
        }
        self.sequence = header.first_sequence.saturating_sub(1);
        self.hash = header.hash();
        self.meet_head(offset);
        self.meet_anchor();
    }

    /// Holds a line against what was anchored elsewhere.
    fn meet_anchor(&mut self) {
        let Some(anchor) = self.anchored.get(self.class, self.segment, self.sequence) else {
            return;
        };
        let is_it = anchor.hash == self.hash;
        self.anchors_met.insert((self.segment, self.sequence));
        if !is_it {
            self.here("this is not what was anchored elsewhere");
        }
    }

    fn entry(&mut self, line: &[u8], offset: u64, flushed: bool) {
        let entry = match chain::open(self.class, line) {
            Ok(entry) => entry,
            Err(flaw) => {
                self.here(&flaw.to_string());
                self.go_on_after_flaw(line);
                return;
            }
        };
        self.chain.entries += 1;
        self.chain.unflushed += u64::from(!flushed);
        let is_redacted = !(entry.removed.is_empty() && entry.replaced.is_empty());
        self.redacted += u64::from(is_redacted);
        self.chain.pseudonymised += u64::from(is_redacted);
        self.chain.with_pseudonyms += u64::from(!entry.replaced.is_empty());
        self.tree.push(entry.hash);
        let sequence = entry.position.sequence;
        let first = self.chain.sequences.map_or(sequence, |(first, _)| first);
        self.chain.sequences = Some((first, sequence));
        if sequence != self.sequence.saturating_add(1) {
            self.jump(sequence);
        } else if entry.position.previous != self.hash {
            self.here("the entry does not follow the one before it");
        }
        if entry.event.action == Action::ChainDamaged {
            let found = entry.event.details.get("found").cloned().unwrap_or_default();
            self.here(&format!("damage was found here when the log was opened: {found}"));
        }
        self.sequence = sequence;
        self.hash = entry.hash;
        self.meet_head(offset);
        self.meet_anchor();
    }

    /// Takes the flawed line's place in the chain from what it claims, so that one altered entry is
    /// one finding.
    fn go_on_after_flaw(&mut self, line: &[u8]) {
        self.sequence = self.sequence.saturating_add(1);
        if let Ok(read) = line::read(line)
            && let Some(hash) = Hash::parse(&read.hash)
        {
            self.hash = hash;
        }
    }

    fn jump(&mut self, to: u64) {
        let expected = self.sequence.saturating_add(1);
        if to > expected {
            let last = to - 1;
            let which = if last == expected {
                format!("entry {expected} is missing")
            } else {
                format!("the entries {expected} to {last} are missing")
            };
            self.here(&which);
        } else {
            self.here(&format!("entry {to} stands here again, or in the wrong place"));
        }
    }

    /// Holds the end of a line against the head.
    fn meet_head(&mut self, offset: u64) {
        let Some(head) = self.head else { return };
        if self.segment != head.segment || offset != head.offset {
            return;
        }
        self.head_met = true;
        if (self.sequence, self.hash) != (head.sequence, head.hash) {
            self.here("this is not the entry that was flushed last");
        }
    }

    fn end(&mut self) {
        let missing = self.anchored.of(self.class).filter(|((_, segment, sequence), _)| {
            *segment >= self.first_segment && !self.anchors_met.contains(&(*segment, *sequence))
        });
        let missing: Vec<String> = missing
            .map(|(_, anchor)| {
                let Statement { sequence, at, .. } = anchor;
                format!("entry {sequence} was anchored elsewhere at {at} and is not there")
            })
            .collect();
        for what in missing {
            self.about_the_chain(what);
        }
        let Some(head) = self.head else { return };
        if !self.head_met {
            let text = format!(
                "the end is cut off: entry {} was flushed at byte {} and is not there",
                head.sequence, head.offset
            );
            self.about_a_file(head.segment, text);
        }
    }

    fn here(&mut self, what: &str) {
        self.report.add(Finding {
            chain: self.class.word(),
            segment: Some(segment::file_name(self.segment)),
            line: Some(self.line),
            what: what.to_owned(),
        });
    }

    fn about_a_file(&mut self, number: u64, what: String) {
        let segment = Some(segment::file_name(number));
        self.report.add(Finding { chain: self.class.word(), segment, line: None, what });
    }

    fn about_the_chain(&mut self, what: String) {
        let chain = self.class.word();
        self.report.add(Finding { chain, segment: None, line: None, what });
    }
}
