//! `X-Forwarded-For`: no standard, so the conventions that can be read in one way only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

use super::UnknownBecause;
use super::derive::{Hop, MAXIMUM_HOPS, lines};

pub(super) const NAME: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The chain from the right, all lines of it. Empty elements are unparsable ones: something stood
/// there, or should have.
pub(super) fn hops(headers: &HeaderMap) -> Result<impl Iterator<Item = Hop>, UnknownBecause> {
    let lines = lines(headers, NAME)?;
    let elements = |line: &HeaderValue| line.as_bytes().split(|&b| b == b',').count();
    if lines.iter().map(elements).sum::<usize>() > MAXIMUM_HOPS {
        return Err(UnknownBecause::Unparsable);
    }
    let lines = lines.into_iter().rev().map(HeaderValue::as_bytes);
    Ok(lines.flat_map(|line| line.rsplit(|&b| b == b',')).map(hop))
}

fn hop(element: &[u8]) -> Hop {
    std::str::from_utf8(element)
        .ok()
        .and_then(|text| address(text.trim_matches([' ', '\t'])))
        .map_or(Hop::Unparsable, Hop::Address)
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip);
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (inner, port) = rest.split_once(']')?;
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return inner.parse::<Ipv6Addr>().ok().filter(|_| port_fits).map(IpAddr::V6);
    }
    let (host, port) = text.split_once(':')?;
    host.parse::<Ipv4Addr>().ok().filter(|_| is_port(port)).map(IpAddr::V4)
}

/// One to five digits that make a 16-bit number.
pub(super) fn is_port(text: &str) -> bool {
    (1..=5).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_digit())
        && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_is_an_address_with_an_optional_port() {
        for (text, expected) in [
            ("1.2.3.4", "1.2.3.4"),
            ("1.2.3.4:567", "1.2.3.4"),
            ("2a00::1", "2a00::1"),
            ("[2a00::1]", "2a00::1"),
            ("[2a00::1]:65535", "2a00::1"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ] {
            assert_eq!(address(text), Some(expected.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "unknown",
            "1.2.3",
            "1.2.3.4.5",
            "01.2.3.4",
            "0x1.2.3.4",
            "16909060",
            "1.2.3.4:",
            "1.2.3.4:65536",
            "1.2.3.4:+1",
            "1.2.3.4:000080",
            "1.2.3.4 5.6.7.8",
            "[1.2.3.4]",
            "[2a00::1",
            "2a00::1]",
            "[2a00::1]80",
            "[2a00::1]:",
            "fe80::1%eth0",
            "\"1.2.3.4\"",
            "1.2.3.4/32",
            "for=1.2.3.4",
            "٣.2.3.4",
        ] {
            assert_eq!(address(text), None, "{text:?}");
        }
    }
}
