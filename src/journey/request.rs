//! What a grant and an application have in common: what was asked for, held against the
//! organisation's scheme and sites.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Trouble;
use super::person::{self, Wanted};
use crate::config::{Config, Loaded, Organization, Provider, there_are};
use crate::identifier::{ListId, OrganizationId, ProviderId, SiteId};
use crate::policy::{
    CountryList, Demands, GrantGrounds, GrantRequest, GrantSite, Leg, Person, Problem, UserName,
};
use crate::store::{Store, StoreError};
use crate::territory::Territory;

/// Who travels.
#[derive(Debug, Clone)]
pub(crate) enum Whom<'a> {
    /// Somebody who has to be found.
    Named(Wanted<'a>),
    /// Somebody whom a provider has just proven.
    Proven(Person, UserName),
}

/// What somebody asks for.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    /// Whose exemption it is to be.
    pub(crate) organization: &'a Organization,
    /// Who travels.
    pub(crate) whom: Whom<'a>,
    /// Where and when, or why it could not be read.
    pub(crate) legs: Vec<Result<Leg, Trouble>>,
    /// The names of the sites.
    pub(crate) sites: &'a [String],
    /// Why.
    pub(crate) purpose: &'a str,
    /// The case it belongs to.
    pub(crate) case: &'a str,
    /// What it demands beyond the person; none: what is usual.
    pub(crate) demands: Option<Demands>,
}

/// What of it could be read, and what could not.
pub(super) struct Read {
    pub(super) request: GrantRequest,
    pub(super) troubles: Vec<Trouble>,
    unread_legs: bool,
    unread_sites: bool,
}

/// Reads it; whoever is not found is stood in for, so that everything else is looked at too.
pub(super) async fn read(
    loaded: &Loaded,
    store: &Store,
    asked: Asked<'_>,
) -> Result<Result<Read, Vec<Trouble>>, StoreError> {
    let organization = asked.organization;
    let mut troubles = Vec::new();
    let mut legs = Vec::new();
    let mut unread_legs = false;
    for leg in asked.legs {
        match leg {
            Ok(leg) => legs.push(leg),
            Err(trouble) => {
                unread_legs = true;
                troubles.push(trouble);
            }
        }
    }
    let mut sites = Vec::new();
    for text in asked.sites {
        match SiteId::parse(text) {
            Ok(site) => sites.push(site),
            Err(_) => troubles.push(no_site(&loaded.config, &organization.id, text)),
        }
    }
    let unread_sites = sites.len() < asked.sites.len();
    let found = match asked.whom {
        Whom::Named(wanted) => person::find(&loaded.config, store, organization, wanted).await?,
        Whom::Proven(person, name) => Ok((person, name)),
    };
    let found = found.map_err(|nobody| troubles.push(nobody.into())).ok();
    let Some((person, user_name)) = found.or_else(|| stand_in(organization)) else {
        return Ok(Err(troubles));
    };
    let demands = asked.demands.or_else(|| usual_demands(&loaded.config, &person));
    let request = GrantRequest {
        organization: organization.id.clone(),
        person,
        user_name,
        sites,
        legs,
        purpose: asked.purpose.to_owned(),
        case_number: asked.case.to_owned(),
        demands,
    };
    Ok(Ok(Read { request, troubles, unread_legs, unread_sites }))
}

/// Nothing is granted to this one.
fn stand_in(organization: &Organization) -> Option<(Person, UserName)> {
    let provider = ProviderId::parse("nobody").ok()?;
    Some((Person::new(organization.id.clone(), provider, ""), UserName::parse("nobody").ok()?))
}

impl Read {
    /// What was found good, where nothing else is wrong; or everything that is, without what has been
    /// said of the same thing in other words already.
    pub(super) fn result<T>(
        self,
        loaded: &Loaded,
        held: Result<T, Vec<Problem>>,
    ) -> Result<T, Vec<Trouble>> {
        let Self { request, mut troubles, unread_legs, unread_sites } = self;
        let found = match held {
            Ok(good) if troubles.is_empty() => return Ok(good),
            Ok(_) => return Err(troubles),
            Err(found) => found,
        };
        let lists: Vec<(&SiteId, &ListId)> = missing_lists(loaded, &request.sites).collect();
        troubles.extend(
            lists
                .iter()
                .map(|&(site, list)| Trouble::List { site: site.clone(), list: list.clone() }),
        );
        let known = |site: &SiteId| loaded.config.sites.contains_key(site);
        let absent = found.iter().filter_map(|problem| match problem {
            Problem::UnknownSite(site) if !known(site) => Some(site),
            _ => None,
        });
        troubles.extend(
            absent.map(|site| no_site(&loaded.config, &request.organization, site.as_str())),
        );
        let told_already = |problem: &Problem| match problem {
            Problem::NoLeg => unread_legs,
            Problem::NoSite => unread_sites,
            Problem::UnknownSite(site) => {
                !known(site) || lists.iter().any(|(told, _)| *told == site)
            }
            _ => false,
        };
        troubles.extend(found.into_iter().filter(|p| !told_already(p)).map(Trouble::Held));
        Err(troubles)
    }
}

/// Whom nothing but a certificate names brings their device along. To demand it keeps the door shut
/// to all others in the country, whom no sign-in could let in anyway.
fn usual_demands(config: &Config, person: &Person) -> Option<Demands> {
    let provider = config.identity.get(person.provider());
    matches!(provider, Some(Provider::ClientCertificate(_))).then_some(Demands::DEVICE)
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

/// That there is no such site, and those that the organisation has.
fn no_site(config: &Config, organization: &OrganizationId, typed: &str) -> Trouble {
    let own = config.sites.values().filter(|site| site.organization == *organization);
    let there_are = there_are(typed, own.map(|site| site.id.as_str()));
    Trouble::Site { typed: typed.to_owned(), there_are }
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
