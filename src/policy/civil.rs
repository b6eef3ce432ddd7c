//! Days as Denmark counts them. PURE.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The time zone in which the dates of a country list are meant. It is compiled in; were it not,
/// UTC would let a version begin an hour or two later, never earlier.
#[must_use]
pub fn denmark() -> TimeZone {
    TimeZone::get("Europe/Copenhagen").unwrap_or(TimeZone::UTC)
}

/// The instant at which a day begins in Denmark. None for a day beyond what a timestamp can say.
#[must_use]
pub fn midnight(day: Date) -> Option<Timestamp> {
    day.to_zoned(denmark()).ok().map(|midnight| midnight.timestamp())
}

/// So many calendar days later, at the same time of day in Denmark; a day may have 23 or 25 hours.
/// The latest instant there is where the sum goes beyond it.
#[must_use]
pub fn days_later(instant: Timestamp, days: u16) -> Timestamp {
    let zoned = instant.to_zoned(denmark());
    zoned
        .checked_add(jiff::Span::new().days(days))
        .map_or(Timestamp::MAX, |later| later.timestamp())
}

/// A date and, where it is not midnight, the time, as Denmark reads them.
#[must_use]
pub fn shown(instant: Timestamp) -> String {
    let zoned = instant.to_zoned(denmark());
    if zoned.time() == jiff::civil::Time::midnight() {
        return zoned.date().to_string();
    }
    zoned.strftime("%Y-%m-%d %H:%M Danish time").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_as_in_denmark() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(midnight("2025-05-12".parse().unwrap()), Some(at("2025-05-11T22:00:00Z")));
        assert_eq!(midnight("2025-01-12".parse().unwrap()), Some(at("2025-01-11T23:00:00Z")));
        // The night to 30 March 2025 lost an hour.
        assert_eq!(days_later(at("2025-03-29T12:00:00Z"), 1), at("2025-03-30T11:00:00Z"));
        assert_eq!(days_later(Timestamp::MAX, 1), Timestamp::MAX);
        assert_eq!(shown(at("2025-05-11T22:00:00Z")), "2025-05-12");
        assert_eq!(shown(at("2025-05-12T08:30:00Z")), "2025-05-12 10:30 Danish time");
    }
}
