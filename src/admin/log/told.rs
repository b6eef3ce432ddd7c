//! One entry in words: as a line of a list, and whole.
//!
//! Always holds: everything that a stranger sent stays text; a template escapes it.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::reasons::{self, pick};
use crate::audit::Event;
use crate::audit::event::Field;
use crate::language::{self, Language, number};
use crate::policy::Reason;
use crate::store::log::LogEntry;
use crate::territory::{Country, Subdivision, Territory};

/// Whose time and whose words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Telling<'a> {
    pub(crate) zone: &'a TimeZone,
    pub(crate) language: Language,
}

/// An entry as a line of a list.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: String,
    /// For machines: RFC 3339.
    pub(crate) at: String,
    pub(crate) when: String,
    pub(crate) action: String,
    pub(crate) because: String,
    pub(crate) class: &'static str,
    pub(crate) place: String,
    pub(crate) site: String,
    pub(crate) who: String,
    pub(crate) address: String,
    pub(crate) reference: String,
}

/// A fact: what it is called, and what it is.
pub(crate) type Fact = (&'static str, String);

impl Telling<'_> {
    pub(crate) fn line(self, entry: &LogEntry) -> Line {
        let event = &entry.event;
        let verdict = event.verdict.as_deref().unwrap_or_default();
        Line {
            id: event.id.to_string(),
            at: event.at.to_string(),
            when: self.short(event.at),
            action: self.action(event),
            because: self.because(event).unwrap_or_default(),
            class: reasons::verdict_class(verdict),
            place: self.place(event).unwrap_or_default(),
            site: event.site.as_deref().unwrap_or_default().to_owned(),
            who: who(event),
            address: personal(event, Field::ClientIp).to_owned(),
            reference: event.reference.as_deref().unwrap_or_default().to_owned(),
        }
    }

    /// What happened, and how often.
    pub(crate) fn action(self, event: &Event) -> String {
        let action = reasons::action(event.action, self.language);
        match event.count {
            0 | 1 => action.to_owned(),
            count => format!("{action} ({} ×)", number(count, self.language)),
        }
    }

    /// Why, in words; a reason that is no reason of a decision stays the word that it is.
    pub(crate) fn because(self, event: &Event) -> Option<String> {
        let code = event.reason.as_deref()?;
        let words = Reason::from_code(code).map(|reason| reasons::reason(reason, self.language));
        Some(words.unwrap_or_else(|| reasons::word(code, self.language)).to_owned())
    }

    /// The country, or the part of it, by name.
    pub(crate) fn place(self, event: &Event) -> Option<String> {
        territory(event).map(|territory| territory.name(self.language).into_owned())
    }

    /// `22.11.2026 kl. 14.05.33`, `22 Nov 2026, 14:05:33`.
    pub(crate) fn short(self, at: Timestamp) -> String {
        let format = pick(self.language, "%d.%m.%Y kl. %H.%M.%S", "%-d %b %Y, %H:%M:%S");
        at.to_zoned(self.zone.clone()).strftime(format).to_string()
    }

    /// With whose time it is.
    pub(crate) fn instant(self, at: Timestamp) -> String {
        language::instant(at, self.zone, self.language)
    }

    /// Why it was decided so, step by step, from what stands in the entry alone. Empty for what was
    /// no decision.
    pub(crate) fn steps(self, event: &Event) -> Vec<String> {
        let Some(verdict) = event.verdict.as_deref() else { return Vec::new() };
        let mut steps = vec![self.address_step(event)];
        steps.extend(self.place_step(event));
        steps.extend(self.list_step(event));
        steps.push(self.person_step(event));
        if let Some(would_be) = event.would_be.as_deref().and_then(Reason::from_code) {
            let because = reasons::reason(would_be, self.language);
            steps.push(match self.language {
                Language::Danish => {
                    format!("Reglen prøves kun af. Uden det var svaret blevet afvist: {because}.")
                }
                Language::English => format!(
                    "The rule is only being tried out. Without that it would have been rejected: {because}."
                ),
            });
        }
        let verdict = reasons::verdict(verdict, self.language);
        let because = reasons::capital(&self.because(event).unwrap_or_default());
        steps.push(match self.language {
            Language::Danish => format!("Svaret blev derfor: {verdict}. {because}."),
            Language::English => format!("So the answer was: {verdict}. {because}."),
        });
        steps
    }

    fn address_step(self, event: &Event) -> String {
        let (seen, judged) =
            (personal(event, Field::ClientIp), personal(event, Field::ClientNatIp));
        match (seen, judged, self.language) {
            ("", _, Language::Danish) => "Adressen står ikke i loggen.".into(),
            ("", _, Language::English) => "The address does not stand in the log.".into(),
            (seen, "", Language::Danish) => format!("Forespørgslen kom fra {seen}."),
            (seen, "", Language::English) => format!("The request came from {seen}."),
            (seen, judged, Language::Danish) => {
                format!("Forespørgslen kom fra {seen}, som bærer {judged}.")
            }
            (seen, judged, Language::English) => {
                format!("The request came from {seen}, which carries {judged}.")
            }
        }
    }

    fn place_step(self, event: &Event) -> Option<String> {
        let built = event.database_built?.to_zoned(self.zone.clone()).date();
        let built = language::date(built, self.language);
        Some(match (self.place(event), self.language) {
            (Some(place), Language::Danish) => {
                format!("Landedatabasen fra {built} placerede adressen i {place}.")
            }
            (Some(place), Language::English) => {
                format!("The country database of {built} places the address in {place}.")
            }
            (None, Language::Danish) => {
                format!("Landedatabasen fra {built} placerede ikke adressen i noget land.")
            }
            (None, Language::English) => {
                format!("The country database of {built} places the address in no country.")
            }
        })
    }

    fn list_step(self, event: &Event) -> Option<String> {
        let (list, version) = event.rule.as_ref()?;
        let place = self.place(event)?;
        let reason = event.would_be.as_deref().or(event.reason.as_deref())?;
        let stands = match Reason::from_code(reason)? {
            Reason::CountryNotListed => false,
            Reason::CountryListed
            | Reason::TravelExemption
            | Reason::IdentificationNeeded
            | Reason::SignInSite
            | Reason::ExemptionNotStarted
            | Reason::ExemptionEnded
            | Reason::ExemptionOtherTerritory
            | Reason::ExemptionOtherSite
            | Reason::ExemptionDeviceMissing
            | Reason::ExemptionMultiFactorMissing
            | Reason::ExemptionsDisabled => true,
            _ => return None,
        };
        Some(match (stands, self.language) {
            (true, Language::Danish) => {
                format!("{place} står på listen {list}, version {version}.")
            }
            (true, Language::English) => {
                format!("{place} stands on the list {list}, version {version}.")
            }
            (false, Language::Danish) => {
                format!("{place} står ikke på listen {list}, version {version}.")
            }
            (false, Language::English) => {
                format!("{place} does not stand on the list {list}, version {version}.")
            }
        })
    }

    fn person_step(self, event: &Event) -> String {
        let name = personal(event, Field::UserName);
        match (name, event.exemption.as_deref(), self.language) {
            ("", _, Language::Danish) => "Det var ikke kendt, hvem der spurgte.".into(),
            ("", _, Language::English) => "It was not known who asked.".into(),
            (name, None, Language::Danish) => format!("Den, der spurgte, var {name}."),
            (name, None, Language::English) => format!("Who asked was {name}."),
            (name, Some(id), Language::Danish) => {
                format!("Den, der spurgte, var {name} med rejseadgangen {id}.")
            }
            (name, Some(id), Language::English) => {
                format!("Who asked was {name} with the travel exemption {id}.")
            }
        }
    }

    /// Everything that stands in the entry, each with what it is called.
    pub(crate) fn facts(self, entry: &LogEntry) -> Vec<Fact> {
        let event = &entry.event;
        let say = |danish, english| pick(self.language, danish, english);
        let text =
            |value: &Option<smol_str::SmolStr>| value.as_deref().unwrap_or_default().to_owned();
        let of = |field| personal(event, field).to_owned();
        let figure =
            |value: Option<u64>| value.map(|v| number(v, self.language)).unwrap_or_default();
        let rule = event.rule.as_ref().map(|(list, version)| format!("{list} {version}"));
        let mut facts: Vec<Fact> = vec![
            (say("Tidspunkt", "Time"), self.instant(event.at)),
            (say("Verdenstid", "Universal time"), event.at.to_string()),
            (say("Reference", "Reference"), text(&event.reference)),
            (say("Hændelse", "Event"), event.action.word().to_owned()),
            (say("Afgørelse", "Decision"), text(&event.verdict)),
            (say("Årsag", "Reason"), text(&event.reason)),
            (say("Uden afprøvning", "Without the trial"), text(&event.would_be)),
            (
                say("Antal", "Count"),
                if event.count > 1 { figure(Some(event.count)) } else { String::new() },
            ),
            (say("System", "System"), text(&event.site)),
            (say("Indgang", "Listener"), text(&event.listener)),
            (say("Land", "Country"), self.place(event).unwrap_or_default()),
            (
                say("Nettet hører hjemme i", "Network registered in"),
                registered(event, self.language),
            ),
            (say("Adresse", "Address"), of(Field::ClientIp)),
            (say("Adressen bærer", "Address carries"), of(Field::ClientNatIp)),
            (
                say("Netværksnummer", "Autonomous system"),
                event.as_number.map(|n| format!("AS{n}")).unwrap_or_default(),
            ),
            (say("Person", "Person"), of(Field::UserName)),
            (say("Personens id", "Id of the person"), of(Field::UserId)),
            (say("Kommandoens bruger", "User of the command"), of(Field::UserEffective)),
            (say("Hvem det handler om", "Whom it is about"), of(Field::UserTarget)),
            (say("Rejseadgang", "Travel exemption"), text(&event.exemption)),
            (say("Forespørgsel", "Request"), request(event)),
            (
                say("Svar", "Answer"),
                event.status.map(|status| status.to_string()).unwrap_or_default(),
            ),
            (say("Millisekunder", "Milliseconds"), figure(event.milliseconds)),
            (say("Program", "Program"), of(Field::UserAgent)),
            (say("Liste", "List"), rule.unwrap_or_default()),
            (say("Tilstand", "Mode"), text(&event.mode)),
            (
                say("Landedatabase fra", "Country database of"),
                event.database_built.map(|at| self.instant(at)).unwrap_or_default(),
            ),
            (say("Skrevet af", "Written by"), entry.node.clone()),
            (
                say("Plads i kæden", "Place in the chain"),
                format!("{} {}", entry.class.word(), entry.sequence),
            ),
        ];
        let details = event.details.iter().map(|(key, value)| format!("{key}: {value}"));
        facts.extend(details.map(|detail| (say("I øvrigt", "Besides"), detail)));
        facts.retain(|(_, value)| !value.is_empty());
        facts
    }
}

