//! `geovagt explain`

use super::{Answer, Context};

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> anyhow::Result<Answer> {
    anyhow::bail!("explain is being built")
}
