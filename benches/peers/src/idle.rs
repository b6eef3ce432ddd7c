//! What a connection costs in memory that stands open and does nothing.

use anyhow::{Context as _, ensure};

use crate::contestants::Contestant::{self, Geovagt, Haproxy, Hyper, Nginx};
use crate::contestants::Surroundings;
use crate::load::Standing;
use crate::options::Options;
use crate::scenario::SCENARIOS;

/// As it is chosen with `--only`.
pub(crate) const NAME: &str = "idle";

/// KiB of memory for each connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Idle {
    pub(crate) contestant: Contestant,
    pub(crate) tls: bool,
    /// Each had one request before; otherwise none has sent a byte of HTTP.
    pub(crate) asked: bool,
    pub(crate) connections: usize,
    pub(crate) kib: f64,
}

/// Opens the connections at each contestant, freshly started each time.
pub(crate) async fn measure(options: &Options, around: &Surroundings) -> anyhow::Result<Vec<Idle>> {
    let mut all = Vec::new();
    for contestant in [Geovagt, Nginx, Haproxy, Hyper] {
        if options.without.contains(&contestant) {
            continue;
        }
        for (tls, asked) in [(false, false), (false, true), (true, false), (true, true)] {
            all.push(one(options, around, contestant, tls, asked).await?);
        }
    }
    Ok(all)
}

async fn one(
    options: &Options,
    around: &Surroundings,
    contestant: Contestant,
    tls: bool,
    asked: bool,
) -> anyhow::Result<Idle> {
    let name = if tls { "forward-tls" } else { "forward-http1" };
    let scenario =
        SCENARIOS.iter().find(|scenario| scenario.name == name).context("no scenario")?;
    let running = contestant.start(around)?;
    let work = scenario.work(contestant, &around.places, &around.directory, 1000)?;
    // What the first requests make grow for good is not the idle connections'.
    crate::load::run(&work).await.with_context(|| running.complaint())?;
    let before = running.program.memory()?;
    let count = options.connections;
    let mut standing = Standing::open(&work, count, asked)
        .await
        .with_context(|| running.complaint())
        .context("opening idle connections")?;
    let after = running.program.memory()?;
    let open = standing.still_open().await;
    ensure!(open == count, "{} closed {} idle connections", contestant.name(), count - open);
    let kib = (after - before).max(0.0) / count as f64;
    Ok(Idle { contestant, tls, asked, connections: count, kib })
}
