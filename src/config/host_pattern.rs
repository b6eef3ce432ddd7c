//! What a site answers for. PURE.

use std::fmt;
use std::net::Ipv6Addr;

use super::checker::Wrong;

/// What a site answers for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// One host, lower case, without a port or a trailing dot.
    Exact(String),
    /// `*.example.dk`: one label or more before the suffix, which stands here without `*.`.
    Suffix(String),
    /// `*`: what no other site takes.
    Any,
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(host) => f.write_str(host),
            Self::Suffix(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// Reads `*`, `*.example.dk`, `kilden.example.dk`, `192.0.2.1` or `[2001:db8::1]`.
impl HostPattern {
    /// Whether a host, in lower case, is one of these.
    #[must_use]
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == host,
            Self::Suffix(suffix) => host
                .strip_suffix(suffix.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
            Self::Any => true,
        }
    }
}

pub(super) fn parse(text: &str) -> Result<HostPattern, Wrong> {
    if text == "*" {
        return Ok(HostPattern::Any);
    }
    if let Some(address) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| wrong_host())?;
        return Ok(HostPattern::Exact(format!("[{address}]")));
    }
    match text.strip_prefix("*.") {
        Some(suffix) => host(suffix).map(HostPattern::Suffix),
        None => host(text).map(HostPattern::Exact),
    }
}

fn host(text: &str) -> Result<String, Wrong> {
    if !text.is_ascii() {
        return Err(Wrong::new(
            "is not written as browsers send it",
            "write the name's xn-- form (punycode): `blåbær.dk` is `xn--blbr-roah.dk`",
        ));
    }
    if let Some((_, rest)) = text.split_once("://") {
        let name = rest.split(['/', ':']).next().unwrap_or_default();
        return Err(Wrong::new("is a URL, not a host", format!("write `{name}`")));
    }
    if text.chars().any(|c| c.is_ascii_uppercase()) {
        let lower = text.to_ascii_lowercase();
        return Err(Wrong::new("is not in lower case", format!("write `{lower}`")));
    }
    if let Some(name) = text.strip_suffix('.') {
        return Err(Wrong::new("ends in a dot", format!("write `{name}`")));
    }
    if let Some((name, port)) = text.split_once(':')
        && !port.is_empty()
        && port.chars().all(|c| c.is_ascii_digit())
    {
        return Err(Wrong::new(
            "has a port",
            format!("write `{name}`; a site answers on every port of every listener"),
        ));
    }
    if text.contains('*') {
        return Err(Wrong::new(
            "has a star where none can stand",
            "write a star only as `*` alone or at the beginning, as `*.example.dk`",
        ));
    }
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if text.len() > 253 || !text.split('.').all(label) {
        return Err(wrong_host());
    }
    Ok(text.to_owned())
}

fn wrong_host() -> Wrong {
    Wrong::new("is not a host", "write it as `kilden.example.dk`, `*.example.dk` or `*`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_are_read_as_browsers_send_them() {
        for (text, pattern) in [
            ("*", HostPattern::Any),
            ("kilden.example.dk", HostPattern::Exact("kilden.example.dk".into())),
            ("*.example.dk", HostPattern::Suffix("example.dk".into())),
            ("localhost", HostPattern::Exact("localhost".into())),
            ("127.0.0.1", HostPattern::Exact("127.0.0.1".into())),
            ("[2001:DB8:0::1]", HostPattern::Exact("[2001:db8::1]".into())),
            ("xn--blbr-roah.dk", HostPattern::Exact("xn--blbr-roah.dk".into())),
        ] {
            assert_eq!(parse(text).unwrap(), pattern, "{text}");
        }
    }

    #[test]
    fn a_host_that_would_never_match_is_refused_with_the_one_that_would() {
        for (text, says, help) in [
            ("Kilden.example.dk", "is not in lower case", "write `kilden.example.dk`"),
            ("a.dk.", "ends in a dot", "write `a.dk`"),
            ("a.dk:443", "has a port", "write `a.dk`; a site"),
            ("https://a.dk/x", "is a URL, not a host", "write `a.dk`"),
            ("blåbær.dk", "is not written as browsers send it", "write the name's xn-- form"),
            ("a.*.dk", "has a star where none can stand", "write a star only"),
            ("*a.dk", "has a star where none can stand", "write a star only"),
            ("*.", "is not a host", "write it as"),
            ("", "is not a host", "write it as"),
            ("a..dk", "is not a host", "write it as"),
            ("-a.dk", "is not a host", "write it as"),
            ("a b.dk", "is not a host", "write it as"),
            ("a.dk/x", "is not a host", "write it as"),
            ("[::1", "is not a host", "write it as"),
        ] {
            let wrong = parse(text).unwrap_err();
            assert_eq!(wrong.says, says, "{text:?}");
            assert!(wrong.help.starts_with(help), "{text:?}: {}", wrong.help);
        }
        assert!(parse(&"a".repeat(64)).is_err());
        assert!(parse(&"a.".repeat(150)).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_shown_and_read_again(text in "(\\*\\.)?[a-z0-9._-]{1,20}|\\PC{0,20}") {
            if let Ok(pattern) = parse(&text) {
                prop_assert_eq!(parse(&pattern.to_string()).unwrap(), pattern);
            }
        }
    }
}
