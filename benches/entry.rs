//! What one entry costs the writer: its line, its commitments, its hash.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use geovagt::audit::chain::{Position, Salts, open, seal};
use geovagt::audit::event::Field;
use geovagt::audit::{Action, Class, Event, Outcome};

fn event() -> Event {
    let at = jiff::Timestamp::from_second(1_800_000_000).unwrap_or_default();
    let mut event = Event::new(Action::Allowed, at, [7; 10])
        .outcome(Outcome::Success)
        .reason("country_not_listed")
        .personal(Field::ClientIp, "203.0.113.9")
        .personal(
            Field::UserAgent,
            "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)",
        )
        .status(200);
    event.organization = Some("ballerup".to_owned());
    event.country = Some("DK".to_owned());
    event.method = Some("GET".to_owned());
    event.domain = Some("kilden.example.dk".to_owned());
    event.path = Some("/dagsorden/2026/11/22".to_owned());
    event.rule = Some(("cfcs".to_owned(), "2025-05".to_owned()));
    event.site = Some("kilden".to_owned());
    event.listener = Some("web".to_owned());
    event.verdict = Some("allow".to_owned());
    event.reference = Some("K7QX-2M9D".to_owned());
    event.mode = Some("enforce".to_owned());
    event
}

fn entry(criterion: &mut Criterion) {
    let event = event();
    let salts: Salts = [3; size_of::<Salts>()];
    let position = Position { sequence: 42, previous: geovagt::audit::chain::Hash::ZERO };
    criterion.bench_function("entry/seal", |bencher| {
        bencher.iter(|| seal(Class::Allowed, position, black_box(&event), &salts));
    });
    let (line, _) = seal(Class::Allowed, position, &event, &salts);
    criterion.bench_function("entry/open", |bencher| {
        bencher.iter(|| open(Class::Allowed, black_box(&line)));
    });
}

criterion_group!(benches, entry);
criterion_main!(benches);
