//! The mail to somebody whom a new version concerns, prepared to be copied. PURE.

use jiff::Timestamp;

use super::forecast::Concerned;
use crate::config::Organization;
use crate::language::{self, Language, enumeration};
use crate::territory::Territory;

/// A mail that nobody has sent.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Prepared {
    /// To whom, where an address is known.
    pub(super) to: Option<String>,
    /// Its subject.
    pub(super) subject: String,
    /// Its text.
    pub(super) text: String,
}

/// What somebody should be told, in the organisation's language.
pub(super) fn letter(one: &Concerned, from: Timestamp, organization: &Organization) -> Prepared {
    let language = organization.language;
    let zone = &organization.time_zone;
    let day = language::date(from.to_zoned(zone.clone()).date(), language);
    let places = places(one, language);
    let name = one.display_name.as_deref().unwrap_or(&one.name);
    let contact = contact(organization);
    let (subject, text) = match language {
        Language::Danish => {
            (danish_subject(&places, &day), danish(name, &places, &day, one, &contact))
        }
        Language::English => {
            (english_subject(&places, &day), english(name, &places, &day, one, &contact))
        }
    };
    let text = format!("{text}\n{}\n", organization.name);
    Prepared { to: one.mail.clone(), subject, text }
}

fn places(one: &Concerned, language: Language) -> String {
    let mut places: Vec<Territory> = one.seen.iter().map(|sighting| sighting.territory).collect();
    places.sort_unstable();
    places.dedup();
    crate::territory::sort_by_name(&mut places, language);
    let names: Vec<String> = places.iter().map(|t| t.name(language).into_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match (names.is_empty(), language) {
        (true, Language::Danish) => "det sted, du rejser til,".to_owned(),
        (true, Language::English) => "the place you travel to".to_owned(),
        (false, _) => enumeration(&names, language),
    }
}

fn contact(organization: &Organization) -> String {
    let contact = &organization.contact;
    let parts: Vec<&str> =
        [&contact.phone, &contact.email].into_iter().flatten().map(String::as_str).collect();
    parts.join(", ")
}

fn danish_subject(places: &str, day: &str) -> String {
    format!("Adgang fra {places} lukker {day}")
}

fn danish(name: &str, places: &str, day: &str, one: &Concerned, contact: &str) -> String {
    let mut text = format!("Kære {name}\n\n");
    text += &format!(
        "Fra {day} kan du ikke længere nå vores mail og intranet fra {places}. Det er kommet på listen over lande, som vi er rådet til at lukke for.\n\n"
    );
    if !one.seen.is_empty() {
        text += "Vi skriver, fordi du har brugt vores systemer derfra. Er du hjemme igen og skal ikke tilbage, behøver du ikke gøre noget.\n\n";
    }
    if !one.exemptions.is_empty() {
        text += "Din rejseundtagelse dækker ikke det nye sted på listen. Vi skal give dig en ny, hvis du skal dertil.\n\n";
    }
    if !one.waiting.is_empty() {
        text += "Din ansøgning om en rejseundtagelse er ikke afgjort endnu.\n\n";
    }
    text += "Skal du være der efter den dag, så søg om en rejseundtagelse i god tid.";
    if !contact.is_empty() {
        text += &format!(" Du når os på {contact}.");
    }
    text + "\n\nVenlig hilsen"
}

fn english_subject(places: &str, day: &str) -> String {
    format!("Access from {places} closes on {day}")
}

fn english(name: &str, places: &str, day: &str, one: &Concerned, contact: &str) -> String {
    let mut text = format!("Dear {name}\n\n");
    text += &format!(
        "From {day} you can no longer reach our mail and intranet from {places}. It was put on the list of countries that we are advised to close for.\n\n"
    );
    if !one.seen.is_empty() {
        text += "We write because you have used our systems from there. If you are home again and do not go back, there is nothing you need do.\n\n";
    }
    if !one.exemptions.is_empty() {
        text += "Your travel exemption does not cover the new entry of the list. You need another one if you go there.\n\n";
    }
    if !one.waiting.is_empty() {
        text += "Your application for a travel exemption is not decided yet.\n\n";
    }
    text += "If you will be there after that day, apply for a travel exemption in good time.";
    if !contact.is_empty() {
        text += &format!(" You reach us at {contact}.");
    }
    text + "\n\nKind regards"
}
