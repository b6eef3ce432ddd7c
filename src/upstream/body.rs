//! An answer's body, with what has to live as long as it does.
//!
//! Always holds: a connection serves another request only after this answer's last byte; an answer
//! that is not read to its end ends its connection (HTTP/1.1) or its stream (HTTP/2); a connection
//! whose server wants a login that belongs to it never comes to anybody else.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::bond::Bond;
use super::connection::{Connection, Single, Whose};
use super::pool::{BoundPlace, Place, Pool};
use crate::clock;

/// What one exchange has taken from its server: a place and a connection. Given back when dropped.
#[derive(Debug)]
pub struct Lease {
    connection: Option<Connection>,
    place: Place,
}

impl Lease {
    pub(super) fn new(connection: Connection, place: Place) -> Self {
        Self { connection: Some(connection), place }
    }

    /// Of a connection that is one client's.
    pub(super) fn bound(mut connection: Connection, place: Place, bond: Arc<Bond>) -> Self {
        if let Connection::Http1(single) = &mut connection {
            single.whose = Whose::This(bond);
        }
        Self::new(connection, place)
    }

    /// The connection, where it carries nothing else.
    fn single(&self) -> Option<&Single> {
        match &self.connection {
            Some(Connection::Http1(single)) => Some(single),
            Some(Connection::Http2(_)) | None => None,
        }
    }

    fn give_to(&mut self, whose: Whose) {
        if let Some(Connection::Http1(single)) = &mut self.connection {
            single.whose = whose;
        }
    }

    /// The answer has ended: the connection can serve another request.
    fn finished(mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        let whose = match &mut connection {
            // What waits with its bond does not hold that bond.
            Connection::Http1(single) if !matches!(single.whose, Whose::Anybodys) => {
                std::mem::replace(&mut single.whose, Whose::Nobodys)
            }
            Connection::Http1(_) | Connection::Http2(_) => Whose::Anybodys,
        };
        match whose {
            Whose::Anybodys => self.place.keep(connection, clock::about()),
            Whose::This(bond) => bond.keep(connection),
            Whose::Nobodys => {}
        }
    }
}

/// An upstream's body on its way to the client.
#[derive(Debug)]
pub struct Body {
    incoming: Incoming,
    lease: Option<Lease>,
}

impl Body {
    pub(super) fn new(incoming: Incoming, lease: Lease) -> Self {
        let mut body = Self { incoming, lease: Some(lease) };
        body.look_for_the_end();
        body
    }

    /// The body of an answer that asks for a login which belongs to the connection: nobody's
    /// afterwards, unless it is bound.
    pub(super) fn of_challenge(incoming: Incoming, mut lease: Lease) -> Self {
        if matches!(lease.single(), None | Some(Single { whose: Whose::This(_), .. })) {
            return Self::new(incoming, lease);
        }
        lease.give_to(Whose::Nobodys);
        Self { incoming, lease: Some(lease) }
    }

    /// Whether the answer asks for a login that belongs to the connection, and nobody is bound to it.
    #[must_use]
    pub fn asks_for_bond(&self) -> bool {
        let single = self.lease.as_ref().and_then(Lease::single);
        single.is_some_and(|single| matches!(single.whose, Whose::Nobodys))
    }

    /// Whether it came from the server with this pool, over a connection that carries nothing else.
    pub(super) fn came_alone_from(&self, pool: &Arc<Pool>) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.place.is_of(pool) && lease.single().is_some())
    }

    /// Binds the connection to the client's whom this answer is for.
    pub(super) fn bind(&mut self, bond: &Arc<Bond>, place: BoundPlace) {
        if let Some(lease) = &mut self.lease {
            if let Some(connection) = &mut lease.connection {
                connection.is_bound(place);
            }
            lease.give_to(Whose::This(Arc::clone(bond)));
        }
        self.look_for_the_end();
    }

    /// The body of a 101: the connection is no longer HTTP, and the lease stays with it.
    pub(super) fn switched(incoming: Incoming, lease: Lease) -> Self {
        Self { incoming, lease: Some(lease) }
    }

    /// What a connection holds that goes on as something else than HTTP.
    #[must_use]
    pub fn into_lease(self) -> Option<Lease> {
        self.lease
    }

    fn look_for_the_end(&mut self) {
        if self.incoming.is_end_stream()
            && let Some(lease) = self.lease.take()
        {
            lease.finished();
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(Some(Ok(_))) => self.look_for_the_end(),
            Poll::Ready(None) => {
                if let Some(lease) = self.lease.take() {
                    lease.finished();
                }
            }
            // Nothing on this connection can be trusted any longer.
            Poll::Ready(Some(Err(_))) => self.lease = None,
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
