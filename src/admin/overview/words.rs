//! The first page in both languages.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::actions::Attention;
use super::health::{Part, State};
use crate::admin::list;
use crate::language::{self, Language, enumeration, number};

pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) health: &'static str,
    pub(super) attention: &'static str,
    pub(super) nothing_waits: &'static str,
    pub(super) traffic: &'static str,
    pub(super) map: &'static str,
    pub(super) map_key: &'static str,
    pub(super) none: &'static str,
    pub(super) countries: &'static str,
    pub(super) country: &'static str,
    pub(super) rejections: &'static str,
    pub(super) unknown_place: &'static str,
    pub(super) nobody_rejected: &'static str,
    pub(super) travel: &'static str,
    pub(super) now: &'static str,
    pub(super) next: &'static str,
    pub(super) nobody_travels: &'static str,
    pub(super) person: &'static str,
    pub(super) places: &'static str,
    pub(super) days: &'static str,
    pub(super) no_entry: &'static str,
    pub(super) organizations: &'static str,
    pub(super) organization: &'static str,
    pub(super) systems: &'static str,
    pub(super) servers_out: &'static str,
    pub(super) lists: &'static str,
    pub(super) notices_failed: &'static str,
    pub(super) no_people: &'static str,
    pub(super) day: &'static str,
    pub(super) number: &'static str,
    pub(super) usual: &'static str,
    pub(super) drawn_requests: &'static str,
    pub(super) drawn_rejected: &'static str,
    pub(super) drawn_exempt: &'static str,
    pub(super) credit: &'static str,
}

const DANISH: Words = Words {
    title: "Overblik",
    health: "Er alt vel?",
    attention: "Det venter",
    nothing_waits: "Intet venter på dig.",
    traffic: "De sidste 30 dage",
    map: "Hvor bliver der afvist fra?",
    map_key: "Afvisninger i de sidste 30 dage",
    none: "ingen",
    countries: "Afvisninger efter land",
    country: "Land",
    rejections: "Afvisninger",
    unknown_place: "Ukendt sted",
    nobody_rejected: "Ingen har været afvist i de sidste 30 dage.",
    travel: "Hvem rejser?",
    now: "Nu",
    next: "I de næste to uger",
    nobody_travels: "Ingen er på rejse, og ingen skal af sted i de næste to uger.",
    person: "Person",
    places: "Hvor",
    days: "Hvornår",
    no_entry: "Loggen kan ikke skrives, så vi kan ikke vise, hvem der rejser. Hvert kig skal skrives ned først.",
    organizations: "Alle organisationer",
    organization: "Organisation",
    systems: "Systemer",
    servers_out: "Servere ude",
    lists: "Liste",
    notices_failed: "Beskeder, der ikke kom frem",
    no_people: "Som driftsansvarlig for centret ser du, hvordan alle har det, men ingen personer.",
    day: "Dag",
    number: "Antal",
    usual: "Normalt",
    drawn_requests: "Forespørgsler på hver dag, ældste først.",
    drawn_rejected: "Afvisninger på hver dag, ældste først.",
    drawn_exempt: "Forespørgsler med rejseadgang på hver dag, ældste først.",
    credit: "Kort: Natural Earth. Steder: IP Geolocation by DB-IP.",
};

