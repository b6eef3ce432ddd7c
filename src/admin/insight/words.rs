//! Insight and deletion in both languages.

use crate::language::Language;

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) intro: &'static str,
    pub(super) name: &'static str,
    pub(super) name_help: &'static str,
    pub(super) show: &'static str,
    pub(super) wrong: &'static str,
    pub(super) logged: &'static str,
    pub(super) cut: &'static str,
    pub(super) file_text: &'static str,
    pub(super) file_json: &'static str,
    pub(super) forget: &'static str,
    pub(super) forget_title: &'static str,
    pub(super) forget_text: &'static str,
    pub(super) forgotten: &'static str,
    pub(super) removed: &'static str,
    pub(super) kept: &'static str,
    pub(super) nothing_removed: &'static str,
    pub(super) retention: &'static str,
    pub(super) retention_intro: &'static str,
    pub(super) class: &'static str,
    pub(super) kept_for: &'static str,
    pub(super) last_deletion: &'static str,
    pub(super) no_deletion: &'static str,
    pub(super) pseudonymised_after: &'static str,
    pub(super) pseudonyms: &'static str,
    pub(super) pseudonyms_intro: &'static str,
    pub(super) wanted: &'static str,
    pub(super) wanted_help: &'static str,
    pub(super) reason: &'static str,
    pub(super) reason_help: &'static str,
    pub(super) ask: &'static str,
    pub(super) waiting: &'static str,
    pub(super) none_waiting: &'static str,
    pub(super) asked: &'static str,
    pub(super) own: &'static str,
    pub(super) answer: &'static str,
    pub(super) answered: &'static str,
    pub(super) revealed: &'static str,
    pub(super) revealed_note: &'static str,
    pub(super) entry: &'static str,
    pub(super) back: &'static str,
}

const DANISH: Words = Words {
    title: "Indsigt og sletning",
    intro: "Skriv et brugernavn, så viser vi alt, hvad der er gemt om personen. Andre, der har set på eller ændret noget, står der ikke, hvem er.",
    name: "Brugernavn",
    name_help: "Det navn, personen logger ind med.",
    show: "Vis, hvad der er gemt",
    wrong: "Der er noget, der skal rettes.",
    logged: "At du så her, er skrevet i loggen.",
    cut: "Loggen rummer flere poster om personen end de nyeste, der er vist.",
    file_text: "Hent som tekst",
    file_json: "Hent som JSON",
    forget: "Slet, hvad der må slettes",
    forget_title: "Slet om denne person?",
    forget_text: "Det, som ingen lov eller igangværende rejse kræver gemt, bliver slettet nu og kan ikke hentes tilbage. Afgørelser bliver stående. Loggen slettes af sin egen frist eller efter en særskilt ordre.",
    forgotten: "Slettet",
    removed: "Slettet",
    kept: "Bliver stående",
    nothing_removed: "Der var ikke noget, der måtte slettes.",
    retention: "Hvor længe gemmes der?",
    retention_intro: "Loggen slettes af sig selv. Hver sletning står som en post i loggen og er beviset.",
    class: "Hvad",
    kept_for: "Gemmes",
    last_deletion: "Sidst slettet",
    no_deletion: "Intet er blevet gammelt nok endnu.",
    pseudonymised_after: "Navne og adresser i loggen erstattes af pseudonymer efter",
    pseudonyms: "Pseudonymer",
    pseudonyms_intro: "Gamle poster i loggen har pseudonymer i stedet for navne og adresser. Det tager to personer at finde ud af, hvem et pseudonym står for: én spørger og siger hvorfor, en anden svarer. Begge dele står i loggen.",
    wanted: "Pseudonym eller reference",
    wanted_help: "Som det står i loggen.",
    reason: "Hvorfor?",
    reason_help: "Med få ord. Det bliver stående i lageret, ikke i loggen.",
    ask: "Spørg",
    waiting: "Venter på en anden",
    none_waiting: "Ingen spørgsmål venter.",
    asked: "Spurgt",
    own: "Du har selv spurgt; en anden skal svare.",
    answer: "Svar, og vis hvem det er",
    answered: "Besvaret",
    revealed: "Hvem det er",
    revealed_note: "Skriv ned, hvad du skal bruge. Siden kan ikke hentes igen.",
    entry: "Post",
    back: "Tilbage",
};

