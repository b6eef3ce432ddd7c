//! One chain, open for writing.
//!
//! Always holds: between two calls the file ends where [`Ledger::head`] says, or is cut back to there
//! before anything else is written.

use std::borrow::Borrow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::chain::{self, Hash, Position, Salts};
use super::disk::{Disk, DiskFile};
use super::event::Event;
use super::head::{self, Head};
use super::options::Class;
use super::segment::{Header, file_name};
use super::sign::{self, Signed, Signer, Statement};
use super::tree::Tree;
use crate::clock;

/// So many octets of lines are written at a time.
const AT_A_TIME: usize = 16 << 10;

/// One chain, open for writing.
pub struct Ledger {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    class: Class,
    node: String,
    segment_bytes: u64,
    head: Head,
    /// The head as it stands on disk; behind where that could not be written.
    published: Option<Head>,
    begun: Timestamp,
    file: Option<Box<dyn DiskFile>>,
    /// Room for lines on their way, empty between two calls.
    lines: Vec<u8>,
    signer: Option<Signer>,
    /// Over the entries of this segment; kept where somebody signs.
    tree: Tree,
    /// Signed ends that do not stand on disk yet.
    owed: Vec<Signed>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("class", &self.class).field("head", &self.head).finish()
    }
}

/// Where a ledger lies and how it is kept.
#[derive(Debug, Clone)]
pub struct Place {
    /// What it is written with.
    pub disk: Arc<dyn Disk>,
    /// The log's directory.
    pub directory: PathBuf,
    /// Which chain.
    pub class: Class,
    /// Which gateway.
    pub node: String,
    /// When a segment is long enough.
    pub segment_bytes: u64,
    /// Who signs its heads and ends; none: nobody.
    pub signer: Option<Signer>,
}

impl Ledger {
    /// Goes on after this head, in a segment begun at this instant, with the tree over what the
    /// segment holds up to there.
    #[must_use]
    pub fn resume(place: Place, head: Head, begun: Timestamp, tree: Tree) -> Self {
        let Place { disk, directory, class, node, segment_bytes, signer } = place;
        Self {
            disk,
            directory,
            class,
            node,
            segment_bytes,
            head,
            published: None,
            begun,
            file: None,
            lines: Vec::new(),
            signer,
            tree,
            owed: Vec::new(),
        }
    }

