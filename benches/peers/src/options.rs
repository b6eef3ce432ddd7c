//! The command line of a run; `run` passes on what it does not know itself.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};

use crate::contestants::Contestant;
use crate::rounds::Size;

/// What is asked for.
pub(crate) struct Options {
    pub(crate) repository: PathBuf,
    pub(crate) geovagt: PathBuf,
    /// Where contestants work; emptied at the beginning and at the end.
    pub(crate) directory: PathBuf,
    /// Where results go: this name with `.md` and `.json`.
    pub(crate) results: PathBuf,
    /// Cores of the contestants, and of load and upstream.
    pub(crate) cores: (usize, usize),
    pub(crate) size: Size,
    /// Idle connections.
    pub(crate) connections: usize,
    /// Rounds of slow clients.
    pub(crate) attacks: usize,
    pub(crate) exemptions: usize,
    pub(crate) log_entries: usize,
    /// Where criterion left what it measured.
    pub(crate) criterion: Option<PathBuf>,
    pub(crate) without: Vec<Contestant>,
    /// Parts to measure; empty: all.
    pub(crate) only: Vec<String>,
}

impl Options {
    pub(crate) fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let mut options = Self {
            repository: PathBuf::new(),
            geovagt: PathBuf::new(),
            directory: PathBuf::new(),
            results: PathBuf::new(),
            cores: (0, 1),
            size: Size { rounds: 5, cpu: 1000.0, tries: 4 },
            connections: 5000,
            attacks: 3,
            exemptions: 10_000,
            log_entries: 1_000_000,
            criterion: None,
            without: Vec::new(),
            only: Vec::new(),
        };
        let (mut rounds, mut cpu) = (None, None);
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--quick" {
                options.size = Size { rounds: 3, cpu: 150.0, tries: 1 };
                options.connections = 1000;
                options.attacks = 1;
                options.exemptions = 40;
                options.log_entries = 20_000;
                continue;
            }
            let value = words.next().with_context(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--repository" => options.repository = value.into(),
                "--geovagt" => options.geovagt = value.into(),
                "--directory" => options.directory = value.into(),
                "--results" => options.results = value.into(),
                "--contestants-core" => options.cores.0 = value.parse()?,
                "--load-core" => options.cores.1 = value.parse()?,
                "--log-entries" => options.log_entries = value.parse()?,
                "--criterion" => options.criterion = Some(value.into()),
                "--cpu" => cpu = Some(value.parse()?),
                "--rounds" => rounds = Some(value.parse()?),
                "--without" => options.without.push(contestant(value)?),
                "--only" => options.only.push(value.clone()),
                _ => bail!("there is no option {word}"),
            }
        }
        options.size.rounds = rounds.unwrap_or(options.size.rounds);
        options.size.cpu = cpu.unwrap_or(options.size.cpu);
        ensure!(options.size.cpu > 0.0, "no time is no measurement");
        ensure!(options.size.rounds > 0, "no round is no measurement");
        ensure!(options.cores.0 != options.cores.1, "contestants and load need a core each");
        Ok(options)
    }

    /// Whether this part is to be measured.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

fn contestant(name: &str) -> anyhow::Result<Contestant> {
    let known = || Contestant::ALL.map(Contestant::name).join(", ");
    let found = Contestant::ALL.into_iter().find(|contestant| contestant.name() == name);
    let found =
        found.with_context(|| format!("there is no contestant {name:?}; there are {}", known()))?;
    ensure!(found != Contestant::Geovagt, "without geovagt there is nothing to compare");
    Ok(found)
}
