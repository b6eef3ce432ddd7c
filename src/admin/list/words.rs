//! The list in both languages.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::language::{self, Language, enumeration, number};
use crate::lists::Change;
use crate::policy::announcement::{NoticeOf, SettingsWait, Stricter};
use crate::territory::Territory;

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) in_force: &'static str,
    pub(super) announced: &'static str,
    pub(super) nothing_announced: &'static str,
    pub(super) earlier: &'static str,
    pub(super) lock: &'static str,
    pub(super) lock_intro: &'static str,
    pub(super) version: &'static str,
    pub(super) from: &'static str,
    pub(super) source: &'static str,
    pub(super) adopted: &'static str,
    pub(super) announced_on: &'static str,
    pub(super) early: &'static str,
    pub(super) entries: &'static str,
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) show_all: &'static str,
    pub(super) changes: &'static str,
    pub(super) forecast: &'static str,
    pub(super) to_forecast: &'static str,
    pub(super) tools: &'static str,
    pub(super) import: &'static str,
    pub(super) compare: &'static str,
    pub(super) export: &'static str,
    pub(super) would: &'static str,
    pub(super) systems: &'static str,
    pub(super) other_lists: &'static str,
    pub(super) no_list: &'static str,
    pub(super) back: &'static str,
    pub(super) wrong: &'static str,
    // the forecast
    pub(super) nobody: &'static str,
    pub(super) incomplete: &'static str,
    pub(super) place: &'static str,
    pub(super) site: &'static str,
    pub(super) last: &'static str,
    pub(super) mail_to: &'static str,
    pub(super) mail_unknown: &'static str,
    pub(super) mail_subject: &'static str,
    pub(super) mail_text: &'static str,
    pub(super) mail_show: &'static str,
    pub(super) loses: &'static str,
    pub(super) waits: &'static str,
    pub(super) told_anyway: &'static str,
    pub(super) told_never: &'static str,
    pub(super) logged: &'static str,
    // pasting
    pub(super) import_intro: &'static str,
    pub(super) text: &'static str,
    pub(super) text_help: &'static str,
    pub(super) version_help: &'static str,
    pub(super) adopted_by: &'static str,
    pub(super) adopted_on: &'static str,
    pub(super) effective_from: &'static str,
    pub(super) read: &'static str,
    pub(super) proposal: &'static str,
    pub(super) proposal_help: &'static str,
    pub(super) download: &'static str,
    pub(super) unknown: &'static str,
    pub(super) line: &'static str,
    pub(super) written: &'static str,
    pub(super) nearest: &'static str,
    pub(super) none_near: &'static str,
    pub(super) parts: &'static str,
    pub(super) read_as: &'static str,
    // comparing
    pub(super) compare_intro: &'static str,
    pub(super) compare_text: &'static str,
    pub(super) compare_help: &'static str,
    pub(super) compare_name: &'static str,
    pub(super) compare_name_help: &'static str,
    pub(super) compare_button: &'static str,
    pub(super) missing: &'static str,
    pub(super) extra: &'static str,
    pub(super) covered: &'static str,
    pub(super) not_known: &'static str,
    pub(super) switch_on: &'static str,
    pub(super) switch_off: &'static str,
    // handing on
    pub(super) export_intro: &'static str,
}

