//! `geovagt audit`: search, export, report, tail, verify, and what takes something out of the log.
//!
//! What only reads looks into the segments, and the index where it is up with them, and works with
//! the gateway stopped or running; what changes the log is done by the running gateway, or by the
//! command where none runs.

mod evidence;
mod export;
mod order;
mod person;
mod reasons;
mod reidentify;
mod report;
mod review;
pub(super) mod search;
mod show;
mod tail;
mod time;
mod verify;
pub(super) mod wanted;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::{Answer, Context};
use crate::config::{Config, Surroundings, examine, process_environment};

/// Subcommands of `audit`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Find entries, newest first.
    #[command(before_help = "Example: geovagt audit search --country CN --since 2h")]
    Search(Box<search::Arguments>),
    /// Write entries into a file: a table for a spreadsheet, or JSON Lines.
    #[command(
        before_help = "Example: geovagt audit export --format csv --country CN --since 7d > china.csv"
    )]
    Export(Box<export::Arguments>),
    /// The committee's figures of a quarter, without persons.
    #[command(before_help = "Example: geovagt audit report --quarter 2026-Q3")]
    Report(report::Arguments),
    /// Review the log as planned: how it stands, the draw, what was found.
    #[command(before_help = "Example: geovagt audit review --organization ballerup begin")]
    Review(review::Arguments),
    /// Show the newest entries, and what is added to them.
    #[command(before_help = "Example: geovagt audit tail -n 20 --follow")]
    Tail(tail::Arguments),
    /// Prove that the log is whole, or say where it is not.
    #[command(before_help = "Example: geovagt audit verify")]
    Verify(Box<verify::Arguments>),
    /// Take a part of the log along as a signed archive that proves itself elsewhere.
    #[command(
        before_help = "Example: geovagt audit evidence --since 2026-11-20 --until 2026-11-21 --out evidence.tar"
    )]
    Evidence(Box<evidence::Arguments>),
    /// Show everything that is stored about one person, or delete what may be deleted.
    #[command(before_help = "Example: geovagt audit person ballerup anna.holm")]
    Person(person::Arguments),
    /// Put pseudonyms in the place of personal values, or take them out for good.
    #[command(
        before_help = "Example: geovagt audit pseudonymise --person anna.holm --remove --why erasure_request"
    )]
    Pseudonymise(Box<order::Pseudonymise>),
    /// What the reasons in the log mean, in Danish and English.
    #[command(before_help = "Example: geovagt audit reasons exemption_device_missing")]
    Reasons(reasons::Arguments),
    /// Two people together learn whom a pseudonym stands for.
    #[command(subcommand)]
    Reidentify(reidentify::Command),
    /// Print the public key that this gateway signs its log with.
    Key(order::Key),
    /// Show how long what is kept, and the proof of the last deletion.
    Retention(order::Retention),
}

/// Where the log lies.
#[derive(Debug, clap::Args)]
pub(crate) struct Where {
    /// The log's directory, instead of the one that the configuration names.
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    match command {
        Command::Search(arguments) => search::run(context, arguments),
        Command::Export(arguments) => export::run(context, arguments),
        Command::Report(arguments) => report::run(context, arguments),
        Command::Review(arguments) => review::run(context, arguments),
        Command::Tail(arguments) => tail::run(context, arguments),
        Command::Verify(arguments) => verify::run(context, arguments),
        Command::Evidence(arguments) => evidence::run(context, arguments),
        Command::Person(arguments) => person::run(context, arguments),
        Command::Pseudonymise(arguments) => order::pseudonymise(context, arguments),
        Command::Reasons(arguments) => reasons::run(context, arguments),
        Command::Reidentify(command) => reidentify::run(context, command),
        Command::Key(arguments) => order::key(context, arguments),
        Command::Retention(arguments) => order::retention(context, arguments),
    }
}

impl Where {
    /// The directory, which must be there: an empty answer for a mistyped one would mislead.
    fn find(&self, context: &Context) -> anyhow::Result<PathBuf> {
        match &self.directory {
            Some(directory) => readable(directory.clone()),
            None => self.find_in(&configuration(context)?),
        }
    }

    /// The same where the configuration is known.
    fn find_in(&self, config: &Config) -> anyhow::Result<PathBuf> {
        readable(self.directory.clone().unwrap_or_else(|| config.state_directory.join("audit")))
    }
}

fn readable(directory: PathBuf) -> anyhow::Result<PathBuf> {
    match directory.metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(directory),
            Ok(_) => bail!("{} is no directory; name the log's directory", directory.display()),
            Err(error) => Err(error).with_context(|| {
                let shown = directory.display();
                format!("there is no log in {shown} that can be read; has the gateway run, and may you read it?")
            }),
        }
}

/// The configuration as far as it is needed to find things.
fn configuration(context: &Context) -> anyhow::Result<Config> {
    let environment = &process_environment;
    let now = crate::clock::now();
    let surroundings = Surroundings { environment, now, static_only: false };
    let examined = examine(&context.config_file, surroundings);
    examined.config.with_context(|| {
        let file = context.config_file.display();
        format!(
            "the configuration {file} cannot be used to find the log: `geovagt check` says why; or name the log with --directory"
        )
    })
}
