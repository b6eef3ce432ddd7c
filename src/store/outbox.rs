//! Log entries that were written with the change they tell of and wait for the log.
//!
//! Whoever holds the log's lock reads them oldest first, appends them, and only then removes them:
//! an entry may come twice after a crash between the two (its id tells), but is never lost.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Change, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::{Actor, ExemptionId, UserName};

/// What was changed, in the words of `event.action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// An exemption was granted.
    ExemptionGranted,
    /// A second person approved it.
    ExemptionApproved,
    /// It was revoked.
    ExemptionRevoked,
    /// It was closed.
    ExemptionClosed,
    /// Where its traveller is reached was changed.
    ExemptionContact,
    /// Its use looked odd.
    OddUse,
    /// A local account was made.
    UserAdded,
    /// Its password, lock or sessions were changed.
    UserChanged,
    /// It was removed.
    UserRemoved,
}

/// One change that the log has to tell of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// What was done.
    pub action: ChangeAction,
    /// In which organisation.
    pub organization: String,
    /// Who did it, by the name they gave.
    pub done_by: String,
    /// Who did it, by the operating system.
    pub done_as: Option<String>,
    /// Whom it was done to.
    pub target: String,
    /// The exemption, where it is about one.
    pub exemption: Option<String>,
    /// What exactly, as one word. Never what somebody wrote: a reason stays in the history, where it
    /// can be deleted with the exemption, and does not enter the log's chain.
    pub word: Option<String>,
}

impl ChangeEvent {
    pub(super) fn new(
        action: ChangeAction,
        organization: &OrganizationId,
        target: &UserName,
        by: &Actor,
    ) -> Self {
        Self {
            action,
            organization: organization.to_string(),
            done_by: by.name.clone(),
            done_as: by.operating_system_user.clone(),
            target: target.to_string(),
            exemption: None,
            word: None,
        }
    }

    pub(super) fn about(self, exemption: &ExemptionId) -> Self {
        Self { exemption: Some(exemption.to_string()), ..self }
    }

    pub(super) fn word(self, word: &'static str) -> Self {
        Self { word: Some(word.to_owned()), ..self }
    }
}

/// One waiting entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEntry {
    /// Its place in the order.
    pub sequence: i64,
    /// The event's own id (UUIDv7), the same if it is read twice.
    pub id: String,
    /// The change.
    pub event: ChangeEvent,
    /// When the change was made.
    pub created: Timestamp,
}

impl Store {
    /// The oldest waiting entries, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let asked = "SELECT sequence, id, event, created FROM outbox ORDER BY sequence LIMIT $1";
        let rows = self.rows(sqlx::query(asked).bind(i64::from(limit))).await?;
        rows.iter()
            .map(|row| {
                let event = self.text(row, "event")?;
                Ok(OutboxEntry {
                    sequence: self.integer(row, "sequence")?,
                    id: self.text(row, "id")?,
                    event: serde_json::from_str(&event)
                        .map_err(|_| self.unreadable("a log entry", &event))?,
                    created: self.instant(row, "created")?,
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
            let remove = sqlx::query("DELETE FROM outbox WHERE sequence = $1").bind(entry.sequence);
            change.execute(remove).await?;
        }
        change.commit_quietly().await
    }
}

impl Change {
    /// Puts an event beside the change it tells of.
    pub(super) async fn announce(
        &mut self,
        event: &ChangeEvent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event = serde_json::to_string(event)
            .map_err(|error| self.fault(sqlx::Error::Encode(Box::new(error))))?;
        let keep = sqlx::query("INSERT INTO outbox (id, event, created) VALUES ($1, $2, $3)")
            .bind(Uuid::now_v7().to_string())
            .bind(event)
            .bind(now.to_string());
        self.execute(keep).await.map(|_| ())
    }
}
