//! `geovagt reload`: asks the running gateway to take its configuration anew.

use std::io::Write;

use anyhow::bail;

use super::{Answer, Context};
use crate::control::{self, ControlError, Reply};

/// Arguments of `reload`: none of its own.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

pub(crate) fn run(context: &Context, _arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(loaded) = super::people::configuration(context)? else {
        let text = "the configuration has errors; a running gateway keeps its old one".to_owned();
        if context.json {
            context.print_json(&Reply { ok: false, text: text.clone() })?;
        }
        writeln!(context.messages(), "geovagt: {text}")?;
        return Ok(Answer::No);
    };
    let reply = match control::ask(&loaded.config.state_directory, "reload") {
        Err(error @ ControlError::NotRunning(..)) => bail!(
            "{error}; where `state_directory` was changed in the file, restart the gateway instead: \
             the running one is asked through a socket in its old directory"
        ),
        asked => asked?,
    };
    if context.json {
        context.print_json(&reply)?;
    } else if reply.ok {
        writeln!(context.out(), "{}", reply.text.trim_end())?;
    }
    if !reply.ok {
        writeln!(
            context.messages(),
            "geovagt: the gateway keeps its old configuration: {}",
            reply.text.trim_end()
        )?;
    }
    Ok(if reply.ok { Answer::Yes } else { Answer::No })
}
