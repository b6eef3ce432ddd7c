//! Clients that never end their request's head, and what the others notice of them.

use std::time::Duration;

use anyhow::Context as _;

use crate::contestants::Contestant::{self, Geovagt, Haproxy, Hyper, Nginx};
use crate::contestants::Surroundings;
use crate::entrance::Entrance;
use crate::load::{Shed, Slow, Target};
use crate::options::Options;
use crate::people::People;
use crate::statistics::quantile;

/// As it is chosen with `--only`.
pub(crate) const NAME: &str = "slow-clients";
/// How many there are.
pub(crate) const COUNT: usize = 500;
/// How long they go on; ten seconds are the limit that is asked for.
const PATIENCE: Duration = Duration::from_secs(15);

/// One attack on one contestant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attack {
    pub(crate) contestant: Contestant,
    pub(crate) shed: Shed,
    /// KiB: before, in the middle, afterwards.
    pub(crate) memory: [f64; 3],
    /// Milliseconds, of the others, before and meanwhile.
    pub(crate) p99: [f64; 2],
}

/// Attacks every contestant in turn, so many times.
pub(crate) async fn measure(
    options: &Options,
    around: &Surroundings,
) -> anyhow::Result<Vec<Attack>> {
    let mut all = Vec::new();
    for _ in 0..options.attacks {
        for contestant in [Geovagt, Nginx, Haproxy, Hyper] {
            if !options.without.contains(&contestant) {
                let attack = one(around, contestant).await;
                all.push(attack.with_context(|| format!("attacking {}", contestant.name()))?);
            }
        }
    }
    Ok(all)
}

async fn one(around: &Surroundings, contestant: Contestant) -> anyhow::Result<Attack> {
    let running = contestant.start(around)?;
    let address = contestant.address(Entrance::Forward);
    let target = Target { address, tls: None, sources: [].into() };
    let quiet = People::start(&target, around);
    tokio::time::sleep(PATIENCE / 5).await;
    let alone = p99(quiet).await?;
    let before = running.program.memory()?;
    let others = People::start(&target, around);
    let slow = Slow::start(&target, COUNT, PATIENCE);
    tokio::time::sleep(PATIENCE / 3).await;
    let meanwhile = running.program.memory()?;
    let shed = slow.end().await;
    let attacked = p99(others).await?;
    let memory = [before, meanwhile, running.program.memory()?];
    Ok(Attack { contestant, shed, memory, p99: [alone, attacked] })
}

/// The 99th percentile of what the others waited.
async fn p99(others: People) -> anyhow::Result<f64> {
    quantile(&others.end().await?, 0.99).context("the others asked nothing")
}
