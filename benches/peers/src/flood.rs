//! A flood from listed countries, and what people who may pass notice of it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::contestants::Contestant::{self, Geovagt, Haproxy, Nginx};
use crate::contestants::Surroundings;
use crate::entrance::Entrance;
use crate::load::{Kind, Offer, Target, connector};
use crate::machine::{Machine, TOLERATED};
use crate::options::Options;
use crate::people::People;
use crate::places::PERMITTED_PEER;
use crate::process::on_core;
use crate::statistics::{Spread, quantile};

/// As it is chosen with `--only`.
pub(crate) const NAME: &str = "flood";
/// Who is flooded.
const FLOODED: [Contestant; 3] = [Geovagt, Nginx, Haproxy];
/// Seconds that people are watched without and with the flood, and that it goes on before.
const ALONE: u64 = 3;
const FLOODING: u64 = 5;
const BEFORE: u64 = 1;

/// One flood on one contestant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Flooded {
    pub(crate) contestant: Contestant,
    pub(crate) kind: Kind,
    /// Milliseconds that people waited, without the flood and with it.
    pub(crate) p50: [f64; 2],
    pub(crate) p99: [f64; 2],
    /// Events a second that came.
    pub(crate) rate: f64,
    /// CPU milliseconds for 1,000 requests, those of the flood and of people together.
    pub(crate) cpu: f64,
    /// The share of the machine that others took meanwhile.
    pub(crate) others: f64,
}

impl Flooded {
    pub(crate) fn quiet(&self) -> bool {
        self.others <= TOLERATED
    }
}

impl Kind {
    fn entrance(self) -> Entrance {
        match self {
            Self::Requests => Entrance::Forward,
            Self::Connections => Entrance::ForwardTls,
            Self::Closed => Entrance::CloseTls,
        }
    }
}

/// Floods every contestant in turn, so many times.
pub(crate) async fn measure(
    options: &Options,
    around: &Surroundings,
    machine: Machine,
) -> anyhow::Result<Vec<Flooded>> {
    let directory = &around.directory;
    std::fs::write(directory.join("flood.places"), around.places.rejected.join("\n"))?;
    let sources: Vec<String> = around.places.flooding.iter().map(ToString::to_string).collect();
    std::fs::write(directory.join("flood.sources"), sources.join("\n"))?;
    let mut all = Vec::new();
    for _ in 0..options.attacks {
        for kind in Kind::ALL {
            for contestant in FLOODED {
                if options.without.contains(&contestant) {
                    continue;
                }
                let mut tries = Vec::new();
                while tries.len() < options.size.tries && !tries.iter().any(Flooded::quiet) {
                    let flooded = one(options, around, machine, (contestant, kind)).await;
                    tries.push(flooded.with_context(|| {
                        format!("flooding {} with {}", contestant.name(), kind.name())
                    })?);
                }
                all.extend(tries.into_iter().min_by(|a, b| a.others.total_cmp(&b.others)));
            }
        }
    }
    Ok(all)
}

async fn one(
    options: &Options,
    around: &Surroundings,
    machine: Machine,
    (contestant, kind): (Contestant, Kind),
) -> anyhow::Result<Flooded> {
    let running = contestant.start(around)?;
    let entrance = kind.entrance();
    let chain = around.directory.join("chain.pem");
    let tls = entrance.is_tls().then(|| connector(&chain, Offer::Http1)).transpose()?;
    let address = contestant.address(entrance);
    let target = Target { address, tls, sources: [PERMITTED_PEER].into() };
    // Where the peer's own address does not count, only a trusted proxy is heard.
    let target = match kind {
        Kind::Closed => target,
        Kind::Requests | Kind::Connections => Target { sources: [].into(), ..target },
    };
    let moment = machine.now();
    let alone = waited(&target, around, ALONE).await?;
    let flood = start(options, around, address, kind)?;
    tokio::time::sleep(Duration::from_secs(BEFORE)).await;
    let before = running.program.cpu()?;
    let under = waited(&target, around, FLOODING).await?;
    let spent = running.program.cpu()? - before;
    let output = tokio::task::spawn_blocking(move || flood.wait_with_output()).await??;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(output.status.success(), "the flood: {}", String::from_utf8_lossy(&output.stderr));
    let rate = said.trim().parse::<f64>()? / (BEFORE + FLOODING) as f64;
    let of = |share| -> anyhow::Result<[f64; 2]> {
        let at = |waited: &[f64]| quantile(waited, share).context("nobody waited");
        Ok([at(&alone)?, at(&under)?])
    };
    let others = machine.others_since(moment);
    let cpu = spent * 1000.0 / (rate * FLOODING as f64 + under.len() as f64);
    Ok(Flooded { contestant, kind, p50: of(0.5)?, p99: of(0.99)?, rate, cpu, others })
}

async fn waited(target: &Target, around: &Surroundings, seconds: u64) -> anyhow::Result<Vec<f64>> {
    let people = People::start(target, around);
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    people.end().await
}

fn start(
    options: &Options,
    around: &Surroundings,
    address: SocketAddr,
    kind: Kind,
) -> anyhow::Result<std::process::Child> {
    let mut flood = on_core(options.cores.1, std::path::Path::new("nice"));
    flood.args(["-n", "19"]).arg(std::env::current_exe()?).args(["flood", kind.name()]);
    flood.arg(address.to_string()).arg(&around.directory).arg((BEFORE + FLOODING).to_string());
    flood.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    flood.spawn().context("cannot start the flood")
}

/// Whether rounds are counted in which others used the machine.
pub(crate) fn noisy(all: &[Flooded], kind: Kind) -> usize {
    all.iter().filter(|one| one.kind == kind && !one.quiet()).count()
}

/// One contestant's figures under one kind of flood, over all rounds.
pub(crate) fn spread(
    all: &[Flooded],
    contestant: Contestant,
    kind: Kind,
    figure: impl Fn(&Flooded) -> f64,
) -> Option<Spread> {
    let of = all.iter().filter(|one| one.contestant == contestant && one.kind == kind);
    Spread::of(of.map(figure))
}
