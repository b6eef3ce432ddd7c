//! The log as the rest of the gateway holds it.

use std::borrow::Cow;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use jiff::SignedDuration;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use super::erasing::Erasing;
use super::event::{Action, Event};
use super::facts::{Facts, LONGEST_PATH, LONGEST_USER_AGENT};
use super::fold::{Folds, Rejection};
use super::keeping::Keeping;
use super::options::{Class, Health, OpenError, Opened, Options, Unavailable};
use super::place::Place;
use super::queue::{Item, Queue};
use super::receipt::Receipt;
use super::reference::Reference;
use super::relay::{self, Command, NotHandedOver, Relay};
use super::sighting::{self, Sighting};
use super::writer::{self, Writer};
use super::{disk, recovery, text};
use crate::clock;
use crate::lifecycle::Tasks;
use crate::policy::{Admission, Denial};

/// A handle to the log; clones share it. The log is written until [`Audit::close`], or until the last
/// handle, place and entry is gone; both wait until what was handed over is on disk.
#[derive(Debug, Clone)]
pub struct Audit {
    shared: Arc<Shared>,
}

/// What handles, places and entries share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) queue: Arc<Queue>,
    pub(super) denials: Arc<Folds>,
    pub(super) summaries: Arc<Folds>,
    pub(super) keeping: Keeping,
    pub(super) directory: PathBuf,
    pub(super) erasing: Erasing,
    damaged: Vec<String>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Audit {
    /// Opens the three chains, recovers what an unclean end has left, and starts the writer.
    /// Must be called within a runtime; reads and writes files, so call it before serving.
    ///
    /// # Errors
    /// [`OpenError`] where another process writes this log or the files cannot be used.
    pub fn open(options: Options, tasks: &Tasks) -> Result<(Self, Opened), OpenError> {
        let disk: Arc<dyn disk::Disk> = Arc::new(disk::RealDisk);
        Self::open_on(options, tasks, &disk)
    }

    /// The same on another disk, for tests that let writing fail.
    ///
    /// # Errors
    /// As [`Audit::open`].
    pub fn open_on(
        options: Options,
        tasks: &Tasks,
        disk: &Arc<dyn disk::Disk>,
    ) -> Result<(Self, Opened), OpenError> {
        let mut recovered = recovery::open(&options, disk, clock::now())?;
        let opened = std::mem::take(&mut recovered.opened);
        let queue = Arc::new(Queue::new(options.queue));
        let denials = Arc::new(Folds::new(Action::Denied, SignedDuration::from_secs(1)));
        let summaries = Arc::new(Folds::new(Action::Allowed, SignedDuration::from_secs(60)));
        let mut shared = Shared {
            queue: Arc::clone(&queue),
            denials: Arc::clone(&denials),
            summaries: Arc::clone(&summaries),
            keeping: Keeping::new(&options),
            directory: options.directory.clone(),
            erasing: Erasing::default(),
            damaged: opened.damaged.clone(),
            thread: Mutex::new(None),
        };
        let directory = options.directory.clone();
        let disk = Arc::clone(disk);
        let writer = Writer::new(options, disk, queue, denials, summaries, recovered);
        let thread = writer::start(writer).map_err(|source| OpenError::Io {
            what: "cannot start the writer of",
            path: directory,
            source,
        })?;
        shared.thread = Mutex::new(Some(thread));
        let audit = Self { shared: Arc::new(shared) };
        audit.flush_promptly_when_stopping(tasks);
        Ok((audit, opened))
    }

    /// Where the log lies.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Takes a place, before anything is forwarded. Never blocks.
    ///
    /// # Errors
    /// [`Unavailable`] where no entry can be kept now, unless `on_failure` allows that.
    pub fn reserve(&self, class: Class) -> Result<Place, Unavailable> {
        let queue = &self.shared.queue;
        let place = || Arc::clone(&self.shared);
        let allow = self.shared.keeping.on_failure() == Admission::Allow;
        if (queue.is_writing() || allow) && queue.try_take_place(class) {
            return Ok(Place::held(place(), class));
        }
        if allow { Ok(Place::waved_through(place(), class)) } else { Err(Unavailable) }
    }

    /// Writes a rejection down and gives the code that leads to its entry. Equal ones within a
    /// second share both. Never blocks and never fails, whatever the state of the disk.
    pub fn deny(&self, facts: Facts, denial: Denial) -> Reference {
        self.deny_with(Rejection::of(&facts, denial.reason()), || facts)
    }

    /// The same, where what is known of it is put together only if it is the first of its equals.
    /// `facts` runs under a lock, so it must not take long.
    pub fn deny_with(&self, rejection: Rejection, facts: impl FnOnce() -> Facts) -> Reference {
        let fresh = || Reference::from_random(clock::random_bytes_in_bulk());
        let queue = &self.shared.queue;
        if !queue.is_writing() && queue.progress.borrow().denied.ended {
            queue.count_lost(1);
            return fresh();
        }
        self.shared.denials.add_with(rejection, || {
            let mut facts = facts();
            self.shared.trim(&mut facts);
            (facts, fresh())
        })
    }

    /// Writes down something that is neither an exchange nor a rejection, in the chain of people.
    ///
    /// An event from an outbox keeps its id: it may come twice after a crash between
    /// [`Receipt::reached_disk`] and the outbox's own deletion, and is then told by that id.
    pub fn record(&self, event: Event) -> Receipt {
        if !self.shared.queue.try_take_place(Class::People) {
            self.shared.queue.count_lost(1);
            return Receipt::lost(self.shared.keeping.on_failure());
        }
        self.shared.push(Class::People, Item::Event(Box::new(event)))
    }

    /// Begins to see what people do whom somebody has proven. None where somebody sees already.
    pub(crate) fn observe(&self) -> Option<Receiver<Sighting>> {
        self.shared.queue.observer.begin()
    }

    /// A number that grows several times a second while the writer lives; none where it has ended.
    #[must_use]
    pub fn pulse(&self) -> Option<u64> {
        self.shared.queue.pulse()
    }

    /// How the log is, for `/readyz`.
    #[must_use]
    pub fn health(&self) -> Health {
        let queue = &self.shared.queue;
        Health {
            writing: queue.is_writing(),
            error: queue.error.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            waiting: queue.taken_places(),
            lost: queue.lost(),
            damaged: self.shared.damaged.clone(),
        }
    }

    /// What the configuration says now about how the log is kept. Its directory stays.
    pub fn change(&self, options: &Options) {
        self.shared.keeping.change(options);
        let (flush, retention) = (options.flush, options.retention);
        self.shared.queue.command(Command::Change { flush, retention });
    }

    /// Writes what there is into the files, closes them, gives the lock up, and sends everything
    /// from then on to the gateway at the other end of `relay`, which keeps it: so two processes
    /// never write the same log.
    ///
    /// # Errors
    /// [`NotHandedOver`]: the log is kept here as before.
    pub async fn hand_over(&self, relay: UnixStream) -> Result<(), NotHandedOver> {
        let (done, finished) = oneshot::channel();
        let successor = Box::new(Relay::new(relay).map_err(|_| NotHandedOver)?);
        if !self.shared.queue.command(Command::HandOver { successor, done }) {
            return Err(NotHandedOver);
        }
        finished.await.map_err(|_| NotHandedOver)
    }

    /// Opens the files again after a hand-over that led to nothing.
    ///
    /// # Errors
    /// [`OpenError`] where they cannot be had; nothing can be kept then.
    pub async fn take_back(&self) -> Result<(), OpenError> {
        let (done, finished) = oneshot::channel();
        self.shared.queue.command(Command::TakeBack { done });
        // Without an answer the writer has died, and has said so.
        finished.await.unwrap_or(Ok(()))
    }

    /// Keeps what the gateway that was here before still has to say, until it closes `relay`.
    ///
    /// # Errors
    /// Where the connection breaks, or what comes cannot be read.
    pub async fn keep_for_predecessor(&self, relay: UnixStream) -> io::Result<()> {
        relay::keep(relay, |class, events| self.keep(class, events)).await
    }

    async fn keep(&self, class: Class, events: Vec<Event>) -> bool {
        let mut last = None;
        for event in events {
            // Bounded by what the other gateway has let in: it waits for each group.
            self.shared.queue.take_place_anyway(class);
            last = Some(self.shared.push(class, Item::Event(Box::new(event))));
        }
        match last {
            Some(receipt) => receipt.reached_disk().await,
            None => true,
        }
    }

    /// Writes what there is and ends the writer. Call it last, when no exchange is under way.
    pub async fn close(&self) {
        let queue = &self.shared.queue;
        let mut progress = queue.progress.subscribe();
        queue.close();
        // The sender lives as long as this handle does.
        let _ = progress.wait_for(|progress| progress.people.ended).await;
    }

    /// From the first stage of shutdown on nothing waits in memory for company, so that an
    /// impatient second stage finds it written.
    fn flush_promptly_when_stopping(&self, tasks: &Tasks) {
        let stopping = tasks.stopping();
        let queue = Arc::clone(&self.shared.queue);
        tasks.spawn(async move {
            stopping.cancelled().await;
            queue.prompt();
        });
    }
}

impl Shared {
    pub(super) fn push(&self, class: Class, item: Item) -> Receipt {
        match self.queue.push(class, item) {
            Some(number) => {
                Receipt::waiting(Arc::clone(&self.queue), class, number, self.keeping.on_failure())
            }
            None => Receipt::lost(self.keeping.on_failure()),
        }
    }

    /// Drops what is not to be kept and cuts what is too long.
    pub(super) fn trim(&self, facts: &mut Facts) {
        if facts.person.is_some()
            && let (Some(path), Some(query)) = (&facts.path, &facts.query)
        {
            facts.device_id = sighting::device_id(path, query);
        }
        let name = facts.user.as_deref();
        let without = facts.path.as_deref().map(|path| text::without_names(path, name));
        if let Some(Cow::Owned(without)) = without {
            facts.path = Some(without.into());
        }
        if !self.keeping.query_strings() {
            facts.query = None;
        }
        facts.shorten(LONGEST_PATH, LONGEST_USER_AGENT);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A writer that panicked has said so; there is nothing left to wait for.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
