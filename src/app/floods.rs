//! Says when a flood begins and when it is over: in the log, in the audit log and in metrics.

use std::time::Duration;

use super::App;
use crate::audit::{Action, Event};
use crate::clock;
use crate::flood::{Change, Flood, Scope};

/// A beginning or an end is said within this time and a little more.
const EVERY: Duration = Duration::from_secs(1);

/// Starts to look.
pub(super) fn spawn(app: &App) {
    let watching = app.clone();
    app.tasks.spawn(async move {
        let stopping = watching.tasks.stopping();
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            for flood in watching.gateway.floods.all().iter() {
                look(&watching, flood);
            }
        }
    });
}

fn look(app: &App, flood: &Flood) {
    let listener = flood.listener().as_str();
    for change in flood.changes(clock::instant()) {
        say(listener, change);
        drop(app.audit.record(event(listener, change)));
    }
    let tally = flood.tally();
    for (scope, count) in [("country", tally.countries), ("network", tally.networks)] {
        metrics::gauge!(
            "geovagt_flood_active",
            "listener" => listener.to_owned(), "scope" => scope
        )
        .set(count as f64);
    }
}

fn say(listener: &str, change: Change) {
    let (scope, from) = (change.scope.word(), change.scope.to_string());
    match change.ended {
        None => {
            metrics::counter!(
                "geovagt_floods_total",
                "listener" => listener.to_owned(), "scope" => scope
            )
            .increment(1);
            tracing::warn!(
                listener,
                scope,
                from,
                "a flood of rejected clients: until it is over their connections are closed before TLS, without the page"
            );
        }
        Some(rejected) => tracing::warn!(
            listener,
            scope,
            from,
            rejected,
            "the flood is over: rejected clients are shown the page again"
        ),
    }
}

fn event(listener: &str, change: Change) -> Event {
    let action = if change.ended.is_some() { Action::FloodEnded } else { Action::FloodBegan };
    let mut event = Event::new(action, clock::now(), clock::random_bytes())
        .detail("scope", change.scope.word())
        .detail("from", change.scope);
    event.listener = Some(listener.into());
    event.count = change.ended.unwrap_or(1);
    if let Scope::Country(country) = change.scope {
        event.country = Some(country.as_str().into());
    }
    event
}
