//! How often a person's password may be refused by the directory before we stop asking, so that
//! nobody can drive an account into the directory's own lockout through us.
//!
//! Always holds: the directory is asked at most `most` different passwords of one person within the
//! time, strangers at most half of them; a password that it refused is not asked again while the
//! password there is the same. The right password is asked whenever there is one left, and what was
//! refused counts no longer once the password is changed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::identity::recent::Fingerprint;

/// Where the directory does not tell whether the password changed, a refusal is believed for so long.
const BELIEVED: SignedDuration = SignedDuration::from_secs(60);
/// Of so many people at the same time.
const MOST_PEOPLE: usize = 65_536;

pub(super) struct Failures {
    most: usize,
    within: SignedDuration,
    people: Arc<Mutex<HashMap<String, Refused>>>,
}

#[derive(Default)]
struct Refused {
    state: Option<[u8; 32]>,
    passwords: Vec<(Fingerprint, Timestamp)>,
}

/// Why the directory is not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotAsked {
    /// It refused this very password, and nothing has changed.
    KnownWrong,
    /// One more could be one too many.
    TooMany,
}

impl Failures {
    pub(super) fn new(most: usize, within: SignedDuration) -> Self {
        Self { most, within, people: Arc::default() }
    }

    /// With what was refused to others, and is from now on.
    pub(super) fn sharing(self, others: &Self) -> Self {
        Self { people: Arc::clone(&others.people), ..self }
    }

    /// Takes one of the person's attempts; it is lost unless the password turns out right.
    pub(super) fn take(
        &self,
        subject: &str,
        state: Option<[u8; 32]>,
        password: Fingerprint,
        preferred: bool,
        now: Timestamp,
    ) -> Result<(), NotAsked> {
        let mut people = self.people();
        if people.len() >= MOST_PEOPLE && !people.contains_key(subject) {
            people
                .retain(|_, refused| refused.passwords.iter().any(|(_, at)| self.counts(*at, now)));
            if people.len() >= MOST_PEOPLE {
                return Err(NotAsked::TooMany);
            }
        }
        let refused = people.entry(subject.to_owned()).or_default();
        if refused.state != state {
            *refused = Refused { state, passwords: Vec::new() };
        }
        refused.passwords.retain(|(_, at)| self.counts(*at, now));
        let same = refused.passwords.iter().any(|(known, at)| {
            *known == password && (state.is_some() || now.duration_since(*at) < BELIEVED)
        });
        if same {
            return Err(NotAsked::KnownWrong);
        }
        let most = if preferred { self.most } else { self.most / 2 };
        if refused.passwords.len() >= most {
            return Err(NotAsked::TooMany);
        }
        refused.passwords.push((password, now));
        Ok(())
    }

    /// The attempt was none: the password is right, or nothing was asked.
    pub(super) fn give_back(&self, subject: &str, password: &Fingerprint) {
        if let Some(refused) = self.people().get_mut(subject) {
            refused.passwords.retain(|(known, _)| known != password);
        }
    }

    /// A clock that was set back makes them count no longer. Requests that wait for one another come
    /// with instants that are not in order: that is no clock set back.
    fn counts(&self, at: Timestamp, now: Timestamp) -> bool {
        let age = now.duration_since(at);
        age > -BELIEVED && age < self.within
    }

    fn people(&self) -> MutexGuard<'_, HashMap<String, Refused>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn password(number: u8) -> Fingerprint {
        Fingerprint([number; 32])
    }

    const STATE: Option<[u8; 32]> = Some([7; 32]);

    #[test]
    fn strangers_may_have_half_refused_and_the_known_the_rest() {
        let failures = Failures::new(4, SignedDuration::from_mins(30));
        let take = |number, preferred, now| {
            failures.take("anna", STATE, password(number), preferred, at(now))
        };
        assert_eq!(take(1, false, 0), Ok(()));
        assert_eq!(take(2, false, 0), Ok(()));
        assert_eq!(take(3, false, 1), Err(NotAsked::TooMany));
        assert_eq!(take(3, true, 1), Ok(()));
        assert_eq!(take(4, true, 1), Ok(()));
        assert_eq!(take(5, true, 1799), Err(NotAsked::TooMany));
        assert_eq!(take(5, true, 1800), Ok(()));
        assert_eq!(failures.take("bo", STATE, password(3), false, at(1)), Ok(()));
    }

    #[test]
    fn whoever_came_earlier_and_is_looked_at_later_wipes_nothing_out() {
        let failures = Failures::new(4, SignedDuration::from_mins(30));
        let take = |number, now| failures.take("anna", STATE, password(number), false, at(now));
        assert_eq!((take(1, 10), take(2, 9)), (Ok(()), Ok(())));
        assert_eq!(take(3, 8), Err(NotAsked::TooMany));
        assert_eq!(take(3, 10 - 60), Ok(()), "a clock that was set back");
    }

    #[test]
    fn the_same_wrong_password_is_asked_once_and_after_a_change_again() {
        let failures = Failures::new(4, SignedDuration::from_mins(30));
        let take = |state, now| failures.take("anna", state, password(1), true, at(now));
        assert_eq!(take(STATE, 0), Ok(()));
        assert_eq!(take(STATE, 1700), Err(NotAsked::KnownWrong));
        assert_eq!(take(Some([8; 32]), 1701), Ok(()));
        let silent = Failures::new(4, SignedDuration::from_mins(30));
        let take = |now| silent.take("anna", None, password(1), true, at(now));
        assert_eq!(take(0), Ok(()));
        assert_eq!(take(59), Err(NotAsked::KnownWrong));
        assert_eq!((take(60), take(120), take(180)), (Ok(()), Ok(()), Ok(())));
        assert_eq!(take(240), Err(NotAsked::TooMany));
    }

    #[test]
    fn a_right_password_uses_nothing_up() {
        let failures = Failures::new(4, SignedDuration::from_mins(30));
        for _ in 0..100 {
            assert_eq!(failures.take("anna", STATE, password(1), false, at(0)), Ok(()));
            failures.give_back("anna", &password(1));
        }
    }
}
