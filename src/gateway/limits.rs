//! How many requests may be in flight at once, in all and of one client.
//!
//! Always holds: a place is given back when its value is dropped, whatever ended the exchange. No
//! client is told apart by name: counting takes no lock and no memory, however many come.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::client_address::ClientAddress;
use crate::listen::{OF_A_SITE, end_site, one_holder};
use crate::telemetry::traffic;

/// How many counters each of the two rows has.
const COUNTERS: usize = 8192;

/// The places for requests in flight; clones share them.
#[derive(Debug, Clone)]
pub struct RequestLimit {
    places: Arc<Places>,
    shares: Arc<Shares>,
}

/// How many places are taken, and how many there are.
#[derive(Debug)]
struct Places {
    taken: AtomicUsize,
    most: AtomicUsize,
}

/// One of them.
#[derive(Debug)]
struct Place(Arc<Places>);

/// So many logins of other protocols than HTTP are waited for at once, so many of them of one client. A
/// mail program opens a handful of connections at the same time.
const MOST_LOGINS: (usize, usize) = (512, 16);

/// Where all places are taken, whoever has been silent for longer gives theirs to the next. A mail
/// program says its login at once.
const LOGIN_IS_DUE: Duration = Duration::from_secs(3);

/// The places for connections that have not said yet who they are: they take none of anybody's who
/// may pass.
#[derive(Debug)]
pub struct LoginLimit {
    waiting: Arc<Mutex<Waiting>>,
    shares: Arc<Shares>,
}

/// Who is waited for, the first that came first.
#[derive(Debug, Default)]
struct Waiting {
    came: u64,
    places: BTreeMap<u64, (Instant, CancellationToken)>,
}

impl Default for LoginLimit {
    fn default() -> Self {
        Self { waiting: Arc::default(), shares: Arc::new(Shares::new(MOST_LOGINS.1)) }
    }
}

impl LoginLimit {
    /// A place until it is dropped, or none. Never waits. Where all are taken it is the place of
    /// whoever is silent longest, if that is long enough.
    pub(crate) fn enter(&self, client: ClientAddress, now: Instant) -> Option<AwaitedLogin> {
        let ClientAddress::Known(known) = client else { return None };
        let share = self.shares.take(known.seen())?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.places.len() >= MOST_LOGINS.0 {
            let oldest = waiting.places.first_entry()?;
            if now.saturating_duration_since(oldest.get().0) < LOGIN_IS_DUE {
                return None;
            }
            oldest.remove().1.cancel();
        }
        waiting.came += 1;
        let (number, lost) = (waiting.came, CancellationToken::new());
        waiting.places.insert(number, (now, lost.clone()));
        drop(waiting);
        Some(AwaitedLogin { number, lost, waiting: Arc::clone(&self.waiting), _share: share })
    }
}

/// One connection whose login is waited for.
#[derive(Debug)]
pub(crate) struct AwaitedLogin {
    number: u64,
    lost: CancellationToken,
    waiting: Arc<Mutex<Waiting>>,
    _share: Share,
}

impl AwaitedLogin {
    /// Waits until somebody else has the place.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for AwaitedLogin {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.places.remove(&self.number);
    }
}

/// One request in flight.
#[derive(Debug)]
pub struct InFlight {
    _place: Place,
    _share: Option<Share>,
}

/// What each client has, and each IPv6 site.
#[derive(Debug)]
struct Shares {
    most: AtomicU32,
    hasher: RandomState,
    clients: Rows,
    sites: Rows,
}

/// Two rows of counters. A client counts in one of each, which others may share; it has as many as
/// the lower of the two at most. So nobody gets more than a share, and somebody gets less only where
/// others who take all of theirs meet them in both rows.
#[derive(Debug)]
struct Rows([Box<[AtomicU32]>; 2]);

/// Where something counts in both rows.
#[derive(Debug, Clone, Copy)]
struct Cells([usize; 2]);

/// One request's part.
#[derive(Debug)]
struct Share {
    shares: Arc<Shares>,
    client: Cells,
    site: Option<Cells>,
}

impl RequestLimit {
    /// Room for this many requests, so many of them of one client.
    #[must_use]
    pub fn new(places: usize, of_one_client: usize) -> Self {
        Self {
            places: Arc::new(Places { taken: AtomicUsize::new(0), most: AtomicUsize::new(places) }),
            shares: Arc::new(Shares::new(of_one_client)),
        }
    }

