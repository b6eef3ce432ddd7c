//! The store beside the traffic: opened, watched for changes, missed and found again.
//!
//! Always holds: nothing of the traffic waits for it. While it is away, what was read last decides,
//! ends included; a store that others share may be away when the gateway starts, and then no
//! exemption counts until it was read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::outbox::OutboxError;
use super::{App, reload, watch};
use crate::clock;
use crate::config::{Config, StoreLocation};
use crate::store::{Changes, Store, StoreError};
use crate::telemetry;

/// A change that is not heard of is seen within this time and a little more.
pub(super) const EVERY: Duration = Duration::from_millis(250);
/// How long nobody tries to hear of changes again after that was lost.
const LISTEN_AGAIN: Duration = Duration::from_secs(30);

/// Opens the store that the configuration names. One that others share need not be there yet.
///
/// # Errors
/// [`StoreError`] with the cause and the way out.
pub async fn open(config: &Config) -> Result<Store, StoreError> {
    match &config.store {
        StoreLocation::Sqlite => Store::open(&config.state_directory).await,
        StoreLocation::Postgres(url) => Store::postgres(url),
    }
}

/// Why the store is not there, where it can be done without.
///
/// # Errors
/// [`StoreError`] where it cannot: nobody else has it, or it is there and of no use.
pub(super) async fn absence(store: &Store) -> Result<Option<StoreError>, StoreError> {
    match store.change_number().await {
        Ok(_) => Ok(None),
        Err(error) if store.is_shared() && error.is_away() => {
            tracing::error!(
                error = telemetry::chain(&error),
                "the store does not answer; the gateway starts without it: no exemption and no \
                 sign-in counts until it does, and the announcement lock is not asked"
            );
            Ok(Some(error))
        }
        Err(error) => Err(error),
    }
}

/// How it stands with the store.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Why it does not answer.
    away: ArcSwapOption<String>,
    /// When everything was last known to be as it is in the store; 0 is never.
    read: AtomicI64,
    /// The policy in effect was never held against what was announced.
    unjudged: AtomicBool,
    asked: AtomicBool,
}

impl Standing {
    /// How it stands when the gateway starts.
    pub(super) fn at_start(absence: Option<&StoreError>, now: Timestamp) -> Self {
        let standing = Self::default();
        match absence {
            Some(error) => {
                standing.unjudged.store(true, Ordering::Relaxed);
                standing.failed(telemetry::chain(error));
            }
            None => standing.answered(now),
        }
        standing
    }

    pub(super) fn is_away(&self) -> bool {
        self.away.load().is_some()
    }

    pub(super) fn judged(&self) {
        self.unjudged.store(false, Ordering::Relaxed);
    }

    /// Says yes once after a start without the store.
    fn is_to_be_judged(&self) -> bool {
        self.unjudged.load(Ordering::Relaxed) && !self.asked.swap(true, Ordering::Relaxed)
    }

    fn answered(&self, now: Timestamp) {
        self.away.store(None);
        self.read.store(now.as_second(), Ordering::Relaxed);
        metrics::gauge!("geovagt_store_up").set(1.0);
        metrics::gauge!("geovagt_store_read_timestamp_seconds").set(now.as_second() as f64);
    }

    fn failed(&self, why: String) {
        self.away.store(Some(Arc::new(why)));
        metrics::gauge!("geovagt_store_up").set(0.0);
    }

    /// One sentence for a person, and whether somebody should look.
    pub(super) fn in_words(&self) -> (String, bool) {
        let read = Timestamp::from_second(self.read.load(Ordering::Relaxed)).unwrap_or_default();
        let read = (read != Timestamp::UNIX_EPOCH).then_some(read);
        match (self.away.load().as_deref(), read) {
            (None, _) if self.unjudged.load(Ordering::Relaxed) => (
                "answers; the policy in effect is not yet held against what was announced".into(),
                true,
            ),
            (None, _) => ("answers".into(), false),
            (Some(why), None) => (
                format!(
                    "has not answered since the start; no exemption and no sign-in counts: {why}"
                ),
                true,
            ),
            (Some(why), Some(read)) => {
                (format!("does not answer; what was read at {read} is in use: {why}"), true)
            }
        }
    }
}

/// Takes what changes, and appends what waits for the log, until the gateway stops.
pub(super) async fn watch(app: &App) {
    let stopping = app.tasks.stopping();
    // What changed between opening and now is not known: the first look takes everything.
    let mut seen = None;
    let mut changes = Changes::unheard();
    let mut listen_at = clock::instant();
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = changes.next() => {}
            () = stopping.cancelled() => return,
        }
        let looked = tokio::select! {
            looked = look(app, &mut seen) => looked,
            () = stopping.cancelled() => return,
        };
        match looked {
            Ok(()) => found(app).await,
            Err(error) => {
                lost(app, &error);
                (seen, changes) = (None, Changes::unheard());
            }
        }
        if !app.state.store.is_away() && !changes.hears() && clock::instant() >= listen_at {
            listen_at = clock::instant() + LISTEN_AGAIN;
            changes = tokio::select! {
                changes = app.store.changes() => changes.unwrap_or_else(|_| Changes::unheard()),
                () = stopping.cancelled() => return,
            };
        }
    }
}

async fn look(app: &App, seen: &mut Option<i64>) -> Result<(), OutboxError> {
    let number = app.store.change_number().await?;
    if *seen != Some(number) {
        watch::take_people(app, clock::now()).await?;
        *seen = Some(number);
    }
    app.authenticator.keep_keys(clock::now()).await?;
    app.authenticator.tell_sign_outs(clock::now()).await?;
    let ours = app.state.outbox_is_ours.lock().await;
    if *ours {
        app.state.outbox.drain(&app.store, &app.audit).await?;
    }
    Ok(())
}

async fn found(app: &App) {
    if app.state.store.is_away() {
        tracing::info!("the store answers again");
    }
    app.state.store.answered(clock::now());
    // Once: a refusal is said, and the next reload asks again.
    if app.state.store.is_to_be_judged() {
        reload::reload_and_log(app).await;
    }
}

fn lost(app: &App, error: &OutboxError) {
    let why = telemetry::chain(error);
    if !app.state.store.is_away() {
        tracing::error!(
            error = why,
            "the store does not answer; traffic goes on with what was read last"
        );
    }
    app.state.store.failed(why);
}