/// Where the client was.
pub(crate) fn territory(event: &Event) -> Option<Territory> {
    let country = Country::parse(event.country.as_deref()?).ok()?;
    let part = event.region.as_deref().and_then(|region| Subdivision::parse(region).ok());
    Some(part.map_or_else(
        || Territory::country_of(country),
        |part| Territory::subdivision_of(country, part),
    ))
}

/// A personal field; empty where it has none, or none any more.
pub(crate) fn personal(event: &Event, field: Field) -> &str {
    event.personal.get(field).map_or("", smol_str::SmolStr::as_str)
}

/// Who did it, and to whom.
pub(crate) fn who(event: &Event) -> String {
    match (personal(event, Field::UserName), personal(event, Field::UserTarget)) {
        (name, "") => name.to_owned(),
        ("", target) => target.to_owned(),
        (name, target) => format!("{name} → {target}"),
    }
}

fn registered(event: &Event, language: Language) -> String {
    let code = event.registered_country.as_deref().and_then(|code| Country::parse(code).ok());
    code.map(|country| country.name(language).into_owned()).unwrap_or_default()
}

fn request(event: &Event) -> String {
    let mut address = event.domain.as_deref().unwrap_or_default().to_owned();
    address.push_str(event.path.as_deref().unwrap_or_default());
    if let Some(query) = &event.query {
        address.push('?');
        address.push_str(query);
    }
    match &event.method {
        Some(method) => format!("{method} {address}"),
        None => address,
    }
}
