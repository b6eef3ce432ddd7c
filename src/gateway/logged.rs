//! What of an address may be written down.
//!
//! Always holds: whoever reads the log can neither open a travel link nor finish a sign-in with what
//! stands there, in whatever letters somebody typed the address. PURE.

use super::own_pages::ROOT;

/// What stands in the log in place of a travel link.
const LINK: &str = "/.geovagt/rejse/";

/// The path, without the token where it has one.
pub(super) fn path(path: &str) -> &str {
    if names_a_link(path) { LINK } else { path }
}

/// The query; none of the gateway's own pages, which carry codes and links to come back to.
pub(super) fn query<'q>(path: &str, query: Option<&'q str>) -> Option<&'q str> {
    query.filter(|query| !names(path, |_| true) && !names_a_link(query))
}

fn names_a_link(text: &str) -> bool {
    let link = b"rejse/";
    names(text, |rest| {
        let mut rest = rest.skip_while(|byte| matches!(byte, b'/' | b'.'));
        link.iter().all(|byte| rest.next() == Some(*byte))
    })
}

/// Whether our own pages are named anywhere, and what follows there is this.
fn names(text: &str, follows: impl Fn(Plain<'_>) -> bool) -> bool {
    let mut plain = Plain(text.as_bytes());
    let root = ROOT.trim_start_matches('/').as_bytes();
    let mut at = plain.clone();
    while plain.next().is_some() {
        let mut rest = std::mem::replace(&mut at, plain.clone());
        if root.iter().all(|byte| rest.next() == Some(*byte)) && follows(rest) {
            return true;
        }
    }
    false
}

/// A text in small letters, percent-decoded, with every separator a slash.
#[derive(Debug, Clone)]
struct Plain<'a>(&'a [u8]);

impl Iterator for Plain<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let hexadecimal = |digit: u8| char::from(digit).to_digit(16);
        let (byte, rest) = match self.0 {
            [] => return None,
            [b'%', high, low, rest @ ..] => match (hexadecimal(*high), hexadecimal(*low)) {
                (Some(high), Some(low)) => (u8::try_from(high * 16 + low).ok()?, rest),
                _ => (b'%', self.0.get(1..)?),
            },
            [byte, rest @ ..] => (*byte, rest),
        };
        self.0 = rest;
        Some(if byte == b'\\' { b'/' } else { byte.to_ascii_lowercase() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_token_is_written_down_in_whatever_letters() {
        for link in [
            "/.geovagt/rejse/t0ken",
            "/.GEOVAGT/rejse/t0ken",
            "/.Geovagt/Rejse/t0ken",
            "/%2egeovagt/%72ejse%2Ft0ken",
            "//.geovagt//rejse/t0ken",
            "/a/../.geovagt/./rejse/t0ken",
            "/.geovagt\\rejse\\t0ken",
            "/..geovagt/rejse/t0ken",
        ] {
            assert_eq!(path(link), LINK, "{link}");
            assert_eq!(query(link, Some("a=1")), None, "{link}");
            assert_eq!(query("/search", Some(link)), None, "{link}");
        }
    }

    #[test]
    fn other_addresses_are_written_down_as_they_are() {
        for other in ["/", "/rejse/t", "/.geovagt", "/.geovagt/rejse", "/geovagt/rejse/t", "/%"] {
            assert_eq!(path(other), other);
        }
        assert_eq!(query("/search", Some("q=%2")), Some("q=%2"));
        assert_eq!(query("/search", None), None);
    }

    #[test]
    fn the_query_of_our_own_pages_is_never_written_down() {
        for own in ["/.geovagt/callback", "/.GEOVAGT/sign-in", "/.geovagt", "/%2Egeovagt/x"] {
            assert_eq!(query(own, Some("code=c0de&state=s")), None, "{own}");
        }
    }
}
