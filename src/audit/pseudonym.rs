//! What stands in the place of a name when an entry is older than `audit.pseudonymise_after`: the
//! same for the same person within a month, different in every other, and worth nothing to whoever
//! has not the month's key.
//!
//! PURE. A month's key is made of two halves that are kept in two places; from it follow one key that
//! makes pseudonyms and one that seals what they stand for.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use jiff::Timestamp;
use smol_str::SmolStr;
use zeroize::Zeroizing;

use super::chain::PSEUDONYM;
use super::event::Field;

/// The length of a key, and of each half.
pub const KEY_LENGTH: usize = 32;

/// A key, wiped when nobody has it any more.
pub type Secret = Zeroizing<[u8; KEY_LENGTH]>;

/// The months' keys, by name (`2026-08`).
#[derive(Clone, Default)]
pub struct Keys(BTreeMap<String, Secret>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The month of an instant, UTC: `2026-08`.
#[must_use]
pub fn period(at: Timestamp) -> String {
    at.strftime("%Y-%m").to_string()
}

impl Keys {
    /// Puts a month's key together from its halves.
    pub fn put_together(&mut self, period: &str, one: &Secret, other: &Secret) {
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        for ((byte, one), other) in key.iter_mut().zip(one.iter()).zip(other.iter()) {
            *byte = one ^ other;
        }
        self.0.insert(period.to_owned(), key);
    }

    /// The months there are keys for.
    pub fn periods(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What stands for this value; none where the month has no key.
    #[must_use]
    pub fn pseudonym(&self, field: Field, at: Timestamp, value: &str) -> Option<SmolStr> {
        self.in_period(kind(field), &period(at), value)
    }

    /// What stands for a person's name or id, in each month.
    #[must_use]
    pub fn pseudonyms_of(&self, name: &str) -> Vec<SmolStr> {
        let all = self.0.keys().flat_map(|period| {
            ["name", "id"].into_iter().filter_map(|kind| self.in_period(kind, period, name))
        });
        all.collect()
    }

    fn in_period(&self, kind: &str, period: &str, value: &str) -> Option<SmolStr> {
        let key = self.derived(period, b"geovagt pseudonyms 1")?;
        let tag = hmac::sign(&key, format!("{kind}\n{}", value.to_lowercase()).as_bytes());
        let short = tag.as_ref().get(..12)?;
        Some(SmolStr::new(format!("{PSEUDONYM}{period}:{}", hex::encode(short))))
    }

    /// The key that seals what was replaced in this month.
    pub(super) fn sealing(&self, period: &str) -> Option<Secret> {
        let key = self.derived(period, b"geovagt sealing 1")?;
        let tag = hmac::sign(&key, b"key");
        let mut secret = Zeroizing::new([0; KEY_LENGTH]);
        secret.copy_from_slice(tag.as_ref().get(..KEY_LENGTH)?);
        Some(secret)
    }

    fn derived(&self, period: &str, purpose: &[u8]) -> Option<hmac::Key> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.get(period)?.as_slice());
        Some(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, purpose).as_ref()))
    }
}

/// Fields in which the same person or address can stand have one kind.
const fn kind(field: Field) -> &'static str {
    match field {
        Field::ClientIp | Field::ClientNatIp => "address",
        Field::UserName | Field::UserEffective | Field::UserTarget => "name",
        Field::UserId => "id",
        Field::UserAgent => "agent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(byte: u8) -> Keys {
        let mut keys = Keys::default();
        for (period, one) in [("2026-08", 1), ("2026-09", 2)] {
            let half = |byte| Zeroizing::new([byte; KEY_LENGTH]);
            keys.put_together(period, &half(one), &half(byte));
        }
        keys
    }

    #[test]
    fn a_person_is_recognisable_within_a_month_and_with_the_key_alone() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (early, late) = (at("2026-08-01T00:00:00Z"), at("2026-08-31T23:59:59Z"));
        let keys_here = keys(7);
        let name = |field, at, value| keys_here.pseudonym(field, at, value);
        let anna = name(Field::UserName, early, "anna").unwrap();
        assert!(anna.starts_with("pseudonym:2026-08:"), "{anna}");
        assert!(!anna.contains("anna"));
        assert_eq!(name(Field::UserTarget, late, "Anna"), Some(anna.clone()));
        assert_ne!(name(Field::UserId, late, "anna"), Some(anna.clone()));
        assert_ne!(name(Field::UserName, late, "anne"), Some(anna.clone()));
        assert_ne!(name(Field::UserName, at("2026-09-01T00:00:00Z"), "anna"), Some(anna.clone()));
        assert_eq!(name(Field::UserName, at("2026-10-01T00:00:00Z"), "anna"), None);
        assert_ne!(keys(8).pseudonym(Field::UserName, early, "anna"), Some(anna.clone()));
        assert!(keys_here.pseudonyms_of("ANNA").contains(&anna));
        assert_eq!(keys_here.pseudonyms_of("anna").len(), 4);
        assert!(!format!("{keys_here:?}").contains('7'), "{keys_here:?}");
    }
}
