//! The key that seals sessions and forms, in a file of its own.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::clock;

const LENGTH: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It can be read by others.
    #[error(
        "the key {} can be read by others; delete it and start again: a new one is made, and everybody signs in once more",
        .0.display()
    )]
    Exposed(PathBuf),
    /// It has another length.
    #[error(
        "the key {} is damaged; delete it and start again: a new one is made, and everybody signs in once more",
        .0.display()
    )]
    Damaged(PathBuf),
    /// The file system says no.
    #[error("cannot read or make the key {}; check owner and mode of the state directory", path.display())]
    Inaccessible {
        /// The key's file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The one secret from which every other is derived.
pub(super) struct MasterKey(Zeroizing<[u8; LENGTH]>);

impl MasterKey {
    /// Reads `keys/sessions` in the state directory, or makes it. Two programs that start at once
    /// end up with the same key.
    pub(super) fn open(state_directory: &Path) -> Result<Self, KeyError> {
        let directory = state_directory.join("keys");
        let path = directory.join("sessions");
        let inaccessible = |source| KeyError::Inaccessible { path: path.clone(), source };
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(inaccessible(error)),
        }
        match read(&path) {
            Err(KeyError::Inaccessible { source, .. }) if source.kind() == ErrorKind::NotFound => {
                make(&directory, &path).map_err(inaccessible)?;
                read(&path)
            }
            other => other,
        }
    }

    /// A key for one purpose; knowing it tells nothing of the others.
    pub(super) fn for_purpose(&self, purpose: &str) -> Zeroizing<[u8; LENGTH]> {
        let master = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let tag = hmac::sign(&master, purpose.as_bytes());
        let mut key = Zeroizing::new([0; LENGTH]);
        for (slot, byte) in key.iter_mut().zip(tag.as_ref()) {
            *slot = *byte;
        }
        key
    }
}

fn read(path: &Path) -> Result<MasterKey, KeyError> {
    let inaccessible = |source| KeyError::Inaccessible { path: path.to_owned(), source };
    let file = OpenOptions::new().read(true).open(path).map_err(inaccessible)?;
    let found = file.metadata().map_err(inaccessible)?;
    if found.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Exposed(path.to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 1));
    let limit = u64::try_from(LENGTH + 1).unwrap_or(u64::MAX);
    file.take(limit).read_to_end(&mut bytes).map_err(inaccessible)?;
    let key: [u8; LENGTH] =
        bytes.as_slice().try_into().map_err(|_| KeyError::Damaged(path.to_owned()))?;
    if key == [0; LENGTH] {
        return Err(KeyError::Damaged(path.to_owned()));
    }
    Ok(MasterKey(Zeroizing::new(key)))
}

/// Writes the whole key beside its place and links it there, so that nobody reads half of one and
/// nobody overwrites another's.
fn make(directory: &Path, path: &Path) -> std::io::Result<()> {
    let beside = directory.join(format!("sessions.{}", hex::encode(clock::random_bytes::<8>())));
    let written = write(&beside).and_then(|()| match std::fs::hard_link(&beside, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    });
    let removed = std::fs::remove_file(&beside);
    written.and(removed)?;
    std::fs::File::open(directory)?.sync_all()
}

fn write(path: &Path) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(Zeroizing::new(clock::random_bytes::<LENGTH>()).as_slice())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_closed_to_others() {
        let state = tempfile::tempdir().unwrap();
        let first = MasterKey::open(state.path()).unwrap();
        let second = MasterKey::open(state.path()).unwrap();
        assert_eq!(first.0, second.0);
        assert_ne!(first.for_purpose("a"), first.for_purpose("b"));
        let mode = |path: &str| {
            std::fs::metadata(state.path().join(path)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("keys"), mode("keys/sessions")), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(state.path().join("keys")).unwrap().count(), 1);
    }

    #[test]
    fn an_exposed_or_damaged_key_is_refused() {
        let state = tempfile::tempdir().unwrap();
        MasterKey::open(state.path()).unwrap();
        let path = state.path().join("keys/sessions");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(MasterKey::open(state.path()), Err(KeyError::Exposed(_))));
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        for damaged in [&b""[..], &[1; 31], &[1; 33], &[0; 32]] {
            std::fs::write(&path, damaged).unwrap();
            assert!(matches!(MasterKey::open(state.path()), Err(KeyError::Damaged(_))));
        }
    }
}
