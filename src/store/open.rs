//! Opening the store: the file, its mode, its settings.

use std::fs::{OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use super::{StoreError, migrations};

/// How long one program waits for another's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers beside the one writer that SQLite allows.
const CONNECTIONS: u32 = 4;

pub(super) async fn open(path: &Path) -> Result<SqlitePool, StoreError> {
    prepare_file(path)?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT);
    let pool = SqlitePoolOptions::new()
        .max_connections(CONNECTIONS)
        .connect_with(options)
        .await
        .map_err(|error| StoreError::of(path, error))?;
    migrations::run(&pool, path).await?;
    Ok(pool)
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
                StoreError::ReadOnly(path.to_owned())
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
