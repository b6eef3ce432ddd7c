//! The target of a request: a path that every reader resolves alike.
//!
//! Empty segments (`//`) stay as they came: real intranets have them. So does `%25`: what a second
//! decoding would make of it is the upstream's own affair, until the site has path rules, which are
//! held against every reading of the path ([`crate::policy::SitePolicies::choose`]).

use http::uri::PathAndQuery;
use http::{Method, Uri, Version};

use super::Ambiguous;

/// What `OPTIONS` asks about where it asks about the server as a whole (RFC 9110 section 7.1).
pub(super) const ASTERISK: &str = "*";

pub(super) fn target(
    method: &Method,
    uri: &Uri,
    version: Version,
) -> Result<PathAndQuery, Ambiguous> {
    // HTTP/2 is spoken through TLS alone, and always names its scheme (RFC 9113 section 8.3.1).
    let fits = |scheme: &str| scheme == "https" || (scheme == "http" && version != Version::HTTP_2);
    if !uri.scheme_str().is_none_or(fits) {
        return Err(Ambiguous::Target);
    }
    let target = uri.path_and_query().ok_or(Ambiguous::Target)?;
    // HTTP/2 has the scheme and the authority beside it (RFC 9113 section 8.3.1).
    let alone = uri.authority().is_none() || version == Version::HTTP_2;
    if target == ASTERISK && method == Method::OPTIONS && alone {
        return Ok(target.clone());
    }
    // An absolute target may have an empty path, which is `/`; it is written out here, so that no
    // later reader has to know.
    let target = if target.as_str().starts_with('/') {
        target.clone()
    } else if uri.authority().is_some() && target.as_str().starts_with('?') {
        format!("/{}", target.as_str()).parse().map_err(|_| Ambiguous::Target)?
    } else {
        return Err(Ambiguous::Target);
    };
    let plain = |b: u8| b.is_ascii_graphic() && b != b'#';
    if !target.as_str().bytes().all(plain) {
        return Err(Ambiguous::TargetCharacter);
    }
    check_path(target.path())?;
    Ok(target)
}

fn check_path(path: &str) -> Result<(), Ambiguous> {
    let mut bytes = path.bytes();
    let mut before = 0;
    while let Some(byte) = bytes.next() {
        let mut octet = byte;
        match byte {
            b'\\' => return Err(Ambiguous::EncodedSeparator),
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(Ambiguous::PercentEncoding)?;
                octet = u8::try_from(high * 16 + low).unwrap_or_default();
                if matches!(octet, 0..=0x1f | 0x2e | 0x2f | 0x5c | 0x7f)
                    || is_overlong(before, octet)
                {
                    return Err(Ambiguous::EncodedSeparator);
                }
            }
            _ => {}
        }
        before = octet;
    }
    // Some upstreams cut `;…` off a segment before they resolve it, so `..;a` is one of them.
    let is_dot = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if path.split('/').any(is_dot) { Err(Ambiguous::DotSegment) } else { Ok(()) }
}

/// The first two octets of a character that is written longer than it is (RFC 3629 section 3): a
/// lenient reader takes `%c0%af` for a slash.
fn is_overlong(first: u8, second: u8) -> bool {
    matches!(
        (first, second),
        (0xc0 | 0xc1, 0x80..=0xbf) | (0xe0, 0x80..=0x9f) | (0xf0, 0x80..=0x8f)
    )
}
