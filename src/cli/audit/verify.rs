//! `geovagt audit verify`: a log, a copy of one, or an evidence archive.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::Where;
use crate::audit::evidence::accept;
use crate::audit::sign::{PublicKey, Signed};
use crate::audit::terminal_safe;
use crate::audit::verify::{
    ChainReport, DeletionReport, Expected, OrderReport, Report, verify_against,
};
use crate::cli::{Answer, Context};

/// Arguments of `audit verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The log's directory, or a copy of it, or an archive of `audit evidence`; without: the log that
    /// the configuration names.
    #[arg(value_name = "DIR|FILE", conflicts_with = "directory")]
    log: Option<PathBuf>,
    /// The public key that must have signed it (`geovagt audit key`), or a file that holds it.
    #[arg(long, value_name = "KEY", value_parser = key)]
    key: Option<PublicKey>,
    /// Heads that were kept elsewhere (`audit.anchors`), one in a line, also as syslog wrote them;
    /// can stand several times.
    #[arg(long, value_name = "FILE")]
    anchors: Vec<PathBuf>,
    #[command(flatten)]
    place: Where,
}

fn key(text: &str) -> Result<PublicKey, String> {
    let of_file = || PublicKey::parse(std::fs::read_to_string(text).ok()?.trim());
    PublicKey::parse(text).or_else(of_file).ok_or_else(|| {
        "a key is written ed25519: and 64 digits, as `geovagt audit key` prints it; or name a file with it".to_owned()
    })
}

pub(super) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    if let Some(file) = arguments.log.as_deref().filter(|log| log.is_file()) {
        return archive(context, file, arguments.key);
    }
    let directory = match &arguments.log {
        Some(directory) => Where { directory: Some(directory.clone()) }.find(context)?,
        None => arguments.place.find(context)?,
    };
    let mut anchors = Vec::new();
    for file in &arguments.anchors {
        anchors.extend(read_anchors(file)?);
    }
    let report = verify_against(&directory, &Expected { key: arguments.key, anchors })?;
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

/// An archive proves nothing without the key of whoever is said to have made it.
fn archive(context: &Context, file: &Path, key: Option<PublicKey>) -> anyhow::Result<Answer> {
    let shown = file.display();
    let Some(key) = key else {
        anyhow::bail!(
            "say with --key whose archive {shown} must be; its maker prints the key with `geovagt audit key`"
        );
    };
    let content = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
    match accept(&content, key) {
        Ok(accepted) if context.json => context.print_json(&accepted)?,
        Ok(accepted) => {
            let (entries, segments, made) = (accepted.entries, accepted.segments, accepted.made);
            writeln!(
                context.out(),
                "accepted: {entries} entries of {segments} segments, each proven; made {made}; signed by {}",
                accepted.key
            )?;
        }
        Err(refused) => {
            writeln!(context.messages(), "geovagt: {shown} is refused: {refused}")?;
            return Ok(Answer::No);
        }
    }
    Ok(Answer::Yes)
}

/// Takes the JSON out of each line, whatever stands before and behind it.
fn read_anchors(file: &Path) -> anyhow::Result<Vec<Signed>> {
    let shown = file.display();
    let text = std::fs::read(file).with_context(|| format!("{shown} cannot be read"))?;
    let text = String::from_utf8_lossy(&text);
    let mut anchors = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || !line.contains("\"signature\"") {
            continue;
        }
        let json = line.find("{\"format\"").zip(line.rfind('}'));
        let json = json.and_then(|(from, to)| line.get(from..=to)).unwrap_or_default();
        let anchor = Signed::parse(json.as_bytes());
        anchors.push(anchor.with_context(|| {
            format!("{shown}:{}: this is no head that a gateway has signed", number + 1)
        })?);
    }
    if anchors.is_empty() {
        anyhow::bail!("{shown} holds no anchored heads; is it the right file?");
    }
    Ok(anchors)
}

fn print(context: &Context, report: &Report) -> anyhow::Result<()> {
    let mut out = context.out();
    for chain in &report.chains {
        writeln!(out, "{}", summary(chain, report))?;
        if chain.deletion.is_some() {
            writeln!(out, "         {}", shown_deletion(chain.deletion.as_ref()))?;
        }
    }
    for order in &report.orders {
        writeln!(out, "{}", terminal_safe(&shown_order(order)))?;
    }
    for key in &report.keys {
        writeln!(out, "signed by {key}")?;
    }
    if report.anchors > 0 {
        writeln!(out, "held against {} anchored heads", report.anchors)?;
    }
    for note in &report.notes {
        writeln!(out, "note: {}", terminal_safe(note))?;
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
    let signed = match &chain.signed {
        Some(signed) => format!("signed up to {}", signed.sequence),
        None => "not signed".to_owned(),
    };
    format!(
        "{:<8} {state:<6}  entries: {}{sequences}; segments: {}; not yet flushed: {}; pseudonymised: {}; {signed}",
        chain.chain, chain.entries, chain.segments, chain.unflushed, chain.pseudonymised
    )
}

fn shown_order(order: &OrderReport) -> String {
    let by = order.by.as_deref().unwrap_or("the configuration");
    let case = order.case.as_deref().map(|case| format!(", case {case}")).unwrap_or_default();
    format!(
        "order    {} {} of {} entries in {} segments by {by}, {}{case} ({})",
        order.at.strftime("%Y-%m-%d %H:%MZ"),
        order.action,
        order.entries,
        order.segments,
        order.reason,
        order.order
    )
}

/// The proof of the last deletion on one line.
pub(super) fn shown_deletion(deletion: Option<&DeletionReport>) -> String {
    let Some(deletion) = deletion else { return "nothing was deleted yet".to_owned() };
    let day = |at: Option<jiff::Timestamp>| {
        at.map_or("?".to_owned(), |at| at.strftime("%Y-%m-%d %H:%MZ").to_string())
    };
    let entries = deletion.entries.map_or("?".to_owned(), |entries| entries.to_string());
    let signed = if deletion.end_is_signed { "signed end" } else { "end" };
    format!(
        "deleted {}: {entries} entries of {} segments, {} to {}, through segment {}, {signed} {}",
        deletion.at.strftime("%Y-%m-%d %H:%MZ"),
        deletion.segments,
        day(deletion.from),
        day(deletion.until),
        deletion.through_segment,
        deletion.final_hash
    )
}
