//! Tasks and their owner, signals, two-stage shutdown.
//!
//! Always holds: every task is spawned on a [`Tasks`], which waits for it at shutdown.

use std::future::Future;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The owner of tasks. Clones share the same set.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
    aborting: CancellationToken,
}

impl Tasks {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task until it ends, or until shutdown loses its patience.
    pub fn spawn<F>(&self, task: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let aborting = self.aborting.clone();
        // The runtime moves a task several times before it runs and once more when it has ended.
        let task = Box::pin(task);
        self.tracker.spawn(async move {
            tokio::select! {
                () = task => {}
                () = aborting.cancelled() => {}
            }
        });
    }

    /// Becomes ready when tasks should finish what they do and begin nothing new.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }

    /// First stage: asks every task to finish.
    pub fn stop(&self) {
        self.stopping.cancel();
        self.tracker.close();
    }

    /// Waits until every task has ended. Call [`Tasks::stop`] first.
    pub async fn finished(&self) {
        self.tracker.wait().await;
    }

    /// Second stage: ends what is left.
    pub fn abort(&self) {
        self.stop();
        self.aborting.cancel();
    }

    /// How many tasks have not ended.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tracker.len()
    }
}

/// The signals that a gateway obeys. From [`Signals::listen`] on none of them ends the process by
/// itself; each waits until it is asked for.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// Where the operating system does not let it.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT and gives its name; at each SIGHUP meanwhile runs `reload`.
    pub async fn stop<F, R>(&mut self, reload: F) -> &'static str
    where
        F: Fn() -> R,
        R: Future,
    {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => {
                    reload().await;
                }
            }
        }
    }
}
