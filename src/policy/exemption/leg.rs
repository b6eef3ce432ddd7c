//! One leg of a journey: territories, from, until.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::territory::{InvalidTerritory, Territory};

/// Where a person is from one instant up to, and not including, another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Leg {
    /// The countries or subdivisions, each once, in the order of their codes.
    pub territories: Vec<Territory>,
    /// The first instant.
    pub from: Timestamp,
    /// The first instant that no longer belongs to it.
    pub until: Timestamp,
}

/// Why a text is no leg.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLeg {
    /// Not two parts.
    #[error(
        "{0:?} is no leg: write the territories, a space and the first and last day, such as \"CN,HK 2026-12-01..2026-12-08\""
    )]
    Shape(String),
    /// A territory that cannot be read.
    #[error("a leg names a territory that cannot be read")]
    Territory(#[from] InvalidTerritory),
    /// A comma with nothing beside it.
    #[error("a leg names its territories with one comma between two, such as CN,HK")]
    EmptyTerritory,
    /// Neither a day nor an instant.
    #[error(
        "{0:?} is neither a day such as 2026-12-01 nor an instant with its offset such as 2026-12-01T08:00:00+01:00"
    )]
    Instant(String),
    /// A day and an instant.
    #[error("a leg has two days or two instants, not one of each: {0:?}")]
    Mixed(String),
    /// Beyond what the calendar holds.
    #[error("{0:?} lies beyond the calendar")]
    BeyondCalendar(String),
}

enum Bound {
    Day(Date),
    Instant(Timestamp),
}

impl Leg {
    /// Reads `CN,HK 2026-12-01..2026-12-08`: first and last day, both inclusive, in `zone`; or
    /// `CN 2026-12-01T08:00:00+01:00..2026-12-03T20:00:00+01:00`: RFC 3339 instants, of which the
    /// second no longer belongs to the leg. Whether the end lies after the start is for
    /// [`super::validate`] to say, beside everything else.
    ///
    /// # Errors
    /// [`InvalidLeg`] where the text has another form.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, InvalidLeg> {
        let shape = || InvalidLeg::Shape(text.to_owned());
        let (codes, span) = text.trim().rsplit_once(char::is_whitespace).ok_or_else(shape)?;
        let (first, last) = span.split_once("..").ok_or_else(shape)?;
        let (from, until) = match (bound(first)?, bound(last)?) {
            (Bound::Instant(from), Bound::Instant(until)) => (from, until),
            (Bound::Day(first), Bound::Day(last)) => {
                let beyond = |_| InvalidLeg::BeyondCalendar(span.to_owned());
                whole_days((first, last), zone).map_err(beyond)?
            }
            (Bound::Day(_), Bound::Instant(_)) | (Bound::Instant(_), Bound::Day(_)) => {
                return Err(InvalidLeg::Mixed(span.to_owned()));
            }
        };
        Ok(Self { territories: territories(codes)?, from, until })
    }

    /// From the first to the last of these days, both inclusive, in `zone`.
    ///
    /// # Errors
    /// [`InvalidLeg::BeyondCalendar`].
    pub fn of_days(
        territories: Vec<Territory>,
        (first, last): (Date, Date),
        zone: &TimeZone,
    ) -> Result<Self, InvalidLeg> {
        let beyond = |_| InvalidLeg::BeyondCalendar(format!("{first}..{last}"));
        let (from, until) = whole_days((first, last), zone).map_err(beyond)?;
        Ok(Self { territories, from, until })
    }

    /// Reads an end alone, as the second half of a leg: the last day in `zone`, or an instant.
    ///
    /// # Errors
    /// [`InvalidLeg`] where the text is neither.
    pub fn parse_end(text: &str, zone: &TimeZone) -> Result<Timestamp, InvalidLeg> {
        let beyond = |_| InvalidLeg::BeyondCalendar(text.to_owned());
        match bound(text.trim())? {
            Bound::Instant(until) => Ok(until),
            Bound::Day(last) => {
                start_of_day(last.tomorrow().map_err(beyond)?, zone).map_err(beyond)
            }
        }
    }

    /// The leg as [`Leg::parse`] reads it: as days where it begins and ends with days of `zone`.
    #[must_use]
    pub fn written(&self, zone: &TimeZone) -> String {
        let codes: Vec<String> = self.territories.iter().map(ToString::to_string).collect();
        let codes = codes.join(",");
        match self.days(zone) {
            Some((first, last)) => format!("{codes} {first}..{last}"),
            None => format!("{codes} {}..{}", self.from, self.until),
        }
    }

    /// First and last day, where the leg is made of whole days of `zone`.
    #[must_use]
    pub fn days(&self, zone: &TimeZone) -> Option<(Date, Date)> {
        let first = zone.to_datetime(self.from).date();
        let after = zone.to_datetime(self.until).date();
        let begins = |day, at| start_of_day(day, zone).is_ok_and(|start| start == at);
        let whole = self.from < self.until && begins(first, self.from) && begins(after, self.until);
        whole.then_some(()).and_then(|()| Some((first, after.yesterday().ok()?)))
    }
}

