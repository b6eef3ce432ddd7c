//! Deleting whole segments whose time is over, in a way that verification can tell from a theft.
//!
//! The record comes first: an entry in the chain of people names the chain, the last segment that
//! goes and the hash it ended in, which the first segment that stays carries in its header. Only when
//! that entry is on disk are the files removed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::event::{Action, Event};
use super::ledger::Ledger;
use super::options::{Class, PerClass};
use super::segment::{self, Header, LineEnd, Lines};
use super::{records, sealed};
use crate::clock;
use crate::config::Retention;

/// What of one chain goes.
struct Cut {
    class: Class,
    paths: Vec<PathBuf>,
    through: u64,
    /// The header of the first segment that goes.
    first: Header,
    /// The header of the first segment that stays.
    next: Header,
}

/// Deletes what is older than its retention; gives the number of files.
pub(super) fn run(
    directory: &Path,
    ledgers: &mut PerClass<Ledger>,
    retention: Retention,
    now: Timestamp,
) -> io::Result<usize> {
    let mut cuts = Vec::new();
    for class in Class::ALL {
        let keep = match class {
            Class::Allowed => retention.allowed,
            Class::Denied => retention.denied,
            Class::People => retention.people,
        };
        let Ok(oldest) = now.checked_sub(keep) else { continue };
        cuts.extend(find(directory, class, oldest)?);
    }
    let mut records: Vec<Event> = cuts.iter().map(|cut| record(cut, now)).collect();
    if cuts.iter().any(|cut| cut.class == Class::People) {
        records.extend(standing_records(directory, &cuts, now)?);
        records.extend(standing_rewritings(directory, &cuts, now)?);
    }
    if records.is_empty() {
        return Ok(0);
    }
    let people = ledgers.get_mut(Class::People);
    people.append(records.iter(), clock::random_bytes, now)?;
    people.publish()?;
    let mut deleted = 0;
    for cut in &cuts {
        for number in cut.first.segment..=cut.through {
            match fs::remove_file(sealed::path(directory, cut.class, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    for path in cuts.iter().flat_map(|cut| &cut.paths) {
        fs::remove_file(path)?;
        deleted += 1;
    }
    Ok(deleted)
}

/// The segments that end before this instant. A segment ends when the next one begins; the newest
/// always stays.
fn find(directory: &Path, class: Class, oldest: Timestamp) -> io::Result<Option<Cut>> {
    let segments = segment::list(&directory.join(class.word()))?;
    let (mut cut, mut first) = (None, None);
    let mut paths = Vec::new();
    for pair in segments.windows(2) {
        let [(number, path), (_, next)] = pair else { continue };
        let Some(next) = header(class, next)? else { break };
        if first.is_none() {
            first = header(class, path)?;
        }
        if next.created >= oldest || next.segment != number.saturating_add(1) {
            break;
        }
        paths.push(path.clone());
        cut = Some((*number, next));
    }
    Ok(cut.zip(first).map(|((through, next), first)| Cut { class, paths, through, first, next }))
}

/// The header of a segment, where it has one.
pub(super) fn header(class: Class, path: &Path) -> io::Result<Option<Header>> {
    let mut lines = Lines::open(path, 0)?;
    let complete = lines.advance()? == Some(LineEnd::Complete);
    Ok(Header::parse(class, &lines.line).filter(|_| complete))
}

fn record(cut: &Cut, now: Timestamp) -> Event {
    let mut event = deleted(cut.class, cut.through, &cut.next, now);
    event.count = cut.paths.len() as u64;
    let (first, last) = (cut.first.first_sequence, cut.next.first_sequence.saturating_sub(1));
    event
        .detail("first_segment", cut.first.segment)
        .detail("first_hash", cut.first.previous())
        .detail("first_entry", first)
        .detail("last_entry", last)
        .detail("entries", last.saturating_add(1).saturating_sub(first))
        .detail("from", cut.first.created)
        .detail("until", cut.next.created)
}

fn deleted(class: Class, through: u64, next: &Header, now: Timestamp) -> Event {
    Event::new(Action::Deleted, now, clock::random_bytes())
        .reason("retention_period")
        .detail("chain", class)
        .detail("through_segment", through)
        .detail("final_hash", next.previous())
        .detail("first_kept_entry", next.first_sequence)
}

/// When records of deletion are about to go themselves, those that still count are written anew.
fn standing_records(directory: &Path, cuts: &[Cut], now: Timestamp) -> io::Result<Vec<Event>> {
    let mut records = Vec::new();
    for class in Class::ALL {
        if cuts.iter().any(|cut| cut.class == class) {
            continue;
        }
        let segments = segment::list(&directory.join(class.word()))?;
        let Some((number, path)) = segments.first().filter(|(number, _)| *number > 1) else {
            continue;
        };
        if let Some(next) = header(class, path)? {
            let mut event = deleted(class, number - 1, &next, now);
            event.count = 0;
            records.push(event);
        }
    }
    Ok(records)
}

/// The same for records of segments that were written anew and stay longer than their record.
fn standing_rewritings(directory: &Path, cuts: &[Cut], now: Timestamp) -> io::Result<Vec<Event>> {
    let through = |class| cuts.iter().find(|cut| cut.class == class).map_or(0, |cut| cut.through);
    let people = through(Class::People);
    let mut again = Vec::new();
    for ((class, segment), rewritings) in records::read(directory)?.rewritings {
        let Some(last) = rewritings.last() else { continue };
        let stays = segment > through(class)
            && fs::exists(directory.join(class.word()).join(segment::file_name(segment)))?;
        if stays && last.recorded_in <= people {
            let mut event = last.event.clone();
            // Its own id and instant: it stands where it is written now.
            let anew = Event::new(event.action, now, clock::random_bytes());
            (event.id, event.at) = (anew.id, anew.at);
            again.push(event.detail("recorded", last.at));
        }
    }
    Ok(again)
}
