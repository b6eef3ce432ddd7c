//! What a directory told last of people, by subject. It outlives a reload: a directory that is away
//! afterwards must not make anybody good again whom it had shut out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Found;
use crate::policy::UserName;

/// Of so many people it is kept.
const MOST: usize = 16_384;
/// Whoever travels is looked up again after so long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// Clones share everything.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<HashMap<String, Person>>>);

struct Person {
    names: Vec<UserName>,
    /// Disabled, locked, or gone.
    shut_out: bool,
    at: Timestamp,
}

impl Told {
    pub(super) fn learn(&self, found: &Found, now: Timestamp) {
        let mut people = self.people();
        if people.len() < MOST || people.contains_key(&found.subject) {
            let names = found.names.clone();
            let this = Person { names, shut_out: found.shut_out, at: now };
            people.insert(found.subject.clone(), this);
        }
    }

    pub(super) fn gone(&self, subject: &str, now: Timestamp) {
        let gone = Person { names: Vec::new(), shut_out: true, at: now };
        self.people().insert(subject.to_owned(), gone);
    }

    /// Whether it was told a moment ago.
    pub(super) fn is_fresh(&self, subject: &str, now: Timestamp) -> bool {
        self.people().get(subject).is_some_and(|told| now.duration_since(told.at) < LOOK_AGAIN)
    }

    pub(super) fn names_of(&self, subject: &str) -> Vec<UserName> {
        self.people().get(subject).map(|told| told.names.clone()).unwrap_or_default()
    }

    pub(super) fn is_shut_out(&self, subject: &str) -> bool {
        self.people().get(subject).is_some_and(|told| told.shut_out)
    }

    fn people(&self) -> MutexGuard<'_, HashMap<String, Person>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
