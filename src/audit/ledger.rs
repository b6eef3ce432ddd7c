//! One chain, open for writing.
//!
//! Always holds: between two calls the file ends where [`Ledger::head`] says, or is cut back to there
//! before anything else is written.

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
    pub fn append<'a>(
        &mut self,
        events: impl Iterator<Item = &'a Event>,
        mut salts: impl FnMut() -> Salts,
        now: Timestamp,
    ) -> io::Result<()> {
        if self.is_segment_over(now) || !self.can_go_on()? {
            self.begin_segment(self.head.segment.saturating_add(1), now)?;
        }
        let mut next = self.head;
        let mut bytes = Vec::new();
        for event in events {
            let position =
                Position { sequence: next.sequence.saturating_add(1), previous: next.hash };
            let hash = chain::seal_onto(&mut bytes, self.class, position, event, &salts());
            bytes.push(b'\n');
            next.sequence = position.sequence;
            next.hash = hash;
        }
        next.offset += bytes.len() as u64;
        self.write(&bytes)?;
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

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        // After an error the file is opened anew, and cut back before anything else is written.
        let mut file = self.file.take().ok_or(io::ErrorKind::NotFound)?;
        if let Err(error) = file.append(bytes).and_then(|()| file.sync()) {
            let _ = file.truncate(self.head.offset);
            return Err(error);
        }
        self.file = Some(file);
        Ok(())
    }

    fn segment_path(&self, number: u64) -> PathBuf {
        self.directory.join(self.class.word()).join(file_name(number))
    }
}
