//! `geovagt demo`

use super::{Answer, Context};

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> anyhow::Result<Answer> {
    anyhow::bail!("demo is being built")
}
