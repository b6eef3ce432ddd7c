//! `geovagt user`

use super::{Answer, Context};

/// Subcommands of `user`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show.
    Show,
}

pub(crate) fn run(_context: &Context, _command: &Command) -> anyhow::Result<Answer> {
    anyhow::bail!("user is being built")
}
