//! The flushed head of a chain, kept apart from its segments: how far the chain had come when it was
//! last flushed. A chain that holds less has lost its tail.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::chain::{FORMAT, Hash};
use super::options::Class;
use super::sign::{Signed, Statement};

/// How far a chain had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The segment that was written.
    pub segment: u64,
    /// Where its last line ends.
    pub offset: u64,
    /// The sequence of the last entry; 0 where there is none yet.
    pub sequence: u64,
    /// The hash of the last line.
    pub hash: Hash,
}

/// What was found where the head should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A head.
    Head(Head),
    /// No file.
    Missing,
    /// A file that is no head.
    Unreadable,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    chain: String,
    segment: u64,
    offset: u64,
    sequence: u64,
    hash: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed: Option<Signed>,
}

/// `heads/denied.head`
#[must_use]
pub fn path(directory: &Path, class: Class) -> PathBuf {
    directory.join("heads").join(format!("{class}.head"))
}

impl Head {
    /// What stands in the file.
    #[must_use]
    pub fn content(&self, class: Class, signed: Option<Signed>) -> Vec<u8> {
        let written = Written {
            format: FORMAT,
            chain: class.word().to_owned(),
            segment: self.segment,
            offset: self.offset,
            sequence: self.sequence,
            hash: self.hash.to_string(),
            signed,
        };
        let mut content = serde_json::to_vec(&written).unwrap_or_default();
        content.push(b'\n');
        content
    }

    fn parse(class: Class, content: &[u8]) -> Option<(Self, Option<Signed>)> {
        let written: Written = serde_json::from_slice(content).ok()?;
        let head = Self {
            segment: written.segment,
            offset: written.offset,
            sequence: written.sequence,
            hash: Hash::parse(&written.hash)?,
        };
        let signed = written.signed;
        let fits = signed.as_ref().is_none_or(|signed| head.is_stated(class, signed));
        (fits && head.content(class, signed.clone()) == content).then_some((head, signed))
    }

    fn is_stated(&self, class: Class, signed: &Signed) -> bool {
        signed.open().is_some_and(|(statement, _)| {
            let Statement { class: stated, segment, sequence, hash, .. } = statement;
            (stated, segment, sequence, hash) == (class, self.segment, self.sequence, self.hash)
        })
    }
}

/// Reads the head of a chain.
///
/// # Errors
/// What the operating system says, but for a file that is not there.
pub fn read(directory: &Path, class: Class) -> io::Result<Found> {
    read_signed(directory, class).map(|(found, _)| found)
}

/// The same, with what was signed of it. A signature that is not its key's makes it unreadable.
///
/// # Errors
/// What the operating system says, but for a file that is not there.
pub fn read_signed(directory: &Path, class: Class) -> io::Result<(Found, Option<Signed>)> {
    match fs::read(path(directory, class)) {
        Ok(content) => Ok(match Head::parse(class, &content) {
            Some((head, signed)) => (Found::Head(head), signed),
            None => (Found::Unreadable, None),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((Found::Missing, None)),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_and_every_byte_counts_or_changes_it() {
        let head = Head { segment: 2, offset: 345, sequence: 17, hash: Hash::of(&[b"x"]) };
        let content = head.content(Class::Denied, None);
        assert_eq!(Head::parse(Class::Denied, &content), Some((head, None)));
        assert_eq!(Head::parse(Class::People, &content), None);
        for index in 0..content.len() {
            let mut altered = content.clone();
            altered[index] ^= 1;
            assert_ne!(Head::parse(Class::Denied, &altered), Some((head, None)), "byte {index}");
        }
    }
}
