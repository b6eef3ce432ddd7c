//! Headers that belong to one connection (RFC 9110 section 7.6.1).

use http::header::{CONNECTION, TE, TRAILER, UPGRADE};
use http::{HeaderMap, HeaderValue};

use super::statements::same_name;

/// Removed whether `Connection` names them or not.
const ALWAYS: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// A client cannot have these taken away by naming them in `Connection`: they are meant for the
/// upstream, and a request without them is another request.
const NEVER_BY_NAME: [&str; 14] = [
    "host",
    "authorization",
    "cookie",
    "content-length",
    "content-type",
    "content-encoding",
    "origin",
    "referer",
    "range",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-unmodified-since",
    "expect",
];

const WEBSOCKET: &str = "sec-websocket-";

/// Whether a field means nothing, or something dangerous, behind a body.
pub(super) fn belongs_in_head(name: &str) -> bool {
    let mut head =
        ALWAYS.iter().chain(&NEVER_BY_NAME).chain(&["set-cookie", "trailer", "location"]);
    head.any(|field| same_name(name, field))
}

/// What of a message's headers belongs to the connection it came over.
pub(super) struct Connection<'m> {
    /// What `Connection` names beside [`ALWAYS`].
    named: Vec<&'m [u8]>,
}

impl<'m> Connection<'m> {
    pub(super) fn of_request(headers: &'m HeaderMap) -> Self {
        Self::of(headers, |name| {
            let prefix = name.get(..WEBSOCKET.len());
            NEVER_BY_NAME.iter().any(|kept| same_name(name, kept))
                || prefix.is_some_and(|prefix| prefix.eq_ignore_ascii_case(WEBSOCKET))
        })
    }

    pub(super) fn of_response(headers: &'m HeaderMap) -> Self {
        Self::of(headers, |name| {
            let kept = ["set-cookie", "content-length", "content-type"];
            kept.iter().any(|kept| kept.eq_ignore_ascii_case(name))
        })
    }

    fn of(headers: &'m HeaderMap, kept: impl Fn(&str) -> bool) -> Self {
        let options = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|line| line.as_bytes().split(|&b| b == b','))
            .filter_map(|option| std::str::from_utf8(option.trim_ascii()).ok())
            // `Trailer` announces what stands after the body; that part of the body goes on.
            .filter(|name| !name.eq_ignore_ascii_case(TRAILER.as_str()))
            .filter(|name| !is_always(name) && !kept(name));
        Self { named: options.map(str::as_bytes).collect() }
    }

    /// Whether a header goes no further than this connection.
    pub(super) fn has(&self, name: &str) -> bool {
        is_always(name)
            || self.named.iter().any(|named| named.eq_ignore_ascii_case(name.as_bytes()))
    }
}

fn is_always(name: &str) -> bool {
    ALWAYS.iter().any(|always| same_name(name, always))
}

/// `TE: trailers` is the one wish of a client that holds for the next connection too (gRPC).
pub(super) fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().any(|line| {
        line.as_bytes()
            .split(|&b| b == b',')
            .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    })
}

/// Says so to the upstream.
pub(super) fn accept_trailers(headers: &mut HeaderMap) {
    headers.insert(TE, HeaderValue::from_static("trailers"));
    headers.append(CONNECTION, HeaderValue::from_static("TE"));
}

pub(super) fn offer_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
