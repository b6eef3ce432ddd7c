//! `geovagt audit verify`

use std::io::Write as _;
use std::path::PathBuf;

use super::Where;
use crate::audit::terminal_safe;
use crate::audit::verify::{ChainReport, Report, verify};
use crate::cli::{Answer, Context};

/// Arguments of `audit verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The log's directory, or a copy of it; without: the one that the configuration names.
    #[arg(value_name = "DIR", conflicts_with = "directory")]
    log: Option<PathBuf>,
    #[command(flatten)]
    place: Where,
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let directory = match &arguments.log {
        Some(directory) => Where { directory: Some(directory.clone()) }.find(context)?,
        None => arguments.place.find(context)?,
    };
    let report = verify(&directory)?;
    if context.json {
        writeln!(context.out(), "{}", serde_json::to_string(&report)?)?;
    } else {
        print(context, &report)?;
    }
    if report.is_whole() {
        return Ok(Answer::Yes);
    }
    writeln!(
        context.messages(),
        "geovagt: the log in {} is not whole ({} found): keep a copy of it as it is, and hold it against your backup",
        directory.display(),
        report.found,
    )?;
    Ok(Answer::No)
}

fn print(context: &Context, report: &Report) -> anyhow::Result<()> {
    let mut out = context.out();
    for chain in &report.chains {
        writeln!(out, "{}", summary(chain, report))?;
    }
    for finding in &report.findings {
        writeln!(out, "{}", terminal_safe(&finding.to_string()))?;
    }
    let more = report.found.saturating_sub(report.findings.len() as u64);
    if more > 0 {
        writeln!(out, "and {more} more")?;
    }
    Ok(())
}

fn summary(chain: &ChainReport, report: &Report) -> String {
    let broken = report.findings.iter().any(|finding| finding.chain == chain.chain);
    let state = if broken { "BROKEN" } else { "whole" };
    let sequences =
        chain.sequences.map_or(String::new(), |(first, last)| format!(", {first} to {last}"));
    format!(
        "{:<8} {state:<6}  entries: {}{sequences}; segments: {}; not yet flushed: {}; pseudonymised: {}",
        chain.chain, chain.entries, chain.segments, chain.unflushed, chain.pseudonymised
    )
}
