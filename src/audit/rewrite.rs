//! A closed segment written anew without personal values, with the very same chain.
//!
//! In this order: the new file is written beside the log and is on disk (and with it what is sealed);
//! the record of it, with the digest of the new file, is on disk in the chain of people; the new file
//! takes the old one's name. Whenever the process ends: without the record the new file is dropped,
//! with it what is left to do is done when the log is opened ([`finish`]). So a segment is always the
//! old one whole, or the new one whole with its record.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::chain::{self, Fate, Hash};
use super::options::Class;
use super::order::{Order, What};
use super::pseudonym;
use super::sealed::{self, Sealed};
use super::segment::{self, LineEnd, Lines};
use super::{disk, records};

/// A segment that is written anew and has not taken the old one's place.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) class: Class,
    pub(super) segment: u64,
    /// The id that its record will have.
    pub(super) id: Uuid,
    /// How many entries are changed.
    pub(super) entries: u64,
    /// SHA-256 of the new file.
    pub(super) digest: Hash,
}

/// Why a segment is not written anew.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}: {1}")]
    Damaged(String, String),
    #[error("there is no key for the pseudonyms of {0}")]
    NoKey(String),
}

fn directory(log: &Path) -> PathBuf {
    log.join("rewriting")
}

impl Staged {
    fn paths(&self, log: &Path) -> (PathBuf, PathBuf) {
        paths(log, self.class, self.segment, self.id)
    }

    /// Puts the new file in the old one's place. No where the old one is gone, its time being over.
    pub(super) fn carry_out(&self, log: &Path) -> io::Result<bool> {
        carry_out(log, self.class, self.segment, self.id)
    }

    /// Drops it, unless its record stands in the log: then it waits for the next opening.
    pub(super) fn drop_unless_recorded(&self, log: &Path) {
        let unrecorded = records::read(log).is_ok_and(|records| {
            let last = records.last_rewriting(self.class, self.segment);
            last.is_none_or(|last| last.event.id != self.id)
        });
        if unrecorded {
            let (lines, boxes) = self.paths(log);
            let _ = fs::remove_file(boxes);
            let _ = fs::remove_file(lines);
        }
    }
}

fn paths(log: &Path, class: Class, segment: u64, id: Uuid) -> (PathBuf, PathBuf) {
    let name = |end: &str| directory(log).join(format!("{class}.{segment:08}.{id}.{end}"));
    (name("jsonl"), name("sealed"))
}

/// Writes a segment anew beside the log; none where the order changes nothing in it.
pub(super) fn stage(
    log: &Path,
    (class, number): (Class, u64),
    order: &Order,
) -> Result<Option<Staged>, Refused> {
    disk::make_directory(&directory(log))?;
    let id = Uuid::now_v7();
    let (new, boxes) = paths(log, class, number, id);
    let mut writing = Writing::begin(&new)?;
    let path = log.join(class.word()).join(segment::file_name(number));
    let outcome = write_anew(&path, (class, number), order, &mut writing);
    let made = match outcome {
        Ok(changes) if changes.entries > 0 => changes,
        other => {
            drop(writing);
            fs::remove_file(&new)?;
            return other.map(|_| None);
        }
    };
    stage_boxes(log, (class, number), &boxes, made.sealed, &made.opened_no_more)?;
    let digest = writing.end()?;
    File::open(directory(log))?.sync_all()?;
    Ok(Some(Staged { class, segment: number, id, entries: made.entries, digest }))
}

#[derive(Default)]
struct Changes {
    entries: u64,
    sealed: Vec<Sealed>,
    /// Entries whose sealed values go with their pseudonyms.
    opened_no_more: BTreeSet<u64>,
}

