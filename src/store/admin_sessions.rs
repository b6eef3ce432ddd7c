//! Who is signed in to the administration, for all nodes to know. The browser has the token, the
//! store its digest alone.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::{Store, StoreError};
use crate::policy::Person;

/// How far somebody has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionStage {
    /// The password was right; the second factor is still to be shown, or to be set up.
    SecondFactor,
    /// Signed in.
    Open,
}

impl SessionStage {
    fn word(self) -> &'static str {
        match self {
            Self::SecondFactor => "second_factor",
            Self::Open => "open",
        }
    }
}

/// One session of the administration.
#[derive(Debug, Clone)]
pub struct AdminSession {
    /// The digest of what the browser has.
    pub token: String,
    /// What was proven, as `identity` wrote it.
    pub proof: String,
    /// The roles it began with, as `admin` wrote them.
    pub roles: String,
    /// The organisation that is looked at, where another than the first was chosen.
    pub chosen: Option<String>,
    /// How far it has come.
    pub stage: SessionStage,
    /// What the next step of signing in needs to know of the one before.
    pub pending: Option<String>,
    /// Wrong answers at this stage.
    pub failures: i64,
    /// When it began.
    pub began: Timestamp,
    /// When it was last used, to the minute.
    pub used: Timestamp,
    /// When it ends, used or not.
    pub ends: Timestamp,
}

impl Store {
    /// Begins a session, in the place of another where there was one: nobody goes on with a token
    /// that was there before signing in.
    ///
    /// # Errors
    /// [`StoreError`]: none has begun.
    pub async fn begin_admin_session(
        &self,
        session: &AdminSession,
        person: &Person,
        instead_of: Option<&str>,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        if let Some(before) = instead_of {
            let end = sqlx::query("DELETE FROM admin_sessions WHERE token = $1").bind(before);
            change.execute(end).await?;
        }
        let begin = sqlx::query(
            "INSERT INTO admin_sessions (token, organization, provider, subject, proof, roles,
               chosen, stage, pending, failures, began, used, ends)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        )
        .bind(&session.token)
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject())
        .bind(&session.proof)
        .bind(&session.roles)
        .bind(session.chosen.as_deref())
        .bind(session.stage.word())
        .bind(session.pending.as_deref())
        .bind(session.failures)
        .bind(session.began.to_string())
        .bind(session.used.to_string())
        .bind(session.ends.to_string());
        change.execute(begin).await?;
        let asked = sqlx::query("SELECT token, ends FROM admin_sessions");
        for row in change.rows(asked).await? {
            if self.instant(&row, "ends")? <= session.began {
                let over = sqlx::query("DELETE FROM admin_sessions WHERE token = $1")
                    .bind(self.text(&row, "token")?);
                change.execute(over).await?;
            }
        }
        change.commit_quietly().await
    }

    /// The session of this digest.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn admin_session(&self, token: &str) -> Result<Option<AdminSession>, StoreError> {
        let asked = sqlx::query(
            "SELECT token, proof, roles, chosen, stage, pending, failures, began, used, ends
             FROM admin_sessions WHERE token = $1",
        )
        .bind(token);
        self.row(asked).await?.map(|row| self.read_admin_session(&row)).transpose()
    }

    /// Notes that it was used.
    ///
    /// # Errors
    /// [`StoreError`] where that could not be kept.
    pub async fn use_admin_session(&self, token: &str, now: Timestamp) -> Result<(), StoreError> {
        let note = sqlx::query("UPDATE admin_sessions SET used = $1 WHERE token = $2")
            .bind(now.to_string())
            .bind(token);
        self.quietly(note).await
    }

    /// Keeps what the next step of signing in needs to know.
    ///
    /// # Errors
    /// [`StoreError`] where that could not be kept.
    pub async fn set_admin_session_pending(
        &self,
        token: &str,
        pending: Option<&str>,
    ) -> Result<(), StoreError> {
        let keep = sqlx::query("UPDATE admin_sessions SET pending = $1 WHERE token = $2")
            .bind(pending)
            .bind(token);
        self.quietly(keep).await
    }

    /// Keeps the organisation that somebody of several wants to look at.
    ///
    /// # Errors
    /// [`StoreError`] where that could not be kept.
    pub async fn choose_in_admin_session(
        &self,
        token: &str,
        organization: &str,
    ) -> Result<(), StoreError> {
        let keep = sqlx::query("UPDATE admin_sessions SET chosen = $1 WHERE token = $2")
            .bind(organization)
            .bind(token);
        self.quietly(keep).await
    }

    /// Ends one session.
    ///
    /// # Errors
    /// [`StoreError`] where it has not ended.
    pub async fn end_admin_session(&self, token: &str) -> Result<(), StoreError> {
        self.quietly(sqlx::query("DELETE FROM admin_sessions WHERE token = $1").bind(token)).await
    }

    /// Ends every session of a person but this one.
    ///
    /// # Errors
    /// [`StoreError`] where they have not ended.
    pub async fn end_admin_sessions_of(
        &self,
        person: &Person,
        but: &str,
    ) -> Result<(), StoreError> {
        let end = sqlx::query(
            "DELETE FROM admin_sessions
             WHERE organization = $1 AND provider = $2 AND subject = $3 AND token <> $4",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject())
        .bind(but);
        self.quietly(end).await
    }

    /// One change that no running gateway has to take notice of.
    pub(super) async fn quietly(
        &self,
        asked: super::connections::Asked<'_>,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        change.execute(asked).await?;
        change.commit_quietly().await
    }

    fn read_admin_session(&self, row: &AnyRow) -> Result<AdminSession, StoreError> {
        let stage = self.text(row, "stage")?;
        Ok(AdminSession {
            token: self.text(row, "token")?,
            proof: self.text(row, "proof")?,
            roles: self.text(row, "roles")?,
            chosen: self.maybe_text(row, "chosen")?,
            stage: match stage.as_str() {
                "open" => SessionStage::Open,
                "second_factor" => SessionStage::SecondFactor,
                _ => return Err(self.unreadable("a stage of signing in", &stage)),
            },
            pending: self.maybe_text(row, "pending")?,
            failures: self.integer(row, "failures")?,
            began: self.instant(row, "began")?,
            used: self.instant(row, "used")?,
            ends: self.instant(row, "ends")?,
        })
    }
}
