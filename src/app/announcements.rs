//! What the gateway itself tells the log: that it started, and what took effect.

use super::App;
use crate::audit::{Action, Audit, Event};
use crate::clock;
use crate::geoip::Database;

fn event(action: Action) -> Event {
    Event::new(action, clock::now(), clock::random_bytes())
}

/// Nobody waits for these: the log keeps them in order and flushes them soon.
fn note(audit: &Audit, event: Event) {
    drop(audit.record(event));
}

pub(super) fn started(app: &App) {
    let snapshot = app.gateway.snapshot();
    note(&app.audit, event(Action::Started).detail("version", env!("CARGO_PKG_VERSION")));
    database_loaded(&app.audit, &snapshot.database);
    policy_loaded(app, &format!("{} sites", snapshot.sites.all().len()));
}

/// The last that this process writes into the log's files; what its open exchanges still bring
/// follows through the one that takes its place.
pub(super) async fn handed_over(app: &App, process: &str) {
    let event = event(Action::Stopped).detail("handed_over_to", process);
    if app.audit.record(event).durable().await.is_err() {
        tracing::error!("the hand-over could not be written to the audit log");
    }
}

/// The place was not taken after all.
pub(super) fn resumed(app: &App) {
    note(&app.audit, event(Action::Started).detail("resumed", "the hand-over failed"));
}

pub(super) async fn stopped(app: &App) {
    let receipt = app.audit.record(event(Action::Stopped));
    if receipt.durable().await.is_err() {
        tracing::error!("the end could not be written to the audit log");
    }
}

/// The lists and modes in force, as they are from now on.
pub(super) fn policy_loaded(app: &App, change: &str) {
    let now = clock::now();
    let snapshot = app.gateway.snapshot();
    let mut lists: Vec<String> = snapshot
        .sites
        .all()
        .iter()
        .map(|site| {
            let policy = site.policy();
            let version = policy.list_version(now).map_or("none", |version| &version.version);
            format!(
                "{}: {} {version}, {}",
                site.site.id,
                policy.list().id(),
                policy.mode(now).word()
            )
        })
        .collect();
    lists.sort();
    note(
        &app.audit,
        event(Action::PolicyLoaded).detail("change", change).detail("sites", lists.join("; ")),
    );
}

pub(super) fn database_loaded(audit: &Audit, database: &Database) {
    let info = database.info();
    note(
        audit,
        event(Action::DatabaseLoaded)
            .detail("type", &info.database_type)
            .detail("built", info.built)
            .detail("sha256", info.sha256_hex()),
    );
}
