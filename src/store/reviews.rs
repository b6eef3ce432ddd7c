//! The planned review of the log: plans, draws, what was found.
//!
//! Always holds: an organisation has one open review at most; its seed is in the log before anything
//! is drawn by it, and is drawn by once; every judgement comes with its log entry.

use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::any::AnyRow;

use super::words::words;
use super::{Change, ChangeAction, ChangeEvent, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::log_review::{Drawn, Period, Plan};
use crate::policy::Actor;

words! {
    /// What a reviewer found of an entry.
    Outcome {
        /// As it should be.
        InOrder = "in_order",
        /// Somebody was rejected who should not have been.
        WronglyRejected = "wrongly_rejected",
        /// Somebody should look into it.
        LookCloser = "look_closer",
        /// It belongs into a breach file.
        Incident = "incident",
    }
}

/// A review to begin.
#[derive(Debug, Clone)]
pub struct NewReview<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whose log.
    pub organization: &'a OrganizationId,
    /// Which days.
    pub period: Period,
    /// When it is due.
    pub due: Date,
    /// What it is drawn by.
    pub seed: [u8; 32],
    /// How many entries are to be drawn.
    pub sample: u16,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Its id.
    pub id: String,
    /// Which days.
    pub period: Period,
    /// When it is due.
    pub due: Date,
    /// What it is drawn by, in hexadecimal digits.
    pub seed: String,
    /// How many entries were to be drawn.
    pub sample: u16,
    /// From among how many was drawn; none: nothing has been drawn yet.
    pub population: Option<u64>,
    /// When it began.
    pub drawn: Timestamp,
    /// Who began it.
    pub drawn_by: String,
    /// When the last entry was judged.
    pub finished: Option<Timestamp>,
    /// What was drawn.
    pub items: Vec<ReviewItem>,
}

/// One drawn entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewItem {
    /// Its place in the draw, from 1.
    pub place: u32,
    /// The entry's id.
    pub entry: String,
    /// What somebody found.
    pub outcome: Option<Outcome>,
    /// What they wrote beside it.
    pub note: Option<String>,
    /// Who.
    pub reviewer: Option<String>,
    /// When.
    pub decided: Option<Timestamp>,
}

/// Why a review does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// Another is under way.
    #[error("a review is open; finish that one first")]
    Open,
    /// These days have been drawn from.
    #[error("these days have been drawn from before")]
    Drawn,
    /// There is none such.
    #[error("there is no such review, or no such entry in it")]
    Unknown,
    /// It is over.
    #[error("the review is finished; what was found stays as it is")]
    Finished,
    /// The store failed.
    #[error("the review could not be kept")]
    Store(#[from] StoreError),
}

