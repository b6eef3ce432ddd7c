//! What becomes of the log with time, beside the requests: pseudonyms in the place of what is old,
//! keys that nobody needs; and orders that a command hands over. What programs were answered a day
//! ago goes in the same round.

use std::time::Duration;

use tokio::sync::oneshot;

use super::App;
use crate::clock;
use crate::control::{AUDIT, Reply};
use crate::erasure::{self, OrderError, Place, Request};

/// How often is looked for what has grown old.
const EVERY: Duration = Duration::from_secs(3600);
/// The first time so long after the start, when what is urgent is done.
const FIRST: Duration = Duration::from_secs(30);
/// So long a command waits for its order; it goes on without it.
const ANSWERED_WITHIN: Duration = Duration::from_secs(45);

/// Starts it.
pub(super) fn spawn(app: &App) {
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
    let in_words = |error: &dyn std::error::Error| crate::telemetry::chain(error);
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
