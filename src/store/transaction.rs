//! The two kinds of transaction: one that reads, one that changes.

use sqlx::any::AnyRow;

use super::StoreError;
use super::connections::{Asked, Lent, ManyRows};

/// Several things of one instant are read in it.
pub(super) struct Reading(Lent);

impl Reading {
    pub(super) fn new(lent: Lent) -> Self {
        Self(lent)
    }

    /// Every row that the query gives.
    pub(super) async fn rows(&mut self, asked: Asked<'_>) -> Result<Vec<AnyRow>, StoreError> {
        self.0.rows(asked).await
    }

    pub(super) fn lent(&mut self) -> &mut Lent {
        &mut self.0
    }

    /// Gives the connection back.
    pub(super) async fn done(self) -> Result<(), StoreError> {
        self.0.commit().await
    }
}

/// One transaction that changes something. Dropped without [`Change::commit`], nothing happened.
pub(super) struct Change(Lent);

impl Change {
    pub(super) fn new(lent: Lent) -> Self {
        Self(lent)
    }

    /// Every row that the query gives, as this change has left it so far.
    pub(super) async fn rows(&mut self, asked: Asked<'_>) -> Result<Vec<AnyRow>, StoreError> {
        self.0.rows(asked).await
    }

    /// Does it, and says to how many rows.
    pub(super) async fn execute(&mut self, asked: Asked<'_>) -> Result<u64, StoreError> {
        self.0.execute(asked).await
    }

    pub(super) fn lent(&mut self) -> &mut Lent {
        &mut self.0
    }

    /// How it takes many rows.
    pub(super) fn many_rows(&self) -> ManyRows {
        self.0.home().ways().many_rows
    }

    pub(super) fn fault(&self, error: sqlx::Error) -> StoreError {
        self.0.home().fault(error)
    }

    /// Keeps what was changed, and lets every gateway know.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        let raise = "UPDATE meta SET value = value + 1 WHERE name = 'change_number'";
        self.execute(sqlx::query(raise)).await?;
        if let Some(tell) = self.0.home().ways().tell {
            self.0.execute_raw(tell).await?;
        }
        self.commit_quietly().await
    }

    /// Keeps what no running gateway has to take notice of.
    pub(super) async fn commit_quietly(self) -> Result<(), StoreError> {
        self.0.commit_change().await
    }
}
