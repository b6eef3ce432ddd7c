//! The table of what must hold and what is aimed at (README, "Beside the others").

use crate::contestants::Contestant::{self, Haproxy, Hyper, Nginx, Splice};
use crate::flood::{self, Flooded};
use crate::growth::Growth;
use crate::load::Kind;
use crate::results::{Measured, Results};
use crate::slowloris::COUNT;
use crate::statistics::Spread;

/// One claim and what became of it.
pub(crate) struct Claim {
    /// As it is written: `≤ 1.25 × hyper`.
    pub(crate) wanted: String,
    /// What was measured.
    pub(crate) measured: String,
    pub(crate) met: bool,
    /// Others used the machine meanwhile.
    pub(crate) noisy: bool,
}

/// One row of the table.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) must: Option<Claim>,
    pub(crate) goal: Option<Claim>,
}

/// A bound on geovagt's CPU for a request as a multiple of somebody else's.
type Bound = (f64, Contestant);

/// Scenario, must, goal.
const CPU: [(&str, Option<Bound>, Option<Bound>); 14] = [
    ("forward-http1", Some((1.25, Hyper)), Some((0.75, Nginx))),
    ("forward-bound", None, Some((1.0, Haproxy))),
    ("forward-bound-tls", Some((1.0, Haproxy)), None),
    ("forward-bound-new-tls", Some((1.0, Haproxy)), None),
    ("forward-tls", Some((1.25, Hyper)), Some((0.65, Nginx))),
    ("forward-http2", Some((1.25, Hyper)), Some((1.0, Haproxy))),
    ("forward-new-tls", Some((1.1, Hyper)), Some((0.5, Nginx))),
    ("reject", Some((1.0, Nginx)), Some((0.8, Nginx))),
    ("reject-new-tcp", Some((1.15, Nginx)), Some((1.0, Nginx))),
    ("reject-new-tls", Some((1.15, Nginx)), Some((1.0, Nginx))),
    ("close", Some((1.3, Haproxy)), Some((1.0, Haproxy))),
    ("close-tls", Some((1.3, Haproxy)), Some((1.0, Haproxy))),
    ("large", Some((1.1, Hyper)), Some((1.0, Splice))),
    ("large-tls", Some((1.1, Hyper)), Some((1.0, Splice))),
];

/// MiB that the gateway may hold after load: must, goal.
const MEMORY: (f64, f64) = (60.0, 39.0);
/// KiB of an idle connection, plain and TLS: must, goal.
const IDLE: [(bool, f64, f64); 2] = [(false, 14.0, 2.4), (true, 25.0, 15.0)];
/// Seconds in which slow clients are shed, and what the clocks may be apart.
const SHED: (f64, f64) = (10.0, 0.5);
/// How much longer people may wait in the middle while a flood goes on.
const UNDER_A_FLOOD: f64 = 1.25;
/// What counts as flat, beside the noise of quiet rounds.
const FLAT: f64 = 1.1;
/// Part of the benchmark's name, nanoseconds: must, goal.
const NANOSECONDS: [(&str, &str, Option<f64>, f64); 3] = [
    ("locate (v4)", "v4", Some(50.0), 25.0),
    ("locate (v6)", "v6", None, 100.0),
    ("decide", "decide", Some(200.0), 60.0),
];

/// Every row of which something was measured.
pub(crate) fn rows(results: &Results) -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, must, goal) in &CPU {
        let Some(measured) = results.scenario(name) else { continue };
        let claim = |bound: &Option<Bound>| bound.and_then(|b| cpu(measured, b));
        let what = measured.scenario.title.to_owned();
        rows.push(Row { what, must: claim(must), goal: claim(goal) });
    }
    rows.extend(latency(results));
    rows.extend(memory(results));
    rows.extend(IDLE.iter().filter_map(|&idle| idle_connection(results, idle)));
    rows.extend(slow_clients(results));
    rows.extend(Kind::ALL.into_iter().filter_map(|kind| flooded(results, kind)));
    rows.extend(results.growth.iter().filter_map(flat));
    rows.extend(NANOSECONDS.iter().filter_map(|(what, part, must, goal)| {
        let all = results.nanoseconds.iter();
        let ours = all.filter(|timed| timed.name.contains(part) && !timed.name.contains("reader"));
        let slowest = ours.map(|timed| timed.nanoseconds).reduce(f64::max)?;
        let below = |limit: f64| absolute(slowest, limit, "ns");
        Some(Row { what: (*what).to_owned(), must: must.map(below), goal: Some(below(*goal)) })
    }));
    rows
}

fn cpu(measured: &Measured, (factor, other): Bound) -> Option<Claim> {
    let ratio = measured.ratio(other, |figures| figures.cpu)?;
    Some(at_most(&ratio, factor, other.name(), measured.noisy(other)))
}

fn at_most(ratio: &Spread, factor: f64, other: &str, noisy: bool) -> Claim {
    Claim {
        wanted: format!("≤ {factor} × {other}"),
        measured: ratio.to_string(),
        met: ratio.median <= factor,
        noisy,
    }
}

