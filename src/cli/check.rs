//! `geovagt check`

use super::{Answer, Context};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> anyhow::Result<Answer> {
    anyhow::bail!("check is being built")
}
