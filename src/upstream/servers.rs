//! The servers of one site: which one is asked, and whether another is asked after it.
//!
//! Always holds: a request is asked again only where nothing of it can have been done. That is:
//! nothing of it left; or it is safe, has no body, and met a connection that had grown old.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Method, Request, Response};

use super::balance::{self, Candidate, Rank};
use super::budget::Budget;
use super::health::{Change, Health, Standing};
use super::server::{Failure, Rules, Server};
use super::{Body, RequestBody, UpstreamError, metrics};
use crate::clock;
use crate::config::{Ejection, Retries};
use crate::identifier::SiteId;
use crate::oversight::{UpstreamServer, UpstreamStanding};

/// The servers of one site and the rules for them; made anew at each reload, the servers are kept.
#[derive(Debug)]
pub struct Servers {
    pub(super) members: Vec<Member>,
    pub(super) settings: Settings,
    budget: Mutex<Budget>,
    /// Whether it was said that they ask for logins that belong to a connection.
    challenged: AtomicBool,
}

/// A server and its part in the site.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) server: Arc<Server>,
    pub(super) weight: u32,
    pub(super) drain: bool,
}

/// What the configuration says of a site's upstream.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) rules: Rules,
    pub(super) retries: Retries,
    pub(super) ejection: Ejection,
    pub(super) slow_start: Duration,
}

/// The servers that one request has failed at, by number.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tried(u64);

impl Tried {
    pub(super) fn add(&mut self, index: usize) {
        self.0 |= 1_u64.checked_shl(u32::try_from(index).unwrap_or(64)).unwrap_or(0);
    }

    fn has(self, index: usize) -> bool {
        index < 64 && self.0 >> index & 1 == 1
    }
}

thread_local! {
    /// Tells equals apart; a thread's own, so that no two contend for it.
    static TURN: Cell<u64> = const { Cell::new(0) };
}

fn turn() -> u64 {
    TURN.with(|turn| {
        turn.set(turn.get().wrapping_add(1));
        turn.get()
    })
}

impl Servers {
    /// Where each server stands.
    #[must_use]
    pub fn standing(&self) -> Vec<UpstreamServer> {
        let of = |member: &Member| UpstreamServer {
            site: member.server.site.clone(),
            server: member.server.name().to_string(),
            standing: match member.server.shown() {
                _ if member.drain => UpstreamStanding::Draining,
                Standing::In => UpstreamStanding::In,
                Standing::Ejected => UpstreamStanding::Ejected,
                Standing::Down => UpstreamStanding::Down,
            },
        };
        self.members.iter().map(of).collect()
    }

    pub(super) fn new(members: Vec<Member>, settings: Settings) -> Self {
        let budget = Mutex::new(Budget::new(clock::instant()));
        Self { members, settings, budget, challenged: AtomicBool::new(false) }
    }

