//! `geovagt exemption`: the travel exemptions, from the application to the end.
//!
//! Works beside a running gateway, which takes notice within a second.

pub(super) mod apply;
mod contact;
pub(super) mod decide;
pub(super) mod devices;
pub(super) mod emergency;
mod found;
pub(super) mod grant;
mod odd_use;
pub(super) mod shown;

use std::io::Write;

use super::people::{self, complain, sentence};
use super::{Answer, Context, local_time};
use crate::clock;
use crate::config::{Config, Loaded};
use crate::policy::{ExemptionId, ExemptionState, Phase, TravelExemption};
use crate::store::{Decided, ExemptionError, ExemptionRecord, Store};

/// Subcommands of `exemption`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Apply for an exemption, for yourself or on behalf of the traveller.
    #[command(
        before_help = "Example: geovagt exemption apply --organization ballerup --person anna.holm --leg \"TH 2026-12-01..2026-12-08\" --site mail --purpose Studietur --device iPad --telephone \"+45 20 00 00 00\" --mail anna@example.net"
    )]
    Apply(apply::Arguments),
    /// Apply for more time: a decision of its own, which leaves the first one as it is.
    #[command(before_help = "Example: geovagt exemption extend TE-7K2M9D --until 2026-12-12")]
    Extend(apply::Extend),
    /// Let one person in from the countries and to the sites of one journey, without an application.
    Grant(grant::Arguments),
    /// Let somebody in who calls from in front of the wall, for a short while.
    #[command(
        before_help = "Example: geovagt exemption emergency --reference K7QX-2M9D --person anna.holm --caller-verified \"called back on the number in the staff list\""
    )]
    Emergency(emergency::Arguments),
    /// Approve what another applied for or granted.
    #[command(before_help = "Example: geovagt exemption approve TE-7K2M9D --by \"Carl Friis\"")]
    Approve(decide::Decide),
    /// Refuse an application, with the reason that the applicant is told.
    #[command(
        before_help = "Example: geovagt exemption refuse TE-7K2M9D --reason \"Rejsen er privat\""
    )]
    Refuse(decide::DecideWithReason),
    /// Take your own application back before it is decided.
    Withdraw(decide::Decide),
    /// Take an exemption back. Open connections end too.
    Revoke(decide::DecideWithReason),
    /// End an exemption early because the traveller is home.
    Close(decide::Decide),
    /// Give out a link that binds the traveller's devices to an exemption. It is shown once.
    Link(devices::Link),
    /// List the devices that are bound to an exemption, bind an ActiveSync client, or take one back.
    Device(devices::Device),
    /// A device is lost: end the traveller's exemptions, sessions, devices and open connections.
    LostDevice(devices::LostDevice),
    /// Say where the traveller is reached: notices go there.
    Contact(contact::Arguments),
    /// List exemptions.
    #[command(before_help = "Example: geovagt exemption list --state applied")]
    List(List),
    /// Show one exemption and everything that was done to it.
    Show(Show),
}

/// Arguments of `exemption list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those that stand here.
    #[arg(long, value_enum)]
    pub(in crate::cli) state: Option<State>,
    /// Only those of this organisation.
    #[arg(long, value_name = "O")]
    pub(in crate::cli) organization: Option<String>,
    /// Only those of the person of this login name.
    #[arg(long, value_name = "USER")]
    pub(in crate::cli) person: Option<String>,
}

/// Arguments of `exemption show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The exemption, such as TE-7K2M9D.
    #[arg(value_name = "ID", value_parser = exemption_id)]
    pub(in crate::cli) id: ExemptionId,
}

/// Where an exemption stands, as `--state` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum State {
    /// Waits for a decision.
    Applied,
    /// Waits for a second person, or counts after an emergency until one has approved.
    #[value(name = "awaiting", alias = "awaiting_approval")]
    Awaiting,
    /// Counts after an emergency, until a second person has approved.
    Unconfirmed,
    /// Granted; the journey has not begun.
    Planned,
    /// The journey has begun and is not over.
    Active,
    /// The journey is over.
    Ended,
    /// Refused.
    Refused,
    /// Taken back by the applicant.
    Withdrawn,
    /// Taken back.
    Revoked,
    /// Ended early.
    Closed,
}

