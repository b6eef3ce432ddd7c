//! The keys that nodes share: one that lasts, and those that follow one another.
//!
//! Always holds: each is random and was made by one node alone; one that begins later than now is
//! known to every node before any of them uses it; one that is over is gone from the store.

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;
use zeroize::Zeroizing;

use super::error::readable;
use super::{Change, Store, StoreError};
use crate::clock;

/// The length of a key in bytes.
pub const KEY_LENGTH: usize = 32;
/// A key is followed by the next after this time.
pub(super) const FOLLOWED_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// So long before its use the next one is there for every node to read.
pub(super) const KNOWN_BEFORE: SignedDuration = SignedDuration::from_mins(2);
/// So long after the next one's beginning nothing that it sealed counts any more: longer than the
/// longest session.
const KEPT_AFTER: SignedDuration = SignedDuration::from_hours(14);

/// One key.
#[derive(Clone)]
pub struct SharedKey {
    /// Its name, which may be said.
    pub id: String,
    /// From when on it is used; none: the one that lasts.
    pub used_from: Option<Timestamp>,
    /// The key.
    pub secret: Zeroizing<[u8; KEY_LENGTH]>,
}

impl std::fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedKey")
            .field("id", &self.id)
            .field("used_from", &self.used_from)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Every key.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read, or holds a key that is none.
    pub async fn shared_keys(&self) -> Result<Vec<SharedKey>, StoreError> {
        let rows = self.rows(sqlx::query("SELECT id, used_from, secret FROM shared_keys")).await?;
        // What was sealed with one that cannot be read is opened no more; the others go on.
        Ok(readable(rows.iter().map(|row| self.shared_key(row))))
    }

    /// The key that lasts; made where there is none yet.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read or changed.
    pub async fn lasting_key(&self, now: Timestamp) -> Result<SharedKey, StoreError> {
        let lasting = |keys: Vec<SharedKey>| keys.into_iter().find(|key| key.used_from.is_none());
        if let Some(key) = lasting(self.shared_keys().await?) {
            return Ok(key);
        }
        self.renew_shared_keys(now).await?;
        lasting(self.shared_keys().await?).ok_or_else(|| self.unreadable("a key that lasts", ""))
    }

    /// Makes the keys that are missing, and the next where the newest has been used for its time;
    /// removes those that are over. Of several nodes that do this at once, one makes it.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be changed.
    pub async fn renew_shared_keys(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let rows = "SELECT id, used_from, secret FROM shared_keys";
        let rows = change.rows(sqlx::query(rows)).await?;
        let keys: Vec<SharedKey> = readable(rows.iter().map(|row| self.shared_key(row)));
        if keys.iter().all(|key| key.used_from.is_some()) {
            make(&mut change, None).await?;
        }
        let mut begins: Vec<(Timestamp, &str)> =
            keys.iter().filter_map(|key| Some((key.used_from?, key.id.as_str()))).collect();
        begins.sort_unstable();
        match begins.last() {
            None => make(&mut change, Some(now)).await?,
            Some((newest, _)) if is_followed(*newest, now) => {
                make(&mut change, Some(now.saturating_add(KNOWN_BEFORE).unwrap_or(now))).await?;
            }
            Some(_) => {}
        }
        for pair in begins.windows(2) {
            if let [(_, id), (next, _)] = pair
                && now.duration_since(*next) > KEPT_AFTER
            {
                let remove = sqlx::query("DELETE FROM shared_keys WHERE id = $1").bind(*id);
                change.execute(remove).await?;
            }
        }
        change.commit().await
    }

    fn shared_key(&self, row: &AnyRow) -> Result<SharedKey, StoreError> {
        let id = self.text(row, "id")?;
        // What is wrong with a secret is said by its name.
        let unreadable = || self.unreadable("a key", &id);
        let text = Zeroizing::new(self.text(row, "secret")?);
        let mut secret = Zeroizing::new([0; KEY_LENGTH]);
        hex::decode_to_slice(text.as_bytes(), secret.as_mut_slice()).map_err(|_| unreadable())?;
        if *secret == [0; KEY_LENGTH] {
            return Err(unreadable());
        }
        let used_from = self.maybe_text(row, "used_from")?;
        let used_from = used_from.map(|text| self.timestamp(&text)).transpose()?;
        Ok(SharedKey { id, used_from, secret })
    }
}

/// Whether a key that is used from `begin` on is to be followed by another now.
#[must_use]
pub fn is_followed(begin: Timestamp, now: Timestamp) -> bool {
    now.duration_since(begin) >= FOLLOWED_AFTER
}

async fn make(change: &mut Change, used_from: Option<Timestamp>) -> Result<(), StoreError> {
    let secret = Zeroizing::new(clock::random_bytes::<KEY_LENGTH>());
    let add = "INSERT INTO shared_keys (id, used_from, secret) VALUES ($1, $2, $3)";
    let add = sqlx::query(add)
        .bind(hex::encode(clock::random_bytes::<6>()))
        .bind(used_from.map(|at| at.to_string()))
        .bind(hex::encode(secret.as_slice()));
    change.execute(add).await.map(|_| ())
}
