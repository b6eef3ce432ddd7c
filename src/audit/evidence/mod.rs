//! Entries that prove elsewhere that they stood in the log, without those around them.
//!
//! An archive holds the lines of the entries, for each the few hashes that lead from it to the root
//! over its segment, and for each segment the gateway's signed statement of that root. A manifest
//! names every file with its digest, and is signed. Who has the public key needs nothing else.
//!
//! Always holds: what is taken was held against its own chain first; nothing of an archive is
//! believed before its signature is.

mod accept;
pub mod tar;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::{self, Hash};
use super::event::Event;
use super::head::{self, Found};
use super::options::Class;
use super::records;
use super::segment::{self, Header, LineEnd, Lines};
use super::sign::{self, PublicKey, Signed, Signer, Statement};
use super::tree;

pub use accept::{Accepted, Refused, accept};

/// The most bytes of entries that an archive holds.
const MOST_BYTES: usize = 512 << 20;
/// The files, in this order; the others stand between the proof and the manifest.
const ENTRIES: &str = "entries.jsonl";
const PROOF: &str = "proof.jsonl";
const STATEMENTS: &str = "statements.jsonl";
const SUCCESSIONS: &str = "keys.jsonl";
const MANIFEST: &str = "manifest.json";
const SIGNATURE: &str = "manifest.sig";

/// Entries with their proof.
#[derive(Debug, Default)]
pub struct Collected {
    /// What the entries say, in the order of their lines.
    pub events: Vec<Event>,
    entries: Vec<u8>,
    proof: Vec<u8>,
    statements: Vec<u8>,
    successions: Vec<u8>,
}

/// Why no evidence can be collected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CollectError {
    /// A file.
    #[error("the log cannot be read")]
    Io(#[from] io::Error),
    /// A flaw.
    #[error("{0}; the log is not whole there, so nothing is proven: see `geovagt audit verify`")]
    NotWhole(String),
    /// Too many.
    #[error("that is more than 512 MiB of entries; narrow the span")]
    TooMuch,
}

/// The way from an entry to the root of its segment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Proof {
    chain: String,
    segment: u64,
    index: u64,
    beside: Vec<String>,
}

/// One key after another, signed by the old one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Succession {
    old_key: String,
    new_key: String,
    signature: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    made: Timestamp,
    key: String,
    files: Vec<Listed>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    name: String,
    bytes: u64,
    sha256: String,
}

impl Listed {
    fn of((name, content): &tar::Part) -> Self {
        let (name, sha256) = (name.clone(), Hash::of(&[content]).to_string());
        Self { name, bytes: content.len() as u64, sha256 }
    }
}

/// Collects the entries that are wanted, of the log in this directory. Segments that no signed end
/// tells of are signed now, once they were found whole.
///
/// # Errors
/// [`CollectError`].
pub fn collect(
    log: &Path,
    signer: &Signer,
    (since, until): (Option<Timestamp>, Option<Timestamp>),
    is_wanted: impl Fn(&Event) -> bool,
    now: Timestamp,
) -> Result<Collected, CollectError> {
    let mut collected = Collected::default();
    for class in Class::ALL {
        let head = head::read(log, class)?;
        let (ends, _) = sign::ends(log, class)?;
        let ends: BTreeMap<u64, Signed> =
            ends.into_iter().filter_map(|end| Some((end.open()?.0.segment, end))).collect();
        let segments = segment::list(&log.join(class.word()))?;
        for (position, (number, path)) in segments.iter().enumerate() {
            let begun = super::retention::header(class, path)?.map(|header| header.created);
            let next = segments.get(position + 1);
            let ended = match next {
                Some((_, next)) => super::retention::header(class, next)?.map(|h| h.created),
                None => None,
            };
            let late = begun.zip(until).is_some_and(|(begun, until)| {
                begun.saturating_sub(super::search::LATEST).is_ok_and(|begun| begun >= until)
            });
            if late || ended.zip(since).is_some_and(|(ended, since)| ended < since) {
                continue;
            }
            let upto = match head {
                Found::Head(head) if head.segment == *number => head.offset,
                _ => u64::MAX,
            };
            let closed = next.is_some();
            let read = read_segment(class, *number, path, upto, &is_wanted)?;
            collected.take((class, *number), read, ends.get(number), signer, closed, now)?;
        }
    }
    for (old, new, signature) in records::read(log)?.signed_successions {
        let line = Succession { old_key: old.to_string(), new_key: new.to_string(), signature };
        push(&mut collected.successions, &line);
    }
    Ok(collected)
}

struct Segment {
    header: Header,
    hashes: Vec<Hash>,
    /// The last line's.
    hash: Hash,
    wanted: Vec<(usize, Vec<u8>, Event)>,
}

