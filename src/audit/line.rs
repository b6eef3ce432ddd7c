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

/// The version of the Elastic Common Schema whose names are used.
const SCHEMA: &str = "9.0.0";
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
    let personal = |w: &mut Draft, key: &'static str, field: Field| {
        w.personal_value(key, field, event.personal.get(field).map(SmolStr::as_str));
    };
    let present = |field: Field| event.personal.get(field).is_some() || was_there(field);

    w.bytes.push(b'{');
    w.instant("@timestamp", Some(event.at));
    w.object("ecs");
    w.text("version", Some(SCHEMA));
    w.close();
    w.object("event");
    w.text("id", Some(event.id.hyphenated().encode_lower(&mut [0; 36])));
    w.number("sequence", Some(sequence));
    w.text("action", Some(event.action.word()));
    w.text("outcome", Some(event.outcome.word()));
    w.text("reason", event.reason.as_deref());
    w.list_of_one("category", event.action.category());
    w.list_of_one("type", event.action.kind());
    if let Some(milliseconds) = event.milliseconds {
        w.number("duration", Some(milliseconds.saturating_mul(1_000_000)));
    }
    w.close();
    w.object("organization");
    w.text("id", event.organization.as_deref());
    w.close();
    w.object("client");
    personal(&mut w, "ip", Field::ClientIp);
    if present(Field::ClientNatIp) {
        w.object("nat");
        personal(&mut w, "ip", Field::ClientNatIp);
        w.close();
    }
    w.object("geo");
    w.text("country_iso_code", event.country.as_deref());
    w.text("region_iso_code", event.region.as_deref());
    w.close();
    w.object("as");
    w.number("number", event.as_number.map(u64::from));
    w.close();
    w.close();
    w.object("user");
    personal(&mut w, "name", Field::UserName);
    if present(Field::UserId) {
        personal(&mut w, "id", Field::UserId);
    }
    for (key, field) in [("effective", Field::UserEffective), ("target", Field::UserTarget)] {
        if present(field) {
            w.object(key);
            personal(&mut w, "name", field);
            w.close();
        }
    }
    w.close();
    w.request(event);
    w.object("user_agent");
    personal(&mut w, "original", Field::UserAgent);
    w.close();
    w.gateway(event);
    w.object("chain");
    w.text("previous", Some(previous));
    w
}

impl Draft {
    fn request(&mut self, event: &Event) {
        self.object("http");
        self.object("request");
        self.text("method", event.method.as_deref());
        self.close();
        self.object("response");
        self.number("status_code", event.status.map(u64::from));
        self.close();
        self.close();
        self.object("url");
        self.text("domain", event.domain.as_deref());
        self.text_of("path", event.path.as_deref(), LONGEST_PATH);
        if event.query.is_some() {
            self.text_of("query", event.query.as_deref(), LONGEST_PATH);
        }
        self.close();
    }

    fn gateway(&mut self, event: &Event) {
        self.object("rule");
        self.text("ruleset", event.rule.as_ref().map(|(id, _)| id.as_str()));
        self.text("version", event.rule.as_ref().map(|(_, version)| version.as_str()));
        self.close();
        self.object("geovagt");
        self.text("site", event.site.as_deref());
        self.text("listener", event.listener.as_deref());
        self.text("verdict", event.verdict.as_deref());
        if event.would_be.is_some() {
            self.text("would_be", event.would_be.as_deref());
        }
        self.text("reference", event.reference.as_deref());
        self.text("exemption", event.exemption.as_deref());
        self.text("mode", event.mode.as_deref());
        self.instant("database_built", event.database_built);
        if event.registered_country.is_some() {
            self.text("registered_country", event.registered_country.as_deref());
        }
        self.number("count", Some(event.count));
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

    pub(super) fn text(&mut self, key: &'static str, value: Option<&str>) {
        self.text_of(key, value, LONGEST_NAME);
    }

    fn text_of(&mut self, key: &'static str, value: Option<&str>, maximum: usize) {
        self.key(key);
        self.value(value, maximum);
    }

    fn value(&mut self, value: Option<&str>, maximum: usize) {
        match value {
            Some(value) => push_json_string(&mut self.bytes, &capped(value, maximum)),
            None => self.bytes.extend_from_slice(b"null"),
        }
    }

    fn personal_value(&mut self, key: &'static str, field: Field, value: Option<&str>) {
        let maximum = if field == Field::UserAgent { LONGEST_USER_AGENT } else { LONGEST_NAME };
        self.key(key);
        let start = self.bytes.len();
        self.value(value, maximum);
        self.personal.push(field, start..self.bytes.len());
    }

    fn number(&mut self, key: &'static str, value: Option<u64>) {
        self.key(key);
        match value {
            Some(value) => {
                self.bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            None => self.bytes.extend_from_slice(b"null"),
        }
    }

    fn instant(&mut self, key: &'static str, value: Option<Timestamp>) {
        self.key(key);
        match value {
            Some(value) => {
                self.bytes.push(b'"');
                push_instant(&mut self.bytes, value);
                self.bytes.push(b'"');
            }
            None => self.bytes.extend_from_slice(b"null"),
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

    fn list_of_one(&mut self, key: &'static str, value: &str) {
        self.key(key);
        self.bytes.push(b'[');
        push_json_string(&mut self.bytes, value);
        self.bytes.push(b']');
    }
}

/// RFC 3339 in UTC with milliseconds, what lies below cut off.
fn push_instant(out: &mut Vec<u8>, instant: Timestamp) {
    let at = Offset::UTC.to_datetime(instant);
    let (date, time) = (at.date(), at.time());
    let Ok(year) = u32::try_from(date.year()) else {
        out.extend_from_slice(format!("{instant:.3}").as_bytes());
        return;
    };
    let parts = [
        (year, 4, b'-'),
        (date.month().unsigned_abs().into(), 2, b'-'),
        (date.day().unsigned_abs().into(), 2, b'T'),
        (time.hour().unsigned_abs().into(), 2, b':'),
        (time.minute().unsigned_abs().into(), 2, b':'),
        (time.second().unsigned_abs().into(), 2, b'.'),
        (time.millisecond().unsigned_abs().into(), 3, b'Z'),
    ];
    for (number, width, end) in parts {
        push_padded(out, number, width);
        out.push(end);
    }
}

fn push_padded(out: &mut Vec<u8>, number: u32, width: u32) {
    for position in (0..width).rev() {
        // One decimal digit fits a byte.
        let digit = u8::try_from(number / 10_u32.pow(position) % 10).unwrap_or(0);
        out.push(b'0' + digit);
    }
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
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("{instant:.3}"));
        }
    }
}
