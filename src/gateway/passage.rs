//! An exchange while it passes through: whether it may go on, and how it ended.
//!
//! The bodies note what passes them; the connection asks once a second whether the exchange must
//! end ([`Oversight`]). Always holds: a client that neither sends the body that is waited for nor
//! takes the answer that waits for it gives its place back; an upstream may be silent much longer,
//! because event streams are; and whoever would not be let in now is not served further.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Context;
use std::time::{Duration, Instant};

use atomic_waker::AtomicWaker;

use super::pace::{Owed, Pace};
use super::standing::Standing;
use crate::audit::Ending;
use crate::clock;
use crate::config::Limits;
use crate::listen::{Oversight, Transport};
use crate::policy::{Permit, Reason};

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The upstream's answer was handed on to its end.
    Whole,
    /// The client left, or its connection broke.
    ClientLeft,
    /// The upstream's answer broke off.
    UpstreamBroke,
    /// The client neither sent nor took what was waited for.
    ClientStalled,
    /// The upstream was silent inside its answer for too long.
    UpstreamStalled,
    /// The client would not be let in any more.
    PermissionEnded,
    /// The same, where an exemption had let it in.
    ExemptionEnded,
}

impl End {
    /// As the log writes it.
    #[must_use]
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::ClientLeft => "cut_by_client",
            Self::UpstreamBroke => "cut_by_upstream",
            Self::ClientStalled => "client_stalled",
            Self::UpstreamStalled => "upstream_stalled",
            Self::PermissionEnded => "permission_ended",
            Self::ExemptionEnded => "exemption_ended",
        }
    }

    /// Those that the gateway itself brings about.
    const OURS: [Self; 4] =
        [Self::ClientStalled, Self::UpstreamStalled, Self::PermissionEnded, Self::ExemptionEnded];
}

/// What one direction is waiting for.
#[derive(Debug, Default)]
struct Direction {
    waiting: AtomicBool,
    octets: AtomicU64,
}

/// One exchange that was let in.
#[derive(Debug)]
pub(super) struct Passage {
    standing: Standing,
    client: Owed,
    silence: Duration,
    /// An exemption let it in.
    by_exemption: bool,
    /// The client keeps its stream open for as long as it likes (gRPC).
    open_ended: bool,
    /// Waiting: for the client, which is to send.
    up: Direction,
    /// Waiting: for the client, which is to take.
    down: Direction,
    /// The upstream is to send the rest of its answer.
    upstream: AtomicBool,
    /// The answer's head has come.
    answered: AtomicBool,
    /// The answer is over, or nobody takes it any more.
    over: AtomicBool,
    /// The task that sends the client's body up.
    upload: AtomicWaker,
    /// Why we end it; 0: we do not.
    ended: AtomicU8,
    because: OnceLock<Reason>,
    /// None before the first look: most exchanges are over by then.
    paces: Mutex<Option<Box<Paces>>>,
}

#[derive(Debug, Default)]
struct Paces {
    up: Pace,
    incoming: Pace,
    down: Pace,
    outgoing: Pace,
    upstream: Pace,
}

impl Passage {
    /// Of an exchange that is let in now.
    pub(super) fn new(
        standing: Standing,
        limits: &Limits,
        permit: &Permit,
        open_ended: bool,
    ) -> Self {
        let least = limits.body_rate.saturating_mul(limits.body_timeout.as_secs());
        Self {
            standing,
            client: Owed { within: limits.body_timeout, octets: least },
            silence: limits.upstream_body_timeout,
            by_exemption: permit.exemption().is_some(),
            open_ended,
            up: Direction::default(),
            down: Direction::default(),
            upstream: AtomicBool::default(),
            answered: AtomicBool::default(),
            over: AtomicBool::default(),
            upload: AtomicWaker::new(),
            ended: AtomicU8::new(0),
            because: OnceLock::new(),
            paces: Mutex::default(),
        }
    }

    /// Why we end it, where we do.
    pub(super) fn ended(&self) -> Option<End> {
        let number = usize::from(self.ended.load(Ordering::Acquire));
        End::OURS.get(number.checked_sub(1)?).copied()
    }

    /// The client's body: whether it is the client who is waited for.
    pub(super) fn upward(&self, waiting: bool, octets: usize) {
        self.up.note(waiting, octets);
    }

    /// Octets of the client's body that have gone up.
    pub(super) fn sent_up(&self) -> u64 {
        self.up.read().1
    }

    /// The client's body waits in this task; what becomes of the answer wakes it.
    pub(super) fn upload_waits(&self, context: &Context<'_>) {
        self.upload.register(context.waker());
    }

