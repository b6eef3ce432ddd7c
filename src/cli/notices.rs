//! `geovagt notices`: the mail to travellers, sent and not sent.

use std::io::Write;

use jiff::Timestamp;
use serde::Serialize;

use super::people::{self, complain, sentence};
use super::{Answer, Context, local_time};
use crate::clock;
use crate::config::Config;
use crate::store::{NoticeRecord, NoticeState, Store, UnknownNotice};

/// Subcommands of `notices`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List messages to travellers, oldest first.
    List(List),
    /// Try messages again that were given up.
    Retry(Retry),
}

/// Arguments of `notices list`.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Only those that were given up.
    #[arg(long, conflicts_with = "waiting")]
    failed: bool,
    /// Only those that are still to be sent.
    #[arg(long)]
    waiting: bool,
    /// Only those about this exemption.
    #[arg(long, value_name = "ID", value_parser = super::exemption::exemption_id)]
    exemption: Option<crate::policy::ExemptionId>,
}

/// Arguments of `notices retry`.
#[derive(Debug, clap::Args)]
pub(crate) struct Retry {
    /// The messages, by the id that `notices list --json` shows. None: all that were given up.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

/// Runs the command.
pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    let Some(loaded) = people::configuration(context)? else { return Ok(Answer::No) };
    context.block_on(async {
        let store = people::open_store(&loaded.config).await?;
        let answer = match command {
            Command::List(arguments) => list(context, &loaded.config, &store, arguments).await,
            Command::Retry(arguments) => retry(context, &store, arguments).await,
        };
        store.close().await;
        answer
    })?
}

#[derive(Debug, Serialize)]
struct Item<'a> {
    id: &'a str,
    exemption: &'a str,
    organization: &'a str,
    kind: &'static str,
    channel: &'static str,
    state: &'static str,
    created: Timestamp,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    ended: Option<Timestamp>,
    problem: Option<&'a str>,
}

impl<'a> Item<'a> {
    fn of(notice: &'a NoticeRecord) -> Self {
        Self {
            id: &notice.id,
            exemption: notice.exemption.as_str(),
            organization: notice.organization.as_str(),
            kind: notice.kind.word(),
            channel: notice.channel.word(),
            state: notice.state.word(),
            created: notice.created,
            attempts: notice.attempts,
            due: (notice.state == NoticeState::Waiting).then_some(notice.due),
            ended: notice.ended,
            problem: notice.problem.as_deref(),
        }
    }
}

async fn list(
    context: &Context,
    config: &Config,
    store: &Store,
    arguments: &List,
) -> anyhow::Result<Answer> {
    let state = if arguments.failed {
        Some(NoticeState::Failed)
    } else {
        arguments.waiting.then_some(NoticeState::Waiting)
    };
    let mut notices = store.notices(state).await?;
    if let Some(exemption) = &arguments.exemption {
        notices.retain(|notice| notice.exemption == *exemption);
    }
    if context.json {
        context.print_json(&notices.iter().map(Item::of).collect::<Vec<_>>())?;
        return Ok(Answer::Yes);
    }
    if notices.is_empty() {
        writeln!(context.messages(), "no notice of that kind")?;
        return Ok(Answer::Yes);
    }
    let mut out = context.out();
    for notice in &notices {
        let zone = local_time::zone(config, &notice.organization);
        let at = local_time::local(notice.ended.unwrap_or(notice.created), &zone);
        let why = notice.problem.as_deref().map(|why| format!("  {why}")).unwrap_or_default();
        let (kind, channel, state) =
            (notice.kind.word(), notice.channel.word(), notice.state.word());
        writeln!(
            out,
            "{:<9}  {kind:<18}  {channel:<4}  {state:<8}  {at}{why}",
            notice.exemption.as_str()
        )?;
    }
    Ok(Answer::Yes)
}

async fn retry(context: &Context, store: &Store, arguments: &Retry) -> anyhow::Result<Answer> {
    let ids = if arguments.ids.is_empty() {
        let failed = store.notices(Some(NoticeState::Failed)).await?;
        failed.into_iter().map(|notice| notice.id).collect()
    } else {
        arguments.ids.clone()
    };
    let mut problems = Vec::new();
    let mut done = Vec::new();
    for id in &ids {
        match store.retry_notice(id, clock::now()).await {
            Ok(()) => done.push(id),
            Err(UnknownNotice::Store(error)) => return Err(error.into()),
            Err(error) => problems.push(sentence(&error)),
        }
    }
    if context.json {
        context.print_json(&done)?;
    } else {
        writeln!(context.out(), "{} to be tried again", done.len())?;
    }
    if problems.is_empty() {
        return Ok(Answer::Yes);
    }
    complain(&mut context.messages(), &problems, "not everything is tried again")?;
    Ok(Answer::No)
}
