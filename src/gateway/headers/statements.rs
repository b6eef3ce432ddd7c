//! The headers that carry statements of ours: whose they are, and how we write them.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use http::header::{FORWARDED, HeaderName};
use http::{HeaderMap, HeaderValue};

use crate::client_address::address_text;
use crate::territory::Country;

/// Names that count as ours, or that upstreams take for a proxy's word on where somebody is or who it
/// is: in lower case, with a hyphen for each separator. Those that end in a hyphen stand for all that
/// begin so.
const RESERVED: [&str; 28] = [
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
    "x-remote-",
    "remote-",
    "x-auth-request-",
    "x-authenticated-",
    "x-webauth-",
    "x-ssl-client-",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "x-originating-ip",
    "x-envoy-external-address",
    "x-azure-clientip",
    // A CGI program would take it for its own proxy (HTTP_PROXY).
    "proxy",
];

/// How many headers [`set_ours`] adds at most.
pub(super) const MOST_STATEMENTS: usize = 8;

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

/// Sets what we state. Call [`super::request_headers`] first; each name is written, or, where there
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
    let (written, ranges) = Written::of(statements);
    let Ranges { client, host, forwarded, request_id, country, user, exemption } = ranges;
    written.set(headers, X_FORWARDED_FOR, client)?;
    headers.insert(X_FORWARDED_PROTO, proto(statements.proto)?);
    written.set(headers, X_FORWARDED_HOST, host)?;
    written.set(headers, FORWARDED, forwarded)?;
    written.set(headers, X_REQUEST_ID, request_id)?;
    let perhaps =
        [(X_GEOVAGT_COUNTRY, country), (X_GEOVAGT_USER, user), (X_GEOVAGT_EXEMPTION, exemption)];
    for (name, value) in perhaps {
        match value {
            Some(value) => written.set(headers, name, value)?,
            None => drop(headers.remove(name)),
        }
    }
    Ok(())
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_GEOVAGT_COUNTRY: HeaderName = HeaderName::from_static("x-geovagt-country");
const X_GEOVAGT_USER: HeaderName = HeaderName::from_static("x-geovagt-user");
const X_GEOVAGT_EXEMPTION: HeaderName = HeaderName::from_static("x-geovagt-exemption");

fn proto(proto: &str) -> Result<HeaderValue, Unwritable> {
    match proto {
        "http" => Ok(HeaderValue::from_static("http")),
        "https" => Ok(HeaderValue::from_static("https")),
        other => HeaderValue::from_str(other).map_err(|_| Unwritable("x-forwarded-proto")),
    }
}

/// All values in one piece of memory, which the headers share.
struct Written(Bytes);

struct Ranges {
    client: Range<usize>,
    host: Range<usize>,
    forwarded: Range<usize>,
    request_id: Range<usize>,
    country: Option<Range<usize>>,
    user: Option<Range<usize>>,
    exemption: Option<Range<usize>>,
}

impl Written {
    fn of(statements: &Statements<'_>) -> (Self, Ranges) {
        let mut text = BytesMut::with_capacity(192);
        let address = address_text(statements.client);
        let mut write = |write: &dyn Fn(&mut BytesMut)| {
            let start = text.len();
            write(&mut text);
            start..text.len()
        };
        let ranges = Ranges {
            client: write(&|text| text.extend_from_slice(address.as_bytes())),
            host: write(&|text| text.extend_from_slice(statements.host.as_bytes())),
            forwarded: write(&|text| write_forwarded(text, &address, statements)),
            request_id: write(&|text| text.extend_from_slice(statements.request_id.as_bytes())),
            country: statements
                .country
                .map(|country| write(&|text| text.extend_from_slice(country.as_str().as_bytes()))),
            user: statements.user.map(|user| write(&|text| percent_encode(text, user))),
            exemption: statements
                .exemption
                .map(|id| write(&|text| text.extend_from_slice(id.as_bytes()))),
        };
        (Self(text.freeze()), ranges)
    }

    fn set(
        &self,
        headers: &mut HeaderMap,
        name: HeaderName,
        range: Range<usize>,
    ) -> Result<(), Unwritable> {
        let value = HeaderValue::from_maybe_shared(self.0.slice(range))
            .map_err(|_| Unwritable(word(&name)))?;
        headers.insert(name, value);
        Ok(())
    }
}

fn word(name: &HeaderName) -> &'static str {
    let ours = [
        "x-forwarded-for",
        "x-forwarded-host",
        "forwarded",
        "x-request-id",
        "x-geovagt-country",
        "x-geovagt-user",
        "x-geovagt-exemption",
    ];
    ours.into_iter().find(|ours| name == ours).unwrap_or("a header of ours")
}

/// RFC 7239: an IPv6 address in brackets, and whatever is no token between quotation marks.
fn write_forwarded(out: &mut BytesMut, address: &str, statements: &Statements<'_>) {
    let pieces: [&str; 3] = match statements.client {
        IpAddr::V4(_) => ["for=", address, ";host="],
        IpAddr::V6(_) => ["for=\"[", address, "]\";host="],
    };
    pieces.iter().for_each(|piece| out.extend_from_slice(piece.as_bytes()));
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    let host = statements.host;
    if is_token(host) {
        out.extend_from_slice(host.as_bytes());
    } else {
        // Writing into a buffer that grows cannot fail.
        let _ = write!(out, "{host:?}");
    }
    out.extend_from_slice(b";proto=");
    out.extend_from_slice(statements.proto.as_bytes());
}

fn percent_encode(encoded: &mut BytesMut, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            encoded.extend_from_slice(&[byte]);
        } else {
            // Writing into a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
}

/// Whether a name is one of ours or passes for one, in whatever spelling.
pub(super) fn is_reserved(name: &str) -> bool {
    // The letters that the reserved names begin with: most names need no longer look.
    let may_be = name.bytes().next().is_some_and(|b| b"xgfctpr".contains(&folded(b)));
    may_be
        && RESERVED.iter().any(|reserved| {
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
