//! `geovagt geoip`

use super::{Answer, Context};

/// Subcommands of `geoip`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show.
    Show,
}

pub(crate) fn run(_context: &Context, _command: &Command) -> anyhow::Result<Answer> {
    anyhow::bail!("geoip is being built")
}
