//! What a grant and an application have in common: reading what was typed, and saying everything
//! that is wrong with it at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::person::{self, Wanted};
use crate::cli::people::{self, sentence};
use crate::config::{Config, Loaded, Organization, Provider};
use crate::identifier::{ListId, ProviderId, SiteId};
use crate::policy::{
    Actor, CountryList, Demands, GrantGrounds, GrantRequest, GrantSite, Leg, Person, Problem,
};
use crate::store::Store;
use crate::territory::Territory;

/// What somebody typed.
pub(super) struct Typed<'a> {
    pub(super) organization: &'a str,
    pub(super) wanted: Wanted<'a>,
    pub(super) legs: &'a [String],
    pub(super) sites: &'a [String],
    pub(super) purpose: &'a str,
    pub(super) case: &'a str,
    pub(super) demands: Option<Demands>,
    pub(super) by: Option<&'a str>,
}

/// What of it can be read.
pub(super) struct Read<'a> {
    pub(super) organization: &'a Arc<Organization>,
    pub(super) request: GrantRequest,
    pub(super) by: Option<Actor>,
}

/// Reads it; what cannot be read is added to the problems. None where there is no such organisation:
/// then nothing else can be looked at.
pub(super) async fn read<'a>(
    loaded: &'a Loaded,
    store: &Store,
    typed: &Typed<'_>,
    problems: &mut Vec<String>,
) -> anyhow::Result<Option<Read<'a>>> {
    let by = people::actor(typed.by).map_err(|p| problems.push(p)).ok();
    let organization = people::organization(&loaded.config, typed.organization)
        .map_err(|problem| problems.push(problem))
        .ok();
    let zone = organization.map_or(TimeZone::UTC, |organization| organization.time_zone.clone());
    let legs = legs(typed.legs, &zone, problems);
    let sites = sites(typed.sites, problems);
    let Some(organization) = organization else { return Ok(None) };
    let (person, user_name) =
        match person::find(&loaded.config, store, organization, typed.wanted).await? {
            Ok(found) => found,
            Err(problem) => {
                problems.push(problem);
                // Nothing is granted to this stand-in; it lets everything else be looked at too.
                let nobody = ProviderId::parse("nobody")?;
                let nobody = Person::new(organization.id.clone(), nobody, "");
                (nobody, people::user_name("nobody").map_err(anyhow::Error::msg)?)
            }
        };
    let demands = typed.demands.or_else(|| usual_demands(&loaded.config, &person));
    let request = GrantRequest {
        organization: organization.id.clone(),
        person,
        user_name,
        sites,
        legs,
        purpose: typed.purpose.to_owned(),
        case_number: typed.case.to_owned(),
        demands,
    };
    Ok(Some(Read { organization, request, by }))
}

/// Whom nothing but a certificate names brings their device along. To demand it keeps the door shut
/// to all others in the country, whom no sign-in could let in anyway.
fn usual_demands(config: &Config, person: &Person) -> Option<Demands> {
    let provider = config.identity.get(person.provider());
    matches!(provider, Some(Provider::ClientCertificate(_))).then_some(Demands::DEVICE)
}

/// What was found wrong, without what has been said of the same thing in other words already.
pub(super) fn said(
    loaded: &Loaded,
    typed: &Typed<'_>,
    request: &GrantRequest,
    found: &[Problem],
) -> Vec<String> {
    let unread_legs = request.legs.len() < typed.legs.len();
    let unread_sites = request.sites.len() < typed.sites.len();
    let lists: Vec<(&SiteId, &ListId)> = missing_lists(loaded, &request.sites).collect();
    let unread = lists.iter().map(|(site, list)| {
        format!("the list {list} that site {site} is under was not read; see `geovagt check`")
    });
    let told_already = |problem: &&Problem| match problem {
        Problem::NoLeg => unread_legs,
        Problem::NoSite => unread_sites,
        Problem::UnknownSite(site) => lists.iter().any(|(told, _)| *told == site),
        _ => false,
    };
    let new = found.iter().filter(|problem| !told_already(problem));
    unread.chain(new.map(ToString::to_string)).collect()
}

/// Holds something against the organisation's scheme and sites.
pub(super) fn hold_against<T>(
    loaded: &Loaded,
    organization: &Organization,
    hold: impl FnOnce(GrantGrounds<'_>) -> T,
) -> T {
    let Loaded { config, lists, .. } = loaded;
    let site = |id: &SiteId| grant_site(config, lists, id);
    let assigned = |territory: Territory| territory.is_assigned();
    hold(GrantGrounds {
        scheme: &organization.travel_exemptions,
        time_zone: &organization.time_zone,
        site: &site,
        assigned: &assigned,
    })
}

fn legs(texts: &[String], zone: &TimeZone, problems: &mut Vec<String>) -> Vec<Leg> {
    let mut legs = Vec::new();
    for (number, text) in (1..).zip(texts) {
        match Leg::parse(text, zone) {
            Ok(leg) => legs.push(leg),
            Err(error) => problems.push(format!("leg {number}: {}", sentence(&error))),
        }
    }
    legs
}

fn sites(texts: &[String], problems: &mut Vec<String>) -> Vec<SiteId> {
    let mut sites = Vec::new();
    for text in texts {
        match SiteId::parse(text) {
            Ok(site) => sites.push(site),
            Err(_) => problems.push(format!("there is no site {text:?} in the configuration")),
        }
    }
    sites
}

/// The sites that exist and whose list does not: nothing can be held against it.
fn missing_lists<'a>(
    loaded: &'a Loaded,
    sites: &'a [SiteId],
) -> impl Iterator<Item = (&'a SiteId, &'a ListId)> {
    sites.iter().filter_map(|id| {
        let site = loaded.config.sites.get(id)?;
        let list = &loaded.config.policies.get(&site.policy)?.list;
        (!loaded.lists.contains_key(list)).then_some((id, list))
    })
}

fn grant_site<'a>(
    config: &'a Config,
    lists: &'a BTreeMap<ListId, Arc<CountryList>>,
    id: &SiteId,
) -> Option<GrantSite<'a>> {
    let site = config.sites.get(id)?;
    let policy = config.policies.get(&site.policy)?;
    Some(GrantSite {
        organization: &site.organization,
        authentication: site.authentication,
        list: lists.get(&policy.list)?,
    })
}
