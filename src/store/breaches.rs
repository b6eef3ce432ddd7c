//! Breach files: what happened when and to whom, when it was discovered and reported, and notes.
//!
//! Always holds: notes are only ever added; every change comes with its log entry, which names
//! nobody who is concerned.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::{Change, ChangeAction, ChangeEvent, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::Actor;

/// A breach file to open.
#[derive(Debug, Clone)]
pub struct NewBreach<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whose it is.
    pub organization: &'a OrganizationId,
    /// What its clerks call it.
    pub title: &'a str,
    /// Since when it happened.
    pub occurred_from: Timestamp,
    /// Until when.
    pub occurred_until: Timestamp,
    /// When it was discovered: the clock runs from then.
    pub discovered: Timestamp,
    /// Whom it concerns, by login name.
    pub persons: &'a [String],
}

/// A breach file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Its id.
    pub id: String,
    /// What its clerks call it.
    pub title: String,
    /// Since when it happened.
    pub occurred_from: Timestamp,
    /// Until when.
    pub occurred_until: Timestamp,
    /// When it was discovered.
    pub discovered: Timestamp,
    /// When it was reported.
    pub reported: Option<Timestamp>,
    /// When it was opened.
    pub created: Timestamp,
    /// Who opened it.
    pub created_by: String,
    /// Whom it concerns.
    pub persons: Vec<String>,
    /// What was written down, oldest first.
    pub notes: Vec<BreachNote>,
}

/// One note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreachNote {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
}

/// What changes about a breach file.
#[derive(Debug, Clone)]
pub enum BreachChange<'a> {
    /// Something is written down.
    Note(&'a str),
    /// It concerns these people too.
    Persons(&'a [String]),
    /// It was reported then. Said once.
    Reported(Timestamp),
}

impl BreachChange<'_> {
    fn word(&self) -> &'static str {
        match self {
            Self::Note(_) => "noted",
            Self::Persons(_) => "persons",
            Self::Reported(_) => "reported",
        }
    }
}

impl Store {
    /// Every breach file of the organisation, newest first, without persons and notes.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn breaches(&self, organization: &OrganizationId) -> Result<Vec<Breach>, StoreError> {
        let asked = sqlx::query("SELECT * FROM breaches WHERE organization = $1")
            .bind(organization.as_str());
        let rows = self.rows(asked).await?;
        let mut breaches = rows
            .iter()
            .map(|row| self.read_breach(row, (&[], &[])))
            .collect::<Result<Vec<_>, _>>()?;
        breaches.sort_by_key(|breach| std::cmp::Reverse(breach.discovered));
        Ok(breaches)
    }

    /// One breach file, whole.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn breach(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Breach>, StoreError> {
        let mut reading = self.reading().await?;
        let breach = sqlx::query("SELECT * FROM breaches WHERE organization = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(id);
        let rows = reading.rows(breach).await?;
        let persons =
            sqlx::query("SELECT name FROM breach_persons WHERE breach = $1 ORDER BY name");
        let persons = reading.rows(persons.bind(id)).await?;
        let notes = sqlx::query("SELECT * FROM breach_notes WHERE breach = $1 ORDER BY number");
        let notes = reading.rows(notes.bind(id)).await?;
        reading.done().await?;
        rows.first().map(|row| self.read_breach(row, (&persons, &notes))).transpose()
    }

    /// Opens a breach file.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn open_breach(
        &self,
        new: &NewBreach<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let keep = sqlx::query(
            "INSERT INTO breaches (id, organization, title, occurred_from, occurred_until,
                 discovered, created, created_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(new.id)
        .bind(new.organization.as_str())
        .bind(new.title)
        .bind(new.occurred_from.to_string())
        .bind(new.occurred_until.to_string())
        .bind(new.discovered.to_string())
        .bind(now.to_string())
        .bind(&by.name);
        change.execute(keep).await?;
        change.add_persons(new.id, new.persons).await?;
        let event = ChangeEvent::about_log(ChangeAction::BreachOpened, by)
            .of(new.organization)
            .detail("breach", new.id)
            .detail("discovered", new.discovered);
        change.announce(&event, now).await?;
        change.commit().await
    }

    /// Changes a breach file. Says whether there was one that could be changed so: what was reported
    /// is reported.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn change_breach(
        &self,
        (organization, id): (&OrganizationId, &str),
        what: &BreachChange<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let breach =
            sqlx::query("SELECT reported FROM breaches WHERE organization = $1 AND id = $2");
        let rows = change.rows(breach.bind(organization.as_str()).bind(id)).await?;
        let Some(row) = rows.first() else { return Ok(false) };
        match what {
            BreachChange::Note(text) => change.add_note(id, text, by, now).await?,
            BreachChange::Persons(names) => change.add_persons(id, names).await?,
            BreachChange::Reported(_) if self.maybe_text(row, "reported")?.is_some() => {
                return Ok(false);
            }
            BreachChange::Reported(at) => {
                let keep = sqlx::query("UPDATE breaches SET reported = $1 WHERE id = $2");
                change.execute(keep.bind(at.to_string()).bind(id)).await?;
            }
        }
        let event = ChangeEvent::about_log(ChangeAction::BreachChanged, by)
            .of(organization)
            .word(what.word())
            .detail("breach", id);
        change.announce(&event, now).await?;
        change.commit().await?;
        Ok(true)
    }

    fn read_breach(
        &self,
        row: &AnyRow,
        (persons, notes): (&[AnyRow], &[AnyRow]),
    ) -> Result<Breach, StoreError> {
        let reported = self.maybe_text(row, "reported")?;
        let note = |row: &AnyRow| {
            Ok(BreachNote {
                at: self.instant(row, "at")?,
                by: self.text(row, "author")?,
                text: self.text(row, "text")?,
            })
        };
        Ok(Breach {
            id: self.text(row, "id")?,
            title: self.text(row, "title")?,
            occurred_from: self.instant(row, "occurred_from")?,
            occurred_until: self.instant(row, "occurred_until")?,
            discovered: self.instant(row, "discovered")?,
            reported: reported.map(|text| self.timestamp(&text)).transpose()?,
            created: self.instant(row, "created")?,
            created_by: self.text(row, "created_by")?,
            persons: persons.iter().map(|row| self.text(row, "name")).collect::<Result<_, _>>()?,
            notes: notes.iter().map(note).collect::<Result<_, StoreError>>()?,
        })
    }
}

impl Change {
    async fn add_persons(&mut self, id: &str, names: &[String]) -> Result<(), StoreError> {
        for name in names {
            let keep = sqlx::query(
                "INSERT INTO breach_persons (breach, name) VALUES ($1, $2)
                 ON CONFLICT (breach, name) DO NOTHING",
            );
            self.execute(keep.bind(id).bind(name)).await?;
        }
        Ok(())
    }

    async fn add_note(
        &mut self,
        id: &str,
        text: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let notes = sqlx::query("SELECT number FROM breach_notes WHERE breach = $1").bind(id);
        let number = i64::try_from(self.rows(notes).await?.len()).unwrap_or(i64::MAX);
        let keep = sqlx::query(
            "INSERT INTO breach_notes (breach, number, at, author, text)
             VALUES ($1, $2, $3, $4, $5)",
        );
        let keep = keep.bind(id).bind(number).bind(now.to_string()).bind(&by.name).bind(text);
        self.execute(keep).await.map(|_| ())
    }
}
