//! An answer's body, with what has to live as long as it does.
//!
//! Always holds: a connection serves another request only after this answer's last byte; an answer
//! that is not read to its end ends its connection (HTTP/1.1) or its stream (HTTP/2).

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::connection::Connection;
use super::pool::Place;
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

    /// The answer has ended: the connection can serve another request.
    fn finished(mut self) {
        if let Some(connection) = self.connection.take() {
            self.place.keep(connection, clock::about());
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
