//! A scenario's rounds: every contestant in turn, the first one another each time.

use anyhow::Context as _;

use crate::contestants::{Contestant, Running};
use crate::load::{self, Work};
use crate::machine::{Machine, TOLERATED};
use crate::process::Program;
use crate::statistics::quantile;

/// How large rounds are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rounds: usize,
    /// CPU milliseconds that a contestant should spend in a round: a tick is 10.
    pub(crate) cpu: f64,
    /// How often a round is tried until nobody else uses the machine.
    pub(crate) tries: usize,
}

/// One contestant's figures of one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Figures {
    /// CPU milliseconds for 1,000 requests.
    pub(crate) cpu: f64,
    /// Milliseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The share of the machine that others took meanwhile.
    pub(crate) others: f64,
}

impl Figures {
    pub(crate) fn quiet(&self) -> bool {
        self.others <= TOLERATED
    }
}

/// All rounds of one contestant.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) contestant: Contestant,
    pub(crate) rounds: Vec<Figures>,
    /// Rounds that were done again because others used the machine.
    pub(crate) thrown_away: usize,
    /// Memory in KiB when the last round was over.
    pub(crate) memory: f64,
}

impl Series {
    /// Rounds that are counted although others used the machine.
    pub(crate) fn noisy(&self) -> usize {
        self.rounds.iter().filter(|round| !round.quiet()).count()
    }
}

/// Requests of the warm-up, by which the rounds are sized.
const WARM_UP: usize = 640;

/// Measures; `work` gives the load on a contestant with so many requests.
pub(crate) async fn measure(
    machine: Machine,
    size: Size,
    contestants: &[Running],
    work: impl Fn(Contestant, usize) -> anyhow::Result<Work>,
) -> anyhow::Result<Vec<Series>> {
    let mut sized = Vec::new();
    for running in contestants {
        let requests = warm_up(running, size, &work).await?;
        sized.push(work(running.contestant, requests)?);
    }
    let mut all: Vec<Series> = contestants
        .iter()
        .map(|running| Series {
            contestant: running.contestant,
            rounds: Vec::new(),
            thrown_away: 0,
            memory: 0.0,
        })
        .collect();
    for round in 0..size.rounds {
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            let (Some(running), Some(work), Some(series)) =
                (contestants.get(index), sized.get(index), all.get_mut(index))
            else {
                continue;
            };
            let mut tries = Vec::new();
            while tries.len() < size.tries && !tries.iter().any(Figures::quiet) {
                let figures = one(machine, &running.program, work).await;
                tries.push(figures.with_context(|| running.complaint())?);
            }
            series.thrown_away += tries.len() - 1;
            series.rounds.extend(tries.into_iter().min_by(|a, b| a.others.total_cmp(&b.others)));
        }
    }
    for (running, series) in contestants.iter().zip(&mut all) {
        series.memory = running.program.memory()?;
    }
    Ok(all)
}

/// Asks a little, and gives the number of requests that take as much CPU as a round should.
async fn warm_up(
    running: &Running,
    size: Size,
    work: &impl Fn(Contestant, usize) -> anyhow::Result<Work>,
) -> anyhow::Result<usize> {
    let mut requests = WARM_UP;
    loop {
        let work = work(running.contestant, requests)?;
        let before = running.program.cpu()?;
        load::run(&work).await.with_context(|| running.complaint()).context("warming up")?;
        let spent = running.program.cpu()? - before;
        if spent >= size.cpu / 5.0 || requests > 1_000_000 {
            let wanted = requests as f64 * size.cpu / spent.max(1.0);
            return Ok(wanted as usize);
        }
        requests *= 2;
    }
}

/// One round on one contestant.
async fn one(machine: Machine, program: &Program, work: &Work) -> anyhow::Result<Figures> {
    let moment = machine.now();
    let before = program.cpu()?;
    let latencies = load::run(work).await?;
    let spent = program.cpu()? - before;
    let others = machine.others_since(moment);
    let mut milliseconds: Vec<f64> = latencies.iter().map(|&us| f64::from(us) / 1000.0).collect();
    milliseconds.sort_by(f64::total_cmp);
    let at = |share| quantile(&milliseconds, share).context("nothing was asked");
    Ok(Figures {
        cpu: spent * 1000.0 / latencies.len() as f64,
        p50: at(0.5)?,
        p99: at(0.99)?,
        others,
    })
}
