//! What people show beside their password: secrets of code generators, and passkeys.

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

use super::words::words;
use super::{ChangeAction, ChangeEvent, Store, StoreError};
use crate::policy::{Actor, Person, UserName};

/// So many passkeys one person has at most.
pub const MOST_PASSKEYS: usize = 10;
/// So many wrong codes a person may show, and then waits.
const AT_ONCE: i64 = 10;
/// So long after the first so many, and twice as long after each that follow.
const FIRST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// And never longer: whoever knows a password shuts its owner out so long.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(4);
/// After so long without any the wrong ones are forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);

words! {
    /// What it is.
    FactorKind {
        /// A secret that a phone makes codes from.
        Totp = "totp",
        /// A key that a device holds.
        Passkey = "passkey",
    }
}

/// One second factor of a person.
#[derive(Clone, PartialEq, Eq)]
pub struct SecondFactorRecord {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub label: String,
    /// The secret, sealed, or the passkey's public part as JSON.
    pub secret: String,
    /// The last code that counted, by its place in time; no code counts twice.
    pub last_step: i64,
    /// When it was set up.
    pub created: Timestamp,
    /// When it was last shown.
    pub used: Option<Timestamp>,
}

impl std::fmt::Debug for SecondFactorRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecondFactorRecord")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// The second factors of a person, the oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn second_factors(
        &self,
        person: &Person,
    ) -> Result<Vec<SecondFactorRecord>, StoreError> {
        let asked = sqlx::query(
            "SELECT id, kind, label, secret, last_step, created, used FROM admin_second_factors
             WHERE organization = $1 AND provider = $2 AND subject = $3 ORDER BY id",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject());
        // One that cannot be read is an error: whoever has none may set one up.
        self.rows(asked).await?.iter().map(|row| self.read_second_factor(row)).collect()
    }

    /// Keeps a new second factor; no where it is a passkey and the person has [`MOST_PASSKEYS`].
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn add_second_factor(
        &self,
        person: &Person,
        name: &UserName,
        factor: &SecondFactorRecord,
        by: &Actor,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let there = sqlx::query(
            "SELECT id FROM admin_second_factors
             WHERE organization = $1 AND provider = $2 AND subject = $3 AND kind = $4",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject())
        .bind(FactorKind::Passkey.word());
        let is_passkey = factor.kind == FactorKind::Passkey;
        if is_passkey && change.rows(there).await?.len() >= MOST_PASSKEYS {
            return Ok(false);
        }
        let add = sqlx::query(
            "INSERT INTO admin_second_factors (id, organization, provider, subject, kind, label,
               secret, last_step, created) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(&factor.id)
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject())
        .bind(factor.kind.word())
        .bind(&factor.label)
        .bind(&factor.secret)
        .bind(factor.last_step)
        .bind(factor.created.to_string());
        change.execute(add).await?;
        let word = match factor.kind {
            FactorKind::Totp => "totp_added",
            FactorKind::Passkey => "passkey_added",
        };
        let event = ChangeEvent::new(ChangeAction::SecondFactor, person.organization(), name, by)
            .word(word);
        change.announce(&event, factor.created).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Takes one second factor of a person away, or all of them; gives how many that were.
    ///
    /// # Errors
    /// [`StoreError`] where nothing was taken away.
    pub async fn remove_second_factors(
        &self,
        person: &Person,
        name: &UserName,
        id: Option<&str>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let known = self.second_factors(person).await?;
        let mut change = self.begin().await?;
        let mut removed = 0;
        for factor in known.iter().filter(|factor| id.is_none_or(|id| factor.id == id)) {
            let remove =
                sqlx::query("DELETE FROM admin_second_factors WHERE id = $1").bind(&factor.id);
            removed += change.execute(remove).await?;
        }
        if id.is_none() {
            let forget = sqlx::query(
                "DELETE FROM admin_code_failures
                 WHERE organization = $1 AND provider = $2 AND subject = $3",
            )
            .bind(person.organization().as_str())
            .bind(person.provider().as_str())
            .bind(person.subject());
            change.execute(forget).await?;
        }
        if removed > 0 {
            let word = if id.is_none() { "reset" } else { "removed" };
            let second_factor = ChangeAction::SecondFactor;
            let event = ChangeEvent::new(second_factor, person.organization(), name, by).word(word);
            change.announce(&event, now).await?;
        }
        change.commit().await?;
        Ok(removed)
    }

    /// Takes a code of this step, once: false where this or a later one was taken before.
    ///
    /// # Errors
    /// [`StoreError`]: it does not count.
    pub async fn take_code(&self, id: &str, step: i64, now: Timestamp) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let take = sqlx::query(
            "UPDATE admin_second_factors SET last_step = $1, used = $2
             WHERE id = $3 AND last_step < $4",
        )
        .bind(step)
        .bind(now.to_string())
        .bind(id)
        .bind(step);
        let taken = change.execute(take).await? == 1;
        change.commit_quietly().await?;
        Ok(taken)
    }

    /// Keeps what a passkey says of itself after it was used.
    ///
    /// # Errors
    /// [`StoreError`] where that could not be kept.
    pub async fn use_passkey(
        &self,
        id: &str,
        secret: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let keep =
            sqlx::query("UPDATE admin_second_factors SET secret = $1, used = $2 WHERE id = $3")
                .bind(secret)
                .bind(now.to_string())
                .bind(id);
        self.quietly(keep).await
    }

    /// Counts one more attempt of a person since one that counted; false where there have been so many
    /// that it takes a while before the next, the longer the more there were.
    ///
    /// # Errors
    /// [`StoreError`]: the attempt must not be made.
    pub async fn count_code_attempt(
        &self,
        person: &Person,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let asked = sqlx::query(
            "SELECT failures, since FROM admin_code_failures
             WHERE organization = $1 AND provider = $2 AND subject = $3",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject());
        let row = change.rows(asked).await?;
        let (mut failures, last) = match row.first() {
            Some(row) => (self.integer(row, "failures")?, self.instant(row, "since")?),
            None => (0, now),
        };
        let quiet = now.duration_since(last);
        if quiet >= FORGOTTEN {
            failures = 0;
        }
        // The clocks of two nodes differ a little: only a wait makes that count.
        if wait_after(failures).is_some_and(|wait| quiet < wait) {
            return Ok(false);
        }
        let count = sqlx::query(
            "INSERT INTO admin_code_failures (organization, provider, subject, failures, since)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (organization, provider, subject)
             DO UPDATE SET failures = excluded.failures, since = excluded.since",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject())
        .bind(failures + 1)
        .bind(now.to_string());
        change.execute(count).await?;
        change.commit_quietly().await?;
        Ok(true)
    }

    /// Forgets a person's attempts, after one that counted.
    ///
    /// # Errors
    /// [`StoreError`] where they are still counted.
    pub async fn forget_code_attempts(&self, person: &Person) -> Result<(), StoreError> {
        let forget = sqlx::query(
            "DELETE FROM admin_code_failures
             WHERE organization = $1 AND provider = $2 AND subject = $3",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject());
        self.quietly(forget).await
    }

    fn read_second_factor(&self, row: &AnyRow) -> Result<SecondFactorRecord, StoreError> {
        let kind = self.text(row, "kind")?;
        let used = self.maybe_text(row, "used")?;
        Ok(SecondFactorRecord {
            id: self.text(row, "id")?,
            kind: FactorKind::from_word(&kind)
                .ok_or_else(|| self.unreadable("a kind of second factor", &kind))?,
            label: self.text(row, "label")?,
            secret: self.text(row, "secret")?,
            last_step: self.integer(row, "last_step")?,
            created: self.instant(row, "created")?,
            used: used.map(|text| self.timestamp(&text)).transpose()?,
        })
    }
}

/// How long it takes after so many before another may be tried; none: no time at all.
fn wait_after(failures: i64) -> Option<SignedDuration> {
    if failures == 0 || failures % AT_ONCE != 0 {
        return None;
    }
    let doubled = (1..failures / AT_ONCE)
        .try_fold(FIRST_WAIT, |wait, _| (wait < LONGEST_WAIT).then(|| wait.saturating_add(wait)));
    Some(doubled.unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT))
}
