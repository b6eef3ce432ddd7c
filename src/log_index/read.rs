//! Reading a chain onwards from a bookmark.

use std::io;
use std::path::{Path, PathBuf};

use crate::audit::head::{self, Found};
use crate::audit::segment::{self, LineEnd, Lines};
use crate::audit::{Class, line_event};
use crate::store::log::{Bookmark, Taken};

/// So many octets are read at a time.
const OCTETS: u64 = 4 << 20;

/// What was read, and where to go on.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) entries: Vec<Taken>,
    pub(super) to: Bookmark,
    /// The sequence that was flushed last.
    pub(super) flushed: u64,
}

/// Reads on from a bookmark, at most so many entries of what was flushed. Reads files: not for the
/// threads that serve.
pub(super) fn read(
    directory: &Path,
    class: Class,
    from: Bookmark,
    most: usize,
) -> io::Result<Part> {
    let mut part = Part { entries: Vec::new(), to: from, flushed: from.sequence };
    // Beyond the head stands what the writer may still take back.
    let Found::Head(head) = head::read(directory, class)? else { return Ok(part) };
    part.flushed = head.sequence;
    if from.sequence >= head.sequence {
        return Ok(part);
    }
    let mut octets = 0;
    for (number, path) in segment::list(&directory.join(class.word()))? {
        if number < from.segment || number > head.segment {
            continue;
        }
        let offset = if number == from.segment { where_in(&path, from)? } else { 0 };
        let mut lines = match Lines::open(&path, offset) {
            Ok(lines) => lines,
            // Its time was over while we looked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        loop {
            let begins = lines.offset;
            if part.entries.len() >= most || octets > OCTETS {
                return Ok(part);
            }
            let Some(end) = lines.advance()? else { break };
            if number == head.segment && begins >= head.offset {
                break;
            }
            octets += lines.offset - begins;
            let taken = (end == LineEnd::Complete).then(|| taken(class, &lines.line)).flatten();
            part.to.segment = number;
            part.to.offset = lines.offset;
            match taken {
                Some(entry) if entry.sequence() > head.sequence => return Ok(part),
                Some(entry) if entry.sequence() > from.sequence => {
                    part.to.sequence = part.to.sequence.max(entry.sequence());
                    part.entries.push(entry);
                }
                // Read before, and read again because the segment was written anew.
                Some(_) => {}
                // The first line is the header.
                None if begins == 0 => {}
                None => part.to.unreadable = part.to.unreadable.saturating_add(1),
            }
        }
    }
    Ok(part)
}

fn taken(class: Class, line: &[u8]) -> Option<Taken> {
    Taken::of(class, std::str::from_utf8(line).ok()?)
}

/// Where the next line begins. A segment that was written anew since is read from its beginning:
/// what was read of it is known by its sequence.
fn where_in(path: &PathBuf, from: Bookmark) -> io::Result<u64> {
    if from.offset == 0 {
        return Ok(0);
    }
    let length = std::fs::metadata(path).map(|found| found.len());
    let Ok(length) = length else { return Ok(0) };
    if length < from.offset {
        return Ok(0);
    }
    let last = segment::line_ending_at(path, from.offset)?;
    let follows = line_event(&last).is_some_and(|(sequence, _)| sequence == from.sequence);
    Ok(if follows { from.offset } else { 0 })
}
