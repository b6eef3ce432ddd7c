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

/// So many octets of lines are written at a time.
const AT_A_TIME: usize = 32 << 10;

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
}

impl Ledger {
    /// Goes on after this head, in a segment begun at this instant.
    #[must_use]
    pub fn resume(place: Place, head: Head, begun: Timestamp) -> Self {
        let Place { disk, directory, class, node, segment_bytes } = place;
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
        let mut ledger = Self::resume(place, head, now);
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
        let mut next = self.head;
        let written = self.write(&mut *file, events, &mut salts, &mut next);
        self.lines.clear();
        if let Err(error) = written.and_then(|()| file.sync()) {
            let _ = file.truncate(self.head.offset);
            return Err(error);
        }
        self.file = Some(file);
        self.head = next;
        Ok(())
    }

    /// Writes the head down, apart from the segments.
    ///
    /// # Errors
    /// What the operating system says. What was appended is kept all the same.
    pub fn publish(&mut self) -> io::Result<()> {
        if self.published == Some(self.head) {
            return Ok(());
        }
        let path = head::path(&self.directory, self.class);
        self.disk.replace(&path, &self.head.content(self.class))?;
        self.published = Some(self.head);
        Ok(())
    }

    fn is_segment_over(&self, now: Timestamp) -> bool {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        self.head.offset >= self.segment_bytes || day(self.begun) != day(now)
    }

    fn begin_segment(&mut self, number: u64, now: Timestamp) -> io::Result<()> {
        let (last, previous) = (self.head.sequence, self.head.hash);
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
        next: &mut Head,
    ) -> io::Result<()> {
        let lines = &mut self.lines;
        for event in events {
            let position =
                Position { sequence: next.sequence.saturating_add(1), previous: next.hash };
            next.hash = chain::seal_onto(lines, self.class, position, event.borrow(), &salts());
            next.sequence = position.sequence;
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
