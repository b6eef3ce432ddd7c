//! Reasons, actions and verdicts in the words of people who do not know the codes.

use crate::audit::Action;
use crate::language::Language;
use crate::policy::Reason;

/// Why it was decided so, as a clause that could stand alone.
pub(crate) fn reason(reason: Reason, language: Language) -> &'static str {
    let (danish, english) = match reason {
        Reason::PrivateNetwork => (
            "adressen ligger i et privat net, som lukkes ind",
            "the address lies in a private network, which is let in",
        ),
        Reason::AllowedNetwork => (
            "adressen ligger i et net, som altid lukkes ind",
            "the address lies in a network that is always let in",
        ),
        Reason::CountryNotListed => {
            ("landet står ikke på listen", "the country does not stand on the list")
        }
        Reason::TravelExemption => (
            "personen har en rejseadgang, der gælder her og nu",
            "the person holds a travel exemption that covers this place and time",
        ),
        Reason::ReportOnly => (
            "reglen bliver kun prøvet af endnu og afviser ingen",
            "the rule is only being tried out and rejects nobody yet",
        ),
        Reason::UnknownLocationAllowed => (
            "landet er ukendt, og reglen lukker ukendte ind",
            "the country is not known, and the rule lets such in",
        ),
        Reason::AcmeChallenge => (
            "det er en prøve for et certifikat, som lukkes ind alle steder fra",
            "it is the test for a certificate, which is let in from everywhere",
        ),
        Reason::SignInSite => (
            "her logger man ind, og nogen er på rejse i det land nu",
            "people sign in here, and somebody travels in that country now",
        ),
        Reason::IdentificationNeeded => (
            "nogen er på rejse i det land nu, så der blev spurgt, hvem det er",
            "somebody travels in that country now, so it was asked who this is",
        ),
        Reason::AuthenticationRequired => {
            ("systemet spørger alle, hvem de er", "the system asks everybody who they are")
        }
        Reason::ClientAddressUnknown => (
            "afsenderens adresse kunne ikke findes med sikkerhed",
            "the client's address could not be told with certainty",
        ),
        Reason::DeniedNetwork => (
            "adressen ligger i et net, som altid afvises",
            "the address lies in a network that is always rejected",
        ),
        Reason::DeniedPrivateNetwork => (
            "adressen ligger i et privat net, som ikke lukkes ind",
            "the address lies in a private network, which is not let in",
        ),
        Reason::UnknownLocation => (
            "databasen ved ikke, hvilket land adressen hører til",
            "the database does not know which country the address belongs to",
        ),
        Reason::CountryListed => ("landet står på listen", "the country stands on the list"),
        Reason::ExemptionNotStarted => (
            "personens rejseadgang var ikke begyndt endnu",
            "the person's travel exemption had not begun yet",
        ),
        Reason::ExemptionEnded => {
            ("personens rejseadgang var udløbet", "the person's travel exemption was over")
        }
        Reason::ExemptionOtherTerritory => (
            "personens rejseadgang gælder et andet land",
            "the person's travel exemption is for another country",
        ),
        Reason::ExemptionOtherSite => (
            "personens rejseadgang gælder et andet system",
            "the person's travel exemption is for another system",
        ),
        Reason::ExemptionDeviceMissing => (
            "rejseadgangen kræver en enhed, der er knyttet til den, og det var denne ikke",
            "the travel exemption demands a device that is bound to it, and this was none",
        ),
        Reason::ExemptionMultiFactorMissing => (
            "rejseadgangen kræver mere end en adgangskode",
            "the travel exemption demands more than a password",
        ),
        Reason::ExemptionsDisabled => (
            "kommunen har slået ordningen med rejseadgang fra",
            "the organisation has switched travel exemptions off",
        ),
        Reason::NotAuthorized => (
            "personen er kendt, men må ikke bruge systemet",
            "the person is known and may not use the system",
        ),
        Reason::PathClosed => {
            ("den del af systemet er lukket for alle", "that part of the system is closed to all")
        }
        Reason::PathOtherCountry => (
            "den del af systemet er kun åben fra bestemte lande, rejseadgang eller ej",
            "that part of the system is open from some countries alone, exemption or not",
        ),
        Reason::UnclearRequest => (
            "forespørgslen kunne læses på mere end én måde",
            "the request could be read in more than one way",
        ),
        Reason::UnknownSite => {
            ("intet system hører til det navn", "no system belongs to that name")
        }
        Reason::Overload => ("en grænse i geovagt var nået", "a limit of geovagt was reached"),
        Reason::AuditUnavailable => (
            "loggen kunne ikke skrives, og så lukkes ingen ind",
            "the log could not be written, and then nobody is let in",
        ),
    };
    pick(language, danish, english)
}

