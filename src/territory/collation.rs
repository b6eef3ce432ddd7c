//! Names in the order in which a reader looks for them.

use super::Territory;
use crate::language::Language;

/// Sorts by name. Danish: æ, ø, å after z, and a word that begins with `Aa` stands with å; inside a
/// word `aa` is two letters, because the names in which it occurs there (Sint Maarten) are Dutch.
/// English: accents are set aside. In both, spaces and hyphens come before letters, so that Guinea
/// stands before Guinea-Bissau.
pub fn sort_by_name(territories: &mut [Territory], language: Language) {
    territories.sort_by_cached_key(|&territory| {
        (sort_key(&territory.name(language), language), territory)
    });
}

/// What to compare texts of this language by.
#[must_use]
pub fn sort_key(text: &str, language: Language) -> Vec<char> {
    let mut key = Vec::with_capacity(text.len());
    let lower = text.to_lowercase();
    let mut characters = lower.chars().peekable();
    let mut begins_word = true;
    while let Some(character) = characters.next() {
        match (language, character) {
            (Language::Danish, 'a') if begins_word && characters.next_if_eq(&'a').is_some() => {
                key.push(LAST[2]);
            }
            (Language::Danish, _) => danish(character, &mut key),
            (Language::English, _) => english(character, &mut key),
        }
        begins_word = !character.is_alphanumeric();
    }
    key
}

/// Stand-ins for æ, ø and å: three signs after z, in this order.
const LAST: [char; 3] = ['{', '|', '}'];

fn danish(character: char, key: &mut Vec<char>) {
    match character {
        'æ' | 'ä' => key.push(LAST[0]),
        'ø' | 'ö' => key.push(LAST[1]),
        'å' => key.push(LAST[2]),
        'ü' => key.push('y'),
        other => english(other, key),
    }
}

fn english(character: char, key: &mut Vec<char>) {
    match character {
        'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' => key.push('a'),
        'æ' => key.extend(['a', 'e']),
        'ç' => key.push('c'),
        'é' | 'è' | 'ê' | 'ë' => key.push('e'),
        'í' | 'ì' | 'î' | 'ï' => key.push('i'),
        'ñ' => key.push('n'),
        'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'ø' => key.push('o'),
        'ú' | 'ù' | 'û' | 'ü' => key.push('u'),
        '\'' | '’' | '.' | '(' | ')' => {}
        other if other.is_alphanumeric() => key.push(other),
        _ => key.push(' '),
    }
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

    #[test]
    fn double_a_is_one_letter_only_where_a_word_begins() {
        let order = |a: &str, b: &str| sort_key(a, Danish).cmp(&sort_key(b, Danish));
        assert_eq!(order("Zulu", "Aalborg"), std::cmp::Ordering::Less);
        assert_eq!(order("Øst", "Aalborg"), std::cmp::Ordering::Less);
        assert_eq!(order("Sint Maarten", "Sint Martin"), std::cmp::Ordering::Less);
        assert_eq!(sort_key("Aalborg", Danish), sort_key("Ålborg", Danish));
        assert_ne!(sort_key("Aalborg", English), sort_key("Ålborg", English));
    }
}
