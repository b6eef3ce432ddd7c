//! One handle on what must outlive the process: local accounts, travel exemptions and their history,
//! what was announced when, and log entries that wait for the log.
//!
//! May use `sqlx` and the types of `policy` and `identifier`; knows no HTTP. SQLite today; no
//! signature here names it, so that another database can stand behind the same handle and the same
//! contract suite.
//!
//! Always holds: every change is one transaction, which also writes its history and its log entry
//! and raises the change number; the history of exemptions is only ever added to.

mod accounts;
mod error;
mod exemptions;
mod migrations;
mod notices;
mod open;
mod outbox;
mod seen;
mod sessions;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

pub use accounts::{Account, AccountError, AccountId, NewAccount};
pub use error::StoreError;
pub use exemptions::{ExemptionError, ExemptionRecord, HistoryEntry};
pub use notices::{
    Channel, Contact, NoticeDetails, NoticeKind, NoticeRecord, NoticeState, UnknownNotice,
};
pub use outbox::{ChangeAction, ChangeEvent, OutboxEntry};
pub use seen::Announced;

/// The name of the store in the state directory.
pub const FILE_NAME: &str = "geovagt.sqlite3";

/// The store. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    path: Arc<PathBuf>,
}

impl Store {
    /// Opens the store in `state_directory`, makes it where there is none, and brings its schema up
    /// to date. Other processes may have it open at the same time.
    ///
    /// # Errors
    /// [`StoreError`] with the cause and the way out.
    pub async fn open(state_directory: &Path) -> Result<Self, StoreError> {
        let path = state_directory.join(FILE_NAME);
        let pool = open::open(&path).await?;
        Ok(Self { pool, path: Arc::new(path) })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number that grows with each change, whichever process made it. Cheap to ask.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn change_number(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar("SELECT value FROM meta WHERE name = 'change_number'")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.fault(error))
    }

    /// Reads the whole file and says whether it is in order.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where it is not.
    pub async fn verify(&self) -> Result<(), StoreError> {
        let found: String = sqlx::query_scalar("PRAGMA quick_check(1)")
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.fault(error))?;
        if found == "ok" { Ok(()) } else { Err(StoreError::Damaged(self.path.to_path_buf())) }
    }

    /// Closes every connection; what was committed is in the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Change, StoreError> {
        let transaction =
            self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(|error| self.fault(error))?;
        Ok(Change { transaction, path: Arc::clone(&self.path) })
    }

    fn fault(&self, error: sqlx::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    fn unreadable(&self, what: &'static str, value: &str) -> StoreError {
        StoreError::Unreadable {
            path: self.path.to_path_buf(),
            what,
            value: value.chars().take(80).collect(),
        }
    }

    fn timestamp(&self, text: &str) -> Result<Timestamp, StoreError> {
        text.parse().map_err(|_| self.unreadable("an instant", text))
    }
}

/// One transaction that changes something. Dropped without [`Change::commit`], nothing happened.
struct Change {
    transaction: Transaction<'static, Sqlite>,
    path: Arc<PathBuf>,
}

impl Change {
    fn on(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    fn fault(&self, error: sqlx::Error) -> StoreError {
        StoreError::of(&self.path, error)
    }

    async fn commit(mut self) -> Result<(), StoreError> {
        let raised = sqlx::query("UPDATE meta SET value = value + 1 WHERE name = 'change_number'")
            .execute(self.on())
            .await;
        match raised {
            Ok(_) => self.commit_quietly().await,
            Err(error) => Err(self.fault(error)),
        }
    }

    /// Commits what no running gateway has to take notice of.
    async fn commit_quietly(self) -> Result<(), StoreError> {
        let path = Arc::clone(&self.path);
        self.transaction.commit().await.map_err(|error| StoreError::of(&path, error))
    }
}

#[cfg(test)]
mod contract;
#[cfg(test)]
mod tests;
