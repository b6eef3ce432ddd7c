use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::language::Language::{Danish, English};

fn code(text: &str) -> String {
    find(text).map_or_else(|e| panic!("{e}"), |t| t.to_string())
}

fn nearest_codes(text: &str) -> Vec<String> {
    find(text).unwrap_err().nearest.iter().map(ToString::to_string).collect()
}

/// The 38 entries as the minutes write them, with English label and the search aliases.
const MINUTES: &[(&str, &str, &str, &str)] = &[
    ("Afghanistan", "AF", "Afghanistan", ""),
    ("Algeriet", "DZ", "Algeria", ""),
    ("Angola", "AO", "Angola", ""),
    ("Armenien", "AM", "Armenia", ""),
    ("Aserbajdsjan", "AZ", "Azerbaijan", "Azerbajdzjan"),
    ("Botswana", "BW", "Botswana", ""),
    ("Brasilien", "BR", "Brazil", ""),
    (
        "DR Congo",
        "CD",
        "Congo (Democratic Republic)",
        "Congo-Kinshasa|Den Demokratiske Republik Congo|Zaire",
    ),
    ("Egypten", "EG", "Egypt", ""),
    ("Georgien", "GE", "Georgia", "Abkhasien|Sydossetien"),
    ("Ghana", "GH", "Ghana", ""),
    ("Hong Kong", "HK", "Hong Kong", "Hongkong|SAR Hongkong"),
    ("Hviderusland (Belarus)", "BY", "Belarus", "Hviderusland|Belarus"),
    ("Indien", "IN", "India", ""),
    ("Indonesien", "ID", "Indonesia", "Bali"),
    ("Iran", "IR", "Iran", ""),
    ("Irak", "IQ", "Iraq", ""),
    ("Japan", "JP", "Japan", ""),
    ("Kasakhstan", "KZ", "Kazakhstan", ""),
    ("Kina", "CN", "China", ""),
    ("Kirgisistan", "KG", "Kyrgyzstan", "Kirgistan|Kirgizstan"),
    ("Libyen", "LY", "Libya", ""),
    ("Mali", "ML", "Mali", ""),
    ("Marokko", "MA", "Morocco", ""),
    ("Myanmar", "MM", "Myanmar", "Burma"),
    ("Nigeria", "NG", "Nigeria", ""),
    ("Nord Korea", "KP", "North Korea", "Nordkorea"),
    ("Republikken Congo", "CG", "Congo (Republic)", "Congo-Brazzaville|Congo"),
    ("Rusland", "RU", "Russia", ""),
    ("Tadsjikistan", "TJ", "Tajikistan", ""),
    ("Thailand", "TH", "Thailand", ""),
    ("Tjetjenien", "RU-CE", "Chechnya (Russia)", "Tjetjenien"),
    ("Ukraine", "UA", "Ukraine", "Krim"),
    ("Usbekistan", "UZ", "Uzbekistan", ""),
    ("Vietnam", "VN", "Vietnam", ""),
    ("Yemen", "YE", "Yemen", ""),
    ("Zambia", "ZM", "Zambia", ""),
    ("Zimbabwe", "ZW", "Zimbabwe", ""),
];

#[test]
fn every_spelling_of_the_minutes_is_known() {
    assert_eq!(MINUTES.len(), 38);
    for (danish, iso, english, aliases) in MINUTES {
        for name in [danish, iso, english].into_iter().copied().chain(aliases.split('|')) {
            if !name.is_empty() {
                assert_eq!(code(name), *iso, "{name}");
            }
        }
    }
}

