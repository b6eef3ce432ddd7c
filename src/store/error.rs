//! What can be wrong with the store, in sentences for the person who runs the gateway.

use std::path::PathBuf;

use super::Place;

/// Why the store did not do what it was asked. Nothing was changed, but for
/// [`StoreError::PerhapsKept`].
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
        "the store {0} is read-only; check owner and mode of the file and its directory, and how the file system is mounted"
    )]
    ReadOnly(Place),
    /// What is there is damaged, or no store at all.
    #[error(
        "the store {0} is damaged or is not a database of geovagt; move it away and put the last backup in its place"
    )]
    Damaged(Place),
    /// A healthy database, but not ours.
    #[error("{0} is the database of another program; name another one, or another state_directory")]
    Foreign(Place),
    /// A newer geovagt wrote it.
    #[error(
        "the store {place} was written by a newer geovagt (schema {found}; this one knows {known}); run the newer program, or put back the backup made before the update"
    )]
    Newer {
        /// The store.
        place: Place,
        /// The version in the store.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A schema step was applied in another wording than this program's.
    #[error(
        "step {step} of the schema of {place} differs from this program's; it was made by another build: put back the last backup, or run the build that wrote it"
    )]
    SchemaDiffers {
        /// The store.
        place: Place,
        /// The step.
        step: i64,
    },
    /// Another program holds the lock.
    #[error(
        "another program has kept the store {0} locked for too long; see which one, and try again"
    )]
    Busy(Place),
    /// No room.
    #[error("there is no room left on the disk for the store {0}; free some and try again")]
    DiskFull(Place),
    /// Nothing is there, or it broke off.
    #[error(
        "the store {place} cannot be reached; see that it runs and that this host may connect to it"
    )]
    Unreachable {
        /// The store.
        place: Place,
        /// What the network or the database said.
        source: sqlx::Error,
    },
    /// The database answers, and takes no changes.
    #[error(
        "the store {0} takes no changes: it is a copy of another; name the one that it follows"
    )]
    TakesNoChanges(Place),
    /// It did not answer in time.
    #[error(
        "the store {0} does not answer in time; see that it runs and that nothing between cuts it off"
    )]
    NoAnswer(Place),
    /// The connection broke when the change was being kept.
    #[error(
        "the store {0} broke off while it kept the change, so it may be kept or not; look before you try again"
    )]
    PerhapsKept(Place),
    /// A row that this program would not have written.
    #[error(
        "the store {place} holds {what} that cannot be read: {value:?}; it was edited by hand or is damaged"
    )]
    Unreadable {
        /// The store.
        place: Place,
        /// Which kind of value.
        what: &'static str,
        /// The value.
        value: String,
    },
    /// Anything else.
    #[error("the store {place} failed")]
    Failed {
        /// The store.
        place: Place,
        /// What the database said.
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Whether the store may be in order and only is not there now.
    #[must_use]
    pub fn is_away(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::NoAnswer(_)
                | Self::Busy(_)
                | Self::TakesNoChanges(_)
                | Self::PerhapsKept(_)
        )
    }
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
