//! The sign-ins that came back, so that none comes back twice. PURE.

use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// So many are remembered; each for as long as a journey may take.
const REMEMBERED: usize = 16_384;
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_mins(20);

/// The states of sign-ins that came back.
#[derive(Debug, Default)]
pub(super) struct Answered {
    states: HashSet<String>,
    oldest_first: VecDeque<(String, Timestamp)>,
}

impl Answered {
    /// Whether this one comes back for the first time. Where too many do, the oldest is forgotten, and
    /// nobody refused: strangers could else close the sign-in for everybody, while the forgotten one
    /// still needs its browser's cookie and a code that its provider takes once.
    pub(super) fn is_first(&mut self, state: &str, now: Timestamp) -> bool {
        if self.states.contains(state) {
            return false;
        }
        while let Some((oldest, at)) = self.oldest_first.front() {
            let counts = now.duration_since(*at) < REMEMBERED_FOR;
            if counts && self.oldest_first.len() < REMEMBERED {
                break;
            }
            self.states.remove(oldest);
            self.oldest_first.pop_front();
        }
        self.oldest_first.push_back((state.to_owned(), now));
        self.states.insert(state.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn none_comes_back_twice_while_its_journey_may_last() {
        let mut answered = Answered::default();
        assert!(answered.is_first("a", at(0)));
        assert!(answered.is_first("b", at(1199)));
        assert!(!answered.is_first("a", at(1199)));
        assert!(answered.is_first("c", at(1200)));
        assert_eq!(answered.states.len(), 2, "what is over is forgotten");
        assert_eq!(answered.oldest_first.len(), 2);
    }

    #[test]
    fn however_many_come_back_the_next_one_is_taken() {
        let mut answered = Answered::default();
        for number in 0..REMEMBERED + 100 {
            assert!(answered.is_first(&number.to_string(), at(0)), "{number}");
        }
        assert_eq!(answered.states.len(), REMEMBERED);
        assert_eq!(answered.oldest_first.len(), REMEMBERED);
        assert!(!answered.is_first("16483", at(0)), "the newest are remembered");
        assert!(!answered.is_first("100", at(0)));
    }
}
