//! A whole run: prepare, measure part by part, judge, write down.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::contestants::{Contestant, Running, Surroundings};
use crate::load::HOST;
use crate::machine::{Machine, TOLERATED};
use crate::options::Options;
use crate::places::Places;
use crate::process::{Program, on_core};
use crate::results::{Measured, Memory, Results};
use crate::scenario::{SCENARIOS, Scenario};
use crate::{flood, growth, idle, nanoseconds, report, rounds, selfcheck, slowloris, verdict};

/// Where the upstream listens; the run has a network of its own.
const UPSTREAM: &str = "127.0.0.1:19000";

/// Measures everything; gives whether every "must" holds.
pub(crate) async fn run(options: &Options) -> anyhow::Result<bool> {
    let around = prepare(options)?;
    let directory = around.directory.join("upstream");
    std::fs::create_dir_all(&directory)?;
    let mut upstream = on_core(options.cores.1, &std::env::current_exe()?);
    upstream.args(["upstream", UPSTREAM]);
    let _upstream = Program::start("upstream", upstream, &directory, &[around.upstream])?;
    let machine = Machine::new();
    let mut results = Results::default();
    for scenario in SCENARIOS.iter().filter(|scenario| options.wants(scenario.name)) {
        let measured = measure(options, &around, machine, scenario, &mut results.memory).await;
        let Some(measured) = results.kept(scenario.name, measured) else { continue };
        let mut text = String::new();
        report::scenario(&mut text, &measured);
        eprintln!("{text}");
        results.scenarios.push(measured);
    }
    if options.wants(idle::NAME) {
        let measured = idle::measure(options, &around).await;
        results.idle = results.kept(idle::NAME, measured).unwrap_or_default();
    }
    if options.wants(slowloris::NAME) {
        let measured = slowloris::measure(options, &around).await;
        results.attacks = results.kept(slowloris::NAME, measured).unwrap_or_default();
    }
    if options.wants(flood::NAME) {
        let measured = flood::measure(options, &around, machine).await;
        results.floods = results.kept(flood::NAME, measured).unwrap_or_default();
    }
    if options.wants(growth::NAME) {
        let measured = growth::measure(options, &around, machine).await;
        results.growth = results.kept(growth::NAME, measured).unwrap_or_default();
    }
    if let Some(criterion) = &options.criterion {
        results.nanoseconds = nanoseconds::read(criterion);
    }
    let rows = verdict::rows(&results);
    let measured = !rows.is_empty() || !results.scenarios.is_empty();
    ensure!(measured || !results.broken.is_empty(), "{:?} names no part", options.only);
    let head = head(options);
    let text = report::markdown(&results, &rows, &head);
    write(options, &text, &report::json(&results, &rows, &head))?;
    println!("{text}");
    let broken: Vec<&str> = results.broken.iter().map(|(part, _)| part.as_str()).collect();
    ensure!(broken.is_empty(), "these parts did not come to their end: {}", broken.join(", "));
    Ok(rows.iter().all(|row| row.must.as_ref().is_none_or(|claim| claim.met)))
}

fn prepare(options: &Options) -> anyhow::Result<Surroundings> {
    let directory = options.directory.clone();
    certificate(&directory)?;
    let listed = listed(options)?;
    let database = options.repository.join("geoip/country.mmdb");
    Ok(Surroundings {
        repository: options.repository.clone(),
        geovagt: options.geovagt.clone(),
        places: Places::read(&database, listed)?,
        directory,
        upstream: UPSTREAM.parse()?,
        core: options.cores.0,
        bound: false,
    })
}

/// The codes of the list, as the gateway itself gives them to HAProxy.
fn listed(options: &Options) -> anyhow::Result<BTreeSet<String>> {
    let output = Command::new(&options.geovagt)
        .args(["lists", "export", "--format", "haproxy", "--file"])
        .arg(options.repository.join("config/lists/cfcs.yaml"))
        .output()
        .context("cannot start geovagt")?;
    let printed = String::from_utf8(output.stdout)?;
    let codes = printed.lines().filter(|line| !line.starts_with('#'));
    let codes: BTreeSet<String> = codes.map(str::to_owned).collect();
    ensure!(output.status.success() && !codes.is_empty(), "geovagt exports no list");
    Ok(codes)
}

/// One certificate for all: ECDSA P-256, as most are today.
fn certificate(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory)?;
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = rcgen::CertificateParams::new([HOST.to_owned()])?.self_signed(&key)?;
    std::fs::write(directory.join("chain.pem"), certificate.pem())?;
    std::fs::write(directory.join("key.pem"), key.serialize_pem())?;
    Ok(())
}

async fn measure(
    options: &Options,
    around: &Surroundings,
    machine: Machine,
    scenario: &Scenario,
    memory: &mut Vec<Memory>,
) -> anyhow::Result<Measured> {
    let around = &Surroundings { bound: scenario.bound, ..around.clone() };
    let contestants = scenario.contestants.iter().filter(|c| !options.without.contains(c));
    let running: Vec<Running> =
        contestants.map(|contestant| contestant.start(around)).collect::<anyhow::Result<_>>()?;
    for one in &running {
        if !memory.iter().any(|known| known.contestant == one.contestant) {
            let started = one.program.memory()?;
            memory.push(Memory { contestant: one.contestant, started });
        }
    }
    let work = |contestant: Contestant, requests: usize| {
        scenario.work(contestant, &around.places, &around.directory, requests)
    };
    for one in &running {
        selfcheck::check(scenario, one, work(one.contestant, 0)?, &around.places).await?;
    }
    let series = rounds::measure(machine, options.size, &running, work)
        .await
        .with_context(|| format!("measuring {}", scenario.name))?;
    Ok(Measured { scenario: *scenario, series })
}

/// What a reader has to know beside the figures.
fn head(options: &Options) -> Vec<String> {
    let said = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().ok();
        let printed = output.map(|o| [o.stdout, o.stderr].concat()).unwrap_or_default();
        let printed = String::from_utf8_lossy(&printed).into_owned();
        printed.lines().next().unwrap_or_default().to_owned()
    };
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim());
    vec![
        format!("{}; {}; {processor}", said("nginx", "-v"), said("haproxy", "-v")),
        format!(
            "{} rounds, contestants on core {}, load and upstream on core {}",
            options.size.rounds, options.cores.0, options.cores.1
        ),
        format!("geovagt {}, {}", commit(&options.repository), said("date", "-uIminutes")),
        format!(
            "A round is done again where others took more than {:.0} % of the machine; what could \
             not be had quiet is marked noisy. Ratios are round by round: median (lowest–highest).",
            TOLERATED * 100.0
        ),
    ]
}

/// The version that is measured; a file changed since then shows as `-dirty`.
fn commit(repository: &Path) -> String {
    let words = ["describe", "--always", "--dirty", "--exclude", "*"];
    let output = Command::new("git").arg("-C").arg(repository).args(words).output();
    let printed = output.map(|output| output.stdout).unwrap_or_default();
    match String::from_utf8_lossy(&printed).trim() {
        "" => "of an unknown commit".to_owned(),
        commit => commit.to_owned(),
    }
}

fn write(options: &Options, text: &str, json: &serde_json::Value) -> anyhow::Result<()> {
    std::fs::write(options.results.with_extension("md"), text)?;
    std::fs::write(options.results.with_extension("json"), serde_json::to_vec_pretty(json)?)?;
    Ok(())
}
