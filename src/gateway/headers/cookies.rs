//! Our cookies stay with us.

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

/// Takes the named cookies out of a request and leaves every other octet as it is. A name with `*`
/// at its end stands for all that begin so. Names are compared without regard to case: browsers tell
/// cases apart, but some upstreams do not.
///
/// A part without `=` is a cookie without a name to a browser and a name without a value to some
/// upstreams; it goes by its whole text. A part that cannot be split because a quotation mark is
/// open is cut at each semicolon all the same, as RFC 6265 section 5.4 does.
pub fn strip_gateway_cookies(headers: &mut HeaderMap, names: &[&str]) {
    let lines: Vec<HeaderValue> = headers.get_all(COOKIE).iter().cloned().collect();
    if !lines.iter().any(|line| parts(line.as_bytes()).any(|part| is_ours(part, names))) {
        return;
    }
    headers.remove(COOKIE);
    for line in lines {
        let kept: Vec<&[u8]> =
            parts(line.as_bytes()).filter(|part| !is_ours(part, names)).collect();
        let joined = kept.join(&b';');
        let joined = joined.trim_ascii_start();
        if joined.is_empty() {
            continue;
        }
        if let Ok(value) = HeaderValue::from_bytes(joined) {
            headers.append(COOKIE, value);
        }
    }
}

/// Takes out of an upstream's answer whatever would set, replace or delete the named cookies; all
/// other lines stay as they are and in their order.
///
/// A name goes by what a browser would send us back: a cookie without a name is sent as its value
/// alone, so that `=name=x` comes back as `name=x` (RFC 6265bis section 5.8.3).
pub fn keep_gateway_cookies(headers: &mut HeaderMap, names: &[&str]) {
    let sets_ours = |line: &HeaderValue| {
        let pair = parts(line.as_bytes()).next().unwrap_or_default();
        let nameless = |byte: &u8| *byte == b'=' || byte.is_ascii_whitespace();
        let begins = pair.iter().position(|byte| !nameless(byte)).unwrap_or(pair.len());
        is_ours(pair.get(begins..).unwrap_or_default(), names)
    };
    if !headers.get_all(SET_COOKIE).iter().any(sets_ours) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for line in lines.into_iter().filter(|line| !sets_ours(line)) {
        headers.append(SET_COOKIE, line);
    }
}

fn parts(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|&b| b == b';')
}

fn is_ours(part: &[u8], names: &[&str]) -> bool {
    let name = part.split(|&b| b == b'=').next().unwrap_or(part).trim_ascii();
    names.iter().any(|ours| match ours.strip_suffix('*') {
        Some(prefix) => {
            name.get(..prefix.len()).is_some_and(|p| p.eq_ignore_ascii_case(prefix.as_bytes()))
        }
        None => name.eq_ignore_ascii_case(ours.as_bytes()),
    })
}
