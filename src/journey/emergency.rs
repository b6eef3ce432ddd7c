//! From the reference that a caller reads out to what can be granted.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Trouble;
use super::person::{self, Wanted};
use super::request::hold_against;
use crate::audit::event::Field;
use crate::audit::search::{Filter, FoundEntry};
use crate::audit::{Action, Event, Reference};
use crate::config::{Config, Loaded, Organization};
use crate::identifier::{OrganizationId, SiteId};
use crate::log_index::{Allowed, LookError, Search};
use crate::policy::{Actor, EmergencyCall, EmergencyRejection, Reason, ValidEmergency, emergency};
use crate::store::log::{LogQuery, Organizations};
use crate::store::{Store, StoreError};
use crate::territory::Territory;

/// So far back a reference is looked for: long enough to say that it is too old.
const LOOKED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Who calls, as the one who takes the call writes it down.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    /// Who it is.
    pub(crate) wanted: Wanted<'a>,
    /// How the one who takes the call knows.
    pub(crate) caller_verified: &'a str,
    /// Why the person travels.
    pub(crate) purpose: &'a str,
    /// The case it belongs to.
    pub(crate) case: &'a str,
    /// Who takes the call.
    pub(crate) by: &'a Actor,
}

/// The newest rejection of this reference: in the index of the log, which gateways that share a
/// store share too, and in the files of this node, which hold what the index does not have yet. Where
/// the index cannot be asked, the files alone are.
pub(crate) async fn rejection_of(
    store: &Store,
    directory: &Path,
    reference: Reference,
    now: Timestamp,
) -> Result<Option<EmergencyRejection>, LookError> {
    let mut query = LogQuery::of(Organizations::All);
    query.filter = Filter {
        reference: Some(reference),
        action: Some(Action::Denied),
        since: Some(now.checked_sub(LOOKED_FOR).unwrap_or(Timestamp::MIN)),
        ..Filter::default()
    };
    let newest = match newest(store, directory, &query).await {
        Err(LookError::Index(error)) => {
            tracing::warn!(
                error = crate::telemetry::chain(&error),
                "the index of the block log does not answer; this node's files alone are looked through"
            );
            newest_of(Search::prepare(directory, None, &query, Allowed::Not).await?).await?
        }
        looked => looked?,
    };
    Ok(newest.map(|event| read(&event, reference)))
}

async fn newest(
    store: &Store,
    directory: &Path,
    query: &LogQuery,
) -> Result<Option<Event>, LookError> {
    let search = Search::prepare(directory, Some(store.log()), query, Allowed::Not).await?;
    let of_files_alone = search.without_index().is_some();
    let here = newest_of(search).await?;
    if !of_files_alone || !store.is_shared() {
        return Ok(here);
    }
    // This node's own entries have yet to come into the index; those of others may be there.
    let elsewhere = store.log().search(query, None, 1).await?.entries.into_iter().next();
    let elsewhere = elsewhere.map(|entry| entry.event);
    Ok(here.into_iter().chain(elsewhere).max_by_key(|event| event.at))
}

async fn newest_of(search: Search<'_>) -> Result<Option<Event>, LookError> {
    let mut newest = None;
    let first = |found: FoundEntry| -> Result<_, LookError> {
        newest = Some(found.event);
        Ok(ControlFlow::Break(()))
    };
    search.run(first).await?;
    Ok(newest)
}

/// The log does not have the reference.
pub(crate) fn not_found(reference: Reference, several: bool) -> Trouble {
    Trouble::NoRejection { reference, days: LOOKED_FOR.as_hours() / 24, several }
}

/// The organisation at whose site it was.
pub(crate) fn organization_of<'c>(
    config: &'c Config,
    reference: Reference,
    rejection: &EmergencyRejection,
) -> Result<&'c Arc<Organization>, Trouble> {
    let organization = rejection.organization.as_ref();
    let organization = organization.and_then(|id| config.organizations.get(id));
    organization.ok_or(Trouble::NoOrganization(reference))
}

/// What can be granted, or everything that stands in the way.
pub(crate) async fn prepare(
    loaded: &Loaded,
    store: &Store,
    organization: &Organization,
    rejection: &EmergencyRejection,
    call: Call<'_>,
    now: Timestamp,
) -> Result<Result<ValidEmergency, Vec<Trouble>>, StoreError> {
    let found = person::find(&loaded.config, store, organization, call.wanted).await?;
    let (person, user_name) = match found {
        Ok(found) => found,
        Err(nobody) => return Ok(Err(vec![nobody.into()])),
    };
    let call = EmergencyCall {
        person,
        user_name,
        caller_verified: call.caller_verified.to_owned(),
        purpose: call.purpose.to_owned(),
        case_number: call.case.to_owned(),
        by: call.by.clone(),
    };
    let held =
        hold_against(loaded, organization, |grounds| emergency(rejection, &call, grounds, now));
    Ok(held.map_err(|refused| refused.into_iter().map(Trouble::Emergency).collect()))
}

/// What the entry says; what it does not say, or says in words that are not ours, is nothing.
fn read(event: &Event, reference: Reference) -> EmergencyRejection {
    let territory = event.country.as_ref().and_then(|country| {
        let code = match &event.region {
            Some(region) => format!("{country}-{region}"),
            None => country.to_string(),
        };
        Territory::parse(&code).ok()
    });
    EmergencyRejection {
        reference: reference.to_string(),
        at: event.at,
        organization: event.organization.as_ref().and_then(|id| OrganizationId::parse(id).ok()),
        site: event.site.as_ref().and_then(|id| SiteId::parse(id).ok()),
        territory,
        reason: event.reason.as_ref().and_then(|code| Reason::from_code(code)),
        count: event.count,
        names_client: event.personal.get(Field::ClientIp).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_several_gateways_share_a_store_the_other_ones_log_is_named() {
        let reference = Reference::parse("K7QX-2M9D").unwrap();
        assert!(!not_found(reference, false).to_string().contains("another gateway"));
        let several = not_found(reference, true).to_string();
        for part in ["K7QX-2M9D", "letter by letter", "another gateway", "on that machine"] {
            assert!(several.contains(part), "{several}");
        }
    }
}