impl State {
    fn holds(self, record: &ExemptionRecord, now: jiff::Timestamp) -> bool {
        let phase = match self {
            Self::Applied => Phase::Applied,
            Self::Unconfirmed => return record.is_unconfirmed(now),
            Self::Awaiting if record.is_unconfirmed(now) => return true,
            Self::Awaiting => Phase::AwaitingApproval,
            Self::Planned => Phase::Planned,
            Self::Active => Phase::Active,
            Self::Ended => Phase::Ended,
            Self::Refused => Phase::Refused,
            Self::Withdrawn => Phase::Withdrawn,
            Self::Revoked => Phase::Revoked,
            Self::Closed => Phase::Closed,
        };
        record.exemption.phase(now) == phase
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
        Command::Apply(arguments) => apply::run(context, loaded, store, arguments).await,
        Command::Extend(arguments) => apply::extend(context, loaded, store, arguments).await,
        Command::Grant(arguments) => grant::run(context, loaded, store, arguments).await,
        Command::Emergency(arguments) => emergency::run(context, loaded, store, arguments).await,
        Command::Approve(arguments) => decide::approve(context, config, store, arguments).await,
        Command::Refuse(arguments) => decide::refuse(context, config, store, arguments).await,
        Command::Withdraw(arguments) => decide::withdraw(context, config, store, arguments).await,
        Command::Revoke(arguments) => decide::revoke(context, config, store, arguments).await,
        Command::Close(arguments) => decide::close(context, config, store, arguments).await,
        Command::Link(arguments) => devices::link(context, config, store, arguments).await,
        Command::Device(arguments) => devices::device(context, config, store, arguments).await,
        Command::LostDevice(arguments) => devices::lost(context, store, arguments).await,
        Command::Contact(arguments) => contact::run(context, store, arguments).await,
        Command::List(arguments) => list(context, config, store, arguments).await,
        Command::Show(arguments) => show(context, config, store, &arguments.id).await,
    }
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
    let of_person = |record: &ExemptionRecord| {
        let name = record.exemption.user_name.as_str();
        arguments.person.as_deref().is_none_or(|wanted| wanted.trim().to_lowercase() == name)
    };
    records.retain(|record| {
        of_person(record) && arguments.state.is_none_or(|state| state.holds(record, now))
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

/// Prints what an exemption has become, or why it has not.
fn changed(
    context: &Context,
    config: &Config,
    done: Result<TravelExemption, ExemptionError>,
    outcome: &str,
) -> anyhow::Result<Answer> {
    let done = done.map(|exemption| Decided { exemption, extensions: Vec::new() });
    ended(context, config, done, outcome)
}

/// The same with everything that ended with it.
fn ended(
    context: &Context,
    config: &Config,
    done: Result<Decided, ExemptionError>,
    outcome: &str,
) -> anyhow::Result<Answer> {
    match done {
        Ok(decided) => {
            print_state(context, &decided.exemption, &decided.extensions)?;
            Ok(Answer::Yes)
        }
        Err(ExemptionError::Store(error)) => Err(error.into()),
        Err(error) => {
            let problem = error.told(|organization| local_time::zone(config, organization));
            complain(&mut context.messages(), &[problem], outcome)?;
            Ok(Answer::No)
        }
    }
}

#[derive(serde::Serialize)]
struct Changed<'a> {
    id: &'a str,
    state: &'a str,
    /// Until when it counts, where it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_until: Option<jiff::Timestamp>,
    /// Before which a second person has to approve it, where it counts without.
    #[serde(skip_serializing_if = "Option::is_none")]
    confirm_before: Option<jiff::Timestamp>,
    /// What gave it more time and ended with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    extensions: Vec<Followed<'a>>,
}

#[derive(serde::Serialize)]
struct Followed<'a> {
    id: &'a str,
    state: &'a str,
}

fn print_state(
    context: &Context,
    exemption: &TravelExemption,
    extensions: &[TravelExemption],
) -> anyhow::Result<()> {
    let now = clock::now();
    if context.json {
        let confirm_before = match exemption.state {
            ExemptionState::Provisional { until } => Some(until),
            _ => None,
        };
        context.print_json(&Changed {
            id: exemption.id.as_str(),
            state: exemption.phase(now).word(),
            counts_until: exemption.counts_until(),
            confirm_before,
            extensions: extensions
                .iter()
                .map(|one| Followed { id: one.id.as_str(), state: one.phase(now).word() })
                .collect(),
        })?;
    } else {
        writeln!(context.out(), "{}", exemption.id)?;
        for one in extensions {
            writeln!(context.out(), "{}", one.id)?;
            let (id, state) = (&one.id, one.phase(now).word());
            writeln!(context.messages(), "{id}, which gives it more time, is {state} with it")?;
        }
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