/// Words beside an action that are no reason of a decision.
const WORDS: &[(&str, &str, &str)] = &[
    ("planned", "planlagt", "planned"),
    ("begun", "begyndt", "begun"),
    ("drawn", "stikprøven trukket", "the sample was drawn"),
    ("finished", "færdig", "finished"),
    ("in_order", "bedømt: i orden", "judged: in order"),
    ("wrongly_rejected", "bedømt: afvist ved en fejl", "judged: rejected by mistake"),
    ("look_closer", "bedømt: bør ses efter", "judged: to be looked into"),
    ("incident", "bedømt: hører til i en sag om brud", "judged: belongs into a breach file"),
    ("noted", "notat tilføjet", "a note was added"),
    ("persons", "personer tilføjet", "people were added"),
    ("reported", "anmeldt", "reported"),
    ("password", "ny adgangskode", "a new password"),
    ("locked", "spærret", "locked"),
    ("unlocked", "åbnet igen", "unlocked"),
];

/// Such a word; as it stands where it is none of ours.
pub(crate) fn word(code: &str, language: Language) -> &str {
    let found = WORDS.iter().find(|(known, ..)| *known == code);
    found.map_or(code, |(_, danish, english)| pick(language, danish, english))
}

/// What happened, as a heading. Every action has one; a test says so.
pub(crate) fn action(action: Action, language: Language) -> &'static str {
    let found = ACTIONS.iter().find(|(known, ..)| *known == action);
    found.map_or(action.word(), |(_, danish, english)| pick(language, danish, english))
}

