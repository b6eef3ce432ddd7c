//! From what somebody asks for to what can be kept: a grant, an application, more time.

use jiff::Timestamp;

use super::Trouble;
use super::request::{self, Asked, hold_against};
use crate::config::{Loaded, Organization};
use crate::policy::{
    Application, ApplicationRequest, GrantRequest, Leg, ValidApplication, ValidGrant, validate,
    validate_application, validate_extension,
};
use crate::store::{ExemptionRecord, Store, StoreError};

/// A chain of extensions is followed so far.
const LONGEST_CHAIN: usize = 100;

/// What an application says of how the traveller is reached, and with what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'a> {
    /// What is taken along.
    pub(crate) devices: &'a [String],
    /// Where the traveller can be called.
    pub(crate) telephone: &'a str,
    /// Where notices go.
    pub(crate) mail: &'a str,
}

/// What is to be otherwise in the time that is added; none: as before.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct More<'a> {
    /// Why.
    pub(crate) purpose: Option<&'a str>,
    /// What is taken along; empty: as before.
    pub(crate) devices: &'a [String],
    /// Where the traveller can be called.
    pub(crate) telephone: Option<&'a str>,
    /// Where notices go.
    pub(crate) mail: Option<&'a str>,
}

/// Good, or everything that is wrong.
pub(crate) type Held<T> = Result<T, Vec<Trouble>>;

/// What can be granted without an application.
pub(crate) async fn grant(
    loaded: &Loaded,
    store: &Store,
    asked: Asked<'_>,
    now: Timestamp,
) -> Result<Held<ValidGrant>, StoreError> {
    let organization = asked.organization;
    let read = match request::read(loaded, store, asked).await? {
        Ok(read) => read,
        Err(troubles) => return Ok(Err(troubles)),
    };
    let held = hold_against(loaded, organization, |grounds| validate(&read.request, grounds, now));
    Ok(read.result(loaded, held))
}

/// What can be applied for.
pub(crate) async fn application(
    loaded: &Loaded,
    store: &Store,
    asked: Asked<'_>,
    reached: Reached<'_>,
    now: Timestamp,
) -> Result<Held<ValidApplication>, StoreError> {
    let organization = asked.organization;
    let read = match request::read(loaded, store, asked).await? {
        Ok(read) => read,
        Err(troubles) => return Ok(Err(troubles)),
    };
    let application = Application {
        devices: reached.devices.to_vec(),
        telephone: reached.telephone.to_owned(),
        mail: reached.mail.to_owned(),
        extends: None,
    };
    let request = ApplicationRequest { grant: read.request.clone(), application };
    let held =
        hold_against(loaded, organization, |grounds| validate_application(&request, grounds, now));
    Ok(read.result(loaded, held))
}

/// What can be applied for to go on from an exemption there is. `until`: a day or an instant.
pub(crate) async fn extension(
    loaded: &Loaded,
    store: &Store,
    (organization, record): (&Organization, &ExemptionRecord),
    (until, more): (&str, More<'_>),
    now: Timestamp,
) -> Result<Held<ValidApplication>, StoreError> {
    let until = match Leg::parse_end(until, &organization.time_zone) {
        Ok(until) => until,
        Err(source) => return Ok(Err(vec![Trouble::Until(source)])),
    };
    let began = first_start(store, record).await?;
    let mut request = longer(record, more, until);
    if let Some(contact) = store.contact(&record.exemption.id).await? {
        // What was said after the application, or where there was none.
        let known = &mut request.application;
        if known.telephone.is_empty() && more.telephone.is_none() {
            known.telephone = contact.telephone.unwrap_or_default();
        }
        if known.mail.is_empty() && more.mail.is_none() {
            known.mail = contact.mail.map(|mail| mail.to_string()).unwrap_or_default();
        }
    }
    let held = hold_against(loaded, organization, |grounds| {
        validate_extension(&request, &record.exemption, began, grounds, now)
    });
    Ok(held.map_err(|found| found.into_iter().map(Trouble::Held).collect()))
}

/// The same person at the same sites, from where the last leg ends up to the new end.
fn longer(record: &ExemptionRecord, more: More<'_>, until: Timestamp) -> ApplicationRequest {
    let extended = &record.exemption;
    let before = record.application.clone().unwrap_or_default();
    let last = extended.legs.iter().max_by_key(|leg| leg.until);
    let leg =
        last.map(|last| Leg { territories: last.territories.clone(), from: last.until, until });
    let changed = |new: Option<&str>, old: String| new.map_or(old, str::to_owned);
    ApplicationRequest {
        grant: GrantRequest {
            // More time changes nothing of what was asked for.
            demands: Some(extended.demands),
            organization: extended.organization.clone(),
            person: extended.person.clone(),
            user_name: extended.user_name.clone(),
            sites: extended.sites.clone(),
            legs: leg.into_iter().collect(),
            purpose: changed(more.purpose, extended.purpose.clone()),
            case_number: extended.case_number.clone(),
        },
        application: Application {
            devices: match more.devices {
                [] => before.devices,
                devices => devices.to_vec(),
            },
            telephone: changed(more.telephone, before.telephone),
            mail: changed(more.mail, before.mail),
            extends: Some(extended.id.clone()),
        },
    }
}

/// Where the first of the journeys begins that this one goes on from.
async fn first_start(store: &Store, record: &ExemptionRecord) -> Result<Timestamp, StoreError> {
    let start = |record: &ExemptionRecord| record.exemption.journey().map(|(from, _)| from);
    let mut first = start(record).unwrap_or(Timestamp::MIN);
    let mut before = record.application.as_ref().and_then(|a| a.extends.clone());
    for _ in 0..LONGEST_CHAIN {
        let Some(id) = before.take() else { break };
        let Some(record) = store.exemption(&id).await? else { break };
        first = first.min(start(&record).unwrap_or(first));
        before = record.application.and_then(|a| a.extends);
    }
    Ok(first)
}
