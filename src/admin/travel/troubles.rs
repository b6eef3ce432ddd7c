//! What stands in the way of a journey, in words and at the field it is about. PURE.

use super::sentences::pick;
use crate::journey::person::NoPerson;
use crate::journey::{TextFault, Trouble};
use crate::language::{self, Language};
use crate::policy::{EmergencyRefused, InvalidLeg, Problem, Text};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The id of the field it is about.
    pub(crate) field: String,
    /// What is wrong, and what to do.
    pub(crate) text: String,
}

/// Everything, each once.
pub(crate) fn in_words(troubles: &[Trouble], language: Language) -> Vec<Wrong> {
    let mut wrong: Vec<Wrong> = Vec::new();
    for trouble in troubles {
        let one = Wrong { field: field(trouble), text: text(trouble, language) };
        if !wrong.contains(&one) {
            wrong.push(one);
        }
    }
    wrong
}

/// What is wrong with a text.
pub(crate) fn fault(fault: TextFault, language: Language) -> String {
    match fault {
        TextFault::Empty => {
            pick(language, "Her mangler en tekst.", "A text is missing here.").to_owned()
        }
        TextFault::TooLong { length, longest } => pick(
            language,
            format!("Teksten har {length} tegn; {longest} er det meste."),
            format!("The text has {length} characters; {longest} are the most."),
        ),
        TextFault::Hidden => pick(
            language,
            "Teksten har tegn, som ikke kan ses. Skriv den som almindelig tekst.",
            "The text holds characters that do not show. Write it as plain text.",
        )
        .to_owned(),
    }
}

fn field(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Person(_) | Trouble::OwnGrant | Trouble::Emergency(EmergencyRefused::Own) => {
            "who".to_owned()
        }
        Trouble::Country { number, .. } => format!("places-{number}"),
        Trouble::Day { number, end: false, .. } => format!("from-{number}"),
        Trouble::Day { number, end: true, .. } | Trouble::Leg { number, .. } => {
            format!("until-{number}")
        }
        Trouble::Until(_) => "until".to_owned(),
        Trouble::Site { .. } | Trouble::List { .. } => "sites".to_owned(),
        Trouble::Held(problem) | Trouble::Emergency(EmergencyRefused::Problem(problem)) => {
            field_of(problem)
        }
        Trouble::Emergency(_)
        | Trouble::NoReference
        | Trouble::NoRejection { .. }
        | Trouble::NoOrganization(_)
        | Trouble::OtherOrganization { .. } => "reference".to_owned(),
        Trouble::SchemeOff(_) => "content".to_owned(),
    }
}

fn field_of(problem: &Problem) -> String {
    let fixed = match problem {
        Problem::NoTerritory { leg }
        | Problem::TooManyTerritories { leg, .. }
        | Problem::Unassigned { leg, .. } => return format!("places-{leg}"),
        Problem::EndNotAfterStart { leg } => return format!("until-{leg}"),
        Problem::SchemeOff(_) => "content",
        Problem::PersonOfAnotherOrganization { .. } => "who",
        Problem::NoLeg | Problem::TooManyLegs(_) => "places-1",
        Problem::EndInThePast | Problem::TooLong { .. } => "until-1",
        Problem::TooSoon { .. } => "from-1",
        Problem::NotLater(_) | Problem::NothingToExtend { .. } => "until",
        Problem::NoDevice | Problem::TooManyDevices(_) => "devices",
        Problem::NoTelephone(_) => "telephone",
        Problem::NoMail(_) => "mail",
        Problem::NoSite | Problem::UnknownSite(_) | Problem::SiteOfAnotherOrganization(_) => {
            "sites"
        }
        Problem::Empty(text)
        | Problem::ControlCharacter(text)
        | Problem::TextTooLong { text, .. } => text_field(*text),
    };
    fixed.to_owned()
}

fn text_field(text: Text) -> &'static str {
    match text {
        Text::Purpose => "purpose",
        Text::CaseNumber => "case",
        Text::Device => "devices",
        Text::Verification => "caller-verified",
    }
}