const ENGLISH: Words = Words {
    title: "Insight and deletion",
    intro: "Write a user name, and we show everything that is stored about the person. Who else looked at or changed something is not told.",
    name: "User name",
    name_help: "The name the person signs in with.",
    show: "Show what is stored",
    wrong: "Something has to be put right.",
    logged: "That you looked here is written in the log.",
    cut: "The log holds more entries about the person than the newest, which are shown.",
    file_text: "Download as text",
    file_json: "Download as JSON",
    forget: "Delete what may be deleted",
    forget_title: "Delete about this person?",
    forget_text: "What no law and no journey under way needs is deleted now and cannot be brought back. Decisions stay. The log is deleted when its own time is over, or by an order of its own.",
    forgotten: "Deleted",
    removed: "Deleted",
    kept: "Stays",
    nothing_removed: "There was nothing that might be deleted.",
    retention: "How long are things kept?",
    retention_intro: "The log is deleted by itself. Each deletion stands as an entry in the log, and that is the proof.",
    class: "What",
    kept_for: "Kept",
    last_deletion: "Last deleted",
    no_deletion: "Nothing has grown old enough yet.",
    pseudonymised_after: "Names and addresses in the log are replaced by pseudonyms after",
    pseudonyms: "Pseudonyms",
    pseudonyms_intro: "Old entries of the log have pseudonyms in the place of names and addresses. It takes two people to find out whom a pseudonym stands for: one asks and says why, another answers. Both stand in the log.",
    wanted: "Pseudonym or reference",
    wanted_help: "As it stands in the log.",
    reason: "Why?",
    reason_help: "In a few words. It stays in the store and does not enter the log.",
    ask: "Ask",
    waiting: "Waits for another person",
    none_waiting: "No question waits.",
    asked: "Asked",
    own: "You asked yourself; another person has to answer.",
    answer: "Answer, and show who it is",
    answered: "Answered",
    revealed: "Who it is",
    revealed_note: "Write down what you need. The page cannot be loaded again.",
    entry: "Entry",
    back: "Back",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }
}

/// A class of entries.
pub(super) fn class(class: &str, language: Language) -> &'static str {
    match (class, language) {
        ("allowed", Language::Danish) => "Almindelig trafik, der blev lukket ind",
        ("denied", Language::Danish) => "Afvisninger",
        (_, Language::Danish) => "Log-ind, rejseadgang og administration",
        ("allowed", Language::English) => "Ordinary traffic that was let in",
        ("denied", Language::English) => "Rejections",
        (_, Language::English) => "Sign-ins, exempt access and administration",
    }
}

/// What a deletion took.
pub(super) fn deletion(
    at: &str,
    entries: Option<&str>,
    until: Option<&str>,
    language: Language,
) -> String {
    let mut text = at.to_owned();
    if let Some(entries) = entries {
        text += &match language {
            Language::Danish => format!(": {entries} poster"),
            Language::English => format!(": {entries} entries"),
        };
    }
    if let Some(until) = until {
        text += &match language {
            Language::Danish => format!(", de yngste fra {until}"),
            Language::English => format!(", the youngest of {until}"),
        };
    }
    text
}

/// When and by whom.
pub(super) fn by(when: &str, who: &str, language: Language) -> String {
    match language {
        Language::Danish => format!("{when} af {who}"),
        Language::English => format!("{when} by {who}"),
    }
}

/// Why something stays.
pub(super) fn stays(why: &str, language: Language) -> &'static str {
    match (why, language) {
        ("decision", Language::Danish) => "en myndighed gemmer sine afgørelser",
        ("in_use", Language::Danish) => "en rejse eller konto i brug har brug for det",
        ("security", Language::Danish) => "det holder nogen ude",
        (_, Language::Danish) => "det slettes af loggens egen frist eller efter en ordre",
        ("decision", Language::English) => "an authority keeps its decisions",
        ("in_use", Language::English) => "a journey or an account in use needs it",
        ("security", Language::English) => "it keeps somebody out",
        (_, Language::English) => "it is deleted when the log's own time is over, or by an order",
    }
}

/// Where something is stored.
pub(super) fn section(id: &str, language: Language) -> String {
    let (danish, english) = match id {
        "log" => ("Loggen", "The log"),
        "accounts" => ("Konto", "Account"),
        "known_people" => ("Beskrevet af log-ind-tjenesten", "Described by the sign-in service"),
        "exemptions" => ("Rejseadgange", "Travel exemptions"),
        "exemption_legs" => ("Hvor og hvornår", "Where and when"),
        "exemption_sites" => ("Systemer på rejsen", "Systems of the journey"),
        "exemption_history" => {
            ("Hvad der skete med rejseadgangene", "What became of the exemptions")
        }
        "notices" => ("Beskeder", "Messages"),
        "notice_contacts" => ("Hvor du kan nås", "Where the person is reached"),
        "bound_devices" => ("Enheder", "Devices"),
        "travel_links" => ("Rejselinks", "Travel links"),
        "address_grants" => {
            ("Programmer lukket ind fra en adresse", "Programs let in from an address")
        }
        "odd_use_seen" => ("Hvad der er set af brugen", "What was seen of the use"),
        "odd_use_flags" => ("Hvad der så usædvanligt ud", "What looked unusual"),
        "admin_sessions" => ("Log-ind i administrationen", "Sign-ins to the administration"),
        "admin_tokens" => ("Nøgler til programmer", "Tokens for programs"),
        "admin_second_factors" => ("Anden faktor", "Second factor"),
        other => return other.replace('_', " "),
    };
    match language {
        Language::Danish => danish.to_owned(),
        Language::English => english.to_owned(),
    }
}
