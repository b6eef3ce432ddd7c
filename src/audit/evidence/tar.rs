//! A tar archive of a few small files, made so that the same files give the same bytes.
//!
//! PURE. Reading takes nothing that writing would not have made: no path, no link, no other owner,
//! time or padding, nothing behind the end. So every byte of an archive counts.

/// A file by its name.
pub type Part = (String, Vec<u8>);

const BLOCK: usize = 512;
/// The longest name.
const LONGEST_NAME: usize = 60;
/// The most files.
const MOST_PARTS: usize = 32;

/// The archive of these files, in this order.
#[must_use]
pub fn write(parts: &[Part]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (name, content) in parts {
        archive.extend(header(name, content.len()));
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(BLOCK), 0);
    }
    archive.resize(archive.len() + 2 * BLOCK, 0);
    archive
}

/// The files of an archive; none where it is not, byte for byte, one that [`write()`] makes.
#[must_use]
pub fn read(archive: &[u8]) -> Option<Vec<Part>> {
    let mut parts: Vec<Part> = Vec::new();
    let mut rest = archive;
    while !rest.starts_with(&[0]) {
        let (head, content) = rest.split_at_checked(BLOCK)?;
        let name = head.get(..LONGEST_NAME)?.split(|&byte| byte == 0).next()?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        let size = std::str::from_utf8(head.get(124..135)?).ok()?;
        let size = usize::from_str_radix(size, 8).ok()?;
        let (content, after) = content.split_at_checked(size)?;
        let padding = size.next_multiple_of(BLOCK) - size;
        rest = after.get(padding..)?;
        if parts.len() == MOST_PARTS || parts.iter().any(|(other, _)| *other == name) {
            return None;
        }
        parts.push((name, content.to_vec()));
    }
    (is_plain(&parts) && write(&parts) == archive).then_some(parts)
}

fn is_plain(parts: &[Part]) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte == b'.' || byte == b'-';
    parts.iter().all(|(name, _)| {
        !name.is_empty()
            && !name.starts_with('.')
            && !name.contains("..")
            && name.bytes().all(letter)
    })
}

/// A header of POSIX.1-1988: a plain file of nobody's, from 1970.
fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        if let Some(place) = header.get_mut(at..at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    };
    put(0, name.as_bytes().get(..name.len().min(LONGEST_NAME)).unwrap_or_default());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    if let Some(place) = header.get_mut(148..156) {
        place.copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Vec<Part> {
        vec![
            ("entries.jsonl".into(), vec![b'x'; 700]),
            ("empty.json".into(), vec![]),
            ("key.txt".into(), vec![b'k'; 512]),
        ]
    }

    #[test]
    fn what_is_written_is_read_and_no_byte_can_differ() {
        let archive = write(&parts());
        assert_eq!(read(&archive), Some(parts()));
        for index in 0..archive.len() {
            let mut altered = archive.clone();
            altered[index] ^= 1;
            assert_ne!(read(&altered), Some(parts()), "byte {index}");
        }
        for length in 0..archive.len() {
            assert_eq!(read(&archive[..length]), None, "cut at {length}");
        }
        let mut longer = archive;
        longer.push(0);
        assert_eq!(read(&longer), None);
    }

    #[test]
    fn no_path_gets_out_of_an_archive() {
        for name in ["../etc", "/etc", "a/b", "..", ".hidden", "", "a\\b", "A", "a..b"] {
            assert_eq!(read(&write(&[(name.into(), vec![])])), None, "{name:?}");
        }
        let twice = vec![("a".to_owned(), vec![1]), ("a".to_owned(), vec![2])];
        assert_eq!(read(&write(&twice)), None);
        let mut link = write(&[("a".to_owned(), vec![])]);
        link[156] = b'2';
        assert_eq!(read(&link), None);
    }

    #[test]
    fn tar_itself_reads_it() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let mut tar = Command::new("tar")
            .args(["-tf", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        tar.stdin.take().unwrap().write_all(&write(&parts())).unwrap();
        let listed = tar.wait_with_output().unwrap();
        assert!(listed.status.success());
        assert_eq!(
            String::from_utf8(listed.stdout).unwrap(),
            "entries.jsonl\nempty.json\nkey.txt\n"
        );
    }
}
