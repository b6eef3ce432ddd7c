//! Searches that somebody comes back to.
//!
//! Always holds: each belongs to one person of one organisation, and nobody else is shown it.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::Person;

/// So many one person keeps.
pub const MOST_SAVED: usize = 50;

/// A search that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSearch {
    /// Its id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The query of the address, without the question mark.
    pub query: String,
    /// When it was kept.
    pub created: Timestamp,
}

/// Why a search is not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// There are enough.
    #[error("{MOST_SAVED} searches are kept already; remove one first")]
    TooMany,
    /// The store failed.
    #[error("the search could not be kept")]
    Store(#[from] StoreError),
}

impl Store {
    /// What this person has kept, by name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn saved_searches(
        &self,
        organization: &OrganizationId,
        owner: &Person,
    ) -> Result<Vec<SavedSearch>, StoreError> {
        let asked = sqlx::query(
            "SELECT id, name, query, created FROM saved_searches
             WHERE organization = $1 AND person = $2 ORDER BY name",
        )
        .bind(organization.as_str())
        .bind(owner_text(owner));
        let rows = self.rows(asked).await?;
        rows.iter()
            .map(|row| {
                Ok(SavedSearch {
                    id: self.text(row, "id")?,
                    name: self.text(row, "name")?,
                    query: self.text(row, "query")?,
                    created: self.instant(row, "created")?,
                })
            })
            .collect()
    }

    /// Keeps a search under a name; one of that name is replaced.
    ///
    /// # Errors
    /// [`SaveError`].
    pub async fn save_search(
        &self,
        organization: &OrganizationId,
        owner: &Person,
        (name, query): (&str, &str),
        now: Timestamp,
    ) -> Result<(), SaveError> {
        let mut change = self.begin().await?;
        let others = sqlx::query(
            "SELECT id FROM saved_searches WHERE organization = $1 AND person = $2 AND name <> $3",
        )
        .bind(organization.as_str())
        .bind(owner_text(owner))
        .bind(name);
        if change.rows(others).await?.len() >= MOST_SAVED {
            return Err(SaveError::TooMany);
        }
        let keep = sqlx::query(
            "INSERT INTO saved_searches (id, organization, person, name, query, created)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (organization, person, name) DO UPDATE SET query = excluded.query",
        )
        .bind(Uuid::now_v7().to_string())
        .bind(organization.as_str())
        .bind(owner_text(owner))
        .bind(name)
        .bind(query)
        .bind(now.to_string());
        change.execute(keep).await?;
        change.commit_quietly().await?;
        Ok(())
    }

    /// Forgets one of this person's searches; says whether there was one.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be removed.
    pub async fn forget_search(
        &self,
        organization: &OrganizationId,
        owner: &Person,
        id: &str,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let remove = sqlx::query(
            "DELETE FROM saved_searches WHERE id = $1 AND organization = $2 AND person = $3",
        )
        .bind(id)
        .bind(organization.as_str())
        .bind(owner_text(owner));
        let removed = change.execute(remove).await?;
        change.commit_quietly().await?;
        Ok(removed > 0)
    }
}

fn owner_text(owner: &Person) -> String {
    format!("{}/{}/{}", owner.organization(), owner.provider(), owner.subject())
}
