//! What the steps of a decision found, in words; called only for those who ask to see them.

use std::net::IpAddr;

use jiff::Timestamp;

use crate::client_address::UnknownBecause;
use crate::identifier::ListId;
use crate::language::Language::{self, Danish, English};
use crate::policy::exemption::Miss;
use crate::policy::network_table::Entry;
use crate::policy::trace::Words;
use crate::policy::{Admission, Demands, ListVersion, Person, Reason, TravelExemption};
use crate::territory::{Country, Territory};

impl Words<'_> {
    pub(super) fn path_rule(&self, rule: &str) -> String {
        match self.language {
            Danish => format!("reglen for {rule} afgør det her"),
            English => format!("the rule for {rule} decides here"),
        }
    }

    pub(super) fn path_countries(&self, countries: &[Country]) -> String {
        let named: Vec<&str> = countries.iter().map(Country::as_str).collect();
        let named = named.join(", ");
        match (named.as_str(), self.language) {
            ("", Danish) => "stien er kun åben fra de åbne net".to_owned(),
            ("", English) => "the path is open from the allow networks alone".to_owned(),
            (_, Danish) => format!("stien er kun åben fra {named}, og ingen rejseadgang gælder"),
            (_, English) => {
                format!("the path is open from {named} alone, and no exemption counts")
            }
        }
    }

    pub(super) fn unknown_address(&self, because: UnknownBecause) -> String {
        match self.language {
            Danish => format!("ukendt: {because}"),
            English => format!("unknown: {because}"),
        }
    }

    pub(super) fn known_address(&self, seen: IpAddr, judged: IpAddr) -> String {
        match (seen == judged, self.language) {
            (true, _) => seen.to_string(),
            (false, Danish) => format!("{seen}, bedømt efter den {judged}, som den bærer"),
            (false, English) => format!("{seen}, judged by the {judged} that it carries"),
        }
    }

    pub(super) fn denied_network(&self, found: Option<&Entry<String>>) -> String {
        match (found, self.language) {
            (Some(entry), Danish) => format!("{} er lukket ude: {}", entry.network, entry.value),
            (Some(entry), English) => format!("{} is denied: {}", entry.network, entry.value),
            (None, Danish) => "intet lukket net rummer den".to_owned(),
            (None, English) => "no deny network holds it".to_owned(),
        }
    }

    pub(super) fn allowed_network(&self, found: Option<&Entry<String>>) -> String {
        match (found, self.language) {
            (Some(entry), Danish) => format!("{} er lukket ind: {}", entry.network, entry.value),
            (Some(entry), English) => format!("{} is allowed: {}", entry.network, entry.value),
            (None, Danish) => "intet åbent net rummer den".to_owned(),
            (None, English) => "no allow network holds it".to_owned(),
        }
    }

    pub(super) fn private_network(&self, private: bool, admission: Admission) -> String {
        match (private, self.language) {
            (true, Danish) => format!("et privat net, som politikken {}", self.verb(admission)),
            (true, English) => {
                format!("a private network, which the policy {}", self.verb(admission))
            }
            (false, Danish) => "ikke et privat net".to_owned(),
            (false, English) => "not a private network".to_owned(),
        }
    }

    pub(super) fn not_in_database(&self, admission: Admission) -> String {
        let verb = self.verb(admission);
        match self.language {
            Danish => format!("ikke i databasen, hvilket politikken {verb}"),
            English => format!("not in the database, which the policy {verb}"),
        }
    }

    pub(super) fn correction(&self, found: Option<&Entry<(Country, String)>>) -> String {
        match (found, self.language) {
            (Some(entry), Danish) => {
                let place = self.place(Territory::country_of(entry.value.0));
                format!("{} ligger i {place}: {}", entry.network, entry.value.1)
            }
            (Some(entry), English) => {
                format!("{} is in {}: {}", entry.network, entry.value.0, entry.value.1)
            }
            (None, Danish) => "ingen rettelse rummer den".to_owned(),
            (None, English) => "no correction holds it".to_owned(),
        }
    }

    pub(super) fn no_version(&self, list: &ListId, first: Option<Timestamp>) -> String {
        let first = first.map(|first| self.instant(first)).unwrap_or_default();
        match self.language {
            Danish => format!("ingen udgave af {list} gælder før {first}"),
            English => format!("no version of {list} is in force before {first}"),
        }
    }

    pub(super) fn on_list(
        &self,
        place: Option<Territory>,
        listed: bool,
        (list, version): (&ListId, &ListVersion),
    ) -> String {
        let place = place.map(|place| self.place(place)).unwrap_or_default();
        let since = self.instant(version.effective_from);
        let version = &version.version;
        let stands = match (listed, self.language) {
            (true, Danish) => "står",
            (false, Danish) => "står ikke",
            (true, English) => "stands",
            (false, English) => "does not stand",
        };
        match self.language {
            Danish => format!("{place} {stands} på {list} {version}, som gælder siden {since}"),
            English => format!("{place} {stands} on {list} {version}, in force since {since}"),
        }
    }

    pub(super) fn only_reported(&self, reason: Reason) -> String {
        match self.language {
            Danish => format!("politikken melder kun: håndhævet ville det være {reason}"),
            English => format!("the policy only reports: enforced, this would be {reason}"),
        }
    }
}

