//! Finding entries, newest first, straight from the segments.
//!
//! Each chain is read backwards, block by block, and the three are merged by time. Nothing is proven
//! here; [`super::verify`] does that.

mod backwards;
mod filter;
mod follow;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::event::Event;
use super::line;
use super::options::Class;
use super::segment;
use backwards::Backwards;

pub use filter::Filter;
pub use follow::Follow;

/// An entry that was found.
#[derive(Debug, Clone)]
pub struct FoundEntry {
    /// In which chain.
    pub class: Class,
    /// Its place in the chain.
    pub sequence: u64,
    /// Its content.
    pub event: Event,
    /// Its line.
    pub line: String,
}

/// Entries within a chain stand in the order in which they were written; one that waited for a disk
/// with room can be this much older than its neighbours.
pub(super) const LATEST: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);

/// Looks through the log in this directory, newest first. Lines that are no entries are passed over.
///
/// # Errors
/// What the operating system says where a directory cannot be read.
pub fn search<'a>(
    directory: &Path,
    filter: &'a Filter,
) -> io::Result<impl Iterator<Item = io::Result<FoundEntry>> + use<'a>> {
    search_in(directory, filter, &Class::ALL)
}

/// The same in some of the chains.
///
/// # Errors
/// As [`search`].
pub fn search_in<'a>(
    directory: &Path,
    filter: &'a Filter,
    classes: &[Class],
) -> io::Result<impl Iterator<Item = io::Result<FoundEntry>> + use<'a>> {
    chains(directory, filter, classes, &Arc::default())
}

/// The same, until somebody sets `given_up`: nothing more is found then.
///
/// # Errors
/// As [`search`].
pub fn search_until<'a>(
    directory: &Path,
    filter: &'a Filter,
    given_up: &Arc<AtomicBool>,
) -> io::Result<impl Iterator<Item = io::Result<FoundEntry>> + use<'a>> {
    chains(directory, filter, &Class::ALL, given_up)
}

fn chains<'a>(
    directory: &Path,
    filter: &'a Filter,
    classes: &[Class],
    given_up: &Arc<AtomicBool>,
) -> io::Result<impl Iterator<Item = io::Result<FoundEntry>> + use<'a>> {
    let mut chains = Vec::new();
    for &class in classes {
        let mut segments = segment::list(&directory.join(class.word()))?;
        let paths = std::iter::from_fn(move || segments.pop().map(|(_, path)| path));
        chains.push(ChainSearch::new(class, Box::new(paths), filter, given_up).peekable());
    }
    Ok(std::iter::from_fn(move || {
        let newest = chains
            .iter_mut()
            .enumerate()
            .filter_map(|(index, chain)| {
                let at = match chain.peek()? {
                    Ok(found) => found.event.at,
                    // Said first, so that nobody takes an incomplete answer for a whole one.
                    Err(_) => Timestamp::MAX,
                };
                Some((at, index))
            })
            .max_by_key(|&(at, _)| at);
        newest.and_then(|(_, index)| chains.get_mut(index)?.next())
    }))
}

/// One chain, backwards.
struct ChainSearch<'a> {
    class: Class,
    segments: Box<dyn Iterator<Item = PathBuf>>,
    lines: Option<Backwards>,
    filter: &'a Filter,
    given_up: Arc<AtomicBool>,
    done: bool,
}

impl<'a> ChainSearch<'a> {
    fn new(
        class: Class,
        segments: Box<dyn Iterator<Item = PathBuf>>,
        filter: &'a Filter,
        given_up: &Arc<AtomicBool>,
    ) -> Self {
        let given_up = Arc::clone(given_up);
        Self { class, segments, lines: None, filter, given_up, done: false }
    }

    fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(lines) = &mut self.lines {
                if let Some(line) = lines.next_line()? {
                    return Ok(Some(line));
                }
                self.lines = None;
            }
            let Some(path) = self.segments.next() else { return Ok(None) };
            match Backwards::open(&path) {
                Ok(lines) => self.lines = Some(lines),
                // Its time was over while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn try_next(&mut self) -> io::Result<Option<FoundEntry>> {
        while let Some(line) = self.next_line()? {
            if self.given_up.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let Ok(line) = String::from_utf8(line) else { continue };
            if !self.filter.may_match(&line) {
                continue;
            }
            let Ok(read) = line::read(line.as_bytes()) else { continue };
            let too_old =
                |since: Timestamp| read.event.at < since.saturating_sub(LATEST).unwrap_or(since);
            if self.filter.since.is_some_and(too_old) {
                return Ok(None);
            }
            if self.filter.matches(&read.event) {
                let (sequence, event) = (read.sequence, read.event);
                return Ok(Some(FoundEntry { class: self.class, sequence, event, line }));
            }
        }
        Ok(None)
    }
}

impl Iterator for ChainSearch<'_> {
    type Item = io::Result<FoundEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let next = self.try_next().transpose();
        self.done = !matches!(next, Some(Ok(_)));
        next
    }
}

#[cfg(test)]
mod tests;
