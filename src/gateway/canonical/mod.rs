//! One reading of a request: host, path and framing.
//!
//! PURE: may use `http`. Always holds: what decides and what is forwarded are the same bytes, those
//! of [`Canonical`]; a request that can be read in two ways is refused and never repaired. The one
//! exception is what every reader agrees on: the case of a host and one trailing dot of it.
//!
//! What the HTTP/1 parser would repair before this module sees it (bare line feeds, a fragment,
//! `Content-Length` beside `Transfer-Encoding`) the listener refuses in front of the parser. HTTP/2
//! cannot say most of it; a fragment in `:path` the listener refuses as well.

mod framing;
mod host;
mod path;
#[cfg(test)]
mod tests;

use http::header::{AUTHORIZATION, CONNECTION, HeaderName, UPGRADE};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, StatusCode, Version};

pub(crate) use framing::is_clear_answer;

use host::Authority;

/// The one reading of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    authority: Authority,
    target: PathAndQuery,
    websocket: bool,
}

/// Why a request has no single reading, or none that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Ambiguous {
    /// `CONNECT`, `TRACE`, or a method in lower case.
    #[error("this method is not served")]
    Method,
    /// No `Host` and no `:authority`.
    #[error("the request names no host")]
    HostMissing,
    /// More than one `Host`.
    #[error("the request names its host more than once")]
    HostRepeated,
    /// A host that is no name and no address, or has a user or a broken port.
    #[error("the request's host is not valid")]
    HostInvalid,
    /// `Host` and the request's target name different hosts.
    #[error("the request names two different hosts")]
    HostsDiffer,
    /// The host is not the one that the TLS connection was made for.
    #[error("the request's host is not the one this connection was made for")]
    OtherConnection,
    /// The target is no path: `*` of another method than `OPTIONS`, or a scheme other than http and https; over HTTP/2, than https.
    #[error("the request's target is not a path")]
    Target,
    /// An octet in the target that has to be encoded.
    #[error("the request's target has a character that has to be encoded")]
    TargetCharacter,
    /// A percent sign in the path without two hexadecimal digits.
    #[error("the request's path has a broken percent encoding")]
    PercentEncoding,
    /// `.` or `..` as a path segment, plain, encoded or with a parameter.
    #[error("the request's path has a dot segment")]
    DotSegment,
    /// An encoded slash, backslash, dot or control character, or a plain backslash.
    #[error("the request's path has an encoded separator, dot or control character")]
    EncodedSeparator,
    /// A header under a name of ours, where another proxy would hand it on.
    #[error("the request has a header that only the gateway may set")]
    Statement,
    /// A path that the site's path rules cannot be held against in one way.
    #[error("the request's path hides from the site's path rules")]
    PathRule,
    /// `Transfer-Encoding` or `Content-Length` that does not frame in one way.
    #[error("the request's length can be read in more than one way")]
    Framing,
    /// More than one `Authorization`: we might prove one and the upstream believe the other.
    #[error("the request logs in more than once")]
    LoginRepeated,
    /// `Early-Data`: whoever is in front of us took the request before its connection was whole.
    #[error("the request came before its connection was whole and can be replayed")]
    EarlyData,
    /// An expectation other than `100-continue`.
    #[error("the request's expectation is not known")]
    Expectation,
}

