//! What this gateway has seen announced, and when it first saw it: the memory of the announcement
//! lock. Each record is one JSON value, whose form belongs to `policy`.

use sqlx::any::AnyRow;

use super::connections::Lent;
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
        let mut reading = self.reading().await?;
        let announced = self.announced_on(reading.lent()).await?;
        reading.done().await?;
        Ok(announced)
    }

    async fn announced_on(&self, on: &mut Lent) -> Result<Announced, StoreError> {
        let versions = "SELECT list, record FROM list_versions_seen ORDER BY list, version";
        let versions = on.rows(sqlx::query(versions)).await?;
        let settings = "SELECT record FROM settings_seen ORDER BY sequence";
        let settings = on.rows(sqlx::query(settings)).await?;
        let remembered = "SELECT value FROM meta WHERE name = 'announcements_remembered'";
        let remembered = on.row(sqlx::query(remembered)).await?;
        Ok(Announced {
            versions: versions
                .iter()
                .map(|row| {
                    let list = ListId::parse(&self.text(row, "list")?);
                    Ok((list.map_err(|_| self.damaged())?, self.read_record(row)?))
                })
                .collect::<Result<_, StoreError>>()?,
            settings: settings
                .iter()
                .map(|row| self.read_record(row))
                .collect::<Result<_, StoreError>>()?,
            first_installation: remembered.is_none(),
        })
    }

    /// Remembers versions (each replaces what was remembered of it) and adds settings, all or none,
    /// where nothing but `seen` is remembered yet. Where somebody else has remembered something
    /// meanwhile, nothing is, and it says no: what was concluded from `seen` holds no longer.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn remember_announced(
        &self,
        versions: &[(ListId, SeenVersion)],
        settings: &[SeenSettings],
        seen: &Announced,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        if self.announced_on(change.lent()).await? != *seen {
            return Ok(false);
        }
        for (list, version) in versions {
            let keep = sqlx::query(
                "INSERT INTO list_versions_seen (list, version, record) VALUES ($1, $2, $3)
                 ON CONFLICT (list, version) DO UPDATE SET record = excluded.record",
            )
            .bind(list.as_str())
            .bind(&version.version)
            .bind(self.written(version)?);
            change.execute(keep).await?;
        }
        for record in settings {
            let keep = sqlx::query("INSERT INTO settings_seen (policy, record) VALUES ($1, $2)")
                .bind(record.policy.as_str())
                .bind(self.written(record)?);
            change.execute(keep).await?;
        }
        let mark = sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('announcements_remembered', 1)
             ON CONFLICT (name) DO NOTHING",
        );
        change.execute(mark).await?;
        change.commit_quietly().await?;
        Ok(true)
    }

    fn read_record<T: serde::de::DeserializeOwned>(&self, row: &AnyRow) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(row, "record")?).map_err(|_| self.damaged())
    }

    fn written(&self, record: &impl serde::Serialize) -> Result<String, StoreError> {
        serde_json::to_string(record).map_err(|_| self.damaged())
    }
}