const ACTIONS: &[(Action, &str, &str)] = &[
    (Action::Allowed, "Lukket ind", "Let in"),
    (Action::Denied, "Afvist", "Rejected"),
    (Action::Repeated, "Afvist flere gange", "Rejected several times"),
    (Action::Completed, "Langt besøg sluttede", "A long visit ended"),
    (Action::Identified, "Genkendt", "Recognised"),
    (Action::SignIn, "Logget ind", "Signed in"),
    (Action::SignInFailed, "Forsøg på at logge ind", "Tried to sign in"),
    (Action::SignOut, "Logget ud", "Signed out"),
    (Action::ExemptionApplied, "Rejseadgang søgt", "Travel exemption applied for"),
    (Action::ExemptionGranted, "Rejseadgang givet", "Travel exemption granted"),
    (Action::ExemptionApproved, "Rejseadgang godkendt", "Travel exemption approved"),
    (Action::ExemptionRefused, "Rejseadgang afslået", "Travel exemption refused"),
    (Action::ExemptionRevoked, "Rejseadgang taget tilbage", "Travel exemption revoked"),
    (Action::ExemptionClosed, "Rejseadgang lukket", "Travel exemption closed"),
    (Action::ExemptionContact, "Kontakt under rejsen ændret", "Contact during travel changed"),
    (Action::ExemptionEnded, "Rejseadgang udløbet", "Travel exemption ended"),
    (Action::TravelLinkMade, "Rejselink udleveret", "Travel link given out"),
    (Action::DeviceBound, "Enhed knyttet til rejsen", "Device bound to the journey"),
    (Action::DeviceRevoked, "Enhed taget af rejsen", "Device taken off the journey"),
    (Action::PersonEnded, "Alt for personen afsluttet", "Everything of the person ended"),
    (Action::AddressGranted, "Adresse lukket ind en tid", "Address let in for a while"),
    (Action::AddressGrantEnded, "Adresse ikke længere lukket ind", "Address no longer let in"),
    (Action::OddUse, "Brugen ser mærkelig ud", "The use looks odd"),
    (Action::UserAdded, "Lokal bruger oprettet", "Local account made"),
    (Action::UserChanged, "Lokal bruger ændret", "Local account changed"),
    (Action::UserRemoved, "Lokal bruger fjernet", "Local account removed"),
    (Action::PolicyLoaded, "Ny opsætning taget i brug", "New configuration in force"),
    (Action::DatabaseLoaded, "Ny landedatabase taget i brug", "New country database in use"),
    (Action::LogSearched, "Opslag i loggen", "The log was searched"),
    (Action::LogExported, "Uddrag af loggen hentet", "The log was exported"),
    (Action::LogReviewed, "Gennemgang af loggen", "Review of the log"),
    (Action::BreachOpened, "Sag om brud oprettet", "Breach file opened"),
    (Action::BreachChanged, "Sag om brud ændret", "Breach file changed"),
    (Action::TravelViewed, "Kig på en persons rejse", "Somebody's travel was looked at"),
    (
        Action::PersonViewed,
        "Kig på det, der er gemt om en person",
        "What is stored about a person was looked at",
    ),
    (
        Action::PersonForgotten,
        "Det gemte om en person slettet",
        "What was stored about a person was deleted",
    ),
    (
        Action::SystemChanged,
        "Fortegnelsen over systemer ændret",
        "The register of systems was changed",
    ),
    (
        Action::Reidentified,
        "Et pseudonym opløst af to personer",
        "A pseudonym was resolved by two people",
    ),
    (
        Action::ReidentificationAsked,
        "Ønske om at opløse et pseudonym",
        "Asked to resolve a pseudonym",
    ),
    (
        Action::ErasureOrdered,
        "Ordre om at fjerne personoplysninger fra loggen",
        "Order to take personal data out of the log",
    ),
    (Action::KeyChanged, "Ny nøgle underskriver loggen", "Another key signs the log"),
    (Action::SecondFactor, "Andet trin ved log-in ændret", "Second factor changed"),
    (Action::TokenMade, "Adgangsnøgle til API oprettet", "Token for the API made"),
    (Action::TokenRevoked, "Adgangsnøgle til API taget tilbage", "Token for the API revoked"),
    (Action::Pseudonymised, "Personoplysninger fjernet", "Personal data removed"),
    (Action::Deleted, "Gamle poster slettet", "Old entries deleted"),
    (Action::Started, "geovagt startede", "geovagt started"),
    (Action::Stopped, "geovagt stoppede", "geovagt stopped"),
    (Action::ChainDamaged, "Loggen hænger ikke sammen", "The log does not hold together"),
    (Action::TailSetAside, "En ufærdig slutning lagt til side", "An unfinished tail was set aside"),
    (Action::FloodBegan, "En oversvømmelse begyndte", "A flood began"),
    (Action::FloodEnded, "En oversvømmelse sluttede", "A flood ended"),
    (Action::EntriesLost, "Poster gik tabt", "Entries were lost"),
];

/// `allow`, `identify` or `deny` in words, with a sign, so that colour is not all there is.
pub(crate) fn verdict(word: &str, language: Language) -> &'static str {
    match word {
        "allow" => pick(language, "✓ lukket ind", "✓ let in"),
        "identify" => pick(language, "? spurgt, hvem det er", "? asked who it is"),
        "deny" => pick(language, "✕ afvist", "✕ rejected"),
        _ => "",
    }
}

/// The same as a class of the stylesheet.
pub(crate) fn verdict_class(word: &str) -> &'static str {
    match word {
        "allow" => "allowed",
        "identify" => "attention",
        "deny" => "rejected",
        _ => "plain",
    }
}

/// With a capital in front: it stands alone.
pub(crate) fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map(|first| first.to_uppercase().chain(rest).collect()).unwrap_or_default()
}

pub(crate) fn pick<T>(language: Language, danish: T, english: T) -> T {
    match language {
        Language::Danish => danish,
        Language::English => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Language::{Danish, English};

    #[test]
    fn every_action_is_said_in_both_languages() {
        for &one in Action::ALL {
            for language in [Danish, English] {
                assert_ne!(action(one, language), one.word(), "no words for {one}");
            }
            assert_ne!(action(one, Danish), action(one, English), "{one}");
        }
    }

    #[test]
    fn every_reason_is_said_in_both_languages_and_without_its_code() {
        for &one in Reason::ALL {
            assert_ne!(reason(one, Danish), reason(one, English));
            assert!(!reason(one, English).contains('_'));
        }
    }
}
