//! What can be wrong with the store, in sentences for the person who runs the gateway.

use std::path::{Path, PathBuf};

/// Why the store did not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory is not there.
    #[error(
        "the state directory {} does not exist; create it, owned by the user that runs geovagt and closed to others (mode 0700)",
        .0.display()
    )]
    DirectoryMissing(PathBuf),
    /// Something that is no regular file stands where the store belongs.
    #[error("{} is not a file; move it away, or name another state_directory", .0.display())]
    NotAFile(PathBuf),
    /// The file system says no.
    #[error("cannot open the store {}; check owner and mode of the file and its directory", path.display())]
    Inaccessible {
        /// The store.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store can be read and not written.
    #[error(
        "the store {} is read-only; check owner and mode of the file and its directory, and how the file system is mounted",
        .0.display()
    )]
    ReadOnly(PathBuf),
    /// The file is damaged, or no SQLite database at all.
    #[error(
        "the store {} is damaged or is not an SQLite database; move it away and put the last backup in its place",
        .0.display()
    )]
    Damaged(PathBuf),
    /// A healthy database, but not ours.
    #[error(
        "{} is the database of another program; name another state_directory",
        .0.display()
    )]
    Foreign(PathBuf),
    /// A newer geovagt wrote it.
    #[error(
        "the store {} was written by a newer geovagt (schema {found}; this one knows {known}); run the newer program, or put back the backup made before the update",
        path.display()
    )]
    Newer {
        /// The store.
        path: PathBuf,
        /// The version in the store.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A schema step was applied in another wording than this program's.
    #[error(
        "step {step} of the schema of {} differs from this program's; it was made by another build: put back the last backup, or run the build that wrote it",
        path.display()
    )]
    SchemaDiffers {
        /// The store.
        path: PathBuf,
        /// The step.
        step: i64,
    },
    /// Another program holds the lock.
    #[error(
        "another program has kept the store {} locked for too long; see which one with `fuser` and try again",
        .0.display()
    )]
    Busy(PathBuf),
    /// No room.
    #[error("there is no room left on the disk for the store {}; free some and try again", .0.display())]
    DiskFull(PathBuf),
    /// A row that this program would not have written.
    #[error("the store {} holds {what} that cannot be read: {value:?}; it was edited by hand or is damaged", path.display())]
    Unreadable {
        /// The store.
        path: PathBuf,
        /// Which kind of value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// Anything else.
    #[error("the store {} failed", path.display())]
    Failed {
        /// The store.
        path: PathBuf,
        /// What the database said.
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Finds the sentence for what the database said.
    pub(crate) fn of(path: &Path, error: sqlx::Error) -> Self {
        let path = path.to_owned();
        match primary_code(&error) {
            Some(BUSY | LOCKED) => Self::Busy(path),
            Some(READ_ONLY | CANNOT_OPEN) => Self::ReadOnly(path),
            Some(CORRUPT | NOT_A_DATABASE) => Self::Damaged(path),
            Some(FULL) => Self::DiskFull(path),
            _ => Self::Failed { path, source: error },
        }
    }
}

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READ_ONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const NOT_A_DATABASE: i32 = 26;

/// SQLite's result code without its extension, which stands in the upper bytes.
fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<i32>().ok().map(|code| code & 0xff)
}

/// Whether the database refused a row because one with the same key is there.
pub(crate) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Leaves out what cannot be read, and says so in the log.
pub(crate) fn readable<T>(read: impl Iterator<Item = Result<T, StoreError>>) -> Vec<T> {
    read.filter_map(|one| {
        one.inspect_err(|error| {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "a row of the store is left out; it opens nothing"
            );
        })
        .ok()
    })
    .collect()
}
