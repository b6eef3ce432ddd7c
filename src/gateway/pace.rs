//! How long somebody may keep an exchange waiting. PURE.

use std::time::{Duration, Instant};

/// What one side owes while the other waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owed {
    /// So long it may be waited for before what came meanwhile is counted.
    pub(super) within: Duration,
    /// So many octets must have come by then, and at least one.
    pub(super) octets: u64,
}

/// Sums up the time in which one side was waited for. It is looked at now and then; what lies
/// between two looks counts where it was waited for at both.
#[derive(Debug, Default)]
pub(super) struct Pace {
    waited: Duration,
    waiting_since: Option<Instant>,
    counted_from: Option<u64>,
}

impl Pace {
    /// Whether that side has come to a standstill. `octets` have passed in all.
    pub(super) fn is_stalled(
        &mut self,
        now: Instant,
        waiting: bool,
        octets: u64,
        owed: Owed,
    ) -> bool {
        if !waiting {
            self.waiting_since = None;
            return false;
        }
        let from = *self.counted_from.get_or_insert(octets);
        if let Some(since) = self.waiting_since.replace(now) {
            self.waited += now.saturating_duration_since(since);
        }
        if self.waited < owed.within {
            return false;
        }
        if octets.saturating_sub(from) < owed.octets.max(1) {
            return true;
        }
        self.waited = Duration::ZERO;
        self.counted_from = Some(octets);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const OWED: Owed = Owed { within: Duration::from_secs(60), octets: 600 };

    /// Looks once a second; gives the second in which it stalled.
    fn stalls_at(seconds: u64, waiting: impl Fn(u64) -> bool, rate: u64) -> Option<u64> {
        let (mut pace, start) = (Pace::default(), clock::instant());
        (0..seconds).find(|&second| {
            let now = start + Duration::from_secs(second);
            pace.is_stalled(now, waiting(second), second * rate, OWED)
        })
    }

    #[test]
    fn silence_ends_after_the_limit() {
        assert_eq!(stalls_at(1000, |_| true, 0), Some(60));
    }

    #[test]
    fn drops_that_keep_a_connection_alive_are_too_little() {
        assert_eq!(stalls_at(1000, |_| true, 9), Some(60));
        assert_eq!(stalls_at(1000, |_| true, 10), None);
    }

    #[test]
    fn who_is_not_waited_for_may_be_silent() {
        assert_eq!(stalls_at(10_000, |_| false, 0), None);
        assert_eq!(stalls_at(1000, |second| second > 500, 0), Some(561));
    }

    #[test]
    fn waiting_that_was_interrupted_adds_up() {
        // Waited for in every other period of ten seconds, nine of which lie between two looks.
        let stalled = stalls_at(1000, |second| (second / 10) % 2 == 0, 0);
        assert_eq!(stalled, Some(126));
    }

    #[test]
    fn progress_begins_the_count_anew() {
        let (mut pace, start) = (Pace::default(), clock::instant());
        let mut look = |second: u64, octets| {
            pace.is_stalled(start + Duration::from_secs(second), true, octets, OWED)
        };
        assert!(!look(0, 5_000_000));
        assert!(!look(60, 5_000_600));
        assert!(!look(119, 5_000_600));
        assert!(look(120, 5_000_600));
    }
}
