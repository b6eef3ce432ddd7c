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
    event.organization = Some("ballerup".into());
    event.country = Some("DK".into());
    event.method = Some("GET".into());
    event.domain = Some("kilden.example.dk".into());
    event.path = Some("/dagsorden/2026/11/22".into());
    event.rule = Some(("cfcs".into(), "2025-05".into()));
    event.site = Some("kilden".into());
    event.listener = Some("web".into());
    event.verdict = Some("allow".into());
    event.reference = Some("K7QX-2M9D".into());
    event.mode = Some("enforce".into());
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
