//! Notices that the file has been replaced.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::database::Database;
use super::error::DatabaseError;
use super::file;
use super::requirements::Requirements;

/// Watches one database file by looking at it now and then, once a second or so.
///
/// Make it *before* opening the database, so that no replacement in between is missed. It only
/// looks: the caller swaps, and while a new file is bad the old database goes on serving.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    looks: Mutex<Looks>,
}

/// What a look at the file has found.
#[derive(Debug)]
pub enum Look {
    /// It is as it was.
    Unchanged,
    /// It has changed, and is the running database.
    Running,
    /// It is another database.
    New(Box<Database>),
    /// It cannot be used.
    Refused(DatabaseError),
}

/// What tells one state of a file from another. `None`: no such file.
type State = Option<[u64; 7]>;

#[derive(Debug)]
struct Looks {
    /// The state that was last reported or accepted.
    reported: State,
    /// The state at the last look.
    seen: State,
}

impl Watch {
    /// Takes the file's present state as known.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        let state = state_of(path);
        let looks = Mutex::new(Looks { reported: state, seen: state });
        Self { path: path.to_owned(), looks }
    }

    /// The watched file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file has changed, and was the same at the last two looks: one that is still being
    /// written is left alone. Each change is told once.
    pub fn changed(&self) -> bool {
        let state = state_of(&self.path);
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let settled = looks.seen == state;
        looks.seen = state;
        if !settled || looks.reported == state {
            return false;
        }
        looks.reported = state;
        true
    }

    /// Opens the file if it has changed and has other content than the running database. The running
    /// one is added to the requirements. Reads a whole file: an asynchronous caller does it on a
    /// blocking thread.
    ///
    /// `None`: go on. `Some(Ok(_))`: swap. `Some(Err(_))`: go on with the running one, log an error.
    pub fn refresh(
        &self,
        running: &Arc<Database>,
        requirements: &Requirements,
    ) -> Option<Result<Database, DatabaseError>> {
        match self.look(running, requirements) {
            Look::Unchanged | Look::Running => None,
            Look::New(database) => Some(Ok(*database)),
            Look::Refused(error) => Some(Err(error)),
        }
    }

    /// The same, telling a file that is as it was from one that is the running database again.
    pub fn look(&self, running: &Arc<Database>, requirements: &Requirements) -> Look {
        if !self.changed() {
            return Look::Unchanged;
        }
        let content = match file::read(&self.path) {
            Ok(content) if content.sha256 == running.info().sha256 => return Look::Running,
            Ok(content) => content,
            Err(problem) => return Look::Refused(problem.at(&self.path)),
        };
        let requirements = requirements.clone().replacing(Arc::clone(running));
        match Database::of_content(&self.path, &content, &requirements) {
            Ok(database) => Look::New(Box::new(database)),
            Err(problem) => Look::Refused(problem.at(&self.path)),
        }
    }
}

fn state_of(path: &Path) -> State {
    let found = std::fs::metadata(path).ok()?;
    let signed = |number: i64| number.cast_unsigned();
    Some([
        found.dev(),
        found.ino(),
        found.len(),
        signed(found.mtime()),
        signed(found.mtime_nsec()),
        signed(found.ctime()),
        signed(found.ctime_nsec()),
    ])
}
