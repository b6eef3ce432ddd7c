//! Dates, durations, names and references in Danish and English.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::language::Language;

const MONTHS_DANISH: [&str; 12] = [
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
const MONTHS_ENGLISH: [&str; 12] = [
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

/// An instant in a zone, saying whose time: `22. november 2026 kl. 14.05 (dansk tid)`,
/// `22 November 2026, 14:05 (Danish time)`.
#[must_use]
pub fn instant(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let shown = date_and_time(zone.to_datetime(at), language);
    format!("{shown} ({})", zone_name(zone, language))
}

/// The same instant for those who compare logs: `22. november 2026 kl. 13.05 UTC`.
pub(super) fn universal(at: Timestamp, language: Language) -> String {
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
pub(super) fn date(day: Date, language: Language) -> String {
    let (months, stop) = match language {
        Language::Danish => (MONTHS_DANISH, "."),
        Language::English => (MONTHS_ENGLISH, ""),
    };
    let month = usize::try_from(day.month() - 1).ok().and_then(|index| months.get(index));
    format!("{}{stop} {} {}", day.day(), month.copied().unwrap_or("?"), day.year())
}

/// Whose time it is.
pub(super) fn zone_name(zone: &TimeZone, language: Language) -> String {
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

/// How long something is kept: `30 dage`, `400 dage (cirka 13 måneder)`.
pub(super) fn duration(length: Duration, language: Language) -> String {
    let hours = length.as_secs().div_ceil(3600);
    if hours < 48 {
        return match (language, hours) {
            (Language::Danish, 1) => "1 time".to_owned(),
            (Language::Danish, _) => format!("{hours} timer"),
            (Language::English, 1) => "1 hour".to_owned(),
            (Language::English, _) => format!("{hours} hours"),
        };
    }
    // Days are rounded up: a page never promises to delete sooner than is done.
    let days = hours.div_ceil(24);
    let months = (days * 100 + 1522) / 3044;
    match language {
        Language::Danish if days < 60 => format!("{days} dage"),
        Language::Danish => format!("{days} dage (cirka {months} måneder)"),
        Language::English if days < 60 => format!("{days} days"),
        Language::English => format!("{days} days (about {months} months)"),
    }
}

/// `Ballerup Kommunes`, `Aarhus'`; `Ballerup Kommune's`.
pub(super) fn possessive(name: &str, language: Language) -> String {
    let sibilant = name.ends_with(['s', 'S', 'x', 'X', 'z', 'Z']);
    match (language, sibilant) {
        (_, true) => format!("{name}'"),
        (Language::Danish, false) => format!("{name}s"),
        (Language::English, false) => format!("{name}'s"),
    }
}

/// `a, b og c`, `a, b and c`.
pub(super) fn enumeration(names: &[&str], language: Language) -> String {
    let and = match language {
        Language::Danish => "og",
        Language::English => "and",
    };
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} {and} {last}", first.join(", ")),
    }
}

/// The reference letter by letter, for a screen reader: `K 7 Q X, 2 M 9 D`.
pub(super) fn reference_letters(reference: &str) -> String {
    let spaced = |part: &str| part.chars().map(String::from).collect::<Vec<_>>().join(" ");
    reference.split('-').map(spaced).collect::<Vec<_>>().join(", ")
}

/// The reference as it is said over a bad line: `K som Karen, 7, …`, `K as in Kilo, 7, …`.
pub(super) fn reference_words(reference: &str, language: Language) -> String {
    let said: Vec<String> = reference
        .chars()
        .filter(|&c| c != '-')
        .map(|letter| match (spelling_word(letter, language), language) {
            (Some(word), Language::Danish) => format!("{letter} som {word}"),
            (Some(word), Language::English) => format!("{letter} as in {word}"),
            (None, _) => letter.to_string(),
        })
        .collect();
    said.join(", ")
}

/// The Danish spelling table, and that of ICAO and ITU.
fn spelling_word(letter: char, language: Language) -> Option<&'static str> {
    const DANISH: [&str; 26] = [
        "Anna",
        "Bernhard",
        "Cecilie",
        "David",
        "Erik",
        "Frederik",
        "Georg",
        "Hans",
        "Ida",
        "Johan",
        "Karen",
        "Ludvig",
        "Mari",
        "Nikolaj",
        "Odin",
        "Peter",
        "Quintus",
        "Rasmus",
        "Søren",
        "Theodor",
        "Ulla",
        "Viggo",
        "William",
        "Xerxes",
        "Yrsa",
        "Zackarias",
    ];
    const ENGLISH: [&str; 26] = [
        "Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot", "Golf", "Hotel", "India",
        "Juliett", "Kilo", "Lima", "Mike", "November", "Oscar", "Papa", "Quebec", "Romeo",
        "Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray", "Yankee", "Zulu",
    ];
    let index = u32::from(letter.to_ascii_uppercase()).checked_sub(u32::from('A'))?;
    let table = match language {
        Language::Danish => DANISH,
        Language::English => ENGLISH,
    };
    table.get(usize::try_from(index).ok()?).copied()
}

/// Whether a database is DB-IP's, whose licence asks for a link on pages that show its result.
#[must_use]
pub fn is_db_ip(database_type: &str, description: &str) -> bool {
    [database_type, description].iter().any(|text| {
        let text = text.to_ascii_lowercase();
        text.contains("dbip") || text.contains("db-ip")
    })
}

#[cfg(test)]
mod tests {
    use super::Language::{Danish, English};
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    #[test]
    fn an_instant_says_whose_time_it_is_in_summer_and_winter() {
        let copenhagen = zone("Europe/Copenhagen");
        let winter: Timestamp = "2026-11-22T13:05:59Z".parse().unwrap();
        let summer: Timestamp = "2026-07-01T22:00:00Z".parse().unwrap();
        assert_eq!(instant(winter, &copenhagen, Danish), "22. november 2026 kl. 14.05 (dansk tid)");
        assert_eq!(instant(winter, &copenhagen, English), "22 November 2026, 14:05 (Danish time)");
        assert_eq!(instant(summer, &copenhagen, Danish), "2. juli 2026 kl. 00.00 (dansk tid)");
        assert_eq!(universal(summer, English), "1 July 2026, 22:00 UTC");
        assert_eq!(instant(winter, &TimeZone::UTC, Danish), "22. november 2026 kl. 13.05 (UTC)");
        assert!(instant(winter, &zone("Europe/Berlin"), Danish).ends_with("14.05 (Europe/Berlin)"));
    }

    #[test]
    fn a_page_never_promises_to_delete_sooner_than_is_done() {
        let days = |n: u64| Duration::from_secs(n * 86_400);
        assert_eq!(duration(days(400), Danish), "400 dage (cirka 13 måneder)");
        assert_eq!(duration(days(30), English), "30 days");
        assert_eq!(duration(days(30) + Duration::from_secs(1), Danish), "31 dage");
        assert_eq!(duration(Duration::from_secs(3600), Danish), "1 time");
        assert_eq!(duration(Duration::from_secs(1), English), "1 hour");
        assert_eq!(duration(Duration::ZERO, English), "0 hours");
    }

    #[test]
    fn a_reference_can_be_said_over_the_telephone() {
        assert_eq!(reference_letters("K7QX-2M9D"), "K 7 Q X, 2 M 9 D");
        assert_eq!(
            reference_words("K7QX-2M9D", Danish),
            "K som Karen, 7, Q som Quintus, X som Xerxes, 2, M som Mari, 9, D som David"
        );
        assert_eq!(reference_words("z-9", English), "z as in Zulu, 9");
        assert_eq!(reference_words("æ", Danish), "æ");
    }

    #[test]
    fn names_are_put_together_as_the_language_does() {
        assert_eq!(possessive("Ballerup Kommune", Danish), "Ballerup Kommunes");
        assert_eq!(possessive("Aarhus", Danish), "Aarhus'");
        assert_eq!(possessive("Ballerup Kommune", English), "Ballerup Kommune's");
        assert_eq!(enumeration(&["Kina", "Iran", "Irak"], Danish), "Kina, Iran og Irak");
        assert_eq!(enumeration(&["China"], English), "China");
        assert_eq!(enumeration(&[], English), "");
    }

    #[test]
    fn the_database_is_recognised_by_type_or_description() {
        assert!(is_db_ip("DBIP-Country-Lite", ""));
        assert!(is_db_ip("", "IP Geolocation by DB-IP"));
        assert!(!is_db_ip("GeoLite2-Country", "GeoLite2 Country database"));
    }
}
