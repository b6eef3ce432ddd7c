//! The bodies that pass through, streamed: nothing is collected, sizes are never guessed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

/// The client's body on its way up.
pub type RequestBody = Incoming;

/// What goes to the client: a page of ours, or the upstream's answer.
#[derive(Debug)]
pub struct ResponseBody {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Page(Full<Bytes>),
    Upstream {
        body: Incoming,
        /// Whatever must live exactly as long as the exchange does.
        _held: Held,
    },
}

/// Values that are dropped when the last byte has gone, or the client has.
#[derive(Debug, Default)]
pub struct Held {
    /// Writes `completed` for a long exchange.
    pub completion: Option<crate::audit::Completion>,
    /// The exchange's place among the requests in flight.
    pub in_flight: Option<super::limits::InFlight>,
}

impl ResponseBody {
    /// Bytes of our own.
    #[must_use]
    pub fn page(bytes: Bytes) -> Self {
        Self { kind: Kind::Page(Full::new(bytes)) }
    }

    /// The upstream's body; `held` lives as long as it does.
    #[must_use]
    pub fn upstream(body: Incoming, held: Held) -> Self {
        Self { kind: Kind::Upstream { body, _held: held } }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.kind {
            Kind::Page(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Kind::Upstream { body, .. } => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Page(body) => body.is_end_stream(),
            Kind::Upstream { body, .. } => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Page(body) => body.size_hint(),
            Kind::Upstream { body, .. } => body.size_hint(),
        }
    }
}
