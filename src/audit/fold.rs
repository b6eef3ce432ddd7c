//! Equal rejections within a window become one entry with an exact count.
//!
//! PURE: instants and randomness are arguments. Memory is bounded: when there are more different
//! rejections than fit, or more than [`SUSTAINED`] new ones a second for long, the further ones fold
//! by site, listener, reason and country without the client, and in the last resort by listener and
//! reason. Counts stay exact throughout, and nothing here waits for anything but a short lock.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::quality::RandomState;
use jiff::{SignedDuration, Timestamp};
use smol_str::SmolStr;

use super::event::{Action, Event, Outcome, PerField};
use super::facts::Facts;
use super::reference::Reference;
use super::sighting::Sighting;
use crate::client_address::ClientAddress;
use crate::identifier::{ListenerId, SiteId};
use crate::policy::{Location, Reason};
use crate::territory::Territory;

/// How many different rejections are told apart at once.
pub const CAPACITY: usize = 16_384;
/// How many new different ones a second are told apart for longer than a burst of [`CAPACITY`].
pub const SUSTAINED: usize = 64;
const SHARDS: usize = 16;
const PER_SHARD: usize = CAPACITY / SHARDS;
/// The longest path or query, and the longest user agent, of one who was rejected. Whoever asks from
/// many networks must not fill the disk with what they say.
const LONGEST: (usize, usize) = (512, 256);
/// How full a shard may be before only short texts are kept.
const ROOMY: usize = 256;

/// Counts that are under way.
#[derive(Debug)]
pub struct Folds {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
    window: SignedDuration,
    action: Action,
}

/// A count where it began: who looks for one, or takes many out, moves none.
type Begun = Box<Fold>;
type Counts = HashMap<Key, Begun, RandomState>;

#[derive(Debug)]
struct Shard {
    fine: Counts,
    coarse: Counts,
    ended: Vec<Begun>,
    tokens: usize,
    refilled: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    network: Option<IpAddr>,
    site: Option<SiteId>,
    listener: ListenerId,
    reason: Reason,
    user: Option<SmolStr>,
    territory: Option<Territory>,
}

/// What makes one rejection equal to another, and when it happened.
#[derive(Debug)]
pub struct Rejection {
    key: Key,
    territory: Option<Territory>,
    at: Timestamp,
}

impl Rejection {
    /// Of nobody in particular, by what belongs to no site.
    #[must_use]
    pub fn new(
        at: Timestamp,
        client: ClientAddress,
        location: Location,
        listener: &ListenerId,
        reason: Reason,
    ) -> Self {
        let network = client_network(client);
        let listener = listener.clone();
        let key = Key { network, site: None, listener, reason, user: None, territory: None };
        Self { key, territory: location.territory(), at }
    }

    /// By this site, of this person.
    #[must_use]
    pub fn by(mut self, site: &SiteId, user: Option<&str>) -> Self {
        self.key.site = Some(site.clone());
        self.key.user = user.map(Into::into);
        self
    }

    pub(super) fn of(facts: &Facts, reason: Reason) -> Self {
        let mut rejection =
            Self::new(facts.at, facts.client, facts.location, &facts.listener, reason);
        rejection.key.site.clone_from(&facts.site);
        rejection.key.user.clone_from(&facts.user);
        rejection
    }
}

/// One count.
#[derive(Debug)]
pub struct Fold {
    facts: Facts,
    reason: Reason,
    reference: Reference,
    last: Timestamp,
    count: u64,
    without_client: bool,
    action: Action,
}

impl Folds {
    /// Rejections, or summaries of allowed traffic, within windows of this length.
    #[must_use]
    pub fn new(action: Action, window: SignedDuration) -> Self {
        let shard = || {
            Mutex::new(Shard {
                fine: HashMap::default(),
                coarse: HashMap::default(),
                ended: Vec::new(),
                tokens: PER_SHARD,
                refilled: Timestamp::UNIX_EPOCH,
            })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            hasher: RandomState::default(),
            window,
            action,
        }
    }

    /// Counts one, telling clients apart, and gives the reference that all equal ones share.
    pub fn add(&self, facts: Facts, reason: Reason, fresh: Reference) -> Reference {
        self.add_with(Rejection::of(&facts, reason), || (facts, fresh))
    }

    /// The same, where what is known beyond the key is put together only if an entry begins. `make`
    /// runs under a lock.
    pub fn add_with(
        &self,
        rejection: Rejection,
        make: impl FnOnce() -> (Facts, Reference),
    ) -> Reference {
        let Rejection { key, territory, at } = rejection;
        let Some(mut shard) = self.shard(&key) else { return make().1 };
        let shard = &mut *shard;
        shard.refill(at);
        if let Some(fold) = shard.fine.get_mut(&key)
            && !self.is_over(fold, at)
        {
            return fold.again(at);
        }
        if shard.tokens == 0 || shard.fine.len() >= PER_SHARD {
            let key = Key { network: None, user: None, territory, ..key };
            return self.add_coarse(shard, key, at, make);
        }
        shard.tokens -= 1;
        let (mut facts, fresh) = make();
        let (path, agent) = if shard.fine.len() >= ROOMY { (128, 128) } else { LONGEST };
        facts.shorten(path, agent);
        let fold = self.fold(facts, fresh, key.reason, false);
        self.count(&mut shard.fine, &mut shard.ended, key, fold)
    }

    /// Counts one without telling clients apart.
    pub fn add_without_client(&self, facts: Facts, reason: Reason, fresh: Reference) -> Reference {
        let Rejection { key, territory, at } = Rejection::of(&facts, reason);
        let key = Key { network: None, user: None, territory, ..key };
        let Some(mut shard) = self.shard(&key) else { return fresh };
        self.add_coarse(&mut shard, key, at, || (facts, fresh))
    }