/// Reads a segment and holds each line against the one before it.
fn read_segment(
    class: Class,
    number: u64,
    path: &Path,
    upto: u64,
    is_wanted: &impl Fn(&Event) -> bool,
) -> Result<Segment, CollectError> {
    let flawed = |line: usize, what: &str| {
        let name = segment::file_name(number);
        CollectError::NotWhole(format!("{class}/{name}:{line}: {what}"))
    };
    let mut lines = Lines::open(path, 0)?;
    lines.advance()?;
    let header = Header::parse(class, &lines.line).filter(|header| header.segment == number);
    let header = header.ok_or_else(|| flawed(1, "the segment's header was altered"))?;
    let mut read = Segment { hash: header.hash(), header, hashes: Vec::new(), wanted: Vec::new() };
    while lines.offset < upto
        && let Some(end) = lines.advance()?
    {
        let at = read.hashes.len() + 2;
        if end != LineEnd::Complete {
            return Err(flawed(at, "the line is cut off"));
        }
        let entry =
            chain::open(class, &lines.line).map_err(|flaw| flawed(at, &flaw.to_string()))?;
        let sequence = read.header.first_sequence + read.hashes.len() as u64;
        if entry.position.previous != read.hash || entry.position.sequence != sequence {
            return Err(flawed(at, "the entry does not follow the one before it"));
        }
        if is_wanted(&entry.event) {
            read.wanted.push((read.hashes.len(), lines.line.clone(), entry.event));
        }
        read.hash = entry.hash;
        read.hashes.push(entry.hash);
    }
    Ok(read)
}

impl Collected {
    fn take(
        &mut self,
        (class, number): (Class, u64),
        read: Segment,
        end: Option<&Signed>,
        signer: &Signer,
        closed: bool,
        now: Timestamp,
    ) -> Result<(), CollectError> {
        if read.wanted.is_empty() {
            return Ok(());
        }
        let mut root = tree::Tree::default();
        for hash in &read.hashes {
            root.push(*hash);
        }
        let statement = Statement {
            class,
            node: read.header.node.clone(),
            segment: number,
            entries: root.count(),
            sequence: read.header.first_sequence.saturating_sub(1) + root.count(),
            hash: read.hash,
            tree: root.root(),
            closed,
            at: now,
        };
        let said = end.and_then(Signed::open).map(|(said, _)| said);
        let signed = match (said, end) {
            (Some(said), Some(end)) if Statement { at: said.at, ..statement.clone() } == said => {
                end.clone()
            }
            (Some(_), _) => {
                let name = segment::file_name(number);
                let what = format!("{class}/{name}: the segment does not end as was signed");
                return Err(CollectError::NotWhole(what));
            }
            _ => signer.state(&statement),
        };
        self.statements.extend(signed.line());
        self.statements.push(b'\n');
        let levels = tree::Levels::of(&read.hashes);
        for (index, line, event) in read.wanted {
            if self.entries.len() + line.len() > MOST_BYTES {
                return Err(CollectError::TooMuch);
            }
            self.entries.extend(line);
            self.entries.push(b'\n');
            let beside = levels.path(index).iter().map(ToString::to_string).collect();
            let chain = class.word().to_owned();
            push(&mut self.proof, &Proof { chain, segment: number, index: index as u64, beside });
            self.events.push(event);
        }
        Ok(())
    }

    /// The signed archive, with these files beside.
    #[must_use]
    pub fn archive(self, beside: Vec<tar::Part>, signer: &Signer, now: Timestamp) -> Vec<u8> {
        let mut parts = vec![
            (ENTRIES.to_owned(), self.entries),
            (PROOF.to_owned(), self.proof),
            (STATEMENTS.to_owned(), self.statements),
            (SUCCESSIONS.to_owned(), self.successions),
        ];
        parts.extend(beside);
        let manifest = Manifest {
            format: chain::FORMAT,
            made: now,
            key: signer.public().to_string(),
            files: parts.iter().map(Listed::of).collect(),
        };
        let manifest = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        let signature = signer.sign(&to_sign(&manifest)).into_bytes();
        parts.push((MANIFEST.to_owned(), manifest));
        parts.push((SIGNATURE.to_owned(), signature));
        tar::write(&parts)
    }
}

fn to_sign(manifest: &[u8]) -> Vec<u8> {
    [b"geovagt evidence 1\n", manifest].concat()
}

fn push(lines: &mut Vec<u8>, line: &impl Serialize) {
    lines.extend(serde_json::to_vec(line).unwrap_or_default());
    lines.push(b'\n');
}

fn key(text: &str) -> Option<PublicKey> {
    PublicKey::parse(text)
}

#[cfg(test)]
mod tests;
