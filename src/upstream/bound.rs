//! A request over its client's own connection ([`Bond`]).
//!
//! Always holds: nothing is asked again that has left over such a connection, and nothing goes to
//! another server once there is one; only where none could be opened yet, another server is tried.

use std::pin::pin;
use std::sync::Arc;

use http::{Request, Response, StatusCode, header};
use tokio::time::timeout;

use super::body::{Body, Lease};
use super::bond::{Bond, Kept, Owner};
use super::connection::{Connection, Single};
use super::error::UpstreamError;
use super::patience::answered_within;
use super::pool::Place;
use super::server::{Failure, Rules, Server};
use super::servers::{Servers, Tried};
use super::{RequestBody, metrics};
use crate::gateway::body::Progress;

/// What the request goes over.
enum Over {
    /// The owner's connection.
    Kept(Box<Single>),
    /// The first one, for this owner.
    First(Owner),
}

impl Servers {
    /// Sends a request over its owner's own connection, and opens one where there is none yet. Where
    /// that connection is over afterwards, the client's ends with this answer.
    ///
    /// # Errors
    /// [`UpstreamError`]; `Parted` where the connection was gone before an answer came over it.
    pub async fn send_bound(
        &self,
        bond: &Arc<Bond>,
        owner: Owner,
        request: Request<RequestBody>,
    ) -> Result<Response<Body>, UpstreamError> {
        match bond.take(&owner) {
            Kept::Nothing => self.send_first(bond, owner, request).await,
            Kept::Connection(server, single) => self.send_on(bond, &server, single, request).await,
            Kept::Gone(server) => {
                bond.part();
                Err(UpstreamError::Parted { server: Arc::clone(server.name()) })
            }
        }
    }

    /// Binds the connection that has brought this answer, where it can be. Where as many are bound as
    /// may be, both end with this answer.
    pub fn bind(&self, bond: &Arc<Bond>, owner: Owner, answer: &mut Body) {
        let mut members = self.members.iter().map(|member| &member.server);
        if let Some(server) = members.find(|server| answer.came_alone_from(&server.pool)) {
            let Some(place) = server.pool.bind(&self.settings.rules.connections) else {
                bond.part();
                return;
            };
            bond.begin(owner, server);
            answer.bind(bond, place);
        }
    }

