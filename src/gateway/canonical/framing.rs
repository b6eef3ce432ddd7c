//! How long a request is, and what it expects: readable in one way, or refused.

use http::header::{CONTENT_LENGTH, EXPECT, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Version};

use super::Ambiguous;

pub(super) fn check(parts: &Parts) -> Result<(), Ambiguous> {
    let encoding = only(&parts.headers, &TRANSFER_ENCODING)?;
    let length = only(&parts.headers, &CONTENT_LENGTH)?;
    let chunked = encoding.is_none_or(|value| value.eq_ignore_ascii_case(b"chunked"));
    // Chunks exist in HTTP/1.1 alone (RFC 9112 section 6.1, RFC 9113 section 8.2.2).
    let misplaced = encoding.is_some() && parts.version != Version::HTTP_11;
    if !chunked || misplaced || (encoding.is_some() && length.is_some()) {
        return Err(Ambiguous::Framing);
    }
    if length.is_some_and(|value| !is_length(value)) {
        return Err(Ambiguous::Framing);
    }
    match only(&parts.headers, &EXPECT)? {
        Some(value) if !value.eq_ignore_ascii_case(b"100-continue") => Err(Ambiguous::Expectation),
        _ => Ok(()),
    }
}

/// Whether an upstream's answer says its length once: hyper would take one of two and pass both on.
pub(crate) fn is_clear_answer(headers: &HeaderMap) -> bool {
    let (Ok(encoding), Ok(length)) =
        (only(headers, &TRANSFER_ENCODING), only(headers, &CONTENT_LENGTH))
    else {
        return false;
    };
    match (encoding, length) {
        (Some(encoding), None) => encoding.eq_ignore_ascii_case(b"chunked"),
        (None, Some(length)) => is_length(length),
        (None, None) => true,
        (Some(_), Some(_)) => false,
    }
}

/// The value of a header that may stand at most once.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h [u8]>, Ambiguous> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    match lines.next() {
        None => Ok(first.map(http::HeaderValue::as_bytes)),
        Some(_) => Err(Ambiguous::Framing),
    }
}

fn is_length(value: &[u8]) -> bool {
    // A number that begins with 0 is octal to some.
    let plain = value == b"0" || !value.starts_with(b"0");
    plain && (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit)
}
