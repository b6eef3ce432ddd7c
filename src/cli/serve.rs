//! `geovagt serve`

use super::{Answer, Context};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(_context: &Context, _arguments: &Arguments) -> anyhow::Result<Answer> {
    anyhow::bail!("serve is being built")
}
