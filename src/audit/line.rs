//! An entry as one line of JSON, and back.
//!
//! PURE. Writing is exact: a line that was read and is written again has the very same bytes, so
//! whoever verifies a line by writing it again sees every byte that was changed. Fields stand in a
//! fixed order; whatever could act on a terminal or break a line is escaped.

mod read;

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::Offset;
use smol_str::SmolStr;

use super::event::{Event, Field};
use super::facts::{LONGEST_NAME, LONGEST_PATH, LONGEST_USER_AGENT};
use super::text::{capped, push_json_string};

pub(super) use read::read;

/// The longest detail that is kept, in bytes.
const LONGEST_DETAIL: usize = 1024;
/// The most details that are kept.
const MOST_DETAILS: usize = 32;

/// A line up to, and without, what only its hash can close; and where personal values stand in it.
#[derive(Debug)]
pub(super) struct Draft {
    /// What stood there before, and the line.
    pub(super) bytes: Vec<u8>,
    /// Where the line begins.
    pub(super) start: usize,
    /// Where each personal value stands, in order, quotes included (or `null`).
    pub(super) personal: PersonalPlaces,
}

/// Places in a line, each field at most once.
#[derive(Debug, Default)]
pub(super) struct PersonalPlaces {
    places: [Option<(Field, Range<usize>)>; Field::ALL.len()],
    length: usize,
}

impl PersonalPlaces {
    fn push(&mut self, field: Field, range: Range<usize>) {
        if let Some(place) = self.places.get_mut(self.length) {
            *place = Some((field, range));
            self.length += 1;
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Field, Range<usize>)> {
        self.places.iter().flatten()
    }
}

/// Writes the event up to the chain's own fields. `was_there` says of a personal field without a
/// value whether it had one that has been removed. The line is appended to `bytes`.
pub(super) fn draft(
    event: &Event,
    sequence: u64,
    previous: &str,
    was_there: impl Fn(Field) -> bool,
    bytes: Vec<u8>,
) -> Draft {
    let start = bytes.len();
    let mut w = Draft { bytes, start, personal: PersonalPlaces::default() };
    // Nearly every line fits, and behind it what is hashed of it.
    w.bytes.reserve(2048);
    let personal = |w: &mut Draft, before: &'static str, field: Field| {
        w.personal_value(before, field, event.personal.get(field).map(SmolStr::as_str));
    };
    let present = |field: Field| event.personal.get(field).is_some() || was_there(field);

