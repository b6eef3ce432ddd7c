//! `Forwarded` (RFC 7239), by its grammar.
//!
//! Always holds: one octet that does not fit the grammar makes all lines unparsable, so nothing that
//! a client wrote on the left can change how an element on the right is read. Two things are
//! stricter than the grammar: an empty list element is unparsable, and so is a quoted-pair in a
//! `for` value. One is looser: white space may stand around `;`, as many proxies write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::HeaderMap;
use http::header::FORWARDED;

use super::UnknownBecause;
use super::derive::{Hop, MAXIMUM_HOPS, lines};
use super::x_forwarded_for::is_port;

/// The chain from the right, all lines of it.
pub(super) fn hops(headers: &HeaderMap) -> Result<impl Iterator<Item = Hop>, UnknownBecause> {
    Ok(elements(headers)?.map(|element| element.hop))
}

/// One element, as far as it matters here.
pub(super) struct Element<'h> {
    pub(super) hop: Hop,
    /// What that hop spoke to the proxy that wrote the element.
    pub(super) proto: Option<&'h str>,
}

/// The chain from the right, all lines of it, with what each hop spoke.
pub(super) fn elements(
    headers: &HeaderMap,
) -> Result<impl Iterator<Item = Element<'_>>, UnknownBecause> {
    let mut elements = Vec::new();
    for line in lines(headers, FORWARDED)? {
        let mut rest =
            std::str::from_utf8(line.as_bytes()).map_err(|_| UnknownBecause::Unparsable)?;
        loop {
            if elements.len() == MAXIMUM_HOPS {
                return Err(UnknownBecause::Unparsable);
            }
            let (element, after) = element(rest).ok_or(UnknownBecause::Unparsable)?;
            elements.push(element);
            match after.strip_prefix(',') {
                Some(next) => rest = next,
                None if after.is_empty() => break,
                None => return Err(UnknownBecause::Unparsable),
            }
        }
    }
    Ok(elements.into_iter().rev())
}

/// Reads `for=…;by=…` up to a comma or the end; `None` where the grammar is broken. A parameter
/// that stands twice breaks it (RFC 7239 section 4).
fn element(text: &str) -> Option<(Element<'_>, &str)> {
    let mut names: Vec<String> = Vec::new();
    let (mut hop, mut proto) = (None, None);
    let mut rest = skip_white(text);
    loop {
        let (name, after) = token(rest)?;
        let (value, after) = value(after.strip_prefix('=')?)?;
        let name = name.to_ascii_lowercase();
        if names.contains(&name) {
            return None;
        }
        if name == "for" {
            hop = Some(node(value));
        } else if name == "proto" {
            proto = Some(value);
        }
        names.push(name);
        rest = skip_white(after);
        match rest.strip_prefix(';') {
            Some(next) => rest = skip_white(next),
            None => return Some((Element { hop: hop.unwrap_or(Hop::Unparsable), proto }, rest)),
        }
    }
}

fn skip_white(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !is_token_character(c)).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(token, _)| !token.is_empty())
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

/// A token, or what stands between quotation marks, escapes untouched.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text);
    };
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if c.is_control() && c != '\t' => return None,
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some((quoted.get(..at)?, quoted.get(at + 1..)?)),
            _ => {}
        }
    }
    None
}

/// RFC 7239 section 6: an address, `unknown`, or an obfuscated name, each with an optional port.
fn node(text: &str) -> Hop {
    let (name, port) = match text.strip_prefix('[') {
        Some(_) => text.find(']').map_or((text, ""), |end| text.split_at(end + 1)),
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    let port_fits = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| is_port(port) || is_obfuscated(port));
    if !port_fits {
        return Hop::Unparsable;
    }
    if name.eq_ignore_ascii_case("unknown") || is_obfuscated(name) {
        return Hop::NotStated;
    }
    let address = match name.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => name.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    };
    address.map_or(Hop::Unparsable, Hop::Address)
}

fn is_obfuscated(text: &str) -> bool {
    text.strip_prefix('_').is_some_and(|rest| {
        !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Option<Vec<String>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, line.parse().unwrap());
        }
        let shown = |hop| match hop {
            Hop::Address(ip) => ip.to_string(),
            Hop::NotStated => "-".to_owned(),
            Hop::Unparsable => "?".to_owned(),
        };
        hops(&headers).ok().map(|hops| hops.map(shown).collect())
    }

    #[test]
    fn the_grammar_is_read() {
        for (line, expected) in [
            ("for=1.2.3.4", "1.2.3.4"),
            ("FOR=1.2.3.4;Proto=https", "1.2.3.4"),
            ("proto=https; for=1.2.3.4 ;by=9.9.9.9", "1.2.3.4"),
            ("for=\"1.2.3.4:80\"", "1.2.3.4"),
            ("for=\"[2a00::1]\"", "2a00::1"),
            ("for=\"[2a00::1]:4711\";host=\"a,b;c=\\\"d\"", "2a00::1"),
            ("for=\"1.2.3.4:_port\"", "1.2.3.4"),
            ("for=unknown", "-"),
            ("for=UNKNOWN", "-"),
            ("for=\"unknown:80\"", "-"),
            ("for=_hidden", "-"),
            ("for=_", "?"),
            ("for=\"2a00::1\"", "?"),
            ("for=\"[1.2.3.4]\"", "?"),
            ("for=\"1.2.3.4:\"", "?"),
            ("for=\"1.2.3\\.4\"", "?"),
            ("for=\"\"", "?"),
            ("by=1.2.3.4", "?"),
        ] {
            assert_eq!(read(&[line]), Some(vec![expected.to_owned()]), "{line}");
        }
        assert_eq!(
            read(&["for=1.1.1.1, for=2.2.2.2", "for=3.3.3.3"]).unwrap(),
            ["3.3.3.3", "2.2.2.2", "1.1.1.1"]
        );
    }

    #[test]
    fn what_breaks_the_grammar_breaks_the_whole() {
        for line in [
            "",
            ",",
            "for=1.2.3.4,",
            "for=1.2.3.4;",
            ";for=1.2.3.4",
            "for = 1.2.3.4",
            "for=1.2.3.4:80",
            "for=[2a00::1]",
            "for=2a00::1",
            "for=1.2.3.4;for=5.6.7.8",
            "for=1.2.3.4;For=5.6.7.8",
            "for=\"1.2.3.4",
            "for=\"1.2.3.4\"x",
            "1.2.3.4",
            "for=1.2.3.4 for=5.6.7.8",
            "for=8.8.8.8;x=\", for=5.6.7.8",
            "for=8.8.8.8;x=\", for=\"[2a00::1]\"",
            "for=8.8.8.8;x=\"\\, for=\"[2a00::1]\"",
        ] {
            assert_eq!(read(&[line]), None, "{line}");
            assert_eq!(read(&[line, "for=1.1.1.1"]), None, "{line}");
        }
    }
}