#[test]
fn near_misses_stay_themselves() {
    for (text, expected) in [
        ("Niger", "NE"),
        ("Nigeria", "NG"),
        ("Sydkorea", "KR"),
        ("Macao", "MO"),
        ("Vestsahara", "EH"),
        ("Turkmenistan", "TM"),
        ("Congo", "CG"),
        ("Dominica", "DM"),
        ("Dominican Republic", "DO"),
        ("Guinea", "GN"),
        ("Guinea-Bissau", "GW"),
        ("Papua New Guinea", "PG"),
        ("Equatorial Guinea", "GQ"),
        ("Samoa", "WS"),
        ("American Samoa", "AS"),
        ("Sudan", "SD"),
        ("Sydsudan", "SS"),
        ("Iran", "IR"),
        ("Irak", "IQ"),
        ("Island", "IS"),
        ("Irland", "IE"),
        ("NO", "NO"),
        ("Slovakia", "SK"),
        ("Slovenia", "SI"),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
}

#[test]
fn case_spaces_diacritics_and_the_order_of_words_do_not_matter() {
    for (text, expected) in [
        ("  dk ", "DK"),
        ("ru-ce", "RU-CE"),
        ("FÆRØERNE", "FO"),
        ("faeroeerne", "FO"),
        ("oestrig", "AT"),
        ("Aaland", "AX"),
        ("Cote d’Ivoire", "CI"),
        ("Curacao", "CW"),
        ("nord-korea", "KP"),
        ("Korea, Republic of", "KR"),
        ("Korea (the Democratic People's Republic of)", "KP"),
        ("Congo (the Democratic Republic of the)", "CD"),
        ("Congo (the)", "CG"),
        ("Iran (Islamic Republic of)", "IR"),
        ("Tanzania, United Republic of", "TZ"),
        ("Russian Federation (the)", "RU"),
        ("Viet Nam", "VN"),
        ("PRK", "KP"),
        ("COD", "CD"),
        ("AND", "AD"),
        ("UK", "GB"),
        ("CN-HK", "HK"),
        ("Türkiye", "TR"),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
}

#[test]
fn a_part_is_found_under_its_country_and_says_so() {
    let part = |text: &str| matches!(look_up(text), Ok(Match::PartOf(_)));
    for text in ["Bali", "Krim", "Crimea", "Abkhasien", "Sydossetien"] {
        assert!(part(text), "{text}");
    }
    for text in ["Indonesien", "UA-43", "Tjetjenien", "Vestsahara"] {
        assert!(!part(text), "{text}");
    }
}

#[test]
fn what_is_not_known_is_named_with_the_nearest_and_never_taken() {
    assert_eq!(nearest_codes("Nigerai"), ["NG", "NE"]);
    assert_eq!(nearest_codes("Afganistan"), ["AF"]);
    assert_eq!(nearest_codes("Korea"), ["KP", "KR"]);
    assert_eq!(nearest_codes("Jomfruøerne"), ["VG", "VI"]);
    assert_eq!(nearest_codes("RU-XX"), ["RU"]);
    assert_eq!(nearest_codes("Zimbabve"), ["ZW"]);
    for text in
        ["", " ", "QQ", "EU", "xyzzy", "-", "42", "and", "og", "the", "\u{0}", &"a".repeat(100_000)]
    {
        assert!(find(text).unwrap_err().nearest.is_empty(), "{text:.20}");
    }
    assert_eq!(
        find("Afganistan").unwrap_err().to_string(),
        "\"Afganistan\" is no country that is known here; did you mean Afghanistan (AF)?"
    );
}

/// Two territories under one folded name would make the answer a matter of chance.
#[test]
fn no_two_territories_share_a_name() {
    for key in [folded as fn(&str) -> String, in_any_order] {
        let mut seen: HashMap<String, Territory> = HashMap::new();
        let in_parts: Vec<String> = entries(PARTS).map(|(_, name)| key(name)).collect();
        for (territory, name) in all_names() {
            let folded = key(name);
            assert!(!folded.is_empty(), "{name}");
            if in_parts.contains(&folded) {
                continue;
            }
            let before = seen.insert(folded, territory);
            assert!(before.is_none_or(|b| b == territory), "{name}: {before:?} and {territory}");
        }
    }
}

#[test]
fn every_name_that_is_shown_is_found_again() {
    let parts = ["UA-43", "GE-AB", "ID-BA"];
    for (territory, ..) in named() {
        if parts.contains(&territory.to_string().as_str()) {
            continue;
        }
        for language in [Danish, English] {
            assert_eq!(find(&territory.name(language)), Ok(territory));
        }
    }
}

proptest! {
    /// One letter more, less or other never leads silently to another listed country: what is
    /// found is either the name itself or a name that somebody really bears.
    #[test]
    fn a_typing_error_is_never_taken_for_another_country(
        at in 0..MINUTES.len(), position in 0_usize..12, letter in proptest::char::range('a', 'z'),
    ) {
        let (name, iso, ..) = MINUTES[at];
        let mut characters: Vec<char> = name.chars().collect();
        if let Some(slot) = characters.get_mut(position) {
            *slot = letter;
        }
        let typed: String = characters.into_iter().collect();
        if let Ok(found) = find(&typed) {
            let folded = folded(&typed);
            let borne = all_names()
                .chain(entries(PARTS))
                .any(|(t, n)| t == found && super::folded(n) == folded);
            prop_assert!(borne || found.to_string() == iso, "{typed} became {found}");
        }
    }

    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,60}") {
        if let Err(error) = find(&text) {
            prop_assert!(error.nearest.len() <= SUGGESTIONS);
        }
    }
}
