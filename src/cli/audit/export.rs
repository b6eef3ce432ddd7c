//! `geovagt audit export`

use std::io::Write as _;
use std::ops::ControlFlow;

use super::wanted::Wanted;
use crate::cli::{Answer, Context, people};
use crate::clock;
use crate::log_index::{Export, Format, Head, Search};
use crate::store::{ChangeAction, Store};

/// Arguments of `audit export`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A table for a spreadsheet, or one entry a line as JSON.
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Written,
    #[command(flatten)]
    wanted: Wanted,
    /// At most this many; without: all.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Written {
    Csv,
    Jsonl,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    context.block_on(export(context, arguments))?
}

async fn export(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let wanted = &arguments.wanted;
    let log = wanted.open(context).await?;
    let now = clock::now();
    let query = wanted.query(now);
    wanted.tell(context, &log, &query, ChangeAction::LogExported).await?;
    let index = log.store.as_ref().map(Store::log);
    let search = Search::prepare(&log.directory, index, &query, wanted.allowed()).await?;
    if let Some(why) = search.without_index() {
        writeln!(context.messages(), "the files are read, which takes longer: {why}")?;
    }
    let by = people::actor(None).map_err(anyhow::Error::msg)?.name;
    let head = Head { made: now, by, search: wanted.in_words(&query, true) };
    let format = match arguments.format {
        Written::Csv => Format::Csv,
        Written::Jsonl => Format::JsonLines,
    };
    let mut export = Export::begin(context.out(), format, &head)?;
    let (limit, mut found) = (arguments.limit.unwrap_or(usize::MAX), 0_usize);
    if limit > 0 {
        let each = |entry: crate::audit::search::FoundEntry| -> anyhow::Result<ControlFlow<()>> {
            found += 1;
            export.write(&entry)?;
            Ok(if found == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        };
        search.run(each).await?;
    }
    export.finish()?;
    if let Some(store) = &log.store {
        store.close().await;
    }
    writeln!(context.messages(), "{found} entries exported")?;
    Ok(Answer::Yes)
}
