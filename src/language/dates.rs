//! Days and times as each language writes them. PURE.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};

use super::Language;

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
pub(crate) struct Dates<'a> {
    pub(crate) zone: &'a TimeZone,
    pub(crate) language: Language,
}

impl Dates<'_> {
    /// `1. december 2026`, `1 December 2026`
    pub(crate) fn day(self, date: Date) -> String {
        self::date(date, self.language)
    }

    /// `tirsdag den 1. december 2026 kl. 08.30`, `Tuesday 1 December 2026 at 08:30`
    pub(crate) fn moment(self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        let weekday = usize::from(zoned.weekday().to_monday_zero_offset().unsigned_abs());
        let (day, time) = (self.day(zoned.date()), self.time(at));
        match self.language {
            Language::Danish => format!("{} den {day} kl. {time}", name(&DANISH_DAYS, weekday)),
            Language::English => format!("{} {day} at {time}", name(&ENGLISH_DAYS, weekday)),
        }
    }

    /// `23.59`, `23:59`
    pub(crate) fn time(self, at: Timestamp) -> String {
        let zoned = self.zoned(at);
        let between = match self.language {
            Language::Danish => '.',
            Language::English => ':',
        };
        format!("{:02}{between}{:02}", zoned.hour(), zoned.minute())
    }

    /// The day in this zone.
    pub(crate) fn date(self, at: Timestamp) -> Date {
        self.zoned(at).date()
    }

    /// Whose time it is, for people who are elsewhere.
    pub(crate) fn whose(self) -> String {
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
pub(crate) fn last_minute(until: Timestamp) -> Timestamp {
    until.checked_sub(SignedDuration::from_secs(1)).unwrap_or(until)
}

/// An instant in a zone, saying whose time: `22. november 2026 kl. 14.05 (dansk tid)`,
/// `22 November 2026, 14:05 (Danish time)`.
#[must_use]
pub fn instant(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let shown = date_and_time(zone.to_datetime(at), language);
    format!("{shown} ({})", zone_name(zone, language))
}

/// The same instant for those who compare logs: `22. november 2026 kl. 13.05 UTC`.
#[must_use]
pub fn universal(at: Timestamp, language: Language) -> String {
    format!("{} UTC", date_and_time(TimeZone::UTC.to_datetime(at), language))
}

fn date_and_time(at: DateTime, language: Language) -> String {
    let day = date(at.date(), language);
    let (hour, minute) = (at.hour(), at.minute());
    match language {
        Language::Danish => format!("{day} kl. {hour:02}.{minute:02}"),
        Language::English => format!("{day}, {hour:02}:{minute:02}"),
    }
}

/// `22. november 2026`, `22 November 2026`.
#[must_use]
pub fn date(day: Date, language: Language) -> String {
    let stop = match language {
        Language::Danish => ".",
        Language::English => "",
    };
    format!("{}{stop} {} {}", day.day(), month(day.month(), language), day.year())
}

/// The name of a month, 1 to 12.
#[must_use]
pub fn month(month: i8, language: Language) -> &'static str {
    let names = match language {
        Language::Danish => &DANISH_MONTHS,
        Language::English => &ENGLISH_MONTHS,
    };
    name(names, usize::from(month.unsigned_abs()).wrapping_sub(1))
}

/// Whose time it is.
#[must_use]
pub fn zone_name(zone: &TimeZone, language: Language) -> String {
    let (danish, english) = match zone.iana_name() {
        Some("Europe/Copenhagen") => ("dansk tid", "Danish time"),
        Some("Atlantic/Faroe") => ("færøsk tid", "Faroese time"),
        Some("America/Nuuk" | "America/Godthab") => ("grønlandsk tid", "Greenland time"),
        Some(name) => (name, name),
        None => ("UTC", "UTC"),
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
    .to_owned()
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

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn an_instant_says_whose_time_it_is_in_summer_and_winter() {
        let copenhagen = zone("Europe/Copenhagen");
        let winter: Timestamp = "2026-11-22T13:05:59Z".parse().unwrap();
        let summer: Timestamp = "2026-07-01T22:00:00Z".parse().unwrap();
        assert_eq!(
            instant(winter, &copenhagen, Language::Danish),
            "22. november 2026 kl. 14.05 (dansk tid)"
        );
        assert_eq!(
            instant(winter, &copenhagen, Language::English),
            "22 November 2026, 14:05 (Danish time)"
        );
        assert_eq!(
            instant(summer, &copenhagen, Language::Danish),
            "2. juli 2026 kl. 00.00 (dansk tid)"
        );
        assert_eq!(universal(summer, Language::English), "1 July 2026, 22:00 UTC");
        assert_eq!(
            instant(winter, &TimeZone::UTC, Language::Danish),
            "22. november 2026 kl. 13.05 (UTC)"
        );
        assert!(
            instant(winter, &zone("Europe/Berlin"), Language::Danish)
                .ends_with("14.05 (Europe/Berlin)")
        );
    }
}
