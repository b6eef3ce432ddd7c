//! The keys that nodes share, as they were last read: one that lasts, and those that follow one
//! another and seal what lives for hours.
//!
//! A value that was sealed carries the name of its key. The newest key that has begun seals; every
//! key that is known opens. While the store is away the keys go on as they are; before they were
//! ever read, keys of this process's own stand in, whose values nobody else opens.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use aws_lc_rs::hmac;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::Authenticator;
use super::session::Seal;
use crate::clock;
use crate::store::{KEY_LENGTH, SharedKey, StoreError, is_followed};

type Secret = Zeroizing<[u8; KEY_LENGTH]>;

impl Authenticator {
    /// Sees to the keys, to be asked often: lets the next one begin when its time has come, and has
    /// the store make one where it is due.
    ///
    /// # Errors
    /// [`StoreError`] where the store has to make one and cannot; the keys go on as they are.
    pub async fn keep_keys(&self, now: Timestamp) -> Result<(), StoreError> {
        self.0.keys.tick(now);
        if !self.0.keys.is_due(now) {
            return Ok(());
        }
        let keys = self.0.store.shared_keys().await?;
        let keys = if Keys::are_due(&keys, now) {
            self.0.store.renew_shared_keys(now).await?;
            self.0.store.shared_keys().await?
        } else {
            keys
        };
        self.0.keys.take(keys, now);
        Ok(())
    }
}

/// The keys; clones are the same.
#[derive(Clone)]
pub(super) struct Keys(Arc<ArcSwap<Ring>>);

struct Ring {
    lasting: Secret,
    /// By the instant from which on each is used, the newest last.
    following: Vec<Following>,
    /// The place of the one that seals.
    current: usize,
    /// Whether these stand in for what could not be read.
    stands_in: bool,
}

struct Following {
    id: String,
    used_from: Timestamp,
    secret: Secret,
}

impl Keys {
    /// What stands in until the keys are read.
    pub(super) fn standing_in() -> Self {
        let own = || Zeroizing::new(clock::random_bytes());
        let id = hex::encode(clock::random_bytes::<6>());
        let following = vec![Following { id, used_from: Timestamp::MIN, secret: own() }];
        let ring = Ring { lasting: own(), following, current: 0, stands_in: true };
        Self(Arc::new(ArcSwap::from_pointee(ring)))
    }

    /// Whether the store should be asked to make or follow one.
    fn are_due(keys: &[SharedKey], now: Timestamp) -> bool {
        let newest = keys.iter().filter_map(|key| key.used_from).max();
        keys.iter().all(|key| key.used_from.is_some())
            || newest.is_none_or(|newest| is_followed(newest, now))
    }

    /// The same of those that are in use.
    fn is_due(&self, now: Timestamp) -> bool {
        let ring = self.0.load();
        ring.stands_in || ring.following.last().is_none_or(|key| is_followed(key.used_from, now))
    }

    /// Takes what was read. Where a key is missing, everything stays as it was.
    pub(super) fn take(&self, keys: Vec<SharedKey>, now: Timestamp) {
        let mut lasting = None;
        let mut following = Vec::new();
        for SharedKey { id, used_from, secret } in keys {
            match used_from {
                Some(used_from) => following.push(Following { id, used_from, secret }),
                None => lasting = Some(secret),
            }
        }
        following.sort_by(|one, other| (one.used_from, &one.id).cmp(&(other.used_from, &other.id)));
        let (Some(lasting), false) = (lasting, following.is_empty()) else { return };
        let current = current(&following, now);
        self.0.store(Arc::new(Ring { lasting, following, current, stands_in: false }));
    }

    /// Lets the next key begin, where its time has come.
    fn tick(&self, now: Timestamp) {
        let ring = self.0.load();
        let next = current(&ring.following, now);
        if next != ring.current {
            let following = ring
                .following
                .iter()
                .map(|key| Following {
                    id: key.id.clone(),
                    used_from: key.used_from,
                    secret: key.secret.clone(),
                })
                .collect();
            let (lasting, stands_in) = (ring.lasting.clone(), ring.stands_in);
            self.0.store(Arc::new(Ring { lasting, following, current: next, stands_in }));
        }
    }

    /// A key for one purpose, from the one that lasts; knowing it tells nothing of the others. Asked
    /// for at each use, because the first that are read take the place of what stood in.
    /// Whether the shared keys are not known yet, so that nothing lasting can be sealed.
    pub(super) fn stand_in(&self) -> bool {
        self.0.load().stands_in
    }

    pub(super) fn for_purpose(&self, purpose: &str) -> Secret {
        derive(&self.0.load().lasting, purpose)
    }
}

/// The place of the newest that has begun; the oldest where none has, as with a clock that is slow.
fn current(following: &[Following], now: Timestamp) -> usize {
    following.iter().rposition(|key| key.used_from <= now).unwrap_or(0)
}

pub(super) fn derive(secret: &Secret, purpose: &str) -> Secret {
    let master = hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice());
    let tag = hmac::sign(&master, purpose.as_bytes());
    let mut key = Zeroizing::new([0; KEY_LENGTH]);
    for (slot, byte) in key.iter_mut().zip(tag.as_ref()) {
        *slot = *byte;
    }
    key
}

