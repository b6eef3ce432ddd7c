//! `geovagt exemption emergency`

use std::io::Write;

use jiff::{SignedDuration, Timestamp};

use super::changed;
use super::person::{self, Wanted};
use super::request::hold_against;
use crate::audit::event::Field;
use crate::audit::search::{Filter, search};
use crate::audit::{Action, Event, InvalidReference, Options, Reference};
use crate::cli::people::{self, complain};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::{Loaded, Organization};
use crate::identifier::{OrganizationId, SiteId};
use crate::policy::{
    Actor, EmergencyCall, EmergencyRejection, ExemptionState, Reason, TravelExemption,
    ValidEmergency, emergency,
};
use crate::store::Store;
use crate::territory::Territory;

/// So far back a reference is looked for: long enough to say that it is too old.
const LOOKED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Arguments of `exemption emergency`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The code that the caller reads from the page: K7QX-2M9D, in any spelling.
    #[arg(long, value_name = "R", value_parser = reference)]
    pub(super) reference: Reference,
    /// The login name of the person who called.
    #[arg(long, value_name = "USER")]
    pub(super) person: String,
    /// The provider that knows the person, where more than one has that name, or with --subject.
    #[arg(long, value_name = "P")]
    pub(super) provider: Option<String>,
    /// The provider's immutable name for a person who has not signed in yet.
    #[arg(long, value_name = "S", requires = "provider")]
    pub(super) subject: Option<String>,
    /// How you know that it is this person: "called back on the number in the staff list".
    #[arg(long, value_name = "TEXT")]
    pub(super) caller_verified: String,
    /// The organisation, to be sure that it is the one the reference leads to.
    #[arg(long, value_name = "O")]
    pub(super) organization: Option<String>,
    /// Why the person travels.
    #[arg(long, value_name = "TEXT", default_value = "Nødadgang efter telefonopkald")]
    pub(super) purpose: String,
    /// The case it belongs to, where there is one already.
    #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true)]
    pub(super) case: String,
    /// Who grants; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(super) by: Option<String>,
}

fn reference(text: &str) -> Result<Reference, InvalidReference> {
    Reference::parse(text)
}

pub(super) async fn run(
    context: &Context,
    loaded: &Loaded,
    store: &Store,
    arguments: &Arguments,
) -> anyhow::Result<Answer> {
    let now = clock::now();
    let nothing = "nothing was granted";
    let (emergency, by, organization) = match prepare(loaded, store, arguments, now).await? {
        Ok(prepared) => prepared,
        Err(problems) => {
            complain(&mut context.messages(), &problems, nothing)?;
            return Ok(Answer::No);
        }
    };
    for caution in emergency.grant().cautions() {
        writeln!(context.messages(), "warning: {caution}")?;
    }
    let done = store.grant_emergency(emergency, &by, now).await;
    if let Ok(exemption) = &done {
        person::tell(context, &loaded.config, store, exemption).await?;
        tell(&mut context.messages(), exemption, organization)?;
    }
    changed(context, done, nothing)
}

fn tell(
    out: &mut impl Write,
    exemption: &TravelExemption,
    organization: &Organization,
) -> std::io::Result<()> {
    let ExemptionState::Provisional { until } = exemption.state else { return Ok(()) };
    let zone = &organization.time_zone;
    let civil = |at: Timestamp| zone.to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string();
    let leg = exemption.legs.first();
    let places = leg.iter().flat_map(|leg| &leg.territories).map(ToString::to_string);
    let sites = exemption.sites.iter().map(ToString::to_string);
    let ends = exemption.journey().map_or(until, |(_, end)| end);
    writeln!(
        out,
        "{id} lets {user} in to {sites} from {places} now, until {ends}",
        id = exemption.id,
        user = exemption.user_name,
        sites = sites.collect::<Vec<_>>().join(", "),
        places = places.collect::<Vec<_>>().join(", "),
        ends = civil(ends),
    )?;
    let confirm = until.min(ends);
    writeln!(
        out,
        "it ends at {} already unless another person approves it: geovagt exemption approve {} --by NAME",
        civil(confirm),
        exemption.id
    )
}

