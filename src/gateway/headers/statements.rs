//! The headers that carry statements of ours: whose they are, and how we write them.

use std::fmt::Write as _;
use std::net::IpAddr;

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use crate::territory::Country;

/// Names that count as ours, or that upstreams take for a proxy's word: in lower case, with a hyphen
/// for each separator. Those that end in a hyphen stand for all that begin so.
const RESERVED: [&str; 24] = [
    "x-forwarded-",
    "x-geovagt-",
    "geovagt-",
    "forwarded",
    "x-forwarded",
    "forwarded-for",
    "x-real-ip",
    "x-request-id",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "fastly-client-ip",
    "x-cluster-client-ip",
    "x-original-",
    "x-rewrite-url",
    "x-remote-ip",
    "x-remote-addr",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "x-originating-ip",
    "x-envoy-external-address",
    "x-azure-clientip",
    // A CGI program would take it for its own proxy (HTTP_PROXY).
    "proxy",
];

/// What we tell the upstream about a request.
#[derive(Debug, Clone, Copy)]
pub struct Statements<'a> {
    /// The client's address, as seen.
    pub client: IpAddr,
    /// `http` or `https`: what the client spoke to us.
    pub proto: &'a str,
    /// Host and port as the client named them, canonical.
    pub host: &'a str,
    /// Where the client is, where it is known.
    pub country: Option<Country>,
    /// Who is signed in with us.
    pub user: Option<&'a str>,
    /// The exemption that opened the door.
    pub exemption: Option<&'a str>,
    /// The request's own name, the same as in the log.
    pub request_id: &'a str,
}

/// A statement that cannot stand in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} has a character that cannot stand in a header")]
pub struct Unwritable(pub &'static str);

/// Sets what we state. Call [`super::prepare_request`] first; each name is written, or, where there
/// is nothing to state, absent.
///
/// A user's name goes on as it is while it is made of visible ASCII without `%`; every other octet
/// of its UTF-8 is percent-encoded (RFC 3986 section 2.1), so that decoding always gives the name
/// and no name can hold a line break or pass for another.
///
/// # Errors
/// [`Unwritable`] where host, exemption or request id hold what cannot stand in a header; nothing
/// should be forwarded then.
pub fn set_ours(headers: &mut HeaderMap, statements: &Statements<'_>) -> Result<(), Unwritable> {
    let set = |headers: &mut HeaderMap, name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value).map_err(|_| Unwritable(name))?;
        headers.insert(HeaderName::from_static(name), value);
        Ok(())
    };
    set(headers, "x-forwarded-for", &statements.client.to_string())?;
    set(headers, "x-forwarded-proto", statements.proto)?;
    set(headers, "x-forwarded-host", statements.host)?;
    set(headers, "forwarded", &forwarded(statements))?;
    set(headers, "x-request-id", statements.request_id)?;
    let country = statements.country;
    let optional = [
        ("x-geovagt-country", country.map(|country| country.to_string())),
        ("x-geovagt-user", statements.user.map(percent_encoded)),
        ("x-geovagt-exemption", statements.exemption.map(str::to_owned)),
    ];
    for (name, value) in optional {
        match value {
            Some(value) => set(headers, name, &value)?,
            None => drop(headers.remove(name)),
        }
    }
    Ok(())
}

/// RFC 7239: an IPv6 address in brackets, and whatever is no token between quotation marks.
fn forwarded(statements: &Statements<'_>) -> String {
    let node = match statements.client {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("\"[{v6}]\""),
    };
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    let host = statements.host;
    let host = if is_token(host) { host.to_owned() } else { format!("{host:?}") };
    format!("for={node};host={host};proto={}", statements.proto)
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Whether a name is one of ours or passes for one, in whatever spelling.
pub(super) fn is_reserved(name: &str) -> bool {
    RESERVED.iter().any(|reserved| {
        if reserved.ends_with('-') {
            begins_with(name, reserved)
        } else {
            same_name(name, reserved)
        }
    })
}

/// Whether a name belongs to us in a response.
pub(super) fn is_ours(name: &str) -> bool {
    begins_with(name, "geovagt-") || begins_with(name, "x-geovagt-")
}

/// Whether a name is another spelling of one that says how long or what a body is. A CGI program
/// cannot tell `Content_Length` from the real one.
pub(super) fn is_misspelt(name: &str) -> bool {
    ["content-length", "content-type", "content-encoding"]
        .iter()
        .any(|real| name != *real && same_name(name, real))
}

/// Whether two names are the same once every separator is a hyphen. Upstreams that turn headers
/// into variables (`HTTP_X_FORWARDED_FOR`) cannot tell the spellings apart.
pub(super) fn same_name(name: &str, other: &str) -> bool {
    name.len() == other.len() && begins_with(name, other)
}

fn begins_with(name: &str, prefix: &str) -> bool {
    name.len() >= prefix.len() && name.bytes().zip(prefix.bytes()).all(|(a, b)| folded(a) == b)
}

/// Letters in lower case; all that is neither letter nor digit is a separator.
fn folded(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' }
}
