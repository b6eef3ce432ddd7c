//! `geovagt exemption apply` and `geovagt exemption extend`

use std::io::Write;

use jiff::Timestamp;

use super::person::{self, Wanted};
use super::request::{self, Read, Typed, hold_against};
use super::{ExemptionId, changed, exemption_id};
use crate::cli::people::{self, complain, sentence};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::Loaded;
use crate::policy::{
    Actor, Application, ApplicationRequest, GrantRequest, Leg, ValidApplication,
    validate_application, validate_extension,
};
use crate::store::{ExemptionError, ExemptionRecord, Store};

/// A chain of extensions is followed so far.
const LONGEST_CHAIN: usize = 100;

/// Arguments of `exemption apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose exemption it is to be.
    #[arg(long, value_name = "O")]
    pub(super) organization: String,
    /// The login name of the person who travels.
    #[arg(long, value_name = "USER")]
    pub(super) person: String,
    /// The provider that knows the person, where more than one has that name, or with --subject.
    #[arg(long, value_name = "P")]
    pub(super) provider: Option<String>,
    /// The provider's immutable name for a person who has not signed in yet.
    #[arg(long, value_name = "S", requires = "provider")]
    pub(super) subject: Option<String>,
    /// Territories and first and last day, such as "CN,HK 2026-12-01..2026-12-08". Repeat for more
    /// legs; a stop on the way is a leg too.
    #[arg(long = "leg", value_name = "LEG", required = true)]
    pub(super) legs: Vec<String>,
    /// A site it is for. Repeat for more.
    #[arg(long = "site", value_name = "S", required = true)]
    pub(super) sites: Vec<String>,
    /// Why the person travels.
    #[arg(long, value_name = "TEXT")]
    pub(super) purpose: String,
    /// A device that is taken along, such as iPad. Repeat for more.
    #[arg(long = "device", value_name = "TEXT", required = true)]
    pub(super) devices: Vec<String>,
    /// Where the traveller can be called on the way, as dialled from abroad.
    #[arg(long, value_name = "NUMBER")]
    pub(super) telephone: String,
    /// A private mail address for notices: the municipal mailbox is what may be blocked.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) mail: String,
    /// The case it belongs to, where there is one already.
    #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true)]
    pub(super) case: String,
    /// Who applies: the traveller, or a clerk on behalf; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(super) by: Option<String>,
}

/// Arguments of `exemption extend`.
#[derive(Debug, clap::Args)]
pub(crate) struct Extend {
    /// The exemption that is to go on, such as TE-7K2M9D. It stays as it is.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    pub(super) id: ExemptionId,
    /// The new last day, or an RFC 3339 instant.
    #[arg(long, value_name = "DAY")]
    pub(super) until: String,
    /// Why; left out: as before.
    #[arg(long, value_name = "TEXT")]
    pub(super) purpose: Option<String>,
    /// A device that is taken along; left out: as before. Repeat for more.
    #[arg(long = "device", value_name = "TEXT")]
    pub(super) devices: Vec<String>,
    /// Where the traveller can be called; left out: as before.
    #[arg(long, value_name = "NUMBER")]
    pub(super) telephone: Option<String>,
    /// A private mail address for notices; left out: as before.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) mail: Option<String>,
    /// Who applies; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(super) by: Option<String>,
}

type Prepared = Result<(ValidApplication, Actor), Vec<String>>;

pub(super) async fn run(
    context: &Context,
    loaded: &Loaded,
    store: &Store,
    arguments: &Arguments,
) -> anyhow::Result<Answer> {
    let now = clock::now();
    let prepared = prepare(loaded, store, arguments, now).await?;
    apply(context, loaded, store, prepared, now).await
}

pub(super) async fn extend(
    context: &Context,
    loaded: &Loaded,
    store: &Store,
    arguments: &Extend,
) -> anyhow::Result<Answer> {
    let now = clock::now();
    let prepared = prepare_extension(loaded, store, arguments, now).await?;
    apply(context, loaded, store, prepared, now).await
}

async fn apply(
    context: &Context,
    loaded: &Loaded,
    store: &Store,
    prepared: Prepared,
    now: Timestamp,
) -> anyhow::Result<Answer> {
    let nothing = "nothing was applied for";
    let (application, by) = match prepared {
        Ok(prepared) => prepared,
        Err(problems) => {
            complain(&mut context.messages(), &problems, nothing)?;
            return Ok(Answer::No);
        }
    };
    for caution in application.cautions() {
        writeln!(context.messages(), "warning: {caution}")?;
    }
    let done = store.apply_for_exemption(application, &by, now).await;
    if let Ok(exemption) = &done {
        person::tell(context, &loaded.config, store, exemption).await?;
        writeln!(
            context.messages(),
            "{id} waits for a decision by another person: geovagt exemption approve {id} --by NAME",
            id = exemption.id
        )?;
    }
    changed(context, done, nothing)
}

