//! `geovagt exemption`: the travel exemptions, from the grant to the end.
//!
//! Works beside a running gateway, which takes notice within a second.

mod contact;
pub(super) mod grant;
mod odd_use;
mod shown;

use std::io::Write;

use super::people::{self, complain, sentence};
use super::{Answer, Context};
use crate::clock;
use crate::config::{Config, Loaded};
use crate::policy::{Actor, ExemptionId, Phase, TravelExemption};
use crate::store::{ExemptionError, Store};

/// Subcommands of `exemption`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Let one person in from the countries and to the sites of one journey.
    Grant(grant::Arguments),
    /// Approve, as the second person, what another has granted.
    Approve(Approve),
    /// Take an exemption back. Open connections end too.
    Revoke(Revoke),
    /// End an exemption early because the traveller is home.
    Close(Close),
    /// Say where the traveller is reached: notices go there.
    Contact(contact::Arguments),
    /// List exemptions.
    List(List),
    /// Show one exemption and everything that was done to it.
    Show(Show),
}

/// Arguments of `exemption approve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    id: ExemptionId,
    /// Who approves; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Arguments of `exemption revoke`.
#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    id: ExemptionId,
    /// Why; stays in the history and in the log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who revokes; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Arguments of `exemption close`.
#[derive(Debug, clap::Args)]
pub(crate) struct Close {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    id: ExemptionId,
    /// Who closes; logged beside the operating-system user.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

/// Arguments of `exemption list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those that stand here.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Only those of this organisation.
    #[arg(long, value_name = "O")]
    organization: Option<String>,
}

/// Arguments of `exemption show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    id: ExemptionId,
}

/// Where an exemption stands, as `--state` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum State {
    /// Waits for the second person.
    #[value(name = "awaiting", alias = "awaiting_approval")]
    Awaiting,
    /// Granted; the journey has not begun.
    Planned,
    /// The journey has begun and is not over.
    Active,
    /// The journey is over.
    Ended,
    /// Taken back.
    Revoked,
    /// Ended early.
    Closed,
}

impl State {
    fn phase(self) -> Phase {
        match self {
            Self::Awaiting => Phase::AwaitingApproval,
            Self::Planned => Phase::Planned,
            Self::Active => Phase::Active,
            Self::Ended => Phase::Ended,
            Self::Revoked => Phase::Revoked,
            Self::Closed => Phase::Closed,
        }
    }
}

/// Runs the command.
pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    context.block_on(async {
        let store = people::open_store(&loaded.config).await?;
        let answer = dispatch(context, &loaded, &store, command).await;
        people::tell(context, &loaded.config, &store).await?;
        store.close().await;
        answer
    })?
}

async fn dispatch(
    context: &Context,
    loaded: &Loaded,
    store: &Store,
    command: &Command,
) -> anyhow::Result<Answer> {
    let config = &loaded.config;
    match command {
        Command::Grant(arguments) => grant::run(context, loaded, store, arguments).await,
        Command::Approve(arguments) => approve(context, config, store, arguments).await,
        Command::Revoke(arguments) => {
            let by = actor(arguments.by.as_deref())?;
            people::check_text("--reason", &arguments.reason, 500).map_err(anyhow::Error::msg)?;
            let now = clock::now();
            let reason = arguments.reason.trim();
            let done = store.revoke_exemption(&arguments.id, reason, &by, now).await;
            changed(context, done, "nothing was revoked")
        }
        Command::Close(arguments) => {
            let by = actor(arguments.by.as_deref())?;
            let done = store.close_exemption(&arguments.id, &by, clock::now()).await;
            changed(context, done, "nothing was closed")
        }
        Command::Contact(arguments) => contact::run(context, store, arguments).await,
        Command::List(arguments) => list(context, config, store, arguments).await,
        Command::Show(arguments) => show(context, config, store, &arguments.id).await,
    }
}