    /// The exchange is over but for the client's body, which nobody looks after from now on.
    pub(super) fn finish(&self) {
        self.over.store(true, Ordering::Release);
        self.upload.wake();
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// How long the client may keep us waiting.
    pub(super) fn patience(&self) -> Duration {
        self.client.within
    }

    /// The upstream's answer has a head.
    pub(super) fn answered(&self) {
        self.answered.store(true, Ordering::Release);
        self.down.waiting.store(true, Ordering::Relaxed);
    }

    /// The answer's body waits for the upstream.
    pub(super) fn waits_for_upstream(&self) {
        self.upstream.store(true, Ordering::Relaxed);
        self.down.waiting.store(false, Ordering::Relaxed);
    }

    /// So much of the answer was handed on; until more is asked for, the client is waited for.
    pub(super) fn downward(&self, octets: usize) {
        self.upstream.store(false, Ordering::Relaxed);
        self.down.note(true, octets);
    }

    /// So much came from the client through a tunnel, where neither side is waited for.
    pub(super) fn tunnelled_up(&self, octets: usize) {
        self.up.note(false, octets);
    }

    /// So much went to the client through it.
    pub(super) fn tunnelled_down(&self, octets: usize) {
        self.down.note(false, octets);
    }

    /// Its permission has ended.
    pub(super) fn refuse(&self, because: Option<Reason>) {
        let end = if self.by_exemption { End::ExemptionEnded } else { End::PermissionEnded };
        self.end(end, because);
    }

    /// Ends it, and says so.
    fn end(&self, end: End, because: Option<Reason>) {
        let Some(number) = End::OURS.iter().position(|ours| *ours == end) else { return };
        if let Some(reason) = because {
            // The first reason stands.
            let _ = self.because.set(reason);
        }
        self.ended.store(u8::try_from(number + 1).unwrap_or(u8::MAX), Ordering::Release);
        metrics::counter!("geovagt_exchanges_ended_total", "cause" => end.word()).increment(1);
        tracing::debug!(cause = end.word(), "an exchange was ended");
    }

    /// Whether its permission still stands.
    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// For the log. What we ended by ourselves is not told by what came of it.
    pub(super) fn ending(&self, seen: End) -> Ending {
        let ours = self.ended();
        Ending {
            how: ours.unwrap_or(seen).word(),
            because: self.because.get().map(|reason| reason.code()),
            by_us: ours.is_some(),
            request_octets: self.up.octets.load(Ordering::Relaxed),
            response_octets: self.down.octets.load(Ordering::Relaxed),
        }
    }

    /// The client's stalling, or the upstream's.
    fn stalled(&self, now: Instant, transport: Transport) -> Option<End> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let paces = paces.get_or_insert_default();
        let silence = Owed { within: self.silence, octets: 1 };
        if paces.uploads(now, self.up.read(), self.sender(), transport) {
            return Some(End::ClientStalled);
        }
        let (waiting, octets) = self.down.read();
        if paces.downloads(now, waiting, octets, self.client, transport) {
            return Some(End::ClientStalled);
        }
        let waiting = self.upstream.load(Ordering::Relaxed);
        let stalled = paces.upstream.is_stalled(now, waiting, octets, silence);
        stalled.then_some(End::UpstreamStalled)
    }

    /// What the client owes of its body. Who has the answer's beginning may talk on with pauses.
    fn sender(&self) -> Owed {
        if self.open_ended || self.answered.load(Ordering::Acquire) {
            return Owed { within: self.silence, octets: 0 };
        }
        self.client
    }
}

impl Paces {
    /// The exchange must get on, and its connection, which it may share, at the rate that is owed.
    fn uploads(
        &mut self,
        now: Instant,
        (waiting, octets): (bool, u64),
        owed: Owed,
        transport: Transport,
    ) -> bool {
        let any = Owed { octets: 0, ..owed };
        self.up.is_stalled(now, waiting, octets, any)
            || self.incoming.is_stalled(now, waiting, transport.received, owed)
    }

    /// Where the connection is what waits for the client, the exchanges on it wait for each other,
    /// and the connection must get on; else the client asks for too little of this one (HTTP/2).
    fn downloads(
        &mut self,
        now: Instant,
        waiting: bool,
        octets: u64,
        owed: Owed,
        transport: Transport,
    ) -> bool {
        let together = transport.single || transport.blocked;
        self.outgoing.is_stalled(now, waiting && together, transport.taken, owed)
            || self.down.is_stalled(now, waiting && !together, octets, owed)
    }
}

impl Direction {
    fn note(&self, waiting: bool, octets: usize) {
        self.waiting.store(waiting, Ordering::Relaxed);
        if octets > 0 {
            self.octets.fetch_add(octets as u64, Ordering::Relaxed);
        }
    }

    fn read(&self) -> (bool, u64) {
        (self.waiting.load(Ordering::Relaxed), self.octets.load(Ordering::Relaxed))
    }
}

impl Oversight for Passage {
    fn must_end(&self, now: Instant, transport: Transport) -> bool {
        if let Err(because) = self.standing.now(clock::now()) {
            self.refuse(because);
        } else if let Some(end) = self.stalled(now, transport) {
            self.end(end, None);
        }
        self.ended().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWED: Owed = Owed { within: Duration::from_secs(60), octets: 600 };

    /// Looks once a second for ten minutes; the connection takes and brings so much a second.
    fn stalls(
        rate: u64,
        (blocked, single): (bool, bool),
        look: impl Fn(&mut Paces, Instant, u64, Transport) -> bool,
    ) -> bool {
        let (mut paces, start) = (Paces::default(), clock::instant());
        (0..600).any(|second| {
            let (taken, received) = (second * rate, second * rate);
            let transport = Transport { taken, received, blocked, single };
            look(&mut paces, start + Duration::from_secs(second), second, transport)
        })
    }

    #[test]
    fn downloads_that_share_a_slow_connection_do_not_count_against_each_other() {
        let own_drops = |paces: &mut Paces, now, second, transport| {
            paces.downloads(now, true, second, OWED, transport)
        };
        assert!(!stalls(1000, (true, false), own_drops), "the connection gets on");
        assert!(stalls(9, (true, false), own_drops), "the connection hardly gets on");
        assert!(stalls(1000, (false, false), own_drops), "only this one is asked for in drops");
        assert!(!stalls(1000, (false, true), own_drops), "HTTP/1.1: all is its own");
    }

    #[test]
    fn uploads_that_share_a_slow_connection_do_not_count_against_each_other() {
        let own = |rate: u64| {
            move |paces: &mut Paces, now, second, transport| {
                paces.uploads(now, (true, second * rate), OWED, transport)
            }
        };
        assert!(!stalls(1000, (false, false), own(1)), "the connection gets on");
        assert!(stalls(1000, (false, false), own(0)), "this one does not");
        assert!(stalls(9, (false, false), own(9)), "neither gets on");
    }
}