/// What step 8 found, for the trace.
pub(super) enum Outcome<'a> {
    SignIn,
    SiteNeverAsks,
    SchemeOff(Option<&'a TravelExemption>),
    DoorOpen,
    DoorClosed,
    Foreigner(&'a Person),
    Covered { exemption: &'a TravelExemption, until: Timestamp },
    Missed(Miss<'a>),
    NothingHeld,
}

impl Outcome<'_> {
    pub(super) fn words(&self, words: &Words<'_>) -> String {
        let danish = words.language == Danish;
        match self {
            Self::SignIn => words.either(
                "her logger folk ind, og en for dette sted er i gang nu",
                "people sign in here, and one for this place is active now",
            ),
            Self::SiteNeverAsks => words.either(
                "systemet spørger aldrig, hvem nogen er, så ingen kan bruges",
                "the site never asks who somebody is, so none can be used",
            ),
            Self::SchemeOff(None) => words.either(
                "organisationen har ingen undtagelsesordning",
                "the organisation has no exemption scheme",
            ),
            Self::SchemeOff(Some(held)) if danish => {
                format!("{} virker ikke: organisationens ordning er slået fra", held.id)
            }
            Self::SchemeOff(Some(held)) => {
                format!("{} has no effect: the organisation's scheme is switched off", held.id)
            }
            Self::DoorOpen => words.either(
                "en for dette sted og system er i gang nu: hvem er det?",
                "one for this place and site is active now: who is it?",
            ),
            Self::DoorClosed => words.either(
                "ingen for dette sted og system er i gang nu",
                "none for this place and site is active now",
            ),
            Self::Foreigner(person) if danish => {
                format!(
                    "personen hører til {}, hvis undtagelser kun gælder der",
                    person.organization()
                )
            }
            Self::Foreigner(person) => {
                format!(
                    "the person belongs to {}, whose exemptions end there",
                    person.organization()
                )
            }
            Self::Covered { exemption, until } => {
                let (id, end) = (&exemption.id, words.end(*until));
                let only = only(exemption.demands, words);
                match words.language {
                    Danish => format!("{id} dækker dette sted og system indtil {end}{only}"),
                    English => format!("{id} covers this place and site until {end}{only}"),
                }
            }
            Self::Missed(miss) => {
                let (id, because) = (&miss.exemption.id, miss.words(words.language));
                match words.language {
                    Danish => format!("{id} dækker ikke: {because}"),
                    English => format!("{id} does not cover it: {because}"),
                }
            }
            Self::NothingHeld => none_counts(words.language).to_owned(),
        }
    }
}

/// What is said of somebody's exemptions where nothing more is known, or may be told.
pub(in crate::policy) fn none_counts(language: Language) -> &'static str {
    match language {
        Danish => "personen har ingen, der gælder her nu",
        English => "the person holds none that counts here now",
    }
}

/// What an exemption demands beyond the person: whoever is only asked about is taken to have it.
fn only(demands: Demands, words: &Words<'_>) -> &'static str {
    let (danish, english) = match (demands.device, demands.multi_factor) {
        (false, false) => ("", ""),
        (true, false) => {
            (", men kun fra en enhed, der hører til den", ", but only from a device bound to it")
        }
        (false, true) => {
            (", men kun med mere end en adgangskode", ", but only with more than a password")
        }
        (true, true) => (
            ", men kun fra en enhed, der hører til den, og med mere end en adgangskode",
            ", but only from a device bound to it, and with more than a password",
        ),
    };
    match words.language {
        Danish => danish,
        English => english,
    }
}
