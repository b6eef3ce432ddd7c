//! Sites whose servers are the gateway itself: one request would make thousands.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use http::Uri;

use super::checker::{Checker, Entries};
use super::listeners::{Listener, Protocol};
use super::sites::{RawSite, Site};
use crate::identifier::SiteId;

/// Refuses each server that is an address of one of the listeners. A site for TCP may stand before
/// the listener for HTTP, which decides once more and forwards to somebody else.
pub(super) fn check(
    raw: &Entries<RawSite>,
    sites: &BTreeMap<SiteId, Arc<Site>>,
    listeners: &[Listener],
    check: &mut Checker<'_>,
) {
    for (key, raw) in &raw.0 {
        let site = SiteId::parse(&key.value).ok().and_then(|id| sites.get(&id));
        let Some(site) = site else { continue };
        let protocol = if site.tcp.is_some() { Protocol::Tcp } else { Protocol::Http };
        for (server, at) in site.upstream.servers.iter().zip(raw.servers_at()) {
            let mut same = listeners.iter().filter(|listener| listener.protocol == protocol);
            let Some(own) = same.find(|listener| listens(&listener.bind, &server.url)) else {
                continue;
            };
            let url = server.url.to_string();
            check.refuse(
                at,
                format!(
                    "`{}` is the gateway itself, its listener `{}`: each request would make another, \
                     without end",
                    url.trim_end_matches('/'),
                    own.name
                ),
                "name the server behind the gateway",
            );
        }
    }
}

/// Whether a listener of these addresses takes what is sent there, as far as the URL alone says it.
fn listens(bound: &[SocketAddr], url: &Uri) -> bool {
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let Some(host) = url.host() else { return false };
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let reached: Vec<IpAddr> = match plain.parse::<IpAddr>() {
        Ok(ip) => vec![ip.to_canonical()],
        Err(_) if plain.trim_end_matches('.').eq_ignore_ascii_case("localhost") => loopback.into(),
        Err(_) => return false,
    };
    let takes = |bound: &SocketAddr, ip: &IpAddr| {
        let every = bound.ip().is_unspecified() && bound.is_ipv4() == ip.is_ipv4();
        // To connect to the unspecified address is to connect to oneself.
        bound.ip() == *ip || every && (ip.is_loopback() || ip.is_unspecified())
    };
    let mut bound = bound.iter().filter(|bound| bound.port() == port);
    bound.any(|bound| reached.iter().any(|ip| takes(bound, ip)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gateways_own_addresses_are_known_by_literal_address_and_port() {
        let takes =
            |bound: &str, url: &str| listens(&[bound.parse().unwrap()], &url.parse().unwrap());
        for (bound, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("127.0.0.1:8080", "http://localhost:8080"),
            ("127.0.0.1:80", "http://LOCALHOST."),
            ("192.0.2.1:443", "https://192.0.2.1"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://127.0.0.2:8080"),
            ("0.0.0.0:8080", "http://0.0.0.0:8080"),
            ("0.0.0.0:8080", "http://localhost:8080"),
            ("[::]:8080", "http://[::1]:8080"),
            ("[::]:8080", "http://localhost:8080"),
            ("[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
            ("127.0.0.1:8080", "http://[::ffff:127.0.0.1]:8080"),
        ] {
            assert!(takes(bound, url), "{bound} {url}");
        }
        for (bound, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8081"),
            ("127.0.0.1:8080", "http://127.0.0.2:8080"),
            ("192.0.2.1:8080", "http://localhost:8080"),
            ("0.0.0.0:8080", "http://10.1.0.10:8080"),
            ("0.0.0.0:8080", "http://[::1]:8080"),
            ("0.0.0.0:443", "http://127.0.0.1"),
            ("127.0.0.1:0", "http://127.0.0.1:8080"),
            ("0.0.0.0:8080", "http://intranet:8080"),
        ] {
            assert!(!takes(bound, url), "{bound} {url}");
        }
    }
}
