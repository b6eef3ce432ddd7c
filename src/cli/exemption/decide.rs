//! `geovagt exemption approve`, `refuse`, `withdraw`, `revoke`, `close`

use std::io::Write;

use super::{changed, devices, ended, exemption_id};
use crate::cli::people::{self, complain, sentence};
use crate::cli::{Answer, Context};
use crate::clock;
use crate::config::Config;
use crate::journey::{LONGEST_REASON, decision, link};
use crate::policy::{Actor, ExemptionId, Phase};
use crate::store::{ExemptionError, Store};

/// Arguments of `exemption approve`, `withdraw` and `close`.
#[derive(Debug, clap::Args)]
pub(crate) struct Decide {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    pub(in crate::cli) id: ExemptionId,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
}

/// Arguments of `exemption refuse` and `revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct DecideWithReason {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    pub(in crate::cli) id: ExemptionId,
    /// Why. It is kept with the exemption, and the traveller is told.
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) reason: String,
    /// Who does it; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) by: Option<String>,
}

pub(super) async fn approve(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &Decide,
) -> anyhow::Result<Answer> {
    let nothing = "nothing was approved";
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    let two_people = match about(config, store, &arguments.id, &by).await? {
        Ok(two_people) => two_people,
        Err(problem) => {
            complain(&mut context.messages(), &[problem], nothing)?;
            return Ok(Answer::No);
        }
    };
    let asked = (&arguments.id, two_people);
    let done = link::approve(config, store, asked, (&by).into(), clock::now()).await;
    if let Ok((exemption, _)) = &done
        && exemption.phase(clock::now()) == Phase::AwaitingApproval
    {
        writeln!(
            context.messages(),
            "{id} takes two, so it waits for one more person: geovagt exemption approve {id} --by NAME",
            id = exemption.id
        )?;
    }
    if let Ok((exemption, means)) = &done {
        devices::tell_of_link(context, config, exemption, *means)?;
    }
    changed(context, config, done.map(|(exemption, _)| exemption), nothing)
}

pub(super) async fn refuse(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &DecideWithReason,
) -> anyhow::Result<Answer> {
    let nothing = "nothing was refused";
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    let mut problems = Vec::new();
    problems.extend(about(config, store, &arguments.id, &by).await?.err());
    problems.extend(people::check_text("--reason", &arguments.reason, LONGEST_REASON).err());
    if !problems.is_empty() {
        complain(&mut context.messages(), &problems, nothing)?;
        return Ok(Answer::No);
    }
    let reason = arguments.reason.trim();
    let done = store.refuse_exemption(&arguments.id, reason, &by, clock::now()).await;
    changed(context, config, done, nothing)
}

pub(super) async fn withdraw(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &Decide,
) -> anyhow::Result<Answer> {
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    let done = store.withdraw_exemption(&arguments.id, &by, clock::now()).await;
    changed(context, config, done, "nothing was taken back")
}

pub(super) async fn revoke(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &DecideWithReason,
) -> anyhow::Result<Answer> {
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    people::check_text("--reason", &arguments.reason, LONGEST_REASON)
        .map_err(anyhow::Error::msg)?;
    let reason = arguments.reason.trim();
    let done = store.revoke_exemption(&arguments.id, reason, &by, clock::now()).await;
    ended(context, config, done, "nothing was revoked")
}

pub(super) async fn close(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &Decide,
) -> anyhow::Result<Answer> {
    let by = people::actor(arguments.by.as_deref()).map_err(anyhow::Error::msg)?;
    let done = store.close_exemption(&arguments.id, &by, clock::now()).await;
    ended(context, config, done, "nothing was closed")
}

/// Whether two people have to approve it as the configuration stands now; or why this person
/// decides nothing about it.
async fn about(
    config: &Config,
    store: &Store,
    id: &ExemptionId,
    by: &Actor,
) -> anyhow::Result<Result<bool, String>> {
    let Some(record) = store.exemption(id).await? else {
        return Ok(Err(sentence(&ExemptionError::Unknown(id.clone()))));
    };
    Ok(match decision::scheme_of(config, &record.exemption) {
        Ok(organization) => people::may_decide(organization, by)
            .map(|()| decision::takes_two(organization, &record.exemption)),
        Err(trouble) => Err(trouble.to_string()),
    })
}