const ENGLISH: Words = Words {
    title: "Overview",
    health: "Is all well?",
    attention: "What waits",
    nothing_waits: "Nothing waits for you.",
    traffic: "The last 30 days",
    map: "Where are rejections from?",
    map_key: "Rejections in the last 30 days",
    none: "none",
    countries: "Rejections by country",
    country: "Country",
    rejections: "Rejections",
    unknown_place: "Unknown place",
    nobody_rejected: "Nobody was rejected in the last 30 days.",
    travel: "Who travels?",
    now: "Now",
    next: "In the next two weeks",
    nobody_travels: "Nobody is travelling, and nobody leaves in the next two weeks.",
    person: "Person",
    places: "Where",
    days: "When",
    no_entry: "The log cannot be written, so we cannot show who travels. Each look has to be written down first.",
    organizations: "All organisations",
    organization: "Organisation",
    systems: "Systems",
    servers_out: "Servers out",
    lists: "List",
    notices_failed: "Messages that did not arrive",
    no_people: "As an operator of the centre you see how everybody is, and no people.",
    day: "Day",
    number: "Number",
    usual: "Usual",
    drawn_requests: "Requests on each day, oldest first.",
    drawn_rejected: "Rejections on each day, oldest first.",
    drawn_exempt: "Requests with a travel exemption on each day, oldest first.",
    credit: "Map: Natural Earth. Places: IP Geolocation by DB-IP.",
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
pub(super) fn lead(unwell: usize, waiting: usize, language: Language) -> String {
    match (unwell, waiting, language) {
        (0, 0, Language::Danish) => "Alt er vel, og intet venter.".to_owned(),
        (0, 1, Language::Danish) => "Alt er vel. Én ting venter.".to_owned(),
        (0, _, Language::Danish) => format!("Alt er vel. {waiting} ting venter."),
        (1, _, Language::Danish) => "Én ting skal ses efter.".to_owned(),
        (_, _, Language::Danish) => format!("{unwell} ting skal ses efter."),
        (0, 0, Language::English) => "All is well, and nothing waits.".to_owned(),
        (0, 1, Language::English) => "All is well. One thing waits.".to_owned(),
        (0, _, Language::English) => format!("All is well. {waiting} things wait."),
        (1, _, Language::English) => "One thing has to be looked at.".to_owned(),
        (_, _, Language::English) => format!("{unwell} things have to be looked at."),
    }
}

/// How a part is, as a word beside its colour.
pub(super) fn state(state: State, language: Language) -> (&'static str, &'static str) {
    match (state, language) {
        (State::Well, Language::Danish) => ("✓ Godt", "allowed"),
        (State::Look, Language::Danish) => ("! Se efter", "attention"),
        (State::Wrong, Language::Danish) => ("✕ Virker ikke", "rejected"),
        (State::Well, Language::English) => ("✓ Well", "allowed"),
        (State::Look, Language::English) => ("! Look", "attention"),
        (State::Wrong, Language::English) => ("✕ Does not work", "rejected"),
    }
}

/// What a part is called, and one or two sentences of it.
pub(super) fn part(part: &Part, zone: &TimeZone, language: Language) -> (String, String) {
    let danish = language == Language::Danish;
    let day = |at: Timestamp| language::date(at.to_zoned(zone.clone()).date(), language);
    let all = |names: &[String]| {
        enumeration(&names.iter().map(String::as_str).collect::<Vec<_>>(), language)
    };
    let pick = |da: &str, en: &str| if danish { da.to_owned() } else { en.to_owned() };
    match part {
        Part::Database { built, days, old, refused } => {
            let built = day(*built);
            let mut text = if danish {
                format!("Bygget {built}, {days} dage gammel.")
            } else {
                format!("Built on {built}, {days} days old.")
            };
            if *old {
                text += &pick(
                    " Den er ved at være gammel: hent en ny.",
                    " It is getting old: fetch a new one.",
                );
            }
            if let Some(why) = refused {
                text += &pick(" En nyere fil er afvist: ", " A newer file is refused: ");
                text += why;
            }
            (pick("Database", "Database"), text)
        }
        Part::List { name, in_force, announced, reporting } => {
            let mut text = match (in_force, danish) {
                (Some(version), true) => format!("Udgave {version} gælder."),
                (Some(version), false) => format!("Version {version} is in force."),
                (None, true) => "Ingen udgave gælder endnu.".to_owned(),
                (None, false) => "No version is in force yet.".to_owned(),
            };
            if let Some((version, from)) = announced {
                let from = day(*from);
                text += &if danish {
                    format!(" Udgave {version} begynder {from}.")
                } else {
                    format!(" Version {version} starts on {from}.")
                };
            }
            if let Some(only) = list::reporting(reporting, language) {
                text.push(' ');
                text += &only;
            }
            (name.clone(), text)
        }
        Part::Log { error, writing, lost, damaged } => {
            let mut text = match (writing, error) {
                (true, _) => pick(
                    "Loggen skrives, og kæden hænger sammen.",
                    "The log is written, and the chain holds.",
                ),
                (false, None) => pick("Loggen kan ikke skrives.", "The log cannot be written."),
                (false, Some(error)) => {
                    pick("Loggen kan ikke skrives: ", "The log cannot be written: ") + error
                }
            };
            if !damaged.is_empty() {
                text =
                    pick("Kæden er beskadiget: ", "The chain is damaged: ") + &damaged.join("; ");
            }
            if *lost > 0 {
                let lost = number(*lost, language);
                text += &if danish {
                    format!(" {lost} poster gik tabt.")
                } else {
                    format!(" {lost} entries were lost.")
                };
            }
            (pick("Log", "Log"), text)
        }
        Part::Upstreams { servers, out } => {
            let text = match (out.is_empty(), danish) {
                (true, true) => format!("Alle {servers} svarer."),
                (true, false) => format!("All {servers} answer."),
                (false, true) => format!("{} af {servers} svarer ikke: {}.", out.len(), all(out)),
                (false, false) => {
                    format!("{} of {servers} do not answer: {}.", out.len(), all(out))
                }
            };
            (pick("Servere bag", "Servers behind"), text)
        }
        Part::Nodes { nodes, silent, troubled } => {
            let mut text = match (nodes, danish) {
                (1, true) => "Én kører.".to_owned(),
                (_, true) => format!("{nodes} er kendt."),
                (1, false) => "One runs.".to_owned(),
                (_, false) => format!("{nodes} are known."),
            };
            if !silent.is_empty() {
                let names = all(silent);
                text += &if danish {
                    format!(" Intet hørt fra {names}.")
                } else {
                    format!(" Nothing heard of {names}.")
                };
            }
            for (name, problem) in troubled {
                text += &if danish {
                    format!(" {name} er ikke klar: {problem}.")
                } else {
                    format!(" {name} is not ready: {problem}.")
                };
            }
            (pick("Noder", "Nodes"), text)
        }
        Part::Certificates { first, over, .. } => {
            let text = match (first, over, danish) {
                (None, _, true) => "Udløbet kan ikke læses.".to_owned(),
                (None, _, false) => "Their end cannot be read.".to_owned(),
                (Some((file, ends)), false, true) => {
                    format!("Det første udløber {}: {file}", day(*ends))
                }
                (Some((file, ends)), false, false) => {
                    format!("The first ends on {}: {file}", day(*ends))
                }
                (Some((file, ends)), true, true) => {
                    format!("Udløbet {}: {file}. Forny det.", day(*ends))
                }
                (Some((file, ends)), true, false) => {
                    format!("Ended on {}: {file}. Renew it.", day(*ends))
                }
            };
            (pick("Certifikater", "Certificates"), text)
        }
        Part::Other { name, detail, .. } => (other(name, language).to_owned(), detail.clone()),
    }
}

fn other(name: &str, language: Language) -> &str {
    match (name, language) {
        ("store", Language::Danish) => "Lager",
        ("store", Language::English) => "Store",
        ("directory", Language::Danish) => "Brugerkatalog",
        ("directory", Language::English) => "Directory",
        ("notices", Language::Danish) => "Beskeder",
        ("notices", Language::English) => "Messages",
        ("disk", Language::Danish) => "Plads på disken",
        ("disk", Language::English) => "Room on the disk",
        ("certificate_files", Language::Danish) => "Nye certifikater",
        ("certificate_files", Language::English) => "New certificates",
        (other, _) => other,
    }
}

/// What waits, in a sentence, and where it is seen to.
pub(super) fn attention(
    one: &Attention,
    zone: &TimeZone,
    language: Language,
) -> (String, &'static str) {
    let danish = language == Language::Danish;
    match one {
        Attention::ReviewOverdue(due) => {
            let due = language::date(*due, language);
            let text = if danish {
                format!("Gennemgangen af loggen skulle være gjort senest {due}.")
            } else {
                format!("The review of the log was due on {due}.")
            };
            (text, "/review/planned")
        }
        Attention::ReviewWaits(due) => {
            let due = language::date(*due, language);
            let text = if danish {
                format!("Loggen skal gennemgås senest {due}.")
            } else {
                format!("The log is to be reviewed by {due}.")
            };
            (text, "/review/planned")
        }
        Attention::NoticesFailed(1) if danish => {
            ("Én besked til en rejsende kom ikke frem.".to_owned(), "/travel")
        }
        Attention::NoticesFailed(1) => {
            ("One message to a traveller did not arrive.".to_owned(), "/travel")
        }
        Attention::NoticesFailed(count) => {
            let text = if danish {
                format!("{count} beskeder til rejsende kom ikke frem.")
            } else {
                format!("{count} messages to travellers did not arrive.")
            };
            (text, "/travel")
        }
        Attention::Announced(version, from) => {
            let from = language::date(from.to_zoned(zone.clone()).date(), language);
            let text = if danish {
                format!("Udgave {version} af listen begynder {from}. Se, hvem det rammer.")
            } else {
                format!("Version {version} of the list starts on {from}. See whom it concerns.")
            };
            (text, "/list")
        }
        Attention::Emergencies(count, until) => {
            let until = language::instant(*until, zone, language);
            let text = match (count, danish) {
                (1, true) => format!("En nødadgang skal bekræftes af en anden inden {until}."),
                (_, true) => {
                    format!(
                        "{count} nødadgange skal bekræftes af en anden, den første inden {until}."
                    )
                }
                (1, false) => {
                    format!("One emergency has to be confirmed by another person before {until}.")
                }
                (_, false) => format!(
                    "{count} emergencies have to be confirmed by another person, the first before {until}."
                ),
            };
            (text, "/travel")
        }
        Attention::Journeys(1) if danish => ("Én rejse venter på svar.".to_owned(), "/travel"),
        Attention::Journeys(1) => ("One journey waits for an answer.".to_owned(), "/travel"),
        Attention::Journeys(count) => {
            let text = if danish {
                format!("{count} rejser venter på svar.")
            } else {
                format!("{count} journeys wait for an answer.")
            };
            (text, "/travel")
        }
    }
}

/// What the chart of requests shows.
pub(super) fn requests(total: u64, language: Language) -> String {
    let total = number(total, language);
    match language {
        Language::Danish if total == "1" => "1 forespørgsel på 30 dage".to_owned(),
        Language::Danish => format!("{total} forespørgsler på 30 dage"),
        Language::English if total == "1" => "1 request in 30 days".to_owned(),
        Language::English => format!("{total} requests in 30 days"),
    }
}

/// What the chart of rejections shows.
pub(super) fn rejected(total: u64, most: Option<(u64, String)>, language: Language) -> String {
    let count = number(total, language);
    match (most, language) {
        (Some((most, day)), Language::Danish) => {
            format!("{count} afvist, flest {day}: {}", number(most, language))
        }
        (None, Language::Danish) => format!("{count} afvist"),
        (Some((most, day)), Language::English) => {
            format!("{count} rejected, most on {day}: {}", number(most, language))
        }
        (None, Language::English) => format!("{count} rejected"),
    }
}

/// What the chart of exempt access shows.
pub(super) fn exempt(total: u64, language: Language) -> String {
    let total = number(total, language);
    match language {
        Language::Danish => format!("{total} med rejseadgang"),
        Language::English => format!("{total} with a travel exemption"),
    }
}

/// What the map shows, for those who do not see it.
pub(super) fn map(countries: usize, most: &str, language: Language) -> String {
    match language {
        Language::Danish => {
            format!(
                "Verdenskort. Afvisninger fra {countries} lande; flest fra {most}. Tallene står i tabellen."
            )
        }
        Language::English => format!(
            "Map of the world. Rejections from {countries} countries; most from {most}. The figures stand in the table."
        ),
    }
}

/// A step of the map's colour.
pub(super) fn step(from: u64, to: u64, language: Language) -> String {
    if from == to {
        return number(from, language);
    }
    format!("{}–{}", number(from, language), number(to, language))
}