    /// Room for other numbers, while requests are in flight: what is taken and too much comes back
    /// before anybody else gets a place.
    pub fn resize(&self, places: usize, of_one_client: usize) {
        self.shares.most.store(share(of_one_client), Ordering::Relaxed);
        self.places.most.store(places, Ordering::Relaxed);
    }

    /// A place, or none where all are taken, or all that this client may have. Never waits: a full
    /// gateway says so at once. A client that is not known has no share to use up; it is rejected
    /// anyway.
    #[must_use]
    pub fn enter(&self, client: ClientAddress) -> Option<InFlight> {
        let share = match client {
            ClientAddress::Known(known) => Some(self.shares.take(known.seen())?),
            ClientAddress::Unknown(_) => None,
        };
        let place = Places::take(&self.places)?;
        traffic::entered();
        Some(InFlight { _place: place, _share: share })
    }
}

impl Places {
    fn take(places: &Arc<Self>) -> Option<Place> {
        let most = places.most.load(Ordering::Relaxed);
        let one_more = |taken: usize| (taken < most).then_some(taken + 1);
        places.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(Place(Arc::clone(places)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

fn share(of_one_client: usize) -> u32 {
    u32::try_from(of_one_client).unwrap_or(u32::MAX)
}

impl Shares {
    fn new(of_one_client: usize) -> Self {
        Self {
            most: AtomicU32::new(share(of_one_client)),
            hasher: RandomState::new(),
            clients: Rows::new(),
            sites: Rows::new(),
        }
    }

    fn cells(&self, key: impl Hash) -> Cells {
        let hash = self.hasher.hash_one(key);
        let index = |bits: u64| usize::try_from(bits).unwrap_or_default() % COUNTERS;
        Cells([index(hash >> 32), index(hash & 0xffff_ffff)])
    }

    fn take(self: &Arc<Self>, client: IpAddr) -> Option<Share> {
        let taken = Share {
            client: self.cells(one_holder(client)),
            site: end_site(client).map(|site| self.cells(site)),
            shares: Arc::clone(self),
        };
        let most = self.most.load(Ordering::Relaxed);
        let of_a_site = most.saturating_mul(share(OF_A_SITE));
        // Both count, and where it is too much, dropping the share takes both back.
        let of_client = self.clients.add(taken.client);
        let of_site = taken.site.map_or(0, |site| self.sites.add(site));
        (of_client < most && of_site < of_a_site).then_some(taken)
    }
}

impl Rows {
    fn new() -> Self {
        let row = || std::iter::repeat_with(AtomicU32::default).take(COUNTERS).collect();
        Self([row(), row()])
    }

    fn counters(&self, cells: Cells) -> impl Iterator<Item = &AtomicU32> {
        self.0.iter().zip(cells.0).filter_map(|(row, at)| row.get(at))
    }

    /// One more; how many there were before.
    fn add(&self, cells: Cells) -> u32 {
        let before = self.counters(cells).map(|counter| counter.fetch_add(1, Ordering::Relaxed));
        before.min().unwrap_or_default()
    }

    fn take_back(&self, cells: Cells) {
        for counter in self.counters(cells) {
            counter.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.shares.clients.take_back(self.client);
        if let Some(site) = self.site {
            self.shares.sites.take_back(site);
        }
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
    use crate::client_address::{KnownAddress, UnknownBecause};
    use crate::clock;

    fn client(address: &str) -> ClientAddress {
        ClientAddress::Known(KnownAddress::new(address.parse().unwrap()).unwrap())
    }

    #[test]
    fn a_full_gateway_says_so_and_a_place_comes_back() {
        let limit = RequestLimit::new(1, 1);
        let first = limit.enter(client("5.6.7.8"));
        assert!(first.is_some());
        assert!(limit.enter(client("5.6.7.9")).is_none());
        drop(first);
        assert!(limit.enter(client("5.6.7.9")).is_some());
    }

    #[test]
    fn no_client_takes_all_and_none_pays_for_another() {
        let limit = RequestLimit::new(10_000, 3);
        let all = |address: &str| {
            let taken = (0..10).filter_map(|_| limit.enter(client(address)));
            taken.collect::<Vec<_>>()
        };
        let first = all("5.6.7.8");
        assert_eq!(first.len(), 3);
        assert_eq!(all("5.6.7.9").len(), 3);
        // Whoever holds an IPv6 address holds its /64.
        let sixth = [all("2a00::1"), all("2a00::2")].concat_lengths();
        assert_eq!(sixth, 3);
        let next = all("2a00:0:0:1::1");
        assert_eq!(next.len(), 3);
        // A /48 holds 65,536 of those, and has as much as three.
        let site: Vec<_> = (2..20).flat_map(|n| all(&format!("2a00:0:0:{n:x}::1"))).collect();
        assert_eq!(next.len() + site.len(), 9);
        assert_eq!(all("2a00:0:1::1").len(), 3);
        // What was refused has not been counted, and what ends comes back.
        drop(first);
        assert_eq!(all("5.6.7.8").len(), 3);
        let unknown = ClientAddress::Unknown(UnknownBecause::HeaderMissing);
        assert!((0..10).all(|_| limit.enter(unknown).is_some()));
    }

    /// Ten clients that take all they may leave a thousand others alone.
    #[test]
    fn the_greedy_do_not_hide_the_others() {
        let limit = RequestLimit::new(100_000, 100);
        let greedy: Vec<_> = (0..10)
            .flat_map(|n| (0..100).map(move |_| n))
            .map(|n| limit.enter(client(&format!("5.6.7.{n}"))).unwrap())
            .collect();
        let refused = (0..1000_u32)
            .filter(|n| limit.enter(client(&format!("9.{}.{}.1", n / 250, n % 250))).is_none())
            .count();
        assert!(refused <= 1, "{refused} of 1000");
        assert_eq!(greedy.len(), 1000);
    }

    #[test]
    fn logins_that_are_waited_for_have_places_of_their_own() {
        let (limit, now) = (LoginLimit::default(), clock::instant());
        let (most, of_one) = MOST_LOGINS;
        let own: Vec<_> = (0..100).filter_map(|_| limit.enter(client("61.19.0.1"), now)).collect();
        assert_eq!(own.len(), of_one);
        let others: Vec<_> = (0..1000_u32)
            .filter_map(|n| limit.enter(client(&format!("61.20.{}.{}", n / 250, n % 250)), now))
            .collect();
        assert_eq!(own.len() + others.len(), most);
        drop(own);
        assert!(limit.enter(client("61.19.0.1"), now).is_some());
        let unknown = ClientAddress::Unknown(UnknownBecause::HeaderMissing);
        assert!(limit.enter(unknown, now).is_none());
    }

    #[test]
    fn whoever_is_silent_gives_the_place_to_the_next_and_to_nobody_before_its_time() {
        let (limit, now) = (LoginLimit::default(), clock::instant());
        let silent: Vec<_> = (0..MOST_LOGINS.0)
            .filter_map(|n| limit.enter(client(&format!("61.20.{}.{}", n / 250, n % 250)), now))
            .collect();
        let early = now + LOGIN_IS_DUE / 2;
        assert!(limit.enter(client("61.19.0.1"), early).is_none(), "they may still speak");
        let due = now + LOGIN_IS_DUE;
        let first = limit.enter(client("61.19.0.1"), due).unwrap();
        let lost =
            |of: &[AwaitedLogin]| of.iter().filter(|place| place.lost.is_cancelled()).count();
        assert_eq!((lost(&silent), silent[0].lost.is_cancelled()), (1, true));
        let second = limit.enter(client("61.19.0.2"), due).unwrap();
        assert_eq!((lost(&silent), lost(&[first, second])), (2, 0));
        drop(silent);
        assert!(limit.waiting.lock().unwrap().places.is_empty(), "whose place was lost has none");
    }

    trait Lengths {
        fn concat_lengths(&self) -> usize;
    }

    impl Lengths for [Vec<InFlight>; 2] {
        fn concat_lengths(&self) -> usize {
            self.iter().map(Vec::len).sum()
        }
    }

    #[test]
    fn another_size_counts_as_places_come_back() {
        let limit = RequestLimit::new(2, 9);
        let (first, second) = (limit.enter(client("5.6.7.8")), limit.enter(client("5.6.7.8")));
        limit.resize(1, 9);
        drop(first);
        assert!(limit.enter(client("5.6.7.8")).is_none(), "the second alone fills it");
        drop(second);
        let again = limit.enter(client("5.6.7.8"));
        assert!(again.is_some());
        limit.resize(3, 9);
        let more = (limit.enter(client("5.6.7.8")), limit.enter(client("5.6.7.8")));
        assert!(more.0.is_some() && more.1.is_some() && limit.enter(client("5.6.7.8")).is_none());
        drop((again, more));
        limit.resize(3, 1);
        let only = limit.enter(client("5.6.7.8"));
        assert!(only.is_some() && limit.enter(client("5.6.7.8")).is_none());
    }
}
