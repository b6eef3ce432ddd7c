//! `geovagt exemption grant`

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::person::{self, Wanted};
use super::print_state;
use crate::cli::people::{self, complain, sentence};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::{Config, Loaded, Organization};
use crate::identifier::{ListId, ProviderId, SiteId};
use crate::policy::{
    Actor, CountryList, GrantGrounds, GrantRequest, GrantSite, Leg, Person, Phase, Problem,
    ValidGrant, validate,
};
use crate::store::Store;
use crate::territory::Territory;

/// Arguments of `exemption grant`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose exemption it is.
    #[arg(long, value_name = "O")]
    pub(in crate::cli) organization: String,
    /// The login name of the person who travels: of a local account, or of somebody who has signed in
    /// with another provider before.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) person: String,
    /// The provider that knows the person, where more than one has that name, or with --subject.
    #[arg(long, value_name = "P")]
    pub(in crate::cli) provider: Option<String>,
    /// The provider's immutable name for a person who has not signed in yet.
    #[arg(long, value_name = "S", requires = "provider")]
    pub(in crate::cli) subject: Option<String>,
    /// Territories and first and last day, such as "CN,HK 2026-12-01..2026-12-08". Repeat for more
    /// legs.
    #[arg(long = "leg", value_name = "LEG", required = true)]
    pub(in crate::cli) legs: Vec<String>,
    /// A site it is for. Repeat for more.
    #[arg(long = "site", value_name = "S", required = true)]
    pub(in crate::cli) sites: Vec<String>,
    /// Why the person travels.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) purpose: String,
    /// The case it belongs to.
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) case: String,
    /// Who grants; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
}

pub(super) async fn run(
    context: &Context,
    loaded: &Loaded,
    store: &Store,
    arguments: &Arguments,
) -> anyhow::Result<Answer> {
    let now = clock::now();
    let (grant, by) = match prepare(loaded, store, arguments, now).await? {
        Ok(prepared) => prepared,
        Err(problems) => {
            complain(&mut context.messages(), &problems, "nothing was granted")?;
            return Ok(Answer::No);
        }
    };
    for caution in grant.cautions() {
        writeln!(context.messages(), "warning: {caution}")?;
    }
    let exemption = store.grant_exemption(grant, &by, now).await?;
    if exemption.phase(now) == Phase::AwaitingApproval {
        writeln!(
            context.messages(),
            "{id} waits for another person's approval: geovagt exemption approve {id} --by NAME",
            id = exemption.id
        )?;
    }
    print_state(context, &exemption)?;
    Ok(Answer::Yes)
}

/// Everything that is wrong with what was asked, or what can be granted and who grants it.
pub(in crate::cli) async fn prepare(
    loaded: &Loaded,
    store: &Store,
    arguments: &Arguments,
    now: Timestamp,
) -> anyhow::Result<Result<(ValidGrant, Actor), Vec<String>>> {
    let mut problems = Vec::new();
    let by = people::actor(arguments.by.as_deref()).map_err(|p| problems.push(p)).ok();
    let organization = people::organization(&loaded.config, &arguments.organization)
        .map_err(|problem| problems.push(problem))
        .ok();
    let zone = organization.map_or(TimeZone::UTC, |organization| organization.time_zone.clone());
    let legs = legs(&arguments.legs, &zone, &mut problems);
    let sites = sites(&arguments.sites, &mut problems);
    let Some(organization) = organization else { return Ok(Err(problems)) };
    let wanted = Wanted {
        name: &arguments.person,
        provider: arguments.provider.as_deref(),
        subject: arguments.subject.as_deref(),
    };
    let person = person::find(&loaded.config, store, organization, wanted).await?;
    let (person, user_name) = match person {
        Ok(found) => found,
        Err(problem) => {
            problems.push(problem);
            // Nothing is granted to this stand-in; it lets everything else be looked at too.
            let nobody = Person::new(organization.id.clone(), nobodys_provider()?, "");
            (nobody, people::user_name("nobody").map_err(anyhow::Error::msg)?)
        }
    };
    let request = GrantRequest {
        organization: organization.id.clone(),
        person,
        user_name,
        sites,
        legs,
        purpose: arguments.purpose.clone(),
        case_number: arguments.case.clone(),
    };
    let validated = hold_against(loaded, organization, &request, now);
    match (validated, by) {
        (Ok(grant), Some(by)) if problems.is_empty() => Ok(Ok((grant, by))),
        (Ok(_), _) => Ok(Err(problems)),
        (Err(found), _) => {
            let unread_legs = request.legs.len() < arguments.legs.len();
            let unread_sites = request.sites.len() < arguments.sites.len();
            let lists: Vec<(&SiteId, &ListId)> = missing_lists(loaded, &request.sites).collect();
            problems.extend(lists.iter().map(|(site, list)| {
                format!(
                    "the list {list} that site {site} is under was not read; see `geovagt check`"
                )
            }));
            let told_already = |problem: &Problem| match problem {
                Problem::NoLeg => unread_legs,
                Problem::NoSite => unread_sites,
                Problem::UnknownSite(site) => lists.iter().any(|(told, _)| *told == site),
                _ => false,
            };
            let new = found.iter().filter(|problem| !told_already(problem));
            problems.extend(new.map(ToString::to_string));
            Ok(Err(problems))
        }
    }
}

fn nobodys_provider() -> anyhow::Result<ProviderId> {
    Ok(ProviderId::parse("nobody")?)
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

fn hold_against(
    loaded: &Loaded,
    organization: &Organization,
    request: &GrantRequest,
    now: Timestamp,
) -> Result<ValidGrant, Vec<Problem>> {
    let Loaded { config, lists, .. } = loaded;
    let site = |id: &SiteId| grant_site(config, lists, id);
    let assigned = |territory: Territory| territory.is_assigned();
    let grounds = GrantGrounds {
        scheme: &organization.travel_exemptions,
        time_zone: &organization.time_zone,
        site: &site,
        assigned: &assigned,
    };
    validate(request, grounds, now)
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