/// Seals for one purpose with the keys that follow one another.
pub(super) struct RotatingSeal {
    keys: Keys,
    purpose: &'static str,
    built: ArcSwap<Built>,
}

/// The seals of one ring, so that no request derives a key.
struct Built {
    ring: Arc<Ring>,
    seals: Vec<Seal>,
}

impl Built {
    fn new(ring: Arc<Ring>, purpose: &str) -> Self {
        let seal = |key: &Following| Seal::new(&derive(&key.secret, purpose));
        Self { seals: ring.following.iter().map(seal).collect(), ring }
    }
}

impl RotatingSeal {
    pub(super) fn new(keys: &Keys, purpose: &'static str) -> Self {
        let built = ArcSwap::from_pointee(Built::new(keys.0.load_full(), purpose));
        Self { keys: keys.clone(), purpose, built }
    }

    /// Lets `close` seal with the key that seals now, and puts its name in front.
    pub(super) fn close(&self, close: impl FnOnce(&Seal) -> Option<String>) -> Option<String> {
        let built = self.built();
        let at = built.ring.current;
        let (key, seal) = (built.ring.following.get(at)?, built.seals.get(at)?);
        Some(format!("{}.{}", key.id, close(seal)?))
    }

    /// Lets `open` open what follows the name of a key that is known.
    pub(super) fn open<T>(
        &self,
        value: &str,
        open: impl FnOnce(&Seal, &str) -> Option<T>,
    ) -> Option<T> {
        let (id, sealed) = value.split_once('.')?;
        let built = self.built();
        let at = built.ring.following.iter().position(|key| key.id == id)?;
        open(built.seals.get(at)?, sealed)
    }

    /// The seals of the keys as they are now; no counter is shared by those who ask.
    fn built(&self) -> Guard<Arc<Built>> {
        let built = self.built.load();
        let ring = self.keys.0.load();
        if Arc::ptr_eq(&built.ring, &ring) {
            return built;
        }
        self.built.store(Arc::new(Built::new(Arc::clone(&ring), self.purpose)));
        self.built.load()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_796_083_200).unwrap() + SignedDuration::from_hours(hours)
    }

    fn key(id: &str, hours: Option<i64>) -> SharedKey {
        let secret = Zeroizing::new([id.as_bytes()[0]; KEY_LENGTH]);
        SharedKey { id: id.into(), used_from: hours.map(at), secret }
    }

    /// The name of the key that seals now, and whether what it sealed opens again.
    fn seals(seal: &RotatingSeal) -> (String, bool) {
        let value = seal.close(|_| Some("sealed".into())).unwrap();
        let opened = seal.open(&value, |_, rest| (rest == "sealed").then_some(())).is_some();
        (value.split_once('.').unwrap().0.to_owned(), opened)
    }

    #[test]
    fn the_next_key_seals_when_its_time_has_come_and_the_one_before_still_opens() {
        let keys = Keys::standing_in();
        let seal = RotatingSeal::new(&keys, "p");
        keys.take(vec![key("l", None), key("b", Some(24)), key("a", Some(0))], at(1));
        assert_eq!(seals(&seal), ("a".into(), true));
        keys.tick(at(23));
        assert_eq!(seals(&seal), ("a".into(), true));
        let before = seal.close(|_| Some("x".into())).unwrap();
        keys.tick(at(24));
        assert_eq!(seals(&seal), ("b".into(), true));
        assert!(seal.open(&before, |_, _| Some(())).is_some());
        keys.take(vec![key("l", None), key("b", Some(24))], at(40));
        assert!(seal.open(&before, |_, _| Some(())).is_none());
        for foreign in ["", ".", "a", "c.x", ".x", "B.x"] {
            assert!(seal.open(foreign, |_, _| Some(())).is_none(), "{foreign}");
        }
    }

    #[test]
    fn two_nodes_with_the_same_keys_open_each_others_values_and_nobody_elses() {
        let (one, two, alone) = (Keys::standing_in(), Keys::standing_in(), Keys::standing_in());
        for node in [&one, &two] {
            node.take(vec![key("l", None), key("a", Some(0))], at(1));
        }
        assert_eq!(one.for_purpose("p"), two.for_purpose("p"));
        assert_ne!(one.for_purpose("p"), one.for_purpose("q"));
        assert_ne!(one.for_purpose("p"), alone.for_purpose("p"));
        let value = RotatingSeal::new(&one, "p").close(|_| Some("x".into())).unwrap();
        let opens = |keys: &Keys| RotatingSeal::new(keys, "p").open(&value, |_, _| Some(()));
        assert!(opens(&two).is_some() && opens(&alone).is_none());
    }

    #[test]
    fn a_store_that_lost_its_keys_changes_nothing() {
        let keys = Keys::standing_in();
        assert!(keys.is_due(at(0)));
        keys.take(vec![key("l", None), key("a", Some(0))], at(1));
        let before = keys.for_purpose("p");
        for missing in [vec![], vec![key("m", None)], vec![key("b", Some(0))]] {
            assert!(Keys::are_due(&missing, at(1)));
            keys.take(missing, at(2));
        }
        assert_eq!(keys.for_purpose("p"), before);
        assert!(!keys.is_due(at(23)) && keys.is_due(at(24)));
    }
}
