//! Sessions that were signed out before their time.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::{Partly, Store, StoreError, UnclearSession};

const ENDED: &str = "SELECT id, ends FROM ended_sessions";

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
        let keep = sqlx::query(
            "INSERT INTO ended_sessions (id, ends) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id)
        .bind(ends.to_string());
        change.execute(keep).await?;
        for row in change.rows(sqlx::query(ENDED)).await? {
            // One that cannot be read stays, and keeps nobody from signing out.
            if self.instant(&row, "ends").is_ok_and(|ends| ends <= now) {
                let over = sqlx::query("DELETE FROM ended_sessions WHERE id = $1")
                    .bind(self.text(&row, "id")?);
                change.execute(over).await?;
            }
        }
        change.commit().await
    }

    /// Every session that was signed out, with the instant at which it would have ended by itself.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn ended_sessions(
        &self,
    ) -> Result<Partly<(String, Timestamp), UnclearSession>, StoreError> {
        let rows = self.rows(sqlx::query(ENDED)).await?;
        let read = |row: &AnyRow| Ok((self.text(row, "id")?, self.instant(row, "ends")?));
        Ok(Partly::read(&rows, read, |row| UnclearSession(self.text(row, "id").ok())))
    }
}
