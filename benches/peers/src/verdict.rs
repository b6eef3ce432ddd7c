//! The table of what must hold and what is aimed at (README, "Beside the others").

use crate::contestants::Contestant::{self, Haproxy, Hyper, Nginx, Splice};
use crate::results::Results;

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
const CPU: [(&str, Option<Bound>, Option<Bound>); 11] = [
    ("forward-http1", Some((1.25, Hyper)), Some((0.75, Nginx))),
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

/// Every row whose scenario was measured.
pub(crate) fn rows(results: &Results) -> Vec<Row> {
    CPU.iter()
        .filter_map(|(name, must, goal)| {
            let title = results.scenario(name)?.scenario.title;
            let claim = |bound: &Option<Bound>| bound.and_then(|b| cpu(results, name, b));
            Some(Row { what: title.to_owned(), must: claim(must), goal: claim(goal) })
        })
        .collect()
}

fn cpu(results: &Results, name: &str, (factor, other): Bound) -> Option<Claim> {
    let measured = results.scenario(name)?;
    let ratio = measured.ratio(other, |figures| figures.cpu)?;
    Some(Claim {
        wanted: format!("≤ {factor} × {}", other.name()),
        measured: format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.lowest, ratio.highest),
        met: ratio.median <= factor,
        noisy: measured.noisy(other),
    })
}
