//! Long work beside the traffic, in pieces with naps between them.
//!
//! A thread of little weight gives way to others only at the end of the slice that Linux has given to
//! it: milliseconds for whoever wakes meanwhile on the same core. Giving the core up without sleeping
//! would cost it that slice, which is long where the weight is little. Only for threads that serve
//! nobody.

use std::time::{Duration, Instant};

use crate::clock;

/// After so long a nap is due.
const PIECE: Duration = Duration::from_micros(250);
/// So long: enough for others to begin.
const NAP: Duration = Duration::from_micros(50);

/// When the last nap was.
#[derive(Debug)]
pub(crate) struct Naps {
    since: Instant,
}

impl Naps {
    pub(crate) fn new() -> Self {
        Self { since: clock::instant() }
    }

    /// To be called between two short steps.
    pub(crate) fn if_due(&mut self) {
        if clock::instant().duration_since(self.since) >= PIECE {
            std::thread::sleep(NAP);
            self.since = clock::instant();
        }
    }
}
