//! The target of a request: a path that every reader resolves alike.
//!
//! Empty segments (`//`) stay as they came: real intranets have them. So does `%25`: what a second
//! decoding would make of it is the upstream's own affair, until the site has path rules, which are
//! held against every reading of the path ([`crate::policy::SitePolicies::choose`]).

use http::Uri;
use http::uri::PathAndQuery;

use super::Ambiguous;

pub(super) fn target(uri: &Uri) -> Result<PathAndQuery, Ambiguous> {
    if uri.scheme_str().is_some_and(|scheme| scheme != "http" && scheme != "https") {
        return Err(Ambiguous::Target);
    }
    let target = uri.path_and_query().ok_or(Ambiguous::Target)?;
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
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => return Err(Ambiguous::EncodedSeparator),
            b'%' => {
                let mut digit = || bytes.next().and_then(|b| char::from(b).to_digit(16));
                let (high, low) = digit().zip(digit()).ok_or(Ambiguous::PercentEncoding)?;
                if matches!(high * 16 + low, 0..=0x1f | 0x2e | 0x2f | 0x5c | 0x7f) {
                    return Err(Ambiguous::EncodedSeparator);
                }
            }
            _ => {}
        }
    }
    // Some upstreams cut `;…` off a segment before they resolve it, so `..;a` is one of them.
    let is_dot = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
    if path.split('/').any(is_dot) { Err(Ambiguous::DotSegment) } else { Ok(()) }
}
