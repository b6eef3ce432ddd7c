//! `geovagt audit`

use super::{Answer, Context};

/// Subcommands of `audit`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show.
    Show,
}

pub(crate) fn run(_context: &Context, _command: &Command) -> anyhow::Result<Answer> {
    anyhow::bail!("audit is being built")
}
