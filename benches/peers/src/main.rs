//! geovagt beside nginx, HAProxy and bare floors. `benches/peers/run` builds and starts this.
//!
//! One program is everything that takes part besides the contestants from outside: the load, the
//! upstream, the floors, and the run itself, which starts the others.

mod contestants;
mod entrance;
mod flood;
mod floors;
mod growth;
mod idle;
mod load;
mod machine;
mod nanoseconds;
mod options;
mod people;
mod places;
mod process;
mod report;
mod results;
mod rounds;
mod run;
mod scenario;
mod selfcheck;
mod slowloris;
mod statistics;
mod upstream;
mod verdict;

use std::process::ExitCode;

use anyhow::{Context as _, bail};

/// Every "must" holds; one does not; something kept the run from its end.
const EXIT: [u8; 3] = [0, 1, 2];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [held, failed, broken] = EXIT;
    match start(&arguments) {
        Ok(true) => ExitCode::from(held),
        Ok(false) => ExitCode::from(failed),
        Err(error) => {
            eprintln!("peers: {error:#}");
            ExitCode::from(broken)
        }
    }
}

fn start(arguments: &[String]) -> anyhow::Result<bool> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (command, rest) = arguments.split_first().context("start benches/peers/run")?;
    match (command.as_str(), rest) {
        ("floor", [name, settings @ ..]) => {
            floors::serve(name, &floors::Settings::read(settings)?)?;
            Ok(true)
        }
        ("upstream", [address]) => {
            one_thread()?.block_on(upstream::serve(address.parse()?))?;
            Ok(true)
        }
        ("flood", [kind, address, directory, seconds]) => {
            let known = load::Kind::ALL.into_iter().find(|known| known.name() == kind);
            let kind = known.context("there is no such flood")?;
            let flood = load::flood(kind, address.parse()?, directory.as_ref(), seconds.parse()?);
            println!("{}", one_thread()?.block_on(flood)?);
            Ok(true)
        }
        ("measure", options) => {
            let options = options::Options::read(options)?;
            one_thread()?.block_on(async {
                tokio::select! {
                    held = run::run(&options) => held,
                    interrupted = interrupted() => interrupted,
                }
            })
        }
        _ => bail!("start benches/peers/run"),
    }
}

fn one_thread() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// The run is the first process of its namespace: its end is the end of all others.
async fn interrupted() -> anyhow::Result<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    bail!("interrupted")
}
