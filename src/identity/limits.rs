//! How often somebody may try a password.
//!
//! A stranger is whoever has not proven the account from this network since the gateway started.
//! - Each client network (an IPv4 address, an IPv6 /64) has so many attempts, over all accounts.
//! - Each IPv6 /48 has so many too: whoever is given one holds 65,536 of those networks, and could
//!   fill the queue in front of the password function with them.
//! - Each account has so many attempts *from each network*: guessing from one place does not use up
//!   the traveller's attempts from another.
//! - Each account has a wide allowance over all networks of strangers. Once it is used up, further
//!   attempts of strangers are delayed, not refused.
//! - Where the account has been proven before, only an allowance of that account and network counts.
//!
//! What is left: strangers behind the traveller's own address (a hotel) who know the name can use up
//! that allowance until it fills again, seconds later.
//!
//! Names that do not exist are counted as those that do. Memory is fixed, however many names and
//! addresses are made up: allowances live in a sketch of four rows with secret hashing, so nobody can
//! aim at another's cells; a thousand allowances that are used up at the same time spoil a given one
//! with a chance of one in twenty million.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::How;
use crate::identifier::OrganizationId;
use crate::store::AccountId;

/// So many at once, then one each `refill`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowance {
    pub(super) burst: u32,
    pub(super) refill: Duration,
}

/// The numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quotas {
    pub(super) network: Allowance,
    pub(super) end_site: Allowance,
    pub(super) account_and_network: Allowance,
    pub(super) account: Allowance,
    pub(super) proven_before: Allowance,
    pub(super) outside: Allowance,
    pub(super) outside_end_site: Allowance,
    pub(super) longest_delay: Duration,
}

impl Default for Quotas {
    fn default() -> Self {
        let allowance = |burst, seconds| Allowance { burst, refill: Duration::from_secs(seconds) };
        Self {
            network: allowance(20, 3),
            end_site: allowance(60, 1),
            account_and_network: allowance(5, 12),
            account: allowance(60, 5),
            proven_before: allowance(30, 2),
            outside: allowance(40, 2),
            outside_end_site: allowance(120, 1),
            longest_delay: Duration::from_secs(3),
        }
    }
}

impl Quotas {
    /// In milliseconds, how far ahead of the clock any of them may reach.
    fn longest_window(&self) -> u64 {
        let Self { network, end_site, account_and_network, account, proven_before, .. } = self;
        let Self { outside, outside_end_site, .. } = self;
        let all = [
            network,
            end_site,
            account_and_network,
            account,
            proven_before,
            outside,
            outside_end_site,
        ];
        all.into_iter().map(Allowance::window).max().unwrap_or(0)
    }
}

impl Allowance {
    fn refill_milliseconds(&self) -> u64 {
        u64::try_from(self.refill.as_millis()).unwrap_or(u64::MAX).max(1)
    }

    fn window(&self) -> u64 {
        self.refill_milliseconds().saturating_mul(u64::from(self.burst))
    }
}

/// What an attempt may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Prove the password now, ahead of strangers.
    Preferred,
    /// Prove the password after this long.
    Stranger(Duration),
    /// Come back later.
    Refused,
}

/// An attempt, as far as limits look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim<'a> {
    pub(super) organization: &'a OrganizationId,
    pub(super) name: &'a str,
    pub(super) account: Option<&'a AccountId>,
    pub(super) client: IpAddr,
    pub(super) how: How,
}

/// Who was proven from where is remembered for so many pairs.
const REMEMBERED: usize = 16_384;

pub(super) struct Limits {
    quotas: Quotas,
    sketch: Mutex<Sketch>,
    proven: Mutex<HashMap<(AccountId, Network), Timestamp>>,
}

impl Limits {
    pub(super) fn new(quotas: Quotas) -> Self {
        let sketch = Mutex::new(Sketch::new(quotas.longest_window()));
        Self { quotas, sketch, proven: Mutex::new(HashMap::new()) }
    }

    /// Uses up one attempt, where there is one left.
    pub(super) fn admit(&self, claim: &Claim<'_>, now: Timestamp) -> Admission {
        let network = Network::of(claim.client);
        let person = (claim.organization, claim.name);
        let quotas = &self.quotas;
        let proven = claim
            .account
            .is_some_and(|account| lock(&self.proven).contains_key(&(account.clone(), network)));
        let mut sketch = lock(&self.sketch);
        if proven {
            let key = ("proven", person, network, claim.how);
            return match sketch.take(&key, quotas.proven_before, now) {
                Ok(()) => Admission::Preferred,
                Err(_) => Admission::Refused,
            };
        }
        let here = ("here", person, network, claim.how);
        let admitted = sketch
            .take(&here, quotas.account_and_network, now)
            .and_then(|()| sketch.take(&("network", network), quotas.network, now))
            .and_then(|()| match network.end_site() {
                Some(prefix) => sketch.take(&("prefix", prefix), quotas.end_site, now),
                None => Ok(()),
            });
        if admitted.is_err() {
            return Admission::Refused;
        }
        match sketch.take(&("account", person), quotas.account, now) {
            Ok(()) => Admission::Stranger(Duration::ZERO),
            Err(wait) => Admission::Stranger(wait.min(quotas.longest_delay)),
        }
    }

