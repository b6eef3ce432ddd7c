//! `geovagt exemption apply` and `geovagt exemption extend`

use std::io::Write;

use jiff::Timestamp;

use super::{ExemptionId, changed, exemption_id, found};
use crate::cli::people::{self, complain, sentence};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::Loaded;
use crate::journey::ask::{self, More, Reached};
use crate::journey::person::Wanted;
use crate::journey::request::{Asked, Whom};
use crate::policy::{Actor, ValidApplication};
use crate::store::{ExemptionError, Store};

/// Arguments of `exemption apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Whose exemption it is to be.
    #[arg(long, value_name = "O")]
    pub(in crate::cli) organization: String,
    /// The login name of the person who travels.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) person: String,
    /// The provider that knows the person, where more than one has that name, or with --subject.
    #[arg(long, value_name = "P")]
    pub(in crate::cli) provider: Option<String>,
    /// The provider's immutable name for a person who has not signed in yet.
    #[arg(long, value_name = "S", requires = "provider")]
    pub(in crate::cli) subject: Option<String>,
    /// Territories and first and last day, such as "CN,HK 2026-12-01..2026-12-08". Repeat for more
    /// legs; a stop on the way is a leg too.
    #[arg(long = "leg", value_name = "LEG", required = true)]
    pub(in crate::cli) legs: Vec<String>,
    /// A site it is for. Repeat for more.
    #[arg(long = "site", value_name = "S", required = true)]
    pub(in crate::cli) sites: Vec<String>,
    /// Why the person travels.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) purpose: String,
    /// A device that is taken along, such as iPad. Repeat for more.
    #[arg(long = "device", value_name = "TEXT", required = true)]
    pub(in crate::cli) devices: Vec<String>,
    /// Where the traveller can be called on the way, as dialled from abroad.
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) telephone: String,
    /// A private mail address for notices: the municipal mailbox is what may be blocked.
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) mail: String,
    /// The case it belongs to, where there is one already.
    #[arg(long, value_name = "NUMBER", default_value = "", hide_default_value = true)]
    pub(in crate::cli) case: String,
    /// Who applies: the traveller, or a clerk on behalf; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
}

/// Arguments of `exemption extend`.
#[derive(Debug, clap::Args)]
pub(crate) struct Extend {
    /// The exemption that is to go on, such as TE-7K2M9D. It stays as it is.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    pub(in crate::cli) id: ExemptionId,
    /// The new last day, or an RFC 3339 instant.
    #[arg(long, value_name = "DAY")]
    pub(in crate::cli) until: String,
    /// Why; left out: as before.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) purpose: Option<String>,
    /// A device that is taken along; left out: as before. Repeat for more.
    #[arg(long = "device", value_name = "TEXT")]
    pub(in crate::cli) devices: Vec<String>,
    /// Where the traveller can be called; left out: as before.
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) telephone: Option<String>,
    /// A private mail address for notices; left out: as before.
    #[arg(long, value_name = "ADDRESS")]
    pub(in crate::cli) mail: Option<String>,
    /// Who applies; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
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
        found::tell(context, &loaded.config, store, exemption).await?;
        writeln!(
            context.messages(),
            "{id} waits for a decision by another person: geovagt exemption approve {id} --by NAME",
            id = exemption.id
        )?;
        let undo = format!("geovagt exemption withdraw {}", exemption.id);
        people::warn_nameless(&mut context.messages(), &by, &undo)?;
    }
    changed(context, &loaded.config, done, nothing)
}

/// Everything that is wrong with what was asked, or the application and who applies.
pub(super) async fn prepare(
    loaded: &Loaded,
    store: &Store,
    arguments: &Arguments,
    now: Timestamp,
) -> anyhow::Result<Prepared> {
    let mut problems = Vec::new();
    let by = people::actor(arguments.by.as_deref()).map_err(|p| problems.push(p)).ok();
    let organization = match people::organization(&loaded.config, &arguments.organization) {
        Ok(organization) => organization,
        Err(problem) => {
            problems.push(problem);
            problems.extend(people::said(&found::unread(&arguments.legs)));
            return Ok(Err(problems));
        }
    };
    let asked = Asked {
        organization,
        whom: Whom::Named(Wanted {
            name: &arguments.person,
            provider: arguments.provider.as_deref(),
            subject: arguments.subject.as_deref(),
        }),
        legs: found::legs(&arguments.legs, &organization.time_zone),
        sites: &arguments.sites,
        purpose: &arguments.purpose,
        case: &arguments.case,
        demands: None,
    };
    let reached = Reached {
        devices: &arguments.devices,
        telephone: &arguments.telephone,
        mail: &arguments.mail,
    };
    let held = ask::application(loaded, store, asked, reached, now).await?;
    Ok(people::complete(held, by, problems))
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
    let owner = record.exemption.organization.as_str();
    let organization = match people::organization(&loaded.config, owner) {
        Ok(organization) => organization,
        Err(problem) => {
            problems.push(problem);
            return Ok(Err(problems));
        }
    };
    let more = More {
        purpose: arguments.purpose.as_deref(),
        devices: &arguments.devices,
        telephone: arguments.telephone.as_deref(),
        mail: arguments.mail.as_deref(),
    };
    let about = (&**organization, &record);
    let held = ask::extension(loaded, store, about, (&arguments.until, more), now).await?;
    Ok(people::complete(held, by, problems))
}
