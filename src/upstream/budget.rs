//! How many requests of a site may be asked again.
//!
//! PURE: `now` is an argument. Always holds: within a window no more than a share of the requests,
//! or the floor where that is more. So servers that fail get at most that much more to do, and a
//! site whose servers all fail does not multiply its own load.

use std::time::{Duration, Instant};

use crate::config::Retries;

/// So long is counted together.
const WINDOW: Duration = Duration::from_secs(10);

/// What was asked again of late.
#[derive(Debug)]
pub(super) struct Budget {
    since: Instant,
    /// All requests of the site when the window began.
    before: u64,
    taken: u64,
}

impl Budget {
    /// Nothing was asked again yet.
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, before: 0, taken: 0 }
    }

    /// Begins another window where this one is over. Has to be called now and then: a window that
    /// was never begun would count the requests of hours. `requests` is how many there ever were.
    pub(super) fn roll(&mut self, now: Instant, requests: u64) {
        if now.saturating_duration_since(self.since) >= WINDOW || requests < self.before {
            *self = Self { since: now, before: requests, taken: 0 };
        }
    }

    /// Takes one, where there is one left.
    pub(super) fn take(&mut self, now: Instant, requests: u64, rule: &Retries) -> bool {
        self.roll(now, requests);
        let share = requests.saturating_sub(self.before) * u64::from(rule.percent) / 100;
        let left = self.taken < share.max(u64::from(rule.floor));
        self.taken += u64::from(left);
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const RULE: Retries = Retries { attempts: 2, percent: 20, floor: 3 };

    fn taken(budget: &mut Budget, now: Instant, requests: u64) -> usize {
        (0..1000).take_while(|_| budget.take(now, requests, &RULE)).count()
    }

    #[test]
    fn a_share_of_the_requests_may_be_asked_again() {
        let now = clock::instant();
        let mut budget = Budget::new(now);
        assert_eq!(taken(&mut budget, now, 100), 20);
        assert_eq!(taken(&mut budget, now + WINDOW / 2, 200), 20, "20 of 100 more");
        assert_eq!(taken(&mut budget, now + WINDOW / 2, 200), 0);
    }

    #[test]
    fn a_few_may_whatever_the_share_is() {
        let now = clock::instant();
        let mut budget = Budget::new(now);
        assert_eq!(taken(&mut budget, now, 1), 3);
        assert_eq!(taken(&mut budget, now, 10), 0);
        let none = Retries { percent: 0, floor: 0, ..RULE };
        assert!(!Budget::new(now).take(now, 1000, &none));
    }

    #[test]
    fn a_window_counts_only_its_own_requests() {
        let now = clock::instant();
        let mut budget = Budget::new(now);
        assert_eq!(taken(&mut budget, now, 1000), 200);
        assert_eq!(taken(&mut budget, now + WINDOW, 1000), 3, "another window, no request yet");
        budget.roll(now + WINDOW * 2, 9000);
        assert_eq!(taken(&mut budget, now + WINDOW * 2, 9050), 10);
    }

    #[test]
    fn a_count_that_begins_anew_does_not_stop_it() {
        let now = clock::instant();
        let mut budget = Budget::new(now);
        budget.roll(now + WINDOW, 5000);
        assert_eq!(taken(&mut budget, now + WINDOW, 10), 3, "servers went, and their counts");
    }
}
