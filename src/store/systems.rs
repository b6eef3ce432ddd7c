//! The register of systems that others run: whether the rule is in place there.
//!
//! Always holds: each change keeps what the system was after it, with who made it, and comes with its
//! log entry in the same transaction; whoever changes something says which revision they saw, and
//! where it is no longer that one, nothing is changed; one organisation never reaches another's.

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::any::AnyRow;

use super::words::words;
use super::{Change, ChangeAction, ChangeEvent, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::Actor;

words! {
    /// Whether the rule is in place.
    RuleInPlace {
        /// It is.
        Yes = "yes",
        /// It is not.
        No = "no",
        /// Nobody knows.
        Unknown = "unknown",
    }
}

words! {
    /// What was done to an entry of the register.
    SystemAction {
        /// It was entered.
        Recorded = "recorded",
        /// It was changed.
        Changed = "changed",
        /// It was taken out.
        Removed = "removed",
    }
}

/// What the register says of one system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemFacts {
    /// Its name.
    pub name: String,
    /// Who runs it.
    pub operator: String,
    /// Whether the rule is in place.
    pub rule: RuleInPlace,
    /// When that was looked at.
    pub checked_on: Option<Date>,
    /// Who looked.
    pub checked_by: Option<String>,
    /// What else is to be known.
    pub note: String,
}

/// One system outside the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideSystem {
    /// Its number here.
    pub id: String,
    /// What is said of it.
    pub facts: SystemFacts,
    /// Grows with each change.
    pub revision: i64,
    /// Whether it was taken out.
    pub removed: bool,
}

/// One change of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemChange {
    /// Which change it was.
    pub revision: i64,
    /// What was done.
    pub action: SystemAction,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
    /// What it was afterwards.
    pub facts: SystemFacts,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SystemError {
    /// The organisation has no such system.
    #[error("there is no such system in the register")]
    Unknown,
    /// Somebody else was faster.
    #[error("somebody else has changed it meanwhile; look at it again")]
    Meanwhile,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// The systems of an organisation, by name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn outside_systems(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<OutsideSystem>, StoreError> {
        let asked = sqlx::query(
            "SELECT id, name, operator, rule, checked_on, checked_by, note, revision, removed
             FROM outside_systems WHERE organization = $1 AND removed = 0 ORDER BY name, id",
        )
        .bind(organization.as_str());
        self.rows(asked).await?.iter().map(|row| self.read_system(row)).collect()
    }

    /// One system with its history, oldest first, also where it was taken out.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn outside_system(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<(OutsideSystem, Vec<SystemChange>)>, StoreError> {
        let mut reading = self.reading().await?;
        let asked = sqlx::query(
            "SELECT id, name, operator, rule, checked_on, checked_by, note, revision, removed
             FROM outside_systems WHERE organization = $1 AND id = $2",
        )
        .bind(organization.as_str())
        .bind(id);
        let found = reading.rows(asked).await?;
        let asked = sqlx::query(
            "SELECT revision, action, at, done_by, name, operator, rule, checked_on, checked_by, note
             FROM outside_system_history WHERE system = $1 ORDER BY revision",
        )
        .bind(id);
        let history = reading.rows(asked).await?;
        reading.done().await?;
        let Some(system) = found.first().map(|row| self.read_system(row)).transpose()? else {
            return Ok(None);
        };
        let history = history.iter().map(|row| self.read_system_change(row));
        Ok(Some((system, history.collect::<Result<_, _>>()?)))
    }

    /// Enters a system into the register and gives its number.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn record_system(
        &self,
        organization: &OrganizationId,
        facts: &SystemFacts,
        by: &Actor,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let id = format!("S-{}", hex::encode_upper(crate::clock::random_bytes::<5>()));
        let mut change = self.begin().await?;
        let insert = sqlx::query(
            "INSERT INTO outside_systems (id, organization, name, operator, rule, checked_on,
                                          checked_by, note, revision)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)",
        )
        .bind(&id)
        .bind(organization.as_str())
        .bind(&facts.name)
        .bind(&facts.operator)
        .bind(facts.rule.word())
        .bind(facts.checked_on.map(|day| day.to_string()))
        .bind(facts.checked_by.as_deref())
        .bind(&facts.note);
        change.execute(insert).await?;
        let done = Done { organization, id: &id, revision: 1, action: SystemAction::Recorded };
        change.note_system(&done, facts, by, now).await?;
        change.commit_quietly().await?;
        Ok(id)
    }

    /// Says something else of a system.
    ///
    /// # Errors
    /// [`SystemError`]: nothing was changed.
    pub async fn change_system(
        &self,
        (organization, id, revision): (&OrganizationId, &str, i64),
        facts: &SystemFacts,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), SystemError> {
        let mut change = self.begin().await?;
        let update = sqlx::query(
            "UPDATE outside_systems SET name = $4, operator = $5, rule = $6, checked_on = $7,
                    checked_by = $8, note = $9, revision = revision + 1
             WHERE organization = $1 AND id = $2 AND revision = $3 AND removed = 0",
        )
        .bind(organization.as_str())
        .bind(id)
        .bind(revision)
        .bind(&facts.name)
        .bind(&facts.operator)
        .bind(facts.rule.word())
        .bind(facts.checked_on.map(|day| day.to_string()))
        .bind(facts.checked_by.as_deref())
        .bind(&facts.note);
        if change.execute(update).await? == 0 {
            return Err(change.why_not(organization, id).await?);
        }
        let (revision, action) = (revision + 1, SystemAction::Changed);
        let done = Done { organization, id, revision, action };
        change.note_system(&done, facts, by, now).await?;
        Ok(change.commit_quietly().await?)
    }

    /// Takes a system out of the register; its history stays.
    ///
    /// # Errors
    /// [`SystemError`]: nothing was changed.
    pub async fn remove_system(
        &self,
        (organization, id, revision): (&OrganizationId, &str, i64),
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), SystemError> {
        let Some((system, _)) = self.outside_system(organization, id).await? else {
            return Err(SystemError::Unknown);
        };
        let mut change = self.begin().await?;
        let update = sqlx::query(
            "UPDATE outside_systems SET removed = 1, revision = revision + 1
             WHERE organization = $1 AND id = $2 AND revision = $3 AND removed = 0",
        )
        .bind(organization.as_str())
        .bind(id)
        .bind(revision);
        if change.execute(update).await? == 0 {
            return Err(change.why_not(organization, id).await?);
        }
        let (revision, action) = (revision + 1, SystemAction::Removed);
        let done = Done { organization, id, revision, action };
        change.note_system(&done, &system.facts, by, now).await?;
        Ok(change.commit_quietly().await?)
    }

    fn read_system(&self, row: &AnyRow) -> Result<OutsideSystem, StoreError> {
        Ok(OutsideSystem {
            id: self.text(row, "id")?,
            facts: self.read_facts(row)?,
            revision: self.integer(row, "revision")?,
            removed: self.integer(row, "removed")? != 0,
        })
    }

    fn read_system_change(&self, row: &AnyRow) -> Result<SystemChange, StoreError> {
        let action = self.text(row, "action")?;
        Ok(SystemChange {
            revision: self.integer(row, "revision")?,
            action: SystemAction::from_word(&action)
                .ok_or_else(|| self.unreadable("what was done to a system", &action))?,
            at: self.instant(row, "at")?,
            by: self.text(row, "done_by")?,
            facts: self.read_facts(row)?,
        })
    }

    fn read_facts(&self, row: &AnyRow) -> Result<SystemFacts, StoreError> {
        let (rule, checked) = (self.text(row, "rule")?, self.maybe_text(row, "checked_on")?);
        let day = |text: String| text.parse().map_err(|_| self.unreadable("a day", &text));
        Ok(SystemFacts {
            name: self.text(row, "name")?,
            operator: self.text(row, "operator")?,
            rule: RuleInPlace::from_word(&rule)
                .ok_or_else(|| self.unreadable("whether a rule is in place", &rule))?,
            checked_on: checked.map(day).transpose()?,
            checked_by: self.maybe_text(row, "checked_by")?,
            note: self.text(row, "note")?,
        })
    }
}

