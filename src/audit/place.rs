//! A place in the queue, the entry that takes it, and the end of a long exchange.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use smol_str::{SmolStr, format_smolstr};

use super::event::{Action, Event, Field, Outcome};
use super::facts::Facts;
use super::handle::Shared;
use super::options::Class;
use super::queue::Item;
use super::receipt::Receipt;
use super::reference::Reference;
use super::sighting::Sighting;
use crate::clock;
use crate::config::AllowedTraffic;
use crate::policy::Permit;

/// An exchange that takes longer than this gets a second entry at its end.
pub(super) const LONG_EXCHANGE: Duration = Duration::from_secs(10);

/// How an exchange ended, as far as it could be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// A word of its own.
    pub how: &'static str,
    /// The reason's code, where a permission ended.
    pub because: Option<&'static str>,
    /// The gateway ended it: that is written down however short it was.
    pub by_us: bool,
    /// Octets of the client's body that were read.
    pub request_octets: u64,
    /// Octets of the answer's body that were handed on.
    pub response_octets: u64,
}

/// A place for one entry. Nothing is forwarded before there is one.
#[derive(Debug)]
pub struct Place {
    shared: Arc<Shared>,
    class: Class,
    held: Held,
}

/// Whether a place is really held, or was waved through because `on_failure` allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Yes,
    No,
}

/// An entry that waits for its answer. It holds the permit: forwarding takes a reference to it.
/// Dropped without an answer it is written all the same, with the status `null`.
#[derive(Debug)]
pub struct Entry {
    exchange: Arc<Exchange>,
    place: Option<Place>,
}

/// What belongs to one exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    facts: Facts,
    permit: Permit,
    reference: Reference,
    started: Instant,
}

/// Goes with the body: when it is dropped more than ten seconds after the exchange began, or the
/// gateway ended the exchange, the `completed` entry is written, with the same reference.
#[derive(Debug)]
pub struct Completion {
    shared: Arc<Shared>,
    class: Class,
    exchange: Arc<Exchange>,
    reached: Reached,
    ending: Option<Ending>,
}

/// How far an exchange came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reached {
    /// There was no answer.
    Nothing,
    /// An answer with this status.
    Answer(u16),
    /// The other end, where no answer has a status.
    Connection,
}

impl Reached {
    fn status(self) -> Option<u16> {
        match self {
            Self::Answer(status) => Some(status),
            Self::Nothing | Self::Connection => None,
        }
    }
}

/// An exchange on its way to the writer.
#[derive(Debug)]
pub(super) struct Answered {
    action: Action,
    exchange: Arc<Exchange>,
    reached: Reached,
    milliseconds: u64,
    /// Only few have one, and all take the room of the largest while they wait.
    ending: Option<Box<Ending>>,
}

impl Place {
    pub(super) fn held(shared: Arc<Shared>, class: Class) -> Self {
        Self { shared, class, held: Held::Yes }
    }

    pub(super) fn waved_through(shared: Arc<Shared>, class: Class) -> Self {
        Self { shared, class, held: Held::No }
    }

    /// Makes the entry. An exchange that an exemption let in belongs to [`Class::People`]: reserve
    /// there.
    #[must_use]
    pub fn entry(self, facts: Facts, permit: Permit) -> Entry {
        self.entry_begun(facts, permit, clock::about())
    }

    pub(super) fn entry_begun(self, mut facts: Facts, permit: Permit, started: Instant) -> Entry {
        self.shared.trim(&mut facts);
        let reference = Reference::from_random(clock::random_bytes_in_bulk());
        let exchange = Exchange { facts, permit, reference, started };
        Entry { exchange: Arc::new(exchange), place: Some(self) }
    }

    fn write(mut self, answered: Answered) -> Receipt {
        let on_failure = self.shared.keeping.on_failure();
        let allowed = self.shared.keeping.allowed();
        if self.class == Class::Allowed && allowed != AllowedTraffic::Requests {
            self.shared.queue.observer.see(|| answered.sighting());
            if allowed == AllowedTraffic::Summary {
                let exchange = &answered.exchange;
                let (facts, reason) = (exchange.facts.clone(), exchange.permit.reason());
                self.shared.summaries.add_without_client(facts, reason, exchange.reference);
            }
            return Receipt::nothing_to_keep();
        }
        if self.held == Held::No {
            self.shared.queue.count_lost(1);
            return Receipt::lost(on_failure);
        }
        self.held = Held::No;
        self.shared.push(self.class, Item::Answered(answered))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.held == Held::Yes {
            self.shared.queue.give_back(self.class, 1);
        }
    }
}

impl Entry {
    /// The right to forward this exchange.
    #[must_use]
    pub fn permit(&self) -> &Permit {
        &self.exchange.permit
    }

