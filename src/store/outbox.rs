//! Log entries that were written with the change they tell of and wait for a log.
//!
//! Whoever holds a log's lock takes them for that log, oldest first, appends them, and only then
//! removes them. What is taken for one log is left alone by every other, for an hour: after that its
//! node is taken to be gone for good, so that an entry may come late, but is never lost.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::readable;
use super::{Change, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::{Actor, ExemptionId, UserName};

/// What was changed, in the words of `event.action`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// An exemption was applied for.
    ExemptionApplied,
    /// An exemption was granted.
    ExemptionGranted,
    /// A second person approved it.
    ExemptionApproved,
    /// It was refused.
    ExemptionRefused,
    /// It was revoked.
    ExemptionRevoked,
    /// It was closed.
    ExemptionClosed,
    /// Its time was over.
    ExemptionEnded,
    /// A link for binding devices was given out.
    TravelLinkMade,
    /// A device was bound to an exemption.
    DeviceBound,
    /// A bound device counts no longer.
    DeviceRevoked,
    /// Everything that was proven of a person counts no longer.
    PersonEnded,
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
    /// The log was reviewed, or its review planned or drawn.
    LogReviewed,
    /// A breach file was opened.
    BreachOpened,
    /// Something was added to it.
    BreachChanged,
    /// The register of systems outside the gateway was changed.
    SystemChanged,
    /// A second factor for the administration was set up, or all of a person's were taken away.
    SecondFactor,
    /// A token for the administration's API was made.
    TokenMade,
    /// It was revoked.
    TokenRevoked,
    /// What is stored of a person was deleted.
    PersonForgotten,
    /// Somebody looked at what is stored of a person.
    PersonViewed,
    /// Somebody searched the log.
    LogSearched,
    /// Somebody took a part of the log with them.
    LogExported,
    /// One person asked whom a pseudonym stands for.
    ReidentificationAsked,
    /// Another one joined in, and they were told.
    Reidentified,
    /// Somebody ordered that personal values leave the log.
    ErasureOrdered,
}

/// One change that the log has to tell of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeEvent {
    /// What was done.
    pub action: ChangeAction,
    /// In which organisation; empty: in none.
    pub organization: String,
    /// Who did it, by the name they gave.
    pub done_by: String,
    /// Who did it, by the operating system.
    pub done_as: Option<String>,
    /// Whom it was done to; empty where it was nobody.
    pub target: String,
    /// The exemption, where it is about one.
    pub exemption: Option<String>,
    /// What exactly, as one word. Never what somebody wrote: a reason stays in the history, where it
    /// can be deleted with the exemption, and does not enter the log's chain.
    pub word: Option<String>,
    /// The reference of the rejection that it followed, where it followed one.
    #[serde(default)]
    pub reference: Option<String>,
    /// What else belongs to it and says nothing of who somebody is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
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
            reference: None,
            details: BTreeMap::new(),
        }
    }

    /// A change that nobody in particular is concerned by.
    pub(super) fn of_organization(
        action: ChangeAction,
        organization: &OrganizationId,
        by: &Actor,
    ) -> Self {
        Self::about_log(action, by).of(organization)
    }

    /// Something that was done with the log.
    #[must_use]
    pub fn about_log(action: ChangeAction, by: &Actor) -> Self {
        Self {
            action,
            organization: String::new(),
            done_by: by.name.clone(),
            done_as: by.operating_system_user.clone(),
            target: String::new(),
            exemption: None,
            word: None,
            reference: None,
            details: BTreeMap::new(),
        }
    }

    /// The organisation that it is about.
    #[must_use]
    pub fn of(self, organization: &OrganizationId) -> Self {
        Self { organization: organization.to_string(), ..self }
    }

    /// Something else that belongs to it and says nothing of who somebody is.
    #[must_use]
    pub fn detail(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.details.insert(key.to_owned(), value.to_string());
        self
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

/// An entry that was taken for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenEntry {
    /// The entry.
    pub entry: OutboxEntry,
    /// Whether it had been taken for this log before, so that it may be in it already.
    pub before: bool,
}

/// A node that has not been done with an entry for so long is not coming back.
const GONE_FOR_GOOD: SignedDuration = SignedDuration::from_hours(1);

