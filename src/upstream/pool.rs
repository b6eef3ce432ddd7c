//! The connections of one server that wait for a request, and the requests that wait for a place.
//!
//! Always holds: nothing is awaited and no connection ends while the lock is held; a place is given
//! back when its value is dropped, to whoever waits longest.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::connection::{Connection, Shared, Single, Stream};
use crate::config::Connections;

/// Connections that are kept unused; more than this were needed once and not since.
const MOST_IDLE: usize = 1024;

/// How many connections are looked at that are not done with their last request.
const MOST_LOOKS: usize = 8;

/// HTTP/2 connections to one server; more streams than they take wait.
const MOST_SHARED: usize = 16;

/// What one server has.
#[derive(Debug, Default)]
pub(super) struct Pool {
    state: Mutex<State>,
    in_flight: AtomicUsize,
    /// Connections that are one client's each, used or not.
    bound: AtomicUsize,
    /// Grows when the server moves: connections to where it was serve no further request.
    generation: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// The one used last is on top and goes first, so that those too many grow old.
    idle: Vec<Idle>,
    shared: Vec<(Arc<Shared>, Instant)>,
    waiting: VecDeque<oneshot::Sender<Place>>,
    /// All there ever were.
    requests: u64,
    /// Nothing is kept any longer.
    closed: bool,
}

#[derive(Debug)]
struct Idle {
    single: Box<Single>,
    since: Instant,
}

/// One request's place at a server.
#[derive(Debug)]
pub(super) struct Place {
    pool: Arc<Pool>,
    generation: usize,
    held: bool,
}

/// What a connection holds that is one client's.
#[derive(Debug)]
pub(super) struct BoundPlace(Arc<Pool>);

impl Drop for BoundPlace {
    fn drop(&mut self) {
        self.0.bound.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What somebody who wants a place gets.
#[derive(Debug)]
pub(super) enum Entry {
    Place(Place),
    /// All are taken; one comes here.
    Wait(oneshot::Receiver<Place>),
    /// As many wait as may.
    Full,
}

/// What an operator sees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) in_flight: usize,
    pub(super) idle: usize,
    pub(super) waiting: usize,
}

impl Place {
    fn new(pool: &Arc<Pool>) -> Self {
        let generation = pool.generation.load(Ordering::Relaxed);
        Self { pool: Arc::clone(pool), generation, held: true }
    }

    /// Whether it is a place in this pool.
    pub(super) fn is_of(&self, pool: &Arc<Pool>) -> bool {
        Arc::ptr_eq(&self.pool, pool)
    }

