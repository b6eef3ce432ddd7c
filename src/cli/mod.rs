//! The command line: one file a subcommand.
//!
//! Results go to standard output, messages to standard error. Exit 0: done and well; 1: the answer
//! is no or something failed; 2: usage.

mod audit;
mod check;
mod demo;
mod exemption;
mod explain;
mod geoip;
mod health;
mod lists;
mod local_time;
mod manual;
mod notices;
mod people;
mod reload;
mod remote;
mod replay;
mod serve;
mod token;
mod user;

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

/// A geo-blocking authentication gateway for municipalities.
#[derive(Debug, Parser)]
#[command(
    name = "geovagt",
    version,
    before_help = "Example: geovagt --config /etc/geovagt/gateway.yaml check"
)]
struct Arguments {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        env = "GEOVAGT_CONFIG",
        default_value = "/etc/geovagt/gateway.yaml",
        value_name = "FILE"
    )]
    config: PathBuf,
    /// Print the result as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    remote: remote::Elsewhere,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway.
    Serve(serve::Arguments),
    /// Run everything on this machine with nothing installed, to look at it.
    Demo(demo::Arguments),
    /// Check configuration, lists, database, certificates and store; say everything that is wrong.
    Check(check::Arguments),
    /// Show the decision for an address, and each step that led to it.
    Explain(explain::Arguments),
    /// Country lists: show, import, compare, export.
    #[command(subcommand)]
    Lists(lists::Command),
    /// Travel exemptions: apply, approve, refuse, grant, emergency, revoke, close, list, show.
    #[command(subcommand)]
    Exemption(exemption::Command),
    /// The mail to travellers: list, retry.
    #[command(subcommand)]
    Notices(notices::Command),
    /// Local accounts.
    #[command(subcommand)]
    User(user::Command),
    /// Tokens for programs that use the administration's API.
    #[command(subcommand)]
    Token(token::Command),
    /// The log: search, export, report, tail, verify.
    #[command(subcommand)]
    Audit(audit::Command),
    /// The GeoIP database: info, lookup, update.
    #[command(subcommand)]
    Geoip(geoip::Command),
    /// Decide recorded entries again with today's policy and print those that differ.
    Replay(replay::Arguments),
    /// Ask the running gateway to take its configuration anew.
    Reload(reload::Arguments),
    /// Ask the running gateway whether it is ready: exit 0 if it is.
    Health(health::Arguments),
    /// Print the completions for a shell.
    Completions(manual::CompletionsArguments),
    /// Print the manual page, or write the pages of all commands.
    Man(manual::ManArguments),
}

/// What a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Done and well: exit 0.
    Yes,
    /// The answer is no; the command has said why: exit 1.
    No,
}

/// What every command is given.
#[derive(Debug)]
pub(crate) struct Context {
    /// `--config`
    pub(crate) config_file: PathBuf,
    /// `--json`
    pub(crate) json: bool,
}

impl Context {
    /// Where results go.
    #[expect(clippy::unused_self, reason = "commands ask their context, so that a test can differ")]
    pub(crate) fn out(&self) -> impl Write + use<> {
        anstream::stdout()
    }

    /// Where messages go.
    #[expect(clippy::unused_self, reason = "commands ask their context, so that a test can differ")]
    pub(crate) fn messages(&self) -> impl Write + use<> {
        anstream::stderr()
    }

    /// How many characters a line of the terminal has that results go to. None: they go elsewhere, or
    /// it does not say.
    #[expect(clippy::unused_self, reason = "commands ask their context, so that a test can differ")]
    pub(crate) fn width(&self) -> Option<usize> {
        let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
        Some(usize::from(size.ws_col)).filter(|&width| width > 0)
    }

    /// Prints a result as JSON, indented, with a newline.
    pub(crate) fn print_json(&self, value: &impl serde::Serialize) -> anyhow::Result<()> {
        let mut out = self.out();
        serde_json::to_writer_pretty(&mut out, value)?;
        writeln!(out)?;
        Ok(())
    }

    /// Runs a future to its end, for commands that need the store.
    pub(crate) fn block_on<F: Future>(&self, future: F) -> anyhow::Result<F::Output> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        Ok(runtime.block_on(future))
    }
}

/// Reads the arguments, runs the command and gives the exit code.
#[must_use]
pub fn main() -> ExitCode {
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        let _ = writeln!(anstream::stderr(), "geovagt: another TLS provider is already installed");
        return ExitCode::from(1);
    }
    let arguments = Arguments::parse();
    let context = Context { config_file: arguments.config, json: arguments.json };
    let answer = match &arguments.remote.server {
        Some(url) => remote::run(&context, &arguments.remote, url, &arguments.command),
        None => run(&context, arguments.command),
    };
    match answer {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "geovagt: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn run(context: &Context, command: Command) -> anyhow::Result<Answer> {
    match command {
        Command::Serve(arguments) => serve::run(context, &arguments),
        Command::Demo(arguments) => demo::run(context, &arguments),
        Command::Check(arguments) => check::run(context, &arguments),
        Command::Explain(arguments) => explain::run(context, &arguments),
        Command::Lists(command) => lists::run(context, &command),
        Command::Exemption(command) => exemption::run(context, &command),
        Command::Notices(command) => notices::run(context, &command),
        Command::User(command) => user::run(context, &command),
        Command::Token(command) => token::run(context, &command),
        Command::Audit(command) => audit::run(context, &command),
        Command::Geoip(command) => geoip::run(context, &command),
        Command::Replay(arguments) => replay::run(context, &arguments),
        Command::Reload(arguments) => reload::run(context, &arguments),
        Command::Health(arguments) => health::run(context, &arguments),
        Command::Completions(arguments) => manual::completions(context, &arguments),
        Command::Man(arguments) => manual::man(context, &arguments),
    }
}

/// `geovagt … | head` ends the pipe early; that is no failure.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_kind = |cause: &(dyn std::error::Error + 'static)| {
        let io = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
        io.or_else(|| cause.downcast_ref::<serde_json::Error>()?.io_error_kind())
    };
    error.chain().any(|cause| io_kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}
