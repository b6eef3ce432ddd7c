//! What this gateway has seen announced, and when it first saw it: the memory of the announcement
//! lock.

use jiff::Timestamp;
use sqlx::Row;

use super::{Store, StoreError};
use crate::identifier::{ListId, PolicyId};

/// One wording of one version of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenListVersion {
    /// The list.
    pub list: ListId,
    /// The version's name.
    pub version: String,
    /// Over everything that binds: territories, dates, source.
    pub digest: String,
    /// When this gateway first read it.
    pub first_seen: Timestamp,
}

/// One combination of a policy's settings that make it stricter or milder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenSettings {
    /// The policy.
    pub policy: PolicyId,
    /// `mode`
    pub mode: String,
    /// `unknown_location`
    pub unknown_location: String,
    /// When this gateway first read it.
    pub first_seen: Timestamp,
}

impl Store {
    /// Remembers a version of a list, unless this wording of it was seen before, and gives back when
    /// it was first seen.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn see_list_version(
        &self,
        list: &ListId,
        version: &str,
        digest: &str,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let mut change = self.begin().await?;
        let kept = sqlx::query(
            "INSERT INTO list_versions_seen (list, version, digest, first_seen)
             VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(list.as_str())
        .bind(version)
        .bind(digest)
        .bind(now.to_string())
        .execute(change.on())
        .await;
        kept.map_err(|error| self.fault(error))?;
        let seen: Result<String, _> = sqlx::query_scalar(
            "SELECT first_seen FROM list_versions_seen
             WHERE list = ? AND version = ? AND digest = ?",
        )
        .bind(list.as_str())
        .bind(version)
        .bind(digest)
        .fetch_one(change.on())
        .await;
        let seen = self.timestamp(&seen.map_err(|error| self.fault(error))?)?;
        change.commit_quietly().await?;
        Ok(seen)
    }

    /// Every wording of every version that was ever seen, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn list_versions_seen(&self) -> Result<Vec<SeenListVersion>, StoreError> {
        let rows = sqlx::query(
            "SELECT list, version, digest, first_seen FROM list_versions_seen ORDER BY rowid",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(error))?;
        rows.iter()
            .map(|row| {
                let text = |column| row.try_get::<String, _>(column).map_err(|e| self.fault(e));
                let list = text(0)?;
                Ok(SeenListVersion {
                    list: ListId::parse(&list).map_err(|_| self.unreadable("a list", &list))?,
                    version: text(1)?,
                    digest: text(2)?,
                    first_seen: self.timestamp(&text(3)?)?,
                })
            })
            .collect()
    }

    /// Remembers a policy's settings, unless they were seen before, and gives back when they were
    /// first seen.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn see_settings(
        &self,
        policy: &PolicyId,
        mode: &str,
        unknown_location: &str,
        now: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let mut change = self.begin().await?;
        let kept = sqlx::query(
            "INSERT INTO settings_seen (policy, mode, unknown_location, first_seen)
             VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(policy.as_str())
        .bind(mode)
        .bind(unknown_location)
        .bind(now.to_string())
        .execute(change.on())
        .await;
        kept.map_err(|error| self.fault(error))?;
        let seen: Result<String, _> = sqlx::query_scalar(
            "SELECT first_seen FROM settings_seen
             WHERE policy = ? AND mode = ? AND unknown_location = ?",
        )
        .bind(policy.as_str())
        .bind(mode)
        .bind(unknown_location)
        .fetch_one(change.on())
        .await;
        let seen = self.timestamp(&seen.map_err(|error| self.fault(error))?)?;
        change.commit_quietly().await?;
        Ok(seen)
    }

    /// Every combination of settings that was ever seen, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn settings_seen(&self) -> Result<Vec<SeenSettings>, StoreError> {
        let rows = sqlx::query(
            "SELECT policy, mode, unknown_location, first_seen FROM settings_seen ORDER BY rowid",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(error))?;
        rows.iter()
            .map(|row| {
                let text = |column| row.try_get::<String, _>(column).map_err(|e| self.fault(e));
                let policy = text(0)?;
                Ok(SeenSettings {
                    policy: PolicyId::parse(&policy)
                        .map_err(|_| self.unreadable("a policy", &policy))?,
                    mode: text(1)?,
                    unknown_location: text(2)?,
                    first_seen: self.timestamp(&text(3)?)?,
                })
            })
            .collect()
    }
}
