//! The halves that lie in the state directory: `pseudonym-keys/2026-08.half`.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::{Timestamp, ToSpan as _};
use zeroize::Zeroizing;

use crate::audit::pseudonym::{KEY_LENGTH, Secret};
use crate::clock;

/// Why a month has no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A file.
    #[error("the keys of pseudonyms in {} cannot be used", .0.display())]
    Io(PathBuf, #[source] io::Error),
    /// The half in the state directory.
    #[error(
        "the half of the key for {0} that lay in the state directory is gone; put it back from a backup"
    )]
    Lost(String),
    /// The half in the store.
    #[error("the half of the key for {0} that was in the store is gone; put it back from a backup")]
    LostInStore(String),
}

fn directory(state: &Path) -> PathBuf {
    state.join("pseudonym-keys")
}

fn path(state: &Path, period: &str) -> PathBuf {
    directory(state).join(format!("{period}.half"))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> KeyError {
    let path = path.to_owned();
    move |error| KeyError::Io(path, error)
}

/// A month's half, where there is one.
pub(super) fn read(state: &Path, period: &str) -> Result<Option<Secret>, KeyError> {
    let path = path(state, period);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => Zeroizing::new(text.map_err(failed(&path))?),
    };
    let mut half = Zeroizing::new([0; KEY_LENGTH]);
    hex::decode_to_slice(text.trim_end(), half.as_mut_slice())
        .map_err(|error| failed(&path)(io::Error::new(io::ErrorKind::InvalidData, error)))?;
    Ok(Some(half))
}

/// Makes a month's half. After a crash there is a whole one or none.
pub(super) fn make(state: &Path, period: &str) -> Result<(), KeyError> {
    let path = path(state, period);
    let write = || {
        DirBuilder::new().recursive(true).mode(0o700).create(directory(state))?;
        let staged = path.with_extension("new");
        let half: Secret = Zeroizing::new(clock::random_bytes());
        let text = Zeroizing::new(hex::encode(half.as_slice()));
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&staged, &path)?;
        fs::File::open(directory(state))?.sync_all()
    };
    write().map_err(failed(&path))
}

/// Removes a month's half.
pub(super) fn remove(state: &Path, period: &str) -> Result<(), KeyError> {
    let path = path(state, period);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path)(error)),
        _ => Ok(()),
    }
}

/// Whether something was sealed in this month.
pub(super) fn is_used(state: &Path, period: &str) -> Result<bool, KeyError> {
    let log = state.join("audit");
    crate::audit::is_sealed_in(&log, period).map_err(failed(&log))
}

/// The months from the one of `from` to the one of `to`.
pub(super) fn months(from: Timestamp, to: Timestamp) -> Vec<String> {
    let day = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).date().first_of_month();
    let last = day(to);
    let months = std::iter::successors(Some(day(from)), |month| month.checked_add(1.month()).ok());
    // A log of ten years at the most is kept.
    let months = months.take_while(|month| *month <= last).take(130);
    months.map(|month| month.strftime("%Y-%m").to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_over_the_end_of_the_year() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let months = |from, to| months(at(from), at(to));
        assert_eq!(
            months("2025-11-30T23:59:59Z", "2026-02-01T00:00:00Z"),
            ["2025-11", "2025-12", "2026-01", "2026-02"]
        );
        assert_eq!(months("2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"), ["2026-02"]);
        assert!(months("2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z").is_empty());
    }

    #[test]
    fn a_half_is_for_its_owner_alone_and_comes_back() {
        use std::os::unix::fs::PermissionsExt as _;
        let state = tempfile::tempdir().unwrap();
        assert!(read(state.path(), "2026-08").unwrap().is_none());
        make(state.path(), "2026-08").unwrap();
        let half = read(state.path(), "2026-08").unwrap().unwrap();
        assert_ne!(*half, [0; KEY_LENGTH]);
        let mode = fs::metadata(path(state.path(), "2026-08")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        remove(state.path(), "2026-08").unwrap();
        remove(state.path(), "2026-08").unwrap();
        assert!(read(state.path(), "2026-08").unwrap().is_none());
    }
}
