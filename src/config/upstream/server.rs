//! `upstream.servers`: each a URL, or a URL with a weight.

use std::fmt;

use http::Uri;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_yaml::{Location, Spanned};

use crate::config::checker::{Checker, Text, Wrong, all};

/// One of `upstream.servers`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamServer {
    /// `http://`, `https://`, `tcp://` or `tls://` with host and port, no path.
    pub url: Uri,
    /// Its share beside the others'.
    pub weight: u32,
    /// Whether it takes nothing new.
    pub drain: bool,
}

impl UpstreamServer {
    /// Whether TLS is spoken to it.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        matches!(self.url.scheme_str(), Some("https" | TLS))
    }
}

/// The schemes of servers whose bytes go on as they come: as they are, or in TLS.
const TCP: &str = "tcp";
const TLS: &str = "tls";

/// A URL alone, or a block.
#[derive(Debug)]
pub(super) enum RawServer {
    Url(String),
    Block(RawBlock),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBlock {
    url: Option<Text>,
    /// Default 1.
    weight: Option<Spanned<u64>>,
    /// Default false.
    drain: Option<bool>,
}

impl<'de> Deserialize<'de> for RawServer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawServer;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a server's URL, or a block with `url` and `weight`")
            }
            fn visit_str<E: serde::de::Error>(self, url: &str) -> Result<RawServer, E> {
                Ok(RawServer::Url(url.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawServer, A::Error> {
                RawBlock::deserialize(MapAccessDeserializer::new(map)).map(RawServer::Block)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl RawServer {
    /// Whether it is written as a server for TCP.
    pub(super) fn is_tcp(&self) -> bool {
        let url = match self {
            Self::Url(url) => Some(url),
            Self::Block(block) => block.url.as_ref().map(|text| &text.value),
        };
        url.and_then(|url| url.split_once("://")).is_some_and(|(scheme, _)| is_tcp(scheme))
    }
}

/// At least one server, and none twice.
pub(super) fn check_all(
    servers: &Spanned<Vec<Spanned<RawServer>>>,
    check: &mut Checker<'_>,
) -> Option<Vec<UpstreamServer>> {
    if servers.value.is_empty() {
        let help = "write at least one, as \"http://10.1.0.10:8080\"";
        check.refuse(servers.referenced, "no server to forward to", help);
        return None;
    }
    let checked = all(servers.value.iter().map(|server| {
        let checked = check_one(&server.value, server.referenced, check)?;
        Some((checked, server.referenced))
    }))?;
    let is_tcp = |server: &UpstreamServer| server.url.scheme_str().is_some_and(is_tcp);
    if let Some((first, _)) = checked.first()
        && let Some((_, here)) = checked.iter().find(|(one, _)| is_tcp(one) != is_tcp(first))
    {
        let help = "write them all as tcp://… or tls://…, or none of them";
        check.refuse(*here, "TCP and HTTP servers stand beside each other", help);
        return None;
    }
    if let Some((first, _)) = checked.first().filter(|(first, _)| is_tcp(first))
        && let Some((_, here)) = checked.iter().find(|(o, _)| o.is_secure() != first.is_secure())
    {
        // Whoever is in the way of one could drive all to the other.
        let help = "write them all as tls://…, or all as tcp://…";
        check.refuse(*here, "servers with TLS and without it stand beside each other", help);
        return None;
    }
    for (index, (server, here)) in checked.iter().enumerate() {
        if checked.iter().take(index).any(|(other, _)| other.url == server.url) {
            let says = format!("{} stands here twice", server.url);
            check.refuse(*here, says, "give it a `weight` instead");
            return None;
        }
    }
    if checked.iter().all(|(server, _)| server.drain) {
        check.warn(
            servers.referenced,
            "every server is drained, so every request is answered 503",
            "leave at least one without `drain`",
        );
    }
    Some(checked.into_iter().map(|(server, _)| server).collect())
}

fn is_tcp(scheme: &str) -> bool {
    matches!(scheme, TCP | TLS)
}

fn check_one(
    server: &RawServer,
    here: Location,
    check: &mut Checker<'_>,
) -> Option<UpstreamServer> {
    let expected = "an upstream server";
    match server {
        RawServer::Url(url) => {
            let text = Spanned::new(url.clone(), here, here);
            let url = check.parsed(&text, expected, url_of)?;
            Some(UpstreamServer { url, weight: 1, drain: false })
        }
        RawServer::Block(block) => {
            let url = check
                .required(&block.url, "url", here)
                .and_then(|text| check.parsed(text, expected, url_of));
            let weight = check.number(block.weight.as_ref(), 1, 1..=1000);
            let weight = weight.and_then(|weight| u32::try_from(weight).ok());
            let drain = block.drain.unwrap_or(false);
            Some(UpstreamServer { url: url?, weight: weight?, drain })
        }
    }
}

/// Scheme, host and port, and nothing that would be lost or misread.
fn url_of(text: &str) -> Result<Uri, Wrong> {
    let wrong = |says: &str| {
        Wrong::new(says, "write it as \"http://10.1.0.10:8080\" or \"https://intranet.internal\"")
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("has no scheme"))?;
    if !matches!(scheme, "http" | "https") && !is_tcp(scheme) {
        return Err(wrong("has a scheme other than http, https, tcp and tls"));
    }
    if rest.contains('@') {
        return Err(Wrong::new(
            "holds a user name",
            "remove it; the gateway does not sign in to upstreams",
        ));
    }
    if rest.trim_end_matches('/').contains(['/', '?', '#', '\\']) || rest.ends_with("//") {
        return Err(Wrong::new(
            "has a path",
            "write only scheme, host and port; paths go on as the client sent them",
        ));
    }
    let uri: Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
    let authority = uri.authority().ok_or_else(|| wrong("has no host"))?;
    if authority.host().is_empty() {
        return Err(wrong("has no host"));
    }
    let port_is_fine = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => true,
        Some(port) => port.strip_prefix(':').is_some_and(|p| p.parse::<u16>().is_ok_and(|p| p > 0)),
        None => false,
    };
    if is_tcp(scheme) && uri.port_u16().is_none() {
        return Err(Wrong::new(
            "has no port",
            "write it as \"tcp://10.1.0.20:143\" or \"tls://mail.internal:993\"",
        ));
    }
    if port_is_fine { Ok(uri) } else { Err(wrong("has a port that cannot be")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_is_scheme_host_and_port() {
        for text in [
            "http://10.1.0.10:8080",
            "https://a.internal/",
            "http://[::1]:80",
            "tcp://a:993",
            "tls://a:993",
        ] {
            assert!(url_of(text).is_ok(), "{text}");
        }
        for (text, says) in [
            ("10.1.0.10:8080", "has no scheme"),
            ("ftp://a", "has a scheme other than http, https, tcp and tls"),
            ("HTTP://a", "has a scheme other than http, https, tcp and tls"),
            ("TLS://a:993", "has a scheme other than http, https, tcp and tls"),
            ("tcp://10.1.0.20", "has no port"),
            ("tls://10.1.0.20", "has no port"),
            ("http://u:p@a", "holds a user name"),
            ("http://a/path", "has a path"),
            ("http://a?x", "has a path"),
            ("http://a//", "has a path"),
            ("http://a b", "is not a URL"),
            ("http://", "is not a URL"),
            ("http://:80", "has no host"),
            ("http://a:0", "has a port that cannot be"),
            ("http://a:99999", "has a port that cannot be"),
            ("http://a:", "has a port that cannot be"),
        ] {
            assert_eq!(url_of(text).unwrap_err().says, says, "{text:?}");
        }
    }
}
