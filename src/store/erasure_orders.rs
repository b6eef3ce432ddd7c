//! Orders to take personal values out of the log, and what became of each in the log of each node.
//!
//! Always holds: an order is kept with its log entry; whom it is about is forgotten with the last log
//! that is done with it, and an order that has forgotten whom it was about can be carried out no more.

use jiff::Timestamp;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::readable;
use super::outbox::{ChangeAction, ChangeEvent};
use super::words::words;
use super::{Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::Actor;

/// So many orders of an organisation are listed.
const MOST_LISTED: i64 = 500;

words! {
    /// How far an order has come in one log.
    PartState {
        /// It waits for the node.
        Waiting = "waiting",
        /// The node carries it out.
        UnderWay = "under_way",
        /// It is carried out.
        Done = "done",
    }
}

/// Whom an order is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// Everybody.
    Everybody,
    /// One person, by all the names they have in the log.
    Person(Vec<String>),
    /// One person, whose names are forgotten: every log is done with it.
    Forgotten,
}

impl About {
    /// `everybody` or `one_person`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Everybody => "everybody",
            Self::Person(_) | Self::Forgotten => "one_person",
        }
    }

    /// The names, as long as they are known.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::Person(names) => names,
            Self::Everybody | Self::Forgotten => &[],
        }
    }
}

/// What is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureWish {
    /// Whether the values go for good; else pseudonyms stand in their place.
    pub removes: bool,
    /// Whose values.
    pub about: About,
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub before: Option<Timestamp>,
    /// The word for why.
    pub why: String,
    /// The number of a case that says more.
    pub case: Option<String>,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasureOrder {
    /// Its name, here and in the log.
    pub id: Uuid,
    /// In whose entries.
    pub organization: String,
    /// What is ordered.
    pub wish: ErasureWish,
    /// When it was given.
    pub given: Timestamp,
    /// By whom.
    pub by: Actor,
    /// What became of it, by log.
    pub parts: Vec<ErasurePart>,
}

impl ErasureOrder {
    /// How far the slowest log has come.
    #[must_use]
    pub fn state(&self) -> PartState {
        let all = |state| self.parts.iter().all(|part| part.state == state);
        if all(PartState::Done) {
            PartState::Done
        } else if all(PartState::Waiting) {
            PartState::Waiting
        } else {
            PartState::UnderWay
        }
    }

    /// How many entries were changed so far.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.parts.iter().map(|part| part.entries).sum()
    }
}

/// What became of an order in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasurePart {
    /// What the log is called.
    pub log: String,
    /// How far it has come.
    pub state: PartState,
    /// So many files are looked through.
    pub looked_at: u64,
    /// Of so many.
    pub segments: u64,
    /// So many entries are changed.
    pub entries: u64,
    /// So many files could not be changed.
    pub refused: u64,
    /// Why it has not gone on.
    pub problem: Option<String>,
    /// When something last happened.
    pub changed: Timestamp,
}