const DANISH: Words = Words {
    title: "Listen",
    in_force: "Gælder nu",
    announced: "Meddelt",
    nothing_announced: "Ingen ny udgave er meddelt.",
    earlier: "Udgaver",
    lock: "Varslet",
    lock_intro: "Ingen bliver lukket ude uden varsel. En strengere udgave begynder tidligst, når varslet er gået, regnet fra det seneste af to: den dag, den blev meddelt, og det øjeblik, den blev set her første gang.",
    version: "Udgave",
    from: "Gælder fra",
    source: "Kilde",
    adopted: "Vedtaget",
    announced_on: "Meddelt",
    early: "Begynder før tid",
    entries: "Antal",
    code: "Kode",
    name: "Navn",
    show_all: "Vis alle",
    changes: "Forskel fra udgaven før",
    forecast: "Hvem rammer det?",
    to_forecast: "Se, hvem det rammer",
    tools: "Redskaber",
    import: "Læs en indsat liste",
    compare: "Sammenlign med en andens",
    export: "Giv listen videre",
    would: "Hvad ville der ske?",
    systems: "Systemer uden for geovagt",
    other_lists: "Andre lister",
    no_list: "Jeres systemer er ikke under nogen liste.",
    back: "Til listen",
    wrong: "Der er noget, der skal rettes.",
    nobody: "Ingen af dem, vi har set, bliver afvist af den nye udgave.",
    incomplete: "Loggen er så lang, at vi ikke nåede hele vejen tilbage. Der kan være flere.",
    place: "Set i",
    site: "System",
    last: "Senest",
    mail_to: "Til",
    mail_unknown: "Vi kender ikke en mailadresse.",
    mail_subject: "Emne",
    mail_text: "Tekst til at kopiere",
    mail_show: "Vis beskeden",
    loses: "Rejseadgangn dækker ikke længere:",
    waits: "Ansøgning, der venter:",
    told_anyway: "Rejsende med en tilladelse til et land, der kommer på listen eller går af den, får selv besked fra geovagt. De andre skal I skrive til; brevet ligger klar ved hver.",
    told_never: "geovagt sender ikke beskeder for jer. Brevet ligger klar ved hver, til at kopiere.",
    logged: "At du så her, er skrevet i loggen.",
    import_intro: "Sæt listen ind, som den står i referatet, mailen eller regnearket. Vi finder landene på dansk, engelsk eller med ISO-koder og laver en udgave, som den, der driver geovagt, kan sætte ind i listens fil. Intet bliver ændret her.",
    text: "Den indsatte tekst",
    text_help: "Ét land på hver linje, eller adskilt med komma.",
    version_help: "For eksempel 2027-01.",
    adopted_by: "Vedtaget af",
    adopted_on: "Vedtaget den",
    effective_from: "Skal gælde fra",
    read: "Læs teksten",
    proposal: "Udgaven",
    proposal_help: "Til at sætte ind under versions i listens fil. Hvad der ikke var kendt, står som det var skrevet, så listen afvises, til nogen har sagt, hvad der menes.",
    download: "Hent som fil",
    unknown: "Det kendte vi ikke",
    line: "Linje",
    written: "Der stod",
    nearest: "Nærmest",
    none_near: "intet i nærheden",
    parts: "Læst som en del af noget større",
    read_as: "Læst som",
    compare_intro: "Sæt en andens liste ind, så siger vi, hvad der mangler, og hvad der er for meget. Vi kan læse en placering fra Entra (JSON fra Microsoft Graph), en listefil og en almindelig liste af navne.",
    compare_text: "Den anden liste",
    compare_help: "JSON, YAML eller navne.",
    compare_name: "Placeringens navn",
    compare_name_help: "Kun hvis filen rummer flere placeringer.",
    compare_button: "Sammenlign",
    missing: "Mangler der: står på vores liste, men er ikke lukket",
    extra: "For meget der: lukket, men står ikke på vores liste",
    covered: "Står for sig selv på den ene og er dækket af sit land på den anden",
    not_known: "Ikke kendt, og kun der",
    switch_on: "Der er includeUnknownCountriesAndRegions slået til: adresser uden kendt land er lukket ude. Vores politik lukker dem ind.",
    switch_off: "Der er includeUnknownCountriesAndRegions slået fra: adresser uden kendt land kommer ind. Vores politik lukker dem ude.",
    export_intro: "Den udgave, der gælder, skrevet som andre programmer læser den.",
};

