//! The one thread that writes the log.
//!
//! It takes what waits in groups, appends it, and says how far each chain has come. While the disk
//! refuses it keeps what it has, says so once, and tries again about every second; when there is room
//! again it goes on by itself.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::disk::Disk;
use super::event::{Action, Event, Outcome};
use super::fold::Folds;
use super::ledger::Ledger;
use super::options::{Class, Options, PerClass};
use super::queue::{Item, Queue, Taken};
use super::recovery::{self, Recovered};
use super::relay::{Command, Relay};
use super::rewrite::Staged;
use super::sign::{self, PublicKey, Signer};
use super::{keys, retention};
use crate::clock;

/// How often the writer looks for counts whose window has ended.
const TICK: Duration = Duration::from_millis(250);
/// How many entries are made durable at once.
const GROUP: usize = 2048;
/// The pauses between attempts while the disk refuses.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// How often old segments are looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Writer {
    options: Options,
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    denials: Arc<Folds>,
    summaries: Arc<Folds>,
    sink: Sink,
    pending: PerClass<VecDeque<Pending>>,
    attempts: usize,
    lost_before: u64,
}

/// Where entries go.
#[derive(Debug)]
enum Sink {
    /// Into the files, as long as the lock is held.
    Files { ledgers: Box<PerClass<Ledger>>, _lock: File },
    /// To the gateway that took this one's place and holds the lock now.
    Successor(Box<Relay>),
}

/// What waits to be written, and whether it holds a place and a number.
#[derive(Debug)]
struct Pending {
    item: Item,
    /// For its name, which stays the same however often it is tried.
    random: [u8; 10],
    numbered: bool,
}

impl Pending {
    /// What is to be written. Made when it is, so that it is still at hand in the processor's
    /// cache; the place that waits holds only what the request left.
    fn event(&self) -> Cow<'_, Event> {
        match &self.item {
            Item::Event(event) => Cow::Borrowed(event),
            Item::Answered(answered) => Cow::Owned(answered.event(self.random)),
            Item::Folded(fold) => Cow::Owned(fold.event(self.random)),
        }
    }

    fn numbered(item: Item) -> Self {
        Self { item, random: clock::random_bytes_in_bulk(), numbered: true }
    }

    fn unnumbered(item: Item) -> Self {
        Self { numbered: false, ..Self::numbered(item) }
    }
}

/// Starts the thread. When it ends, for whatever reason, the queue learns of it.
pub(super) fn start(writer: Writer) -> io::Result<JoinHandle<()>> {
    let ending = Ending { queue: Arc::clone(&writer.queue) };
    std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
        let _ending = ending;
        writer.run();
    })
}

struct Ending {
    queue: Arc<Queue>,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let left = self.queue.end();
        if left > 0 {
            self.queue.count_lost(left as u64);
        }
        if std::thread::panicking() {
            tracing::error!("the audit writer has died; restart the gateway");
        }
    }
}

impl Writer {
    pub(super) fn new(
        options: Options,
        disk: Arc<dyn Disk>,
        queue: Arc<Queue>,
        denials: Arc<Folds>,
        summaries: Arc<Folds>,
        recovered: Recovered,
    ) -> Self {
        let mut writer = Self {
            options,
            disk,
            queue,
            denials,
            summaries,
            sink: Sink::Files { ledgers: Box::new(recovered.ledgers), _lock: recovered.lock },
            pending: PerClass::default(),
            attempts: 0,
            lost_before: 0,
        };
        writer.take_notes(recovered.notes);
        writer
    }

    /// What recovery has to say comes before what waits.
    fn take_notes(&mut self, notes: PerClass<Vec<Event>>) {
        for (class, notes) in [
            (Class::Allowed, notes.allowed),
            (Class::Denied, notes.denied),
            (Class::People, notes.people),
        ] {
            for event in notes.into_iter().rev() {
                let item = Item::Event(Box::new(event));
                self.pending.get_mut(class).push_front(Pending::unnumbered(item));
            }
        }
    }

    fn run(mut self) {
        let mut housekeeping = clock::instant();
        loop {
            if let Some(&pause) = self.attempts.checked_sub(1).and_then(|n| PAUSES.get(n.min(3))) {
                self.queue.pause(pause);
            }
            let mut taken = self.queue.take(self.options.flush, TICK);
            let (closed, commands) = (taken.closed, std::mem::take(&mut taken.commands));
            self.take_in(taken);
            let mut went_well = self.write_all();
            for command in commands {
                went_well = self.obey(command, went_well);
            }
            if closed {
                self.finish(went_well);
                return;
            }
            if went_well && clock::instant() >= housekeeping {
                housekeeping = clock::instant() + HOUSEKEEPING;
                self.keep_house();
            }
        }
    }

