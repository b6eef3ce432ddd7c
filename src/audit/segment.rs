//! Segment files: their names, their header line, their lines from the beginning.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::{FORMAT, Hash};
use super::options::Class;
use super::tree::Tree;

/// No line is longer; what is, is no entry.
pub const LONGEST_LINE: u64 = 128 * 1024;

/// The first line of a segment: the link between the segment before and its own first entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    format: u32,
    chain: String,
    /// Which gateway wrote it.
    pub node: String,
    /// The number that is also its name.
    pub segment: u64,
    /// When it was begun.
    pub created: Timestamp,
    /// The sequence of its first entry.
    pub first_sequence: u64,
    previous: String,
    hash: String,
}

impl Header {
    /// A header with its hash.
    #[must_use]
    pub fn new(
        class: Class,
        node: &str,
        segment: u64,
        created: Timestamp,
        first_sequence: u64,
        previous: Hash,
    ) -> Self {
        let mut header = Self {
            format: FORMAT,
            chain: class.word().to_owned(),
            node: node.to_owned(),
            segment,
            created: Timestamp::from_millisecond(created.as_millisecond()).unwrap_or(created),
            first_sequence,
            previous: previous.to_string(),
            hash: String::new(),
        };
        header.hash = header.computed().to_string();
        header
    }

    /// Reads a header line; it must have been written exactly like this.
    #[must_use]
    pub fn parse(class: Class, line: &[u8]) -> Option<Self> {
        let header: Self = serde_json::from_slice(line).ok()?;
        let right = header.format == FORMAT
            && header.chain == class.word()
            && Hash::parse(&header.previous).is_some()
            && header.hash == header.computed().to_string()
            && header.line() == line;
        right.then_some(header)
    }

    /// The line, without its newline.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The hash that the first entry carries as its previous one.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::parse(&self.hash).unwrap_or(Hash::ZERO)
    }

    /// The hash of what stands before this segment.
    #[must_use]
    pub fn previous(&self) -> Hash {
        Hash::parse(&self.previous).unwrap_or(Hash::ZERO)
    }

    fn computed(&self) -> Hash {
        let unsealed = Self { hash: String::new(), ..self.clone() };
        Hash::of(&[b"geovagt audit segment 1\n", &unsealed.line()])
    }
}

/// `00000001.jsonl`
#[must_use]
pub fn file_name(number: u64) -> String {
    format!("{number:08}.jsonl")
}

/// The segments in a chain's directory, oldest first. A directory that is not there has none.
///
/// # Errors
/// What the operating system says.
pub fn list(directory: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut segments = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_suffix(".jsonl").and_then(|digits| digits.parse::<u64>().ok());
        if let Some(number) = number
            && file_name(number) == name
        {
            segments.push((number, path));
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// One line as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// It ends in a newline.
    Complete,
    /// The file ends before the line does.
    Torn,
    /// It is longer than any entry.
    TooLong,
}

/// Reads a segment line by line, in memory that does not grow with the file.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<File>,
    /// The line that was read last, without its newline.
    pub line: Vec<u8>,
    /// Where in the file the next line begins.
    pub offset: u64,
}

impl Lines {
    /// Reads from this offset on.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn open(path: &Path, offset: u64) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Self { reader: BufReader::with_capacity(64 * 1024, file), line: Vec::new(), offset })
    }

    /// Reads the next line into [`Lines::line`]; none at the end of the file.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn advance(&mut self) -> io::Result<Option<LineEnd>> {
        self.line.clear();
        let limited = &mut (&mut self.reader).take(LONGEST_LINE);
        let length = limited.read_until(b'\n', &mut self.line)?;
        self.offset += length as u64;
        if length == 0 {
            return Ok(None);
        }
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
            return Ok(Some(LineEnd::Complete));
        }
        let too_long = length as u64 == LONGEST_LINE;
        Ok(Some(if too_long { LineEnd::TooLong } else { LineEnd::Torn }))
    }
}

