//! How many connections may be open, in all and from one address.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A handshake that takes longer is ended.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Connections that will be rejected have one place in so many.
const LAST_SHARE: usize = 4;

/// An IPv6 site may have as much as so many addresses: whoever is given its /48 holds 65,536 of those
/// networks that count as one address, and could take every place with them.
pub(crate) const OF_A_SITE: usize = 3;

/// The limits, and what counts against them now. Clones share the counts.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    total: AtomicUsize,
    per_address: AtomicUsize,
    handshake_milliseconds: AtomicU64,
    open: AtomicUsize,
    open_last: AtomicUsize,
    counts: Mutex<Counts>,
}

/// How many are open of each.
#[derive(Debug, Default)]
struct Counts {
    by_address: HashMap<IpAddr, usize>,
    by_site: HashMap<u64, usize>,
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Which limit a connection met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitReached {
    /// As many connections are open as may be.
    #[error("the limit of open connections is reached")]
    Total,
    /// As many are open from this address as may be.
    #[error("the limit of open connections from one address is reached")]
    Address,
    /// As many are open that will be rejected as may be.
    #[error("the limit of open connections that will be rejected is reached")]
    Last,
}

impl LimitReached {
    /// The word for it in metrics.
    #[must_use]
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Total => "limit_total",
            Self::Address => "limit_address",
            Self::Last => "limit_denied",
        }
    }
}

/// One connection's place; dropping it gives the place back.
#[derive(Debug)]
pub struct ConnectionGuard {
    shared: Arc<Shared>,
    address: Option<IpAddr>,
    last: bool,
}

impl Default for ConnectionLimits {
    /// 16,384 in all; 4,096 from one address, because a whole town hall can stand behind one.
    fn default() -> Self {
        Self::new(16_384, 4_096)
    }
}

impl ConnectionLimits {
    /// At most `total` open connections, `per_address` of them from one address.
    #[must_use]
    pub fn new(total: usize, per_address: usize) -> Self {
        Self::with_handshake_time(total, per_address, HANDSHAKE_TIME)
    }

    /// The same; a TLS handshake takes no longer than this.
    #[must_use]
    pub fn with_handshake_time(total: usize, per_address: usize, handshake_time: Duration) -> Self {
        let shared = Shared {
            total: AtomicUsize::new(total),
            per_address: AtomicUsize::new(per_address),
            handshake_milliseconds: AtomicU64::new(milliseconds(handshake_time)),
            open: AtomicUsize::new(0),
            open_last: AtomicUsize::new(0),
            counts: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    pub(super) fn handshake_time(&self) -> Duration {
        Duration::from_millis(self.shared.handshake_milliseconds.load(Ordering::Relaxed))
    }

    /// Other limits, for connections from now on; those that are open stay.
    pub fn change(&self, total: usize, per_address: usize, handshake_time: Duration) {
        self.shared.total.store(total, Ordering::Relaxed);
        self.shared.per_address.store(per_address, Ordering::Relaxed);
        let time = milliseconds(handshake_time);
        self.shared.handshake_milliseconds.store(time, Ordering::Relaxed);
    }

    /// Takes a place for a connection whose client is not known yet.
    ///
    /// # Errors
    /// [`LimitReached::Total`].
    pub fn admit(&self) -> Result<ConnectionGuard, LimitReached> {
        let total = self.shared.total.load(Ordering::Relaxed);
        let more = |open| (open < total).then_some(open + 1);
        match self.shared.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
            Ok(_) => {
                let shared = Arc::clone(&self.shared);
                Ok(ConnectionGuard { shared, address: None, last: false })
            }
            Err(_) => Err(LimitReached::Total),
        }
    }

    /// Takes a place for a connection whose client will be rejected: those have a quarter of all
    /// places between them, so that they can never take the last one.
    ///
    /// # Errors
    /// [`LimitReached::Total`], [`LimitReached::Last`].
    pub(super) fn admit_last(&self) -> Result<ConnectionGuard, LimitReached> {
        let mut guard = self.admit()?;
        guard.take_last_place()?;
        Ok(guard)
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Acquire)
    }
}

impl ConnectionGuard {
    /// Counts the connection against its client's address as well; a trusted proxy's address is
    /// never given here. Whoever holds an IPv6 address holds its /64, so that counts as one; all of
    /// a /48 have as many as three.
    ///
    /// # Errors
    /// [`LimitReached::Address`].
    pub fn count_address(&mut self, ip: IpAddr) -> Result<(), LimitReached> {
        if self.address.is_some() {
            return Ok(());
        }
        let (key, site) = (one_holder(ip), end_site(ip));
        let most = self.shared.per_address.load(Ordering::Relaxed);
        let mut counts = self.shared.counts();
        let of_address = counts.by_address.get(&key).copied().unwrap_or_default();
        let of_site = site.and_then(|site| counts.by_site.get(&site).copied()).unwrap_or_default();
        if of_address >= most || of_site >= most.saturating_mul(OF_A_SITE) {
            return Err(LimitReached::Address);
        }
        *counts.by_address.entry(key).or_default() += 1;
        if let Some(site) = site {
            *counts.by_site.entry(site).or_default() += 1;
        }
        drop(counts);
        self.address = Some(key);
        Ok(())
    }

