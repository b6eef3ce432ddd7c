//! The clock of a breach: 72 hours from the moment at which it was discovered.
//!
//! Regulation 2016/679, article 33. Hours are counted as hours, so that the deadline is the same
//! instant whatever the clocks of the country do meanwhile.

use jiff::{SignedDuration, Timestamp};

const TIME_TO_REPORT: SignedDuration = SignedDuration::from_hours(72);

/// When the report has to be there.
#[must_use]
pub fn deadline(discovered: Timestamp) -> Timestamp {
    discovered.checked_add(TIME_TO_REPORT).unwrap_or(Timestamp::MAX)
}

/// How the clock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// So much time is left.
    Running(SignedDuration),
    /// So much time ago it ran out.
    RunOut(SignedDuration),
    /// Reported in time, with so much left.
    Reported(SignedDuration),
    /// Reported, so much too late.
    ReportedLate(SignedDuration),
}

impl Clock {
    /// How it stands at `now` for what was discovered then and reported, where it was.
    #[must_use]
    pub fn at(discovered: Timestamp, reported: Option<Timestamp>, now: Timestamp) -> Self {
        let deadline = deadline(discovered);
        let left = deadline.duration_since(reported.unwrap_or(now));
        match (reported, left.is_negative()) {
            (None, false) => Self::Running(left),
            (None, true) => Self::RunOut(left.saturating_neg()),
            (Some(_), false) => Self::Reported(left),
            (Some(_), true) => Self::ReportedLate(left.saturating_neg()),
        }
    }
}

trait Negated {
    fn saturating_neg(self) -> Self;
}

impl Negated for SignedDuration {
    fn saturating_neg(self) -> Self {
        self.checked_neg().unwrap_or(Self::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seventy_two_hours_are_hours_also_where_the_clocks_change() {
        // Denmark sets its clocks back on 25 October 2026 at 03:00.
        let discovered = "2026-10-23T12:00:00+02:00".parse().unwrap();
        assert_eq!(deadline(discovered), "2026-10-26T11:00:00+01:00".parse().unwrap());
    }

    #[test]
    fn the_clock_stops_with_the_report() {
        let at = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        let hours = SignedDuration::from_hours;
        assert_eq!(Clock::at(at(0), None, at(70)), Clock::Running(hours(2)));
        assert_eq!(Clock::at(at(0), None, at(75)), Clock::RunOut(hours(3)));
        assert_eq!(Clock::at(at(0), Some(at(10)), at(500)), Clock::Reported(hours(62)));
        assert_eq!(Clock::at(at(0), Some(at(73)), at(500)), Clock::ReportedLate(hours(1)));
    }
}
