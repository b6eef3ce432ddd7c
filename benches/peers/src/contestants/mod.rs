//! Who is compared: how each is configured and started. All serve the same site at the same
//! entrances, and all that decide keep a log in JSON.

mod floor;
mod geovagt;
mod haproxy;
mod nginx;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::entrance::{Entrance, PORTS};
use crate::places::Places;
use crate::process::Program;

pub(crate) use geovagt::Grown;

/// What all of them need.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) repository: PathBuf,
    /// The gateway's binary.
    pub(crate) geovagt: PathBuf,
    /// Everything of this run; each contestant has a directory in it.
    pub(crate) directory: PathBuf,
    pub(crate) places: Places,
    pub(crate) upstream: SocketAddr,
    /// The core that contestants run on.
    pub(crate) core: usize,
    /// Whether each client's connection has one to the upstream that nobody else gets.
    pub(crate) bound: bool,
}

/// A contestant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contestant {
    Geovagt,
    Nginx,
    NginxBuffered,
    Haproxy,
    Hyper,
    OwnPool,
    Splice,
    /// A second gateway, in an installation that has grown; compared with the first alone.
    GeovagtGrown,
}

impl Contestant {
    /// Whoever can be left out, and the gateway.
    pub(crate) const ALL: [Self; 7] = [
        Self::Geovagt,
        Self::Nginx,
        Self::NginxBuffered,
        Self::Haproxy,
        Self::Hyper,
        Self::OwnPool,
        Self::Splice,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Geovagt => "geovagt",
            Self::Nginx => "nginx",
            Self::NginxBuffered => "nginx-buffered",
            Self::Haproxy => "haproxy",
            Self::Hyper => "hyper",
            Self::OwnPool => "own-pool",
            Self::Splice => "splice",
            Self::GeovagtGrown => "geovagt-grown",
        }
    }

    /// Whether it looks at the client's country and keeps a log; the floors do neither.
    pub(crate) fn decides(self) -> bool {
        !matches!(self, Self::Hyper | Self::OwnPool | Self::Splice)
    }

    pub(crate) fn address(self, entrance: Entrance) -> SocketAddr {
        let entrance = if self.decides() { entrance.of_deciding() } else { entrance };
        entrance.address(self.first_port())
    }

    fn first_port(self) -> u16 {
        20_000 + PORTS * self as u16
    }

    /// What must answer before it counts as started.
    fn ready(self) -> Vec<SocketAddr> {
        vec![self.address(Entrance::Forward), self.address(Entrance::ForwardTls)]
    }

    /// Starts it with an empty directory of its own.
    pub(crate) fn start(self, around: &Surroundings) -> anyhow::Result<Running> {
        self.start_grown(around, Grown::default())
    }

    /// The same; an installation of the gateway has grown this far.
    pub(crate) fn start_grown(
        self,
        around: &Surroundings,
        grown: Grown,
    ) -> anyhow::Result<Running> {
        let directory = around.directory.join(self.name());
        if directory.exists() {
            std::fs::remove_dir_all(&directory)?;
        }
        std::fs::create_dir_all(&directory)?;
        let command = match self {
            Self::Geovagt | Self::GeovagtGrown => {
                geovagt::prepare(around, &directory, self.first_port(), grown)?
            }
            Self::Nginx => nginx::prepare(around, &directory, self.first_port(), false)?,
            Self::NginxBuffered => nginx::prepare(around, &directory, self.first_port(), true)?,
            Self::Haproxy => haproxy::prepare(around, &directory, self.first_port())?,
            Self::Hyper | Self::OwnPool | Self::Splice => {
                floor::prepare(around, self.name(), self.first_port())?
            }
        };
        let program = Program::start(self.name(), command, &directory, &self.ready())
            .with_context(|| format!("{} cannot take part", self.name()))?;
        Ok(Running { contestant: self, program, directory })
    }
}

/// A contestant that serves.
pub(crate) struct Running {
    pub(crate) contestant: Contestant,
    pub(crate) program: Program,
    directory: PathBuf,
}

impl Running {
    /// Its name and what it printed last, for an error about it.
    pub(crate) fn complaint(&self) -> String {
        let name = self.contestant.name();
        match self.program.printed() {
            printed if printed.is_empty() => name.to_owned(),
            printed => format!("{name}, which said last:\n{printed}\n{name}"),
        }
    }

    /// Octets that its log holds.
    pub(crate) fn logged(&self) -> u64 {
        let log = match self.contestant {
            Contestant::Geovagt | Contestant::GeovagtGrown => self.directory.join("state"),
            Contestant::Nginx | Contestant::NginxBuffered => self.directory.join("access.log"),
            Contestant::Haproxy => self.directory.join("stdout"),
            Contestant::Hyper | Contestant::OwnPool | Contestant::Splice => return 0,
        };
        octets(&log)
    }
}

fn octets(path: &Path) -> u64 {
    let Ok(metadata) = path.symlink_metadata() else { return 0 };
    if !metadata.is_dir() {
        return metadata.len();
    }
    let Ok(entries) = std::fs::read_dir(path) else { return 0 };
    entries.flatten().map(|entry| octets(&entry.path())).sum()
}