impl Ambiguous {
    /// The status of the answer: 400, but 405 for a method, 417 for an expectation, 421 where
    /// another connection would do (RFC 9110 section 15.5.20), and 425 where waiting would (RFC 8470
    /// section 5.2).
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::OtherConnection => StatusCode::MISDIRECTED_REQUEST,
            Self::Expectation => StatusCode::EXPECTATION_FAILED,
            Self::EarlyData => StatusCode::TOO_EARLY,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// Reads a request, or says why it cannot be read in one way. `tls_server_name` is what the client
/// named in the TLS handshake; none on a plain connection, or where it named nothing.
///
/// # Errors
/// [`Ambiguous`], whose [`Ambiguous::status`] is the answer.
pub fn canonical(parts: &Parts, tls_server_name: Option<&str>) -> Result<Canonical, Ambiguous> {
    check_method(&parts.method)?;
    let authority = host::authority(parts)?;
    if tls_server_name.is_some_and(|name| !authority.is_named(name)) {
        return Err(Ambiguous::OtherConnection);
    }
    let target = path::target(&parts.method, &parts.uri, parts.version)?;
    framing::check(parts)?;
    check_login(&parts.headers)?;
    let websocket = parts.version == Version::HTTP_11
        && parts.method == Method::GET
        && asks_for_websocket(&parts.headers);
    Ok(Canonical { authority, target, websocket })
}

/// Reads a path with its query, as it would stand in a request's first line.
///
/// # Errors
/// [`Ambiguous`], as of a request.
pub fn canonical_path(text: &str) -> Result<PathAndQuery, Ambiguous> {
    // The parser would cut a fragment off.
    if !text.starts_with('/') || text.contains('#') {
        return Err(Ambiguous::Target);
    }
    let target = PathAndQuery::try_from(text).map_err(|_| Ambiguous::TargetCharacter)?;
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target);
    let target = http::Uri::from_parts(parts).map_err(|_| Ambiguous::Target)?;
    path::target(&Method::GET, &target, Version::HTTP_11)
}

/// The host that a request names, where that is clear, whatever else of it is not. For answering
/// as its site would answer, never for a decision that opens anything.
#[must_use]
pub fn host_named(parts: &Parts) -> Option<String> {
    host::authority(parts).ok().map(|authority| authority.host().to_owned())
}

impl Canonical {
    /// The host: a name in lower case without a trailing dot, an IPv4 address, or an IPv6 address
    /// in brackets; without the port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port that the request names, where it names one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.authority.port()
    }

    /// Host and port, as they go on in `Host` and `X-Forwarded-Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// Path and query, as they came and as they go on.
    #[must_use]
    pub fn path_and_query(&self) -> &PathAndQuery {
        &self.target
    }

    /// The path, as it came and as it goes on.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.path()
    }

    /// Whether it asks about the server and not about anything on it: `OPTIONS *`. Its path is `*`.
    #[must_use]
    pub fn is_about_the_server(&self) -> bool {
        self.target == path::ASTERISK
    }

    /// Whether the client asks to speak WebSocket from here on (RFC 6455). Any other upgrade,
    /// `h2c` among them, is not offered and goes no further.
    #[must_use]
    pub fn asks_for_websocket(&self) -> bool {
        self.websocket
    }
}

fn check_method(method: &Method) -> Result<(), Ambiguous> {
    // Methods are compared exactly (RFC 9110 section 9.1), but not by every upstream.
    let lower_case = method.as_str().bytes().any(|b| b.is_ascii_lowercase());
    if lower_case || [Method::CONNECT, Method::TRACE].contains(method) || method == "TRACK" {
        return Err(Ambiguous::Method);
    }
    Ok(())
}

fn check_login(headers: &HeaderMap) -> Result<(), Ambiguous> {
    if headers.get_all(AUTHORIZATION).iter().nth(1).is_some() {
        return Err(Ambiguous::LoginRepeated);
    }
    const EARLY_DATA: HeaderName = HeaderName::from_static("early-data");
    if headers.contains_key(EARLY_DATA) { Err(Ambiguous::EarlyData) } else { Ok(()) }
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(UPGRADE).iter();
    let one = matches!(
        (upgrades.next(), upgrades.next()),
        (Some(only), None) if only.as_bytes().eq_ignore_ascii_case(b"websocket")
    );
    one && headers.get_all(CONNECTION).iter().any(|line| {
        line.as_bytes()
            .split(|&b| b == b',')
            .any(|option| option.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    })
}
