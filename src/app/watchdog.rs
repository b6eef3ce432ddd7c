//! Tells the service manager that the gateway is alive, as long as it is.
//!
//! Always holds: nothing is told while no connection is taken or the log's writer stands still. A
//! full disk is no reason: a restart would not help.

use super::App;

/// Runs on the runtime that serves: where that stands still, nothing is told either.
pub(super) fn spawn(app: &App) {
    let Some(interval) = app.state.manager.watchdog_interval() else { return };
    let app = app.clone();
    let stopping = app.tasks.stopping();
    app.tasks.clone().spawn(async move {
        let mut pulse = None;
        loop {
            if is_alive(&app, &mut pulse) {
                app.state.manager.alive();
            } else {
                tracing::error!("the service manager is not told that the gateway is alive");
            }
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = stopping.cancelled() => return,
            }
        }
    });
}

fn is_alive(app: &App, pulse: &mut Option<u64>) -> bool {
    let now = app.audit.pulse();
    let before = std::mem::replace(pulse, now);
    if now.is_none() {
        tracing::error!("the log's writer has ended");
        return false;
    }
    if now == before {
        tracing::error!("the log's writer stands still");
        return false;
    }
    // In a hand-over the other process accepts.
    let accepting = app.listening.is_accepting() || app.state.is_handing_over();
    if !accepting {
        tracing::error!("a listener takes no connections");
    }
    accepting
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::app::reload::tests::running;

    /// Whether it counts as alive when the writer has had the time for a turn.
    async fn is_alive_now(app: &App, pulse: &mut Option<u64>) -> bool {
        let before = app.audit.pulse();
        for _ in 0..100 {
            if app.audit.pulse() != before {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        is_alive(app, pulse)
    }

    #[tokio::test]
    async fn nothing_is_told_while_connections_rest_or_the_writer_does() {
        let directory = tempfile::tempdir().unwrap();
        let running = running(directory.path()).await;
        let app = running.app.clone();
        let mut pulse = None;
        assert!(is_alive_now(&app, &mut pulse).await);
        assert!(is_alive_now(&app, &mut pulse).await);
        pulse = app.audit.pulse();
        let stood_still = is_alive(&app, &mut pulse.clone());
        assert!(!stood_still || app.audit.pulse() != pulse, "no turn since the last look");
        app.listening.pause();
        assert!(!is_alive_now(&app, &mut pulse).await);
        app.state.set_handing_over(true);
        assert!(is_alive_now(&app, &mut pulse).await);
        app.state.set_handing_over(false);
        app.listening.resume(&app);
        assert!(is_alive_now(&app, &mut pulse).await);
        app.audit.close().await;
        assert!(!is_alive_now(&app, &mut pulse).await);
        running.stop().await;
    }
}
