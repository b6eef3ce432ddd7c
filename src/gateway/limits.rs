//! How many requests may be in flight at once.
//!
//! Always holds: a place is given back when its value is dropped, whatever ended the exchange.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::traffic;

/// The places for requests in flight; clones share them.
#[derive(Debug, Clone)]
pub struct RequestLimit {
    places: Arc<Semaphore>,
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
        Self { places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))) }
    }

    /// A place, or none where all are taken. Never waits: a full gateway says so at once.
    #[must_use]
    pub fn enter(&self) -> Option<InFlight> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        traffic::entered();
        Some(InFlight { _place: place })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        traffic::left();
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
}