fn absolute(measured: f64, limit: f64, unit: &str) -> Claim {
    Claim {
        wanted: format!("≤ {limit} {unit}"),
        measured: format!("{measured:.1} {unit}"),
        met: measured <= limit,
        noisy: false,
    }
}

fn latency(results: &Results) -> Option<Row> {
    let measured = results.scenario("forward-http1")?;
    let ratio = measured.ratio(Nginx, |figures| figures.p99)?;
    let goal = at_most(&ratio, 1.0, Nginx.name(), measured.noisy(Nginx));
    let what = format!("{}: p99", measured.scenario.title);
    Some(Row { what, must: None, goal: Some(goal) })
}

/// The most that the gateway held, after its start and after any scenario.
fn memory(results: &Results) -> Option<Row> {
    let started = results.memory.iter().find(|memory| memory.contestant == Contestant::Geovagt);
    let loaded = results.scenarios.iter().filter_map(|m| Some(m.of(Contestant::Geovagt)?.memory));
    let most = loaded.chain(started.map(|memory| memory.started)).reduce(f64::max)?;
    let claim = |limit| Some(absolute(most / 1024.0, limit, "MiB"));
    let what = "memory with the database, most after any load".to_owned();
    Some(Row { what, must: claim(MEMORY.0), goal: claim(MEMORY.1) })
}

/// The dearer of a connection that was used before and one that was not.
fn idle_connection(results: &Results, (tls, must, goal): (bool, f64, f64)) -> Option<Row> {
    let ours = results.idle.iter().filter(|i| i.contestant == Contestant::Geovagt && i.tls == tls);
    let most = ours.map(|idle| idle.kib).reduce(f64::max)?;
    let claim = |limit| Some(absolute(most, limit, "KiB"));
    let what = format!("an idle connection, {}", if tls { "TLS" } else { "plain" });
    Some(Row { what, must: claim(must), goal: claim(goal) })
}

fn slow_clients(results: &Results) -> Vec<Row> {
    let of = |contestant| results.attacks.iter().filter(move |a| a.contestant == contestant);
    let row = |what: &str, must: Claim| Row {
        what: format!("{COUNT} slow clients: {what}"),
        must: Some(must),
        goal: None,
    };
    let mut rows = Vec::new();
    let held = of(Contestant::Geovagt).map(|attack| attack.shed.held).max();
    let longest = of(Contestant::Geovagt).map(|attack| attack.shed.longest.as_secs_f64());
    if let (Some(held), Some(longest)) = (held, longest.reduce(f64::max)) {
        let must = Claim {
            wanted: format!("all within {} s", SHED.0),
            measured: format!("{held} held, the last closed after {longest:.2} s"),
            met: held == 0 && longest <= SHED.0 + SHED.1,
            noisy: false,
        };
        rows.push(row("shed", must));
    }
    let grown = of(Contestant::Geovagt).map(|a| a.memory[1].max(a.memory[2]) - a.memory[0]);
    if let Some(grown) = grown.reduce(f64::max) {
        // Flat: no slow client takes more than an idle connection may.
        let must = absolute(grown / COUNT as f64, IDLE[0].1, "KiB more for each");
        rows.push(row("memory", must));
    }
    let p99 = |contestant| Spread::of(of(contestant).map(|attack| attack.p99[1]));
    if let (Some(ours), Some(theirs)) = (p99(Contestant::Geovagt), p99(Nginx)) {
        let must = Claim {
            wanted: "≤ nginx + 10 %".to_owned(),
            measured: format!("{:.2} ms; nginx {:.2} ms", ours.median, theirs.median),
            met: ours.median <= theirs.median * 1.1,
            noisy: false,
        };
        rows.push(row("p99 of the others", must));
    }
    rows
}

/// People wait under a flood no longer than behind nginx under the same one.
fn flooded(results: &Results, kind: Kind) -> Option<Row> {
    let of = |contestant, figure: fn(&Flooded) -> f64| {
        flood::spread(&results.floods, contestant, kind, figure)
    };
    let under = |contestant| of(contestant, |one| one.p99[1]);
    let (ours, theirs) = (under(Contestant::Geovagt)?, under(Nginx)?);
    let noisy = flood::noisy(&results.floods, kind) > 0;
    let must = Claim {
        wanted: "≤ nginx + 10 %".to_owned(),
        measured: format!("{:.2} ms; nginx {:.2} ms", ours.median, theirs.median),
        met: ours.median <= theirs.median * 1.1,
        noisy,
    };
    let half = of(Contestant::Geovagt, |one| one.p50[1] / one.p50[0])?;
    let goal = Claim {
        wanted: format!("p50 ≤ {UNDER_A_FLOOD} × without it"),
        measured: half.to_string(),
        met: half.median <= UNDER_A_FLOOD,
        noisy,
    };
    let what = format!("flood of {}: p99 of who may pass", kind.name());
    Some(Row { what, must: Some(must), goal: Some(goal) })
}

fn flat(growth: &Growth) -> Option<Row> {
    let must = at_most(&growth.ratio()?, FLAT, "before", growth.noisy());
    Some(Row { what: format!("growth, {}", growth.what), must: Some(must), goal: None })
}
