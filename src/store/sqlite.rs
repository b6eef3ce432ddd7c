//! SQLite's own ways: the file, its mode, its settings, its codes.

use std::fmt::Write as _;
use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::any::AnyConnectOptions;

use super::connections::{Connections, ManyRows, Places, Ways};
use super::migrations::{Holds, Ownership};
use super::wording::Database;
use super::{Place, StoreError};

pub(super) const WAYS: Ways = Ways {
    read: "BEGIN",
    change: "BEGIN IMMEDIATE",
    greeting: Some(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
    ),
    // Waiting for another program's transaction ends sooner, with a better sentence.
    limit: Duration::from_secs(30),
    remembers_statements: true,
    // Said so, it keeps no copies of its pages for taking back a single statement. None is
    // long, so that others get the core in between.
    many_rows: ManyRows { insert: "INSERT OR FAIL INTO", places: Places::InOrder, at_once: 16 },
    any_octets: true,
    // Readers beside the one writer that SQLite allows.
    connections: 4,
    tell: None,
    verify: "PRAGMA quick_check(1)",
    settle: Some("PRAGMA wal_checkpoint(TRUNCATE)"),
    // `geov` in SQLite's mark for whose database a file is.
    ownership: Ownership {
        is_ours: "SELECT application_id AS found FROM pragma_application_id
              WHERE application_id = 1734700918",
        is_taken: "SELECT name AS found FROM sqlite_schema
               UNION ALL SELECT 'marked' FROM pragma_application_id WHERE application_id <> 0",
        claim: "PRAGMA application_id = 1734700918;
            CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT;",
        database: Database::Sqlite,
        holds: Holds::Store,
    },
    fault,
};

/// The ways of the block log's index: a file of its own, so that exemptions never wait for it. What
/// a loss of power takes of it is read again from the segments.
pub(super) const LOG_INDEX_WAYS: Ways = Ways {
    greeting: Some(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;
         PRAGMA cache_size = -4000;",
    ),
    // `geol`
    ownership: Ownership {
        is_ours: "SELECT application_id AS found FROM pragma_application_id
              WHERE application_id = 1734700908",
        claim: "PRAGMA application_id = 1734700908;
            CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT;",
        holds: Holds::LogIndex,
        ..WAYS.ownership
    },
    ..WAYS
};

/// The connections to this file, which is made where there is none.
pub(super) fn connections(path: &Path) -> Result<Arc<Connections>, StoreError> {
    connections_with(path, WAYS)
}

pub(super) fn connections_with(path: &Path, ways: Ways) -> Result<Arc<Connections>, StoreError> {
    prepare_file(path)?;
    let place = Place::of_file(path);
    let whole = path
        .canonicalize()
        .map_err(|source| StoreError::Inaccessible { path: path.to_owned(), source })?;
    let options: AnyConnectOptions = url(&whole).parse().map_err(|error| fault(&place, error))?;
    Ok(Connections::new(options, place, ways))
}

/// Every byte that an address could take for its own.
fn url(path: &Path) -> String {
    let mut url = "sqlite://".to_owned();
    for &byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte) {
            url.push(char::from(byte));
        } else {
            // Writing into a text does not fail.
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url.push_str("?mode=rw");
    url
}

/// Finds the sentence for what SQLite said.
fn fault(place: &Place, error: sqlx::Error) -> StoreError {
    let place = place.clone();
    match primary_code(&error) {
        Some(BUSY | LOCKED) => StoreError::Busy(place),
        Some(READ_ONLY | CANNOT_OPEN) => StoreError::ReadOnly(place),
        Some(CORRUPT | NOT_A_DATABASE) => StoreError::Damaged(place),
        Some(FULL) => StoreError::DiskFull(place),
        _ => StoreError::Failed { place, source: error },
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

/// Makes the file closed to others before anything is written to it; SQLite gives its side files
/// the same mode.
fn prepare_file(path: &Path) -> Result<(), StoreError> {
    let inaccessible = |source| StoreError::Inaccessible { path: path.to_owned(), source };
    let directory = path.parent().unwrap_or(Path::new("."));
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return Err(StoreError::DirectoryMissing(directory.to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(StoreError::DirectoryMissing(directory.to_owned()));
        }
        Err(error) => return Err(inaccessible(error)),
    }
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(StoreError::NotAFile(path.to_owned())),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(inaccessible(error)),
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                StoreError::ReadOnly(Place::of_file(path))
            }
            _ => inaccessible(error),
        })?;
    let found = file.metadata().map_err(inaccessible)?;
    let home = std::fs::metadata(directory).map_err(inaccessible)?;
    if found.len() == 0 && found.uid() == 0 && home.uid() != 0 {
        // A first command given as root must not keep the gateway's own user out.
        fchown(&file, Some(home.uid()), Some(home.gid())).map_err(inaccessible)?;
    }
    if found.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600)).map_err(inaccessible)?;
    }
    Ok(())
}