    /// The code that leads to this entry.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.exchange.reference
    }

    /// What is known about the request.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.exchange.facts
    }

    /// The answer's head is known: hands the entry over.
    pub fn answered(self, status: u16, at: Timestamp) -> Receipt {
        self.answered_with_completion(status, at).0
    }

    /// The same, with what the body has to hold until its end.
    pub fn answered_with_completion(
        mut self,
        status: u16,
        at: Timestamp,
    ) -> (Receipt, Option<Completion>) {
        self.hand_over(Reached::Answer(status), at)
    }

    /// A connection that is no HTTP has reached the other end: hands the entry over, and gives what
    /// the connection has to hold until its end.
    pub fn connected(mut self, at: Timestamp) -> (Receipt, Option<Completion>) {
        self.hand_over(Reached::Connection, at)
    }

    /// The same for a connection that must not begin before the log has it: hands the entry over. What
    /// is left still stands for it.
    pub fn ahead(&mut self, at: Timestamp) -> (Receipt, Option<Completion>) {
        self.hand_over(Reached::Connection, at)
    }

    fn hand_over(&mut self, reached: Reached, at: Timestamp) -> (Receipt, Option<Completion>) {
        let Some(place) = self.place.take() else { return (Receipt::nothing_to_keep(), None) };
        let completion = Completion {
            shared: Arc::clone(&place.shared),
            class: place.class,
            exchange: Arc::clone(&self.exchange),
            reached,
            ending: None,
        };
        let took = at.duration_since(self.exchange.facts.at).as_millis();
        let milliseconds = u64::try_from(took).unwrap_or(0);
        let exchange = Arc::clone(&self.exchange);
        let action = Action::Allowed;
        let answered = Answered { action, exchange, reached, milliseconds, ending: None };
        (place.write(answered), Some(completion))
    }
}

impl Entry {
    /// The exchange ended before an answer.
    pub fn unanswered(mut self, ending: Ending) {
        self.write_unanswered(Some(ending));
    }

    fn write_unanswered(&mut self, ending: Option<Ending>) {
        let Some(place) = self.place.take() else { return };
        let milliseconds = milliseconds_since(self.exchange.started);
        let (action, exchange) = (Action::Allowed, Arc::clone(&self.exchange));
        let reached = Reached::Nothing;
        let ending = ending.map(Box::new);
        let answered = Answered { action, exchange, reached, milliseconds, ending };
        let _ = place.write(answered);
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.write_unanswered(None);
    }
}

impl Completion {
    /// The other end was not reached after all.
    pub fn unreached(mut self, ending: Ending) {
        self.reached = Reached::Nothing;
        self.ending = Some(ending);
    }

    /// The exchange has ended so.
    pub fn ended(mut self, ending: Ending) {
        self.ending = Some(ending);
    }
}

impl Drop for Completion {
    fn drop(&mut self) {
        let requests = self.shared.keeping.allowed() == AllowedTraffic::Requests;
        let kept = self.class != Class::Allowed || requests;
        let long = clock::about().duration_since(self.exchange.started) > LONG_EXCHANGE;
        let by_us = self.ending.is_some_and(|ending| ending.by_us);
        if !kept || !(long || by_us) {
            return;
        }
        // At most one for each exchange that was let in, so the limits on those bound this too.
        self.shared.queue.take_place_anyway(self.class);
        let answered = Answered {
            action: Action::Completed,
            exchange: Arc::clone(&self.exchange),
            reached: self.reached,
            milliseconds: milliseconds_since(self.exchange.started),
            ending: self.ending.map(Box::new),
        };
        let _ = self.shared.push(self.class, Item::Answered(answered));
    }
}

impl Ending {
    fn tell(&self, event: &mut Event) {
        let mut detail = |key: &str, value: String| event.details.insert(key.to_owned(), value);
        detail("ended", self.how.to_owned());
        detail("request_bytes", self.request_octets.to_string());
        detail("response_bytes", self.response_octets.to_string());
        if let Some(reason) = self.because {
            detail("because", reason.to_owned());
        }
    }
}

fn milliseconds_since(started: Instant) -> u64 {
    let elapsed = clock::instant().duration_since(started);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

impl Answered {
    /// What it shows of a person's use. A `completed` one showed it when it began.
    pub(super) fn sighting(&self) -> Option<Sighting> {
        let Exchange { facts, permit, .. } = &*self.exchange;
        let begins = self.action == Action::Allowed;
        begins.then(|| Sighting::of(facts, permit.exemption(), None)).flatten()
    }

    /// The entry's content. A `completed` one stands at the instant at which the exchange ended.
    pub(super) fn event(&self, random: [u8; 10]) -> Event {
        let Exchange { facts, permit, reference, .. } = &*self.exchange;
        let mut at = facts.at;
        if self.action == Action::Completed {
            let took = Duration::from_millis(self.milliseconds);
            at = at.checked_add(took).unwrap_or(at);
        }
        // Each request has one, and it is large: it is filled where it stands.
        let mut event = Event::new(self.action, at, random);
        facts.describe(&mut event);
        event.reference = Some(reference.short());
        event.outcome = match self.reached {
            Reached::Answer(_) | Reached::Connection => Outcome::Success,
            Reached::Nothing => Outcome::Unknown,
        };
        event.status = self.reached.status();
        event.milliseconds = Some(self.milliseconds);
        event.verdict = Some(SmolStr::new_static("allow"));
        event.reason = Some(SmolStr::new_static(permit.reason().code()));
        event.would_be = permit.would_be().map(|reason| SmolStr::new_static(reason.code()));
        event.exemption = permit.exemption().map(|id| id.as_str().into());
        if let Some(person) = permit.person() {
            let id = format_smolstr!("{}/{}", person.provider(), person.subject());
            event.personal.set(Field::UserId, Some(id));
        }
        if let Some(ending) = &self.ending {
            ending.tell(&mut event);
        }
        event
    }
}