async fn approve(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &Approve,
) -> anyhow::Result<Answer> {
    let by = actor(arguments.by.as_deref())?;
    if let Some(record) = store.exemption(&arguments.id).await? {
        let organization = config.organizations.get(&record.exemption.organization);
        if organization.is_none_or(|organization| !organization.travel_exemptions.enabled) {
            let problem = format!(
                "{} has not switched travel exemptions on; that takes a decision and its case number, under travel_exemptions",
                record.exemption.organization
            );
            complain(&mut context.messages(), &[problem], "nothing was approved")?;
            return Ok(Answer::No);
        }
    }
    let done = store.approve_exemption(&arguments.id, &by, clock::now()).await;
    changed(context, done, "nothing was approved")
}

async fn list(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &List,
) -> anyhow::Result<Answer> {
    let organization = match &arguments.organization {
        None => None,
        Some(name) => Some(&people::organization(config, name).map_err(anyhow::Error::msg)?.id),
    };
    let now = clock::now();
    let mut records = store.exemptions(organization).await?;
    records.retain(|record| {
        arguments.state.is_none_or(|state| record.exemption.phase(now) == state.phase())
    });
    if context.json {
        let items: Vec<_> =
            records.iter().map(|record| shown::Item::of(record, now, false)).collect();
        context.print_json(&items)?;
    } else if records.is_empty() {
        writeln!(context.messages(), "no exemption of that kind; `--state` names another")?;
    } else {
        shown::table(&mut context.out(), config, &records, now)?;
    }
    Ok(Answer::Yes)
}

async fn show(
    context: &Context,
    config: &Config,
    store: &Store,
    id: &ExemptionId,
) -> anyhow::Result<Answer> {
    let now = clock::now();
    let Some(record) = store.exemption(id).await? else {
        let problem = sentence(&ExemptionError::Unknown(id.clone()));
        complain(&mut context.messages(), &[problem], "nothing to show")?;
        return Ok(Answer::No);
    };
    let flags = store.odd_use(id).await?;
    if context.json {
        let item = shown::Item::of(&record, now, true);
        context.print_json(&odd_use::WithFlags::new(item, &flags))?;
    } else {
        shown::whole(&mut context.out(), config, &record, now)?;
        odd_use::lines(&mut context.out(), &flags)?;
    }
    Ok(Answer::Yes)
}

fn actor(by: Option<&str>) -> anyhow::Result<Actor> {
    people::actor(by).map_err(anyhow::Error::msg)
}

/// Prints what an exemption has become, or why it has not.
fn changed(
    context: &Context,
    done: Result<TravelExemption, ExemptionError>,
    outcome: &str,
) -> anyhow::Result<Answer> {
    match done {
        Ok(exemption) => {
            print_state(context, &exemption)?;
            Ok(Answer::Yes)
        }
        Err(ExemptionError::Store(error)) => Err(error.into()),
        Err(error) => {
            complain(&mut context.messages(), &[sentence(&error)], outcome)?;
            Ok(Answer::No)
        }
    }
}

#[derive(serde::Serialize)]
struct Changed<'a> {
    id: &'a str,
    state: &'a str,
}

fn print_state(context: &Context, exemption: &TravelExemption) -> anyhow::Result<()> {
    let state = exemption.phase(clock::now()).word();
    if context.json {
        context.print_json(&Changed { id: exemption.id.as_str(), state })?;
    } else {
        writeln!(context.out(), "{}", exemption.id)?;
    }
    Ok(())
}

/// Reads a name as somebody types it who heard it over the telephone.
pub(super) fn exemption_id(text: &str) -> Result<ExemptionId, String> {
    let upper = text.trim().to_ascii_uppercase();
    let digits = upper.strip_prefix("TE-").unwrap_or(&upper);
    let heard = |c: char| match c {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    let digits: String = digits.chars().map(heard).collect();
    let known = |c: char| c.is_ascii_digit() || (c.is_ascii_uppercase() && c != 'U');
    if digits.len() != 6 || !digits.chars().all(known) {
        return Err("an exemption is named like TE-7K2M9D".to_owned());
    }
    Ok(ExemptionId::new(&format!("TE-{digits}")))
}

#[cfg(test)]
mod tests;
