//! How many connections may be open, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The limits, and what counts against them now. Clones share the counts.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    total: AtomicUsize,
    per_address: AtomicUsize,
    open: AtomicUsize,
    by_address: Mutex<HashMap<IpAddr, usize>>,
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
}

/// One connection's place; dropping it gives the place back.
#[derive(Debug)]
pub struct ConnectionGuard {
    shared: Arc<Shared>,
    address: Option<IpAddr>,
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
        let shared = Shared {
            total: AtomicUsize::new(total),
            per_address: AtomicUsize::new(per_address),
            open: AtomicUsize::new(0),
            by_address: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Other limits, for connections from now on; those that are open stay.
    pub fn change(&self, total: usize, per_address: usize) {
        self.shared.total.store(total, Ordering::Relaxed);
        self.shared.per_address.store(per_address, Ordering::Relaxed);
    }

    /// Takes a place for a connection whose client is not known yet.
    ///
    /// # Errors
    /// [`LimitReached::Total`].
    pub fn admit(&self) -> Result<ConnectionGuard, LimitReached> {
        let total = self.shared.total.load(Ordering::Relaxed);
        let more = |open| (open < total).then_some(open + 1);
        match self.shared.open.fetch_update(Ordering::AcqRel, Ordering::Acquire, more) {
            Ok(_) => Ok(ConnectionGuard { shared: Arc::clone(&self.shared), address: None }),
            Err(_) => Err(LimitReached::Total),
        }
    }

    /// How many connections are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::Acquire)
    }
}

impl ConnectionGuard {
    /// Counts the connection against its client's address as well; a trusted proxy's address is
    /// never given here. Whoever holds an IPv6 address holds its /64, so that counts as one.
    ///
    /// # Errors
    /// [`LimitReached::Address`].
    pub fn count_address(&mut self, ip: IpAddr) -> Result<(), LimitReached> {
        if self.address.is_some() {
            return Ok(());
        }
        let key = one_holder(ip);
        let mut by_address = self.shared.counts();
        let count = by_address.entry(key).or_insert(0);
        if *count >= self.shared.per_address.load(Ordering::Relaxed) {
            return Err(LimitReached::Address);
        }
        *count += 1;
        drop(by_address);
        self.address = Some(key);
        Ok(())
    }
}

impl Shared {
    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // A count is one number: a panic elsewhere cannot leave it half written.
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        if let Some(key) = self.address {
            let mut by_address = self.shared.counts();
            if let Some(count) = by_address.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    by_address.remove(&key);
                }
            }
        }
        self.shared.open.fetch_sub(1, Ordering::AcqRel);
    }
}

fn one_holder(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
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
        limits.change(2, 1);
        let second = limits.admit().unwrap();
        limits.change(1, 1);
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
    fn nothing_is_kept_of_addresses_that_are_gone() {
        let limits = ConnectionLimits::new(9, 1);
        let mut guard = limits.admit().unwrap();
        guard.count_address(ip("1.2.3.4")).unwrap();
        guard.count_address(ip("1.2.3.4")).unwrap();
        drop(guard);
        assert!(limits.shared.counts().is_empty());
        assert_eq!(limits.open(), 0);
    }
}
