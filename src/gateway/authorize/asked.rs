//! What a proxy asks about, made a request again.
//!
//! PURE. Every header that tells of the request stands exactly once, or nothing is decided.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONNECTION, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version};

use crate::client_address::is_trusted;
use crate::config::Operations;
use crate::gateway::canonical::canonical_path;
use crate::identifier::ListenerId;
use crate::listen::{ConnectionAddress, ConnectionFacts, ForwardAuth};

const PATH: &str = "/authorize";
const FOR: &str = "x-forwarded-for";
const HOST_ASKED: &str = "x-forwarded-host";
const METHOD: &str = "x-forwarded-method";
const PROTO: &str = "x-forwarded-proto";
const TARGET: &str = "x-forwarded-uri";

/// The two ends of the proxy's connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
}

/// The request that a proxy asks about.
pub(super) struct Asked {
    pub(super) parts: Parts,
    pub(super) connection: ConnectionFacts,
}

/// Why a proxy gets no decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("name the proxies that may ask in `operations.client_address`")]
    NotConfigured,
    #[error("only a trusted proxy may ask; name it in `operations.client_address.trusted_proxies`")]
    Untrusted,
    #[error("the header {0} has to stand exactly once")]
    Missing(&'static str),
    #[error("the header {0} cannot be read")]
    Unreadable(&'static str),
}

impl Refused {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::NotConfigured => StatusCode::SERVICE_UNAVAILABLE,
            // A client makes a proxy send what cannot be read; that is no fault of the proxy.
            Self::Untrusted | Self::Unreadable(_) => StatusCode::FORBIDDEN,
            Self::Missing(_) => StatusCode::BAD_REQUEST,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Untrusted => "untrusted",
            Self::Missing(_) => "incomplete",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

/// The parts of a request that only its sender, or the proxy in its place, can tell.
struct Head {
    method: Method,
    target: PathAndQuery,
    host: HeaderValue,
    redirects: bool,
}

impl Asked {
    pub(super) fn read(
        operations: Option<&Operations>,
        request: &Parts,
        ends: Ends,
    ) -> Result<Self, Refused> {
        let source = operations.and_then(|operations| operations.client_address.as_ref());
        let source = source.ok_or(Refused::NotConfigured)?;
        if !is_trusted(source, ends.peer.ip()) {
            return Err(Refused::Untrusted);
        }
        once(request, FOR)?;
        if request.headers.contains_key(PROTO) {
            let proto = once(request, PROTO)?.as_bytes();
            let known = [&b"http"[..], b"https", b"ws", b"wss"];
            if !known.iter().any(|known| proto.eq_ignore_ascii_case(known)) {
                return Err(Refused::Unreadable(PROTO));
            }
        }
        let head = match request.uri.path().strip_prefix(PATH) {
            Some("") => told_in_headers(request)?,
            _ => told_by_itself(request)?,
        };
        // These lines may be the client's own: what they say of its request is not forgotten.
        let changes = [UPGRADE, TRANSFER_ENCODING].iter().any(|n| request.headers.contains_key(n));
        let forward_auth = ForwardAuth { redirects: head.redirects, changes };
        let name = ListenerId::parse("operations").map_err(|_| Refused::NotConfigured)?;
        let connection = ConnectionFacts::new(
            name,
            (ends.peer, ends.local),
            ConnectionAddress::PerRequest,
            None,
            Arc::clone(source),
        )
        .asked_by_proxy(forward_auth);
        Ok(Self { parts: parts(request, head)?, connection })
    }
}

/// nginx, Traefik and Caddy: the path is ours, and headers tell of the request. `sign_in=redirect`
/// says that the proxy hands a redirection on to the client, which nginx cannot.
fn told_in_headers(request: &Parts) -> Result<Head, Refused> {
    let method = once(request, METHOD)?;
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| Refused::Unreadable(METHOD))?;
    let target = once(request, TARGET)?.to_str().map_err(|_| Refused::Unreadable(TARGET))?;
    // Fragments are cut off by the parser that canonical requests have gone through.
    if !target.starts_with('/') || target.contains('#') {
        return Err(Refused::Unreadable(TARGET));
    }
    let target = PathAndQuery::try_from(target).map_err(|_| Refused::Unreadable(TARGET))?;
    let host = once(request, HOST_ASKED)?.clone();
    let redirects = request.uri.query() == Some("sign_in=redirect");
    Ok(Head { method, target, host, redirects })
}

/// Envoy: the request itself with our path in front of its own. Whoever also names another one in a
/// header could mean either.
fn told_by_itself(request: &Parts) -> Result<Head, Refused> {
    for name in [TARGET, METHOD, HOST_ASKED] {
        if request.headers.contains_key(name) {
            return Err(Refused::Missing(name));
        }
    }
    // A target with a host of its own would be a second word on it.
    if request.uri.authority().is_some() {
        return Err(Refused::Unreadable("path"));
    }
    let target = request.uri.path_and_query().map(PathAndQuery::as_str).unwrap_or_default();
    let target = target.strip_prefix(PATH).unwrap_or_default();
    let target = canonical_path(target).map_err(|_| Refused::Unreadable("path"))?;
    let host = once(request, HOST.as_str())?.clone();
    Ok(Head { method: request.method.clone(), target, host, redirects: true })
}

fn parts(request: &Parts, head: Head) -> Result<Parts, Refused> {
    let mut uri = http::uri::Parts::default();
    uri.path_and_query = Some(head.target);
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = head.method;
    parts.uri = Uri::from_parts(uri).map_err(|_| Refused::Unreadable(TARGET))?;
    parts.version = Version::HTTP_11;
    parts.headers = request.headers.clone();
    // Of the proxy's own connection with us, and nothing of the client's.
    for name in [CONNECTION, EXPECT, TRANSFER_ENCODING, UPGRADE] {
        parts.headers.remove(name);
    }
    parts.headers.insert(HOST, head.host);
    Ok(parts)
}

/// The one line of a header.
fn once<'r>(request: &'r Parts, name: &'static str) -> Result<&'r HeaderValue, Refused> {
    let mut lines = request.headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Refused::Missing(name)),
    }
}
