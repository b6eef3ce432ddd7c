//! The one place that reads the time and draws random bytes.
//!
//! Everything else takes `now` or bytes as an argument (`clippy.toml` forbids the alternatives),
//! so that a test can stand at any instant and a decision can be made again later.

use std::cell::RefCell;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The wall clock, UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the wall clock")]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// The monotonic clock, for durations and limits.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the place that reads the monotonic clock")]
pub fn instant() -> Instant {
    Instant::now()
}

/// The monotonic clock to within a few milliseconds, for limits that every request looks at: the
/// kernel keeps this one ready, where the exact one asks the processor.
#[must_use]
pub fn about() -> Instant {
    static BEGAN: OnceLock<(Instant, Duration)> = OnceLock::new();
    let coarse = || {
        let now = rustix::time::clock_gettime(COARSE);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or(0))
    };
    let (instant, then) = BEGAN.get_or_init(|| (instant(), coarse()));
    instant.checked_add(coarse().saturating_sub(*then)).unwrap_or(*instant)
}

#[cfg(target_os = "linux")]
const COARSE: rustix::time::ClockId = rustix::time::ClockId::MonotonicCoarse;
#[cfg(not(target_os = "linux"))]
const COARSE: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

/// The monotonic clock as the service manager counts it, in microseconds.
#[must_use]
pub fn monotonic_microseconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
    seconds.saturating_mul(1_000_000).saturating_add(u64::try_from(now.tv_nsec).unwrap_or(0) / 1000)
}

/// Bytes from the operating system's random generator, through the TLS library's.
///
/// A generator that fails would make every secret guessable, so the process ends instead.
#[must_use]
#[expect(clippy::panic, reason = "going on without randomness would open the gateway")]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => bytes,
        Err(_) => panic!("the operating system gave no random bytes"),
    }
}

/// The same for what tells entries apart and protects them in the log, which every request needs:
/// drawn in bulk, a block for each thread, and wiped once given out. Not for secrets.
#[must_use]
pub fn random_bytes_in_bulk<const N: usize>() -> [u8; N] {
    const BLOCK: usize = 1024;
    thread_local! {
        static LEFT: RefCell<([u8; BLOCK], usize)> = const { RefCell::new(([0; BLOCK], 0)) };
    }
    LEFT.with_borrow_mut(|(block, left)| {
        if *left < N {
            *block = random_bytes();
            *left = BLOCK;
        }
        let range = left.saturating_sub(N)..*left;
        let given = block.get(range.clone()).and_then(|bytes| <[u8; N]>::try_from(bytes).ok());
        if let Some(given_out) = block.get_mut(range.clone()) {
            given_out.fill(0);
        }
        *left = range.start;
        given.unwrap_or_else(random_bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_is_close_to_the_instant_and_never_goes_back() {
        let mut before = about();
        for _ in 0..1000 {
            let (earlier, now, later) = (instant(), about(), instant());
            let tick = Duration::from_millis(50);
            assert!(now + tick >= earlier && now <= later + tick);
            assert!(now >= before);
            before = now;
        }
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<16>(), random_bytes::<16>());
    }

    #[test]
    fn nothing_that_was_drawn_in_bulk_comes_twice() {
        let drawn: std::collections::HashSet<[u8; 10]> =
            (0..1000).map(|_| random_bytes_in_bulk()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(!drawn.contains(&[0; 10]));
        // More than a block holds is drawn on its own.
        assert_ne!(random_bytes_in_bulk::<2000>(), random_bytes_in_bulk::<2000>());
    }
}