    /// Changes where entries go, and says whether all is well then.
    fn obey(&mut self, command: Command, went_well: bool) -> bool {
        match command {
            Command::Change { flush, retention } => {
                self.options.flush = flush;
                self.options.retention = retention;
                went_well
            }
            Command::HandOver { .. } if !went_well => false,
            Command::HandOver { successor, done } => {
                // The files are whole and published; dropping them gives the lock up.
                self.sink = Sink::Successor(successor);
                // Whoever waits for this is gone: then nobody takes the log either, and the
                // successor's end of the relay is closed, which shows with the next entry.
                let _ = done.send(());
                true
            }
            Command::TurnOver { done } => {
                let _ = done.send(self.on_files(went_well, Self::turn_over));
                went_well
            }
            Command::Rewritten { staged, record, done } => {
                let carried_out =
                    self.on_files(went_well, |writer| writer.put_in_place(&staged, &record));
                if carried_out.is_err() {
                    staged.drop_unless_recorded(&self.options.directory);
                }
                let _ = done.send(carried_out);
                went_well
            }
            Command::ChangeKey { done } => {
                let _ = done.send(self.on_files(went_well, Self::change_key));
                went_well
            }
            Command::KeepHouse { done } => {
                let _ = done.send(self.on_files(went_well, Self::delete_what_is_over));
                went_well
            }
            Command::TakeBack { done } => {
                match recovery::open(&self.options, &self.disk, clock::now()) {
                    Ok(recovered) => {
                        self.sink = Sink::Files {
                            ledgers: Box::new(recovered.ledgers),
                            _lock: recovered.lock,
                        };
                        self.take_notes(recovered.notes);
                        let _ = done.send(Ok(()));
                        self.write_all()
                    }
                    Err(error) => {
                        let _ = done.send(Err(error));
                        false
                    }
                }
            }
        }
    }

    /// Takes in what was handed over, and counts whose window has ended.
    fn take_in(&mut self, taken: Taken) {
        let Taken { items, closed, prompt, commands: _ } = taken;
        for (class, items) in [
            (Class::Allowed, items.allowed),
            (Class::Denied, items.denied),
            (Class::People, items.people),
        ] {
            for item in &items {
                if let Item::Answered(answered) = item {
                    self.queue.observer.see(|| answered.sighting());
                }
            }
            let pending = self.pending.get_mut(class);
            pending.extend(items.into_iter().map(Pending::numbered));
        }
        let now = clock::now();
        for (class, folds) in [(Class::Denied, &self.denials), (Class::Allowed, &self.summaries)] {
            let pending = self.pending.get_mut(class);
            let room =
                if closed { usize::MAX } else { self.options.queue.saturating_sub(pending.len()) };
            pending.extend(folds.take_ended(now, closed || prompt, room).into_iter().map(|fold| {
                self.queue.observer.see(|| fold.sighting());
                Pending::unnumbered(Item::Folded(fold))
            }));
        }
    }

    /// Writes what is pending, chain by chain, and says how it went.
    fn write_all(&mut self) -> bool {
        let mut failure = None;
        let mut failed = Vec::new();
        for class in Class::ALL {
            let began = clock::instant();
            let had = !self.pending.get(class).is_empty();
            if let Err(error) = self.write_chain(class) {
                failure = Some(error);
                failed.push(class);
            } else if had {
                let took = clock::instant().duration_since(began);
                metrics::histogram!("geovagt_audit_flush_seconds").record(took.as_secs_f64());
            }
        }
        metrics::gauge!("geovagt_audit_queue_length").set(self.queue.taken_places() as f64);
        let Some(error) = failure else { return self.recover() };
        // Health first: whoever learns that an entry was not kept finds it already said.
        self.fail(&error);
        for class in failed {
            self.mark_tried(class);
        }
        false
    }

    fn write_chain(&mut self, class: Class) -> io::Result<()> {
        let pending = self.pending.get_mut(class);
        while !pending.is_empty() {
            let count = pending.len().min(GROUP);
            let events = pending.iter().take(count).map(Pending::event);
            match &mut self.sink {
                Sink::Files { ledgers, .. } => {
                    ledgers.get_mut(class).append(
                        events,
                        clock::random_bytes_in_bulk,
                        clock::now(),
                    )?;
                }
                Sink::Successor(relay) => relay.send(class, events)?,
            }
            let numbered = pending.drain(..count).filter(|pending| pending.numbered).count();
            self.queue.give_back(class, numbered);
            self.queue.progress.send_modify(|progress| {
                progress.get_mut(class).durable += numbered as u64;
            });
            metrics::counter!("geovagt_audit_entries_total", "chain" => class.word())
                .increment(count as u64);
            self.sink.publish(class)?;
        }
        self.sink.publish(class)
    }

