//! References as they are said, and what a licence wants said.

use crate::language::Language;
pub use crate::language::instant;
pub(super) use crate::language::{date, duration, enumeration, possessive, universal, zone_name};

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

#[cfg(test)]
mod tests {
    use super::Language::{Danish, English};
    use super::*;

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
}