/// From the first instant of a day to the end of another.
fn whole_days(
    (first, last): (Date, Date),
    zone: &TimeZone,
) -> Result<(Timestamp, Timestamp), jiff::Error> {
    Ok((start_of_day(first, zone)?, start_of_day(last.tomorrow()?, zone)?))
}

/// The first instant of a day: midnight, or what follows it where the clocks skip midnight, or the
/// earlier one where they show it twice.
fn start_of_day(day: Date, zone: &TimeZone) -> Result<Timestamp, jiff::Error> {
    day.to_zoned(zone.clone()).map(|zoned| zoned.timestamp())
}

fn territories(codes: &str) -> Result<Vec<Territory>, InvalidLeg> {
    let mut territories = Vec::new();
    for code in codes.split(',').map(str::trim) {
        if code.is_empty() {
            return Err(InvalidLeg::EmptyTerritory);
        }
        territories.push(Territory::parse(code)?);
    }
    territories.sort_unstable();
    territories.dedup();
    Ok(territories)
}

fn bound(text: &str) -> Result<Bound, InvalidLeg> {
    let neither = || InvalidLeg::Instant(text.to_owned());
    if text.len() == "2026-12-01".len() {
        text.parse().map(Bound::Day).map_err(|_| neither())
    } else {
        text.parse().map(Bound::Instant).map_err(|_| neither())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn copenhagen(text: &str) -> Leg {
        Leg::parse(text, &zone("Europe/Copenhagen")).unwrap()
    }

    fn bounds(leg: &Leg) -> (String, String) {
        (leg.from.to_string(), leg.until.to_string())
    }

    #[test]
    fn days_are_whole_and_both_inclusive() {
        let leg = copenhagen("HK,CN 2026-12-01..2026-12-08");
        assert_eq!(bounds(&leg), ("2026-11-30T23:00:00Z".into(), "2026-12-08T23:00:00Z".into()));
        assert_eq!(leg.written(&zone("Europe/Copenhagen")), "CN,HK 2026-12-01..2026-12-08");
        let one_day = copenhagen(" cn, hk ,CN 2026-12-01..2026-12-01 ");
        assert_eq!(one_day.territories.len(), 2);
        assert_eq!(one_day.until.duration_since(one_day.from).as_hours(), 24);
    }

    #[test]
    fn summer_time_makes_days_of_23_and_25_hours() {
        let spring = copenhagen("CN 2027-03-28..2027-03-28");
        assert_eq!(spring.until.duration_since(spring.from).as_hours(), 23);
        let autumn = copenhagen("CN 2027-10-31..2027-10-31");
        assert_eq!(autumn.until.duration_since(autumn.from).as_hours(), 25);
    }

    #[test]
    fn where_midnight_is_skipped_or_shown_twice_the_day_begins_at_its_first_instant() {
        // Cairo skips 00:00 to 01:00 on the last Friday of April.
        let skipped = Leg::parse("EG 2026-04-24..2026-04-24", &zone("Africa/Cairo")).unwrap();
        assert_eq!(
            bounds(&skipped),
            ("2026-04-23T22:00:00Z".into(), "2026-04-24T21:00:00Z".into())
        );
        // Havana shows 00:00 to 01:00 twice on the first Sunday of November.
        let twice = Leg::parse("CU 2026-11-01..2026-11-01", &zone("America/Havana")).unwrap();
        assert_eq!(bounds(&twice), ("2026-11-01T04:00:00Z".into(), "2026-11-02T05:00:00Z".into()));
    }

    #[test]
    fn an_end_alone_is_the_end_of_a_leg() {
        let zone = zone("Europe/Copenhagen");
        for end in ["2026-12-08", "2026-12-03T20:00:00+01:00"] {
            let from = if end.len() == 10 { "2026-12-01" } else { "2026-12-01T00:00:00Z" };
            let leg = copenhagen(&format!("CN {from}..{end}"));
            assert_eq!(Leg::parse_end(&format!(" {end} "), &zone), Ok(leg.until));
        }
        for text in ["", "9999-12-31", "tomorrow"] {
            assert!(Leg::parse_end(text, &zone).is_err(), "{text:?}");
        }
    }

    #[test]
    fn instants_are_taken_as_they_are() {
        let text = "CN 2026-12-01T08:00:00+01:00..2026-12-03T20:00:00+01:00";
        let leg = copenhagen(text);
        assert_eq!(bounds(&leg), ("2026-12-01T07:00:00Z".into(), "2026-12-03T19:00:00Z".into()));
        assert_eq!(
            leg.written(&zone("Europe/Copenhagen")),
            "CN 2026-12-01T07:00:00Z..2026-12-03T19:00:00Z"
        );
    }

    #[test]
    fn what_is_no_leg_is_refused_with_what_was_expected() {
        let refusal = |text: &str| Leg::parse(text, &TimeZone::UTC).unwrap_err();
        for text in
            ["", "CN", "2026-12-01..2026-12-08", "CN 2026-12-01", "CN 2026-12-01-2026-12-08"]
        {
            assert!(matches!(refusal(text), InvalidLeg::Shape(_)), "{text:?}");
        }
        for text in [
            "CHN 2026-12-01..2026-12-08",
            "Kina 2026-12-01..2026-12-08",
            "CN HK 2026-12-01..2026-12-08",
        ] {
            assert!(matches!(refusal(text), InvalidLeg::Territory(_)), "{text:?}");
        }
        for text in ["CN,,HK 2026-12-01..2026-12-08", ", 2026-12-01..2026-12-08"] {
            assert_eq!(refusal(text), InvalidLeg::EmptyTerritory, "{text:?}");
        }
        for text in [
            "CN 2026-13-01..2026-12-08",
            "CN 2026-02-30..2026-12-08",
            "CN ..2026-12-08",
            "CN 2026-12-01..",
            "CN 01-12-2026..08-12-2026",
            "CN 2026-12-01T08:00..2026-12-08T08:00",
            "CN 2026-12-01T08:00:00..2026-12-03T20:00:00",
            "CN 2026-12-01..2026-12-08..2026-12-09",
            "CN today..2026-12-08",
        ] {
            assert!(matches!(refusal(text), InvalidLeg::Instant(_)), "{text:?}");
        }
        assert!(matches!(
            refusal("CN 2026-12-01..2026-12-03T20:00:00+01:00"),
            InvalidLeg::Mixed(_)
        ));
        assert!(matches!(refusal("CN 2026-12-01..9999-12-31"), InvalidLeg::BeyondCalendar(_)));
        let control = refusal("CN \u{1b}[31m..2026-12-08").to_string();
        assert!(!control.contains('\u{1b}'), "{control}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = Leg::parse(&text, &TimeZone::UTC);
        }

        #[test]
        fn what_is_written_reads_back(from in 0_i64..4_000_000_000, days in 0_i32..400, instants: bool) {
            let zone = zone("Europe/Copenhagen");
            let from = Timestamp::from_second(from).unwrap();
            let first = zone.to_datetime(from).date();
            let last = first.checked_add(jiff::Span::new().days(days)).unwrap();
            let leg = if instants {
                let until = from + jiff::SignedDuration::from_hours(i64::from(days) * 24 + 1);
                Leg { territories: vec![Territory::parse("CN").unwrap()], from, until }
            } else {
                Leg::parse(&format!("CN,RU-CE {first}..{last}"), &zone).unwrap()
            };
            prop_assert_eq!(Leg::parse(&leg.written(&zone), &zone).unwrap(), leg);
        }
    }
}