/// Everything that stands in the way, or what can be granted, by whom, for which organisation.
pub(super) async fn prepare<'a>(
    loaded: &'a Loaded,
    store: &Store,
    arguments: &Arguments,
    now: Timestamp,
) -> anyhow::Result<Result<(ValidEmergency, Actor, &'a Organization), Vec<String>>> {
    let mut problems = Vec::new();
    let by = people::actor(arguments.by.as_deref()).map_err(|p| problems.push(p)).ok();
    let Some(event) = rejection_of(loaded, arguments.reference, now)? else {
        problems.push(not_found(arguments.reference, store.is_shared()));
        return Ok(Err(problems));
    };
    let rejection = read(&event, arguments.reference);
    let organization = rejection.organization.as_ref();
    let Some(organization) = organization.and_then(|id| loaded.config.organizations.get(id)) else {
        problems.push(format!(
            "{} was rejected at no site of an organisation that the configuration has",
            rejection.reference
        ));
        return Ok(Err(problems));
    };
    let id = &organization.id;
    if let Some(wanted) = arguments.organization.as_deref().filter(|wanted| *wanted != id.as_str())
    {
        let reference = &rejection.reference;
        problems.push(format!("{reference} was rejected at a site of {id}, not of {wanted}"));
    }
    if let Some(by) = &by {
        problems.extend(people::may_decide(organization, by).err());
    }
    let wanted = Wanted {
        name: &arguments.person,
        provider: arguments.provider.as_deref(),
        subject: arguments.subject.as_deref(),
    };
    let person = person::find(&loaded.config, store, organization, wanted).await?;
    let person = person.map_err(|problem| problems.push(problem)).ok();
    let (Some(by), Some((person, user_name))) = (by, person) else { return Ok(Err(problems)) };
    let call = EmergencyCall {
        person,
        user_name,
        caller_verified: arguments.caller_verified.clone(),
        purpose: arguments.purpose.clone(),
        case_number: arguments.case.clone(),
        by: by.clone(),
    };
    let held =
        hold_against(loaded, organization, |grounds| emergency(&rejection, &call, grounds, now));
    Ok(match held {
        Ok(emergency) if problems.is_empty() => Ok((emergency, by, organization)),
        Ok(_) => Err(problems),
        Err(refused) => {
            problems.extend(refused.iter().map(ToString::to_string));
            Err(problems)
        }
    })
}

/// The way out where the reference leads nowhere: with several gateways it may be another's.
fn not_found(reference: Reference, several: bool) -> String {
    let days = LOOKED_FOR.as_hours() / 24;
    let elsewhere = match several {
        true => {
            "; or another gateway on this store rejected the caller: each keeps its own log, so run this command on that machine too"
        }
        false => "",
    };
    format!(
        "no rejection with the reference {reference} stands in this machine's log of the last {days} days; let the caller read it again, letter by letter (a rejection is in the log two seconds after it was shown){elsewhere}"
    )
}

/// The newest rejection of this reference in this machine's log.
fn rejection_of(
    loaded: &Loaded,
    reference: Reference,
    now: Timestamp,
) -> anyhow::Result<Option<Event>> {
    let filter = Filter {
        reference: Some(reference),
        action: Some(Action::Denied),
        since: Some(now.checked_sub(LOOKED_FOR).unwrap_or(Timestamp::MIN)),
        ..Filter::default()
    };
    let directory = Options::from_config(&loaded.config).directory;
    let found = search(&directory, &filter)?.next().transpose()?;
    Ok(found.map(|entry| entry.event))
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
        assert!(!not_found(reference, false).contains("another gateway"));
        let several = not_found(reference, true);
        for part in ["K7QX-2M9D", "letter by letter", "another gateway", "on that machine"] {
            assert!(several.contains(part), "{several}");
        }
    }
}
