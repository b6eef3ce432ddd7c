//! The exchanges under way on a connection, and who may end one from outside.
//!
//! hyper does not ask a body for more while the client takes nothing, so a body cannot notice by
//! itself that its client has stopped reading, nor that its permission has ended meanwhile. The
//! connection looks after it instead: twice a second, and only while there is an exchange. An
//! exchange shorter than that is never looked at.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

use super::interim::{Interim, Reserved};
use crate::clock;

/// How often exchanges are looked at. With the time in which the gateway learns of a change, what
/// must end has ended within a second.
const INTERVAL: Duration = Duration::from_millis(500);

/// Knows whether an exchange may go on.
pub trait Oversight: Send + Sync + Debug {
    /// Looks at the exchange, about twice a second. True ends it: what is under way is asked once
    /// more and then dropped, which the client sees as an abort.
    fn must_end(&self, now: Instant, transport: Transport) -> bool;
}

/// What the client's connection has carried so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transport {
    /// Octets that the client has taken.
    pub taken: u64,
    /// Octets that came from it.
    pub received: u64,
    /// Whether the connection itself waits for the client to take more.
    pub blocked: bool,
    /// Whether it carries one exchange at a time (HTTP/1.1).
    pub single: bool,
}

/// One exchange, from its head to the end of its answer's body.
#[derive(Debug, Default)]
pub struct Watch {
    oversight: OnceLock<Arc<dyn Oversight>>,
    condemned: AtomicBool,
    /// Whether the answer's head is known.
    answered: AtomicBool,
    task: AtomicWaker,
    interim: Option<Reserved>,
}

impl Watch {
    /// Asks this one from now on. The first call counts.
    pub fn oversee(&self, oversight: Arc<dyn Oversight>) {
        // An exchange is forwarded once.
        let _ = self.oversight.set(oversight);
    }

    /// Where 1xx answers of this exchange go; none where the client can be sent none.
    #[must_use]
    pub fn interim(&self) -> Option<&Reserved> {
        self.interim.as_ref()
    }

    /// The answer's head is known: what it ends by itself is not ended from outside, and no 1xx
    /// follows.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Release);
        self.condemned.store(false, Ordering::Release);
        if let Some(interim) = &self.interim {
            interim.close();
        }
    }

    fn is_condemned(&self) -> bool {
        self.condemned.load(Ordering::Acquire)
    }

    fn look(&self, now: Instant, transport: Transport) {
        // Whoever answers it is asked once more: what is not worth a timer of its own is seen then.
        if !self.answered.load(Ordering::Acquire) {
            self.task.wake();
        }
        let Some(oversight) = self.oversight.get() else { return };
        if oversight.must_end(now, transport) {
            self.condemned.store(true, Ordering::Release);
            self.task.wake();
        }
    }
}

/// What happens on a connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    begun: AtomicU64,
    count: AtomicUsize,
    open: Mutex<Vec<Arc<Watch>>>,
    /// The exchange whose task is about to be spawned (HTTP/2).
    newest: Mutex<Option<Arc<Watch>>>,
    /// The way for 1xx answers, where there is one (HTTP/1.1).
    interim: Option<Arc<Interim>>,
    taken: AtomicU64,
    received: AtomicU64,
    blocked: AtomicBool,
    pub(super) hang_up: CancellationToken,
    /// From now on an answer is the connection's last.
    last: AtomicBool,
}

impl Activity {
    /// Of a connection that carries one exchange at a time.
    pub(super) fn http1() -> Arc<Self> {
        Arc::new(Self { interim: Some(Arc::default()), ..Self::default() })
    }

    /// Of a connection that carries many.
    pub(super) fn http2() -> Arc<Self> {
        Arc::new(Self::default())
    }

    /// Whatever is answered from now on is the connection's last answer.
    pub(super) fn end_after_this(&self) {
        self.last.store(true, Ordering::Release);
    }

    pub(super) fn is_last(&self) -> bool {
        self.last.load(Ordering::Acquire)
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }

    pub(super) fn interim(&self) -> Option<&Arc<Interim>> {
        self.interim.as_ref()
    }

    /// The client's connection was given octets; it took so many, or waits until it can take any.
    pub(super) fn took(&self, outcome: &Poll<io::Result<usize>>) {
        self.blocked.store(outcome.is_pending(), Ordering::Relaxed);
        if let Poll::Ready(Ok(octets)) = outcome {
            self.taken.fetch_add(*octets as u64, Ordering::Relaxed);
        }
    }

