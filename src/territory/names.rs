//! What a territory is called, and whether a code exists.

use std::borrow::Cow;

use super::countries::COUNTRIES;
use super::subdivisions::SUBDIVISIONS;
use super::{Country, Territory};
use crate::language::Language;

/// Subdivisions that people name by themselves; others are shown as country and code.
const SUBDIVISION_NAMES: &[(&str, &str, &str)] = &[
    ("GB-ENG", "England", "England"),
    ("GB-NIR", "Nordirland", "Northern Ireland"),
    ("GB-SCT", "Skotland", "Scotland"),
    ("GB-WLS", "Wales", "Wales"),
    ("GE-AB", "Abkhasien", "Abkhazia"),
    ("ID-BA", "Bali", "Bali"),
    ("RU-CE", "Tjetjenien", "Chechnya"),
    ("RU-DA", "Dagestan", "Dagestan"),
    ("RU-IN", "Ingusjetien", "Ingushetia"),
    ("UA-40", "Sevastopol", "Sevastopol"),
    ("UA-43", "Krim", "Crimea"),
];

impl Country {
    /// Whether ISO 3166-1 assigns this code (or it is `XK`).
    #[must_use]
    pub fn is_assigned(self) -> bool {
        row(self).is_some()
    }

    /// Every assigned country, in the order of the codes.
    pub fn assigned() -> impl Iterator<Item = Self> {
        COUNTRIES.iter().filter_map(|(code, ..)| Self::parse(code).ok())
    }

    /// The name in everyday use; the code itself where it is not assigned.
    #[must_use]
    pub fn name(self, language: Language) -> Cow<'static, str> {
        match (row(self), language) {
            (Some((_, _, danish, _)), Language::Danish) => Cow::Borrowed(danish),
            (Some((_, _, _, english)), Language::English) => Cow::Borrowed(english),
            (None, _) => Cow::Owned(self.to_string()),
        }
    }
}

impl Territory {
    /// The name in everyday use. A subdivision that has none in our table is shown as its country
    /// and its code: `Rusland (RU-MOW)`.
    #[must_use]
    pub fn name(self, language: Language) -> Cow<'static, str> {
        if self.subdivision.is_none() {
            return self.country.name(language);
        }
        match (own_name(self), language) {
            (Some((_, danish, _)), Language::Danish) => Cow::Borrowed(danish),
            (Some((_, _, english)), Language::English) => Cow::Borrowed(english),
            (None, _) => Cow::Owned(format!("{} ({self})", self.country.name(language))),
        }
    }

    /// Whether ISO 3166 knows this code: an assigned country, or a subdivision of one.
    #[must_use]
    pub fn is_assigned(self) -> bool {
        let Some(subdivision) = self.subdivision else { return self.country.is_assigned() };
        SUBDIVISIONS
            .binary_search_by_key(&self.country.as_str(), |(country, _)| country)
            .ok()
            .and_then(|at| SUBDIVISIONS.get(at))
            .is_some_and(|(_, codes)| codes.split(' ').any(|code| code == subdivision.as_str()))
    }
}

fn row(
    country: Country,
) -> Option<&'static (&'static str, &'static str, &'static str, &'static str)> {
    COUNTRIES
        .binary_search_by_key(&country.as_str(), |(code, ..)| code)
        .ok()
        .and_then(|at| COUNTRIES.get(at))
}

fn own_name(territory: Territory) -> Option<&'static (&'static str, &'static str, &'static str)> {
    SUBDIVISION_NAMES.iter().find(|(code, ..)| Territory::parse(code) == Ok(territory))
}

/// Every country and every subdivision that has a name: territory, Danish, English.
pub(super) fn named() -> impl Iterator<Item = (Territory, &'static str, &'static str)> {
    let countries = COUNTRIES.iter().map(|(code, _, danish, english)| (*code, *danish, *english));
    countries
        .chain(SUBDIVISION_NAMES.iter().copied())
        .filter_map(|(code, danish, english)| Some((Territory::parse(code).ok()?, danish, english)))
}

/// The three-letter codes.
pub(super) fn three_letter_codes() -> impl Iterator<Item = (Territory, &'static str)> {
    COUNTRIES.iter().filter_map(|(code, three, ..)| Some((Territory::parse(code).ok()?, *three)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{Danish, English};

    fn territory(code: &str) -> Territory {
        Territory::parse(code).unwrap()
    }

    #[test]
    fn the_tables_are_whole_and_in_order() {
        assert_eq!(COUNTRIES.len(), 250, "249 of ISO 3166-1 and XK");
        assert!(COUNTRIES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(SUBDIVISIONS.is_sorted_by(|a, b| a.0 < b.0));
        for (country, codes) in SUBDIVISIONS {
            assert!(territory(country).is_assigned(), "{country}");
            for code in codes.split(' ') {
                assert_eq!(
                    territory(&format!("{country}-{code}")).to_string().len(),
                    3 + code.len()
                );
            }
        }
        for (code, ..) in SUBDIVISION_NAMES {
            assert!(territory(code).is_assigned(), "{code}");
        }
        for (_, three, danish, english) in COUNTRIES {
            assert!(three.len() == 3 && !danish.is_empty() && !english.is_empty());
            assert!(danish.trim() == *danish && english.trim() == *english);
        }
    }

    #[test]
    fn names_are_those_of_everyday_use() {
        for (code, danish, english) in [
            ("DK", "Danmark", "Denmark"),
            ("KP", "Nordkorea", "North Korea"),
            ("BY", "Belarus", "Belarus"),
            ("CD", "DR Congo", "DR Congo"),
            ("CG", "Republikken Congo", "Republic of the Congo"),
            ("HK", "Hongkong", "Hong Kong"),
            ("XK", "Kosovo", "Kosovo"),
            ("FO", "Færøerne", "Faroe Islands"),
            ("RU-CE", "Tjetjenien", "Chechnya"),
            ("UA-43", "Krim", "Crimea"),
            ("RU-MOW", "Rusland (RU-MOW)", "Russia (RU-MOW)"),
            ("QQ", "QQ", "QQ"),
            ("QQ-1", "QQ (QQ-1)", "QQ (QQ-1)"),
        ] {
            assert_eq!(territory(code).name(Danish), danish);
            assert_eq!(territory(code).name(English), english);
        }
    }

    #[test]
    fn a_code_that_nobody_assigned_is_told() {
        for code in ["DK", "XK", "RU-CE", "UA-40", "US-CA", "GB-ENG", "DK-84"] {
            assert!(territory(code).is_assigned(), "{code}");
        }
        for code in ["QQ", "EU", "UK", "XX", "AA", "RU-C", "RU-CEX", "RU-XX", "QQ-CE", "CN-HK"] {
            assert!(!territory(code).is_assigned(), "{code}");
        }
    }
}
