//! Who says how far a chain had come: signed statements (Ed25519), so that a log that somebody has
//! made anew, heads included, is not taken for the gateway's.
//!
//! The key lies in the state directory, beside the log and not in it, for its owner alone. Always
//! holds: a key that is there is never replaced by itself; one that cannot be read stops the start.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::chain::{FORMAT, Hash};
use super::options::Class;
use crate::clock;

/// The name of the key in the state directory.
pub const FILE_NAME: &str = "audit-signing.key";
const PREFIX: &str = "ed25519:";

/// The public half of a key, written `ed25519:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key as it is printed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim().strip_prefix(PREFIX)?, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Whether the owner of this key has signed these bytes.
    #[must_use]
    pub fn has_signed(&self, bytes: &[u8], signature: &str) -> bool {
        let mut given = [0; 64];
        hex::decode_to_slice(signature, &mut given).is_ok()
            && hex::encode(given) == signature
            && UnparsedPublicKey::new(&ED25519, self.0).verify(bytes, &given).is_ok()
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.0))
    }
}

/// Signs for this node. Clones are the same.
#[derive(Clone)]
pub struct Signer(Arc<Ed25519KeyPair>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.public()).finish()
    }
}

impl Signer {
    /// The key in this file; made where there is none.
    ///
    /// # Errors
    /// What the operating system says, or that the file is damaged.
    pub fn open(path: &Path) -> io::Result<Self> {
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let staged = path.with_extension("made");
                let made = Self::make(&staged)?;
                // Whoever comes second takes the first one's: a link never replaces.
                let linked = fs::hard_link(&staged, path);
                let _ = fs::remove_file(&staged);
                match linked {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
                    linked => linked.and_then(|()| sync_parent(path)).map(|()| made),
                }
            }
            other => other,
        }
    }

    /// The key in this file.
    ///
    /// # Errors
    /// What the operating system says, or that the file is damaged.
    pub fn read(path: &Path) -> io::Result<Self> {
        let wrong = |says: &str| io::Error::new(io::ErrorKind::InvalidData, says.to_owned());
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others than its owner may use the signing key; chmod 600 it"));
        }
        let text = Zeroizing::new(fs::read_to_string(path)?);
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text.trim_end(), seed.as_mut_slice()).map_err(|_| {
            wrong("the signing key is damaged; put it back from the backup of the state directory")
        })?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice());
        pair.map(|pair| Self(Arc::new(pair))).map_err(|_| wrong("the signing key is none"))
    }

    /// Makes a key and writes it into this file, over whatever is there.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let seed = Zeroizing::new(clock::random_bytes::<32>());
        let text = Zeroizing::new(format!("{}\n", hex::encode(seed.as_slice())));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice());
        pair.map(|pair| Self(Arc::new(pair))).map_err(|_| io::Error::other("no key could be made"))
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        let bytes = self.0.public_key().as_ref().try_into();
        PublicKey(bytes.unwrap_or_default())
    }

    /// Signs these bytes.
    #[must_use]
    pub fn sign(&self, bytes: &[u8]) -> String {
        hex::encode(self.0.sign(bytes))
    }

    /// Signs a statement.
    #[must_use]
    pub fn state(&self, statement: &Statement) -> Signed {
        let mut signed = Signed { key: self.public().to_string(), ..Signed::unsigned(statement) };
        signed.signature = self.sign(&signed.to_sign());
        signed
    }
}

pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// How far a chain had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Which chain.
    pub class: Class,
    /// Of which gateway.
    pub node: String,
    /// In which segment.
    pub segment: u64,
    /// How many entries that segment had.
    pub entries: u64,
    /// The sequence of the chain's last entry.
    pub sequence: u64,
    /// The hash of its last line.
    pub hash: Hash,
    /// The root of the tree over the segment's entries.
    pub tree: Hash,
    /// Whether the segment was closed then.
    pub closed: bool,
    /// When it was said.
    pub at: Timestamp,
}

/// A statement and who signed it, as one line of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    format: u32,
    chain: String,
    node: String,
    segment: u64,
    entries: u64,
    sequence: u64,
    hash: String,
    tree: String,
    closed: bool,
    at: Timestamp,
    key: String,
    signature: String,
}

