//! What the client spoke to the first trusted proxy, as that proxy says it.
//!
//! Always holds: only the header family that carries the client's address is believed. A proxy that
//! writes `Forwarded`, or a PROXY preamble, lets a client's own `X-Forwarded-Proto` through.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::HeaderName;

use super::derive::Hop;
use super::{AddressSource, HeaderSource, forwarded, is_trusted};

const NAME: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether a trusted proxy says that the client spoke TLS with it. False where the peer is no
/// trusted proxy, and for anything that can be read in two ways.
#[must_use]
pub fn spoke_https(peer: IpAddr, source: &AddressSource, headers: &HeaderMap) -> bool {
    if !is_trusted(source, peer) {
        return false;
    }
    match source.source {
        HeaderSource::Peer | HeaderSource::ProxyProtocol => false,
        HeaderSource::XForwardedFor => {
            let mut lines = headers.get_all(NAME).iter();
            let only = lines.next().filter(|_| lines.next().is_none());
            only.is_some_and(|line| line.as_bytes().eq_ignore_ascii_case(b"https"))
        }
        HeaderSource::Forwarded => forwarded::elements(headers).is_ok_and(|mut elements| {
            let client = elements
                .find(|element| !matches!(element.hop, Hop::Address(ip) if is_trusted(source, ip)));
            client.and_then(|c| c.proto).is_some_and(|proto| proto.eq_ignore_ascii_case("https"))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn https(source: HeaderSource, lines: &[(&'static str, &str)]) -> bool {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let source = AddressSource { trusted_proxies, source };
        assert!(!spoke_https("5.6.7.8".parse().unwrap(), &source, &headers), "{lines:?}");
        spoke_https("10.0.0.1".parse().unwrap(), &source, &headers)
    }

    #[test]
    fn only_the_family_that_carries_the_address_is_believed() {
        let said = [("x-forwarded-proto", "https")];
        assert!(https(HeaderSource::XForwardedFor, &said));
        for source in [HeaderSource::Peer, HeaderSource::ProxyProtocol, HeaderSource::Forwarded] {
            assert!(!https(source, &said), "{source:?}");
        }
        let mixed = [("forwarded", "for=1.2.3.4;proto=http"), ("x-forwarded-proto", "https")];
        assert!(!https(HeaderSource::Forwarded, &mixed));
        assert!(!https(HeaderSource::XForwardedFor, &[("forwarded", "for=1.2.3.4;proto=https")]));
    }

    #[test]
    fn what_can_be_read_two_ways_is_not_https() {
        for value in ["http", "https, http", "https,https", "", "httpsx", "wss"] {
            assert!(
                !https(HeaderSource::XForwardedFor, &[("x-forwarded-proto", value)]),
                "{value}"
            );
        }
        assert!(!https(
            HeaderSource::XForwardedFor,
            &[("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]
        ));
        assert!(!https(
            HeaderSource::XForwardedFor,
            &[("x-forwarded-proto", "https"), ("x-forwarded-proto", "https")]
        ));
    }

    #[test]
    fn of_a_chain_the_hop_counts_that_is_the_client() {
        let forwarded = |value| https(HeaderSource::Forwarded, &[("forwarded", value)]);
        assert!(forwarded("for=1.2.3.4;proto=HTTPS"));
        assert!(forwarded("for=1.2.3.4;proto=https, for=10.0.0.2;proto=http"));
        assert!(!forwarded("for=1.2.3.4;proto=http, for=10.0.0.2;proto=https"));
        assert!(!forwarded("for=9.9.9.9;proto=https, for=1.2.3.4;proto=http"));
        assert!(!forwarded("for=9.9.9.9;proto=https, for=1.2.3.4"));
        assert!(!forwarded("for=10.0.0.2;proto=https"));
        assert!(!forwarded("for=1.2.3.4;proto=https;proto=https"));
    }
}
