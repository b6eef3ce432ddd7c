//! Days and times as each language writes them. PURE.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::language::Language;

const DANISH_DAYS: [&str; 7] =
    ["mandag", "tirsdag", "onsdag", "torsdag", "fredag", "lørdag", "søndag"];
const ENGLISH_DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const DANISH_MONTHS: [&str; 12] = [
    "januar",
    "februar",
    "marts",
    "april",
    "maj",
    "juni",
    "juli",
    "august",
    "september",
    "oktober",
    "november",
    "december",
];
const ENGLISH_MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// How instants are shown to one reader.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dates<'a> {
    pub(super) zone: &'a TimeZone,
    pub(super) language: Language,
}

impl Dates<'_> {
    /// `1. december 2026`, `1 December 2026`
    pub(super) fn day(self, date: Date) -> String {
        let (day, year) = (date.day(), date.year());
        let month = usize::from(date.month().unsigned_abs()) - 1;
        match self.language {
            Language::Danish => format!("{day}. {} {year}", name(&DANISH_MONTHS, month)),
            Language::English => format!("{day} {} {year}", name(&ENGLISH_MONTHS, month)),
        }
    }

    /// `tirsdag den 1. december 2026 kl. 08.30`, `Tuesday 1 December 2026 at 08:30`
    pub(super) fn moment(self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        let weekday = usize::from(zoned.weekday().to_monday_zero_offset().unsigned_abs());
        let (day, time) = (self.day(zoned.date()), self.time(at));
        match self.language {
            Language::Danish => format!("{} den {day} kl. {time}", name(&DANISH_DAYS, weekday)),
            Language::English => format!("{} {day} at {time}", name(&ENGLISH_DAYS, weekday)),
        }
    }

    /// `23.59`, `23:59`
    pub(super) fn time(self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        let between = match self.language {
            Language::Danish => '.',
            Language::English => ':',
        };
        format!("{:02}{between}{:02}", zoned.hour(), zoned.minute())
    }

    /// The day in this zone.
    pub(super) fn date(self, at: Timestamp) -> Date {
        self.zoned(at).date()
    }

    /// Whose time it is, for people who are elsewhere.
    pub(super) fn whose(self) -> String {
        let danish = self.zone.iana_name() == Some("Europe/Copenhagen");
        match (self.language, danish) {
            (Language::Danish, true) => "dansk tid".to_owned(),
            (Language::English, true) => "Danish time".to_owned(),
            (Language::Danish, false) => format!("tid i {}", self.zone_name()),
            (Language::English, false) => format!("{} time", self.zone_name()),
        }
    }

    fn zone_name(self) -> String {
        let name = self.zone.iana_name().unwrap_or("UTC");
        name.rsplit('/').next().unwrap_or(name).replace('_', " ")
    }

    fn zoned(self, at: Timestamp) -> Zoned {
        at.to_zoned(self.zone.clone())
    }
}

/// The last minute of what ends at an instant that no longer belongs to it.
pub(super) fn last_minute(until: Timestamp) -> Timestamp {
    until.checked_sub(SignedDuration::from_secs(1)).unwrap_or(until)
}

fn name<const N: usize>(names: &[&'static str; N], index: usize) -> &'static str {
    names.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_writes_days_and_times_its_own_way() {
        let zone = TimeZone::get("Europe/Copenhagen").unwrap();
        let until: Timestamp = "2026-12-08T23:00:00Z".parse().unwrap();
        let danish = Dates { zone: &zone, language: Language::Danish };
        let english = Dates { language: Language::English, ..danish };
        assert_eq!(danish.moment(last_minute(until)), "tirsdag den 8. december 2026 kl. 23.59");
        assert_eq!(english.moment(last_minute(until)), "Tuesday 8 December 2026 at 23:59");
        assert_eq!(danish.moment(until), "onsdag den 9. december 2026 kl. 00.00");
        assert_eq!((danish.whose(), english.whose()), ("dansk tid".into(), "Danish time".into()));
        let zone = TimeZone::get("America/Nuuk").unwrap();
        let nuuk = Dates { zone: &zone, language: Language::Danish };
        assert_eq!((nuuk.time(until), nuuk.whose()), ("21.00".into(), "tid i Nuuk".into()));
    }
}