    /// Uses up one of the questions that a network may make us ask a provider, or one verification of
    /// what it brought along.
    pub(super) fn admit_stranger(&self, client: IpAddr, now: Timestamp) -> bool {
        let network = Network::of(client);
        let mut sketch = lock(&self.sketch);
        let admitted = sketch.take(&("outside", network), self.quotas.outside, now);
        admitted
            .and_then(|()| match network.end_site() {
                Some(prefix) => {
                    sketch.take(&("outside prefix", prefix), self.quotas.outside_end_site, now)
                }
                None => Ok(()),
            })
            .is_ok()
    }

    /// Remembers from where an account was proven.
    pub(super) fn proven(&self, account: &AccountId, client: IpAddr, now: Timestamp) {
        let mut proven = lock(&self.proven);
        let key = (account.clone(), Network::of(client));
        if proven.len() >= REMEMBERED && !proven.contains_key(&key) {
            let oldest = proven.iter().min_by_key(|(_, at)| **at).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                proven.remove(&oldest);
            }
        }
        proven.insert(key, now);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What one subscriber usually has: one IPv4 address or one IPv6 /64.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Network(IpAddr);

impl Network {
    fn of(client: IpAddr) -> Self {
        match client.to_canonical() {
            IpAddr::V6(address) => {
                let upper = u128::from(address) & !u128::from(u64::MAX);
                Self(IpAddr::V6(upper.into()))
            }
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
        }
    }
}

impl Network {
    /// What one site of IPv6 is given at most (RFC 6177); IPv4 has no such unit.
    fn end_site(self) -> Option<u128> {
        match self.0 {
            IpAddr::V6(address) => Some(u128::from(address) >> 80),
            IpAddr::V4(_) => None,
        }
    }
}

const ROWS: usize = 4;
const WIDTH: usize = 1 << 16;

/// For each key, the instant at which its allowance is whole again (the generic cell rate algorithm),
/// kept in one cell a row; a key is as free as its freest cell.
struct Sketch {
    secret: [RandomState; ROWS],
    whole_at: Vec<u64>,
    longest_window: u64,
}

impl Sketch {
    fn new(longest_window: u64) -> Self {
        Self {
            longest_window,
            secret: std::array::from_fn(|_| RandomState::new()),
            whole_at: vec![0; ROWS * WIDTH],
        }
    }

    /// Uses up one; or says how long until there is one.
    fn take<K: Hash>(
        &mut self,
        key: &K,
        allowance: Allowance,
        now: Timestamp,
    ) -> Result<(), Duration> {
        let now = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let refill = allowance.refill_milliseconds();
        let limit = now.saturating_add(allowance.window());
        let horizon = now.saturating_add(self.longest_window);
        // What lies beyond every limit, and not this one's alone (a cell is shared with allowances
        // that reach further, which nobody may give back by coming upon it), was written before the clock was set back. It is forgotten:
        // whoever sets the clock is no stranger, and nobody is locked out until it catches up.
        let believed = |whole_at: u64| if whole_at > horizon { now } else { whole_at.max(now) };
        let cells = self.cells(key);
        let freest = cells.iter().filter_map(|&cell| self.whole_at.get(cell)).min();
        let after = believed(freest.copied().unwrap_or(limit)).saturating_add(refill);
        if after > limit {
            return Err(Duration::from_millis(after - limit));
        }
        for cell in cells {
            if let Some(whole_at) = self.whole_at.get_mut(cell) {
                *whole_at = believed(*whole_at).max(after);
            }
        }
        Ok(())
    }

