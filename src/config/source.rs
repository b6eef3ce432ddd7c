//! A configuration file in memory, and places in it.

use std::path::{Path, PathBuf};

use serde_yaml::Location;

use super::bounded_file::read_text;
use super::{Finding, Place};

/// A configuration or list file is at most this many bytes long.
pub const MAXIMUM_BYTES: u64 = 1 << 20;

/// A file that was read: what it is called and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As the operator named it.
    pub path: PathBuf,
    /// Its text, without a byte order mark and with `\n` at the end of each line.
    pub text: String,
}

impl SourceFile {
    /// Takes a text that is already in memory.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // Lines are then counted the same by the YAML reader, by us and by an editor.
        let text = if text.contains('\r') {
            text.replace("\r\n", "\n").replace('\r', "\n")
        } else {
            text.to_owned()
        };
        Self { path: path.into(), text }
    }

    /// Reads a file of at most [`MAXIMUM_BYTES`].
    ///
    /// # Errors
    /// One finding, in one sentence, for a file that is missing, a directory, a pipe or device, not
    /// readable, too large, not UTF-8 or empty.
    pub fn read(path: &Path) -> Result<Self, Finding> {
        let text = read_text(path, MAXIMUM_BYTES).map_err(|why| {
            Finding::error(format!("cannot read {}: {why}", path.display()))
                .with_help(why.way_out())
        })?;
        let source = Self::new(path, &text);
        if source.text.trim().is_empty() {
            return Err(Finding::error(format!("{} is empty", path.display()))
                .with_help("begin with a copy of config/gateway.yaml"));
        }
        Ok(source)
    }

    /// The place of a value that was read with [`Spanned`](serde_yaml::Spanned).
    #[must_use]
    pub fn place(&self, location: Location) -> Place {
        let line = u32::try_from(location.line()).unwrap_or(u32::MAX).max(1);
        let column = u32::try_from(location.column()).unwrap_or(u32::MAX).max(1);
        let rest = self
            .line(line)
            .map_or(0, |text| text.trim_end().chars().count().saturating_sub(column as usize - 1));
        // A value may run over several lines; the mark stays on its first.
        let length = location.span().len().min(rest as u64);
        Place {
            file: self.path.clone(),
            line,
            column,
            length: u32::try_from(length).unwrap_or(u32::MAX),
        }
    }

    /// A line of the file; the first is 1.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        self.text.split('\n').nth((number as usize).checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path) -> String {
        SourceFile::read(path).unwrap_err().message
    }

    #[test]
    fn what_is_no_configuration_file_is_refused_in_one_sentence() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let written = |name: &str, bytes: &[u8]| {
            std::fs::write(at(name), bytes).unwrap();
            refused(&at(name))
        };
        assert!(refused(&at("missing")).ends_with("missing: it does not exist"));
        assert!(refused(directory.path()).ends_with("it is a directory, not a file"));
        assert!(written("empty", b" \n\n").ends_with("empty is empty"));
        assert!(written("latin", b"name: K\xf8benhavn").contains("not UTF-8 text (byte 7"));
        let just = vec![b'#'; usize::try_from(MAXIMUM_BYTES).unwrap()];
        std::fs::write(at("just"), &just).unwrap();
        assert!(SourceFile::read(&at("just")).is_ok());
        assert!(written("large", &[just, vec![b'#']].concat()).ends_with("larger than 1 MiB"));
    }

    #[test]
    fn a_huge_file_a_device_and_a_pipe_neither_hang_nor_fill_memory() {
        let directory = tempfile::tempdir().unwrap();
        let huge = directory.path().join("huge");
        std::fs::File::create(&huge).unwrap().set_len(100 << 20).unwrap();
        assert!(refused(&huge).ends_with("larger than 1 MiB"));
        assert!(refused(Path::new("/dev/zero")).ends_with("pipe, socket or device, not a file"));
        let pipe = directory.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(refused(&pipe).ends_with("pipe, socket or device, not a file"));
    }

    #[test]
    fn line_ends_and_byte_order_mark_do_not_move_places() {
        let source = SourceFile::new("x", "\u{feff}a: 1\r\nb: 2\rc: 3\n");
        assert_eq!(source.text, "a: 1\nb: 2\nc: 3\n");
        assert_eq!(source.line(2), Some("b: 2"));
        assert_eq!((source.line(0), source.line(9)), (None, None));
    }
}