    /// Whoever waits for an entry that was tried learns that it is not on disk.
    fn mark_tried(&self, class: Class) {
        let waiting = self.pending.get(class).iter().filter(|pending| pending.numbered).count();
        self.queue.progress.send_modify(|progress| {
            let progress = progress.get_mut(class);
            progress.failed = progress.durable + waiting as u64;
        });
    }

    fn fail(&mut self, error: &io::Error) {
        self.attempts = self.attempts.saturating_add(1);
        self.queue.set_writing(false);
        metrics::gauge!("geovagt_audit_healthy").set(0.0);
        if self.attempts == 1 {
            tracing::error!(
                directory = %self.options.directory.display(),
                error = %error,
                "the audit log cannot be written; it is tried again until it can: make room or put the disk right"
            );
        }
        *self.queue.error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
    }

    fn recover(&mut self) -> bool {
        if self.attempts > 0 {
            tracing::info!(attempts = self.attempts, "the audit log is written again");
            *self.queue.error.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.attempts = 0;
        self.queue.set_writing(true);
        metrics::gauge!("geovagt_audit_healthy").set(1.0);
        let lost = self.queue.lost();
        if lost > self.lost_before {
            let count = lost - self.lost_before;
            self.lost_before = lost;
            let mut event =
                Event::new(Action::EntriesLost, clock::now(), clock::random_bytes_in_bulk())
                    .outcome(Outcome::Failure);
            event.count = count;
            self.pending.people.push_back(Pending::unnumbered(Item::Event(Box::new(event))));
        }
        true
    }

    /// The last attempt, with what came in meanwhile. What cannot be written now is lost, and said.
    fn finish(&mut self, went_well: bool) {
        if went_well && self.write_all() {
            return;
        }
        let left: usize = Class::ALL.iter().map(|&class| self.pending.get(class).len()).sum();
        if left > 0 {
            self.queue.count_lost(left as u64);
            tracing::error!(entries = left, "the audit log ends without its last entries");
        }
    }

    fn keep_house(&mut self) {
        if let Sink::Files { .. } = self.sink
            && let Err(error) = self.delete_what_is_over()
        {
            tracing::warn!(error = %error, "old audit segments cannot be deleted");
        }
    }

    fn delete_what_is_over(&mut self) -> io::Result<usize> {
        let Some(retention) = self.options.retention else { return Ok(0) };
        let directory = self.options.directory.clone();
        retention::run(&directory, self.ledgers()?, retention, clock::now())
    }

    /// Does something that needs the files, where this process has them and they can be written.
    fn on_files<T>(
        &mut self,
        went_well: bool,
        work: impl FnOnce(&mut Self) -> io::Result<T>,
    ) -> io::Result<T> {
        if !went_well {
            return Err(io::Error::other("the log cannot be written now"));
        }
        work(self)
    }

    fn ledgers(&mut self) -> io::Result<&mut PerClass<Ledger>> {
        match &mut self.sink {
            Sink::Files { ledgers, .. } => Ok(ledgers),
            Sink::Successor(_) => Err(io::Error::other("another gateway has the log now")),
        }
    }

    fn turn_over(&mut self) -> io::Result<()> {
        let ledgers = self.ledgers()?;
        for class in Class::ALL {
            ledgers.get_mut(class).turn_over(clock::now())?;
        }
        Ok(())
    }

    fn put_in_place(&mut self, staged: &Staged, record: &Event) -> io::Result<bool> {
        let directory = self.options.directory.clone();
        let people = &mut self.ledgers()?.people;
        people.append(std::iter::once(record), clock::random_bytes, clock::now())?;
        // From here on it is on record: what fails now is done when the log is opened again.
        people.publish()?;
        staged.carry_out(&directory)
    }

    fn change_key(&mut self) -> io::Result<PublicKey> {
        let path = self.options.signing_key.clone();
        let path = path.ok_or_else(|| io::Error::other("nobody signs this log"))?;
        let old = Signer::read(&path)?;
        let next = path.with_extension("next");
        let new = Signer::make(&next)?;
        let ledgers = self.ledgers()?;
        let event = keys::follow(&old, new.public(), clock::now());
        ledgers.people.append(std::iter::once(&event), clock::random_bytes, clock::now())?;
        ledgers.people.publish()?;
        std::fs::rename(&next, &path)?;
        sign::sync_parent(&path)?;
        for class in Class::ALL {
            let ledger = ledgers.get_mut(class);
            ledger.sign_with(new.clone());
            ledger.publish()?;
        }
        Ok(new.public())
    }
}

impl Sink {
    /// The head, where this process keeps it.
    fn publish(&mut self, class: Class) -> io::Result<()> {
        match self {
            Self::Files { ledgers, .. } => ledgers.get_mut(class).publish(),
            Self::Successor(_) => Ok(()),
        }
    }
}
