//! The lines of a file from its end to its beginning.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

const BLOCK: u64 = 64 * 1024;

/// Reads a file's complete lines, last first. What follows the last newline is passed over: it may
/// be a line that is just being written.
#[derive(Debug)]
pub(super) struct Backwards {
    file: File,
    /// Where what has not been read yet ends.
    remaining: u64,
    /// What has been read and not been given out; ends where a line ends, newline excluded.
    buffer: Vec<u8>,
    begun: bool,
}

impl Backwards {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let remaining = file.metadata()?.len();
        Ok(Self { file, remaining, buffer: Vec::new(), begun: false })
    }

    pub(super) fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.begun {
            self.begun = true;
            if self.cut_at_newline()?.is_none() {
                return Ok(None);
            }
        } else if self.buffer.is_empty() && self.remaining == 0 {
            return Ok(None);
        }
        match self.cut_at_newline()? {
            Some(line) => Ok(Some(line)),
            None => Ok(Some(std::mem::take(&mut self.buffer))),
        }
    }

    /// Takes what stands behind the last newline out of the buffer, and the newline with it.
    fn cut_at_newline(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let end = self.buffer.len() - searched;
            let newline =
                self.buffer.get(..end).unwrap_or_default().iter().rposition(|&b| b == b'\n');
            if let Some(newline) = newline {
                let line = self.buffer.split_off(newline + 1);
                self.buffer.pop();
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if !self.read_block()? {
                return Ok(None);
            }
        }
    }

    fn read_block(&mut self) -> io::Result<bool> {
        let length = self.remaining.min(BLOCK);
        if length == 0 {
            return Ok(false);
        }
        self.remaining -= length;
        self.file.seek(SeekFrom::Start(self.remaining))?;
        let mut block = vec![0; usize::try_from(length).unwrap_or(0)];
        self.file.read_exact(&mut block)?;
        block.append(&mut self.buffer);
        self.buffer = block;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_lines_are_those_read_forwards_reversed(
            lines in prop::collection::vec("[a-c]{0,5}", 0..20),
            long in 0_usize..200_000,
            torn in "[a-c]{0,5}",
        ) {
            let mut lines = lines;
            lines.push("x".repeat(long));
            let file = tempfile::NamedTempFile::new().unwrap();
            let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            text.push_str(&torn);
            std::fs::write(file.path(), &text).unwrap();
            let mut backwards = Backwards::open(file.path()).unwrap();
            let mut read = Vec::new();
            while let Some(line) = backwards.next_line().unwrap() {
                read.push(String::from_utf8(line).unwrap());
            }
            // An empty first line cannot be told from the beginning of the file.
            lines.reverse();
            while read.len() < lines.len() && lines.last().is_some_and(String::is_empty) {
                lines.pop();
            }
            prop_assert_eq!(read, lines);
        }
    }

    #[test]
    fn an_empty_file_has_no_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(Backwards::open(file.path()).unwrap().next_line().unwrap(), None);
        std::fs::write(file.path(), "torn").unwrap();
        assert_eq!(Backwards::open(file.path()).unwrap().next_line().unwrap(), None);
    }
}
