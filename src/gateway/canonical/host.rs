//! The host of a request, from `Host`, the target and nothing else.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::Version;
use http::header::HOST;
use http::request::Parts;

use super::Ambiguous;

/// A host and the port that stood behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// Both, as they go on.
    text: String,
    /// How much of it is the host.
    host: usize,
    port: Option<u16>,
}

impl Authority {
    pub(super) fn host(&self) -> &str {
        self.text.get(..self.host).unwrap_or_default()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether a name from elsewhere is this host.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.host().eq_ignore_ascii_case(name.strip_suffix('.').unwrap_or(name))
    }
}

/// HTTP/1 must have exactly one `Host`, also beside an absolute target (RFC 9112 section 3.2);
/// HTTP/2 has `:authority`, `Host`, or both. Where two stand, they must be the same.
pub(super) fn authority(parts: &Parts) -> Result<Authority, Ambiguous> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let header = hosts.next();
    if hosts.next().is_some() {
        return Err(Ambiguous::HostRepeated);
    }
    let header = match header {
        None => None,
        Some(value) => Some(parse(value.to_str().map_err(|_| Ambiguous::HostInvalid)?)?),
    };
    let target = parts.uri.authority().map(|a| parse(a.as_str())).transpose()?;
    match (header, target) {
        (Some(header), None) => Ok(header),
        (Some(header), Some(target)) if header == target => Ok(header),
        (Some(_), Some(_)) => Err(Ambiguous::HostsDiffer),
        (None, Some(target)) if parts.version == Version::HTTP_2 => Ok(target),
        (None, _) => Err(Ambiguous::HostMissing),
    }
}

fn parse(text: &str) -> Result<Authority, Ambiguous> {
    let (mut text, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (inner, port) = rest.split_once(']').ok_or(Ambiguous::HostInvalid)?;
            let address: Ipv6Addr = inner.parse().map_err(|_| Ambiguous::HostInvalid)?;
            (format!("[{address}]"), port)
        }
        None => {
            let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
            (name_or_ipv4(name).ok_or(Ambiguous::HostInvalid)?, port)
        }
    };
    let host = text.len();
    text.push_str(port);
    let port = match port {
        "" => None,
        port => Some(port.strip_prefix(':').and_then(number).ok_or(Ambiguous::HostInvalid)?),
    };
    Ok(Authority { text, host, port })
}

fn number(port: &str) -> Option<u16> {
    let digits = !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
    if digits { port.parse().ok() } else { None }
}

fn name_or_ipv4(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    if name.is_empty() || name.len() > 253 || !name.as_bytes().split(|&b| b == b'.').all(is_label) {
        return None;
    }
    // A name that ends in a number is an IPv4 address to many readers (0x7f.1, 2130706433).
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last.get(..2).is_some_and(|two| two.eq_ignore_ascii_case("0x"));
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || hexadecimal;
    if numeric && (name.len() != text.len() || name.parse::<Ipv4Addr>().is_err()) {
        return None;
    }
    // With room for a port.
    let mut lower = String::with_capacity(name.len() + 6);
    lower.push_str(name);
    lower.make_ascii_lowercase();
    Some(lower)
}

/// Letters, digits, hyphens, and the underscore that names inside a house sometimes have.
fn is_label(label: &[u8]) -> bool {
    let fits = |b: &u8| b.is_ascii_alphanumeric() || b"-_".contains(b);
    (1..=63).contains(&label.len())
        && label.iter().all(fits)
        && !label.starts_with(b"-")
        && !label.ends_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_one_form() {
        for (text, shown) in [
            ("Kilden.Example.DK", "kilden.example.dk"),
            ("kilden.example.dk.", "kilden.example.dk"),
            ("kilden.example.dk:8443", "kilden.example.dk:8443"),
            ("kilden.example.dk.:8443", "kilden.example.dk:8443"),
            ("my_server", "my_server"),
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[::1]", "[::1]"),
            ("[0:0::1]:80", "[::1]:80"),
            ("xn--kbenhavn-54a.dk", "xn--kbenhavn-54a.dk"),
        ] {
            assert_eq!(parse(text).map(|a| a.text), Ok(shown.to_owned()), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let long = format!("{}.dk", "a".repeat(64));
        let longer = vec!["abcdefgh"; 29].join(".");
        for text in [
            "",
            ".",
            "a..b",
            ".a",
            "a..",
            ":80",
            "a:",
            "a:0",
            "a:080",
            "a:65536",
            "a:80:80",
            "a:+8",
            "user@a",
            "user:pass@a",
            "a b",
            "a/b",
            "a%2eb",
            "a\\b",
            "a?b",
            "a#b",
            "a,b",
            "a\tb",
            "københavn.dk",
            "-a",
            "a-",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "127.1",
            "127.0.0.1.",
            "127.0.0.01",
            "1.2.3.256",
            "[::1",
            "::1",
            "[127.0.0.1]",
            "[fe80::1%25eth0]",
            "[::1]x",
            "[v1.a]",
            "*",
            "*.example.dk",
            &long,
            &longer,
        ] {
            assert_eq!(parse(text), Err(Ambiguous::HostInvalid), "{text:?}");
        }
    }
}
