//! Which span of days is to be reviewed, and by when.

use jiff::ToSpan as _;
use jiff::civil::Date;

/// How often an organisation reviews its log, and how much of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// The first day of the first span.
    pub starts: Date,
    /// How many days a span has.
    pub every_days: u16,
    /// How many entries are drawn of each span.
    pub sample: u16,
    /// How many days after a span its review has to be done.
    pub within_days: u16,
}

/// Why something is no plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPlan {
    /// The length of a span.
    #[error("a span has 1 to 366 days")]
    EveryDays,
    /// The size of the sample.
    #[error("a sample has 1 to 200 entries")]
    Sample,
    /// The time for the review.
    #[error("a review is done within 1 to 90 days")]
    WithinDays,
}

/// A span of whole days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first day.
    pub from: Date,
    /// The day after its last.
    pub until: Date,
}

/// Where the review stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Every span that is over has been reviewed; the next one is over on this day.
    UpToDate(Date),
    /// A span waits, its review is due on this day.
    Waiting(Period, Date),
    /// It was due on that day.
    Overdue(Period, Date),
}

impl Plan {
    /// The plan, where its figures are ones.
    ///
    /// # Errors
    /// [`InvalidPlan`] names the first that is none.
    pub fn check(self) -> Result<Self, InvalidPlan> {
        if !(1..=366).contains(&self.every_days) {
            return Err(InvalidPlan::EveryDays);
        }
        if !(1..=200).contains(&self.sample) {
            return Err(InvalidPlan::Sample);
        }
        if !(1..=90).contains(&self.within_days) {
            return Err(InvalidPlan::WithinDays);
        }
        Ok(self)
    }

    /// The span that follows what has been reviewed up to `reviewed`: whole spans of this plan,
    /// without a gap, also where the plan was another before.
    #[must_use]
    pub fn next(&self, reviewed: Option<Date>) -> Period {
        let from = reviewed.unwrap_or(self.starts);
        Period { from, until: after(from, self.every_days) }
    }

    /// Where the review stands on `today`, all up to `reviewed` being done.
    #[must_use]
    pub fn standing(&self, reviewed: Option<Date>, today: Date) -> Standing {
        let next = self.next(reviewed);
        if next.until > today {
            return Standing::UpToDate(next.until);
        }
        let due = after(next.until, self.within_days);
        if today > due { Standing::Overdue(next, due) } else { Standing::Waiting(next, due) }
    }
}

impl Period {
    /// Its last day.
    #[must_use]
    pub fn last(&self) -> Date {
        self.until.checked_sub(1.day()).unwrap_or(self.until)
    }
}

fn after(day: Date, days: u16) -> Date {
    day.checked_add(i64::from(days).days()).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn plan() -> Plan {
        Plan { starts: day("2026-10-01"), every_days: 30, sample: 20, within_days: 14 }
    }

    #[test]
    fn a_span_waits_when_it_is_over_and_is_overdue_after_its_days() {
        let period = Period { from: day("2026-10-01"), until: day("2026-10-31") };
        let due = day("2026-11-14");
        let standing = |today| plan().standing(None, day(today));
        assert_eq!(standing("2026-10-30"), Standing::UpToDate(day("2026-10-31")));
        assert_eq!(standing("2026-10-31"), Standing::Waiting(period, due));
        assert_eq!(standing("2026-11-14"), Standing::Waiting(period, due));
        assert_eq!(standing("2026-11-15"), Standing::Overdue(period, due));
        assert_eq!(period.last(), day("2026-10-30"));
    }

    #[test]
    fn spans_follow_one_another_without_a_gap_also_under_another_plan() {
        let reviewed = Some(day("2026-10-31"));
        assert_eq!(plan().next(reviewed).from, day("2026-10-31"));
        let other = Plan { starts: day("2027-01-01"), every_days: 7, ..plan() };
        let next = Period { from: day("2026-10-31"), until: day("2026-11-07") };
        assert_eq!(other.next(reviewed), next, "a later start leaves nothing out");
        // What was missed stays the next one, however late it is.
        assert_eq!(
            other.standing(reviewed, day("2027-06-01")),
            Standing::Overdue(next, day("2026-11-21"))
        );
    }

    #[test]
    fn a_plan_without_sense_is_none() {
        for (plan, wrong) in [
            (Plan { every_days: 0, ..plan() }, InvalidPlan::EveryDays),
            (Plan { every_days: 367, ..plan() }, InvalidPlan::EveryDays),
            (Plan { sample: 0, ..plan() }, InvalidPlan::Sample),
            (Plan { sample: 201, ..plan() }, InvalidPlan::Sample),
            (Plan { within_days: 0, ..plan() }, InvalidPlan::WithinDays),
            (Plan { within_days: 91, ..plan() }, InvalidPlan::WithinDays),
        ] {
            assert_eq!(plan.check(), Err(wrong));
        }
        assert_eq!(plan().check(), Ok(plan()));
    }
}
