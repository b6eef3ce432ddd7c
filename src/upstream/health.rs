//! How one server is, by what was asked of it to find out and by how it did its work.
//!
//! PURE: `now` is an argument. Two things take a server out, each by itself: health checks that
//! fail in a row, until they succeed in a row; and requests that fail in a row, for a time that
//! doubles. After either it comes back gradually, and its first failure takes it out again.

use std::time::{Duration, Instant};

use crate::config::{Ejection, HealthCheck};

/// Whether a server gets requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does.
    In,
    /// Requests failed.
    Ejected,
    /// Health checks fail.
    Down,
}

/// What has changed for everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Requests failed: out for so long.
    Ejected(Duration),
    /// Health checks failed: out until they succeed.
    Down,
    /// Requests failed, and no other server could take them: it is asked all the same.
    Failing,
    /// In again.
    Back,
}

/// The whole share, in thousandths.
pub(super) const WHOLE: u64 = 1000;

/// What a server that has just come back gets at least.
const LEAST: u64 = 50;

/// What is known of one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Health {
    /// Requests that failed in a row.
    failures: u32,
    /// Ejections without a good time between them.
    ejections: u32,
    /// The end of the latest ejection and how long it was, until a request succeeds after it.
    ejected: Option<(Instant, Duration)>,
    /// Whether health checks took it out.
    down: bool,
    /// Health checks in a row that say the other thing.
    streak: u32,
    /// Since when it is in again.
    back: Option<Instant>,
    /// Whether it would be out if another could take its requests, until one succeeds.
    failing: bool,
}

impl Health {
    /// Whether it gets requests now.
    pub(super) fn standing(&self, now: Instant) -> Standing {
        match self.ejected {
            _ if self.down => Standing::Down,
            Some((until, _)) if now < until => Standing::Ejected,
            _ => Standing::In,
        }
    }

    /// The same for those who watch over it: one that fails and is asked for want of another shows as
    /// out, too.
    pub(super) fn shown(&self, now: Instant) -> Standing {
        match self.standing(now) {
            Standing::In if self.failing => Standing::Ejected,
            standing => standing,
        }
    }

    /// The part of its weight that it gets now, in thousandths.
    pub(super) fn share(&self, now: Instant, slow_start: Duration) -> u64 {
        let Some(since) = self.since(now) else { return WHOLE };
        let elapsed = now.saturating_duration_since(since).as_millis();
        let whole = slow_start.as_millis();
        if elapsed >= whole {
            return WHOLE;
        }
        let share = u64::try_from(elapsed * u128::from(WHOLE) / whole).unwrap_or(WHOLE);
        share.clamp(LEAST, WHOLE)
    }

    fn since(&self, now: Instant) -> Option<Instant> {
        let after_ejection = self.ejected.map(|(until, _)| until).filter(|until| *until <= now);
        self.back.max(after_ejection)
    }

