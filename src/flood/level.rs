//! How much came lately from one place, in a few numbers.
//!
//! PURE. A leaky bucket: each rejection raises it, time lowers it. It floods from when it runs over
//! until it has stayed low for a while, so that a flood near the threshold does not begin and end
//! again and again.

use std::time::Duration;

/// A second, in the unit of all instants here.
const SECOND: u64 = 1_000_000;
/// So far above the threshold is no flood yet: what comes within two seconds at its rate. A person
/// who opens a page is rejected a few times at once.
const BURST: u64 = 2 * SECOND;

/// The level of one place. Instants are microseconds since some beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// When it will be empty if nothing more comes.
    empty_at: u64,
    /// While it floods: when it was last high.
    high_at: u64,
    /// While it floods: how many were rejected since it does.
    rejected: u64,
    floods: bool,
    told: bool,
}

/// What is to be told of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Began,
    /// With how many rejections.
    Ended(u64),
}

impl Level {
    /// Counts one against so many a second, and tells whether it floods.
    pub fn count(&mut self, now: u64, rate: u32, calm_after: Duration) -> bool {
        if self.is_over(now, calm_after) {
            if self.told {
                // Whoever looks next tells the end; until then nothing begins anew.
                return false;
            }
            *self = Self::default();
        }
        let each = SECOND / u64::from(rate.max(1));
        if !self.floods {
            self.empty_at = self.empty_at.max(now).saturating_add(each);
            if self.ahead(now) > BURST {
                *self = Self { floods: true, high_at: now, rejected: 0, told: false, ..*self };
            }
        }
        if self.floods {
            self.rejected = self.rejected.saturating_add(1);
            // Half the rate keeps it full.
            let raised = self.empty_at.max(now).saturating_add(2 * each);
            self.empty_at = raised.min(now.saturating_add(BURST));
            if self.ahead(now) > BURST / 2 {
                self.high_at = now;
            }
        }
        self.floods
    }

    /// Whether it floods, as far as has been looked.
    #[must_use]
    pub fn is_flooding(&self) -> bool {
        self.floods
    }

    fn is_over(&self, now: u64, calm_after: Duration) -> bool {
        let calm = u64::try_from(calm_after.as_micros()).unwrap_or(u64::MAX);
        self.floods && now.saturating_sub(self.high_at) >= calm
    }

    fn ahead(&self, now: u64) -> u64 {
        self.empty_at.saturating_sub(now)
    }

    /// How much of it matters, to choose whom to forget: nobody that floods.
    pub(super) fn weight(&self) -> u64 {
        if self.floods { u64::MAX } else { self.empty_at }
    }

    /// What is to be told now; each beginning and its end once.
    pub(super) fn change(&mut self, now: u64, calm_after: Duration) -> Option<Told> {
        if self.is_over(now, calm_after) {
            let (told, rejected) = (self.told, self.rejected);
            *self = Self::default();
            return told.then_some(Told::Ended(rejected));
        }
        if self.floods && !self.told {
            self.told = true;
            return Some(Told::Began);
        }
        None
    }

    /// Ends it silently where it is over and nobody was told that it began.
    pub(super) fn forget_untold(&mut self, now: u64, calm_after: Duration) {
        if !self.told && self.is_over(now, calm_after) {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Duration = Duration::from_secs(10);

    /// So many a second for so long; whether it floods at the end.
    fn run(level: &mut Level, from: u64, seconds: u64, per_second: u64) -> bool {
        let mut floods = level.is_flooding();
        for number in 0..seconds * per_second {
            let at = from * SECOND + number * SECOND / per_second;
            level.change(at, CALM);
            floods = level.count(at, 50, CALM);
        }
        floods
    }

    #[test]
    fn what_stays_at_its_rate_is_no_flood_however_long() {
        assert!(!run(&mut Level::default(), 0, 3600, 50));
        let mut level = Level::default();
        let burst = (0..100).filter(|_| level.count(5, 50, CALM)).count();
        assert_eq!(burst, 0, "two seconds' worth at once is no flood");
        assert!(level.count(5, 50, CALM));
    }

    #[test]
    fn a_flood_near_its_threshold_neither_begins_nor_ends_again_and_again() {
        let mut level = Level::default();
        assert!(run(&mut level, 0, 60, 60));
        assert!(run(&mut level, 60, 600, 30), "more than half of the threshold goes on");
        assert!(run(&mut level, 660, 5, 10), "it has not been calm for long enough");
        assert!(!run(&mut level, 665, 10, 10));
        assert!(!run(&mut level, 675, 600, 40), "after that it begins only above the threshold");
    }

    #[test]
    fn a_beginning_and_its_end_are_told_once_with_an_exact_count() {
        let mut level = Level::default();
        let mut counted = 0;
        let mut told = Vec::new();
        for millisecond in 0..60_000_u64 {
            let now = millisecond * 1000;
            if millisecond < 5000 {
                counted += u64::from(level.count(now, 50, CALM));
            }
            told.extend(level.change(now, CALM));
        }
        assert_eq!(told, [Told::Began, Told::Ended(counted)]);
        assert_eq!(counted, 5000 - 105, "at 1000 a second the hundred of the burst leak a little");
    }

    #[test]
    fn what_is_over_does_not_flood_even_before_anybody_looked() {
        let mut level = Level::default();
        while !level.count(0, 50, CALM) {}
        assert!(level.count(9 * SECOND, 50, CALM));
        assert!(!level.count(20 * SECOND, 50, CALM));
    }
}
