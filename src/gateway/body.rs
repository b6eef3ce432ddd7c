//! The bodies that pass through, streamed: nothing is collected, sizes are never guessed.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;

use super::headers;

/// The client's body on its way up. What stands behind it says nothing in our name.
#[derive(Debug)]
pub struct RequestBody(Option<Incoming>);

impl RequestBody {
    /// The body as it comes from the client.
    #[must_use]
    pub fn new(body: Incoming) -> Self {
        Self((!body.is_end_stream()).then_some(body))
    }

    /// No body at all.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// The same again, where it is known to be empty.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        self.0.is_none().then_some(Self(None))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        Pin::new(body)
            .poll_frame(context)
            .map_ok(|frame| with_trailers(frame, headers::prepare_request_trailers))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

fn with_trailers(mut frame: Frame<Bytes>, prepare: impl Fn(&mut HeaderMap)) -> Frame<Bytes> {
    if let Some(trailers) = frame.trailers_mut() {
        prepare(trailers);
    }
    frame
}

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
            Kind::Upstream { body, .. } => Pin::new(body)
                .poll_frame(context)
                .map_ok(|frame| with_trailers(frame, headers::prepare_response_trailers)),
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
