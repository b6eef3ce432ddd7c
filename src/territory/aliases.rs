//! Other names that people write, beside the two in the table.
//!
//! The minutes' own spellings stand here, the formal names of ISO 3166-1 where they differ, and
//! older names. Case, diacritics, spaces, punctuation and the order of the words need no alias.

/// Another name of the same territory.
pub(super) const ALIASES: &[(&str, &[&str])] = &[
    ("AE", &["Forenede Arabiske Emirater", "Emiraterne", "UAE"]),
    ("AX", &["Åland"]),
    ("AZ", &["Azerbajdzjan", "Azerbajdsjan"]),
    ("BA", &["Bosnien", "Bosnien og Hercegovina", "Bosnia"]),
    ("BN", &["Brunei Darussalam"]),
    ("BO", &["Plurinational State of Bolivia"]),
    ("BQ", &["Bonaire, Sint Eustatius and Saba", "De Caribiske Nederlande", "Bonaire"]),
    ("BY", &["Hviderusland", "Hviderusland (Belarus)", "Belarus (Hviderusland)"]),
    ("CC", &["Cocos Islands", "Keelingøerne"]),
    (
        "CD",
        &[
            "Congo (Democratic Republic)",
            "Congo-Kinshasa",
            "Den Demokratiske Republik Congo",
            "Democratic Republic of the Congo",
            "Zaire",
            "DRC",
            "Congo (DRC)",
        ],
    ),
    ("CG", &["Congo", "Congo (Republic)", "Congo-Brazzaville", "Republic of Congo"]),
    ("CI", &["Côte d'Ivoire"]),
    ("CN", &["Folkerepublikken Kina", "People's Republic of China", "PRC"]),
    ("CV", &["Cabo Verde"]),
    ("CZ", &["Den Tjekkiske Republik", "Czech Republic"]),
    ("EH", &["Western Sahara (Sahrawi Republic)"]),
    ("FK", &["Falkland Islands (Malvinas)"]),
    ("FM", &["Federated States of Micronesia"]),
    ("GB", &["UK", "Det Forenede Kongerige", "Great Britain"]),
    ("GS", &["Sydgeorgien og De Sydlige Sandwichøer"]),
    ("HK", &["SAR Hongkong", "Hong Kong SAR", "Hong Kong SAR China", "CN-HK"]),
    ("IO", &["Chagosøerne", "Chagos Archipelago"]),
    ("IR", &["Islamic Republic of Iran"]),
    ("KG", &["Kirgistan", "Kirgizstan", "Kirgizistan"]),
    ("KP", &["Nord Korea", "Democratic People's Republic of Korea", "DPRK"]),
    ("KR", &["Republic of Korea", "Republikken Korea"]),
    ("KZ", &["Kazakhstan", "Kasakstan"]),
    ("LA", &["Lao People's Democratic Republic"]),
    ("LY", &["State of Libya"]),
    ("MD", &["Republic of Moldova"]),
    ("MK", &["Makedonien", "Macedonia"]),
    ("MM", &["Burma", "Myanmar (Burma)"]),
    ("MO", &["Macau", "SAR Macao", "Macao SAR", "Macao SAR China", "CN-MO"]),
    ("NL", &["Holland"]),
    ("PN", &["Pitcairn"]),
    ("PS", &["De palæstinensiske områder", "Palestinian Territories", "State of Palestine"]),
    ("RU", &["Den Russiske Føderation", "Russian Federation"]),
    ("RU-CE", &["Chechnya (Russia)", "Tjetjenien (Rusland)", "Chechen Republic"]),
    ("SH", &["Saint Helena, Ascension and Tristan da Cunha"]),
    ("SY", &["Syrian Arab Republic"]),
    ("SZ", &["Swaziland"]),
    ("TF", &["De Franske Besiddelser i Det Sydlige Indiske Ocean og Antarktis"]),
    ("TJ", &["Tadjikistan"]),
    ("TL", &["Østtimor", "East Timor"]),
    ("TR", &["Turkey"]),
    ("TW", &["Taiwan, Province of China", "CN-TW"]),
    ("TZ", &["United Republic of Tanzania"]),
    ("UM", &["Amerikanske oversøiske øer", "United States Minor Outlying Islands"]),
    ("UZ", &["Uzbekistan"]),
    ("US", &["De Forenede Stater", "United States of America", "Amerikas Forenede Stater"]),
    ("VA", &["Holy See", "Vatikanet", "Pavestolen"]),
    ("VE", &["Bolivarian Republic of Venezuela"]),
    ("VG", &["Virgin Islands (British)"]),
    ("VI", &["Virgin Islands (U.S.)"]),
    ("VN", &["Viet Nam"]),
];

/// A part that is usually looked for under its country. The country holds more than the part, so
/// whoever takes such a match says so.
pub(super) const PARTS: &[(&str, &[&str])] = &[
    ("GE", &["Abkhasien", "Abkhazia", "Sydossetien", "South Ossetia"]),
    ("ID", &["Bali"]),
    ("UA", &["Krim", "Krimhalvøen", "Crimea"]),
];

/// Words that name several territories; which is meant must be said.
pub(super) const AMBIGUOUS: &[(&str, &[&str])] =
    &[("Korea", &["KP", "KR"]), ("Virgin Islands", &["VG", "VI"]), ("Jomfruøerne", &["VG", "VI"])];
