//! Between the request path and the writer: what waits, how much of it may, and how far it is kept.
//!
//! A place counts from its reservation until its entry is on disk, so memory stays bounded also while
//! the disk is full. Pushing takes one short lock and wakes the writer only when it sleeps.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::event::Event;
use super::fold::Fold;
use super::options::{Class, PerClass};
use super::place::Answered;
use super::relay::Command;
use super::sighting::Observer;
use crate::clock;

/// So many are not kept in memory for company: they are written at once.
const MANY: usize = 2048;

/// What waits for the writer.
#[derive(Debug)]
pub(super) enum Item {
    Event(Box<Event>),
    /// Not in a box: each request has one, and it is small.
    Answered(Answered),
    Folded(Box<Fold>),
}

/// How far a chain has come, in numbers that count pushed items.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything up to here is on disk.
    pub(super) durable: u64,
    /// Everything up to here has been tried.
    pub(super) failed: u64,
    /// Nobody will try again.
    pub(super) ended: bool,
}

#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    places: PerClass<AtomicI64>,
    writing: AtomicBool,
    lost: AtomicU64,
    /// Grows with each turn of the writer.
    turns: AtomicU64,
    pub(super) progress: watch::Sender<PerClass<Progress>>,
    pub(super) error: Mutex<Option<String>>,
    pub(super) observer: Observer,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    items: PerClass<Vec<Item>>,
    pushed: PerClass<u64>,
    since: Option<Instant>,
    hurry: bool,
    /// From the first stage of shutdown on, nothing waits for company.
    prompt: bool,
    commands: Vec<Command>,
    closed: bool,
    ended: bool,
}

/// What the writer takes out at once.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) items: PerClass<Vec<Item>>,
    pub(super) commands: Vec<Command>,
    pub(super) closed: bool,
    pub(super) prompt: bool,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        let places = i64::try_from(capacity).unwrap_or(i64::MAX);
        Self {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            places: PerClass::from_fn(|_| AtomicI64::new(places)),
            writing: AtomicBool::new(true),
            lost: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            progress: watch::Sender::new(PerClass::default()),
            error: Mutex::new(None),
            observer: Observer::default(),
            capacity,
        }
    }

    /// Takes a place, if there is one.
    pub(super) fn try_take_place(&self, class: Class) -> bool {
        let places = self.places.get(class);
        let taken = places.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| {
            (free > 0).then(|| free - 1)
        });
        taken.is_ok()
    }

    /// Takes a place also where there is none. Only for what is bounded by something else.
    pub(super) fn take_place_anyway(&self, class: Class) {
        self.places.get(class).fetch_sub(1, Ordering::Relaxed);
    }

    pub(super) fn give_back(&self, class: Class, places: usize) {
        let places = i64::try_from(places).unwrap_or(i64::MAX);
        self.places.get(class).fetch_add(places, Ordering::Relaxed);
    }

    /// Hands an item over; its place has been taken. The number stands for it in [`Progress`].
    /// `None` where the writer has ended: the item is counted as lost.
    pub(super) fn push(&self, class: Class, item: Item) -> Option<u64> {
        let mut waiting = self.lock();
        if waiting.ended {
            drop(waiting);
            self.count_lost(1);
            return None;
        }
        let items = waiting.items.get_mut(class);
        items.push(item);
        let many = items.len() >= MANY.min(self.capacity / 2);
        let number = waiting.pushed.get_mut(class);
        *number += 1;
        let number = *number;
        let first = waiting.since.is_none();
        if first {
            waiting.since = Some(clock::instant());
        }
        let newly = many && !waiting.hurry;
        waiting.hurry |= many;
        drop(waiting);
        if first || newly {
            self.wake.notify_one();
        }
        Some(number)
    }

    /// Somebody waits: flush now.
    pub(super) fn hurry(&self) {
        self.lock().hurry = true;
        self.wake.notify_one();
    }

    /// From now on flush at once.
    pub(super) fn prompt(&self) {
        self.lock().prompt = true;
        self.wake.notify_one();
    }

    /// Asks the writer to change where it writes. `false` where it has ended.
    pub(super) fn command(&self, command: Command) -> bool {
        let mut waiting = self.lock();
        if waiting.ended {
            return false;
        }
        waiting.commands.push(command);
        drop(waiting);
        self.wake.notify_one();
        true
    }

    /// Asks the writer to write what there is and end.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_one();
    }

    /// Waits until there is something to write, somebody is in a hurry, or `tick` has passed.
    pub(super) fn take(&self, flush: Duration, tick: Duration) -> Taken {
        self.turns.fetch_add(1, Ordering::Relaxed);
        let deadline = clock::instant() + tick;
        let mut waiting = self.lock();
        loop {
            let now = clock::instant();
            let due = waiting.since.map(|since| since + flush);
            let ready = waiting.since.is_some() && waiting.prompt;
            let asked = waiting.hurry || waiting.closed || !waiting.commands.is_empty();
            if asked || ready || now >= deadline {
                break;
            }
            let until = due.map_or(deadline, |due| due.min(deadline));
            if now >= until {
                break;
            }
            let wait = self.wake.wait_timeout(waiting, until - now);
            waiting = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
        waiting.hurry = false;
        waiting.since = None;
        Taken {
            items: std::mem::take(&mut waiting.items),
            commands: std::mem::take(&mut waiting.commands),
            closed: waiting.closed,
            prompt: waiting.prompt,
        }
    }

    /// Waits out a pause, unless it is asked to close.
    pub(super) fn pause(&self, pause: Duration) {
        let deadline = clock::instant() + pause;
        let mut waiting = self.lock();
        while !waiting.closed && waiting.commands.is_empty() {
            let now = clock::instant();
            if now >= deadline {
                break;
            }
            let wait = self.wake.wait_timeout(waiting, deadline - now);
            waiting = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The writer has ended: nothing that is pushed from now on will be written. Gives the number
    /// of what had been pushed and not taken.
    pub(super) fn end(&self) -> usize {
        let mut waiting = self.lock();
        waiting.ended = true;
        let left = Class::ALL.iter().map(|&class| waiting.items.get(class).len()).sum();
        waiting.items = PerClass::default();
        drop(waiting);
        self.writing.store(false, Ordering::Release);
        self.progress.send_modify(|progress| {
            for class in Class::ALL {
                progress.get_mut(class).ended = true;
            }
        });
        left
    }

    /// A number that grows while the writer lives; none where it has ended.
    pub(super) fn pulse(&self) -> Option<u64> {
        let ended = self.lock().ended;
        (!ended).then(|| self.turns.load(Ordering::Relaxed))
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Acquire)
    }

    pub(super) fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Release);
    }

    pub(super) fn count_lost(&self, count: u64) {
        self.lost.fetch_add(count, Ordering::Relaxed);
        metrics::counter!("geovagt_audit_lost_total").increment(count);
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// How many places are taken.
    pub(super) fn taken_places(&self) -> usize {
        let capacity = i64::try_from(self.capacity).unwrap_or(i64::MAX);
        let taken = |class| capacity.saturating_sub(self.places.get(class).load(Ordering::Relaxed));
        let all: i64 = Class::ALL.into_iter().map(taken).sum();
        usize::try_from(all).unwrap_or(0)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
