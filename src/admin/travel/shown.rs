//! A journey as the pages show it: names, days and states in the visitor's language.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::sentences::{self, State};
use super::words::Words;
use crate::language::{self, Language};
use crate::policy::TravelExemption;
use crate::store::ExemptionRecord;

/// One line of a list.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) person: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) places: String,
    pub(crate) sites: String,
}

impl Row {
    pub(crate) fn of(
        record: &ExemptionRecord,
        now: Timestamp,
        zone: &TimeZone,
        language: Language,
    ) -> Self {
        let exemption = &record.exemption;
        let (from, until) = exemption.journey().unwrap_or((now, now));
        Self {
            id: exemption.id.to_string(),
            state: sentences::state(record, now, language),
            person: exemption.user_name.to_string(),
            from: sentences::day(from, zone, language),
            until: sentences::last_day(until, zone, language),
            places: sentences::all_places(exemption, language),
            sites: sites(exemption, language),
        }
    }
}

/// `kilden og mail`
pub(crate) fn sites(exemption: &TravelExemption, language: Language) -> String {
    let names: Vec<&str> = exemption.sites.iter().map(crate::identifier::SiteId::as_str).collect();
    language::enumeration(&names, language)
}

/// A dated sentence of a history.
#[derive(Debug)]
pub(crate) struct Dated {
    pub(crate) at: String,
    pub(crate) text: String,
    pub(crate) reason: Option<String>,
}

/// Everything that was done, oldest first.
pub(crate) fn history(record: &ExemptionRecord, zone: &TimeZone, language: Language) -> Vec<Dated> {
    let dated = |entry: &crate::store::HistoryEntry| Dated {
        at: language::instant(entry.at, zone, language),
        text: sentences::done(entry, language),
        reason: entry.reason.clone(),
    };
    record.history.iter().map(dated).collect()
}

/// A name and a value.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) values: Vec<String>,
}

/// What there is to know of a journey; what is empty is left out.
pub(crate) fn facts(
    record: &ExemptionRecord,
    zone: &TimeZone,
    words: &'static Words,
    language: Language,
) -> Vec<Fact> {
    let exemption = &record.exemption;
    let mut facts = Vec::new();
    let mut add = |name, values: Vec<String>| {
        let values: Vec<String> = values.into_iter().filter(|value| !value.is_empty()).collect();
        if !values.is_empty() {
            facts.push(Fact { name, values });
        }
    };
    add(words.person, vec![exemption.user_name.to_string()]);
    let legs = exemption.legs.iter().map(|leg| sentences::leg(leg, zone, language));
    add(words.legs, legs.collect());
    add(words.col_sites, vec![sites(exemption, language)]);
    add(words.about, vec![exemption.purpose.clone()]);
    add(words.case, vec![exemption.case_number.clone()]);
    add(words.demands, demands(exemption, words));
    if let Some(application) = &record.application {
        add(words.devices, vec![application.devices.join(", ")]);
        add(words.telephone, vec![application.telephone.clone()]);
        add(words.mail, vec![application.mail.clone()]);
        add(words.extends, application.extends.iter().map(ToString::to_string).collect());
    }
    if let Some(emergency) = &record.emergency {
        add(words.called, vec![emergency.reference.clone()]);
        add(words.verified, vec![emergency.caller_verified.clone()]);
    }
    facts
}

/// What a journey demands beyond the person.
pub(crate) fn demands(exemption: &TravelExemption, words: &'static Words) -> Vec<String> {
    let mut demands = Vec::new();
    if exemption.demands.device {
        demands.push(words.demand_device.to_owned());
    }
    if exemption.demands.multi_factor {
        demands.push(words.demand_factors.to_owned());
    }
    demands
}
