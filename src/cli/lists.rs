//! `geovagt lists`: what stands on the lists, and how others' settings differ from them.

mod chosen;
pub(in crate::cli) use chosen::read_time;
mod compare;
mod export;
mod import;
mod show;
mod table;

use super::{Answer, Context};

/// Subcommands of `lists`.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the version in force, its territories, and what comes next.
    #[command(before_help = "Example: geovagt lists show cfcs --at 2025-05-12")]
    Show(show::Arguments),
    /// Read a pasted list of Danish, English or ISO names; print a version ready to paste.
    #[command(before_help = "Example: geovagt lists import minutes.txt --version 2027-01")]
    Import(import::Arguments),
    /// Hold another list, an earlier version or an Entra named location against a list.
    #[command(before_help = "Example: geovagt lists compare entra.json")]
    Compare(compare::Arguments),
    /// Write the list as others read it.
    #[command(before_help = "Example: geovagt lists export --format entra > location.json")]
    Export(export::Arguments),
}

pub(crate) fn run(context: &Context, command: &Command) -> anyhow::Result<Answer> {
    match command {
        Command::Show(arguments) => show::run(context, arguments),
        Command::Import(arguments) => import::run(context, arguments),
        Command::Compare(arguments) => compare::run(context, arguments),
        Command::Export(arguments) => export::run(context, arguments),
    }
}
