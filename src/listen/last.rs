//! Work that comes after everything else.
//!
//! May use tokio; knows nothing of what the work is. Always holds: a place is held only while the
//! work computes, never while it waits for a client, so that silent clients hold none.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Each step of a future waits for one of a few places, and then lets everything that is ready go
/// first. However many of them there are, others wait for one step, not for all of them.
pub(super) struct Last<F> {
    work: Pin<Box<F>>,
    places: Arc<Semaphore>,
    next: Next,
}

type Turn = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>;

enum Next {
    /// Ask for a place when the work is woken.
    Ask,
    /// A place is on its way.
    Waiting(Turn),
}

impl<F: Future> Last<F> {
    pub(super) fn new(work: F, places: Arc<Semaphore>) -> Self {
        Self { work: Box::pin(work), places, next: Next::Ask }
    }
}

impl<F: Future> Future for Last<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let places = &this.places;
        let ask = || -> Turn {
            let places = Arc::clone(places);
            Box::pin(async move {
                // Nobody closes the semaphore; were it closed, nobody would wait in vain.
                let place = places.acquire_owned().await.ok();
                tokio::task::yield_now().await;
                place
            })
        };
        if let Next::Ask = this.next {
            this.next = Next::Waiting(ask());
        }
        let Next::Waiting(turn) = &mut this.next else { return Poll::Pending };
        let _place = ready!(turn.as_mut().poll(cx));
        this.next = Next::Ask;
        this.work.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Computes in so many steps, and counts how many do so at the same time.
    async fn work(steps: usize, running: &AtomicUsize, most: &AtomicUsize) {
        for _ in 0..steps {
            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
            most.fetch_max(now, Ordering::SeqCst);
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_more_compute_at_once_than_there_are_places() {
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let places = Arc::new(Semaphore::new(1));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..64 {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let work = async move { work(50, &running, &most).await };
            tasks.spawn(Last::new(work, Arc::clone(&places)));
        }
        tasks.join_all().await;
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_client_holds_no_place() {
        let places = Arc::new(Semaphore::new(1));
        let mut silent = Last::new(std::future::pending::<()>(), Arc::clone(&places));
        for _ in 0..4 {
            let waited = tokio::select! {
                biased;
                () = &mut silent => false,
                () = tokio::task::yield_now() => true,
            };
            assert!(waited);
        }
        Last::new(std::future::ready(()), Arc::clone(&places)).await;
        assert_eq!(places.available_permits(), 1);
    }
}
