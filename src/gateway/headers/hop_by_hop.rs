//! Headers that belong to one connection (RFC 9110 section 7.6.1).

use std::collections::BTreeSet;

use http::header::{
    CONNECTION, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue};

use super::remove_where;
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

/// Whether a field means nothing, or something dangerous, behind a body.
pub(super) fn belongs_in_head(name: &str) -> bool {
    let mut head =
        ALWAYS.iter().chain(&NEVER_BY_NAME).chain(&["set-cookie", "trailer", "location"]);
    head.any(|field| same_name(name, field))
}

pub(super) fn strip_request(headers: &mut HeaderMap, websocket: bool) {
    let trailers = accepts_trailers(headers);
    strip(headers, |name| {
        NEVER_BY_NAME.iter().any(|kept| same_name(name, kept)) || name.starts_with("sec-websocket-")
    });
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.append(CONNECTION, HeaderValue::from_static("TE"));
    }
    if websocket {
        offer_websocket(headers);
    }
}

pub(super) fn strip_response(headers: &mut HeaderMap, websocket: bool) {
    strip(headers, |name| ["set-cookie", "content-length", "content-type"].contains(&name));
    // An upstream's demand for a proxy's password is not ours to hand on.
    headers.remove(PROXY_AUTHENTICATE);
    if websocket {
        offer_websocket(headers);
    }
}

fn strip(headers: &mut HeaderMap, kept: impl Fn(&str) -> bool) {
    let named: BTreeSet<String> = connection_options(headers).filter(|name| !kept(name)).collect();
    remove_where(headers, |name| {
        named.contains(name) || ALWAYS.iter().any(|always| same_name(name, always))
    });
    debug_assert!(!headers.contains_key(TRANSFER_ENCODING) && !headers.contains_key(UPGRADE));
    debug_assert!(!headers.contains_key(PROXY_AUTHORIZATION));
}

fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = String> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|&b| b == b','))
        .filter_map(|option| HeaderName::from_bytes(option.trim_ascii()).ok())
        // `Trailer` announces what stands after the body; that part of the body goes on.
        .filter(|name| name != TRAILER)
        .map(|name| name.as_str().to_owned())
}

/// `TE: trailers` is the one wish of a client that holds for the next connection too (gRPC).
fn accepts_trailers(headers: &HeaderMap) -> bool {
    headers.get_all(TE).iter().any(|line| {
        line.as_bytes()
            .split(|&b| b == b',')
            .any(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"trailers"))
    })
}

fn offer_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
