//! The question and its answer in both languages.

use crate::language::Language;

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) address: &'static str,
    pub(super) address_help: &'static str,
    pub(super) site: &'static str,
    pub(super) choose: &'static str,
    pub(super) path: &'static str,
    pub(super) path_help: &'static str,
    pub(super) person: &'static str,
    pub(super) person_help: &'static str,
    pub(super) day: &'static str,
    pub(super) day_help: &'static str,
    pub(super) time: &'static str,
    pub(super) ask: &'static str,
    pub(super) wrong: &'static str,
    pub(super) answer: &'static str,
    pub(super) steps: &'static str,
    pub(super) step: &'static str,
    pub(super) found: &'static str,
    pub(super) decided: &'static str,
    pub(super) facts: &'static str,
    pub(super) location: &'static str,
    pub(super) network: &'static str,
    pub(super) database: &'static str,
    pub(super) list: &'static str,
    pub(super) exemption: &'static str,
    pub(super) not_by: &'static str,
    pub(super) upcoming: &'static str,
    pub(super) credit: &'static str,
}

const DANISH: Words = Words {
    title: "Hvad ville der ske?",
    intro: "Skriv en adresse og vælg et system. Så afgør vi det, som om nogen spurgte derfra, og siger hvert skridt. Ingen forespørgsel bliver sendt.",
    address: "Adresse",
    address_help: "Den adresse, klienten kommer fra, for eksempel 203.0.113.9.",
    site: "System",
    choose: "Vælg",
    path: "Sti",
    path_help: "Lad den stå tom, hvis systemet ikke har regler for enkelte stier.",
    person: "Person",
    person_help: "Et brugernavn. Vi går ud fra, at personen er logget ind. At du spurgte, bliver skrevet i loggen.",
    day: "Dag",
    day_help: "Tom betyder nu.",
    time: "Klokkeslæt",
    ask: "Hvad ville der ske?",
    wrong: "Der er noget, der skal rettes.",
    answer: "Svaret",
    steps: "Skridt for skridt",
    step: "Skridt",
    found: "Fundet",
    decided: "her blev det afgjort",
    facts: "Hvad det bygger på",
    location: "Sted",
    network: "Net i databasen",
    database: "Databasen er fra",
    list: "Liste",
    exemption: "Rejseadgang",
    not_by: "Gælder ikke her",
    upcoming: "Når den meddelte udgave begynder",
    credit: "IP Geolocation by DB-IP",
};

const ENGLISH: Words = Words {
    title: "What would happen?",
    intro: "Write an address and choose a system. We decide as if somebody asked from there, and tell each step. No request is sent.",
    address: "Address",
    address_help: "The address the client comes from, such as 203.0.113.9.",
    site: "System",
    choose: "Choose",
    path: "Path",
    path_help: "Leave it empty unless the system has rules for single paths.",
    person: "Person",
    person_help: "A user name. We take the person to be signed in. That you asked is written in the log.",
    day: "Day",
    day_help: "Empty means now.",
    time: "Time",
    ask: "What would happen?",
    wrong: "Something has to be put right.",
    answer: "The answer",
    steps: "Step by step",
    step: "Step",
    found: "Found",
    decided: "here it was settled",
    facts: "What it rests on",
    location: "Place",
    network: "Network in the database",
    database: "The database is of",
    list: "List",
    exemption: "Travel exemption",
    not_by: "Does not count here",
    upcoming: "When the announced version starts",
    credit: "IP Geolocation by DB-IP",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }
}

/// The answer in a sentence, and the class that colours it.
pub(super) fn verdict(verdict: &str, language: Language) -> (&'static str, &'static str) {
    match (verdict, language) {
        ("allow", Language::Danish) => ("Den ville blive lukket ind.", "allowed"),
        ("allow", Language::English) => ("It would be let in.", "allowed"),
        ("identify", Language::Danish) => ("Der ville blive spurgt, hvem det er.", "attention"),
        ("identify", Language::English) => ("It would be asked who it is.", "attention"),
        (_, Language::Danish) => ("Den ville blive afvist.", "rejected"),
        (_, Language::English) => ("It would be rejected.", "rejected"),
    }
}

/// What a step is called.
pub(super) fn step(step: &str, language: Language) -> &'static str {
    let (danish, english) = match step {
        "path_rule" => ("Regel for stien", "Rule for the path"),
        "client_address" => ("Klientens adresse", "Client address"),
        "deny_networks" => ("Lukkede net", "Denied networks"),
        "allow_networks" => ("Åbne net", "Allowed networks"),
        "private_networks" => ("Private net", "Private networks"),
        "corrections" => ("Rettelser", "Corrections"),
        "location" => ("Sted", "Location"),
        "list" => ("Listen", "The list"),
        "travel_exemptions" => ("Rejseadgange", "Travel exemptions"),
        "mode" => ("Prøve eller alvor", "Reporting or enforcing"),
        "authentication" => ("Log ind", "Sign-in"),
        "path_closed" => ("Lukket sti", "Closed path"),
        "path_countries" => ("Stiens lande", "Countries of the path"),
        _ => ("Skridt", "Step"),
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

/// Which version is in force.
pub(super) fn in_force(list: &str, version: Option<&str>, language: Language) -> String {
    match (version, language) {
        (Some(version), Language::Danish) => format!("{list}, udgave {version}"),
        (Some(version), Language::English) => format!("{list}, version {version}"),
        (None, Language::Danish) => format!("{list}; ingen udgave gælder på det tidspunkt"),
        (None, Language::English) => format!("{list}; no version is in force at that time"),
    }
}

/// What changes when the announced version begins.
pub(super) fn upcoming(version: &str, from: &str, verdict: &str, language: Language) -> String {
    let (sentence, _) = self::verdict(verdict, language);
    match language {
        Language::Danish => format!("Fra {from} gælder udgave {version}. {sentence}"),
        Language::English => format!("From {from} version {version} is in force. {sentence}"),
    }
}

/// A place that is no country.
pub(super) fn place(kind: &str, language: Language) -> &'static str {
    match (kind, language) {
        ("private", Language::Danish) => "et privat net",
        ("private", Language::English) => "a private network",
        ("not_in_database", Language::Danish) => "ikke i databasen",
        ("not_in_database", Language::English) => "not in the database",
        (_, Language::Danish) => "ukendt",
        (_, Language::English) => "unknown",
    }
}

/// The question in a sentence.
pub(super) fn asked(
    address: &str,
    site: &str,
    at: &str,
    user: Option<&str>,
    language: Language,
) -> String {
    match (language, user) {
        (Language::Danish, None) => format!("{address} til {site}, {at}"),
        (Language::Danish, Some(user)) => format!("{user} fra {address} til {site}, {at}"),
        (Language::English, None) => format!("{address} to {site}, {at}"),
        (Language::English, Some(user)) => format!("{user} from {address} to {site}, {at}"),
    }
}