/// Everything that is wrong with what was asked, or the application and who applies.
pub(super) async fn prepare(
    loaded: &Loaded,
    store: &Store,
    arguments: &Arguments,
    now: Timestamp,
) -> anyhow::Result<Prepared> {
    let mut problems = Vec::new();
    let typed = Typed {
        organization: &arguments.organization,
        wanted: Wanted {
            name: &arguments.person,
            provider: arguments.provider.as_deref(),
            subject: arguments.subject.as_deref(),
        },
        legs: &arguments.legs,
        sites: &arguments.sites,
        purpose: &arguments.purpose,
        case: &arguments.case,
        demands: None,
        by: arguments.by.as_deref(),
    };
    let Some(read) = request::read(loaded, store, &typed, &mut problems).await? else {
        return Ok(Err(problems));
    };
    let Read { organization, request: grant, by } = read;
    let application = Application {
        devices: arguments.devices.clone(),
        telephone: arguments.telephone.clone(),
        mail: arguments.mail.clone(),
        extends: None,
    };
    let request = ApplicationRequest { grant, application };
    let validated =
        hold_against(loaded, organization, |grounds| validate_application(&request, grounds, now));
    Ok(match (validated, by) {
        (Ok(application), Some(by)) if problems.is_empty() => Ok((application, by)),
        (Ok(_), _) => Err(problems),
        (Err(found), _) => {
            problems.extend(request::said(loaded, &typed, &request.grant, &found));
            Err(problems)
        }
    })
}

/// The same for what goes on from an exemption there is.
pub(super) async fn prepare_extension(
    loaded: &Loaded,
    store: &Store,
    arguments: &Extend,
    now: Timestamp,
) -> anyhow::Result<Prepared> {
    let mut problems = Vec::new();
    let by = people::actor(arguments.by.as_deref()).map_err(|p| problems.push(p)).ok();
    let Some(record) = store.exemption(&arguments.id).await? else {
        problems.push(sentence(&ExemptionError::Unknown(arguments.id.clone())));
        return Ok(Err(problems));
    };
    let extended = &record.exemption;
    let organization = match people::organization(&loaded.config, extended.organization.as_str()) {
        Ok(organization) => organization,
        Err(problem) => {
            problems.push(problem);
            return Ok(Err(problems));
        }
    };
    let until = Leg::parse_end(&arguments.until, &organization.time_zone)
        .map_err(|error| problems.push(format!("--until: {}", sentence(&error))));
    let Ok(until) = until else { return Ok(Err(problems)) };
    let began = first_start(store, &record).await?;
    let request = extension(&record, arguments, until);
    let validated = hold_against(loaded, organization, |grounds| {
        validate_extension(&request, extended, began, grounds, now)
    });
    Ok(match (validated, by) {
        (Ok(application), Some(by)) if problems.is_empty() => Ok((application, by)),
        (Ok(_), _) => Err(problems),
        (Err(found), _) => {
            problems.extend(found.iter().map(ToString::to_string));
            Err(problems)
        }
    })
}

/// The same person at the same sites, from where the last leg ends up to the new end.
fn extension(record: &ExemptionRecord, arguments: &Extend, until: Timestamp) -> ApplicationRequest {
    let extended = &record.exemption;
    let before = record.application.clone().unwrap_or_default();
    let last = extended.legs.iter().max_by_key(|leg| leg.until);
    let leg =
        last.map(|last| Leg { territories: last.territories.clone(), from: last.until, until });
    let changed = |new: &Option<String>, old: String| new.clone().unwrap_or(old);
    ApplicationRequest {
        grant: GrantRequest {
            // More time changes nothing of what was asked for.
            demands: Some(extended.demands),
            organization: extended.organization.clone(),
            person: extended.person.clone(),
            user_name: extended.user_name.clone(),
            sites: extended.sites.clone(),
            legs: leg.into_iter().collect(),
            purpose: changed(&arguments.purpose, extended.purpose.clone()),
            case_number: extended.case_number.clone(),
        },
        application: Application {
            devices: match arguments.devices.as_slice() {
                [] => before.devices,
                devices => devices.to_vec(),
            },
            telephone: changed(&arguments.telephone, before.telephone),
            mail: changed(&arguments.mail, before.mail),
            extends: Some(extended.id.clone()),
        },
    }
}

/// Where the first of the journeys begins that this one goes on from.
async fn first_start(store: &Store, record: &ExemptionRecord) -> anyhow::Result<Timestamp> {
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
