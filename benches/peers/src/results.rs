//! What was measured, and what follows from it.

use crate::contestants::Contestant;
use crate::flood::Flooded;
use crate::growth::Growth;
use crate::idle::Idle;
use crate::nanoseconds::Timed;
use crate::rounds::{Figures, Series};
use crate::scenario::Scenario;
use crate::slowloris::Attack;
use crate::statistics::Spread;

/// Everything of one run.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) scenarios: Vec<Measured>,
    pub(crate) memory: Vec<Memory>,
    pub(crate) idle: Vec<Idle>,
    pub(crate) attacks: Vec<Attack>,
    pub(crate) floods: Vec<Flooded>,
    pub(crate) growth: Vec<Growth>,
    pub(crate) nanoseconds: Vec<Timed>,
    /// Parts that did not come to their end, and why.
    pub(crate) broken: Vec<(String, String)>,
}

/// One scenario's rounds.
pub(crate) struct Measured {
    pub(crate) scenario: Scenario,
    pub(crate) series: Vec<Series>,
}

/// One contestant's memory, in KiB.
pub(crate) struct Memory {
    pub(crate) contestant: Contestant,
    /// After its start.
    pub(crate) started: f64,
}

impl Results {
    /// What a part measured; one that broke off is written down, and the run goes on without it.
    pub(crate) fn kept<T>(&mut self, part: &str, measured: anyhow::Result<T>) -> Option<T> {
        match measured {
            Ok(measured) => Some(measured),
            Err(error) => {
                eprintln!("peers: {part}: {error:#}");
                self.broken.push((part.to_owned(), format!("{error:#}")));
                None
            }
        }
    }

    pub(crate) fn scenario(&self, name: &str) -> Option<&Measured> {
        self.scenarios.iter().find(|measured| measured.scenario.name == name)
    }
}

impl Measured {
    pub(crate) fn of(&self, contestant: Contestant) -> Option<&Series> {
        self.series.iter().find(|series| series.contestant == contestant)
    }

    /// One figure of geovagt over another's, round by round.
    pub(crate) fn ratio(&self, to: Contestant, figure: impl Fn(&Figures) -> f64) -> Option<Spread> {
        let (ours, theirs) = (self.of(Contestant::Geovagt)?, self.of(to)?);
        let rounds = ours.rounds.iter().zip(&theirs.rounds);
        Spread::of(rounds.map(|(ours, theirs)| figure(ours) / figure(theirs)))
    }

    /// Whether rounds of geovagt or of the other are counted in which others used the machine.
    pub(crate) fn noisy(&self, to: Contestant) -> bool {
        [Contestant::Geovagt, to].iter().filter_map(|&c| self.of(c)).any(|s| s.noisy() > 0)
    }
}

impl Series {
    pub(crate) fn spread(&self, figure: impl Fn(&Figures) -> f64) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(figure))
    }
}
