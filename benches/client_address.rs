//! What it costs to derive the one client address of a request.
#![expect(clippy::unwrap_used, reason = "a bench stops at what is not as expected")]

use std::hint::black_box;
use std::net::IpAddr;

use criterion::{Criterion, criterion_group, criterion_main};
use geovagt::client_address::{AddressSource, HeaderSource, derive};
use http::{HeaderMap, HeaderName, HeaderValue};

fn from(source: HeaderSource) -> AddressSource {
    let trusted =
        if source == HeaderSource::Peer { vec![] } else { vec!["10.0.0.0/8".parse().unwrap()] };
    AddressSource { trusted_proxies: trusted, source }
}

fn headers(name: &'static str, value: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HeaderName::from_static("host"), HeaderValue::from_static("kilden.example.dk"));
    headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    headers
}

fn client_address(criterion: &mut Criterion) {
    let peer: IpAddr = "130.225.244.1".parse().unwrap();
    let proxy: IpAddr = "10.0.0.7".parse().unwrap();
    let cases = [
        ("peer", peer, from(HeaderSource::Peer), headers("accept", "*/*")),
        (
            "x_forwarded_for",
            proxy,
            from(HeaderSource::XForwardedFor),
            headers("x-forwarded-for", "1.2.4.8, 130.225.244.1, 10.0.0.9"),
        ),
        (
            "forwarded",
            proxy,
            from(HeaderSource::Forwarded),
            headers("forwarded", "for=1.2.4.8, for=130.225.244.1;proto=https, for=10.0.0.9"),
        ),
    ];
    for (name, peer, source, headers) in cases {
        criterion.bench_function(&format!("client_address/{name}"), |bencher| {
            bencher.iter(|| derive(black_box(peer), &source, black_box(&headers)));
        });
    }
}

criterion_group!(benches, client_address);
criterion_main!(benches);
