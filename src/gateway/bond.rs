//! Which requests go over their client's own connection to a server, and what ends the two together.
//!
//! A login by NTLM or Negotiate holds for a connection: whoever sends a request over it is taken for
//! whoever has logged in. Always holds: a request that brings such a login goes over no connection that
//! anybody else has or gets, configured or not; over HTTP/2, where clients and browsers let requests of
//! many share a connection, it is sent back with `HTTP_1_1_REQUIRED` as IIS does: browsers, curl and
//! .NET ask again over HTTP/1.1 by themselves then, while they would come back over HTTP/2 after a 421.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use http::{Response, StatusCode, Version, header};

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::passage::Passage;
use crate::config::Affinity;
use crate::listen::Companion;
use crate::listen::http::Http1Required;
use crate::upstream::{AnswerBody, Bond, Owner, belongs_to_connection};

/// What a client's connection is bound to, and by whose permission.
#[derive(Debug, Default)]
pub(super) struct Bound {
    bond: Arc<Bond>,
    /// The exchange whose permission may end while nothing is under way.
    standing: Mutex<Option<Arc<Passage>>>,
}

impl Bound {
    pub(super) fn bond(&self) -> &Arc<Bond> {
        &self.bond
    }

    /// It stands as long as this permission does; none: every request decides for itself.
    pub(super) fn stands_by(&self, passage: Option<Arc<Passage>>) {
        *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = passage;
    }

    async fn permission_ends(&self) {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match standing {
            Some(passage) => drop(passage.standing().ended().await),
            None => std::future::pending().await,
        }
    }
}

impl Companion for Bound {
    fn has_parted(&self) -> bool {
        self.bond.has_parted()
    }

    fn parted(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            tokio::select! {
                () = self.bond.parted() => {}
                () = self.permission_ends() => {}
            }
        })
    }
}

/// The way of a request to its upstream.
#[derive(Clone, Copy)]
pub(super) enum Way<'e> {
    /// Over any connection.
    Any,
    /// Over its client's own.
    Own(&'e Bound),
    /// None: it has to come over HTTP/1.1.
    SentBack,
}

/// Which way a request goes.
pub(super) fn way<'e>(exchange: &'e Exchange<'_>) -> Way<'e> {
    let configured = exchange.site.site.upstream.affinity == Affinity::Connection;
    let bound = exchange.connection.companion::<Bound>();
    let headers = &exchange.parts.headers;
    let brings = || belongs_to_connection(headers, &header::AUTHORIZATION);
    let is_bound = || bound.is_some_and(|bound| bound.bond.is_of(&owner(exchange)));
    if configured || brings() || is_bound() { own(exchange) } else { Way::Any }
}

/// What follows from an answer that came over any connection: where it asks for a login that belongs
/// to the connection, that connection is the client's from now on, or nobody's. Whether the answer goes
/// on.
pub(super) fn goes_on(
    exchange: &Exchange<'_>,
    answer: &mut Response<AnswerBody>,
    stands_by: impl FnOnce() -> Option<Arc<Passage>>,
) -> bool {
    if !answer.body().asks_for_bond() {
        return true;
    }
    exchange.site.servers.say_challenged(&exchange.site.site.id);
    match own(exchange) {
        Way::Own(bound) => {
            exchange.site.servers.bind(&bound.bond, owner(exchange), answer.body_mut());
            bound.stands_by(stands_by());
            true
        }
        Way::Any | Way::SentBack => false,
    }
}

fn own<'e>(exchange: &'e Exchange<'_>) -> Way<'e> {
    if exchange.parts.version >= Version::HTTP_2 {
        return Way::SentBack;
    }
    match exchange.connection.companion_or_new::<Bound>() {
        Some(bound) => Way::Own(bound),
        None => Way::SentBack,
    }
}

/// For whom a connection is bound.
pub(super) fn owner(exchange: &Exchange<'_>) -> Owner {
    Owner { site: exchange.site.site.id.clone(), client: exchange.client }
}

/// What a request gets that has to come over HTTP/1.1; over HTTP/2 the listener makes a reset of it.
pub(super) const SENT_BACK: StatusCode = StatusCode::MISDIRECTED_REQUEST;

/// The answer that sends a request back.
pub(super) fn send_back() -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::page(bytes::Bytes::new()));
    *response.status_mut() = SENT_BACK;
    response.extensions_mut().insert(Http1Required);
    response
}