const ENGLISH: Words = Words {
    title: "The list",
    in_force: "In force",
    announced: "Announced",
    nothing_announced: "No new version is announced.",
    earlier: "Versions",
    lock: "Notice",
    lock_intro: "Nobody is shut out without notice. A stricter version starts no earlier than when the notice is over, counted from the later of two: the day it was announced, and the moment it was first seen here.",
    version: "Version",
    from: "In force from",
    source: "Source",
    adopted: "Adopted",
    announced_on: "Announced",
    early: "Starts early",
    entries: "Entries",
    code: "Code",
    name: "Name",
    show_all: "Show all",
    changes: "Difference from the version before",
    forecast: "Whom does it concern?",
    to_forecast: "See whom it concerns",
    tools: "Tools",
    import: "Read a pasted list",
    compare: "Compare with another's",
    export: "Hand the list on",
    would: "What would happen?",
    systems: "Systems outside geovagt",
    other_lists: "Other lists",
    no_list: "Your systems are under no list.",
    back: "To the list",
    wrong: "Something has to be put right.",
    nobody: "None of those that we have seen is rejected by the new version.",
    incomplete: "The log is so long that we did not get all the way back. There may be more.",
    place: "Seen in",
    site: "System",
    last: "Last",
    mail_to: "To",
    mail_unknown: "We do not know a mail address.",
    mail_subject: "Subject",
    mail_text: "Text to copy",
    mail_show: "Show the message",
    loses: "The exemption no longer covers it:",
    waits: "Application that waits:",
    told_anyway: "Travellers with an exemption for a country that comes onto the list or leaves it are told by geovagt itself. The others you have to write to; the letter is ready beside each.",
    told_never: "geovagt sends no messages for you. The letter is ready beside each, to be copied.",
    logged: "That you looked here is written in the log.",
    import_intro: "Paste the list as it stands in the minutes, the mail or the spreadsheet. We find the countries in Danish, English or by ISO codes and make a version that whoever runs geovagt can put into the list's file. Nothing is changed here.",
    text: "The pasted text",
    text_help: "One country a line, or separated by commas.",
    version_help: "Such as 2027-01.",
    adopted_by: "Adopted by",
    adopted_on: "Adopted on",
    effective_from: "To be in force from",
    read: "Read the text",
    proposal: "The version",
    proposal_help: "To be put under versions in the list's file. What was not known stands as it was written, so that the list is refused until somebody has said what was meant.",
    download: "Download as a file",
    unknown: "What we did not know",
    line: "Line",
    written: "It said",
    nearest: "Nearest",
    none_near: "nothing near",
    parts: "Read as part of something larger",
    read_as: "Read as",
    compare_intro: "Paste another's list, and we tell what is missing and what is too much. We can read a location of Entra (JSON of Microsoft Graph), a list file and a plain list of names.",
    compare_text: "The other list",
    compare_help: "JSON, YAML or names.",
    compare_name: "The location's name",
    compare_name_help: "Only where the file holds several locations.",
    compare_button: "Compare",
    missing: "Missing there: on our list, but not closed",
    extra: "Too much there: closed, but not on our list",
    covered: "By itself on the one, and covered by its country on the other",
    not_known: "Not known, and only there",
    switch_on: "There includeUnknownCountriesAndRegions is on: addresses of no known country are shut out. Our policy lets them in.",
    switch_off: "There includeUnknownCountriesAndRegions is off: addresses of no known country get in. Our policy shuts them out.",
    export_intro: "The version in force, written as other programs read it.",
};

impl Words {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::Danish => &DANISH,
            Language::English => &ENGLISH,
        }
    }
}

/// The sentence on top.
/// Where the list rejects nobody, although a version is in force.
pub(in crate::admin) fn reporting(systems: &[String], language: Language) -> Option<String> {
    let systems = enumeration(&systems.iter().map(String::as_str).collect::<Vec<_>>(), language);
    let text = match language {
        Language::Danish => format!(
            "Ingen afvises på grund af deres land hos {systems}: det skrives kun ned, hvem det ville ramme."
        ),
        Language::English => format!(
            "Nobody is rejected for their country at {systems}: who would be is only written down."
        ),
    };
    (!systems.is_empty()).then_some(text)
}

pub(super) fn lead(entries: Option<usize>, announced: Option<&str>, language: Language) -> String {
    let count = entries.map(|entries| number(entries as u64, language));
    match (count, announced, language) {
        (Some(count), None, Language::Danish) => {
            format!("{count} lande og områder er lukket. Ingen ny udgave er meddelt.")
        }
        (Some(count), Some(from), Language::Danish) => {
            format!("{count} lande og områder er lukket. En ny udgave begynder {from}.")
        }
        (None, Some(from), Language::Danish) => {
            format!("Ingen udgave gælder endnu. Den første begynder {from}.")
        }
        (None, None, Language::Danish) => "Ingen udgave gælder.".to_owned(),
        (Some(count), None, Language::English) => {
            format!("{count} countries and territories are closed. No new version is announced.")
        }
        (Some(count), Some(from), Language::English) => {
            format!("{count} countries and territories are closed. A new version starts on {from}.")
        }
        (None, Some(from), Language::English) => {
            format!("No version is in force yet. The first starts on {from}.")
        }
        (None, None, Language::English) => "No version is in force.".to_owned(),
    }
}