    w.instant(r#"{"@timestamp":"#, Some(event.at));
    w.plain(r#","ecs":{"version":"9.0.0"},"event":{"id":""#);
    w.plain(event.id.hyphenated().encode_lower(&mut [0; 36]));
    w.number(r#"","sequence":"#, Some(sequence));
    w.word(r#","action":""#, event.action.word());
    w.word(r#"","outcome":""#, event.outcome.word());
    w.text(r#"","reason":"#, event.reason.as_deref());
    w.word(r#","category":[""#, event.action.category());
    w.word(r#""],"type":[""#, event.action.kind());
    w.plain(r#""]"#);
    if let Some(milliseconds) = event.milliseconds {
        w.number(r#","duration":"#, Some(milliseconds.saturating_mul(1_000_000)));
    }
    w.text(r#"},"organization":{"id":"#, event.organization.as_deref());
    personal(&mut w, r#"},"client":{"ip":"#, Field::ClientIp);
    if present(Field::ClientNatIp) {
        personal(&mut w, r#","nat":{"ip":"#, Field::ClientNatIp);
        w.close();
    }
    w.text(r#","geo":{"country_iso_code":"#, event.country.as_deref());
    w.text(r#","region_iso_code":"#, event.region.as_deref());
    w.number(r#"},"as":{"number":"#, event.as_number.map(u64::from));
    personal(&mut w, r#"}},"user":{"name":"#, Field::UserName);
    if present(Field::UserId) {
        personal(&mut w, r#","id":"#, Field::UserId);
    }
    for (before, field) in [
        (r#","effective":{"name":"#, Field::UserEffective),
        (r#","target":{"name":"#, Field::UserTarget),
    ] {
        if present(field) {
            personal(&mut w, before, field);
            w.close();
        }
    }
    w.request(event);
    personal(&mut w, r#"},"user_agent":{"original":"#, Field::UserAgent);
    w.gateway(event);
    w.word(r#","chain":{"previous":""#, previous);
    w.plain(r#"""#);
    w
}

impl Draft {
    fn request(&mut self, event: &Event) {
        self.text(r#"},"http":{"request":{"method":"#, event.method.as_deref());
        self.number(r#"},"response":{"status_code":"#, event.status.map(u64::from));
        self.text(r#"}},"url":{"domain":"#, event.domain.as_deref());
        self.text_of(r#","path":"#, event.path.as_deref(), LONGEST_PATH);
        if event.query.is_some() {
            self.text_of(r#","query":"#, event.query.as_deref(), LONGEST_PATH);
        }
    }

    fn gateway(&mut self, event: &Event) {
        let (list, version) = event.rule.as_ref().map(|(id, version)| (id, version)).unzip();
        self.text(r#"},"rule":{"ruleset":"#, list.map(SmolStr::as_str));
        self.text(r#","version":"#, version.map(SmolStr::as_str));
        self.text(r#"},"geovagt":{"site":"#, event.site.as_deref());
        self.text(r#","listener":"#, event.listener.as_deref());
        self.text(r#","verdict":"#, event.verdict.as_deref());
        if event.would_be.is_some() {
            self.text(r#","would_be":"#, event.would_be.as_deref());
        }
        self.text(r#","reference":"#, event.reference.as_deref());
        self.text(r#","exemption":"#, event.exemption.as_deref());
        self.text(r#","mode":"#, event.mode.as_deref());
        self.instant(r#","database_built":"#, event.database_built);
        if event.registered_country.is_some() {
            self.text(r#","registered_country":"#, event.registered_country.as_deref());
        }
        self.number(r#","count":"#, Some(event.count));
        if !event.details.is_empty() {
            self.object("details");
            for (key, value) in event.details.iter().take(MOST_DETAILS) {
                self.separate();
                push_json_string(&mut self.bytes, &capped(key, LONGEST_NAME));
                self.bytes.push(b':');
                self.value(Some(value), LONGEST_DETAIL);
            }
            self.close();
        }
    }

    fn separate(&mut self) {
        if self.bytes.last() != Some(&b'{') {
            self.bytes.push(b',');
        }
    }

    /// The name of a field of ours, which holds nothing that would need an escape.
    fn key(&mut self, key: &'static str) {
        self.separate();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    pub(super) fn object(&mut self, key: &'static str) {
        self.key(key);
        self.bytes.push(b'{');
    }

    pub(super) fn close(&mut self) {
        self.bytes.push(b'}');
    }

    /// What of a line is always the same, and what is known to hold nothing that needs an escape.
    fn plain(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// `before` is what stands between the value before this and this, here as in all that follow:
    /// the end of the one object, the beginning of the next, the value's own name.
    fn word(&mut self, before: &'static str, word: &str) {
        self.plain(before);
        self.plain(word);
    }

    fn text(&mut self, before: &'static str, value: Option<&str>) {
        self.text_of(before, value, LONGEST_NAME);
    }

    fn text_of(&mut self, before: &'static str, value: Option<&str>, maximum: usize) {
        self.plain(before);
        self.value(value, maximum);
    }

    fn value(&mut self, value: Option<&str>, maximum: usize) {
        match value {
            Some(value) => push_json_string(&mut self.bytes, &capped(value, maximum)),
            None => self.plain("null"),
        }
    }

    fn personal_value(&mut self, before: &'static str, field: Field, value: Option<&str>) {
        let maximum = if field == Field::UserAgent { LONGEST_USER_AGENT } else { LONGEST_NAME };
        self.plain(before);
        let start = self.bytes.len();
        self.value(value, maximum);
        self.personal.push(field, start..self.bytes.len());
    }

    fn number(&mut self, before: &'static str, value: Option<u64>) {
        self.plain(before);
        match value {
            Some(value) => self.plain(itoa::Buffer::new().format(value)),
            None => self.plain("null"),
        }
    }

    fn instant(&mut self, before: &'static str, value: Option<Timestamp>) {
        self.plain(before);
        match value {
            Some(value) => push_instant(&mut self.bytes, value),
            None => self.plain("null"),
        }
    }

    /// Appends lower-case hexadecimal digits as a string.
    pub(super) fn digits(&mut self, key: &'static str, value: &[u8]) {
        self.key(key);
        self.bytes.push(b'"');
        let start = self.bytes.len();
        self.bytes.resize(start + value.len() * 2, b'0');
        if let Some(place) = self.bytes.get_mut(start..) {
            // The place is just as long as the digits.
            let _ = hex::encode_to_slice(value, place);
        }
        self.bytes.push(b'"');
    }
}

/// RFC 3339 in UTC with milliseconds, what lies below cut off, between quotation marks.
fn push_instant(out: &mut Vec<u8>, instant: Timestamp) {
    let at = Offset::UTC.to_datetime(instant);
    let (date, time) = (at.date(), at.time());
    let hundreds =
        |number: i16| u8::try_from(number / 100).ok().zip(u8::try_from(number % 100).ok());
    let (Some(year), Some(milli)) = (hundreds(date.year()), hundreds(time.millisecond())) else {
        out.extend_from_slice(format!("\"{instant:.3}\"").as_bytes());
        return;
    };
    let two = |number: u8| (b'0' + number / 10, b'0' + number % 10);
    let ((y1, y2), (y3, y4)) = (two(year.0), two(year.1));
    let (m1, m2) = two(date.month().unsigned_abs());
    let (d1, d2) = two(date.day().unsigned_abs());
    let (h1, h2) = two(time.hour().unsigned_abs());
    let (n1, n2) = two(time.minute().unsigned_abs());
    let (s1, s2) = two(time.second().unsigned_abs());
    let ((_, f1), (f2, f3)) = (two(milli.0), two(milli.1));
    out.extend_from_slice(&[
        b'"', y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T', h1, h2, b':', n1, n2, b':', s1, s2,
        b'.', f1, f2, f3, b'Z', b'"',
    ]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_instant_is_written_as_its_library_does(
            second in -70_000_000_000_i64..253_402_200_000,
            nanosecond in 0_i32..1_000_000_000,
        ) {
            let instant = Timestamp::from_second(second).unwrap();
            let instant = instant + jiff::SignedDuration::from_nanos(nanosecond.into());
            let mut out = Vec::new();
            push_instant(&mut out, instant);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("\"{instant:.3}\""));
        }
    }
}