    /// A request failed in a way that tells something of the server. `may_eject` is false where no
    /// other server could take its requests.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        rule: &Ejection,
        may_eject: bool,
    ) -> Option<Change> {
        if self.standing(now) == Standing::Ejected {
            // These were under way when it was taken out.
            return None;
        }
        self.failures = self.failures.saturating_add(1);
        let on_trial = self.ejected.is_some();
        if self.failures < rule.failures && !on_trial {
            return None;
        }
        if !may_eject {
            let is_new = !std::mem::replace(&mut self.failing, true);
            return is_new.then_some(Change::Failing);
        }
        self.failing = false;
        let doubled = 1_u32.checked_shl(self.ejections).unwrap_or(u32::MAX);
        let span = rule.back_off.saturating_mul(doubled).min(rule.longest.max(rule.back_off));
        self.ejections = (self.ejections + 1).min(31);
        self.failures = 0;
        self.ejected = Some((now + span, span));
        Some(Change::Ejected(span))
    }

    /// A request was answered.
    pub(super) fn succeeded(&mut self, now: Instant) -> Option<Change> {
        self.failures = 0;
        let was_failing = std::mem::take(&mut self.failing);
        let Some((until, span)) = self.ejected else {
            return was_failing.then_some(Change::Back);
        };
        let was_out = self.standing(now) == Standing::Ejected;
        if was_out {
            // It was tried as the least bad, and it works.
            self.back = Some(now);
            self.ejected = None;
        } else if now >= until + span {
            self.back = self.back.max(Some(until));
            self.ejected = None;
            self.ejections = 0;
        } else {
            self.back = self.back.max(Some(until));
            self.ejected = None;
        }
        (was_out || was_failing).then_some(Change::Back)
    }

    /// A health check was answered well, or was not.
    pub(super) fn checked(
        &mut self,
        well: bool,
        now: Instant,
        rule: &HealthCheck,
    ) -> Option<Change> {
        if well != self.down {
            self.streak = 0;
            return None;
        }
        self.streak = self.streak.saturating_add(1);
        if self.streak < if well { rule.rise } else { rule.fall } {
            return None;
        }
        self.streak = 0;
        self.down = !well;
        if well {
            self.back = Some(now);
            self.failing = false;
            Some(Change::Back)
        } else {
            Some(Change::Down)
        }
    }

    /// No health check is configured any longer, so none can bring it back.
    pub(super) fn unchecked(&mut self, now: Instant) {
        self.streak = 0;
        if std::mem::take(&mut self.down) {
            self.back = Some(now);
        }
    }

    /// Forgets what no longer changes anything. Whether something is left: then the next success
    /// has to be told here.
    pub(super) fn tidy(&mut self, now: Instant, slow_start: Duration) -> bool {
        if self.back.is_some_and(|back| now.saturating_duration_since(back) >= slow_start) {
            self.back = None;
        }
        let forgiven = Duration::from_secs(600);
        if self.ejected.is_none() && self.back.is_none() {
            self.ejections = 0;
        } else if self.ejected.is_some_and(|(until, span)| now >= until + span.max(forgiven)) {
            (self.ejected, self.ejections) = (None, 0);
        }
        self.failures > 0
            || self.failing
            || self.down
            || self.ejected.is_some()
            || self.back.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const EJECTION: Ejection = Ejection {
        failures: 3,
        back_off: Duration::from_secs(10),
        longest: Duration::from_secs(35),
    };

    fn check() -> HealthCheck {
        HealthCheck {
            path: "/health".parse().unwrap(),
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            status: 200..=399,
            rise: 2,
            fall: 3,
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn ejected(now: Instant) -> Health {
        let mut health = Health::default();
        assert_eq!(health.failed(now, &EJECTION, true), None);
        assert_eq!(health.failed(now, &EJECTION, true), None);
        assert_eq!(health.failed(now, &EJECTION, true), Some(Change::Ejected(seconds(10))));
        health
    }

    #[test]
    fn failures_in_a_row_eject_for_a_time() {
        let now = clock::instant();
        let health = ejected(now);
        assert_eq!(health.standing(now + Duration::from_millis(9999)), Standing::Ejected);
        assert_eq!(health.standing(now + seconds(10)), Standing::In);
        let mut health = Health::default();
        for _ in 0..10 {
            assert_eq!(health.failed(now, &EJECTION, true), None);
            assert_eq!(health.failed(now, &EJECTION, true), None);
            assert_eq!(health.succeeded(now), None);
        }
        assert_eq!(health.standing(now), Standing::In, "a success between them counts anew");
    }

    #[test]
    fn the_last_one_is_never_ejected() {
        let now = clock::instant();
        let mut health = Health::default();
        let mut fails = || health.failed(now, &EJECTION, false);
        assert_eq!([fails(), fails()], [None; 2]);
        assert_eq!(fails(), Some(Change::Failing), "said once");
        for _ in 0..100 {
            assert_eq!(fails(), None);
        }
        assert_eq!(health.standing(now), Standing::In);
        assert_eq!(health.shown(now + seconds(3600)), Standing::Ejected, "until it answers");
        assert!(health.tidy(now, seconds(30)), "the next success has to be told");
        // Another server is back: then the next failure does it.
        let mut other = health.clone();
        assert_eq!(other.failed(now, &EJECTION, true), Some(Change::Ejected(seconds(10))));
        assert_eq!(other.shown(now + seconds(10)), Standing::In);
        assert_eq!(health.succeeded(now), Some(Change::Back));
        assert_eq!((health.shown(now), health.succeeded(now)), (Standing::In, None));
        assert!(!health.tidy(now, seconds(30)), "nothing is left");
    }

    #[test]
    fn on_trial_one_failure_ejects_again_for_twice_as_long() {
        let mut now = clock::instant();
        let mut health = ejected(now);
        assert_eq!(health.failed(now, &EJECTION, true), None, "a straggler");
        for span in [20, 35, 35] {
            now = match health.ejected {
                Some((until, _)) => until,
                None => panic!("in"),
            };
            assert_eq!(health.standing(now), Standing::In);
            let change = health.failed(now, &EJECTION, true);
            assert_eq!(change, Some(Change::Ejected(seconds(span))));
        }
    }

    #[test]
    fn a_success_after_the_time_ends_the_trial() {
        let now = clock::instant();
        let mut health = ejected(now);
        let back = now + seconds(11);
        assert_eq!(health.succeeded(back), None);
        assert_eq!(health.failed(back, &EJECTION, true), None, "three in a row again");
        // A success while it is out shows that it works.
        let mut health = ejected(now);
        assert_eq!(health.succeeded(now + seconds(1)), Some(Change::Back));
        assert_eq!(health.standing(now + seconds(1)), Standing::In);
    }

    #[test]
    fn a_good_time_lets_back_off_begin_anew() {
        let now = clock::instant();
        let mut health = ejected(now);
        health.succeeded(now + seconds(25));
        let later = now + seconds(26);
        for _ in 0..2 {
            assert_eq!(health.failed(later, &EJECTION, true), None);
        }
        assert_eq!(health.failed(later, &EJECTION, true), Some(Change::Ejected(seconds(10))));
    }

    #[test]
    fn checks_take_out_after_fall_and_bring_back_after_rise() {
        let (now, check) = (clock::instant(), check());
        let mut health = Health::default();
        let mut say = |well| health.checked(well, now, &check);
        assert_eq!([say(false), say(false), say(true)], [None; 3]);
        assert_eq!([say(false), say(false)], [None; 2], "two are not three in a row");
        assert_eq!(say(false), Some(Change::Down));
        assert_eq!([say(false), say(true), say(false), say(true)], [None; 4]);
        assert_eq!(say(true), Some(Change::Back));
        assert_eq!(health.standing(now), Standing::In);
    }

    #[test]
    fn a_request_that_succeeds_does_not_overrule_the_checks() {
        let (now, check) = (clock::instant(), check());
        let mut health = Health::default();
        for _ in 0..3 {
            health.checked(false, now, &check);
        }
        health.succeeded(now);
        assert_eq!(health.standing(now), Standing::Down);
        health.unchecked(now);
        assert_eq!(
            health.standing(now),
            Standing::In,
            "the check was taken out of the configuration"
        );
    }

    #[test]
    fn one_that_comes_back_gets_its_share_gradually() {
        let now = clock::instant();
        assert_eq!(Health::default().share(now, seconds(30)), WHOLE);
        let mut health = ejected(now);
        let back = now + seconds(10);
        let share = |health: &Health, after| health.share(back + seconds(after), seconds(30));
        assert_eq!([0, 15, 30].map(|after| share(&health, after)), [LEAST, 500, WHOLE]);
        health.succeeded(back + seconds(1));
        assert_eq!([1, 15, 30].map(|after| share(&health, after)), [LEAST, 500, WHOLE]);
        assert_eq!(health.share(back, Duration::ZERO), WHOLE, "no slow start");
        assert!(health.tidy(back + seconds(2), seconds(30)));
        assert!(!health.tidy(back + seconds(30), seconds(30)), "nothing is left");
    }
}