    fn add_coarse(
        &self,
        shard: &mut Shard,
        mut key: Key,
        at: Timestamp,
        make: impl FnOnce() -> (Facts, Reference),
    ) -> Reference {
        let known = shard.coarse.contains_key(&key);
        let strange = shard.coarse.len() >= PER_SHARD && !known;
        if strange {
            key = Key { site: None, territory: None, ..key };
        }
        if let Some(fold) = shard.coarse.get_mut(&key)
            && !self.is_over(fold, at)
        {
            return fold.again(at);
        }
        let (mut facts, fresh) = make();
        if strange {
            facts.site = None;
            facts.organization = None;
            facts.location = Location::AddressUnknown;
        }
        let fold = self.fold(facts, fresh, key.reason, true);
        self.count(&mut shard.coarse, &mut shard.ended, key, fold)
    }

    fn fold(&self, facts: Facts, reference: Reference, reason: Reason, coarse: bool) -> Begun {
        let last = facts.at;
        let action = self.action;
        Box::new(Fold { facts, reason, reference, last, count: 1, without_client: coarse, action })
    }

    fn count(&self, map: &mut Counts, ended: &mut Vec<Begun>, key: Key, new: Begun) -> Reference {
        let reference = new.reference;
        let Some(fold) = map.get_mut(&key) else {
            map.insert(key, new);
            return reference;
        };
        // Nobody takes out what has ended while the disk is full: then the window stays open.
        if !self.is_over(fold, new.facts.at) || ended.len() >= PER_SHARD {
            return fold.again(new.last);
        }
        ended.push(std::mem::replace(fold, new));
        reference
    }

    /// Takes out what has ended by now, at most `most`; everything where `all`.
    pub fn take_ended(&self, now: Timestamp, all: bool, most: usize) -> Vec<Box<Fold>> {
        let mut taken = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            let over = |fold: &Fold| all || self.is_over(fold, now);
            let room = most.saturating_sub(taken.len());
            let ended = shard.ended.len().min(room);
            taken.extend(shard.ended.drain(..ended));
            let room = most.saturating_sub(taken.len());
            taken.extend(shard.fine.extract_if(|_, f| over(f)).take(room).map(|(_, f)| f));
            let room = most.saturating_sub(taken.len());
            taken.extend(shard.coarse.extract_if(|_, f| over(f)).take(room).map(|(_, f)| f));
        }
        taken
    }

    /// How many counts are under way or wait to be taken.
    #[must_use]
    pub fn len(&self) -> usize {
        let count = |shard: &Mutex<Shard>| {
            let shard = lock(shard);
            shard.fine.len() + shard.coarse.len() + shard.ended.len()
        };
        self.shards.iter().map(count).sum()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A window is over when its length has passed, or the clock has gone back behind it.
    fn is_over(&self, fold: &Fold, now: Timestamp) -> bool {
        now.duration_since(fold.facts.at).abs() >= self.window
    }

    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, Shard>> {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        self.shards.get(index).map(lock)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn refill(&mut self, now: Timestamp) {
        let elapsed = now.duration_since(self.refilled).as_secs();
        if elapsed != 0 {
            let seconds = usize::try_from(elapsed).unwrap_or(0);
            let more = seconds.saturating_mul(SUSTAINED / SHARDS);
            self.tokens = self.tokens.saturating_add(more).min(PER_SHARD);
            self.refilled = now;
        }
    }
}

/// The network within which clients count as the same: /24, or /64.
fn client_network(client: ClientAddress) -> Option<IpAddr> {
    let ClientAddress::Known(address) = client else { return None };
    Some(match address.judged() {
        IpAddr::V4(v4) => IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & !0xff)),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    })
}

impl Fold {
    fn again(&mut self, at: Timestamp) -> Reference {
        self.count = self.count.saturating_add(1);
        self.last = self.last.max(at);
        self.reference
    }

    /// How many it stands for.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Who is asked to say who they are is not let in, and not rejected either.
    fn verdict(&self) -> &'static str {
        match self.reason {
            _ if self.action != Action::Denied => "allow",
            Reason::IdentificationNeeded | Reason::AuthenticationRequired => "identify",
            _ => "deny",
        }
    }

    /// What it shows of a person's use.
    pub(super) fn sighting(&self) -> Option<Sighting> {
        let denied = self.action == Action::Denied && !self.without_client;
        denied.then(|| Sighting::of(&self.facts, None, Some(self.reason))).flatten()
    }

    /// The entry that stands for all of them.
    #[must_use]
    pub fn event(&self, random: [u8; 10]) -> Event {
        let denied = self.action == Action::Denied;
        let action = if denied && self.count > 1 { Action::Repeated } else { self.action };
        let mut event = Event::new(action, self.facts.at, random);
        self.facts.describe(&mut event);
        if self.without_client {
            event.personal = PerField::default();
            (event.domain, event.path, event.query) = (None, None, None);
            (event.method, event.status, event.as_number) = (None, None, None);
            event.registered_country = None;
            event.details.clear();
        }
        event.outcome = if denied { Outcome::Failure } else { Outcome::Success };
        event.verdict = Some(SmolStr::new_static(self.verdict()));
        event.reason = Some(SmolStr::new_static(self.reason.code()));
        event.reference = denied.then(|| self.reference.short());
        event.count = self.count;
        if self.count > 1 {
            let over = self.last.duration_since(self.facts.at).as_millis();
            event.milliseconds = u64::try_from(over).ok();
        }
        event
    }
}

#[cfg(test)]
mod tests;