impl Store {
    /// Keeps an order with its log entry, for each of these logs. No where there is one of this name
    /// already.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn give_erasure_order(
        &self,
        (organization, id): (&OrganizationId, Uuid),
        wish: &ErasureWish,
        logs: &[String],
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let names = match &wish.about {
            About::Person(names) => Some(serde_json::json!(names).to_string()),
            About::Everybody | About::Forgotten => None,
        };
        let keep = sqlx::query(
            "INSERT INTO erasure_orders (id, organization, removes, about, names, since, before,
                                         why, case_number, given, given_by, given_as)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.to_string())
        .bind(organization.as_str())
        .bind(i64::from(wish.removes))
        .bind(wish.about.word())
        .bind(names)
        .bind(wish.since.map(|at| at.to_string()))
        .bind(wish.before.map(|at| at.to_string()))
        .bind(wish.why.as_str())
        .bind(wish.case.as_deref())
        .bind(now.to_string())
        .bind(by.name.as_str())
        .bind(by.operating_system_user.as_deref());
        if change.execute(keep).await? == 0 {
            return Ok(false);
        }
        for log in logs {
            let part = sqlx::query(
                "INSERT INTO erasure_parts (erasure_order, log, state, looked_at, segments, entries,
                                            refused, problem, changed)
                 VALUES ($1, $2, $3, 0, 0, 0, 0, NULL, $4)",
            );
            let part = part.bind(id.to_string()).bind(log).bind(PartState::Waiting.word());
            change.execute(part.bind(now.to_string())).await?;
        }
        change.announce(&told(organization, id, wish, by), now).await?;
        change.commit().await?;
        Ok(true)
    }

    /// The orders of an organisation, newest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn erasure_orders(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<ErasureOrder>, StoreError> {
        let asked = "SELECT * FROM erasure_orders WHERE organization = $1 ORDER BY given DESC, id DESC LIMIT $2";
        let parts = "SELECT * FROM erasure_parts WHERE erasure_order IN
                         (SELECT id FROM erasure_orders WHERE organization = $1) ORDER BY log";
        let mut reading = self.reading().await?;
        let asked = sqlx::query(asked).bind(organization.as_str()).bind(MOST_LISTED);
        let orders = reading.rows(asked).await?;
        let parts = reading.rows(sqlx::query(parts).bind(organization.as_str())).await?;
        reading.done().await?;
        orders.iter().map(|row| self.read_erasure_order(row, &parts)).collect()
    }

    /// The order of this name in an organisation.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn erasure_order(
        &self,
        organization: &OrganizationId,
        id: Uuid,
    ) -> Result<Option<ErasureOrder>, StoreError> {
        let mut reading = self.reading().await?;
        let asked = sqlx::query("SELECT * FROM erasure_orders WHERE organization = $1 AND id = $2");
        let order = reading.rows(asked.bind(organization.as_str()).bind(id.to_string())).await?;
        let parts = "SELECT * FROM erasure_parts WHERE erasure_order = $1 ORDER BY log";
        let parts = reading.rows(sqlx::query(parts).bind(id.to_string())).await?;
        reading.done().await?;
        order.first().map(|row| self.read_erasure_order(row, &parts)).transpose()
    }

    /// The orders with which this log is not done, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn open_erasure_orders(&self, log: &str) -> Result<Vec<ErasureOrder>, StoreError> {
        let asked = "SELECT * FROM erasure_orders WHERE id IN
                         (SELECT erasure_order FROM erasure_parts WHERE log = $1 AND state <> $2)
                     ORDER BY given, id";
        let parts = "SELECT * FROM erasure_parts WHERE log = $1 AND state <> $2";
        let mut reading = self.reading().await?;
        let bound = |text| sqlx::query(text).bind(log.to_owned()).bind(PartState::Done.word());
        let orders = reading.rows(bound(asked)).await?;
        let parts = reading.rows(bound(parts)).await?;
        reading.done().await?;
        // One that cannot be read keeps no other from being carried out.
        Ok(readable(orders.iter().map(|row| self.read_erasure_order(row, &parts))))
    }

    /// Keeps how far an order has come in one log. With the last that is done it is forgotten whom the
    /// order was about.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn erasure_part(&self, id: Uuid, part: &ErasurePart) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let keep = sqlx::query(
            "UPDATE erasure_parts SET state = $3, looked_at = $4, segments = $5, entries = $6,
                    refused = $7, problem = $8, changed = $9
             WHERE erasure_order = $1 AND log = $2",
        )
        .bind(id.to_string())
        .bind(part.log.as_str())
        .bind(part.state.word())
        .bind(number(part.looked_at))
        .bind(number(part.segments))
        .bind(number(part.entries))
        .bind(number(part.refused))
        .bind(part.problem.as_deref())
        .bind(part.changed.to_string());
        change.execute(keep).await?;
        if part.state == PartState::Done {
            let forget = "UPDATE erasure_orders SET names = NULL WHERE id = $1 AND NOT EXISTS
                (SELECT 1 FROM erasure_parts WHERE erasure_order = $1 AND state <> $2)";
            let forget = sqlx::query(forget).bind(id.to_string()).bind(PartState::Done.word());
            change.execute(forget).await?;
        }
        change.commit_quietly().await
    }

    fn read_erasure_order(
        &self,
        row: &AnyRow,
        parts: &[AnyRow],
    ) -> Result<ErasureOrder, StoreError> {
        let id = self.text(row, "id")?;
        let unreadable = |what| self.unreadable(what, &id);
        let maybe_instant = |column| {
            let text = self.maybe_text(row, column)?;
            text.map(|text| self.timestamp(&text)).transpose()
        };
        let names = self.maybe_text(row, "names")?;
        let about = match (self.text(row, "about")?.as_str(), names) {
            ("everybody", None) => About::Everybody,
            ("one_person", None) => About::Forgotten,
            ("one_person", Some(names)) => About::Person(
                serde_json::from_str(&names).map_err(|_| unreadable("names of a person"))?,
            ),
            _ => return Err(unreadable("whom an order is about")),
        };
        let mut own = Vec::new();
        for part in parts {
            if self.text(part, "erasure_order")? == id {
                own.push(self.read_erasure_part(part)?);
            }
        }
        Ok(ErasureOrder {
            id: id.parse().map_err(|_| unreadable("the name of an order"))?,
            organization: self.text(row, "organization")?,
            wish: ErasureWish {
                removes: self.integer(row, "removes")? != 0,
                about,
                since: maybe_instant("since")?,
                before: maybe_instant("before")?,
                why: self.text(row, "why")?,
                case: self.maybe_text(row, "case_number")?,
            },
            given: self.instant(row, "given")?,
            by: Actor {
                name: self.text(row, "given_by")?,
                operating_system_user: self.maybe_text(row, "given_as")?,
            },
            parts: own,
        })
    }

    fn read_erasure_part(&self, row: &AnyRow) -> Result<ErasurePart, StoreError> {
        let state = self.text(row, "state")?;
        let number = |column| {
            let number = self.integer(row, column)?;
            Ok::<_, StoreError>(u64::try_from(number).unwrap_or(0))
        };
        Ok(ErasurePart {
            log: self.text(row, "log")?,
            state: PartState::from_word(&state)
                .ok_or_else(|| self.unreadable("the state of an order", &state))?,
            looked_at: number("looked_at")?,
            segments: number("segments")?,
            entries: number("entries")?,
            refused: number("refused")?,
            problem: self.maybe_text(row, "problem")?,
            changed: self.instant(row, "changed")?,
        })
    }
}

/// Never whom it is about: the entry stays when the person's are gone.
fn told(organization: &OrganizationId, id: Uuid, wish: &ErasureWish, by: &Actor) -> ChangeEvent {
    let what = if wish.removes { "remove" } else { "pseudonymise" };
    let mut event = ChangeEvent::about_log(ChangeAction::ErasureOrdered, by)
        .of(organization)
        .detail("order", id)
        .detail("what", what)
        .detail("why", &wish.why)
        .detail("about", wish.about.word());
    for (key, value) in [
        ("since", wish.since.map(|at| at.to_string())),
        ("until", wish.before.map(|at| at.to_string())),
        ("case", wish.case.clone()),
    ] {
        if let Some(value) = value {
            event = event.detail(key, value);
        }
    }
    event
}