/// One change as it is noted.
struct Done<'a> {
    organization: &'a OrganizationId,
    id: &'a str,
    revision: i64,
    action: SystemAction,
}

impl Change {
    async fn note_system(
        &mut self,
        done: &Done<'_>,
        facts: &SystemFacts,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let insert = sqlx::query(
            "INSERT INTO outside_system_history (system, revision, action, at, done_by, name,
                                                 operator, rule, checked_on, checked_by, note)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        )
        .bind(done.id)
        .bind(done.revision)
        .bind(done.action.word())
        .bind(now.to_string())
        .bind(&by.name)
        .bind(&facts.name)
        .bind(&facts.operator)
        .bind(facts.rule.word())
        .bind(facts.checked_on.map(|day| day.to_string()))
        .bind(facts.checked_by.as_deref())
        .bind(&facts.note);
        self.execute(insert).await?;
        // The name of a system is what somebody wrote: the log gets its number.
        let event =
            ChangeEvent::of_organization(ChangeAction::SystemChanged, done.organization, by)
                .word(done.action.word())
                .detail("system", done.id);
        self.announce(&event, now).await
    }

    /// Why no row was there to be changed.
    async fn why_not(
        &mut self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<SystemError, StoreError> {
        let asked = sqlx::query(
            "SELECT id FROM outside_systems WHERE organization = $1 AND id = $2 AND removed = 0",
        )
        .bind(organization.as_str())
        .bind(id);
        let there = !self.rows(asked).await?.is_empty();
        Ok(if there { SystemError::Meanwhile } else { SystemError::Unknown })
    }
}