    /// Says once that this site's servers ask for logins that belong to a connection although nobody
    /// has configured it.
    pub(crate) fn say_challenged(&self, site: &SiteId) {
        if !self.challenged.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                site = site.as_str(),
                "the upstream asks for NTLM or Negotiate: these logins are kept on connections of \
                 their own; write `affinity: connection` at the site, so that HTTP/2 is not offered"
            );
        }
    }

    /// Sends a request and waits for the answer's head. `again` makes the same request once more;
    /// it is asked only where the request has no body. The URI names only path and query.
    ///
    /// # Errors
    /// [`UpstreamError`]; the request may have reached a server unless it is `Unreachable`, `Full`
    /// or `NoServer`.
    #[expect(
        clippy::manual_async_fn,
        reason = "an async fn keeps room for each argument twice, and each request's future is copied"
    )]
    pub fn send(
        &self,
        mut request: Request<RequestBody>,
        again: impl Fn() -> Request<RequestBody> + Send,
    ) -> impl Future<Output = Result<Response<Body>, UpstreamError>> + Send {
        async move {
            let repeatable = request.body().again().is_some() && request.method().is_safe();
            let idempotent = is_idempotent(request.method());
            let mut tried = Tried::default();
            let mut attempts = 0;
            loop {
                let (index, server) = self.pick(tried).ok_or(UpstreamError::NoServer)?;
                let failure = match server.ask(request, &self.settings.rules, attempts > 0).await {
                    Ok(response) => {
                        self.succeeded(server);
                        return Ok(response);
                    }
                    Err(failure) => *failure,
                };
                if failure.blames_server() {
                    self.failed(index, server);
                }
                tried.add(index);
                let Failure { error, unsent, unanswered } = failure;
                request = match unsent {
                    Some(unsent) if may_go_elsewhere(&error, idempotent) => unsent,
                    None if unanswered && repeatable => again(),
                    _ => return Err(error),
                };
                attempts += 1;
                if attempts > self.settings.retries.attempts || !self.take_from_budget() {
                    return Err(error);
                }
                metrics::retried(server);
                tracing::debug!(server = &**server.name(), %error, "a request is asked again");
            }
        }
    }

    pub(super) fn pick(&self, tried: Tried) -> Option<(usize, &Arc<Server>)> {
        if let [only] = self.members.as_slice() {
            return (!only.drain).then_some((0, &only.server));
        }
        let index = balance::choose(self.members.len(), turn(), |index| {
            self.candidate(index, tried.has(index))
        })?;
        Some((index, &self.members.get(index)?.server))
    }

    fn candidate(&self, index: usize, tried: bool) -> Option<Candidate> {
        let Member { server, weight, drain } = self.members.get(index)?;
        if *drain {
            return None;
        }
        let in_flight = server.pool.in_flight();
        let maximum = self.settings.rules.connections.maximum;
        let (standing, share) = server.standing(self.settings.slow_start);
        let rank = match standing {
            Standing::Down => Rank::Down,
            _ if tried => Rank::Tried,
            Standing::Ejected => Rank::Ejected,
            Standing::In if maximum.is_some_and(|maximum| in_flight >= maximum) => Rank::Full,
            Standing::In => Rank::Ready,
        };
        Some(Candidate { rank, in_flight, weight: u64::from(*weight) * share })
    }

    pub(super) fn succeeded(&self, server: &Arc<Server>) {
        if !server.is_troubled() {
            return;
        }
        let change = server.learn(self.settings.slow_start, Health::succeeded);
        announce(server, change);
    }

    pub(super) fn failed(&self, index: usize, server: &Arc<Server>) {
        let slow_start = self.settings.slow_start;
        let others = self.members.iter().enumerate().filter(|(other, _)| *other != index);
        let may_eject = others
            .filter(|(_, member)| !member.drain)
            .any(|(_, member)| member.server.standing(slow_start).0 == Standing::In);
        let rule = &self.settings.ejection;
        let change = server.learn(slow_start, |health, now| health.failed(now, rule, may_eject));
        announce(server, change);
    }

    /// All requests of the site there ever were.
    fn requests(&self) -> u64 {
        self.members.iter().map(|member| member.server.pool.requests()).sum()
    }

    pub(super) fn take_from_budget(&self) -> bool {
        let requests = self.requests();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        let left = budget.take(clock::instant(), requests, &self.settings.retries);
        if !left {
            tracing::debug!("the budget for asking again is used up");
        }
        left
    }

    /// Begins another window of the budget where it is time.
    pub(super) fn roll_budget(&self) {
        let requests = self.requests();
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        budget.roll(clock::instant(), requests);
    }
}

/// Methods that do the same when done twice (RFC 9110 section 9.2.2).
fn is_idempotent(method: &Method) -> bool {
    method.is_safe() || matches!(*method, Method::PUT | Method::DELETE)
}

/// Whether a request of which nothing left may go to another server. Where no connection came about
/// there was no request yet, whatever its method is.
fn may_go_elsewhere(error: &UpstreamError, idempotent: bool) -> bool {
    match error {
        UpstreamError::Unreachable { .. } => true,
        UpstreamError::Nonsense { .. } => idempotent,
        // The others would be as full: this was the one with the fewest.
        UpstreamError::Full { .. }
        | UpstreamError::Unasked { .. }
        | UpstreamError::HeadTooLarge { .. }
        | UpstreamError::Ambiguous { .. }
        | UpstreamError::Parted { .. }
        | UpstreamError::ClientBody(_)
        | UpstreamError::Slow { .. }
        | UpstreamError::NoServer => false,
    }
}

/// Says what has changed for everybody, once.
pub(super) fn announce(server: &Server, change: Option<Change>) {
    let (site, name) = (server.site.as_str(), &**server.name());
    match change {
        None => {}
        Some(Change::Ejected(span)) => {
            metrics::ejected(server);
            let seconds = span.as_secs_f32();
            tracing::warn!(
                site,
                server = name,
                seconds,
                "an upstream server fails and is left out"
            );
        }
        Some(Change::Down) => {
            tracing::warn!(site, server = name, "an upstream server fails its health checks");
        }
        Some(Change::Failing) => {
            tracing::warn!(
                site,
                server = name,
                "an upstream server fails, and there is no other to ask"
            );
        }
        Some(Change::Back) => {
            tracing::info!(site, server = name, "an upstream server is in use again");
        }
    }
}