fn text(trouble: &Trouble, language: Language) -> String {
    match trouble {
        Trouble::Person(nobody) => person(nobody, language),
        Trouble::OwnGrant | Trouble::Emergency(EmergencyRefused::Own) => pick(
            language,
            "Ingen giver sig selv adgang. Ansøg i stedet, så afgør en anden det.",
            "Nobody grants their own journey. Apply instead, and another person decides.",
        )
        .to_owned(),
        Trouble::Country { source, .. } => country(source, language),
        Trouble::Day { typed, .. } if typed.is_empty() => {
            pick(language, "Dagen mangler.", "The day is missing.").to_owned()
        }
        Trouble::Day { typed, .. } => no_day(typed, language),
        Trouble::Leg { source, .. } | Trouble::Until(source) => leg(source, language),
        Trouble::Site { typed: site, .. } => pick(
            language,
            format!("Der er intet system {site}."),
            format!("There is no system {site}."),
        ),
        Trouble::List { site, .. } => pick(
            language,
            format!("Landelisten for {site} kunne ikke læses. Sig det til driften."),
            format!("The country list of {site} could not be read. Tell operations."),
        ),
        Trouble::Held(found) | Trouble::Emergency(EmergencyRefused::Problem(found)) => {
            problem(found, language)
        }
        Trouble::Emergency(refused) => emergency(refused, language),
        Trouble::NoReference => pick(
            language,
            "Det er ikke en reference. Den har otte tegn, som K7QX-2M9D.",
            "That is no reference. It has eight characters, such as K7QX-2M9D.",
        )
        .to_owned(),
        Trouble::NoRejection { days, .. } => pick(
            language,
            format!(
                "Loggen har ingen afvisning med den reference i de seneste {days} dage. Bed om at få den læst op igen, bogstav for bogstav."
            ),
            format!(
                "The log has no rejection of that reference in the last {days} days. Let the caller read it again, letter by letter."
            ),
        ),
        Trouble::NoOrganization(_) | Trouble::OtherOrganization { .. } => pick(
            language,
            "Afvisningen skete ikke ved et af organisationens systemer.",
            "The rejection was not at a system of this organisation.",
        )
        .to_owned(),
        Trouble::SchemeOff(_) => scheme_off(language),
    }
}

fn scheme_off(language: Language) -> String {
    pick(
        language,
        "Rejseadgange er ikke slået til for organisationen. Det kræver en beslutning og dens sagsnummer i konfigurationen.",
        "Travel access is not switched on for the organisation. That takes a decision and its case number in the configuration.",
    )
    .to_owned()
}

fn person(nobody: &NoPerson, language: Language) -> String {
    match nobody {
        NoPerson::Name { typed, .. } if typed.trim().is_empty() => {
            pick(language, "Skriv, hvem der rejser.", "Write who travels.").to_owned()
        }
        NoPerson::Locked { name, .. } => pick(
            language,
            format!("Kontoen {name} er låst. Den skal låses op først."),
            format!("The account {name} is locked. Unlock it first."),
        ),
        NoPerson::DirectorySilent { name, .. } => pick(
            language,
            format!("Brugerkataloget svarer ikke, så det er ikke klart, hvem {name} er. Prøv igen om lidt."),
            format!("The directory does not answer, so it is not clear who {name} is. Try again shortly."),
        ),
        NoPerson::Several { name, .. } => pick(
            language,
            format!("Der er flere, der hedder {name}. Vælg en af dem."),
            format!("There is more than one {name}. Choose one of them."),
        ),
        _ => pick(
            language,
            "Ingen med det brugernavn er kendt her. Vælg en af dem nedenfor, eller bed personen om at logge ind én gang hjemmefra.",
            "Nobody of that user name is known here. Choose one of those below, or let the person sign in once at home.",
        )
        .to_owned(),
    }
}

