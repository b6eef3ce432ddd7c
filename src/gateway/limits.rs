//! How many requests may be in flight at once.
//!
//! Always holds: a place is given back when its value is dropped, whatever ended the exchange.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::lifecycle::Tasks;

/// The places for requests in flight; clones share them.
#[derive(Debug, Clone)]
pub struct RequestLimit {
    places: Arc<Semaphore>,
    size: Arc<Mutex<usize>>,
}

/// One request in flight.
#[derive(Debug)]
pub struct InFlight {
    _place: OwnedSemaphorePermit,
}

impl RequestLimit {
    /// Room for this many requests.
    #[must_use]
    pub fn new(places: usize) -> Self {
        let places = places.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(places)), size: Arc::new(Mutex::new(places)) }
    }

    /// Room for another number, while requests are in flight: places that are taken and too many go
    /// as they come back, before anybody else gets them.
    pub fn resize(&self, places: usize, tasks: &Tasks) {
        let places = places.min(Semaphore::MAX_PERMITS);
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *size, places);
        if places >= before {
            self.places.add_permits(places - before);
            return;
        }
        let owed = before - places;
        let owed = owed - self.places.forget_permits(owed);
        drop(size);
        let (waiting, stopping) = (Arc::clone(&self.places), tasks.stopping());
        tasks.spawn(async move {
            for _ in 0..owed {
                tokio::select! {
                    place = waiting.acquire() => place.into_iter().for_each(SemaphorePermit::forget),
                    () = stopping.cancelled() => return,
                }
            }
        });
    }

    /// A place, or none where all are taken. Never waits: a full gateway says so at once.
    #[must_use]
    pub fn enter(&self) -> Option<InFlight> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        metrics::gauge!("geovagt_requests_in_flight").increment(1.0);
        Some(InFlight { _place: place })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("geovagt_requests_in_flight").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_gateway_says_so_and_a_place_comes_back() {
        let limit = RequestLimit::new(1);
        let first = limit.enter();
        assert!(first.is_some());
        assert!(limit.enter().is_none());
        drop(first);
        assert!(limit.enter().is_some());
    }
    #[tokio::test]
    async fn another_size_counts_as_places_come_back() {
        let (limit, tasks) = (RequestLimit::new(2), Tasks::new());
        let (first, second) = (limit.enter(), limit.enter());
        limit.resize(1, &tasks);
        tokio::task::yield_now().await;
        drop(first);
        tokio::task::yield_now().await;
        assert!(limit.enter().is_none(), "the second alone fills it");
        drop(second);
        let again = limit.enter();
        assert!(again.is_some());
        limit.resize(3, &tasks);
        let more = (limit.enter(), limit.enter());
        assert!(more.0.is_some() && more.1.is_some() && limit.enter().is_none());
    }
}
