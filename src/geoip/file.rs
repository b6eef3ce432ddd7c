//! Reads a database file whole, and says what it is when it is none.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::error::{FileKind, Problem};

/// The largest files on the market have some 150 MB.
pub(super) const MAXIMUM_BYTES: u64 = 512 << 20;

/// A file's content and its digest.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) sha256: [u8; 32],
}

/// Reads the file. Looks at what it is before opening it: opening a pipe would wait for a writer.
pub(super) fn read(path: &Path) -> Result<Content, Problem> {
    read_at_most(path, MAXIMUM_BYTES)
}

fn read_at_most(path: &Path, maximum: u64) -> Result<Content, Problem> {
    if !std::fs::metadata(path).map_err(Problem::of_io)?.is_file() {
        return Err(Problem::NotAFile);
    }
    let file = File::open(path).map_err(Problem::of_io)?;
    let size = file.metadata().map_err(Problem::of_io)?.len();
    if size > maximum {
        return Err(Problem::TooLarge { bytes: size, maximum });
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.take(maximum + 1).read_to_end(&mut bytes).map_err(Problem::of_io)?;
    if bytes.len() as u64 > maximum {
        return Err(Problem::TooLarge { bytes: bytes.len() as u64, maximum });
    }
    if bytes.is_empty() {
        return Err(Problem::Empty);
    }
    if let Some(kind) = kind_of(&bytes) {
        return Err(Problem::OtherKind(kind));
    }
    let sha256 = Sha256::digest(&bytes).into();
    Ok(Content { bytes, sha256 })
}

/// The kinds of file that people put here by mistake. A database begins with its search tree, which
/// can begin with any bytes; so a magic number counts only where the metadata is missing.
fn kind_of(bytes: &[u8]) -> Option<FileKind> {
    if has_metadata(bytes) {
        return None;
    }
    let magic: [(&[u8], FileKind); 5] = [
        (b"\x1f\x8b", FileKind::Gzip),
        (b"PK", FileKind::Zip),
        (b"\xfd7zXZ\0", FileKind::Xz),
        (b"\x28\xb5\x2f\xfd", FileKind::Zstandard),
        (b"BZh", FileKind::Bzip2),
    ];
    if let Some((_, kind)) = magic.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some(*kind);
    }
    if bytes.get(257..262) == Some(b"ustar") {
        return Some(FileKind::Tar);
    }
    if bytes.iter().all(|&b| b == 0) {
        return Some(FileKind::Zeros);
    }
    let head = bytes.get(..512).unwrap_or(bytes);
    let readable = |b: &u8| b.is_ascii_graphic() || b.is_ascii_whitespace() || *b >= 0x80;
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if !head.iter().all(readable) {
        return None;
    }
    Some(if text.starts_with(b"<") { FileKind::Html } else { FileKind::Text })
}

/// The marker stands within the last 128 KiB (MaxMind DB specification 2.0, "Database Metadata").
pub(super) fn has_metadata(bytes: &[u8]) -> bool {
    const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
    let tail = bytes.get(bytes.len().saturating_sub(128 << 10)..).unwrap_or(bytes);
    tail.windows(MARKER.len()).any(|window| window == MARKER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(content: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        read_at_most(file.path(), 4096).unwrap_err().to_string()
    }

    #[test]
    fn a_file_of_another_kind_is_named() {
        let mut tar = vec![1_u8; 600];
        tar[257..262].copy_from_slice(b"ustar");
        for (content, said) in [
            (&b""[..], "empty"),
            (b"\x1f\x8b\x08\0\0\0\0\0", "gzip"),
            (b"PK\x03\x04rest", "zip"),
            (b"\xfd7zXZ\0\0", "xz"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"BZh91AY", "bzip2"),
            (&tar, "tar archive"),
            (b"\xef\xbb\xbf\n <!DOCTYPE html><title>Sign in", "a web page"),
            (b"{\"error\":\"Invalid license key\"}", "plain text"),
            (&[0_u8; 4096], "nothing but zeros"),
            (&[7_u8; 4097], "4097 bytes"),
        ] {
            let found = problem(content);
            assert!(found.contains(said), "{said}: {found}");
        }
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(read(folder.path()), Err(Problem::NotAFile)));
        assert!(matches!(read(&folder.path().join("none")), Err(Problem::Missing)));
        assert!(matches!(read(Path::new("/dev/zero")), Err(Problem::NotAFile)));
        let pipe = folder.path().join("pipe");
        if std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|s| s.success()) {
            assert!(matches!(read(&pipe), Err(Problem::NotAFile)));
        }
        let refused = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        assert!(matches!(Problem::of_io(refused), Problem::NotPermitted));
    }
}
