//! What the gateway itself tells the log: that it started, what took effect, and what commands
//! changed beside it.

use super::App;
use crate::audit::{Action, Audit, Event};
use crate::clock;
use crate::geoip::Database;
use crate::store::{ChangeAction, ChangeEvent, OutboxEntry, Store, StoreError};

/// Entries taken out of the outbox at a time.
const AT_A_TIME: u32 = 500;

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
            let policy = &site.policy;
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

/// Appends what commands left in the outbox, oldest first, and removes it once it is on disk. An
/// entry may come twice after a crash in between, with the same id; none is lost.
pub(crate) async fn drain_outbox(store: &Store, audit: &Audit) -> Result<(), StoreError> {
    loop {
        let waiting = store.outbox(AT_A_TIME).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let receipts: Vec<_> = waiting.iter().map(|entry| audit.record(event_of(entry))).collect();
        for receipt in receipts {
            if !receipt.reached_disk().await {
                return Ok(());
            }
        }
        store.outbox_done(&waiting).await?;
    }
}

fn event_of(entry: &OutboxEntry) -> Event {
    let ChangeEvent { action, organization, done_by, done_as, target, exemption, reason } =
        &entry.event;
    let mut event = Event::new(action_of(*action), entry.created, clock::random_bytes())
        .user(done_by)
        .target(target)
        .detail("outbox_id", &entry.id);
    if let Ok(organization) = organization.parse() {
        event = event.organization(&organization);
    }
    if let Some(name) = done_as {
        event = event.operating_system_user(name);
    }
    if let Some(id) = exemption {
        event = event.exemption(id);
    }
    if let Some(reason) = reason {
        event = event.detail("reason", reason);
    }
    event
}

fn action_of(change: ChangeAction) -> Action {
    match change {
        ChangeAction::ExemptionGranted => Action::ExemptionGranted,
        ChangeAction::ExemptionApproved => Action::ExemptionApproved,
        ChangeAction::ExemptionRevoked => Action::ExemptionRevoked,
        ChangeAction::ExemptionClosed => Action::ExemptionClosed,
        ChangeAction::UserAdded => Action::UserAdded,
        ChangeAction::UserChanged => Action::UserChanged,
        ChangeAction::UserRemoved => Action::UserRemoved,
    }
}
