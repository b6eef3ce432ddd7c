//! What the guard in front of the HTTP/1 parser costs, beside what the parser itself costs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use geovagt::listen::framing::Framing;

/// The head of a browser's request, about 600 octets.
const HEAD: &str = "GET /intranet/sager/2026/oversigt?side=2&sortering=dato HTTP/1.1\r\n\
    Host: kilden.example.dk\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
    Accept-Language: da,en-US;q=0.7,en;q=0.3\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://kilden.example.dk/intranet/sager\r\n\
    Connection: keep-alive\r\n\
    Cookie: session=0123456789abcdef0123456789abcdef; theme=light\r\n\
    Upgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\n\
    X-Forwarded-For: 130.225.244.1\r\n\
    \r\n";

fn heads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("head of 600 octets");
    let mut framing = Framing::new();
    group.bench_function("guard", |bencher| {
        bencher.iter(|| framing.follow(black_box(HEAD.as_bytes())));
    });
    group.bench_function("httparse", |bencher| {
        bencher.iter(|| {
            let mut headers = [httparse::EMPTY_HEADER; 100];
            let mut request = httparse::Request::new(&mut headers);
            request.parse(black_box(HEAD.as_bytes())).map(|status| status.is_complete())
        });
    });
    group.finish();
}

fn bodies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("body of 1 MiB");
    let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n";
    let whole = [head.as_bytes(), &[b'\n'; 1 << 20]].concat();
    let chunk = [b"10000\r\n".as_slice(), &[b'\n'; 1 << 16], b"\r\n"].concat();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = [head.as_bytes(), &chunk.repeat(16), b"0\r\n\r\n"].concat();
    for (name, request) in [("by length", whole), ("in chunks", chunked)] {
        let mut framing = Framing::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| framing.follow(black_box(&request)));
        });
    }
    group.finish();
}

criterion_group!(benches, heads, bodies);
criterion_main!(benches);
