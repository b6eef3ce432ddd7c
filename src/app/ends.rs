//! Telling history and log that the time of an exemption is over. Nothing ends by it: without this
//! task, or the store, everything ends at the same instant and only nobody tells.

use std::time::Duration;

use super::App;
use crate::clock;

/// An end is told within this time and a little more.
const EVERY: Duration = Duration::from_secs(5);

/// Starts the task.
pub(super) fn spawn(app: &App) {
    let app = app.clone();
    let tasks = app.tasks.clone();
    tasks.spawn(async move {
        let stopping = app.tasks.stopping();
        loop {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = stopping.cancelled() => return,
            }
            if let Err(error) = app.store.note_ends(clock::now()).await {
                // Whoever watches the store says so already, in a louder voice.
                tracing::debug!(
                    error = crate::telemetry::chain(&error),
                    "the ends of exemptions were not written down; they are found again"
                );
            }
        }
    });
}
