//! What was seen of an exemption's use, and what of it looked odd.
//!
//! Always holds: nothing here changes an exemption; a flag is there once for each kind and day, and
//! comes with its log entry, and with the message to the traveller where there is one, in the same
//! transaction. What is judged and what is kept is one transaction, so that nodes see each other's.

use jiff::Timestamp;
use jiff::civil::Date;

use super::words::words;
use super::{ChangeAction, ChangeEvent, NoticeDetails, NoticeKind, Store, StoreError};
use crate::policy::{Actor, ExemptionId, TravelExemption};

words! {
    /// A way in which a use looks odd.
    OddUse {
        /// From another country than before.
        SecondCountry = "second_country",
        /// From home and from abroad within the hour.
        HomeAndAbroad = "home_and_abroad",
        /// With a device that was not seen before.
        NewDevice = "new_device",
        /// After the traveller had said to be home again.
        AfterHomeAgain = "after_home_again",
        /// Not at all, when the journey was over.
        NeverUsed = "never_used",
    }
}

words! {
    /// Which thing was seen.
    Aspect {
        /// The country of exempt access.
        Country = "country",
        /// The country of access from home.
        Home = "home",
        /// The device of either.
        Device = "device",
    }
}

/// One thing that was seen of a use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which thing.
    pub aspect: Aspect,
    /// What it was.
    pub value: String,
    /// When it was seen first.
    pub first: Timestamp,
    /// When it was seen last.
    pub last: Timestamp,
}

/// Something that looks odd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// In which way.
    pub kind: OddUse,
    /// What exactly, in a few words without anything personal.
    pub detail: String,
    /// Where the traveller was not expected: there goes a message.
    pub unexpected: Option<String>,
}

/// A flag as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagRecord {
    /// In which way.
    pub kind: OddUse,
    /// The organisation's day.
    pub day: Date,
    /// When.
    pub at: Timestamp,
    /// What exactly.
    pub detail: String,
}

impl Store {
    /// Keeps what was seen of one use at `at`, and the flags that `judge` makes of what was known
    /// before. Gives the flags that are new.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn note_use(
        &self,
        exemption: &TravelExemption,
        seen: &[(Aspect, String)],
        (at, day): (Timestamp, Date),
        judge: impl FnOnce(&[Seen]) -> Vec<Flag>,
    ) -> Result<Vec<OddUse>, StoreError> {
        let mut change = self.begin().await?;
        let known = sqlx::query(
            "SELECT aspect, value, first_at, last_at FROM odd_use_seen WHERE exemption = $1",
        )
        .bind(exemption.id.as_str());
        let known: Vec<Seen> = change
            .rows(known)
            .await?
            .iter()
            .map(|row| self.read_seen(row))
            .collect::<Result<_, _>>()?;
        for (aspect, value) in seen {
            let before = known.iter().find(|one| one.aspect == *aspect && one.value == *value);
            let (first, last) =
                before.map_or((at, at), |one| (one.first.min(at), one.last.max(at)));
            let keep = sqlx::query(
                "INSERT INTO odd_use_seen (exemption, aspect, value, first_at, last_at)
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (exemption, aspect, value)
                 DO UPDATE SET first_at = excluded.first_at, last_at = excluded.last_at",
            )
            .bind(exemption.id.as_str())
            .bind(aspect.word())
            .bind(value)
            .bind(first.to_string())
            .bind(last.to_string());
            change.execute(keep).await?;
        }
        let mut new = Vec::new();
        for flag in judge(&known) {
            if change.flag(exemption, &flag, at, day).await? {
                new.push(flag.kind);
            }
        }
        change.commit_quietly().await?;
        Ok(new)
    }

    /// What looked odd about an exemption's use, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn odd_use(&self, exemption: &ExemptionId) -> Result<Vec<FlagRecord>, StoreError> {
        let asked = sqlx::query(
            "SELECT kind, day, at, detail FROM odd_use_flags WHERE exemption = $1
             ORDER BY day, kind",
        )
        .bind(exemption.as_str());
        let rows = self.rows(asked).await?;
        rows.iter()
            .map(|row| {
                let (kind, day) = (self.text(row, "kind")?, self.text(row, "day")?);
                Ok(FlagRecord {
                    kind: OddUse::from_word(&kind)
                        .ok_or_else(|| self.unreadable("a kind of odd use", &kind))?,
                    day: day.parse().map_err(|_| self.unreadable("a day", &day))?,
                    at: self.instant(row, "at")?,
                    detail: self.text(row, "detail")?,
                })
            })
            .collect()
    }

    /// Since when uses are seen at all; the first who asks says since now.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub async fn uses_seen_since(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let mut change = self.begin().await?;
        let begin = sqlx::query(
            "INSERT INTO meta (name, value) VALUES ('uses_seen_since', $1)
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(now.as_second());
        change.execute(begin).await?;
        let asked = sqlx::query("SELECT value FROM meta WHERE name = 'uses_seen_since'");
        let rows = change.rows(asked).await?;
        change.commit_quietly().await?;
        let seconds = rows.first().map(|row| self.integer(row, "value")).transpose()?;
        Ok(seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(now))
    }

    fn read_seen(&self, row: &sqlx::any::AnyRow) -> Result<Seen, StoreError> {
        let aspect = self.text(row, "aspect")?;
        Ok(Seen {
            aspect: Aspect::from_word(&aspect)
                .ok_or_else(|| self.unreadable("what was seen of a use", &aspect))?,
            value: self.text(row, "value")?,
            first: self.instant(row, "first_at")?,
            last: self.instant(row, "last_at")?,
        })
    }
}

impl super::Change {
    /// Whether the flag is new.
    async fn flag(
        &mut self,
        exemption: &TravelExemption,
        flag: &Flag,
        at: Timestamp,
        day: Date,
    ) -> Result<bool, StoreError> {
        let keep = sqlx::query(
            "INSERT INTO odd_use_flags (exemption, kind, day, at, detail)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (exemption, kind, day) DO NOTHING",
        )
        .bind(exemption.id.as_str())
        .bind(flag.kind.word())
        .bind(day.to_string())
        .bind(at.to_string())
        .bind(&flag.detail);
        if self.execute(keep).await? == 0 {
            return Ok(false);
        }
        let by = Actor { name: "geovagt".to_owned(), operating_system_user: None };
        let (organization, traveller) = (&exemption.organization, &exemption.user_name);
        let event = ChangeEvent::new(ChangeAction::OddUse, organization, traveller, &by);
        self.announce(&event.about(&exemption.id).word(flag.kind.word()), at).await?;
        if let Some(territory) = &flag.unexpected {
            let details = NoticeDetails {
                territory: Some(territory.clone()),
                at: Some(at),
                ..NoticeDetails::default()
            };
            let occasion = format!("{day} {territory}");
            self.notify(&exemption.id, NoticeKind::UnexpectedCountry, &occasion, &details, at)
                .await?;
        }
        Ok(true)
    }
}