    fn cells<K: Hash>(&self, key: &K) -> [usize; ROWS] {
        std::array::from_fn(|row| {
            let hash = self.secret.get(row).map_or(0, |secret| secret.hash_one(key));
            row * WIDTH + usize::try_from(hash % WIDTH as u64).unwrap_or(0)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    struct Scene {
        limits: Limits,
        organization: OrganizationId,
        account: AccountId,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                limits: Limits::new(Quotas::default()),
                organization: OrganizationId::parse("ballerup").unwrap(),
                account: AccountId::of("anna's id"),
            }
        }

        fn attempt(&self, name: &str, client: &str, now: i64) -> Admission {
            let claim = Claim {
                organization: &self.organization,
                name,
                account: (name == "anna").then_some(&self.account),
                client: client.parse().unwrap(),
                how: How::Form,
            };
            self.limits.admit(&claim, at(now))
        }
    }

    const AT_ONCE: Admission = Admission::Stranger(Duration::ZERO);

    #[test]
    fn an_account_has_so_many_attempts_from_one_network_and_they_come_back() {
        let scene = Scene::new();
        for _ in 0..5 {
            assert_eq!(scene.attempt("anna", "203.0.113.1", 0), AT_ONCE);
        }
        assert_eq!(scene.attempt("anna", "203.0.113.1", 0), Admission::Refused);
        assert_eq!(scene.attempt("anna", "203.0.113.1", 11), Admission::Refused);
        assert_eq!(scene.attempt("anna", "203.0.113.1", 12), AT_ONCE);
        assert_eq!(scene.attempt("anna", "203.0.113.1", 12), Admission::Refused);
        assert_eq!(scene.attempt("anna", "203.0.113.2", 12), AT_ONCE);
    }

    #[test]
    fn a_network_has_so_many_attempts_over_all_names_and_a_v6_subscriber_is_one_network() {
        let scene = Scene::new();
        for number in 0..20 {
            let client = format!("2001:db8:1:2::{number:x}");
            assert_eq!(scene.attempt(&format!("name-{number}"), &client, 0), AT_ONCE);
        }
        assert_eq!(scene.attempt("other", "2001:db8:1:2:ffff::1", 0), Admission::Refused);
        assert_eq!(scene.attempt("other", "2001:db8:1:3::1", 0), AT_ONCE);
    }

    #[test]
    fn one_who_holds_many_v6_networks_cannot_spend_the_allowance_of_each() {
        let scene = Scene::new();
        let from = |prefix: u32, network: u32| {
            scene.attempt(
                &format!("name-{network}"),
                &format!("2a00:1:{prefix:x}:{network:x}::1"),
                0,
            )
        };
        let admitted = (0..5000).filter(|&network| from(1, network) == AT_ONCE).count();
        assert_eq!(admitted, 60);
        assert_eq!(from(2, 0), AT_ONCE);
    }

    #[test]
    fn strangers_everywhere_delay_each_other_and_never_refuse_a_network_of_its_own() {
        let scene = Scene::new();
        let client = |number: u32| format!("198.51.{}.{}", number / 250, number % 250);
        for number in 0..60 {
            assert_eq!(scene.attempt("anna", &client(number), 0), AT_ONCE);
        }
        for number in 60..5000 {
            match scene.attempt("anna", &client(number), 0) {
                Admission::Stranger(delay) => assert!(!delay.is_zero() && delay.as_secs() <= 3),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(scene.attempt("bo", "203.0.113.1", 0), AT_ONCE);
    }

    #[test]
    fn where_the_account_was_proven_before_strangers_elsewhere_do_not_count() {
        let scene = Scene::new();
        scene.limits.proven(&scene.account, "203.0.113.1".parse().unwrap(), at(0));
        for number in 0..200 {
            scene.attempt("anna", &format!("198.51.100.{number}"), 0);
        }
        assert_eq!(scene.attempt("anna", "203.0.113.1", 0), Admission::Preferred);
        for _ in 0..40 {
            scene.attempt("bo", "203.0.113.1", 0);
        }
        assert_eq!(scene.attempt("bo", "203.0.113.1", 0), Admission::Refused);
        assert_eq!(scene.attempt("anna", "203.0.113.1", 0), Admission::Preferred);
    }

    #[test]
    fn a_shorter_allowance_in_the_same_cell_gives_nothing_back() {
        let long = Allowance { burst: 60, refill: Duration::from_secs(5) };
        let short = Allowance { burst: 5, refill: Duration::from_secs(12) };
        let mut sketch = Sketch::new(long.window());
        while sketch.take(&"account", long, at(0)).is_ok() {}
        // Enough to come upon every one of its cells.
        for stranger in 0..1_000_000 {
            let _ = sketch.take(&stranger, short, at(0));
        }
        assert!(sketch.take(&"account", long, at(0)).is_err());
    }

    #[test]
    fn a_clock_set_back_neither_locks_out_nor_opens_up() {
        let scene = Scene::new();
        for _ in 0..6 {
            scene.attempt("anna", "203.0.113.1", 100_000);
        }
        assert_eq!(scene.attempt("anna", "203.0.113.1", 100_000), Admission::Refused);
        for _ in 0..5 {
            assert_eq!(scene.attempt("anna", "203.0.113.1", 0), AT_ONCE);
        }
        assert_eq!(scene.attempt("anna", "203.0.113.1", 0), Admission::Refused);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let scene = Scene::new();
        for number in 0..(REMEMBERED + 100) {
            let client = IpAddr::V4(u32::try_from(number).unwrap().into());
            scene.limits.proven(&scene.account, client, at(i64::try_from(number).unwrap()));
        }
        let proven = scene.limits.proven.lock().unwrap();
        assert_eq!(proven.len(), REMEMBERED);
        assert!(
            !proven.contains_key(&(scene.account.clone(), Network::of("0.0.0.1".parse().unwrap())))
        );
    }
}
