//! Opening the log after whatever happened to the process that wrote it last.
//!
//! What was flushed must be there: the line at the head is looked up and its hash compared. What was
//! written beyond the head and holds together is kept; what does not is set aside in a file of its
//! own, never deleted. Where the head says more than the files hold, the chain goes on in a new
//! segment that links to the lost head, so the gap shows in every later verification.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::chain::{self, Hash};
use super::disk::{self, Disk};
use super::event::{Action, Event, Outcome};
use super::head::{self, Found, Head};
use super::ledger::{Ledger, Place};
use super::options::{Class, OpenError, Opened, Options, PerClass};
use super::segment::{self, Header, LineEnd, Lines};
use super::sign::{self, Signer, Statement};
use super::{keys, rewrite};
use crate::clock;

/// The log, locked and ready to be written.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Held as long as this process writes.
    pub(super) lock: File,
    pub(super) ledgers: PerClass<Ledger>,
    /// What has to be written first.
    pub(super) notes: PerClass<Vec<Event>>,
    pub(super) opened: Opened,
}

/// Where a chain goes on, and what is to be said about it.
struct Continuation {
    ledger: Ledger,
    recovered: Vec<String>,
    damaged: Vec<String>,
}

pub(super) fn open(
    options: &Options,
    disk: &Arc<dyn Disk>,
    now: Timestamp,
) -> Result<Recovered, OpenError> {
    let root = &options.directory;
    let heads = root.join("heads");
    for directory in Class::ALL.map(|class| root.join(class.word())).iter().chain([&heads]) {
        disk::make_directory(directory).map_err(io_error("cannot make", directory))?;
    }
    let lock = lock(root)?;
    let read = |class| head::read(root, class).map_err(io_error("cannot read a head in", &heads));
    let found = PerClass {
        allowed: read(Class::Allowed)?,
        denied: read(Class::Denied)?,
        people: read(Class::People)?,
    };
    let signer = match &options.signing_key {
        Some(path) => {
            Some(Signer::open(path).map_err(io_error("cannot use the signing key", path))?)
        }
        None => None,
    };
    let (_, signed_before) = head::read_signed(root, Class::People)
        .map_err(io_error("cannot read a head in", &heads))?;
    let is_new = Class::ALL.iter().all(|&class| *found.get(class) == Found::Missing);
    let node = node_of(root)?;
    let mut opened = Opened::default();
    let mut notes = PerClass::<Vec<Event>>::default();
    let mut continue_chain = |class: Class| {
        let place = Place {
            disk: Arc::clone(disk),
            directory: root.clone(),
            class,
            node: node.clone(),
            segment_bytes: options.segment_bytes,
            signer: signer.clone(),
        };
        let chain = Chain { place, directory: root.join(class.word()), now };
        let mut continuation = chain
            .open(*found.get(class), is_new)
            .map_err(io_error("cannot go on with", &chain.directory))?;
        let notes = notes.get_mut(class);
        for text in &continuation.recovered {
            notes.push(note(Action::TailSetAside, Outcome::Success, text, now));
        }
        for text in &continuation.damaged {
            notes.push(note(Action::ChainDamaged, Outcome::Failure, text, now));
        }
        let saying = |text: &String| format!("{class}: {text}");
        opened.recovered.extend(continuation.recovered.iter().map(saying));
        opened.damaged.extend(continuation.damaged.iter().map(saying));
        *opened.entries.get_mut(class) = continuation.ledger.head().sequence;
        chain
            .owe_missing_ends(&mut continuation.ledger)
            .map_err(io_error("cannot read the signed ends in", &heads))?;
        continuation.ledger.publish().map_err(io_error("cannot write a head in", &heads))?;
        Ok(continuation.ledger)
    };
    let ledgers = PerClass {
        allowed: continue_chain(Class::Allowed)?,
        denied: continue_chain(Class::Denied)?,
        people: continue_chain(Class::People)?,
    };
    rewrite::finish(root).map_err(io_error("cannot finish what was rewritten in", root))?;
    if let Some(signer) = &signer {
        let note = keys::note(root, signed_before.as_ref(), signer, now);
        notes.people.extend(note.map_err(io_error("cannot read", root))?);
    }
    disk.sync_directory(&heads).map_err(io_error("cannot write", &heads))?;
    disk.sync_directory(root).map_err(io_error("cannot write", root))?;
    Ok(Recovered { lock, ledgers, notes, opened })
}