    /// Begins a segment with this number after this hash. The sequence goes on after `last`.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn begin(
        place: Place,
        number: u64,
        last: u64,
        previous: Hash,
        now: Timestamp,
    ) -> io::Result<Self> {
        let head =
            Head { segment: number.saturating_sub(1), offset: 0, sequence: last, hash: previous };
        let mut ledger = Self::resume(place, head, now, Tree::default());
        ledger.begin_segment(number, now)?;
        Ok(ledger)
    }

    /// How far the chain has come, on disk.
    #[must_use]
    pub fn head(&self) -> Head {
        self.head
    }

    /// Which chain it is.
    #[must_use]
    pub fn class(&self) -> Class {
        self.class
    }

    /// Appends the events and waits until they survive a crash: all of them or, where it fails, none.
    ///
    /// # Errors
    /// What the operating system says. The chain is where it was, and it can be tried again.
    pub fn append(
        &mut self,
        events: impl Iterator<Item = impl Borrow<Event>>,
        mut salts: impl FnMut() -> Salts,
        now: Timestamp,
    ) -> io::Result<()> {
        if self.is_segment_over(now) || !self.can_go_on()? {
            self.begin_segment(self.head.segment.saturating_add(1), now)?;
        }
        // After an error the file is opened anew, and cut back before anything else is written.
        let mut file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        let mut next = (self.head, self.tree.clone());
        let written = self.write(&mut *file, events, &mut salts, &mut next);
        self.lines.clear();
        if let Err(error) = written.and_then(|()| file.sync()) {
            let _ = file.truncate(self.head.offset);
            return Err(error);
        }
        self.file = Some(file);
        (self.head, self.tree) = next;
        Ok(())
    }

    /// Closes the segment and begins the next, so that what was written so far can be changed no
    /// more but by an order.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn turn_over(&mut self, now: Timestamp) -> io::Result<()> {
        self.begin_segment(self.head.segment.saturating_add(1), now)?;
        self.publish()
    }

    /// When the segment that is written now was begun.
    #[must_use]
    pub fn begun(&self) -> Timestamp {
        self.begun
    }

    /// Signs with this key from now on.
    pub fn sign_with(&mut self, signer: Signer) {
        self.signer = Some(signer);
        self.published = None;
    }

    /// Takes a signed end that is missing on disk.
    pub fn owe(&mut self, end: Signed) {
        self.owed.push(end);
    }

    /// What is signed of a chain that has come so far.
    fn signed(&self, closed: bool, at: Timestamp) -> Option<Signed> {
        let signer = self.signer.as_ref()?;
        Some(signer.state(&Statement {
            class: self.class,
            node: self.node.clone(),
            segment: self.head.segment,
            entries: self.tree.count(),
            sequence: self.head.sequence,
            hash: self.head.hash,
            tree: self.tree.root(),
            closed,
            at,
        }))
    }

    /// Writes the signed ends down that are not on disk yet.
    fn pay(&mut self) -> io::Result<()> {
        if self.owed.is_empty() {
            return Ok(());
        }
        let mut lines = Vec::new();
        for end in &self.owed {
            lines.extend(end.line());
            lines.push(b'\n');
        }
        let mut file = self.disk.append(&sign::ends_path(&self.directory, self.class))?;
        let before = file.length()?;
        if let Err(error) = file.append(&lines).and_then(|()| file.sync()) {
            let _ = file.truncate(before);
            return Err(error);
        }
        self.owed.clear();
        Ok(())
    }

    /// Writes the head down, apart from the segments.
    ///
    /// # Errors
    /// What the operating system says. What was appended is kept all the same.
    pub fn publish(&mut self) -> io::Result<()> {
        if self.published == Some(self.head) && self.owed.is_empty() {
            return Ok(());
        }
        self.pay()?;
        let path = head::path(&self.directory, self.class);
        let signed = self.signed(false, clock::now());
        self.disk.replace(&path, &self.head.content(self.class, signed))?;
        self.published = Some(self.head);
        Ok(())
    }

    fn is_segment_over(&self, now: Timestamp) -> bool {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        self.head.offset >= self.segment_bytes || day(self.begun) != day(now)
    }

    fn begin_segment(&mut self, number: u64, now: Timestamp) -> io::Result<()> {
        let (last, previous) = (self.head.sequence, self.head.hash);
        // A chain that goes on after damage does not say that what is damaged ended well.
        let follows = self.head.offset > 0 && number == self.head.segment.saturating_add(1);
        let end = if follows { self.signed(true, now) } else { None };
        let header =
            Header::new(self.class, &self.node, number, now, last.saturating_add(1), previous);
        let mut line = header.line();
        line.push(b'\n');
        let path = self.segment_path(number);
        let mut file = self.disk.append(&path)?;
        // An attempt that failed before may have left something behind.
        file.truncate(0)?;
        let directory = path.parent().unwrap_or(Path::new("."));
        file.append(&line)?;
        file.sync()?;
        self.disk.sync_directory(directory)?;
        self.head.segment = number;
        self.head.offset = line.len() as u64;
        self.head.hash = header.hash();
        self.begun = now;
        self.file = Some(file);
        self.tree = Tree::default();
        self.owed.extend(end);
        Ok(())
    }

    /// Opens the segment where it is not open, and cuts off what an attempt that failed has left.
    /// No where the file is shorter than it was: then the chain goes on in a new segment, and the
    /// gap shows for ever.
    fn can_go_on(&mut self) -> io::Result<bool> {
        if self.file.is_some() {
            return Ok(true);
        }
        let mut file = self.disk.append(&self.segment_path(self.head.segment))?;
        let length = file.length()?;
        if length < self.head.offset {
            return Ok(false);
        }
        if length > self.head.offset {
            file.truncate(self.head.offset)?;
        }
        self.file = Some(file);
        Ok(true)
    }

    /// Seals the events and writes them, some at a time: what was just made is still in the
    /// processor's cache, and whoever shares this core gets it in between.
    fn write(
        &mut self,
        file: &mut dyn DiskFile,
        events: impl Iterator<Item = impl Borrow<Event>>,
        salts: &mut impl FnMut() -> Salts,
        (next, tree): &mut (Head, Tree),
    ) -> io::Result<()> {
        let lines = &mut self.lines;
        let is_signed = self.signer.is_some();
        for event in events {
            let position =
                Position { sequence: next.sequence.saturating_add(1), previous: next.hash };
            next.hash = chain::seal_onto(lines, self.class, position, event.borrow(), &salts());
            next.sequence = position.sequence;
            if is_signed {
                tree.push(next.hash);
            }
            lines.push(b'\n');
            if lines.len() >= AT_A_TIME {
                next.offset += lines.len() as u64;
                file.append(lines)?;
                lines.clear();
                std::thread::yield_now();
            }
        }
        next.offset += lines.len() as u64;
        if lines.is_empty() { Ok(()) } else { file.append(lines) }
    }

    fn segment_path(&self, number: u64) -> PathBuf {
        self.directory.join(self.class.word()).join(file_name(number))
    }
}