    /// Keeps this place's connection for the next request.
    pub(super) fn keep(&self, connection: Connection, now: Instant) {
        if self.generation == self.pool.generation.load(Ordering::Relaxed) {
            self.pool.keep(connection, now);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held {
            Pool::leave(&self.pool);
        }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Requests that have a place.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// All requests there ever were, without those that were asked again.
    pub(super) fn requests(&self) -> u64 {
        self.lock().requests
    }

    pub(super) fn counts(&self) -> Counts {
        let state = self.lock();
        let unused = state.shared.iter().filter(|(shared, _)| shared.streams() == 0).count();
        Counts {
            in_flight: self.in_flight(),
            idle: state.idle.len() + unused,
            waiting: state.waiting.len(),
        }
    }

    /// Takes a place, or a place in the queue. `again` is whether the request was counted before.
    pub(super) fn enter(self: &Arc<Self>, rule: &Connections, again: bool) -> Entry {
        let mut state = self.lock();
        state.requests += u64::from(!again);
        if rule.maximum.is_none_or(|maximum| self.in_flight() < maximum) {
            self.in_flight.fetch_add(1, Ordering::Relaxed);
            return Entry::Place(Place::new(self));
        }
        if state.waiting.len() >= rule.queue {
            state.waiting.retain(|waiter| !waiter.is_closed());
        }
        if state.waiting.len() >= rule.queue {
            return Entry::Full;
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push_back(sender);
        Entry::Wait(receiver)
    }

    /// A place for a connection that is one client's, where there may be another one.
    pub(super) fn bind(self: &Arc<Self>, rule: &Connections) -> Option<BoundPlace> {
        let one_more = |bound: usize| {
            rule.maximum.is_none_or(|maximum| bound < maximum).then_some(bound.saturating_add(1))
        };
        self.bound.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).ok()?;
        Some(BoundPlace(Arc::clone(self)))
    }

    /// Gives a place to whoever waits longest, or gives it up.
    fn leave(pool: &Arc<Self>) {
        loop {
            let waiter = {
                let mut state = pool.lock();
                let waiter = state.waiting.pop_front();
                if waiter.is_none() {
                    pool.in_flight.fetch_sub(1, Ordering::Relaxed);
                }
                waiter
            };
            let Some(waiter) = waiter else { return };
            match waiter.send(Place::new(pool)) {
                Ok(()) => return,
                // It has lost its patience: the next one, and this value says nothing.
                Err(mut place) => place.held = false,
            }
        }
    }

    /// A connection that can take a request at once.
    pub(super) fn take(
        &self,
        now: Instant,
        kept: Duration,
        only_http1: bool,
    ) -> Option<Connection> {
        let mut ended = Vec::new();
        let mut state = self.lock();
        if !only_http1 && let Some(stream) = state.take_stream(now, &mut ended) {
            return Some(Connection::Http2(stream));
        }
        let mut looks = 0;
        let mut index = state.idle.len();
        while index > 0 && looks < MOST_LOOKS {
            index -= 1;
            let Some(idle) = state.idle.get(index) else { break };
            let is_old = now.saturating_duration_since(idle.since) >= kept;
            if is_old || idle.single.sender.is_closed() {
                ended.push(Ended::Http1(state.idle.remove(index)));
            } else if idle.single.sender.is_ready() {
                let idle = state.idle.remove(index);
                drop(state);
                return Some(Connection::Http1(idle.single));
            } else {
                looks += 1;
            }
        }
        drop(state);
        drop(ended);
        None
    }

    fn keep(&self, connection: Connection, now: Instant) {
        let Connection::Http1(single) = connection else { return };
        if single.sender.is_closed() {
            return;
        }
        let mut state = self.lock();
        if !state.closed && state.idle.len() < MOST_IDLE {
            state.idle.push(Idle { single, since: now });
        }
    }

    /// Keeps a connection that many requests use, and gives its first stream.
    pub(super) fn share(&self, shared: &Arc<Shared>, now: Instant) -> Connection {
        let stream = Stream::new(shared);
        let mut state = self.lock();
        if !state.closed {
            state.shared.push((Arc::clone(shared), now));
        }
        Connection::Http2(stream)
    }

    /// Ends what was unused for longer than `kept`.
    pub(super) fn sweep(&self, now: Instant, kept: Duration) {
        let is_old = |since: Instant| now.saturating_duration_since(since) >= kept;
        let mut state = self.lock();
        let ended =
            state.idle.extract_if(.., |idle| is_old(idle.since) || idle.single.sender.is_closed());
        let ended: Vec<Idle> = ended.collect();
        for (shared, used) in &mut state.shared {
            if shared.streams() > 0 {
                *used = now;
            }
        }
        let ended_shared: Vec<_> = state
            .shared
            .extract_if(.., |(shared, used)| shared.is_closed() || is_old(*used))
            .collect();
        drop(state);
        drop((ended, ended_shared));
    }

    /// The server is elsewhere now: what is under way goes on to its end, and nothing new goes there.
    pub(super) fn renew(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
        let mut state = self.lock();
        let ended = (std::mem::take(&mut state.idle), std::mem::take(&mut state.shared));
        drop(state);
        drop(ended);
    }

    /// Keeps nothing from now on; what is under way goes on to its end.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let ended = (std::mem::take(&mut state.idle), std::mem::take(&mut state.shared));
        drop(state);
        drop(ended);
    }
}

/// Dropped after the lock, since the end of a connection wakes its task.
enum Ended {
    Http1(#[expect(dead_code, reason = "held to be dropped later")] Idle),
    Http2(#[expect(dead_code, reason = "held to be dropped later")] Arc<Shared>),
}

impl State {
    /// A stream on the connection with the fewest. None where another connection is better.
    fn take_stream(&mut self, now: Instant, ended: &mut Vec<Ended>) -> Option<Stream> {
        if self.shared.iter().any(|(shared, _)| shared.is_closed()) {
            let closed = self.shared.extract_if(.., |(shared, _)| shared.is_closed());
            ended.extend(closed.map(|(shared, _)| Ended::Http2(shared)));
        }
        let many = self.shared.len() >= MOST_SHARED;
        let fewest = self.shared.iter_mut().min_by_key(|(shared, _)| shared.streams())?;
        if !many && !fewest.0.has_room() {
            return None;
        }
        fewest.1 = now;
        Some(Stream::new(&fewest.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(maximum: usize, queue: usize) -> Connections {
        Connections { maximum: Some(maximum), queue, wait: Duration::from_secs(1) }
    }

    fn place(entry: Entry) -> Place {
        match entry {
            Entry::Place(place) => place,
            other => panic!("{other:?}"),
        }
    }

    fn wait(entry: Entry) -> oneshot::Receiver<Place> {
        match entry {
            Entry::Wait(receiver) => receiver,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_place_goes_to_whoever_waits_longest() {
        let (pool, rule) = (Arc::new(Pool::default()), rule(1, 2));
        let first = place(pool.enter(&rule, false));
        let mut second = wait(pool.enter(&rule, false));
        let mut third = wait(pool.enter(&rule, false));
        assert!(matches!(pool.enter(&rule, false), Entry::Full));
        assert_eq!(pool.counts(), Counts { in_flight: 1, idle: 0, waiting: 2 });
        drop(first);
        assert!(third.try_recv().is_err());
        drop(second.try_recv().unwrap());
        drop(third.try_recv().unwrap());
        assert_eq!(pool.counts(), Counts::default());
        assert_eq!(pool.requests(), 4);
    }

    #[test]
    fn a_place_is_not_lost_with_whoever_has_stopped_waiting() {
        let (pool, rule) = (Arc::new(Pool::default()), rule(1, 2));
        let first = place(pool.enter(&rule, false));
        drop(wait(pool.enter(&rule, false)));
        let mut patient = wait(pool.enter(&rule, false));
        // The one that has gone makes room in the queue.
        let late = wait(pool.enter(&rule, false));
        drop(first);
        let second = patient.try_recv().unwrap();
        // This one got its place in the moment in which it gave up.
        drop(second);
        drop(late);
        assert_eq!(pool.counts(), Counts::default());
        drop(place(pool.enter(&rule, false)));
    }

    #[test]
    fn without_a_limit_nobody_waits() {
        let pool = Arc::new(Pool::default());
        let rule = Connections { maximum: None, queue: 0, wait: Duration::ZERO };
        let places: Vec<Place> = (0..100).map(|_| place(pool.enter(&rule, false))).collect();
        assert_eq!(pool.in_flight(), 100);
        drop(places);
        assert_eq!(pool.in_flight(), 0);
        drop(pool.enter(&rule, true));
        assert_eq!(pool.requests(), 100, "asked again");
    }
}
