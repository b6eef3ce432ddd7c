//! `geovagt serve`: runs the gateway until it is told to stop, on one work-stealing runtime
//! (`benches/runtime.rs` says why), or on one thread where there is one core.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

use super::{Answer, Context};
use crate::listen::Inherited;
use crate::service_manager::ServiceManager;
use crate::{app, telemetry};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(before_help = "Example: geovagt --config /etc/geovagt/gateway.yaml serve")]
pub(crate) struct Arguments {
    /// Worker threads; without it the configuration's `threads`, else the cores it may use.
    #[arg(long, env = "GEOVAGT_THREADS", value_name = "N")]
    threads: Option<std::num::NonZeroUsize>,
    /// Take the place of the gateway that runs with the same state directory, without losing a
    /// connection; where none runs, just start.
    #[arg(long)]
    take_over: bool,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<Answer> {
    let Some(loaded) = super::people::configuration(context)? else {
        return Ok(Answer::No);
    };
    whose(&loaded.config.state_directory)?;
    telemetry::start_log()?;
    app::open_files::raise();
    let metrics = telemetry::start_metrics()?;
    let surroundings = app::Surroundings {
        metrics: Some(metrics),
        inherited: Inherited::from_service_manager().context(
            "the sockets that the service manager passes cannot be used; look at its socket unit",
        )?,
        manager: ServiceManager::of_this_process(),
        take_over: arguments.take_over,
    };
    let threads = arguments.threads.map(std::num::NonZeroUsize::get).or(loaded.config.threads);
    let runtime = runtime(threads).context("cannot start the runtime")?;
    runtime.block_on(async {
        let running = app::start_with(loaded, surroundings).await?;
        running.until_stopped().await;
        anyhow::Ok(())
    })?;
    Ok(Answer::Yes)
}

/// What root writes into somebody else's state directory its owner cannot read again: the gateway
/// would not start any more as the user that it belongs to.
fn whose(state_directory: &Path) -> anyhow::Result<()> {
    // Where it is not there yet it will be this user's.
    let Ok(found) = std::fs::metadata(state_directory) else { return Ok(()) };
    let (owner, user) = (found.uid(), rustix::process::geteuid());
    anyhow::ensure!(
        !user.is_root() || owner == user.as_raw(),
        "the state directory {} belongs to the user with the number {owner}; run this as that user, or a gateway of theirs cannot read its own log again",
        state_directory.display()
    );
    Ok(())
}

/// So many threads, or as many as there are cores. One alone has nobody to share its work with.
fn runtime(threads: Option<usize>) -> std::io::Result<Runtime> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = match threads.unwrap_or_else(cores) {
        1 => Builder::new_current_thread(),
        several => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(several);
            builder
        }
    };
    builder.enable_all().thread_name("geovagt").build()
}
