//! Reading a chain onwards from a bookmark.

use std::io;
use std::path::{Path, PathBuf};

use crate::audit::head::{self, Found};
use crate::audit::segment::{self, LineEnd, Lines};
use crate::audit::{Class, line_event};
use crate::naps::Naps;
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

/// How far a walk has come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walked {
    pub(super) to: Bookmark,
    /// The sequence that was flushed last.
    pub(super) flushed: u64,
}

/// What became of a line.
pub(super) enum Walk {
    /// It is an entry with this sequence.
    Taken(u64),
    /// It was taken before, and is met again because its segment was written anew.
    Seen,
    /// It is no entry.
    Unreadable,
    /// It is left for the next time.
    Enough,
}

/// Reads on from a bookmark, at most so many entries of what was flushed. Reads files: not for the
/// threads that serve.
pub(super) fn read(
    directory: &Path,
    class: Class,
    from: Bookmark,
    most: usize,
) -> io::Result<Part> {
    let mut entries = Vec::new();
    let walked = walk(directory, class, from, OCTETS, |line| {
        if entries.len() >= most {
            return Walk::Enough;
        }
        let Some(entry) = taken(class, line) else { return Walk::Unreadable };
        let sequence = entry.sequence();
        if sequence <= from.sequence {
            return Walk::Seen;
        }
        entries.push(entry);
        Walk::Taken(sequence)
    })?;
    Ok(Part { entries, to: walked.to, flushed: walked.flushed })
}

/// Goes through the lines behind a bookmark, up to what was flushed, and to about so many octets;
/// with naps, for the sake of the traffic.
pub(super) fn walk(
    directory: &Path,
    class: Class,
    from: Bookmark,
    octets: u64,
    mut each: impl FnMut(&[u8]) -> Walk,
) -> io::Result<Walked> {
    let mut walked = Walked { to: from, flushed: from.sequence };
    // Beyond the head stands what the writer may still take back.
    let Found::Head(head) = head::read(directory, class)? else { return Ok(walked) };
    walked.flushed = head.sequence;
    if from.sequence >= head.sequence {
        return Ok(walked);
    }
    let mut passed = 0;
    let mut naps = Naps::new();
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
            if passed > octets {
                return Ok(walked);
            }
            let Some(end) = lines.advance()? else { break };
            if number == head.segment && begins >= head.offset {
                break;
            }
            passed += lines.offset - begins;
            naps.if_due();
            let is_header = begins == 0;
            let line = if is_header { Walk::Seen } else { Walk::Unreadable };
            let line =
                if end == LineEnd::Complete && !is_header { each(&lines.line) } else { line };
            match line {
                Walk::Enough => return Ok(walked),
                Walk::Taken(sequence) => walked.to.sequence = walked.to.sequence.max(sequence),
                Walk::Seen => {}
                Walk::Unreadable => {
                    walked.to.unreadable = walked.to.unreadable.saturating_add(1);
                }
            }
            (walked.to.segment, walked.to.offset) = (number, lines.offset);
        }
    }
    Ok(walked)
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
