//! The bodies that pass through, streamed: nothing is collected, sizes are never guessed.
//!
//! Always holds: a body that ends before its end ends with an error, so that neither side takes it
//! for whole.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::headers;
use super::invitation::Invited;
use super::passage::{End, Passage};
use crate::clock;
use crate::upstream::{AnswerBody, Lease};

/// Why a body ends before its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The side that it comes from broke it off.
    #[error("the body broke off")]
    Broken(#[source] hyper::Error),
    /// We ended the exchange.
    #[error("the gateway ended the exchange: {0}")]
    Ended(&'static str),
    /// The answer is over, and the rest of the client's body does not come.
    #[error("the exchange is over and the rest of its body does not come")]
    Unwanted,
}

/// The client's body on its way up. What stands behind it says nothing in our name. Most requests have
/// none, and each is moved a few times with the room for it: a pointer, then.
#[derive(Debug)]
pub struct RequestBody(Option<Box<Upload>>);

#[derive(Debug)]
struct Upload {
    body: Incoming,
    passage: Arc<Passage>,
    invited: Invited,
    /// How long it is still waited for where the answer is over before it.
    farewell: Option<Pin<Box<Sleep>>>,
}

/// How far a client's body has come.
#[derive(Debug)]
pub(crate) struct Progress(Arc<Passage>);

impl Progress {
    /// Octets that have gone up.
    pub(crate) fn octets(&self) -> u64 {
        self.0.sent_up()
    }
}

impl RequestBody {
    /// The body as it comes from the client, which may wait to be asked for it.
    #[must_use]
    pub(super) fn new(body: Incoming, passage: &Arc<Passage>, invited: Invited) -> Self {
        if body.is_end_stream() {
            return Self(None);
        }
        let upload = Upload { body, passage: Arc::clone(passage), invited, farewell: None };
        Self(Some(Box::new(upload)))
    }

    /// None at all.
    #[must_use]
    pub fn empty() -> Self {
        Self(None)
    }

    /// How far it has come, as long as it is on its way; none where there is no body.
    #[must_use]
    pub(crate) fn progress(&self) -> Option<Progress> {
        self.0.as_ref().map(|upload| Progress(Arc::clone(&upload.passage)))
    }

    /// The same again, where it is known to be empty.
    #[must_use]
    pub fn again(&self) -> Option<Self> {
        self.0.is_none().then_some(Self(None))
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(upload) = &mut self.0 else { return Poll::Ready(None) };
        upload.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|upload| upload.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |upload| upload.body.size_hint())
    }
}

impl Upload {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(end) = self.passage.ended() {
            return Poll::Ready(Some(Err(BodyError::Ended(end.word()))));
        }
        if self.passage.is_over() && self.may_not_go_on(context) {
            return Poll::Ready(Some(Err(BodyError::Unwanted)));
        }
        if self.invited.poll(context).is_pending() {
            self.passage.upload_waits(context);
            if self.passage.is_over() {
                return Poll::Ready(Some(Err(BodyError::Unwanted)));
            }
            return Poll::Pending;
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.passage.upward(frame.is_pending(), octets(&frame));
        if frame.is_pending() {
            self.passage.upload_waits(context);
            return Poll::Pending;
        }
        frame
            .map_ok(|frame| with_trailers(frame, headers::prepare_request_trailers))
            .map_err(BodyError::Broken)
    }

    /// Nobody looks after the exchange once its answer is over. What is left of the body then has a
    /// little time, however it comes, and goes on only for whoever would still be let in.
    fn may_not_go_on(&mut self, context: &mut Context<'_>) -> bool {
        let patience = self.passage.patience();
        let farewell = self.farewell.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        farewell.as_mut().poll(context).is_ready()
            || self.passage.standing().now(clock::now()).is_err()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.passage.upward(false, 0);
    }
}

fn octets<E>(frame: &Poll<Option<Result<Frame<Bytes>, E>>>) -> usize {
    match frame {
        Poll::Ready(Some(Ok(frame))) => frame.data_ref().map_or(0, Bytes::len),
        Poll::Ready(Some(Err(_)) | None) | Poll::Pending => 0,
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
    Upstream(Box<Download>),
}

#[derive(Debug)]
struct Download {
    body: AnswerBody,
    /// The longest piece that is handed on at once.
    longest: usize,
    rest: Bytes,
    held: Held,
}

/// What lives exactly as long as the exchange does, until the last byte has gone, or the client has.
#[derive(Debug)]
pub(super) struct Held {
    /// Writes `completed` for a long exchange.
    pub(super) completion: Option<crate::audit::Completion>,
    /// The exchange's place among the requests in flight.
    pub(super) in_flight: Option<super::limits::InFlight>,
    /// The upstream's connection, where it goes on as a tunnel.
    pub(super) lease: Option<Lease>,
    /// Whether it may go on.
    pub(super) passage: Arc<Passage>,
    /// How it has ended, as far as it can be seen here.
    pub(super) seen: End,
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.in_flight.take());
        self.passage.finish();
        if let Some(completion) = self.completion.take() {
            completion.ended(self.passage.ending(self.seen));
        }
    }
}

impl ResponseBody {
    /// Bytes of our own.
    #[must_use]
    pub fn page(bytes: Bytes) -> Self {
        Self { kind: Kind::Page(Full::new(bytes)) }
    }

    /// The upstream's body, handed on in pieces no longer than `longest`; `held` lives as long as it
    /// does.
    #[must_use]
    pub(super) fn upstream(body: AnswerBody, longest: usize, mut held: Held) -> Self {
        if body.is_end_stream() {
            held.seen = End::Whole;
        }
        let download = Download { body, longest: longest.max(1), rest: Bytes::new(), held };
        Self { kind: Kind::Upstream(Box::new(download)) }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.kind {
            Kind::Page(body) => Pin::new(body).poll_frame(context).map_err(|never| match never {}),
            Kind::Upstream(download) => download.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.kind {
            Kind::Page(body) => body.is_end_stream(),
            Kind::Upstream(download) => download.is_whole(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Page(body) => body.size_hint(),
            Kind::Upstream(download) => download.size_hint(),
        }
    }
}

impl Download {
    fn poll_frame(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let passage = &self.held.passage;
        if let Some(end) = passage.ended() {
            return Poll::Ready(Some(Err(BodyError::Ended(end.word()))));
        }
        if !self.rest.is_empty() {
            let piece = self.next_piece();
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            passage.waits_for_upstream();
            return Poll::Pending;
        };
        Poll::Ready(match frame {
            None => {
                self.held.seen = End::Whole;
                None
            }
            Some(Err(error)) => {
                self.held.seen = End::UpstreamBroke;
                Some(Err(BodyError::Broken(error)))
            }
            Some(Ok(frame)) => Some(Ok(match frame.into_data() {
                Ok(data) => {
                    self.rest = data;
                    Frame::data(self.next_piece())
                }
                Err(trailers) => with_trailers(trailers, headers::prepare_response_trailers),
            })),
        })
    }

    fn next_piece(&mut self) -> Bytes {
        let piece = self.rest.split_to(self.rest.len().min(self.longest));
        self.held.passage.downward(piece.len());
        if self.is_whole() {
            self.held.seen = End::Whole;
        }
        piece
    }

    fn is_whole(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.body.size_hint();
        let rest = self.rest.len() as u64;
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint.set_lower(hint.lower().saturating_add(rest));
        hint
    }
}