fn country(not_found: &crate::territory::NotFound, language: Language) -> String {
    let typed = &not_found.text;
    let near: Vec<String> =
        not_found.nearest.iter().map(|one| one.name(language).into_owned()).collect();
    let near: Vec<&str> = near.iter().map(String::as_str).collect();
    let near = language::enumeration(&near, language);
    let (danish, english) = if near.is_empty() {
        (
            format!("“{typed}” er ikke et land, vi kender."),
            format!("“{typed}” is no country that we know."),
        )
    } else {
        (
            format!("“{typed}” er ikke et land, vi kender. Mener du {near}?"),
            format!("“{typed}” is no country that we know. Do you mean {near}?"),
        )
    };
    pick(language, danish, english)
}

fn no_day(typed: &str, language: Language) -> String {
    pick(
        language,
        format!("“{typed}” er ikke en dag. Skriv den som 1.12.2026."),
        format!("“{typed}” is no day. Write it as 1.12.2026."),
    )
}

fn leg(invalid: &InvalidLeg, language: Language) -> String {
    match invalid {
        InvalidLeg::Instant(typed) if typed.trim().is_empty() => {
            pick(language, "Dagen mangler.", "The day is missing.").to_owned()
        }
        InvalidLeg::Instant(typed) => no_day(typed, language),
        _ => pick(language, "Dagene kan ikke læses.", "The days cannot be read.").to_owned(),
    }
}

fn problem(problem: &Problem, language: Language) -> String {
    match problem {
        Problem::SchemeOff(_) => scheme_off(language),
        Problem::TooSoon { earliest, lead_days, .. } => {
            let earliest = language::date(*earliest, language);
            pick(
                language,
                format!(
                    "Det er for sent at ansøge til den dag: der skal {lead_days} arbejdsdage til en afgørelse. Fra i dag kan rejsen tidligst begynde {earliest}. Haster det, så ring."
                ),
                format!(
                    "It is too late to apply for that day: a decision takes {lead_days} working days. From today the journey can begin {earliest} at the earliest. If it is urgent, call."
                ),
            )
        }
        Problem::TooLong { maximum, .. } => pick(
            language,
            format!(
                "Rejsen varer længere end de {maximum} dage, som organisationen tillader. Del den, eller gør den kortere."
            ),
            format!(
                "The journey lasts longer than the {maximum} days that the organisation allows. Split it or shorten it."
            ),
        ),
        Problem::TooManyDevices(count) => pick(
            language,
            format!("{count} stykker udstyr er for mange."),
            format!("{count} devices are too many."),
        ),
        Problem::Unassigned { territory, .. } => pick(
            language,
            format!("{territory} er ingen tildelt landekode."),
            format!("{territory} is no assigned country code."),
        ),
        Problem::NoTelephone(typed) if !typed.is_empty() => pick(
            language,
            format!("“{typed}” er ikke et telefonnummer. Skriv det som +45 20 00 00 00."),
            format!("“{typed}” is no telephone number. Write it as +45 20 00 00 00."),
        ),
        Problem::NoMail(typed) if !typed.is_empty() => pick(
            language,
            format!("“{typed}” er ikke en mailadresse. Skriv den som anna@example.net."),
            format!("“{typed}” is no mail address. Write it as anna@example.net."),
        ),
        Problem::UnknownSite(site) | Problem::SiteOfAnotherOrganization(site) => pick(
            language,
            format!("Organisationen har intet system {site}."),
            format!("The organisation has no system {site}."),
        ),
        Problem::TextTooLong { length, maximum, .. } => {
            fault(TextFault::TooLong { length: *length, longest: *maximum }, language)
        }
        Problem::ControlCharacter(_) => fault(TextFault::Hidden, language),
        other => plain(other, language).to_owned(),
    }
}