/// What the lines of a segment claim of themselves; nothing of it is proven here.
#[derive(Debug, Clone)]
pub struct Survey {
    /// Over the hashes of its entries.
    pub tree: Tree,
    /// The sequence of its last entry, or that before its first.
    pub sequence: u64,
    /// The hash of its last line.
    pub hash: Hash,
}

/// Surveys a segment up to this offset. None where its lines are not entries one after the other.
///
/// # Errors
/// What the operating system says.
pub fn survey(class: Class, path: &Path, until: u64) -> io::Result<Option<Survey>> {
    let mut lines = Lines::open(path, 0)?;
    if lines.advance()? != Some(LineEnd::Complete) {
        return Ok(None);
    }
    let Some(header) = Header::parse(class, &lines.line) else { return Ok(None) };
    let sequence = header.first_sequence.saturating_sub(1);
    let mut survey = Survey { tree: Tree::default(), sequence, hash: header.hash() };
    while lines.offset < until && lines.advance()? == Some(LineEnd::Complete) {
        let Some(hash) = claimed_hash(&lines.line) else { return Ok(None) };
        survey.tree.push(hash);
        survey.sequence += 1;
        survey.hash = hash;
    }
    Ok(Some(survey))
}

/// The hash that stands at the end of an entry's line.
#[must_use]
pub fn claimed_hash(line: &[u8]) -> Option<Hash> {
    let digits = line.strip_suffix(b"\"}}}")?;
    let (before, digits) = digits.split_at_checked(digits.len().checked_sub(64)?)?;
    before.ends_with(b"\"hash\":\"").then_some(())?;
    Hash::parse(std::str::from_utf8(digits).ok()?)
}

/// The last complete line that ends exactly at this offset, without its newline.
///
/// # Errors
/// What the operating system says, also where the file is shorter.
pub fn line_ending_at(path: &Path, offset: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let start = offset.saturating_sub(LONGEST_LINE);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = vec![0; usize::try_from(offset - start).unwrap_or(0)];
    file.read_exact(&mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Ok(Vec::new());
    }
    let begin = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    Ok(bytes.split_off(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_header_counts() {
        let at = "2026-11-22T03:11:51.5Z".parse().unwrap();
        let header = Header::new(Class::People, "n1", 3, at, 17, Hash::of(&[b"x"]));
        let line = header.line();
        assert_eq!(Header::parse(Class::People, &line), Some(header));
        assert_eq!(Header::parse(Class::Denied, &line), None);
        for index in 0..line.len() {
            let mut altered = line.clone();
            altered[index] ^= 1;
            assert_eq!(Header::parse(Class::People, &altered), None, "byte {index}");
        }
    }

    #[test]
    fn only_segments_are_listed_in_order() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["00000010.jsonl", "00000002.jsonl", "2.jsonl", "00000003.jsonl.torn-1", "x"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let found: Vec<u64> = list(directory.path()).unwrap().iter().map(|s| s.0).collect();
        assert_eq!(found, [2, 10]);
        assert!(list(&directory.path().join("nowhere")).unwrap().is_empty());
    }

    #[test]
    fn lines_are_read_from_both_sides() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a");
        std::fs::write(&path, "one\ntwo\nthr").unwrap();
        let mut lines = Lines::open(&path, 0).unwrap();
        assert_eq!(lines.advance().unwrap(), Some(LineEnd::Complete));
        assert_eq!(lines.advance().unwrap(), Some(LineEnd::Complete));
        assert_eq!((lines.line.as_slice(), lines.offset), (b"two".as_slice(), 8));
        assert_eq!(lines.advance().unwrap(), Some(LineEnd::Torn));
        assert_eq!(lines.advance().unwrap(), None);
        assert_eq!(line_ending_at(&path, 8).unwrap(), b"two");
        assert_eq!(line_ending_at(&path, 4).unwrap(), b"one");
        assert_eq!(line_ending_at(&path, 7).unwrap(), b"");
        assert!(line_ending_at(&path, 99).is_err());
    }
}
