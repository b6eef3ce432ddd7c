//! The addresses of a server, resolved anew now and then.
//!
//! Always holds: a name that stops resolving keeps the addresses it had, and no lookup blocks a
//! thread that serves (the operating system is asked on tokio's blocking threads).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use crate::clock;

/// Connections that fail ask for the name again, but not more often than this.
const AT_MOST_EVERY: Duration = Duration::from_secs(1);

/// A resolver that does not answer is given up after this.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where one server is.
#[derive(Debug)]
pub(super) struct Addresses {
    host: Arc<str>,
    port: u16,
    is_name: bool,
    known: ArcSwap<Vec<SocketAddr>>,
    /// The one that answered last goes first.
    first: AtomicUsize,
    /// When the name was asked for last, and whether that failed.
    asked: Mutex<Option<Asked>>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Instant,
    failed: bool,
}

impl Addresses {
    /// Of a host as it stands in a URL.
    pub(super) fn new(host: &str, port: u16) -> Self {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let literal = bare.parse::<IpAddr>().ok();
        let known = literal.map(|ip| SocketAddr::new(ip, port)).into_iter().collect();
        Self {
            host: Arc::from(bare),
            port,
            is_name: literal.is_none(),
            known: ArcSwap::from_pointee(known),
            first: AtomicUsize::new(0),
            asked: Mutex::new(None),
        }
    }

    /// All of them, the one that answered last first; asks for them where none is known yet.
    pub(super) async fn all(&self) -> Result<Vec<SocketAddr>, (Arc<str>, io::Error)> {
        if self.known.load().is_empty() {
            self.refresh(Duration::ZERO).await.map_err(|error| (Arc::clone(&self.host), error))?;
        }
        let mut addresses = Vec::clone(&self.known.load());
        let first = self.first.load(Ordering::Relaxed) % addresses.len().max(1);
        addresses.rotate_left(first);
        Ok(addresses)
    }

    /// This one answered.
    pub(super) fn prefer(&self, address: SocketAddr) {
        if let Some(index) = self.known.load().iter().position(|known| *known == address)
            && self.first.load(Ordering::Relaxed) != index
        {
            self.first.store(index, Ordering::Relaxed);
        }
    }

    /// A connection failed: has the server moved?
    pub(super) async fn have_changed(&self) -> bool {
        self.refresh(AT_MOST_EVERY).await.unwrap_or(false)
    }

    /// Asks for the name where that was not done within `every`. Whether it led elsewhere than
    /// before.
    pub(super) async fn refresh(&self, every: Duration) -> Result<bool, io::Error> {
        if !self.is_name {
            return Ok(false);
        }
        let began = clock::instant();
        let mut asked = self.asked.lock().await;
        // Whoever held the lock may have asked for everybody who waited.
        let recent = asked.filter(|asked| asked.at >= began || began - asked.at < every);
        if recent.is_some_and(|asked| !asked.failed || !self.known.load().is_empty()) {
            return Ok(false);
        }
        let lookup = tokio::net::lookup_host((&*self.host, self.port));
        let found = tokio::time::timeout(PATIENCE, lookup).await;
        let found = found.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let outcome = self.take(found.map(Iterator::collect));
        let failed_before = asked.is_some_and(|asked| asked.failed);
        *asked = Some(Asked { at: clock::instant(), failed: outcome.is_err() });
        if let (Err(error), false) = (&outcome, failed_before) {
            tracing::warn!(
                host = &*self.host, %error,
                "an upstream's name does not resolve; the last known addresses stay in use"
            );
        }
        outcome
    }

    /// What a lookup gave takes the place of what was known, unless it gave nothing.
    fn take(&self, found: io::Result<Vec<SocketAddr>>) -> io::Result<bool> {
        let mut found = found?;
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
        }
        found.dedup();
        let known = self.known.load_full();
        // Some resolvers give the same addresses in another order each time.
        let is_same = known.len() == found.len() && found.iter().all(|at| known.contains(at));
        if is_same {
            return Ok(false);
        }
        tracing::info!(host = &*self.host, addresses = ?found, "an upstream's addresses");
        self.first.store(0, Ordering::Relaxed);
        self.known.store(Arc::new(found));
        Ok(!known.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[tokio::test]
    async fn an_address_needs_no_lookup() {
        for host in ["127.0.0.1", "[::1]"] {
            let addresses = Addresses::new(host, 80);
            let all = addresses.all().await.unwrap();
            assert_eq!(all.len(), 1);
            assert!(all[0].ip().is_loopback() && all[0].port() == 80);
        }
    }

    #[tokio::test]
    async fn a_name_that_stops_resolving_keeps_its_addresses() {
        let addresses = Addresses::new("intranet.invalid", 80);
        assert!(!addresses.take(Ok(vec![at(1), at(2)])).unwrap(), "the first are no change");
        assert!(addresses.refresh(Duration::ZERO).await.is_err());
        assert!(addresses.take(Ok(Vec::new())).is_err());
        assert_eq!(addresses.all().await.unwrap(), [at(1), at(2)]);
        assert!(!addresses.take(Ok(vec![at(2), at(1)])).unwrap(), "the order says nothing");
        assert!(addresses.take(Ok(vec![at(3)])).unwrap());
        assert_eq!(addresses.all().await.unwrap(), [at(3)]);
    }

    #[tokio::test]
    async fn the_address_that_answered_goes_first() {
        let addresses = Addresses::new("intranet.invalid", 80);
        addresses.take(Ok(vec![at(1), at(2), at(3)])).unwrap();
        addresses.prefer(at(2));
        assert_eq!(addresses.all().await.unwrap(), [at(2), at(3), at(1)]);
    }

    #[tokio::test]
    async fn a_name_that_never_resolved_is_an_error() {
        let addresses = Addresses::new("intranet.invalid", 80);
        assert!(addresses.all().await.is_err());
        assert!(addresses.all().await.is_err(), "also the second time");
    }
}