/// Names in the order of the language, as one enumeration.
pub(super) fn names(territories: &[Territory], language: Language) -> String {
    let mut sorted = territories.to_vec();
    crate::territory::sort_by_name(&mut sorted, language);
    let names: Vec<String> = sorted.iter().map(|t| t.name(language).into_owned()).collect();
    enumeration(&names.iter().map(String::as_str).collect::<Vec<_>>(), language)
}

/// What changes, in one or two sentences.
pub(super) fn change(change: &Change, language: Language) -> String {
    let mut sentences = Vec::new();
    if !change.added.is_empty() {
        let names = names(&change.added, language);
        sentences.push(match language {
            Language::Danish => format!("{names} kommer på listen."),
            Language::English if change.added.len() == 1 => format!("{names} comes onto the list."),
            Language::English => format!("{names} come onto the list."),
        });
    }
    if !change.removed.is_empty() {
        let names = names(&change.removed, language);
        sentences.push(match language {
            Language::Danish => format!("{names} går af listen."),
            Language::English if change.removed.len() == 1 => format!("{names} leaves the list."),
            Language::English => format!("{names} leave the list."),
        });
    }
    if change.is_none() {
        sentences.push(match language {
            Language::Danish => "Ingen lande kommer til eller går fra.".to_owned(),
            Language::English => "No country comes or goes.".to_owned(),
        });
    }
    sentences.join(" ")
}

/// An instant as a day where it begins one in that zone, else with the time.
pub(super) fn when(at: Timestamp, zone: &TimeZone, language: Language) -> String {
    let zoned = at.to_zoned(zone.clone());
    if zoned.time() == jiff::civil::Time::midnight() {
        return language::date(zoned.date(), language);
    }
    language::instant(at, zone, language)
}

/// From when a version may start, and why not earlier.
pub(super) fn notice(
    notice: &NoticeOf,
    (announced_on, starts): (jiff::civil::Date, Timestamp),
    zone: &TimeZone,
    language: Language,
) -> String {
    let (version, days) = (&notice.version, notice.notice_days);
    let starts = when(starts, zone, language);
    if notice.added.is_empty() {
        return match language {
            Language::Danish => format!(
                "Udgave {version} lukker ikke for nogen nye, så den behøver ikke varsel. Den begynder {starts}."
            ),
            Language::English => format!(
                "Version {version} closes for nobody new, so it needs no notice. It starts on {starts}."
            ),
        };
    }
    let announced = language::date(announced_on, language);
    let seen = language::instant(notice.first_seen, zone, language);
    let earliest = when(notice.earliest, zone, language);
    match language {
        Language::Danish => format!(
            "Udgave {version} er meddelt {announced} og set her første gang {seen}. Varslet er {days} dage, så den må tidligst begynde {earliest}. Den begynder {starts}."
        ),
        Language::English => format!(
            "Version {version} was announced on {announced} and first seen here {seen}. The notice is {days} days, so it may start on {earliest} at the earliest. It starts on {starts}."
        ),
    }
}

/// An early start, with who answers for it.
pub(super) fn early(reason: &str, approved_by: &[String; 2], language: Language) -> String {
    let [one, other] = approved_by;
    match language {
        Language::Danish => format!("{reason} ({one} og {other} står inde for det)"),
        Language::English => format!("{reason} ({one} and {other} answer for it)"),
    }
}

/// When a version that is announced now could start.
pub(super) fn from_now(days: u16, earliest: &str, language: Language) -> String {
    match language {
        Language::Danish => format!(
            "Varslet er {days} dage: en strengere udgave, der meddeles og indlæses nu, må tidligst begynde {earliest}. Skal det gå hurtigere, skal to personer stå inde for det med en grund."
        ),
        Language::English => format!(
            "The notice is {days} days: a stricter version that is announced and loaded now may start {earliest} at the earliest. If it must be sooner, two people have to answer for it with a reason."
        ),
    }
}

/// A stricter setting that waits for its notice.
pub(super) fn waiting(wait: &SettingsWait, from: &str, language: Language) -> String {
    let policy = &wait.policy;
    match (wait.setting, language) {
        (Stricter::Mode, Language::Danish) => {
            format!("Politikken {policy} går fra at melde til at afvise {from}.")
        }
        (Stricter::UnknownLocation, Language::Danish) => {
            format!("Politikken {policy} lukker for adresser uden kendt land {from}.")
        }
        (Stricter::Mode, Language::English) => {
            format!("The policy {policy} goes from reporting to rejecting {from}.")
        }
        (Stricter::UnknownLocation, Language::English) => {
            format!("The policy {policy} closes for addresses of no known country {from}.")
        }
    }
}

