//! Puts a database file in its place, whole or not at all, and keeps the one before.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::database::Database;
use super::error::{DatabaseError, Problem};
use super::file;
use super::requirements::Requirements;

/// The copy of the last database that was good, in the state directory.
const LAST_GOOD: &str = "last-good.mmdb";

/// A database that was put in its place.
#[derive(Debug)]
pub struct Installed {
    /// What now stands there.
    pub database: Database,
    /// Where the file is kept that stood there before.
    pub previous: Option<PathBuf>,
}

/// A database, and why it is not the configured one.
#[derive(Debug)]
pub struct Opened {
    /// What can be used.
    pub database: Database,
    /// What is wrong with the configured file, where the last good one was taken instead. To be
    /// logged as an error: someone must act.
    pub instead_of: Option<DatabaseError>,
}

/// Verifies `source` and puts it at `target`: into a file beside it, flushed, then renamed. What
/// stood there is kept as `NAME.previous`.
///
/// # Errors
/// [`DatabaseError`] about the source where it is refused, about the target where it cannot be
/// written. In either case the target is what it was.
pub fn install(
    source: &Path,
    target: &Path,
    requirements: &Requirements,
) -> Result<Installed, DatabaseError> {
    let content = file::read(source).map_err(|problem| problem.at(source))?;
    // A link stays a link: what it points at is replaced.
    let target = target.canonicalize().unwrap_or_else(|_| target.to_owned());
    let database = Database::of_content(&target, &content, requirements)
        .map_err(|problem| problem.at(source))?;
    let previous = keep_previous(&target).map_err(|e| Problem::Unreadable(e).at(&target))?;
    write_whole(&target, &content.bytes).map_err(|e| Problem::Unreadable(e).at(&target))?;
    Ok(Installed { database, previous })
}

/// Copies the file that `database` was read from into the state directory, unless the copy there is
/// the same already.
///
/// # Errors
/// [`DatabaseError`] where the file has been replaced since (look again after the next refresh), or
/// the state directory cannot be written.
pub fn store_last_good(database: &Database, state_directory: &Path) -> Result<(), DatabaseError> {
    let target = state_directory.join(LAST_GOOD);
    let is_this = |content: &file::Content| content.sha256 == database.info().sha256;
    if database.path() == target || file::read(&target).is_ok_and(|content| is_this(&content)) {
        return Ok(());
    }
    let content = file::read(database.path()).map_err(|problem| problem.at(database.path()))?;
    if !is_this(&content) {
        return Err(Problem::damaged("it has changed since it was opened").at(database.path()));
    }
    write_whole(&target, &content.bytes).map_err(|e| Problem::Unreadable(e).at(&target))
}

/// Opens the configured database or, where it is refused, the last good one.
///
/// # Errors
/// The configured file's [`DatabaseError`] where there is no usable last good one either.
pub fn open_or_last_good(
    path: &Path,
    state_directory: &Path,
    requirements: &Requirements,
) -> Result<Opened, DatabaseError> {
    let error = match Database::open(path, requirements) {
        Ok(database) => return Ok(Opened { database, instead_of: None }),
        Err(error) => error,
    };
    match Database::open(&state_directory.join(LAST_GOOD), requirements) {
        Ok(database) => Ok(Opened { database, instead_of: Some(error) }),
        Err(_) => Err(error),
    }
}

/// `country.mmdb` becomes `country.mmdb.previous`; the file itself stays until the rename.
fn keep_previous(target: &Path) -> std::io::Result<Option<PathBuf>> {
    if !target.exists() {
        return Ok(None);
    }
    let previous = beside(target, ".previous");
    let temporary = beside(target, ".previous-new");
    remove_if_there(&temporary)?;
    if std::fs::hard_link(target, &temporary).is_err() {
        std::fs::copy(target, &temporary)?;
    }
    std::fs::rename(&temporary, &previous)?;
    Ok(Some(previous))
}

fn write_whole(target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let temporary = beside(target, &format!(".new-{}", std::process::id()));
    remove_if_there(&temporary)?;
    let written = write_and_rename(&temporary, target, bytes);
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

fn write_and_rename(temporary: &Path, target: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    file.write_all(bytes)?;
    if let Ok(current) = std::fs::metadata(target) {
        file.set_permissions(current.permissions())?;
    }
    file.sync_all()?;
    std::fs::rename(temporary, target)?;
    match target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => File::open(".")?.sync_all(),
    }
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
