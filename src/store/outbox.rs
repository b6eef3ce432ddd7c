//! Log entries that were written with the change they tell of and wait for the log.
//!
//! Whoever holds the log's lock reads them oldest first, appends them, and only then removes them:
//! an entry may come twice after a crash between the two (its id tells), but is never lost.

use jiff::Timestamp;
use sqlx::Row;
use uuid::Uuid;

use super::{Change, Store, StoreError};

/// One waiting entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place in the order.
    pub sequence: i64,
    /// The event's own id (UUIDv7), the same if it is read twice.
    pub id: String,
    /// The event as JSON.
    pub event: String,
    /// When the change was made.
    pub created: Timestamp,
}

impl Store {
    /// The oldest waiting entries, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, id, event, created FROM outbox ORDER BY sequence LIMIT ?",
        )
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(error))?;
        rows.iter()
            .map(|row| {
                let text = |column| row.try_get::<String, _>(column).map_err(|e| self.fault(e));
                Ok(OutboxEntry {
                    sequence: row.try_get(0).map_err(|error| self.fault(error))?,
                    id: text(1)?,
                    event: text(2)?,
                    created: self.timestamp(&text(3)?)?,
                })
            })
            .collect()
    }

    /// Removes entries that are in the log now.
    ///
    /// # Errors
    /// [`StoreError`] where they could not be removed; none is removed then.
    pub async fn outbox_done(&self, entries: &[OutboxEntry]) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        for entry in entries {
            let removed = sqlx::query("DELETE FROM outbox WHERE sequence = ?")
                .bind(entry.sequence)
                .execute(change.on())
                .await;
            removed.map_err(|error| self.fault(error))?;
        }
        change.commit_quietly().await
    }
}

impl Change {
    /// Puts an event beside the change it tells of.
    pub(super) async fn announce(&mut self, event: &str, now: Timestamp) -> Result<(), StoreError> {
        let kept = sqlx::query("INSERT INTO outbox (id, event, created) VALUES (?, ?, ?)")
            .bind(Uuid::now_v7().to_string())
            .bind(event)
            .bind(now.to_string())
            .execute(self.on())
            .await;
        kept.map(|_| ()).map_err(|error| self.fault(error))
    }
}
