//! `geovagt audit`: search, tail, verify.
//!
//! All three read the segments directly and work with the gateway stopped or running.

mod review;
mod search;
mod show;
mod tail;
mod time;
mod verify;

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::{Answer, Context};
use crate::config::{Surroundings, examine, process_environment};

/// Subcommands of `audit`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Find entries, newest first.
    #[command(before_help = "Example: geovagt audit search --country CN --since 2h")]
    Search(Box<search::Arguments>),
    /// Review the log as planned: how it stands, the draw, what was found.
    #[command(before_help = "Example: geovagt audit review --organization ballerup begin")]
    Review(review::Arguments),
    /// Show the newest entries, and what is added to them.
    #[command(before_help = "Example: geovagt audit tail -n 20 --follow")]
    Tail(tail::Arguments),
    /// Prove that the log is whole, or say where it is not.
    #[command(before_help = "Example: geovagt audit verify")]
    Verify(verify::Arguments),
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
        Command::Review(arguments) => review::run(context, arguments),
        Command::Tail(arguments) => tail::run(context, arguments),
        Command::Verify(arguments) => verify::run(context, arguments),
    }
}

impl Where {
    /// The directory, which must be there: an empty answer for a mistyped one would mislead.
    fn find(&self, context: &Context) -> anyhow::Result<PathBuf> {
        let directory = match &self.directory {
            Some(directory) => directory.clone(),
            None => configured(context)?,
        };
        match directory.metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(directory),
            Ok(_) => bail!("{} is no directory; name the log's directory", directory.display()),
            Err(error) => Err(error).with_context(|| {
                let shown = directory.display();
                format!("there is no log in {shown} that can be read; has the gateway run, and may you read it?")
            }),
        }
    }
}

fn configured(context: &Context) -> anyhow::Result<PathBuf> {
    let environment = &process_environment;
    let now = crate::clock::now();
    let surroundings = Surroundings { environment, now, static_only: false };
    let examined = examine(&context.config_file, surroundings);
    let Some(config) = examined.config else {
        let file = context.config_file.display();
        bail!(
            "the configuration {file} cannot be used to find the log: `geovagt check` says why; or name the log with --directory"
        );
    };
    Ok(config.state_directory.join("audit"))
}