impl Store {
    /// How the organisation plans its reviews.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn review_plan(
        &self,
        organization: &OrganizationId,
    ) -> Result<Option<Plan>, StoreError> {
        let asked = sqlx::query(
            "SELECT starts, every_days, sample, within_days FROM review_plans
             WHERE organization = $1",
        )
        .bind(organization.as_str());
        let Some(row) = self.row(asked).await? else { return Ok(None) };
        Ok(Some(Plan {
            starts: self.day(&row, "starts")?,
            every_days: self.small(&row, "every_days")?,
            sample: self.small(&row, "sample")?,
            within_days: self.small(&row, "within_days")?,
        }))
    }

    /// Plans anew.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn set_review_plan(
        &self,
        organization: &OrganizationId,
        plan: &Plan,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let keep = sqlx::query(
            "INSERT INTO review_plans
                 (organization, starts, every_days, sample, within_days, changed, changed_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (organization) DO UPDATE SET
                 starts = excluded.starts, every_days = excluded.every_days,
                 sample = excluded.sample, within_days = excluded.within_days,
                 changed = excluded.changed, changed_by = excluded.changed_by",
        )
        .bind(organization.as_str())
        .bind(plan.starts.to_string())
        .bind(i64::from(plan.every_days))
        .bind(i64::from(plan.sample))
        .bind(i64::from(plan.within_days))
        .bind(now.to_string())
        .bind(&by.name);
        change.execute(keep).await?;
        let event = reviewed(organization, by, "planned")
            .detail("starts", plan.starts)
            .detail("every_days", plan.every_days)
            .detail("sample", plan.sample)
            .detail("within_days", plan.within_days);
        change.announce(&event, now).await?;
        change.commit().await
    }

    /// Every review of the organisation, newest first, without what was drawn.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn reviews(&self, organization: &OrganizationId) -> Result<Vec<Review>, StoreError> {
        let asked = "SELECT * FROM reviews WHERE organization = $1 ORDER BY day_from DESC";
        let rows = self.rows(sqlx::query(asked).bind(organization.as_str())).await?;
        rows.iter().map(|row| self.read_review(row, Vec::new())).collect()
    }

    /// One review with what was drawn.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn review(
        &self,
        organization: &OrganizationId,
        id: &str,
    ) -> Result<Option<Review>, StoreError> {
        let mut reading = self.reading().await?;
        let review = sqlx::query("SELECT * FROM reviews WHERE organization = $1 AND id = $2")
            .bind(organization.as_str())
            .bind(id);
        let rows = reading.rows(review).await?;
        let items = sqlx::query("SELECT * FROM review_items WHERE review = $1 ORDER BY place");
        let items = reading.rows(items.bind(id)).await?;
        reading.done().await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let items = items.iter().map(|row| self.read_item(row)).collect::<Result<_, _>>()?;
        self.read_review(row, items).map(Some)
    }

    /// Begins a review: the seed is kept and told to the log before anything is drawn by it.
    ///
    /// # Errors
    /// [`ReviewError::Open`], [`ReviewError::Drawn`], or the store's.
    pub async fn begin_review(
        &self,
        new: &NewReview<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), ReviewError> {
        let mut change = self.begin().await?;
        let others = sqlx::query("SELECT day_from, finished FROM reviews WHERE organization = $1");
        for row in change.rows(others.bind(new.organization.as_str())).await? {
            if self.maybe_text(&row, "finished")?.is_none() {
                return Err(ReviewError::Open);
            }
            if self.day(&row, "day_from")? == new.period.from {
                return Err(ReviewError::Drawn);
            }
        }
        let seed = hex::encode(new.seed);
        let keep = sqlx::query(
            "INSERT INTO reviews
                 (id, organization, day_from, day_until, due, seed, sample, drawn, drawn_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(new.id)
        .bind(new.organization.as_str())
        .bind(new.period.from.to_string())
        .bind(new.period.until.to_string())
        .bind(new.due.to_string())
        .bind(&seed)
        .bind(i64::from(new.sample))
        .bind(now.to_string())
        .bind(&by.name);
        change.execute(keep).await?;
        let event = reviewed(new.organization, by, "begun")
            .detail("review", new.id)
            .detail("from", new.period.from)
            .detail("until", new.period.last())
            .detail("sample", new.sample)
            .detail("seed", &seed);
        change.announce(&event, now).await?;
        change.commit().await?;
        Ok(())
    }

    /// Keeps what was drawn, once. Says whether this was the draw that counts.
    ///
    /// # Errors
    /// [`ReviewError::Unknown`], or the store's.
    pub async fn fill_review(
        &self,
        organization: &OrganizationId,
        id: &str,
        drawn: &Drawn,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, ReviewError> {
        let mut change = self.begin().await?;
        let population = i64::try_from(drawn.population).unwrap_or(i64::MAX);
        let finished = drawn.chosen.is_empty().then(|| now.to_string());
        let fill = sqlx::query(
            "UPDATE reviews SET population = $1, finished = $2
             WHERE organization = $3 AND id = $4 AND population IS NULL",
        )
        .bind(population)
        .bind(finished)
        .bind(organization.as_str())
        .bind(id);
        if change.execute(fill).await? == 0 {
            return match self.review(organization, id).await? {
                Some(_) => Ok(false),
                None => Err(ReviewError::Unknown),
            };
        }
        for (place, entry) in (1_i64..).zip(&drawn.chosen) {
            let keep =
                sqlx::query("INSERT INTO review_items (review, place, entry) VALUES ($1, $2, $3)");
            change.execute(keep.bind(id).bind(place).bind(entry.to_string())).await?;
        }
        let event = reviewed(organization, by, "drawn")
            .detail("review", id)
            .detail("population", drawn.population)
            .detail("drawn", drawn.chosen.len());
        change.announce(&event, now).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Keeps what somebody found of an entry. With the last one the review is finished; says whether
    /// it is.
    ///
    /// # Errors
    /// [`ReviewError::Unknown`], [`ReviewError::Finished`], or the store's.
    pub async fn judge(
        &self,
        (organization, id, place): (&OrganizationId, &str, u32),
        (outcome, note): (Outcome, Option<&str>),
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, ReviewError> {
        let mut change = self.begin().await?;
        let review =
            sqlx::query("SELECT finished FROM reviews WHERE organization = $1 AND id = $2");
        let rows = change.rows(review.bind(organization.as_str()).bind(id)).await?;
        let row = rows.first().ok_or(ReviewError::Unknown)?;
        if self.maybe_text(row, "finished")?.is_some() {
            return Err(ReviewError::Finished);
        }
        let keep = sqlx::query(
            "UPDATE review_items SET outcome = $1, note = $2, reviewer = $3, decided = $4
             WHERE review = $5 AND place = $6",
        )
        .bind(outcome.word())
        .bind(note)
        .bind(&by.name)
        .bind(now.to_string())
        .bind(id)
        .bind(i64::from(place));
        if change.execute(keep).await? == 0 {
            return Err(ReviewError::Unknown);
        }
        let mut event = reviewed(organization, by, outcome.word()).detail("review", id);
        event =
            event.detail("place", place).detail("entry", change.entry_at(self, id, place).await?);
        change.announce(&event, now).await?;
        let finished = change.finish_review(organization, id, by, now).await?;
        change.commit().await?;
        Ok(finished)
    }

    fn read_review(&self, row: &AnyRow, items: Vec<ReviewItem>) -> Result<Review, StoreError> {
        let finished = self.maybe_text(row, "finished")?;
        let population: Option<i64> =
            sqlx::Row::try_get(row, "population").map_err(|error| self.fault(error))?;
        Ok(Review {
            id: self.text(row, "id")?,
            period: Period { from: self.day(row, "day_from")?, until: self.day(row, "day_until")? },
            due: self.day(row, "due")?,
            seed: self.text(row, "seed")?,
            sample: self.small(row, "sample")?,
            population: population.and_then(|population| u64::try_from(population).ok()),
            drawn: self.instant(row, "drawn")?,
            drawn_by: self.text(row, "drawn_by")?,
            finished: finished.map(|text| self.timestamp(&text)).transpose()?,
            items,
        })
    }

    fn read_item(&self, row: &AnyRow) -> Result<ReviewItem, StoreError> {
        let outcome = self.maybe_text(row, "outcome")?;
        let decided = self.maybe_text(row, "decided")?;
        let outcome = outcome.map(|word| {
            Outcome::from_word(&word).ok_or_else(|| self.unreadable("what was found", &word))
        });
        Ok(ReviewItem {
            place: u32::from(self.small(row, "place")?),
            entry: self.text(row, "entry")?,
            outcome: outcome.transpose()?,
            note: self.maybe_text(row, "note")?,
            reviewer: self.maybe_text(row, "reviewer")?,
            decided: decided.map(|text| self.timestamp(&text)).transpose()?,
        })
    }

    fn day(&self, row: &AnyRow, column: &str) -> Result<Date, StoreError> {
        let text = self.text(row, column)?;
        text.parse().map_err(|_| self.unreadable("a day", &text))
    }

    fn small(&self, row: &AnyRow, column: &str) -> Result<u16, StoreError> {
        let value = self.integer(row, column)?;
        u16::try_from(value).map_err(|_| self.unreadable("a small number", &value.to_string()))
    }
}

impl Change {
    async fn entry_at(
        &mut self,
        store: &Store,
        id: &str,
        place: u32,
    ) -> Result<String, StoreError> {
        let asked = sqlx::query("SELECT entry FROM review_items WHERE review = $1 AND place = $2");
        let rows = self.rows(asked.bind(id).bind(i64::from(place))).await?;
        rows.first().map_or(Ok(String::new()), |row| store.text(row, "entry"))
    }

    /// Finishes the review where nothing is left to judge.
    async fn finish_review(
        &mut self,
        organization: &OrganizationId,
        id: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let left =
            sqlx::query("SELECT place FROM review_items WHERE review = $1 AND outcome IS NULL");
        if !self.rows(left.bind(id)).await?.is_empty() {
            return Ok(false);
        }
        let finish = sqlx::query("UPDATE reviews SET finished = $1 WHERE id = $2");
        self.execute(finish.bind(now.to_string()).bind(id)).await?;
        let event = reviewed(organization, by, "finished").detail("review", id);
        self.announce(&event, now).await?;
        Ok(true)
    }
}

fn reviewed(organization: &OrganizationId, by: &Actor, word: &'static str) -> ChangeEvent {
    ChangeEvent::about_log(ChangeAction::LogReviewed, by).of(organization).word(word)
}
