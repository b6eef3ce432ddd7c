//! Tasks and their owner, signals, two-stage shutdown.
//!
//! Always holds: every task is spawned on a [`Tasks`], which waits for it at shutdown.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The owner of tasks. Clones share the same set.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stopping: CancellationToken,
    aborting: CancellationToken,
    /// Of a part: becomes ready when the whole is stopping.
    whole: Option<CancellationToken>,
}

impl Tasks {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of these tasks that can be stopped and aborted by itself, and is whenever they are.
    /// The whole waits for its tasks too.
    #[must_use]
    pub fn part(&self) -> Self {
        Self {
            tracker: self.tracker.clone(),
            stopping: self.stopping.child_token(),
            aborting: self.aborting.child_token(),
            whole: Some(self.whole.clone().unwrap_or_else(|| self.stopping.clone())),
        }
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
            let aborted = OnWake::new(aborting.cancelled());
            tokio::select! {
                biased;
                () = task => {}
                () = aborted => {}
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
        if self.whole.is_none() {
            self.tracker.close();
        }
    }

    /// Asks every task to finish and ends what is left after `patience`. For a part of the whole,
    /// which goes on.
    pub fn drain(&self, patience: std::time::Duration) {
        self.stop();
        let Some(whole) = self.whole.clone() else { return };
        let part = self.clone();
        self.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(patience) => part.abort(),
                // From here on the whole's own patience counts.
                () = whole.cancelled() => {}
            }
        });
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

/// A future that is polled only when it was woken, however often its task runs. Waiting for something
/// that all tasks wait for takes a lock that all share; with this, a busy task takes it once.
#[derive(Debug)]
pub(crate) struct OnWake<F> {
    future: Pin<Box<F>>,
    alarm: Arc<Alarm>,
    task: Option<Waker>,
}

#[derive(Debug)]
struct Alarm {
    rung: AtomicBool,
    task: Mutex<Option<Waker>>,
}

impl<F> OnWake<F> {
    pub(crate) fn new(future: F) -> Self {
        let alarm = Alarm { rung: AtomicBool::new(true), task: Mutex::new(None) };
        Self { future: Box::pin(future), alarm: Arc::new(alarm), task: None }
    }
}

impl<F: Future> Future for OnWake<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        if !this.task.as_ref().is_some_and(|task| task.will_wake(cx.waker())) {
            this.task = Some(cx.waker().clone());
            *this.alarm.waker() = Some(cx.waker().clone());
        }
        if !this.alarm.rung.load(Ordering::Relaxed)
            || !this.alarm.rung.swap(false, Ordering::AcqRel)
        {
            return Poll::Pending;
        }
        let waker = Waker::from(Arc::clone(&this.alarm));
        this.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

impl Alarm {
    fn waker(&self) -> std::sync::MutexGuard<'_, Option<Waker>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        if let Some(task) = &*self.waker() {
            task.wake_by_ref();
        }
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_part_ends_by_itself_and_the_whole_goes_on() {
        let whole = Tasks::new();
        let (part, other) = (whole.part(), whole.part());
        part.spawn(std::future::pending());
        other.spawn(std::future::pending());
        part.drain(Duration::ZERO);
        assert!(part.stopping().is_cancelled());
        assert!(!whole.stopping().is_cancelled() && !other.stopping().is_cancelled());
        while whole.count() > 1 {
            tokio::task::yield_now().await;
        }
        whole.abort();
        assert!(other.stopping().is_cancelled());
        whole.finished().await;
    }

    #[tokio::test]
    async fn a_long_patience_with_a_part_does_not_hold_up_the_whole() {
        let whole = Tasks::new();
        whole.part().drain(Duration::from_secs(3600));
        whole.stop();
        whole.finished().await;
    }
}
