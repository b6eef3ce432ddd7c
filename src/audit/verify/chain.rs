//! One chain, from its first line to its last.

use std::io;
use std::path::{Path, PathBuf};

use super::super::chain::{self, Hash};
use super::super::event::Action;
use super::super::head::{self, Found, Head};
use super::super::line;
use super::super::options::Class;
use super::super::segment::{self, Header, LineEnd, Lines};
use super::pruned::Pruned;
use super::{ChainReport, Finding, Report};

pub(super) fn verify(
    directory: &Path,
    class: Class,
    pruned: &Pruned,
    report: &mut Report,
) -> io::Result<()> {
    // The head first: whatever a running gateway adds from now on stands beyond it.
    let found = head::read(directory, class)?;
    let segments = segment::list(&directory.join(class.word()))?;
    let head = match found {
        Found::Head(head) => Some(head),
        Found::Missing | Found::Unreadable => None,
    };
    let chain = ChainReport {
        chain: class.word(),
        segments: 0,
        entries: 0,
        unflushed: 0,
        sequences: None,
        pseudonymised: 0,
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
        report,
    };
    match found {
        Found::Head(_) => {}
        Found::Missing => walk.about_the_chain("the flushed head is missing".to_owned()),
        Found::Unreadable => walk.about_the_chain("the flushed head was altered".to_owned()),
    }
    walk.all(&segments, pruned)
}

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
    report: &'a mut Report,
}

impl Walk<'_> {
    fn all(mut self, segments: &[(u64, PathBuf)], pruned: &Pruned) -> io::Result<()> {
        if segments.is_empty() {
            self.about_the_chain("the chain has no segments".to_owned());
        }
        let mut expected = self.begin(segments, pruned)?;
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
    fn begin(&mut self, segments: &[(u64, PathBuf)], pruned: &Pruned) -> io::Result<u64> {
        let Some((first, path)) = segments.first().filter(|(number, _)| *number > 1) else {
            return Ok(1);
        };
        let mut lines = Lines::open(path, 0)?;
        let complete = lines.advance()? == Some(LineEnd::Complete);
        let header = Header::parse(self.class, &lines.line).filter(|_| complete);
        let Some(header) = header else { return Ok(1) };
        let record = (first - 1, header.previous());
        if !pruned.get(self.class).contains(&record) {
            return Ok(1);
        }
        self.hash = header.previous();
        self.sequence = header.first_sequence.saturating_sub(1);
        Ok(*first)
    }

    fn segment(&mut self, number: u64, path: &Path, beyond: bool) -> io::Result<()> {
        (self.segment, self.line) = (number, 0);
        self.chain.segments += 1;
        let mut lines = Lines::open(path, 0)?;
        while let Some(end) = lines.advance()? {
            self.line += 1;
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
        Ok(())
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
        self.chain.pseudonymised += u64::from(!entry.removed.is_empty());
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
