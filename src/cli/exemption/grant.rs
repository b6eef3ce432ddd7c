//! `geovagt exemption grant`

use std::io::Write;

use jiff::Timestamp;

use super::{devices, found, print_state};
use crate::cli::people::{self, complain};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::Loaded;
use crate::journey::ask;
use crate::journey::person::Wanted;
use crate::journey::request::{Asked, Whom};
use crate::policy::{Actor, Demands, Phase, ValidGrant};
use crate::store::Store;

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
    /// What it demands beyond the person: device, multi_factor, both with a comma between, or none.
    /// Where another person has to approve it, or only a certificate names the person, a device is
    /// demanded unless this says otherwise.
    #[arg(long, value_name = "WHAT", value_parser = Demands::parse)]
    pub(in crate::cli) demand: Option<Demands>,
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
    found::tell(context, &loaded.config, store, &exemption).await?;
    if exemption.phase(now) == Phase::AwaitingApproval {
        writeln!(
            context.messages(),
            "{id} waits for another person's approval: geovagt exemption approve {id} --by NAME",
            id = exemption.id
        )?;
        let undo = format!("geovagt exemption revoke {} --reason \"no name\"", exemption.id);
        people::warn_nameless(&mut context.messages(), &by, &undo)?;
    }
    devices::at_approval(context, &loaded.config, store, &exemption, &by).await?;
    print_state(context, &exemption, &[])?;
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
    let organization = match people::organization(&loaded.config, &arguments.organization) {
        Ok(organization) => organization,
        Err(problem) => {
            problems.push(problem);
            problems.extend(people::said(&found::unread(&arguments.legs)));
            return Ok(Err(problems));
        }
    };
    if let Some(by) = &by {
        problems.extend(people::may_decide(organization, by).err());
    }
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
        demands: arguments.demand,
    };
    let held = ask::grant(loaded, store, asked, now).await?;
    Ok(people::complete(held, by, problems))
}