fn note(action: Action, outcome: Outcome, text: &str, now: Timestamp) -> Event {
    Event::new(action, now, clock::random_bytes()).outcome(outcome).detail("found", text)
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Io { what, path, source }
}

fn lock(root: &Path) -> Result<File, OpenError> {
    let path = root.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let file = file.map_err(io_error("cannot open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { directory: root.to_owned() }),
        Err(TryLockError::Error(error)) => Err(io_error("cannot lock", &path)(error)),
    }
}

/// The gateway's own name in the log: the one that stands in the last header, else a new one.
fn node_of(root: &Path) -> Result<String, OpenError> {
    let found = node_in(root).map_err(io_error("cannot read", root))?;
    Ok(found.unwrap_or_else(|| hex::encode(clock::random_bytes::<8>())))
}

/// The name that stands in the last header of a log, where there is one.
pub(crate) fn node_in(root: &Path) -> io::Result<Option<String>> {
    for class in Class::ALL {
        for (_, path) in segment::list(&root.join(class.word()))?.iter().rev() {
            if let Ok(Some(header)) = first_line(class, path) {
                return Ok(Some(header.node));
            }
        }
    }
    Ok(None)
}

fn first_line(class: Class, path: &Path) -> io::Result<Option<Header>> {
    let mut lines = Lines::open(path, 0)?;
    Ok(match lines.advance()? {
        Some(LineEnd::Complete) => Header::parse(class, &lines.line),
        _ => None,
    })
}

/// One chain that is being opened.
struct Chain {
    place: Place,
    directory: PathBuf,
    now: Timestamp,
}

impl Chain {
    fn open(&self, found: Found, is_new: bool) -> io::Result<Continuation> {
        let segments = segment::list(&self.directory)?;
        let head = match found {
            Found::Head(head) => head,
            Found::Missing if is_new && self.holds_nothing(&segments)? => {
                let ledger = Ledger::begin(self.place.clone(), 1, 0, Hash::ZERO, self.now)?;
                return Ok(Continuation { ledger, recovered: vec![], damaged: vec![] });
            }
            Found::Missing => {
                return self.after_damage(None, &segments, "the chain's flushed head is missing");
            }
            Found::Unreadable => {
                self.keep_unreadable_head()?;
                return self.after_damage(
                    None,
                    &segments,
                    "the chain's flushed head cannot be read",
                );
            }
        };
        let Some((_, path)) = segments.iter().find(|(number, _)| *number == head.segment) else {
            let text = format!("segment {} is missing", segment::file_name(head.segment));
            return self.after_damage(Some(head), &segments, &text);
        };
        if let Some(text) = self.lost(head, path)? {
            return self.after_damage(Some(head), &segments, &text);
        }
        self.take_in_tail(head, &segments)
    }

    /// A process that ended between the beginning of a segment and the signature under the one before
    /// leaves that one to be signed now. What was closed before anybody signed stays as it is.
    fn owe_missing_ends(&self, ledger: &mut Ledger) -> io::Result<()> {
        let Some(signer) = &self.place.signer else { return Ok(()) };
        let class = self.place.class;
        sign::cut_torn_line(&sign::ends_path(&self.place.directory, class))?;
        let (ends, _) = sign::ends(&self.place.directory, class)?;
        let last = ends.iter().filter_map(|end| Some(end.open()?.0.segment)).max();
        let Some(last) = last else { return Ok(()) };
        let segments = segment::list(&self.directory)?;
        for pair in segments.windows(2) {
            let [(number, path), (next, follower)] = pair else { continue };
            if *number <= last || *number >= ledger.head().segment || *next != number + 1 {
                continue;
            }
            let Some(survey) = segment::survey(class, path, u64::MAX)? else { continue };
            let follows = first_line(class, follower)?;
            if follows.is_none_or(|header| header.previous() != survey.hash) {
                continue;
            }
            ledger.owe(signer.state(&Statement {
                class,
                node: self.place.node.clone(),
                segment: *number,
                entries: survey.tree.count(),
                sequence: survey.sequence,
                hash: survey.hash,
                tree: survey.tree.root(),
                closed: true,
                at: self.now,
            }));
        }
        Ok(())
    }

    /// A first start that was broken off leaves headers at the most.
    fn holds_nothing(&self, segments: &[(u64, PathBuf)]) -> io::Result<bool> {
        let [] = segments else {
            let [(1, path)] = segments else { return Ok(false) };
            let mut lines = Lines::open(path, 0)?;
            lines.advance()?;
            return Ok(lines.advance()?.is_none());
        };
        Ok(true)
    }

    /// What of the flushed part is missing from the head's segment, in words.
    fn lost(&self, head: Head, path: &Path) -> io::Result<Option<String>> {
        let length = fs::metadata(path)?.len();
        let name = segment::file_name(head.segment);
        if length < head.offset {
            let (held, lost) = (head.offset, head.offset - length);
            return Ok(Some(format!("{name} held {held} bytes and has lost the last {lost}")));
        }
        let line = segment::line_ending_at(path, head.offset)?;
        let class = self.place.class;
        let entry = chain::open(class, &line).ok();
        let as_entry = entry.map(|entry| (entry.position.sequence, entry.hash));
        let as_header =
            Header::parse(class, &line).map(|h| (h.first_sequence.saturating_sub(1), h.hash()));
        if as_entry.or(as_header) == Some((head.sequence, head.hash)) {
            return Ok(None);
        }
        Ok(Some(format!(
            "{name} does not end in the entry {} that was flushed last",
            head.sequence
        )))
    }

    /// Goes on after what was written beyond the head and holds together.
    fn take_in_tail(
        &self,
        mut head: Head,
        segments: &[(u64, PathBuf)],
    ) -> io::Result<Continuation> {
        let mut recovered = Vec::new();
        let mut begun = self.now;
        let mut broken = false;
        let first = head.segment;
        for (number, path) in segments.iter().filter(|(number, _)| *number >= first) {
            let follows = *number == first || self.follows(*number, path, &mut head)?;
            if broken || !follows {
                recovered.push(self.set_aside_file(path)?);
                broken = true;
                continue;
            }
            if let Some(header) = first_line(self.place.class, path)? {
                begun = header.created;
            }
            self.walk(path, &mut head)?;
            if fs::metadata(path)?.len() > head.offset {
                recovered.push(self.set_aside_tail(path, head.offset)?);
                broken = true;
            }
        }
        let path = self.directory.join(segment::file_name(head.segment));
        let tree = match &self.place.signer {
            Some(_) => segment::survey(self.place.class, &path, head.offset)?,
            None => None,
        };
        let tree = tree.map(|survey| survey.tree).unwrap_or_default();
        let ledger = Ledger::resume(self.place.clone(), head, begun, tree);
        Ok(Continuation { ledger, recovered, damaged: vec![] })
    }

    /// Whether this segment begins where the one before it ends; then the head moves into it.
    fn follows(&self, number: u64, path: &Path, head: &mut Head) -> io::Result<bool> {
        let mut lines = Lines::open(path, 0)?;
        if lines.advance()? != Some(LineEnd::Complete) {
            return Ok(false);
        }
        let Some(header) = Header::parse(self.place.class, &lines.line) else { return Ok(false) };
        let right = number == head.segment.saturating_add(1)
            && header.segment == number
            && header.previous() == head.hash
            && header.first_sequence == head.sequence.saturating_add(1);
        if right {
            *head = Head { segment: number, offset: lines.offset, hash: header.hash(), ..*head };
        }
        Ok(right)
    }

    /// Moves the head over every complete entry that holds together.
    fn walk(&self, path: &Path, head: &mut Head) -> io::Result<()> {
        let mut lines = Lines::open(path, head.offset)?;
        while lines.advance()? == Some(LineEnd::Complete) {
            let Ok(entry) = chain::open(self.place.class, &lines.line) else { break };
            if entry.position.previous != head.hash
                || entry.position.sequence != head.sequence.saturating_add(1)
            {
                break;
            }
            head.offset = lines.offset;
            head.sequence = entry.position.sequence;
            head.hash = entry.hash;
        }
        Ok(())
    }

    /// Goes on in a new segment after all that are there, so that the gap shows for ever.
    fn after_damage(
        &self,
        head: Option<Head>,
        segments: &[(u64, PathBuf)],
        text: &str,
    ) -> io::Result<Continuation> {
        let last = segments.last().map_or(0, |(number, _)| *number);
        let (number, sequence, hash) = match head {
            Some(head) => (last.max(head.segment).saturating_add(1), head.sequence, head.hash),
            None => {
                let mut end = Head { segment: last, offset: 0, sequence: 0, hash: Hash::ZERO };
                for (_, path) in segments.iter().rev().take(1) {
                    self.claimed_end(path, &mut end)?;
                }
                (last.saturating_add(1), end.sequence, end.hash)
            }
        };
        let ledger = Ledger::begin(self.place.clone(), number, sequence, hash, self.now)?;
        let text = format!("{text}; the chain goes on in {}", segment::file_name(number));
        Ok(Continuation { ledger, recovered: vec![], damaged: vec![text] })
    }

    /// The last entry that checks by itself, where there is no head to say which it should be.
    fn claimed_end(&self, path: &Path, end: &mut Head) -> io::Result<()> {
        let mut lines = Lines::open(path, 0)?;
        while let Some(line_end) = lines.advance()? {
            if line_end != LineEnd::Complete {
                continue;
            }
            if let Some(header) = Header::parse(self.place.class, &lines.line) {
                (end.sequence, end.hash) = (header.first_sequence.saturating_sub(1), header.hash());
            } else if let Ok(entry) = chain::open(self.place.class, &lines.line) {
                (end.sequence, end.hash) = (entry.position.sequence, entry.hash);
            }
        }
        Ok(())
    }

    /// Moves what stands beyond this offset into a file of its own.
    fn set_aside_tail(&self, path: &Path, offset: u64) -> io::Result<String> {
        let aside = self.aside(path);
        let mut from = File::open(path)?;
        io::Seek::seek(&mut from, io::SeekFrom::Start(offset))?;
        let mut to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        let bytes = io::copy(&mut from, &mut to)?;
        to.sync_all()?;
        self.place.disk.sync_directory(&self.directory)?;
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(offset)?;
        file.sync_all()?;
        Ok(format!("{bytes} bytes of an unfinished entry were set aside in {}", name(&aside)))
    }

    fn set_aside_file(&self, path: &Path) -> io::Result<String> {
        let aside = self.aside(path);
        fs::rename(path, &aside)?;
        self.place.disk.sync_directory(&self.directory)?;
        Ok(format!("a segment that was never finished was set aside as {}", name(&aside)))
    }

    fn keep_unreadable_head(&self) -> io::Result<()> {
        let path = head::path(&self.place.directory, self.place.class);
        fs::rename(&path, self.aside(&path))
    }

    fn aside(&self, path: &Path) -> PathBuf {
        let mut aside = path.as_os_str().to_owned();
        aside.push(format!(".torn-{}", self.now.as_millisecond()));
        PathBuf::from(aside)
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests;
