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
