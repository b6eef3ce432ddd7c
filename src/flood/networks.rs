//! The levels of networks, in fixed memory.
//!
//! PURE but for short locks. Whoever is counted longest ago and least goes when there is no room;
//! what floods stays. Where each network stands depends on a secret, so nobody can choose whom to
//! push out.

use std::hash::{BuildHasher as _, RandomState};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::level::Level;
use super::lock;
use super::report::{Change, Scope};
use crate::client_address::ClientAddress;
use crate::config::FloodThresholds;

/// Of these, each network has one.
const SHARDS: usize = 1024;
/// So many networks have their level in one shard.
const PER_SHARD: usize = 16;
/// So many beginnings, and so many endings, are told at one look.
const TOLD: usize = 4;

/// The network of a client: a /24, or a /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network(u64);

const IPV4: u64 = 1 << 63;

impl Network {
    /// None where the client has no address.
    #[must_use]
    pub fn of(client: ClientAddress) -> Option<Self> {
        let ClientAddress::Known(known) = client else { return None };
        Some(match known.judged() {
            IpAddr::V4(v4) => Self(IPV4 | u64::from(v4.to_bits() >> 8)),
            IpAddr::V6(v6) => Self(u64::try_from(v6.to_bits() >> 80).unwrap_or(0)),
        })
    }

    /// As it is written.
    #[must_use]
    pub fn written(self) -> IpNet {
        if self.0 & IPV4 != 0 {
            let bits = u32::try_from((self.0 & 0xff_ffff) << 8).unwrap_or(0);
            IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), 24))
        } else {
            IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_bits(u128::from(self.0) << 80), 48))
        }
    }
}

type Shard = [Option<(Network, Level)>; PER_SHARD];

#[derive(Debug)]
pub(super) struct Networks {
    shards: Vec<Mutex<Shard>>,
    secret: RandomState,
}

impl Networks {
    pub(super) fn new() -> Self {
        let shard = || Mutex::new([None; PER_SHARD]);
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            secret: RandomState::new(),
        }
    }

    /// Counts one, and tells whether the network floods. Where everybody beside it floods, it is not
    /// counted: its country is.
    pub(super) fn count(&self, network: Network, now: u64, thresholds: &FloodThresholds) -> bool {
        let index = usize::try_from(self.secret.hash_one(network) % SHARDS as u64).unwrap_or(0);
        let Some(mut shard) = self.shards.get(index).map(lock) else { return false };
        let (rate, calm) = (thresholds.network, thresholds.calm_after);
        let mine = |slot: &&mut Option<(Network, Level)>| slot.is_some_and(|(n, _)| n == network);
        if let Some((_, level)) = shard.iter_mut().find(mine).and_then(Option::as_mut) {
            return level.count(now, rate, calm);
        }
        let weight = |slot: &&mut Option<(Network, Level)>| slot.map_or(0, |(_, l)| l.weight());
        let least = shard.iter_mut().min_by_key(weight);
        let Some(slot) = least.filter(|slot| weight(slot) < u64::MAX) else { return false };
        let mut level = Level::default();
        let floods = level.count(now, rate, calm);
        *slot = Some((network, level));
        floods
    }

    pub(super) fn changes(&self, now: u64, thresholds: &FloodThresholds, into: &mut Vec<Change>) {
        let calm = thresholds.calm_after;
        let mut told = 0;
        for shard in &self.shards {
            for (network, level) in lock(shard).iter_mut().flatten() {
                if !level.is_flooding() {
                    continue;
                }
                if told == TOLD {
                    level.forget_untold(now, calm);
                } else if let Some(change) = level.change(now, calm) {
                    told += 1;
                    into.push(Change::new(Scope::Network(network.written()), change));
                }
            }
        }
    }

    pub(super) fn flooding(&self) -> usize {
        let of_shard = |shard: &Mutex<Shard>| {
            lock(shard).iter().flatten().filter(|(_, level)| level.is_flooding()).count()
        };
        self.shards.iter().map(of_shard).sum()
    }
}
