//! What this gateway has seen announced, and when it first saw it: the memory of the announcement
//! lock. Each record is one JSON value, whose form belongs to `policy`.

use sqlx::Row;

use super::{Store, StoreError};
use crate::identifier::ListId;
use crate::policy::announcement::{SeenSettings, SeenVersion};

/// The memory of the announcement lock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Announced {
    /// Every version of every list that was ever seen.
    pub versions: Vec<(ListId, SeenVersion)>,
    /// What policies asked for, in the order in which it was seen.
    pub settings: Vec<SeenSettings>,
    /// Whether anything was ever remembered here. Where nothing was, what is in force now is the
    /// baseline.
    pub first_installation: bool,
}

impl Announced {
    /// What was seen of one list.
    #[must_use]
    pub fn of(&self, list: &ListId) -> Vec<SeenVersion> {
        let own = self.versions.iter().filter(|(id, _)| id == list);
        own.map(|(_, version)| version.clone()).collect()
    }
}

impl Store {
    /// The memory of the announcement lock.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read, or a record is not what was written.
    pub async fn announced(&self) -> Result<Announced, StoreError> {
        let versions = sqlx::query("SELECT list, record FROM list_versions_seen ORDER BY rowid")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault(error))?;
        let settings = sqlx::query("SELECT record FROM settings_seen ORDER BY sequence")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault(error))?;
        let remembered: Option<i64> =
            sqlx::query_scalar("SELECT value FROM meta WHERE name = 'announcements_remembered'")
                .fetch_optional(&self.pool)
                .await
                .map_err(|error| self.fault(error))?;
        let text = |row: &sqlx::sqlite::SqliteRow, name: &str| {
            row.try_get::<String, _>(name).map_err(|error| self.fault(error))
        };
        let damaged = || StoreError::Damaged(self.path.to_path_buf());
        Ok(Announced {
            versions: versions
                .iter()
                .map(|row| {
                    let list = ListId::parse(&text(row, "list")?).map_err(|_| damaged())?;
                    let record = text(row, "record")?;
                    Ok((list, serde_json::from_str(&record).map_err(|_| damaged())?))
                })
                .collect::<Result<_, StoreError>>()?,
            settings: settings
                .iter()
                .map(|row| serde_json::from_str(&text(row, "record")?).map_err(|_| damaged()))
                .collect::<Result<_, StoreError>>()?,
            first_installation: remembered.is_none(),
        })
    }

    /// Remembers versions (each replaces what was remembered of it) and adds settings, all or none.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn remember_announced(
        &self,
        versions: &[(ListId, SeenVersion)],
        settings: &[SeenSettings],
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        for (list, version) in versions {
            let kept = sqlx::query(
                "INSERT INTO list_versions_seen (list, version, record) VALUES (?, ?, ?)
                 ON CONFLICT (list, version) DO UPDATE SET record = excluded.record",
            )
            .bind(list.as_str())
            .bind(&version.version)
            .bind(self.written(version)?)
            .execute(change.on())
            .await;
            kept.map_err(|error| self.fault(error))?;
        }
        for record in settings {
            let kept = sqlx::query("INSERT INTO settings_seen (policy, record) VALUES (?, ?)")
                .bind(record.policy.as_str())
                .bind(self.written(record)?)
                .execute(change.on())
                .await;
            kept.map_err(|error| self.fault(error))?;
        }
        let marked = sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('announcements_remembered', 1)
             ON CONFLICT (name) DO NOTHING",
        )
        .execute(change.on())
        .await;
        marked.map_err(|error| self.fault(error))?;
        change.commit_quietly().await
    }

    fn written(&self, record: &impl serde::Serialize) -> Result<String, StoreError> {
        serde_json::to_string(record).map_err(|_| StoreError::Damaged(self.path.to_path_buf()))
    }
}
