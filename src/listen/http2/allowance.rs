//! What a client may do beside asking: control frames, and requests that it takes back.
//!
//! Each frame that does no useful work costs one; a request and each piece of an answer that went
//! out earn some, and a quiet connection earns with time. A browser, an upload or a long event
//! stream stays far from the end of it; a flood of any one frame reaches it within a few thousand.

use std::time::Instant;

use crate::clock;

/// What a connection begins with and never has more than: a few milliseconds of work.
const MOST: u32 = 2_000;
/// A request brings PRIORITY_UPDATE, CONTINUATION, WINDOW_UPDATE and perhaps its own end.
const BY_REQUEST: u32 = 20;
/// A client acknowledges a piece of an answer with two WINDOW_UPDATEs and measures with a PING.
const BY_DATA: u32 = 4;
/// A client that is quiet keeps its connection alive with PINGs, the busiest one several a second.
const BY_SECOND: u32 = 20;
/// So many streams may end in a reset before anybody asks how many did not. A browser takes back all
/// that a page still loads when its person goes on.
const RESETS: u32 = 200;

/// The balance of one connection.
#[derive(Debug)]
pub(super) struct Allowance {
    left: u32,
    filled: Instant,
    requests: u32,
    resets: u32,
}

impl Allowance {
    pub(super) fn new() -> Self {
        Self { left: MOST, filled: clock::instant(), requests: 0, resets: 0 }
    }

    /// A request began.
    pub(super) fn request(&mut self) {
        self.requests = self.requests.saturating_add(1);
        self.earn(BY_REQUEST);
    }

    /// A piece of an answer went out.
    pub(super) fn answered(&mut self) {
        self.earn(BY_DATA);
    }

    /// A frame came that does no work; whether there was still something for it.
    pub(super) fn spend(&mut self) -> bool {
        if self.left == 0 {
            let now = clock::instant();
            let seconds = now.saturating_duration_since(self.filled).as_secs();
            if seconds > 0 {
                self.filled = now;
                self.earn(u32::try_from(seconds).unwrap_or(MOST).saturating_mul(BY_SECOND));
            }
        }
        let paid = self.left > 0;
        self.left = self.left.saturating_sub(1);
        paid
    }

    /// A stream ended in a reset, whoever sent it (CVE-2023-44487, CVE-2025-8671).
    pub(super) fn reset(&mut self) {
        self.resets = self.resets.saturating_add(1);
    }

    /// Whether most of what it asked for was asked in vain.
    pub(super) fn mostly_resets(&self) -> bool {
        self.resets > RESETS && self.resets > self.requests / 2
    }

    fn earn(&mut self, by: u32) {
        self.left = self.left.saturating_add(by).min(MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_earns_and_idle_frames_cost() {
        let mut allowance = Allowance::new();
        for _ in 0..10 * MOST {
            allowance.request();
            assert!((0..BY_REQUEST).all(|_| allowance.spend()));
        }
        let spent = (0..10 * MOST).take_while(|_| allowance.spend()).count();
        assert!(spent <= 2 * MOST as usize, "{spent}");
    }

    #[test]
    fn resets_are_held_against_requests() {
        let mut allowance = Allowance::new();
        for _ in 0..RESETS {
            allowance.request();
            allowance.reset();
            assert!(!allowance.mostly_resets());
        }
        allowance.reset();
        assert!(allowance.mostly_resets());
        (0..3 * RESETS).for_each(|_| allowance.request());
        assert!(!allowance.mostly_resets());
    }
}
