//! `geovagt audit search`

use std::io::Write as _;
use std::ops::ControlFlow;

use super::show;
use super::wanted::Wanted;
use crate::cli::{Answer, Context};
use crate::clock;
use crate::log_index::Search;
use crate::store::ChangeAction;

/// Arguments of `audit search`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(in crate::cli) wanted: Wanted,
    /// At most this many.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(in crate::cli) limit: usize,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    context.block_on(search(context, arguments))?
}

async fn search(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let wanted = &arguments.wanted;
    let log = wanted.open(context).await?;
    let query = wanted.query(clock::now());
    wanted.tell(context, &log, &query, ChangeAction::LogSearched).await?;
    let index = log.store.as_ref().map(crate::store::Store::log);
    let search = Search::prepare(&log.directory, index, &query, wanted.allowed()).await?;
    if let Some(why) = search.without_index() {
        writeln!(context.messages(), "the files are read, which takes longer: {why}")?;
    }
    let (mut out, mut found) = (context.out(), 0_usize);
    let width = context.width();
    if arguments.limit > 0 {
        let each = |entry: crate::audit::search::FoundEntry| -> anyhow::Result<ControlFlow<()>> {
            found += 1;
            if context.json {
                writeln!(out, "{}", entry.line)?;
            } else {
                writeln!(out, "{}", show::one_line(&entry.event, width))?;
            }
            let enough = found == arguments.limit;
            Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        search.run(each).await?;
    }
    if let Some(store) = &log.store {
        store.close().await;
    }
    if found == 0 {
        writeln!(context.messages(), "nothing was found: no entry of the log fits")?;
    } else if found == arguments.limit && !context.json {
        let text = "these are the newest; --limit shows more";
        writeln!(context.messages(), "{found} entries shown, {text}")?;
    }
    Ok(Answer::Yes)
}
