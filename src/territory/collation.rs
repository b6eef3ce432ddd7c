//! Names in the order in which a reader looks for them.

use super::Territory;
use crate::language::{Language, sort_key};

/// Sorts by name, as [`sort_key`] does.
pub fn sort_by_name(territories: &mut [Territory], language: Language) {
    territories.sort_by_cached_key(|&territory| {
        (sort_key(&territory.name(language), language), territory)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{Danish, English};

    fn sorted(codes: &str, language: Language) -> Vec<String> {
        let mut all: Vec<Territory> =
            codes.split(' ').map(|code| Territory::parse(code).unwrap()).collect();
        sort_by_name(&mut all, language);
        all.iter().map(|t| t.name(language).into_owned()).collect()
    }

    #[test]
    fn danish_letters_stand_last() {
        assert_eq!(
            sorted("AT AX GQ ZW DK FO FI GW GN YE TR", Danish),
            [
                "Danmark",
                "Finland",
                "Færøerne",
                "Guinea",
                "Guinea-Bissau",
                "Tyrkiet",
                "Yemen",
                "Zimbabwe",
                "Ækvatorialguinea",
                "Østrig",
                "Åland",
            ]
        );
    }

    #[test]
    fn english_sets_accents_aside() {
        assert_eq!(
            sorted("ZW AX AL AF AT RE RO CW CU", English),
            [
                "Afghanistan",
                "Åland Islands",
                "Albania",
                "Austria",
                "Cuba",
                "Curaçao",
                "Réunion",
                "Romania",
                "Zimbabwe",
            ]
        );
    }
}
