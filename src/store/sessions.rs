//! Sessions that were signed out before their time.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};

impl Store {
    /// Remembers that a session has been signed out. It is kept until `ends`, when the session would
    /// have ended by itself.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn end_session(
        &self,
        id: &str,
        ends: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let kept = sqlx::query("INSERT OR IGNORE INTO ended_sessions (id, ends) VALUES (?, ?)")
            .bind(id)
            .bind(ends.to_string())
            .execute(change.on())
            .await;
        kept.map_err(|error| self.fault(error))?;
        let over: Vec<String> = self
            .ended_sessions()
            .await?
            .into_iter()
            .filter_map(|(id, ends)| (ends <= now).then_some(id))
            .collect();
        for id in over {
            sqlx::query("DELETE FROM ended_sessions WHERE id = ?")
                .bind(id)
                .execute(change.on())
                .await
                .map_err(|error| self.fault(error))?;
        }
        change.commit().await
    }

    /// Every session that was signed out, with the instant at which it would have ended by itself.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn ended_sessions(&self) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let rows = sqlx::query("SELECT id, ends FROM ended_sessions")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault(error))?;
        rows.iter()
            .map(|row| {
                let id: String = row.try_get(0).map_err(|error| self.fault(error))?;
                let ends: String = row.try_get(1).map_err(|error| self.fault(error))?;
                Ok((id, self.timestamp(&ends)?))
            })
            .collect()
    }
}
