//! The one place that reads the time and draws random bytes.
//!
//! Everything else takes `now` or bytes as an argument (`clippy.toml` forbids the alternatives),
//! so that a test can stand at any instant and a decision can be made again later.

use std::time::Instant;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_bytes::<16>(), random_bytes::<16>());
    }
}
