//! What came of comparing a password a moment ago, so that a mail client that sends its password with
//! each request does not cost an evaluation of argon2 each time.
//!
//! Holds no password: the key is an HMAC under a key that this process made and nobody else knows.
//! Who signs in is remembered by successes alone: a failure kept here could keep somebody out. What
//! is found is held against the account as it is now, so another password, a lock or a removal
//! counts at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;
use jiff::{SignedDuration, Timestamp};

use super::Password;
use crate::clock;
use crate::identifier::OrganizationId;
use crate::policy::UserName;
use crate::store::{Account, AccountId};

const MOST: usize = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

/// The account that a login was compared with, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Compared {
    account: AccountId,
    epoch: i64,
}

struct Entry<M> {
    mark: M,
    at: Timestamp,
}

/// What came of it is told apart by a mark.
pub(super) struct Recent<M = Compared> {
    key: hmac::Key,
    kept_for: SignedDuration,
    entries: Mutex<HashMap<Fingerprint, Entry<M>>>,
}

impl Recent {
    /// When this was compared for this very account, if that was a moment ago.
    pub(super) fn compared_at(
        &self,
        fingerprint: &Fingerprint,
        account: &Account,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let (compared, at) = self.known(fingerprint, now)?;
        (compared.account == account.id && compared.epoch == account.epoch).then_some(at)
    }

    pub(super) fn remember(&self, fingerprint: Fingerprint, account: &Account, now: Timestamp) {
        let compared = Compared { account: account.id.clone(), epoch: account.epoch };
        self.keep(fingerprint, compared, now);
    }
}

impl<M: Clone> Recent<M> {
    /// Remembers for this long.
    pub(super) fn new(kept_for: SignedDuration) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &clock::random_bytes::<32>());
        Self { key, kept_for, entries: Mutex::new(HashMap::new()) }
    }

    /// Of the same login, both have the same fingerprint.
    pub(super) fn keyed_like(self, other: &Self) -> Self {
        Self { key: other.key.clone(), ..self }
    }

    pub(super) fn fingerprint(
        &self,
        organization: &OrganizationId,
        name: &UserName,
        password: &Password,
    ) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.key);
        for part in [organization.as_str(), name.as_str(), password.reveal()] {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut fingerprint = [0; 32];
        for (slot, byte) in fingerprint.iter_mut().zip(context.sign().as_ref()) {
            *slot = *byte;
        }
        Fingerprint(fingerprint)
    }

    /// What was kept of this a moment ago, and when.
    pub(super) fn known(
        &self,
        fingerprint: &Fingerprint,
        now: Timestamp,
    ) -> Option<(M, Timestamp)> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(fingerprint)?;
        self.is_fresh(entry.at, now).then(|| (entry.mark.clone(), entry.at))
    }

    pub(super) fn keep(&self, fingerprint: Fingerprint, mark: M, now: Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.retain(|_, entry| self.is_fresh(entry.at, now));
        }
        if entries.len() < MOST {
            entries.insert(fingerprint, Entry { mark, at: now });
        }
    }

    /// A clock that was set back makes an entry stale, not lasting.
    fn is_fresh(&self, at: Timestamp, now: Timestamp) -> bool {
        at <= now && now.duration_since(at) < self.kept_for
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(epoch: i64) -> Account {
        Account {
            id: AccountId::of("id"),
            organization: OrganizationId::parse("ballerup").unwrap(),
            name: UserName::parse("anna").unwrap(),
            password_hash: "".into(),
            locked: false,
            epoch,
            created: Timestamp::UNIX_EPOCH,
            changed: Timestamp::UNIX_EPOCH,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn fingerprint(recent: &Recent, name: &str, password: &str) -> Fingerprint {
        recent.fingerprint(
            &OrganizationId::parse("ballerup").unwrap(),
            &UserName::parse(name).unwrap(),
            &Password::new(password.to_owned()),
        )
    }

    #[test]
    fn a_proof_is_kept_for_a_minute_for_the_same_account_and_epoch() {
        let recent = Recent::new(SignedDuration::from_secs(60));
        let anna = fingerprint(&recent, "anna", "p");
        recent.remember(anna, &account(1), at(0));
        assert_eq!(recent.compared_at(&anna, &account(1), at(59)), Some(at(0)));
        assert_eq!(recent.compared_at(&anna, &account(1), at(60)), None);
        assert_eq!(recent.compared_at(&anna, &account(1), at(-1)), None);
        assert_eq!(recent.compared_at(&anna, &account(2), at(1)), None);
        let other = fingerprint(&recent, "anna", "p2");
        assert_eq!(recent.compared_at(&other, &account(1), at(1)), None);
        assert_ne!(fingerprint(&recent, "annap", ""), anna);
        assert_ne!(fingerprint(&Recent::new(SignedDuration::from_secs(60)), "anna", "p"), anna);
    }

    #[test]
    fn its_size_is_bounded() {
        let recent = Recent::new(SignedDuration::from_secs(60));
        for number in 0..(MOST + 10) {
            recent.remember(fingerprint(&recent, "anna", &number.to_string()), &account(1), at(0));
        }
        assert_eq!(recent.entries.lock().unwrap().len(), MOST);
        recent.remember(fingerprint(&recent, "anna", "late"), &account(1), at(100));
        assert_eq!(recent.entries.lock().unwrap().len(), 1);
    }
}