fn plain(problem: &Problem, language: Language) -> &'static str {
    let (danish, english) = match problem {
        Problem::PersonOfAnotherOrganization { .. } => (
            "Personen hører til en anden organisation.",
            "The person belongs to another organisation.",
        ),
        Problem::NoLeg => {
            ("Skriv, hvor og hvornår rejsen går.", "Write where and when the journey goes.")
        }
        Problem::TooManyLegs(_) => ("Rejsen har for mange dele.", "The journey has too many legs."),
        Problem::NoTerritory { .. } => (
            "Skriv mindst ét land. En adgang gælder aldrig hele verden.",
            "Write at least one country. Access is never for the whole world.",
        ),
        Problem::TooManyTerritories { .. } => {
            ("Det er for mange lande.", "Those are too many countries.")
        }
        Problem::EndNotAfterStart { .. } => {
            ("Sidste dag ligger før første dag.", "The last day lies before the first.")
        }
        Problem::EndInThePast => (
            "Rejsen er allerede forbi. En adgang åbner ikke fortiden.",
            "The journey is over already. Access cannot open the past.",
        ),
        Problem::NotLater(_) => (
            "Rejsen varer allerede så længe. Skriv en senere dag.",
            "The journey lasts that long already. Write a later day.",
        ),
        Problem::NothingToExtend { .. } => (
            "Rejsen kan ikke forlænges, som den står. Ansøg på ny.",
            "The journey cannot be prolonged as it stands. Apply anew.",
        ),
        Problem::NoDevice => {
            ("Skriv, hvilket udstyr der tages med.", "Write which devices are taken along.")
        }
        Problem::NoTelephone(_) => ("Skriv et telefonnummer.", "Write a telephone number."),
        Problem::NoMail(_) => ("Skriv en privat mailadresse.", "Write a private mail address."),
        Problem::NoSite => ("Vælg mindst ét system.", "Choose at least one system."),
        Problem::Empty(Text::Purpose) => {
            ("Skriv, hvad rejsen handler om.", "Write what the journey is for.")
        }
        Problem::Empty(Text::CaseNumber) => ("Skriv sagsnummeret.", "Write the case number."),
        Problem::Empty(Text::Device) => ("Et stykke udstyr mangler navn.", "A device has no name."),
        Problem::Empty(Text::Verification) => (
            "Skriv, hvordan du ved, at det er den person.",
            "Write how you know that it is this person.",
        ),
        _ => ("Det kan ikke læses.", "It cannot be read."),
    };
    pick(language, danish, english)
}

fn emergency(refused: &EmergencyRefused, language: Language) -> String {
    match refused {
        EmergencyRefused::OtherSite { site, known, .. } => pick(
            language,
            format!("Der gives ikke nødadgang til {site}, kun til: {known}."),
            format!("No emergency access is granted to {site}, only to: {known}."),
        ),
        EmergencyRefused::Folded { count, .. } => pick(
            language,
            format!("Referencen står for {count} ens afvisninger, så den viser ikke, hvem der ringer. Bed om at få siden hentet igen og den nye reference læst op."),
            format!("The reference stands for {count} equal rejections, so it does not show who calls. Ask the caller to load the page again and to read out the new one."),
        ),
        EmergencyRefused::TooOld { .. } => pick(
            language,
            "Afvisningen er for gammel til at sige, hvor personen er nu. Bed om at få siden hentet igen og den nye reference læst op.",
            "The rejection is too old to say where the person is now. Ask the caller to load the page again and to read out the new reference.",
        )
        .to_owned(),
        EmergencyRefused::NotTheCountry { .. } => pick(
            language,
            "Afvisningen skyldtes ikke landet, så en adgang ændrer intet.",
            "The rejection was not because of the country, so access would change nothing.",
        )
        .to_owned(),
        EmergencyRefused::FromTheFuture { .. } => pick(
            language,
            "Afvisningen er fra en tid, der endnu ikke er kommet. Ret gatewayens ur først.",
            "The rejection is from a time that has not come yet. Set the gateway's clock first.",
        )
        .to_owned(),
        EmergencyRefused::OtherOrganization { .. } => pick(
            language,
            "Afvisningen skete ikke ved et af organisationens systemer.",
            "The rejection was not at a system of this organisation.",
        )
        .to_owned(),
        EmergencyRefused::Off(_) | EmergencyRefused::Own | EmergencyRefused::Problem(_) => pick(
            language,
            "Organisationen har ikke slået nødadgang til.",
            "The organisation has not switched emergency access on.",
        )
        .to_owned(),
    }
}