/// Where a version stands.
pub(super) fn state(state: State, language: Language) -> &'static str {
    match (state, language) {
        (State::Announced, Language::Danish) => "meddelt",
        (State::InForce, Language::Danish) => "gælder",
        (State::Over, Language::Danish) => "afløst",
        (State::Announced, Language::English) => "announced",
        (State::InForce, Language::English) => "in force",
        (State::Over, Language::English) => "replaced",
    }
}

/// Where a version stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Announced,
    InForce,
    Over,
}

/// By whom and when it was adopted.
pub(super) fn adopted(day: &str, by: &str, language: Language) -> String {
    match language {
        Language::Danish => format!("{day} af {by}"),
        Language::English => format!("{day} by {by}"),
    }
}

/// Whom it concerns, in one sentence.
pub(super) fn concerned(people: usize, from: &str, language: Language) -> String {
    match (language, people) {
        (Language::Danish, 1) => format!("1 person, vi har set, bliver afvist fra {from}."),
        (Language::Danish, _) => {
            format!("{people} personer, vi har set, bliver afvist fra {from}.")
        }
        (Language::English, 1) => {
            format!("1 person that we have seen will be rejected from {from}.")
        }
        (Language::English, _) => {
            format!("{people} people that we have seen will be rejected from {from}.")
        }
    }
}

/// How far back was looked.
pub(super) fn looked_back(days: i64, language: Language) -> String {
    match language {
        Language::Danish => {
            format!("Vi så {days} dage tilbage i loggen og på de rejser, der er givet og søgt.")
        }
        Language::English => format!(
            "We looked {days} days back in the log, and at the journeys that are granted and applied for."
        ),
    }
}

/// How the text was read.
pub(super) fn read(known: usize, unknown: usize, language: Language) -> String {
    match (language, unknown) {
        (Language::Danish, 0) => format!("{known} lande og områder. Alle navne er kendt."),
        (Language::Danish, 1) => {
            format!("{known} lande og områder. Ét navn er ikke kendt: ret det, og læs igen.")
        }
        (Language::Danish, _) => {
            format!(
                "{known} lande og områder. {unknown} navne er ikke kendt: ret dem, og læs igen."
            )
        }
        (Language::English, 0) => {
            format!("{known} countries and territories. Every name is known.")
        }
        (Language::English, 1) => format!(
            "{known} countries and territories. One name is not known: correct it and read again."
        ),
        (Language::English, _) => format!(
            "{known} countries and territories. {unknown} names are not known: correct them and read again."
        ),
    }
}

/// The start that somebody typed is too early.
pub(super) fn too_early(earliest: &str, language: Language) -> String {
    match language {
        Language::Danish => format!("Med varslet må den tidligst begynde {earliest}."),
        Language::English => format!("With the notice it may start {earliest} at the earliest."),
    }
}

/// Whether another list is the same.
pub(super) fn compared(other: &str, ours: &str, same: bool, language: Language) -> String {
    match (language, same) {
        (Language::Danish, true) => format!("{other} siger det samme som {ours}."),
        (Language::Danish, false) => format!("{other} siger noget andet end {ours}."),
        (Language::English, true) => format!("{other} says the same as {ours}."),
        (Language::English, false) => format!("{other} says something else than {ours}."),
    }
}

/// Our version by its name.
pub(super) fn ours(list: &str, version: &str, language: Language) -> String {
    match language {
        Language::Danish => format!("{list}, udgave {version}"),
        Language::English => format!("{list}, version {version}"),
    }
}

/// What a format is for.
pub(super) fn format(word: &str, language: Language) -> &'static str {
    let (danish, english) = match word {
        "nginx" => ("nginx: et map på landekoden", "nginx: a map on the country code"),
        "haproxy" => ("HAProxy: én kode på hver linje", "HAProxy: one code a line"),
        "nftables" => (
            "nftables: nettene fra vores database (flere MB)",
            "nftables: the networks of our database (several MB)",
        ),
        "entra" => {
            ("Microsoft Entra: en placering som JSON", "Microsoft Entra: a location as JSON")
        }
        _ => ("CSV: koder og navne", "CSV: codes and names"),
    };
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}
