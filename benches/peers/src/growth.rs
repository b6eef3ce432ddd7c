//! A gateway whose installation has grown beside one that has not: a request costs the same.

use anyhow::Context as _;

use crate::contestants::Contestant::{self, Geovagt, GeovagtGrown};
use crate::contestants::{Grown, Surroundings};
use crate::load::{self, Standing};
use crate::machine::Machine;
use crate::options::Options;
use crate::rounds::{self, Series};
use crate::scenario::{SCENARIOS, Scenario};
use crate::statistics::Spread;

/// As it is chosen with `--only`.
pub(crate) const NAME: &str = "growth";

/// One way of growing.
pub(crate) struct Growth {
    pub(crate) what: String,
    pub(crate) small: Series,
    pub(crate) grown: Series,
}

impl Growth {
    /// CPU for a request, grown over small, round by round.
    pub(crate) fn ratio(&self) -> Option<Spread> {
        let rounds = self.small.rounds.iter().zip(&self.grown.rounds);
        Spread::of(rounds.map(|(small, grown)| grown.cpu / small.cpu))
    }

    pub(crate) fn noisy(&self) -> bool {
        self.small.noisy() + self.grown.noisy() > 0
    }
}

/// What is different about the grown one once it runs.
enum Afterwards {
    Nothing,
    Idle(usize),
    LogEntries(usize),
}

/// Measures all ways of growing.
pub(crate) async fn measure(
    options: &Options,
    around: &Surroundings,
    machine: Machine,
) -> anyhow::Result<Vec<Growth>> {
    let (exemptions, idle, entries) =
        (options.exemptions, options.connections, options.log_entries);
    let one = Grown { exemptions: 1, ..Grown::default() };
    let many = Grown { exemptions, ..Grown::default() };
    let sites = Grown { sites: 1000, ..Grown::default() };
    let as_is = Grown::default();
    let ways = [
        (
            format!("1 to {exemptions} exemptions, rejecting"),
            "reject",
            one,
            many,
            Afterwards::Nothing,
        ),
        ("1 to 1000 sites".to_owned(), "forward-http1", as_is, sites, Afterwards::Nothing),
        (
            format!("0 to {idle} idle connections"),
            "forward-http1",
            as_is,
            as_is,
            Afterwards::Idle(idle),
        ),
        (
            format!("0 to {entries} log entries"),
            "forward-http1",
            as_is,
            as_is,
            Afterwards::LogEntries(entries),
        ),
    ];
    let mut all = Vec::new();
    for (what, scenario, small, grown, afterwards) in ways {
        let context = format!("growing from {what}");
        let pair = [(Geovagt, small), (GeovagtGrown, grown)];
        let growth = way(options, around, machine, (what, scenario), pair, afterwards).await;
        all.push(growth.context(context)?);
    }
    Ok(all)
}

async fn way(
    options: &Options,
    around: &Surroundings,
    machine: Machine,
    (what, scenario): (String, &str),
    pair: [(Contestant, Grown); 2],
    afterwards: Afterwards,
) -> anyhow::Result<Growth> {
    let scenario: &Scenario =
        SCENARIOS.iter().find(|known| known.name == scenario).context("no scenario")?;
    let running: Vec<_> = pair
        .into_iter()
        .map(|(contestant, grown)| contestant.start_grown(around, grown))
        .collect::<anyhow::Result<_>>()?;
    let work = |contestant: Contestant, requests: usize| {
        scenario.work(contestant, &around.places, &around.directory, requests)
    };
    let mut standing = match afterwards {
        Afterwards::Nothing => None,
        Afterwards::Idle(count) => {
            Some((count, Standing::open(&work(GeovagtGrown, 1)?, count, true).await?))
        }
        Afterwards::LogEntries(count) => {
            load::run(&work(GeovagtGrown, count)?).await?;
            None
        }
    };
    let series = rounds::measure(machine, options.size, &running, work).await?;
    if let Some((count, standing)) = &mut standing {
        let open = standing.still_open().await;
        anyhow::ensure!(open == *count, "{} of {count} idle connections ended", *count - open);
    }
    let [small, grown] = <[Series; 2]>::try_from(series).ok().context("two series")?;
    Ok(Growth { what, small, grown })
}