impl Signed {
    fn unsigned(statement: &Statement) -> Self {
        let at = statement.at;
        Self {
            format: FORMAT,
            chain: statement.class.word().to_owned(),
            node: statement.node.clone(),
            segment: statement.segment,
            entries: statement.entries,
            sequence: statement.sequence,
            hash: statement.hash.to_string(),
            tree: statement.tree.to_string(),
            closed: statement.closed,
            at: Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at),
            key: String::new(),
            signature: String::new(),
        }
    }

    /// Reads a line; it must have been written exactly like this.
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let signed: Self = serde_json::from_slice(line).ok()?;
        (signed.line() == line).then_some(signed)
    }

    /// The line, without its newline.
    #[must_use]
    pub fn line(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What it says and who says so; none where the signature is not by that key.
    #[must_use]
    pub fn open(&self) -> Option<(Statement, PublicKey)> {
        let key = PublicKey::parse(&self.key).filter(|key| key.to_string() == self.key)?;
        if self.format != FORMAT || !key.has_signed(&self.to_sign(), &self.signature) {
            return None;
        }
        let statement = Statement {
            class: Class::from_word(&self.chain)?,
            node: self.node.clone(),
            segment: self.segment,
            entries: self.entries,
            sequence: self.sequence,
            hash: Hash::parse(&self.hash)?,
            tree: Hash::parse(&self.tree)?,
            closed: self.closed,
            at: self.at,
        };
        Some((statement, key))
    }

    fn to_sign(&self) -> Vec<u8> {
        let mut bytes = b"geovagt chain statement 1\n".to_vec();
        bytes.extend(Self { signature: String::new(), ..self.clone() }.line());
        bytes
    }
}

/// `heads/denied.ends`: the signed end of each closed segment, also of those that are deleted since.
#[must_use]
pub fn ends_path(directory: &Path, class: Class) -> PathBuf {
    directory.join("heads").join(format!("{class}.ends"))
}

/// The signed ends of a chain; lines that are none are counted.
///
/// # Errors
/// What the operating system says, but for a file that is not there.
pub fn ends(directory: &Path, class: Class) -> io::Result<(Vec<Signed>, u64)> {
    let content = match fs::read(ends_path(directory, class)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        content => content?,
    };
    let mut unreadable = 0;
    let mut ends = Vec::new();
    // What follows the last newline may be a line that is just being written.
    let whole = content.iter().rposition(|&byte| byte == b'\n').unwrap_or(0);
    for line in content.get(..whole).unwrap_or_default().split(|&byte| byte == b'\n') {
        if line.is_empty() {
            continue;
        }
        match Signed::parse(line) {
            Some(signed) => ends.push(signed),
            None => unreadable += 1,
        }
    }
    Ok((ends, unreadable))
}

/// Cuts off a last line that was not finished.
pub(super) fn cut_torn_line(path: &Path) -> io::Result<()> {
    let content = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        content => content?,
    };
    let whole = content.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    if whole < content.len() {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(whole as u64)?;
        file.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement() -> Statement {
        Statement {
            class: Class::Denied,
            node: "n1".into(),
            segment: 3,
            entries: 17,
            sequence: 42,
            hash: Hash::of(&[b"x"]),
            tree: Hash::of(&[b"y"]),
            closed: true,
            at: "2026-11-22T03:11:51.500Z".parse().unwrap(),
        }
    }

    #[test]
    fn a_key_is_made_once_for_its_owner_alone_and_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        let first = Signer::open(&path).unwrap().public();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Signer::open(&path).unwrap().public(), first);
        assert_eq!(PublicKey::parse(&first.to_string()), Some(first));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Signer::open(&path).is_err(), "everybody can read it");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "broken").unwrap();
        assert!(Signer::open(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"broken");
    }

    #[test]
    fn every_byte_of_a_statement_counts_and_a_key_speaks_for_itself_alone() {
        let directory = tempfile::tempdir().unwrap();
        let signer = Signer::open(&directory.path().join("a")).unwrap();
        let signed = signer.state(&statement());
        assert_eq!(signed.open(), Some((statement(), signer.public())));
        let line = signed.line();
        assert_eq!(Signed::parse(&line), Some(signed.clone()));
        for index in 0..line.len() {
            let mut altered = line.clone();
            altered[index] ^= 1;
            let opened = Signed::parse(&altered).and_then(|signed| signed.open());
            assert_eq!(opened, None, "byte {index}");
        }
        let other = Signer::open(&directory.path().join("b")).unwrap();
        let claimed = Signed { key: other.public().to_string(), ..signed };
        assert_eq!(claimed.open(), None);
        assert!(
            !format!("{signer:?}")
                .contains(&fs::read_to_string(directory.path().join("a")).unwrap())
        );
    }
}