impl Store {
    /// The oldest waiting entries, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn outbox(&self, limit: u32) -> Result<Vec<OutboxEntry>, StoreError> {
        let asked = "SELECT sequence, id, event, created FROM outbox ORDER BY sequence LIMIT $1";
        let rows = self.rows(sqlx::query(asked).bind(i64::from(limit))).await?;
        Ok(readable(rows.iter().map(|row| self.outbox_entry(row))))
    }

    /// Takes the oldest entries for the log of this name, at most `limit`, and with them what was
    /// taken for it before and is not done. One that cannot be read stays where it is, and keeps no
    /// other from the log.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read or written; perhaps they are taken.
    pub async fn take_from_outbox(
        &self,
        log: &str,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<TakenEntry>, StoreError> {
        // Nearly always nothing waits, and to look is cheaper than to begin a change.
        if self.row(sqlx::query("SELECT sequence FROM outbox LIMIT 1")).await?.is_none() {
            return Ok(Vec::new());
        }
        let mut change = self.begin().await?;
        let free = "SELECT * FROM outbox WHERE taken_for IS NULL OR taken_for = $1
                    ORDER BY sequence LIMIT $2";
        let free = sqlx::query(free).bind(log).bind(i64::from(limit));
        let mut rows = change.rows(free).await?;
        if rows.is_empty() {
            let others = sqlx::query("SELECT * FROM outbox ORDER BY sequence LIMIT $1");
            rows = change.rows(others.bind(i64::from(limit))).await?;
        }
        let mut taken = Vec::new();
        for found in readable(rows.iter().map(|row| self.free_entry(row, log, now))) {
            let Some(TakenEntry { entry, before }) = found else { continue };
            if !before {
                let take = "UPDATE outbox SET taken_for = $1, taken_at = $2 WHERE sequence = $3";
                let take = sqlx::query(take).bind(log).bind(now.to_string());
                change.execute(take.bind(entry.sequence)).await?;
            }
            taken.push(TakenEntry { entry, before });
        }
        change.commit_quietly().await?;
        Ok(taken)
    }

    /// An entry that may go to the log of this name; none where another has taken it.
    fn free_entry(
        &self,
        row: &AnyRow,
        log: &str,
        now: Timestamp,
    ) -> Result<Option<TakenEntry>, StoreError> {
        let owner = self.maybe_text(row, "taken_for")?;
        let before = owner.as_deref() == Some(log);
        if owner.is_some() && !before {
            let since = self.instant(row, "taken_at")?;
            if now.duration_since(since) < GONE_FOR_GOOD {
                return Ok(None);
            }
        }
        Ok(Some(TakenEntry { entry: self.outbox_entry(row)?, before }))
    }

    /// Puts in an entry that tells of a look at the log from the command line, which no organisation
    /// has to itself. `at` is the person or the network that was looked for.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn tell_of_look(
        &self,
        action: ChangeAction,
        by: &Actor,
        at: Option<&str>,
        details: BTreeMap<String, String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let event = ChangeEvent {
            action,
            organization: String::new(),
            done_by: by.name.clone(),
            done_as: by.operating_system_user.clone(),
            target: at.unwrap_or_default().to_owned(),
            exemption: None,
            word: None,
            reference: None,
            details,
        };
        let mut change = self.begin().await?;
        change.announce(&event, now).await?;
        change.commit_quietly().await
    }

    /// Removes entries that are in the log of this name now.
    ///
    /// # Errors
    /// [`StoreError`] where they could not be removed.
    pub async fn outbox_done(&self, log: &str, entries: &[OutboxEntry]) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        for entry in entries {
            let remove = sqlx::query("DELETE FROM outbox WHERE sequence = $1 AND taken_for = $2")
                .bind(entry.sequence)
                .bind(log);
            change.execute(remove).await?;
        }
        change.commit_quietly().await
    }

    fn outbox_entry(&self, row: &AnyRow) -> Result<OutboxEntry, StoreError> {
        let event = self.text(row, "event")?;
        Ok(OutboxEntry {
            sequence: self.integer(row, "sequence")?,
            id: self.text(row, "id")?,
            event: serde_json::from_str(&event)
                .map_err(|_| self.unreadable("a log entry", &event))?,
            created: self.instant(row, "created")?,
        })
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
