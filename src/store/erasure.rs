//! What the erasing of the log keeps here: halves of keys, what the index has still to be told, who
//! asked for whom a pseudonym stands.

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::outbox::{ChangeAction, ChangeEvent};
use super::{By, KEY_LENGTH, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::{Actor, Person};

/// Half of a key.
pub type Half = Zeroizing<[u8; KEY_LENGTH]>;

/// For so long a question waits for the other person.
const WAITS: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Somebody asked whom a pseudonym stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reidentification {
    /// Its name.
    pub id: String,
    /// In which organisation.
    pub organization: String,
    /// The pseudonym, or the reference of an entry.
    pub wanted: String,
    /// Why.
    pub reason: String,
    /// When it was asked.
    pub asked: Timestamp,
    /// By whom.
    pub asked_by: Actor,
    /// Whom a provider has proven that to be; none on the command line.
    pub asked_person: Option<String>,
    /// When and by whom it was answered.
    pub answered: Option<(Timestamp, Actor)>,
}

impl Reidentification {
    /// Whether it waits for the other person no longer.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.answered.is_some() || now.duration_since(self.asked) > WAITS
    }

    /// Whether this is the person who asked, whatever name they go by now.
    #[must_use]
    pub fn is_asked_by(&self, person: &Person) -> bool {
        self.asked_person.as_deref() == Some(written(person).as_str())
    }
}

fn written(person: &Person) -> String {
    format!("{}/{}/{}", person.organization(), person.provider(), person.subject())
}

