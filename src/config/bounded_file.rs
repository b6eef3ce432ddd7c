//! Files that an operator names, read without trusting their size or kind.
//!
//! Always holds: never more than the cap is read, and nothing is opened that could make the reader
//! wait (a FIFO) or never end (a device).

use std::io::{ErrorKind, Read as _};
use std::path::Path;

/// Why a file could not be read. Each says its own part; the path is said by the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it does not exist")]
    Missing,
    #[error("it is a directory, not a file")]
    Directory,
    #[error("it is a pipe, socket or device, not a file")]
    Special,
    #[error("permission is denied")]
    Permission,
    #[error("it is larger than {}", shown_size(*.0))]
    TooLarge(u64),
    #[error("it is not UTF-8 text (byte {0} is where it stops being so)")]
    NotText(usize),
    #[error("the system says: {0}")]
    Other(String),
}

impl Unreadable {
    /// What to do about it.
    pub(crate) fn way_out(&self) -> &'static str {
        match self {
            Self::Missing => "check the path",
            Self::Directory | Self::Special => "name a regular file",
            Self::Permission => "make it readable for the user that geovagt runs as",
            Self::TooLarge(_) => "this is hardly the file you mean; check the path",
            Self::NotText(_) => "save it as UTF-8",
            Self::Other(_) => "check the file system and the path",
        }
    }
}

/// Reads a UTF-8 file of at most `cap` bytes.
pub(crate) fn read_text(path: &Path, cap: u64) -> Result<String, Unreadable> {
    String::from_utf8(read_bytes(path, cap)?)
        .map_err(|error| Unreadable::NotText(error.utf8_error().valid_up_to()))
}

/// Reads a file of at most `cap` bytes.
pub(crate) fn read_bytes(path: &Path, cap: u64) -> Result<Vec<u8>, Unreadable> {
    // Looked at before it is opened: opening a FIFO waits for a writer.
    regular(&std::fs::metadata(path).map_err(|e| told(&e))?, cap)?;
    let file = std::fs::File::open(path).map_err(|e| told(&e))?;
    regular(&file.metadata().map_err(|e| told(&e))?, cap)?;
    let mut bytes = Vec::new();
    file.take(cap.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| told(&e))?;
    if bytes.len() as u64 > cap { Err(Unreadable::TooLarge(cap)) } else { Ok(bytes) }
}

fn regular(metadata: &std::fs::Metadata, cap: u64) -> Result<(), Unreadable> {
    if metadata.is_dir() {
        Err(Unreadable::Directory)
    } else if !metadata.is_file() {
        Err(Unreadable::Special)
    } else if metadata.len() > cap {
        Err(Unreadable::TooLarge(cap))
    } else {
        Ok(())
    }
}

fn told(error: &std::io::Error) -> Unreadable {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Unreadable::Missing,
        ErrorKind::PermissionDenied => Unreadable::Permission,
        ErrorKind::IsADirectory => Unreadable::Directory,
        _ => Unreadable::Other(error.to_string()),
    }
}

fn shown_size(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{} KiB", bytes >> 10) }
}