    async fn send_first(
        &self,
        bond: &Arc<Bond>,
        owner: Owner,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Body>, UpstreamError> {
        let (mut tried, mut attempts) = (Tried::default(), 0);
        loop {
            let (index, server) = self.pick(tried).ok_or(UpstreamError::NoServer)?;
            let over = Over::First(owner.clone());
            let asked = ask(server, &self.settings.rules, (bond, over), request, attempts > 0);
            let failure = match asked.await {
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
            let Failure { error, unsent, .. } = failure;
            request = match unsent {
                Some(unsent) if matches!(error, UpstreamError::Unreachable { .. }) => unsent,
                _ => return Err(error),
            };
            attempts += 1;
            if attempts > self.settings.retries.attempts || !self.take_from_budget() {
                return Err(error);
            }
            metrics::retried(server);
        }
    }

    async fn send_on(
        &self,
        bond: &Arc<Bond>,
        server: &Arc<Server>,
        single: Box<Single>,
        request: Request<RequestBody>,
    ) -> Result<Response<Body>, UpstreamError> {
        let member = self.members.iter().enumerate().find(|(_, m)| Arc::ptr_eq(&m.server, server));
        let over = (bond, Over::Kept(single));
        match ask(server, &self.settings.rules, over, request, false).await {
            Ok(response) => {
                self.succeeded(server);
                // Who is in the middle of logging in is let finish; then it is another server's turn.
                let leaves = member.is_none_or(|(_, member)| member.drain);
                if leaves && response.status() != StatusCode::UNAUTHORIZED {
                    bond.part();
                }
                Ok(response)
            }
            Err(failure) => {
                if let Some((index, _)) = member
                    && failure.blames_server()
                {
                    self.failed(index, server);
                }
                let Failure { error, unsent, unanswered } = *failure;
                let was_over = matches!(error, UpstreamError::Nonsense { .. })
                    && (unsent.is_some() || unanswered);
                Err(if was_over {
                    UpstreamError::Parted { server: Arc::clone(server.name()) }
                } else {
                    error
                })
            }
        }
    }
}

/// Asks over the owner's connection. Once there is one, any failure is its end and the client's.
async fn ask(
    server: &Arc<Server>,
    rules: &Rules,
    (bond, over): (&Arc<Bond>, Over),
    mut request: Request<RequestBody>,
    again: bool,
) -> Result<Response<Body>, Box<Failure>> {
    let used = matches!(over, Over::Kept(_));
    let Some(place) = server.place(rules, again).await else {
        if used {
            bond.part();
        }
        let error = UpstreamError::Full { server: Arc::clone(server.name()) };
        return Err(Failure::unsent(error, request));
    };
    let connection = match connection(server, rules, bond, over).await {
        Ok(connection) => connection,
        Err(error) => return Err(Failure::unsent(error, request)),
    };
    server.set_host(&mut request, &rules.host);
    let answered = answer(server, rules, (bond, connection, place), request, used).await;
    if answered.is_err() {
        bond.part();
    }
    answered
}

/// The owner's connection, as soon as it can take a request.
async fn connection(
    server: &Arc<Server>,
    rules: &Rules,
    bond: &Arc<Bond>,
    over: Over,
) -> Result<Connection, UpstreamError> {
    match over {
        Over::Kept(mut single) => {
            // The client's last request may still go up although its answer has ended. Where the
            // connection has ended, sending says so.
            let _ = timeout(rules.timeouts.response, single.sender.ready()).await;
            Ok(Connection::Http1(single))
        }
        Over::First(owner) => {
            let Some(bound) = server.pool.bind(&rules.connections) else {
                return Err(UpstreamError::Full { server: Arc::clone(server.name()) });
            };
            let mut opened = server.open(rules.timeouts.connect, true).await.map_err(|source| {
                metrics::connect_failed(server);
                UpstreamError::Unreachable { server: Arc::clone(server.name()), source }
            })?;
            opened.is_bound(bound);
            bond.begin(owner, server);
            Ok(opened)
        }
    }
}

async fn answer(
    server: &Server,
    rules: &Rules,
    (bond, mut connection, place): (&Arc<Bond>, Connection, Place),
    request: Request<RequestBody>,
    used: bool,
) -> Result<Response<Body>, Box<Failure>> {
    let may_switch = request.headers().contains_key(header::UPGRADE);
    let limit = rules.timeouts.response;
    let progress = request.body().progress();
    let sent = || progress.as_ref().map_or(0, Progress::octets);
    let outcome = {
        let sending = pin!(connection.send(request));
        answered_within(limit, sending, sent).await
    };
    match outcome {
        Some(Ok(response)) => {
            if says_close(&response) {
                bond.part();
            }
            let lease = Lease::bound(connection, place, Arc::clone(bond));
            server.answered(response, lease, may_switch)
        }
        Some(Err(mut failed)) => {
            let unsent = failed.take_message();
            Err(server.broken(failed.into_error(), unsent, used))
        }
        None => {
            let server = Arc::clone(server.name());
            Err(Failure::lost(UpstreamError::Slow { server, limit }))
        }
    }
}

/// Whether the server ends the connection behind this answer (RFC 9112 section 9.3).
fn says_close<B>(response: &Response<B>) -> bool {
    let has = |wanted: &[u8]| {
        let lines = response.headers().get_all(header::CONNECTION).iter();
        let mut options = lines.flat_map(|line| line.as_bytes().split(|&b| b == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(wanted))
    };
    has(b"close") || (response.version() == http::Version::HTTP_10 && !has(b"keep-alive"))
}
