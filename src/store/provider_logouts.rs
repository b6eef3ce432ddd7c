//! Sessions that an outside provider has ended, for all nodes to know.

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

use super::{Partly, Store, StoreError, UnclearLogout};
use crate::identifier::ProviderId;

/// Longer than any session lasts.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// Whose sessions end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum LogoutOf {
    /// One session, by the provider's name for it (`sid`).
    Session(String),
    /// All of one person, by the provider's name for it (`sub`).
    Subject(String),
}

/// What a provider has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLogout {
    /// The provider.
    pub provider: ProviderId,
    /// Whose sessions.
    pub of: LogoutOf,
    /// Those that began until then.
    pub at: Timestamp,
}

impl LogoutOf {
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Session(name) => ("session", name),
            Self::Subject(name) => ("subject", name),
        }
    }
}

impl Store {
    /// Remembers that a provider has ended sessions, for as long as any of them could last.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn end_provider_sessions(&self, logout: &ProviderLogout) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let (kind, name) = logout.of.parts();
        let keep = sqlx::query(
            "INSERT INTO provider_logouts (provider, kind, name, at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (provider, kind, name) DO UPDATE SET at = excluded.at",
        )
        .bind(logout.provider.as_str())
        .bind(kind)
        .bind(name)
        .bind(logout.at.to_string());
        change.execute(keep).await?;
        let oldest = logout.at.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        let over =
            sqlx::query("DELETE FROM provider_logouts WHERE at < $1").bind(oldest.to_string());
        change.execute(over).await?;
        change.commit().await
    }

    /// Everything that providers have ended and that could still last.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn provider_logouts(
        &self,
    ) -> Result<Partly<ProviderLogout, UnclearLogout>, StoreError> {
        let rows =
            self.rows(sqlx::query("SELECT provider, kind, name, at FROM provider_logouts")).await?;
        Ok(Partly::read(
            &rows,
            |row| self.provider_logout(row),
            |row| {
                let provider = self.text(row, "provider").ok();
                let provider = provider.and_then(|id| ProviderId::parse(&id).ok());
                UnclearLogout { provider, name: self.text(row, "name").ok() }
            },
        ))
    }

    fn provider_logout(&self, row: &AnyRow) -> Result<ProviderLogout, StoreError> {
        let (provider, name) = (self.text(row, "provider")?, self.text(row, "name")?);
        let provider =
            ProviderId::parse(&provider).map_err(|_| self.unreadable("a provider", &provider))?;
        let of = match self.text(row, "kind")?.as_str() {
            "session" => LogoutOf::Session(name),
            "subject" => LogoutOf::Subject(name),
            other => return Err(self.unreadable("whose sessions end", other)),
        };
        Ok(ProviderLogout { provider, of, at: self.instant(row, "at")? })
    }
}
