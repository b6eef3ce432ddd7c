//! One connection to a server, spoken to in HTTP/1.1 or HTTP/2.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Response, Uri, Version, header};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use tokio_util::sync::CancellationToken;

use super::RequestBody;
use super::bond::Bond;
use super::pool::BoundPlace;

/// A connection that is given to one request.
#[derive(Debug)]
pub(super) enum Connection {
    /// This request's alone.
    Http1(Box<Single>),
    /// A stream beside others'.
    Http2(Stream),
}

/// An HTTP/1.1 connection: one request at a time.
#[derive(Debug)]
pub(super) struct Single {
    pub(super) sender: http1::SendRequest<RequestBody>,
    /// Cancelled when the connection has ended.
    pub(super) ended: CancellationToken,
    pub(super) whose: Whose,
    /// Where it is one client's: it counts as such as long as it is there.
    pub(super) bound: Option<BoundPlace>,
}

/// Whose a connection is when its answer has ended.
#[derive(Debug)]
pub(super) enum Whose {
    Anybodys,
    /// The client's that the answer is for.
    This(Arc<Bond>),
    Nobodys,
}

/// An HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Shared {
    sender: http2::SendRequest<RequestBody>,
    scheme: Scheme,
    streams: AtomicUsize,
    /// How many streams the server allows (RFC 9113 section 5.1.2); 0 until it has said so.
    pub(super) most: Arc<AtomicUsize>,
}

/// One stream's place on an HTTP/2 connection.
#[derive(Debug)]
pub(super) struct Stream(Arc<Shared>);

impl Shared {
    pub(super) fn new(
        sender: http2::SendRequest<RequestBody>,
        scheme: Scheme,
        most: Arc<AtomicUsize>,
    ) -> Arc<Self> {
        Arc::new(Self { sender, scheme, streams: AtomicUsize::new(0), most })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Streams in use.
    pub(super) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// Whether another stream would not have to wait.
    pub(super) fn has_room(&self) -> bool {
        let most = self.most.load(Ordering::Relaxed);
        most == 0 || self.streams() < most
    }
}

impl Stream {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        shared.streams.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(shared))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connection {
    /// It is one client's from now on.
    pub(super) fn is_bound(&mut self, place: BoundPlace) {
        if let Self::Http1(single) = self {
            single.bound = Some(place);
        }
    }

    /// Sends a request and waits for the head of the answer. A request that never left comes back
    /// with the error.
    pub(super) async fn send(
        &mut self,
        mut request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        match self {
            Self::Http1(single) => {
                to_http1(&mut request);
                single.sender.try_send_request(request).await
            }
            Self::Http2(stream) => {
                to_http2(&mut request, &stream.0.scheme);
                stream.0.sender.clone().try_send_request(request).await
            }
        }
    }
}

/// Origin-form and `Host` (RFC 9112 section 3.2.1).
fn to_http1(request: &mut Request<RequestBody>) {
    *request.version_mut() = Version::HTTP_11;
    // It was made ready for HTTP/2 before, and comes back.
    if let Some(authority) = request.uri().authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
        let path = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from(path.unwrap_or(PathAndQuery::from_static("/")));
    }
}

/// `:authority` instead of `Host`, and nothing that concerns one HTTP/1.1 connection (RFC 9113
/// sections 8.2.2 and 8.3.1).
fn to_http2(request: &mut Request<RequestBody>, scheme: &Scheme) {
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(header::CONNECTION);
    let authority = request.headers_mut().remove(header::HOST);
    let authority = authority.and_then(|host| Authority::try_from(host.as_bytes()).ok());
    if let Some(authority) = authority {
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(scheme.clone());
        parts.authority = Some(authority);
        parts.path_and_query = request.uri().path_and_query().cloned();
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_can_go_from_one_version_to_the_other_and_back() {
        let mut request = Request::new(RequestBody::empty());
        *request.uri_mut() = Uri::from_static("/a?b");
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_static("kilden.example.dk:8443"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("TE"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        to_http1(&mut request);
        assert_eq!(request.uri(), "/a?b");
        to_http2(&mut request, &Scheme::HTTPS);
        assert_eq!(request.uri(), "https://kilden.example.dk:8443/a?b");
        assert_eq!(request.headers().get(header::TE).unwrap(), "trailers");
        assert_eq!(request.headers().len(), 1);
        to_http1(&mut request);
        assert_eq!(request.uri(), "/a?b");
        assert_eq!(request.headers().get(header::HOST).unwrap(), "kilden.example.dk:8443");
    }
}
