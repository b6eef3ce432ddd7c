//! Whoever looks at how exemptions are used, beside the requests.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::App;
use crate::clock;
use crate::odd_use::watch::Watcher;
use crate::policy::TravelExemption;

/// How often is looked for journeys that are over.
const UNUSED_EVERY: Duration = Duration::from_secs(60);

/// Starts it.
pub(super) fn spawn(app: &App) {
    let Some(mut sightings) = app.audit.observe() else { return };
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let stopping = app.tasks.stopping();
        let mut watcher = Watcher::default();
        // From now on, if nobody has looked before: what was not seen earlier is not held against it.
        let since = app.store.uses_seen_since(clock::now()).await;
        if let Err(error) = since {
            tracing::debug!(error = crate::telemetry::chain(&error), "the store is away");
        }
        let mut unused = tokio::time::interval(UNUSED_EVERY);
        loop {
            let looked = tokio::select! {
                sighting = sightings.recv() => {
                    let Some(sighting) = sighting else { return };
                    let exemptions = std::sync::Arc::clone(&app.gateway.snapshot().exemptions);
                    watcher.look(&app.store, &exemptions, zone(&app), &sighting).await
                }
                _ = unused.tick() => {
                    watcher.look_for_unused(&app.store, zone(&app), clock::now()).await
                }
                () = stopping.cancelled() => return,
            };
            if let Err(error) = looked {
                metrics::counter!("geovagt_odd_use_unseen_total").increment(1);
                tracing::debug!(error = crate::telemetry::chain(&error), "a use was not looked at");
            }
        }
    });
}

/// Each organisation's time zone; UTC where the configuration no longer has it.
fn zone(app: &App) -> impl Fn(&TravelExemption) -> TimeZone {
    let loaded = app.state.loaded();
    move |exemption| {
        let organization = loaded.config.organizations.get(&exemption.organization);
        organization.map_or(TimeZone::UTC, |organization| organization.time_zone.clone())
    }
}
