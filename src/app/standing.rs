//! This node's word that it runs, and what passed through it, told to the store from time to time;
//! and how the parts are that only the running gateway knows. Nothing waits for it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;

use super::{App, certificates};
use crate::clock;
use crate::oversight::{Condition, ServedCertificate};
use crate::store::{Node, Passed, StoreError};
use crate::telemetry::traffic::{self, Totals};

/// How often is told.
const EVERY: Duration = Duration::from_secs(30);
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// Starts to tell.
pub(super) fn spawn(app: &App) {
    let app = app.clone();
    app.tasks.clone().spawn(async move { keep_telling(&app).await });
}

async fn keep_telling(app: &App) {
    let stopping = app.tasks.stopping();
    let started = clock::now();
    let mut told = BTreeMap::new();
    loop {
        if let Err(error) = tell(app, started, &mut told).await {
            // That the store is away is said elsewhere.
            tracing::debug!(
                error = crate::telemetry::chain(&error),
                "the node could not be told of"
            );
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stopping.cancelled() => break,
        }
    }
    // What passed since the last time is told while the store is still open.
    let _ = tell_traffic(app, &mut told, clock::now()).await;
}

async fn tell(
    app: &App,
    started: Timestamp,
    told: &mut BTreeMap<String, Totals>,
) -> Result<(), StoreError> {
    let now = clock::now();
    let parts = super::readiness::readiness(app)();
    let not_ready = parts.iter().filter(|part| !part.ready).map(|part| part.name);
    let host = std::fs::read_to_string(HOST_NAME).unwrap_or_default();
    let node = Node {
        node: app.state.outbox.name().to_owned(),
        host: host.trim().chars().take(80).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started,
        seen: now,
        problem: not_ready.collect::<Vec<_>>().join(", "),
    };
    app.store.node_runs(&node).await?;
    tell_traffic(app, told, now).await
}

/// Tells what the counters say more than the last time.
async fn tell_traffic(
    app: &App,
    told: &mut BTreeMap<String, Totals>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let totals: BTreeMap<String, Totals> = traffic::totals().into_iter().collect();
    let passed: Vec<Passed> = totals
        .iter()
        .filter_map(|(site, total)| {
            let more = total.since(told.get(site).copied().unwrap_or_default());
            (more.requests > 0).then(|| Passed {
                site: site.clone(),
                requests: more.requests,
                rejected: more.rejected,
                exempt: more.exempt,
            })
        })
        .collect();
    if !passed.is_empty() {
        app.store.add_traffic(&passed, now).await?;
        *told = totals;
    }
    Ok(())
}

/// How it is now.
pub(super) fn condition(app: &App) -> Condition {
    let served = certificates::all(&app.listening.doors(), clock::now());
    let snapshot = app.gateway.snapshot();
    Condition {
        certificates: served
            .iter()
            .map(|served| ServedCertificate {
                listener: served.listener.clone(),
                file: served.chain.display().to_string(),
                ends: served.not_after,
            })
            .collect(),
        upstreams: snapshot.sites.all().iter().flat_map(|site| site.servers.standing()).collect(),
        database_refused: app.state.database_refused().map(|why| why.to_string()),
        store_away: app.state.store.is_away(),
        node: app.state.outbox.name().to_owned(),
    }
}