fn write_anew(
    path: &Path,
    (class, number): (Class, u64),
    order: &Order,
    writing: &mut Writing,
) -> Result<Changes, Refused> {
    let mut changes = Changes::default();
    let mut lines = Lines::open(path, 0)?;
    let mut at = 0_u64;
    while let Some(end) = lines.advance()? {
        at += 1;
        let damaged = |what: String| {
            Refused::Damaged(format!("{class}/{}:{at}", segment::file_name(number)), what)
        };
        if end != LineEnd::Complete {
            return Err(damaged("the line is cut off".to_owned()));
        }
        if at == 1 {
            writing.line(&lines.line)?;
            continue;
        }
        let mut missing = None;
        let fate = |asked: &chain::Asked<'_>| match order.fate(asked) {
            Ok(fate) => fate,
            Err(period) => {
                missing = Some(period);
                Fate::Kept
            }
        };
        let anew = chain::rewrite(class, &lines.line, fate);
        let anew = anew.map_err(|flaw| damaged(flaw.to_string()))?;
        if let Some(period) = missing {
            return Err(Refused::NoKey(period));
        }
        if anew.line == lines.line {
            writing.line(&lines.line)?;
            continue;
        }
        let (before, after) = (chain::open(class, &lines.line), chain::open(class, &anew.line));
        let (Ok(before), Ok(after)) = (before, after) else {
            return Err(damaged("the entry cannot be written anew".to_owned()));
        };
        if (before.position, before.hash) != (after.position, after.hash) {
            return Err(damaged("the entry would leave its place in the chain".to_owned()));
        }
        changes.entries += 1;
        writing.line(&anew.line)?;
        let sequence = after.position.sequence;
        if let What::Pseudonymise(keys) = &order.what {
            let period = pseudonym::period(after.event.at);
            let place = sealed::Place { class, segment: number, sequence, hash: after.hash };
            let sealed = Sealed::seal(keys, &period, place, &anew.taken);
            changes.sealed.push(sealed.ok_or(Refused::NoKey(period))?);
        } else if anew.pseudonyms_removed > 0 {
            changes.opened_no_more.insert(sequence);
        }
    }
    Ok(changes)
}

/// What is sealed of the segment from now on, where that changes.
fn stage_boxes(
    log: &Path,
    (class, number): (Class, u64),
    staged: &Path,
    more: Vec<Sealed>,
    without: &BTreeSet<u64>,
) -> io::Result<()> {
    if more.is_empty() && without.is_empty() {
        return Ok(());
    }
    disk::make_directory(&sealed::directory(log))?;
    let mut boxes = sealed::read(&sealed::path(log, class, number))?;
    boxes.retain(|sealed| !without.contains(&sealed.sequence));
    boxes.extend(more);
    let mut writing = Writing::begin(staged)?;
    for sealed in &boxes {
        writing.line(&serde_json::to_vec(sealed)?)?;
    }
    writing.end().map(|_| ())
}

fn carry_out(log: &Path, class: Class, segment: u64, id: Uuid) -> io::Result<bool> {
    let (new, boxes) = paths(log, class, segment, id);
    let (chain, target) = (log.join(class.word()), segment::file_name(segment));
    let target = chain.join(target);
    if !fs::exists(&target)? {
        let _ = fs::remove_file(boxes);
        fs::remove_file(new)?;
        return Ok(false);
    }
    if fs::exists(&boxes)? {
        fs::rename(&boxes, sealed::path(log, class, segment))?;
        File::open(sealed::directory(log))?.sync_all()?;
    }
    fs::rename(&new, &target)?;
    File::open(&chain)?.sync_all()?;
    Ok(true)
}

/// Does what a process that ended has left to do: what is on record is carried out, the rest dropped.
pub(super) fn finish(log: &Path) -> io::Result<()> {
    let staged = staged(log)?;
    if !staged.is_empty() {
        let records = records::read(log)?;
        let recorded: BTreeSet<Uuid> =
            records.rewritings.values().flatten().map(|rewriting| rewriting.event.id).collect();
        for (class, segment, id) in staged {
            if recorded.contains(&id) {
                carry_out(log, class, segment, id)?;
            } else {
                let (lines, boxes) = paths(log, class, segment, id);
                let _ = fs::remove_file(boxes);
                fs::remove_file(lines)?;
            }
        }
    }
    // What is left now belongs to nothing.
    match fs::remove_dir_all(directory(log)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether something is written anew just now, or waits to be finished.
pub(super) fn is_under_way(log: &Path) -> bool {
    fs::read_dir(directory(log)).is_ok_and(|mut entries| entries.next().is_some())
}

fn staged(log: &Path) -> io::Result<Vec<(Class, u64, Uuid)>> {
    let entries = match fs::read_dir(directory(log)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut staged = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let mut parts = name.to_str().unwrap_or_default().split('.');
        let class = parts.next().and_then(Class::from_word);
        let segment = parts.next().and_then(|number| number.parse().ok());
        let id = parts.next().and_then(|id| id.parse().ok());
        if let (Some(class), Some(segment), Some(id), Some("jsonl"), None) =
            (class, segment, id, parts.next(), parts.next())
        {
            staged.push((class, segment, id));
        }
    }
    Ok(staged)
}

/// A file of lines that is on disk in the end, and its digest.
struct Writing {
    file: BufWriter<File>,
    digest: Sha256,
}

impl Writing {
    fn begin(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { file: BufWriter::with_capacity(64 << 10, file), digest: Sha256::new() })
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        for part in [line, b"\n"] {
            self.digest.update(part);
            self.file.write_all(part)?;
        }
        Ok(())
    }

    fn end(self) -> io::Result<Hash> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(Hash::from_bytes(self.digest.finalize().into()))
    }
}
