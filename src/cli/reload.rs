//! `geovagt reload`

use super::{Answer, Context};

/// Arguments of `reload`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> anyhow::Result<Answer> {
    anyhow::bail!("reload is being built")
}
