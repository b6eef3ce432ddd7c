//! What becomes of the log with time, beside the requests: pseudonyms in the place of what is old,
//! keys that nobody needs; and orders that a command hands over. What programs were answered a day
//! ago goes in the same round.

use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::oneshot;

use super::App;
use crate::clock;
use crate::control::{AUDIT, Reply};
use crate::erasure::{self, OrderError, Place, Request};
use crate::store::StoreError;

/// How often is looked for what has grown old.
const EVERY: Duration = Duration::from_secs(3600);
/// The first time so long after the start, when what is urgent is done.
const FIRST: Duration = Duration::from_secs(30);
/// So long a command waits for its order; it goes on without it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(45);

/// How often is looked for orders that were given in the administration.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(1);
/// After so long one that did not go on is tried again.
const TRIED_AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// Starts it.
pub(super) fn spawn(app: &App) {
    spawn_orders(app);
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let stopping = app.tasks.stopping();
        let mut pause = FIRST;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stopping.cancelled() => return,
            }
            pause = EVERY;
            if let Err(error) = round(&app).await {
                metrics::counter!("geovagt_audit_pseudonymise_failures_total").increment(1);
                tracing::warn!(
                    error = crate::telemetry::chain(&error),
                    "what is old in the log cannot be pseudonymised; it is tried again within the hour"
                );
            }
        }
    });
}

/// Carries out what is ordered in the administration, as the command line would have it carried out.
fn spawn_orders(app: &App) {
    let app = app.clone();
    app.tasks.clone().spawn(async move {
        let stopping = app.tasks.stopping();
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOKED_FOR_EVERY) => {}
                () = stopping.cancelled() => return,
            }
            // What is left of an order when the gateway stops is done when it runs again.
            let round = tokio::select! {
                round = orders(&app) => round,
                () = stopping.cancelled() => return,
            };
            if let Err(error) = round {
                // Whoever asks the store for more says so louder.
                tracing::debug!(
                    error = crate::telemetry::chain(&error),
                    "nobody can say whether an order to change the log waits"
                );
            }
        }
    });
}

async fn orders(app: &App) -> Result<(), StoreError> {
    let place = place(app);
    for order in app.store.open_erasure_orders(place.log_name).await? {
        if app.state.is_handing_over() || app.state.handed_over.is_cancelled() {
            return Ok(());
        }
        let now = clock::now();
        let rests = order
            .parts
            .iter()
            .any(|part| part.problem.is_some() && now.duration_since(part.changed) < TRIED_AGAIN);
        if rests {
            continue;
        }
        // What is done and waits for the log is about the person, too.
        if let Err(error) = app.state.outbox.drain(&app.store, &app.audit).await {
            tracing::debug!(error = crate::telemetry::chain(&error), "an order has to wait");
            return Ok(());
        }
        match erasure::carry_out_given(&app.audit, place, &order, now).await {
            Ok(entries) => {
                tracing::info!(order = %order.id, entries, "an order has changed the log");
            }
            Err(error) => tracing::warn!(
                order = %order.id,
                error = crate::telemetry::chain(&error),
                "an order to change the log is not carried out; it is tried again"
            ),
        }
    }
    Ok(())
}

fn place(app: &App) -> Place<'_> {
    Place {
        state: app.state.state_directory(),
        log_name: app.state.outbox.name(),
        store: &app.store,
    }
}

async fn round(app: &App) -> Result<(), OrderError> {
    // Where another process keeps the log now, it does this too.
    if app.state.is_handing_over() || app.state.handed_over.is_cancelled() {
        return Ok(());
    }
    let (now, place, loaded) = (clock::now(), place(app), app.state.loaded());
    app.store.forget_old_answers(now).await?;
    erasure::tell_what_was_not_told(&app.audit, place).await?;
    let after = loaded.config.audit.pseudonymise_after;
    let erased = erasure::pseudonymise_what_is_old(&app.audit, place, after, now).await?;
    for refused in &erased.refused {
        tracing::warn!(what = refused, "a segment of the log is not pseudonymised");
    }
    if erased.entries > 0 {
        metrics::counter!("geovagt_audit_pseudonymised_total").increment(erased.entries);
        tracing::info!(
            entries = erased.entries,
            order = erased.order,
            "old entries were pseudonymised"
        );
    }
    for period in erasure::drop_spent_keys(place, loaded.config.audit.retention, now).await? {
        tracing::info!(period, "the key of pseudonyms is deleted: nothing of that month is kept");
    }
    Ok(())
}

/// Does what a command asks, and answers when it is done or takes long.
pub(super) async fn obey(app: &App, line: &str) -> Reply {
    let (asked, of) = (line.strip_prefix(AUDIT).unwrap_or_default().to_owned(), app.clone());
    let (done, finished) = oneshot::channel();
    app.tasks.spawn(async move {
        let reply = match act(&of, &asked).await {
            Ok(text) => Reply { ok: true, text },
            Err(text) => Reply { ok: false, text },
        };
        tracing::info!(ok = reply.ok, answer = reply.text, "a command changed the log");
        // Whoever asked may be gone.
        let _ = done.send(reply);
    });
    match tokio::time::timeout(ANSWERED_WITHIN, finished).await {
        Ok(Ok(reply)) => reply,
        Ok(Err(_)) => Reply { ok: false, text: "the gateway stops".to_owned() },
        Err(_) => {
            let text =
                "the order is being carried out; `geovagt audit verify` tells when it is done";
            Reply { ok: true, text: text.to_owned() }
        }
    }
}

async fn act(app: &App, asked: &str) -> Result<String, String> {
    let in_words = |error: &(dyn std::error::Error + 'static)| crate::telemetry::chain(error);
    match asked {
        "rotate-key" => {
            let key = app.audit.change_key().await.map_err(|error| in_words(&error))?;
            Ok(key.to_string())
        }
        "retention" => {
            let gone = app.audit.delete_what_is_over().await.map_err(|error| in_words(&error))?;
            Ok(gone.to_string())
        }
        order => {
            let request: Request = serde_json::from_str(order).map_err(|_| {
                "the gateway does not know this order; is it of another version?".to_owned()
            })?;
            // What is done and waits for the log is about the person, too.
            let told = app.state.outbox.drain(&app.store, &app.audit).await;
            told.map_err(|error| in_words(&error))?;
            let erased = erasure::carry_out(&app.audit, place(app), &request, clock::now()).await;
            let erased = erased.map_err(|error| in_words(&error))?;
            serde_json::to_string(&erased).map_err(|error| error.to_string())
        }
    }
}