impl Store {
    /// The halves for the log of this name, by month.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn pseudonym_halves(&self, log: &str) -> Result<Vec<(String, Half)>, StoreError> {
        let asked = "SELECT period, half FROM pseudonym_halves WHERE log = $1 ORDER BY period";
        let rows = self.rows(sqlx::query(asked).bind(log)).await?;
        rows.iter()
            .map(|row| {
                let text = Zeroizing::new(self.text(row, "half")?);
                let mut half = Zeroizing::new([0; KEY_LENGTH]);
                hex::decode_to_slice(text.as_str(), half.as_mut_slice())
                    .map_err(|_| self.unreadable("half of a key", ""))?;
                Ok((self.text(row, "period")?, half))
            })
            .collect()
    }

    /// Keeps a half, unless there is one already.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn keep_pseudonym_half(
        &self,
        log: &str,
        period: &str,
        half: &Half,
    ) -> Result<(), StoreError> {
        let text = Zeroizing::new(hex::encode(half.as_slice()));
        let mut change = self.begin().await?;
        let keep = "INSERT INTO pseudonym_halves (log, period, half) VALUES ($1, $2, $3)
                    ON CONFLICT (log, period) DO NOTHING";
        change.execute(sqlx::query(keep).bind(log).bind(period).bind(text.as_str())).await?;
        change.commit_quietly().await
    }

    /// Removes a half: nobody opens that month's pseudonyms any more.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be removed.
    pub async fn drop_pseudonym_half(&self, log: &str, period: &str) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let gone = "DELETE FROM pseudonym_halves WHERE log = $1 AND period = $2";
        change.execute(sqlx::query(gone).bind(log).bind(period)).await?;
        change.commit_quietly().await
    }

    /// Notes that a segment is about to be written anew, so that the index is told of it whatever
    /// happens to this process.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be noted.
    pub async fn note_segment(
        &self,
        log: &str,
        chain: &str,
        segment: u64,
    ) -> Result<(), StoreError> {
        let note = "INSERT INTO segments_to_tell (log, chain, segment) VALUES ($1, $2, $3)
                    ON CONFLICT (log, chain, segment) DO NOTHING";
        self.about_segment(note, log, chain, segment).await
    }

    /// The index has been told of it.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be noted.
    pub async fn segment_is_told(
        &self,
        log: &str,
        chain: &str,
        segment: u64,
    ) -> Result<(), StoreError> {
        let gone = "DELETE FROM segments_to_tell WHERE log = $1 AND chain = $2 AND segment = $3";
        self.about_segment(gone, log, chain, segment).await
    }

    async fn about_segment(
        &self,
        asked: &'static str,
        log: &str,
        chain: &str,
        segment: u64,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let segment = i64::try_from(segment).unwrap_or(i64::MAX);
        change.execute(sqlx::query(asked).bind(log).bind(chain).bind(segment)).await?;
        change.commit_quietly().await
    }

    /// The segments that the index has still to be told of.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn segments_to_tell(&self, log: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let asked = "SELECT chain, segment FROM segments_to_tell WHERE log = $1";
        let rows = self.rows(sqlx::query(asked).bind(log)).await?;
        rows.iter()
            .map(|row| {
                let segment = self.integer(row, "segment")?;
                Ok((self.text(row, "chain")?, u64::try_from(segment).unwrap_or(0)))
            })
            .collect()
    }

    /// Keeps a question, with its log entry. Gives its name.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn ask_reidentification(
        &self,
        organization: &OrganizationId,
        wanted: &str,
        reason: &str,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<String, StoreError> {
        let by = by.into();
        let (person, by) = (by.person().map(written), by.actor());
        let id = Uuid::now_v7().to_string();
        let mut change = self.begin().await?;
        let keep = "INSERT INTO reidentifications
                        (id, organization, wanted, reason, asked, asked_by, asked_as, asked_person)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let keep = sqlx::query(keep).bind(id.as_str()).bind(organization.as_str()).bind(wanted);
        let keep = keep.bind(reason).bind(now.to_string()).bind(by.name.as_str());
        change.execute(keep.bind(by.operating_system_user.as_deref()).bind(person)).await?;
        let event = ChangeEvent::about_log(ChangeAction::ReidentificationAsked, by)
            .of(organization)
            .detail("question", &id);
        change.announce(&event, now).await?;
        change.commit_quietly().await?;
        Ok(id)
    }

    /// The questions of an organisation, newest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn reidentifications(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<Reidentification>, StoreError> {
        let asked = "SELECT * FROM reidentifications WHERE organization = $1 ORDER BY id DESC";
        let rows = self.rows(sqlx::query(asked).bind(organization.as_str())).await?;
        rows.iter().map(|row| self.reidentification_of(row)).collect()
    }

    /// The question of this name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn reidentification(&self, id: &str) -> Result<Option<Reidentification>, StoreError> {
        let asked = "SELECT * FROM reidentifications WHERE id = $1";
        let row = self.row(sqlx::query(asked).bind(id)).await?;
        row.map(|row| self.reidentification_of(&row)).transpose()
    }

    /// Keeps that a question is answered, with its log entry. No where somebody has been faster.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept; nothing may be shown then.
    pub async fn answer_reidentification(
        &self,
        question: &Reidentification,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let keep = "UPDATE reidentifications SET answered = $1, answered_by = $2, answered_as = $3
                    WHERE id = $4 AND answered IS NULL";
        let keep = sqlx::query(keep).bind(now.to_string()).bind(by.name.as_str());
        let keep = keep.bind(by.operating_system_user.as_deref()).bind(question.id.as_str());
        if change.execute(keep).await? == 0 {
            return Ok(false);
        }
        let mut event = ChangeEvent::about_log(ChangeAction::Reidentified, by)
            .detail("question", &question.id)
            .detail("asked", question.asked.to_string());
        event.organization.clone_from(&question.organization);
        event.target.clone_from(&question.wanted);
        change.announce(&event, now).await?;
        change.commit_quietly().await?;
        Ok(true)
    }

    /// Puts an entry for the log into the outbox that belongs to no other change.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn tell_log(&self, event: &ChangeEvent, now: Timestamp) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        change.announce(event, now).await?;
        change.commit_quietly().await
    }

    fn reidentification_of(&self, row: &AnyRow) -> Result<Reidentification, StoreError> {
        let answered = match self.maybe_text(row, "answered")? {
            None => None,
            Some(_) => Some((
                self.instant(row, "answered")?,
                Actor {
                    name: self.text(row, "answered_by")?,
                    operating_system_user: self.maybe_text(row, "answered_as")?,
                },
            )),
        };
        Ok(Reidentification {
            id: self.text(row, "id")?,
            organization: self.text(row, "organization")?,
            wanted: self.text(row, "wanted")?,
            reason: self.text(row, "reason")?,
            asked: self.instant(row, "asked")?,
            asked_by: Actor {
                name: self.text(row, "asked_by")?,
                operating_system_user: self.maybe_text(row, "asked_as")?,
            },
            asked_person: self.maybe_text(row, "asked_person")?,
            answered,
        })
    }
}
