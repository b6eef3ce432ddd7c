//! Durations, numbers and names put together as each language does. PURE.

use std::time::Duration;

use super::Language;

/// How long something is kept: `30 dage`, `400 dage (cirka 13 måneder)`.
#[must_use]
pub fn duration(length: Duration, language: Language) -> String {
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
#[must_use]
pub fn possessive(name: &str, language: Language) -> String {
    let sibilant = name.ends_with(['s', 'S', 'x', 'X', 'z', 'Z']);
    match (language, sibilant) {
        (_, true) => format!("{name}'"),
        (Language::Danish, false) => format!("{name}s"),
        (Language::English, false) => format!("{name}'s"),
    }
}

/// `a, b og c`, `a, b and c`.
#[must_use]
pub fn enumeration(names: &[&str], language: Language) -> String {
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

/// A whole number as it is read: `1.234.567` in Danish, `1,234,567` in English.
#[must_use]
pub fn number(value: u64, language: Language) -> String {
    let between = match language {
        Language::Danish => '.',
        Language::English => ',',
    };
    let digits = value.to_string();
    let mut written = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            written.push(between);
        }
        written.push(digit);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::Language::{Danish, English};
    use super::*;

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
    fn names_are_put_together_as_the_language_does() {
        assert_eq!(possessive("Ballerup Kommune", Danish), "Ballerup Kommunes");
        assert_eq!(possessive("Aarhus", Danish), "Aarhus'");
        assert_eq!(possessive("Ballerup Kommune", English), "Ballerup Kommune's");
        assert_eq!(enumeration(&["Kina", "Iran", "Irak"], Danish), "Kina, Iran og Irak");
        assert_eq!(enumeration(&["China"], English), "China");
        assert_eq!(enumeration(&[], English), "");
    }

    #[test]
    fn a_number_is_parted_in_threes() {
        for (value, danish, english) in
            [(0, "0", "0"), (999, "999", "999"), (1_000, "1.000", "1,000")]
        {
            assert_eq!(number(value, Danish), danish);
            assert_eq!(number(value, English), english);
        }
        assert_eq!(number(1_234_567, Danish), "1.234.567");
    }
}
