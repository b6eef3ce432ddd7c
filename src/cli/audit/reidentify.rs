//! `geovagt audit reidentify`: two people together learn whom a pseudonym stands for.

use std::io::Write as _;

use crate::app::outbox::Outbox;
use crate::audit::Options;
use crate::cli::local_time::local;
use crate::cli::{Answer, Context, people};
use crate::clock;
use crate::config::Organization;
use crate::erasure::{self, Place, Question, ReidentifyError};
use crate::policy::Actor;
use crate::store::Store;

/// Subcommands of `audit reidentify`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Ask, and say why. Another person answers.
    Ask(Ask),
    /// Answer what another person asked; it is shown then.
    Answer(Respond),
    /// List what was asked.
    List(List),
}

/// Arguments of `audit reidentify ask`.
#[derive(Debug, clap::Args)]
pub(crate) struct Ask {
    /// A pseudonym as it stands in the log, or the reference of an entry.
    #[arg(value_name = "PSEUDONYM")]
    wanted: String,
    /// Why; stays in the store and does not enter the log.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    who: Who,
}

/// Arguments of `audit reidentify answer`.
#[derive(Debug, clap::Args)]
pub(crate) struct Respond {
    /// The question, as `ask` printed it.
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    who: Who,
}

/// Arguments of `audit reidentify list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    who: Who,
}

#[derive(Debug, clap::Args)]
struct Who {
    /// The organisation.
    #[arg(long, value_name = "O")]
    organization: String,
    /// Who you are: named as security or dpo in the configuration.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
}

pub(super) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    let config = &loaded.config;
    let who = match command {
        Command::Ask(Ask { who, .. })
        | Command::Answer(Respond { who, .. })
        | Command::List(List { who }) => who,
    };
    let known = people::organization(config, &who.organization)
        .and_then(|organization| Ok((organization, people::actor(who.by.as_deref())?)));
    let (organization, by) = match known {
        Ok(known) => known,
        Err(problem) => {
            people::complain(&mut context.messages(), &[problem], "nothing is told")?;
            return Ok(Answer::No);
        }
    };
    context.block_on(async {
        let store = people::open_store(config).await?;
        let log = Options::from_config(config).directory;
        let outbox = Outbox::open(&config.state_directory, &log)?;
        let state = config.state_directory.as_path();
        let place = Place { state, log_name: outbox.name(), store: &store };
        let done = act(context, command, place, organization, &by).await;
        people::tell(context, config, &store).await?;
        store.close().await;
        match done {
            Ok(()) => Ok(Answer::Yes),
            Err(Failed::Refused(error)) => {
                writeln!(context.messages(), "geovagt: {}", people::sentence(&error))?;
                Ok(Answer::No)
            }
            Err(Failed::Other(error)) => Err(error),
        }
    })?
}

enum Failed {
    Refused(ReidentifyError),
    Other(anyhow::Error),
}

impl From<ReidentifyError> for Failed {
    fn from(error: ReidentifyError) -> Self {
        Self::Refused(error)
    }
}

impl From<anyhow::Error> for Failed {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Other(error.into())
    }
}

async fn act(
    context: &Context,
    command: &Command,
    place: Place<'_>,
    organization: &Organization,
    by: &Actor,
) -> Result<(), Failed> {
    let held = people::roles_held(organization, by);
    let now = clock::now();
    match command {
        Command::Ask(asked) => {
            let question = Question { wanted: &asked.wanted, reason: &asked.reason };
            let id = erasure::ask(place.store, &organization.id, &question, by, &held, now).await?;
            if context.json {
                context.print_json(&serde_json::json!({"id": id}))?;
            } else {
                writeln!(context.out(), "{id}")?;
                writeln!(
                    context.messages(),
                    "another person answers: geovagt audit reidentify answer {id} --organization {}",
                    organization.id
                )?;
            }
        }
        Command::Answer(Respond { id, .. }) => {
            let revealed = erasure::answer(place, &organization.id, id, by, &held, now).await?;
            if context.json {
                context.print_json(&revealed)?;
            } else {
                for (field, value) in &revealed.values {
                    let value = crate::audit::terminal_safe(value);
                    writeln!(context.out(), "{field}: {value}")?;
                }
            }
        }
        Command::List(_) => list(context, place.store, organization).await?,
    }
    Ok(())
}

async fn list(context: &Context, store: &Store, organization: &Organization) -> Result<(), Failed> {
    let now = clock::now();
    let asked = store.reidentifications(&organization.id).await.map_err(ReidentifyError::from)?;
    if context.json {
        let items: Vec<_> = asked
            .iter()
            .map(|question| {
                serde_json::json!({
                    "id": question.id,
                    "wanted": question.wanted,
                    "reason": question.reason,
                    "asked": question.asked,
                    "asked_by": question.asked_by.name,
                    "answered": question.answered.as_ref().map(|(at, _)| at),
                    "answered_by": question.answered.as_ref().map(|(_, by)| &by.name),
                    "waits": !question.is_over(now),
                })
            })
            .collect();
        context.print_json(&items)?;
        return Ok(());
    }
    let zone = &organization.time_zone;
    for question in &asked {
        let state = match &question.answered {
            Some((at, by)) => {
                format!("answered by {} at {}", by.name, local(*at, zone))
            }
            None if question.is_over(now) => "over".to_owned(),
            None => "waits".to_owned(),
        };
        let line = format!(
            "{}  {}  asked by {} at {}: {}; {state}",
            question.id,
            question.wanted,
            question.asked_by.name,
            local(question.asked, zone),
            question.reason
        );
        writeln!(context.out(), "{}", crate::audit::terminal_safe(&line))?;
    }
    Ok(())
}
