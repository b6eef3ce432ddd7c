//! The derivation against a table of attacks and against a slow reference.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;

fn source(source: HeaderSource, trusted: &[&str]) -> AddressSource {
    AddressSource { trusted_proxies: trusted.iter().map(|n| n.parse().unwrap()).collect(), source }
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn shown(address: ClientAddress) -> String {
    match address {
        ClientAddress::Known(known) => known.seen().to_string(),
        ClientAddress::Unknown(because) => format!("{because:?}"),
    }
}

const PROXIES: &[&str] = &["10.0.0.0/8", "2a02:1::/32"];

#[test]
fn x_forwarded_for_is_walked_from_the_right() {
    let source = source(HeaderSource::XForwardedFor, PROXIES);
    for (peer, lines, expected) in [
        ("10.0.0.1", &["5.6.7.8"][..], "5.6.7.8"),
        ("::ffff:10.0.0.1", &["5.6.7.8"], "5.6.7.8"),
        ("2a02:1::1", &["5.6.7.8"], "5.6.7.8"),
        // The left-most entry is the client's own invention.
        ("10.0.0.1", &["1.1.1.1, 5.6.7.8"], "5.6.7.8"),
        ("10.0.0.1", &["1.1.1.1", "5.6.7.8"], "5.6.7.8"),
        ("10.0.0.1", &["1.1.1.1", "5.6.7.8, 10.9.9.9"], "5.6.7.8"),
        ("10.0.0.1", &["1.1.1.1, 5.6.7.8", "10.9.9.9", "10.1.1.1"], "5.6.7.8"),
        ("10.0.0.1", &["5.6.7.8:4711,10.9.9.9"], "5.6.7.8"),
        ("10.0.0.1", &["\t5.6.7.8 , ::ffff:10.9.9.9 "], "5.6.7.8"),
        ("10.0.0.1", &["::ffff:5.6.7.8"], "5.6.7.8"),
        // What lies left of the answer plays no part.
        ("10.0.0.1", &["garbage\u{fe}, , 5.6.7.8"], "5.6.7.8"),
        ("10.0.0.1", &["\"a, 5.6.7.8"], "5.6.7.8"),
        // What the walk reaches and cannot read is never skipped.
        ("10.0.0.1", &["5.6.7.8, garbage"], "Unparsable"),
        ("10.0.0.1", &["5.6.7.8, garbage, 10.9.9.9"], "Unparsable"),
        ("10.0.0.1", &["5.6.7.8,"], "Unparsable"),
        ("10.0.0.1", &["5.6.7.8, ,10.9.9.9"], "Unparsable"),
        ("10.0.0.1", &["5.6.7.8", ""], "Unparsable"),
        ("10.0.0.1", &[""], "Unparsable"),
        ("10.0.0.1", &["unknown"], "Unparsable"),
        ("10.0.0.1", &["5.6.7.8 1.1.1.1"], "Unparsable"),
        ("10.0.0.1", &["10.9.9.9"], "OnlyProxies"),
        ("10.0.0.1", &[], "HeaderMissing"),
        ("10.0.0.1", &["0.0.0.0"], "NotUnicast"),
        ("10.0.0.1", &["64:ff9b::10.0.0.1"], "EmbeddedPrivate"),
        ("10.0.0.1", &["192.168.1.1"], "192.168.1.1"),
        // Nobody but a trusted proxy is believed.
        ("9.9.9.9", &["5.6.7.8"], "9.9.9.9"),
        ("9.9.9.9", &["10.0.0.1"], "9.9.9.9"),
        ("9.9.9.9", &["garbage"], "9.9.9.9"),
        ("9.9.9.9", &[], "9.9.9.9"),
        ("192.168.1.1", &["5.6.7.8"], "UntrustedPrivatePeer"),
        ("127.0.0.1", &["5.6.7.8"], "UntrustedPrivatePeer"),
        ("::1", &["garbage"], "UntrustedPrivatePeer"),
        ("100.64.0.1", &["5.6.7.8"], "UntrustedPrivatePeer"),
        ("192.168.1.1", &[], "192.168.1.1"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("x-forwarded-for", *line)).collect();
        let derived = derive(peer.parse().unwrap(), &source, &headers(&lines));
        assert_eq!(shown(derived), expected, "{peer} {lines:?}");
    }
}

#[test]
fn only_the_configured_header_is_read() {
    let peer = "10.0.0.1".parse().unwrap();
    let both = headers(&[("x-forwarded-for", "1.1.1.1"), ("forwarded", "for=2.2.2.2")]);
    let from = |s| shown(derive(peer, &source(s, PROXIES), &both));
    assert_eq!(from(HeaderSource::XForwardedFor), "1.1.1.1");
    assert_eq!(from(HeaderSource::Forwarded), "2.2.2.2");
    // Neither header speaks for a proxy of which another word was announced.
    assert_eq!(from(HeaderSource::ProxyProtocol), "HeaderMissing");
    assert_eq!(from(HeaderSource::Peer), "OnlyProxies");
    let other = headers(&[("forwarded", "for=2.2.2.2"), ("x-real-ip", "3.3.3.3")]);
    let xff = source(HeaderSource::XForwardedFor, PROXIES);
    assert_eq!(shown(derive(peer, &xff, &other)), "HeaderMissing");
}

#[test]
fn a_private_peer_with_any_such_header_is_unknown_whatever_the_source() {
    for kind in [HeaderSource::Peer, HeaderSource::XForwardedFor, HeaderSource::Forwarded] {
        let others = ["x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];
        for name in ["x-forwarded-for", "forwarded"].into_iter().chain(others) {
            let lines = headers(&[(name, "for=5.6.7.8")]);
            let from =
                |peer: &str| shown(derive(peer.parse().unwrap(), &source(kind, &[]), &lines));
            assert_eq!(from("10.0.0.1"), "UntrustedPrivatePeer", "{kind:?} {name}");
            assert_eq!(from("9.9.9.9"), "9.9.9.9", "{kind:?} {name}");
        }
    }
    let relayed = headers(&[("x-forwarded-for", "5.6.7.8")]);
    let known = |ip: &str| ClientAddress::Known(KnownAddress::new(ip.parse().unwrap()).unwrap());
    assert_eq!(
        unless_relayed(known("10.0.0.9"), &relayed),
        ClientAddress::Unknown(UnknownBecause::UntrustedPrivatePeer)
    );
    assert_eq!(unless_relayed(known("5.5.5.5"), &relayed), known("5.5.5.5"));
    assert_eq!(unless_relayed(known("10.0.0.9"), &HeaderMap::new()), known("10.0.0.9"));
}

#[test]
fn forwarded_is_walked_from_the_right() {
    let source = source(HeaderSource::Forwarded, PROXIES);
    for (lines, expected) in [
        (&["for=5.6.7.8"][..], "5.6.7.8"),
        (&["for=1.1.1.1, for=5.6.7.8;proto=https", "For=\"10.9.9.9:80\""], "5.6.7.8"),
        (&["for=1.1.1.1", "for=unknown"], "NotStated"),
        (&["for=1.1.1.1", "for=_a, for=10.9.9.9"], "NotStated"),
        (&["for=unknown, for=5.6.7.8"], "5.6.7.8"),
        (&["for=1.1.1.1, proto=https"], "Unparsable"),
        (&["for=x, for=5.6.7.8"], "5.6.7.8"),
        (&["\", for=5.6.7.8"], "Unparsable"),
        (&["for=8.8.8.8;x=\", for=5.6.7.8", "for=10.9.9.9"], "Unparsable"),
        (&["for=10.9.9.9"], "OnlyProxies"),
        (&[], "HeaderMissing"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("forwarded", *line)).collect();
        let derived = derive("10.0.0.1".parse().unwrap(), &source, &headers(&lines));
        assert_eq!(shown(derived), expected, "{lines:?}");
    }
}

#[test]
fn chains_that_are_too_long_are_unparsable() {
    let peer = "10.0.0.1".parse().unwrap();
    for (kind, name, element) in [
        (HeaderSource::XForwardedFor, "x-forwarded-for", "5.6.7.8"),
        (HeaderSource::Forwarded, "forwarded", "for=5.6.7.8"),
    ] {
        let of = |hops: usize| {
            let line = vec![element; hops].join(",");
            shown(derive(peer, &source(kind, PROXIES), &headers(&[(name, &line)])))
        };
        assert_eq!(of(MAXIMUM_HOPS), "5.6.7.8");
        assert_eq!(of(MAXIMUM_HOPS + 1), "Unparsable");
        let padded = |length: usize| {
            let half = " ".repeat((length - element.len()) / 2);
            let line = format!("{half}{element}");
            let lines = headers(&[(name, &line), (name, &line)]);
            shown(derive(peer, &source(kind, PROXIES), &lines))
        };
        assert_eq!(padded(MAXIMUM_HEADER_LENGTH - 100), "5.6.7.8");
        assert_eq!(padded(MAXIMUM_HEADER_LENGTH + 100), "Unparsable");
    }
}

#[test]
fn a_preamble_counts_only_from_a_trusted_proxy() {
    let source = source(HeaderSource::ProxyProtocol, PROXIES);
    let stated = |ip: &str| Preamble::Stated(ip.parse().unwrap());
    for (peer, preamble, expected) in [
        ("10.0.0.1", stated("5.6.7.8"), Some("5.6.7.8")),
        ("10.0.0.1", stated("::ffff:5.6.7.8"), Some("5.6.7.8")),
        ("10.0.0.1", stated("10.9.9.9"), Some("OnlyProxies")),
        ("10.0.0.1", stated("64:ff9b::10.0.0.1"), Some("EmbeddedPrivate")),
        ("10.0.0.1", stated("0.0.0.0"), Some("NotUnicast")),
        ("10.0.0.1", Preamble::NotStated, Some("NotStated")),
        ("10.0.0.1", Preamble::Missing, Some("HeaderMissing")),
        ("9.9.9.9", Preamble::Missing, Some("9.9.9.9")),
        ("9.9.9.9", Preamble::NotStated, None),
        ("9.9.9.9", stated("5.6.7.8"), None),
        ("192.168.1.1", stated("5.6.7.8"), None),
    ] {
        let derived = derive_proxy(peer.parse().unwrap(), &source, preamble);
        assert_eq!(derived.ok().map(shown).as_deref(), expected, "{peer} {preamble:?}");
    }
}

#[test]
fn explain_says_each_step() {
    let source = source(HeaderSource::XForwardedFor, PROXIES);
    let lines = headers(&[("x-forwarded-for", "1.1.1.1, 2002:506:708::1, 10.9.9.9")]);
    insta::assert_snapshot!(explain("10.0.0.1".parse().unwrap(), &source, &lines), @"
    the client's address is taken from: x_forwarded_for
    the connection comes from 10.0.0.1, which is a trusted proxy
    the chain names 10.9.9.9, which is a trusted proxy: one further
    the chain names 2002:506:708::1, the first that is not a trusted proxy
    so the client is 2002:506:708::1, judged by the address it carries, 5.6.7.8
    ");
    insta::assert_snapshot!(explain("127.0.0.1".parse().unwrap(), &source, &lines), @"
    the client's address is taken from: x_forwarded_for
    the connection comes from 127.0.0.1, which is not a trusted proxy
    a private address that is not a trusted proxy sent a client address: if it is a proxy of yours, name it under trusted_proxies
    so the client is unknown: a private peer that is not a trusted proxy sent a client address
    ");
}

/// What the documentation says, in the plainest words: put the chain together, then look.
fn reference(peer: IpAddr, trusted: &[&str], lines: &[String]) -> String {
    let trusts = |ip: IpAddr| {
        trusted.iter().any(|n| n.parse::<ipnet::IpNet>().unwrap().contains(&ip.to_canonical()))
    };
    let sent = !lines.is_empty();
    if !trusts(peer) {
        let private = is_private_network(peer);
        return if sent && private { "UntrustedPrivatePeer".into() } else { peer.to_string() };
    }
    if !sent {
        return "HeaderMissing".into();
    }
    let whole = lines.join(",");
    let mut chain: Vec<&str> = whole.split(',').map(|e| e.trim_matches([' ', '\t'])).collect();
    while let Some(last) = chain.pop() {
        let Ok(ip) = last.parse::<IpAddr>() else { return "Unparsable".into() };
        if !trusts(ip) {
            return ip.to_canonical().to_string();
        }
    }
    "OnlyProxies".into()
}

proptest! {
    #[test]
    fn the_derivation_equals_the_reference(
        peer in prop::sample::select(vec!["10.0.0.1", "9.9.9.9", "192.168.0.1", "2a02:1::7"]),
        lines in prop::collection::vec(
            prop::collection::vec(
                prop::sample::select(vec![
                    "1.1.1.1", " 8.8.8.8", "10.1.1.1", "10.2.2.2 ", "2a02:1::2", "2a00::5", "",
                    "x", "::ffff:10.3.3.3", "1.2.3", "172.16.0.1",
                ]),
                1..5,
            ),
            0..4,
        ),
    ) {
        let lines: Vec<String> = lines.iter().map(|elements| elements.join(",")).collect();
        let pairs: Vec<_> = lines.iter().map(|l| ("x-forwarded-for", l.as_str())).collect();
        let peer: IpAddr = peer.parse().unwrap();
        let source = source(HeaderSource::XForwardedFor, PROXIES);
        let derived = derive(peer, &source, &headers(&pairs));
        prop_assert_eq!(shown(derived), reference(peer, PROXIES, &lines));
        prop_assert_eq!(explain(peer, &source, &headers(&pairs)).address, derived);
    }

    /// Whatever a client writes to the left of what a trusted proxy appends, the answer is the
    /// appended address, or unknown; for `X-Forwarded-For` always the address.
    #[test]
    fn nothing_on_the_left_moves_the_answer(forged in "[ -~\t]{0,60}", same_line: bool) {
        for (kind, name, own) in [
            (HeaderSource::XForwardedFor, "x-forwarded-for", "5.6.7.8"),
            (HeaderSource::Forwarded, "forwarded", "for=5.6.7.8"),
            (HeaderSource::Forwarded, "forwarded", "for=\"5.6.7.8:80\";by=\"_gate\""),
        ] {
            let joined = format!("{forged}, {own}");
            let lines = if same_line {
                headers(&[(name, &joined)])
            } else {
                headers(&[(name, &forged), (name, own)])
            };
            let derived = derive("10.0.0.1".parse().unwrap(), &source(kind, PROXIES), &lines);
            let right = shown(derived) == "5.6.7.8";
            let unknown = derived == ClientAddress::Unknown(UnknownBecause::Unparsable);
            prop_assert!(right || (unknown && kind == HeaderSource::Forwarded), "{derived:?}");
        }
    }
}
