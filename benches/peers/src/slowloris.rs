//! Clients that never end their request's head, and what the others notice of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;

use crate::contestants::Contestant::{self, Geovagt, Haproxy, Hyper, Nginx};
use crate::contestants::Surroundings;
use crate::entrance::Entrance;
use crate::load::{Connection, Shed, Slow, Target, request};
use crate::options::Options;
use crate::statistics::quantile;

/// As it is chosen with `--only`.
pub(crate) const NAME: &str = "slow-clients";
/// How many there are.
pub(crate) const COUNT: usize = 500;
/// How long they go on; ten seconds are the limit that is asked for.
const PATIENCE: Duration = Duration::from_secs(15);
/// Others, who ask now and then.
const OTHERS: usize = 16;
const PAUSE: Duration = Duration::from_millis(5);

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
    let quiet = Others::start(&target, around);
    tokio::time::sleep(PATIENCE / 5).await;
    let alone = quiet.end().await?;
    let before = running.program.memory()?;
    let others = Others::start(&target, around);
    let slow = Slow::start(&target, COUNT, PATIENCE);
    tokio::time::sleep(PATIENCE / 3).await;
    let meanwhile = running.program.memory()?;
    let shed = slow.end().await;
    let attacked = others.end().await?;
    let memory = [before, meanwhile, running.program.memory()?];
    Ok(Attack { contestant, shed, memory, p99: [alone, attacked] })
}

/// Clients as they should be.
struct Others {
    clients: JoinSet<anyhow::Result<Vec<f64>>>,
    stop: Arc<AtomicBool>,
}

impl Others {
    fn start(target: &Target, around: &Surroundings) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 0..OTHERS {
            let (target, stop) = (target.clone(), Arc::clone(&stop));
            let place = around.places.allowed.get(number).cloned().unwrap_or_default();
            clients.spawn(async move {
                let request = request("/", &place);
                let mut connection = Connection::new(target.connect(number).await?);
                let mut milliseconds = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    let answer = connection.ask(&request, false).await?;
                    milliseconds.push(begun.elapsed().as_secs_f64() * 1000.0);
                    anyhow::ensure!(answer.status == 200, "{answer:?} for one of the others");
                    tokio::time::sleep(PAUSE).await;
                }
                Ok(milliseconds)
            });
        }
        Self { clients, stop }
    }

    /// The 99th percentile of what they waited.
    async fn end(mut self) -> anyhow::Result<f64> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(done) = self.clients.join_next().await {
            all.extend(done??);
        }
        all.sort_by(f64::total_cmp);
        quantile(&all, 0.99).context("the others asked nothing")
    }
}
