//! Working days as a Danish authority counts them: not on Saturdays and Sundays, public holidays,
//! Constitution Day, Christmas Eve and New Year's Eve. PURE.
//!
//! The Great Prayer Day, abolished from 2024 on, counts as the working day that it is.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

/// The days that move with Easter Sunday, as days after it: Maundy Thursday, Good Friday, Easter
/// Sunday and Monday, Ascension Day, Whit Sunday and Monday.
const AROUND_EASTER: [i32; 7] = [-3, -2, 0, 1, 39, 49, 50];
/// Month and day of those that do not move.
const FIXED: [(i8, i8); 6] = [(1, 1), (6, 5), (12, 24), (12, 25), (12, 26), (12, 31)];
/// No run of free days is longer, so a search over so many always ends with a working day.
const LONGEST_SEARCH: usize = 14;

/// Whether anybody works on that day.
#[must_use]
pub fn is_working_day(day: Date) -> bool {
    let weekend = matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday);
    let fixed = FIXED.contains(&(day.month(), day.day()));
    let moving = easter_sunday(day.year())
        .and_then(|easter| easter.until(day).ok())
        .is_some_and(|since| AROUND_EASTER.contains(&since.get_days()));
    !weekend && !fixed && !moving
}

/// The first working day after `day`; none at the end of the calendar.
#[must_use]
pub fn next_working_day(day: Date) -> Option<Date> {
    days_after(day).take(LONGEST_SEARCH).find(|&later| is_working_day(later))
}

/// How many working days there are from `first` on, up to and not including `end`.
#[must_use]
pub fn working_days_between(first: Date, end: Date) -> usize {
    std::iter::once(first)
        .chain(days_after(first))
        .take_while(|&day| day < end)
        .filter(|&day| is_working_day(day))
        .count()
}

/// The first day that has so many working days before it, counted from `first` on.
#[must_use]
pub fn after_working_days(first: Date, count: u16) -> Option<Date> {
    let mut left = count;
    let mut day = first;
    while left > 0 {
        left -= u16::from(is_working_day(day));
        day = day.tomorrow().ok()?;
    }
    Some(day)
}

/// The instant at which the next working day after `now` is over, in this zone; `now` itself where the
/// calendar ends, so that nothing lasts longer for it.
#[must_use]
pub fn end_of_next_working_day(now: Timestamp, zone: &TimeZone) -> Timestamp {
    next_working_day(zone.to_datetime(now).date())
        .and_then(|day| day.tomorrow().ok())
        .and_then(|morning| morning.to_zoned(zone.clone()).ok())
        .map_or(now, |morning| morning.timestamp())
}

fn days_after(day: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(day.tomorrow().ok(), |day| day.tomorrow().ok())
}

/// Easter Sunday of the Gregorian calendar: the Sunday after the full moon on or after 21 March, by
/// the calendar's own moon of 19 years with its corrections by century.
fn easter_sunday(year: i16) -> Option<Date> {
    let year = i32::from(year);
    let (century, golden) = (year / 100, year % 19);
    let skipped_leap_days = century - century / 4;
    let moon_correction = (8 * century + 13) / 25;
    let epact = (19 * golden + skipped_leap_days - moon_correction + 15) % 30;
    // The moon of 29 days, and of two equal full moons within 19 years the earlier.
    let early = i32::from(epact == 29 || (epact == 28 && golden > 10));
    let full_moon = epact - early;
    let march_21 = Date::new(i16::try_from(year).ok()?, 3, 21).ok()?;
    let moon = march_21.checked_add(jiff::Span::new().days(full_moon)).ok()?;
    moon.nth_weekday(1, Weekday::Sunday).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn easter_is_where_the_calendars_have_it() {
        for text in [
            "1818-03-22",
            "1943-04-25",
            "1954-04-18",
            "1981-04-19",
            "2000-04-23",
            "2008-03-23",
            "2011-04-24",
            "2019-04-21",
            "2024-03-31",
            "2025-04-20",
            "2026-04-05",
            "2027-03-28",
            "2028-04-16",
            "2029-04-01",
            "2030-04-21",
            "2038-04-25",
            "2049-04-18",
            "2076-04-19",
            "2285-03-22",
        ] {
            assert_eq!(easter_sunday(day(text).year()), Some(day(text)));
        }
    }

    #[test]
    fn nobody_works_on_danish_holidays() {
        for text in [
            "2026-01-01",
            "2026-04-02",
            "2026-04-03",
            "2026-04-05",
            "2026-04-06",
            "2026-05-14",
            "2026-05-24",
            "2026-05-25",
            "2026-06-05",
            "2026-12-24",
            "2026-12-25",
            "2026-12-26",
            "2026-12-31",
            "2026-11-21",
            "2026-11-22",
        ] {
            assert!(!is_working_day(day(text)), "{text}");
        }
        for text in [
            "2026-11-23",
            "2026-04-01",
            "2026-04-07",
            "2026-05-01",
            "2026-05-15",
            "2026-12-23",
            "2026-12-28",
            "2026-12-30",
            "2027-01-04",
        ] {
            assert!(is_working_day(day(text)), "{text}");
        }
    }

    #[test]
    fn the_next_working_day_is_beyond_weekends_and_holidays() {
        for (from, to) in [
            ("2026-11-23", "2026-11-24"),
            ("2026-11-20", "2026-11-23"),
            ("2026-11-21", "2026-11-23"),
            ("2026-04-01", "2026-04-07"),
            ("2026-12-23", "2026-12-28"),
            ("2027-12-30", "2028-01-03"),
        ] {
            assert_eq!(next_working_day(day(from)), Some(day(to)), "{from}");
        }
        assert_eq!(next_working_day(Date::MAX), None);
    }

    #[test]
    fn the_lead_time_is_counted_in_whole_working_days() {
        // Monday to Monday has five, and so has Monday to Saturday.
        assert_eq!(working_days_between(day("2026-11-23"), day("2026-11-30")), 5);
        assert_eq!(working_days_between(day("2026-11-23"), day("2026-11-28")), 5);
        assert_eq!(working_days_between(day("2026-11-22"), day("2026-11-27")), 4);
        assert_eq!(working_days_between(day("2026-11-23"), day("2026-11-23")), 0);
        assert_eq!(working_days_between(day("2026-12-21"), day("2027-01-04")), 6);
        assert_eq!(after_working_days(day("2026-11-22"), 5), Some(day("2026-11-28")));
        assert_eq!(after_working_days(day("2026-11-22"), 0), Some(day("2026-11-22")));
    }

    #[test]
    fn the_day_ends_in_the_organizations_zone() {
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let ends = |text: &str| end_of_next_working_day(text.parse().unwrap(), &zone).to_string();
        // Friday evening: Monday until midnight. A minute later it is Saturday in Denmark.
        assert_eq!(ends("2026-11-20T22:59:00Z"), "2026-11-23T23:00:00Z");
        assert_eq!(ends("2026-11-22T22:59:00Z"), "2026-11-23T23:00:00Z");
        assert_eq!(ends("2026-11-22T23:00:00Z"), "2026-11-24T23:00:00Z");
        // Over the change to summer time.
        assert_eq!(ends("2027-03-26T12:00:00Z"), "2027-03-30T22:00:00Z");
    }
}