    /// So many octets more came from the client.
    pub(super) fn received(&self, octets: usize) {
        self.received.fetch_add(octets as u64, Ordering::Relaxed);
    }

    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    pub(super) fn is_quiet_since(&self, begun: u64) -> bool {
        self.is_quiet() && self.begun() == begun
    }

    /// One exchange at a time: there is a way for 1xx answers, what the connection carries is its
    /// own, and it ends with its connection.
    fn is_single(&self) -> bool {
        self.interim.is_some()
    }

    /// Looks at every exchange that is under way.
    pub(super) fn look(&self, now: Instant) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        let transport = Transport {
            taken: self.taken.load(Ordering::Relaxed),
            received: self.received.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
            single: self.is_single(),
        };
        // Looking is done outside of the lock: the exchanges' own tasks need it.
        let open = lock(&self.open).clone();
        for watch in open {
            watch.look(now, transport);
        }
    }

    /// Whether an exchange goes on that was told to end and can only end with its connection.
    pub(super) fn must_hang_up(&self) -> bool {
        self.is_single() && lock(&self.open).iter().any(|watch| watch.is_condemned())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts an exchange among those under way until it is dropped.
#[derive(Debug)]
pub(super) struct Busy {
    pub(super) activity: Arc<Activity>,
    pub(super) watch: Arc<Watch>,
}

impl Busy {
    /// `takes_interim`: the client's version of HTTP knows 1xx answers.
    pub(super) fn begin(activity: &Arc<Activity>, takes_interim: bool) -> Self {
        let interim = activity.interim.as_ref().filter(|_| takes_interim).map(Reserved::new);
        let watch = Arc::new(Watch { interim, ..Watch::default() });
        activity.begun.fetch_add(1, Ordering::AcqRel);
        activity.count.fetch_add(1, Ordering::AcqRel);
        lock(&activity.open).push(Arc::clone(&watch));
        if !activity.is_single() {
            *lock(&activity.newest) = Some(Arc::clone(&watch));
        }
        Self { activity: Arc::clone(activity), watch }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut open = lock(&self.activity.open);
        if let Some(at) = open.iter().position(|watch| Arc::ptr_eq(watch, &self.watch)) {
            open.swap_remove(at);
        }
        drop(open);
        self.activity.count.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A connection that is looked after. Ready with `None` where an exchange on it had to end and
/// only the end of the connection ends it.
pub(super) async fn overseen<C: Future>(
    mut connection: Pin<&mut C>,
    activity: &Activity,
    ticks: &mut Ticks,
) -> Option<C::Output> {
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            if activity.count.load(Ordering::Acquire) == 0 {
                return Poll::Pending;
            }
            if ticks.poll(cx).is_pending() {
                return Poll::Pending;
            }
            activity.look(clock::instant());
            if activity.must_hang_up() {
                // Asked once more, it may end in a way of its own.
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    return Poll::Ready(Some(ended));
                }
                if activity.must_hang_up() {
                    return Poll::Ready(None);
                }
            }
        }
    })
    .await
}

/// The seconds of a connection with something under way. One that has nothing under way keeps at
/// most one timer that is about to end.
#[derive(Debug, Default)]
pub(super) struct Ticks(Option<Pin<Box<Sleep>>>);

impl Ticks {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.0.get_or_insert_with(|| Box::pin(tokio::time::sleep(INTERVAL)));
        if sleep.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        sleep.as_mut().reset((clock::instant() + INTERVAL).into());
        Poll::Ready(())
    }
}

/// The task of the exchange that has just begun (HTTP/2). It is dropped when its exchange must end
/// and does not end by itself.
pub(super) fn task_of_newest<F>(
    activity: &Activity,
    task: F,
) -> impl Future<Output = ()> + Send + use<F>
where
    F: Future<Output = ()> + Send + 'static,
{
    let watch = lock(&activity.newest).take();
    async move {
        let Some(watch) = watch else { return task.await };
        let mut task = pin!(task);
        poll_fn(|cx| {
            watch.task.register(cx.waker());
            if task.as_mut().poll(cx).is_ready() || watch.is_condemned() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
    }
}