    /// Counts the connection among those whose client will be rejected.
    ///
    /// # Errors
    /// [`LimitReached::Last`].
    pub(super) fn take_last_place(&mut self) -> Result<(), LimitReached> {
        if self.last {
            return Ok(());
        }
        let last = (self.shared.total.load(Ordering::Relaxed) / LAST_SHARE).max(1);
        let more = |open| (open < last).then_some(open + 1);
        let taken = self.shared.open_last.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        self.last = taken.is_ok();
        taken.map(|_| ()).map_err(|_| LimitReached::Last)
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        // A count is one number: a panic elsewhere cannot leave it half written.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One less; nothing is kept of what has none.
fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if let Some(key) = self.address {
            let mut counts = self.shared.counts();
            one_less(&mut counts.by_address, &key);
            if let Some(site) = end_site(key) {
                one_less(&mut counts.by_site, &site);
            }
        }
        if self.last {
            self.shared.open_last.fetch_sub(1, Ordering::AcqRel);
        }
        self.shared.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The address that stands for all that one client holds.
pub(crate) fn one_holder(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

/// The IPv6 site that an address belongs to: what one is given at most (RFC 6177), its /48.
pub(crate) fn end_site(ip: IpAddr) -> Option<u64> {
    match ip.to_canonical() {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => u64::try_from(v6.to_bits() >> 80).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_total_is_held_and_given_back() {
        let limits = ConnectionLimits::new(2, 9);
        let (first, _second) = (limits.admit().unwrap(), limits.admit().unwrap());
        assert_eq!(limits.admit().unwrap_err(), LimitReached::Total);
        drop(first);
        assert_eq!(limits.open(), 1);
        assert!(limits.admit().is_ok());
    }

    #[test]
    fn other_limits_count_from_then_on() {
        let limits = ConnectionLimits::new(1, 1);
        let first = limits.admit().unwrap();
        limits.change(2, 1, HANDSHAKE_TIME);
        let second = limits.admit().unwrap();
        limits.change(1, 1, HANDSHAKE_TIME);
        drop(first);
        assert_eq!(limits.admit().unwrap_err(), LimitReached::Total);
        drop(second);
        assert!(limits.admit().is_ok());
    }

    #[test]
    fn one_address_has_its_share() {
        let limits = ConnectionLimits::new(99, 2);
        let from = |address: &str| {
            let mut guard = limits.admit().unwrap();
            guard.count_address(ip(address)).map(|()| guard)
        };
        let (first, _second) = (from("1.2.3.4").unwrap(), from("::ffff:1.2.3.4").unwrap());
        assert_eq!(from("1.2.3.4").unwrap_err(), LimitReached::Address);
        assert!(from("1.2.3.5").is_ok());
        drop(first);
        assert!(from("1.2.3.4").is_ok());
        let _whole_network = (from("2a00::1").unwrap(), from("2a00::ffff:1").unwrap());
        assert!(from("2a00::2").is_err());
        assert!(from("2a00:0:0:1::2").is_ok());
    }

    #[test]
    fn a_site_has_as_much_as_three_addresses_however_many_it_holds() {
        let limits = ConnectionLimits::new(99, 2);
        let from = |address: String| {
            let mut guard = limits.admit().unwrap();
            guard.count_address(ip(&address)).map(|()| guard)
        };
        let all: Vec<_> =
            (0..20).filter_map(|n| from(format!("2a00::{n:x}:0:0:0:1")).ok()).collect();
        assert_eq!(all.len(), 6);
        assert!(from("2a00:0:1::1".to_owned()).is_ok(), "the next /48 is another");
        drop(all);
        assert!(from("2a00::7:0:0:0:1".to_owned()).is_ok());
        let shared = limits.shared.counts();
        assert!(shared.by_address.is_empty() && shared.by_site.is_empty());
    }

    #[test]
    fn those_who_will_be_rejected_never_take_the_last_place() {
        let limits = ConnectionLimits::new(8, 99);
        let rejected = (limits.admit_last().unwrap(), limits.admit_last().unwrap());
        assert_eq!(limits.admit_last().unwrap_err(), LimitReached::Last);
        assert_eq!(limits.open(), 2, "a refused connection keeps no place");
        let others: Vec<_> = (0..6).map(|_| limits.admit().unwrap()).collect();
        assert_eq!(limits.admit().unwrap_err(), LimitReached::Total);
        drop((rejected, others));
        let mut later = limits.admit().unwrap();
        later.take_last_place().unwrap();
        later.take_last_place().unwrap();
        assert!(limits.admit_last().is_ok(), "the places came back, and one took only one");
    }

    #[test]
    fn nothing_is_kept_of_addresses_that_are_gone() {
        let limits = ConnectionLimits::new(9, 1);
        let mut guard = limits.admit().unwrap();
        guard.count_address(ip("1.2.3.4")).unwrap();
        guard.count_address(ip("1.2.3.4")).unwrap();
        drop(guard);
        assert!(limits.shared.counts().by_address.is_empty());
        assert_eq!(limits.open(), 0);
    }
}
