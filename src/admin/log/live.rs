//! The log as it is written, as server-sent events.
//!
//! Always holds: it ends with the session of whoever reads, and with the gateway; nothing is shown
//! that a search would not show; so many read along at a time and no more.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::json;

use super::actions;
use super::pages::{read_or_refuse, telling};
use super::told::Line;
use crate::admin::streamed::{BrokenOff, Step, streamed};
use crate::admin::{Admin, Answer, Asked, Refusal, Visitor, access};
use crate::store::log::{Cursor, LogQuery};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);
/// So many read along at a time, whoever they are.
const MOST_READERS: usize = 32;
/// So many entries are sent at once at most; of more the newest.
const AT_ONCE: usize = 50;
/// Without anything to say, so often is looked whether the reader is still there.
const SIGN_OF_LIFE: u32 = 15;

static READERS: AtomicUsize = AtomicUsize::new(0);

/// A reader; counted while it is there.
struct Place;

impl Place {
    fn take() -> Option<Arc<Self>> {
        let taken = READERS.fetch_update(Ordering::AcqRel, Ordering::Acquire, |readers| {
            (readers < MOST_READERS).then_some(readers + 1)
        });
        taken.ok().map(|_| Arc::new(Self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        READERS.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Reading {
    admin: Admin,
    visitor: Visitor,
    query: LogQuery,
    /// What the page shows already, as it was at the first look.
    after: Option<Cursor>,
    /// What was there at the last look. An entry that is folded stands at an instant that is over when
    /// it is written, before others that were seen already.
    seen: Option<BTreeSet<Cursor>>,
    silent: u32,
    ended: bool,
    _place: Arc<Place>,
}

/// New entries, from the one after `after` on.
pub(super) async fn events(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let query = read_or_refuse(&asked, &visitor)?;
    let after = asked.given("after").map(|text| text.parse().map_err(|_| Refusal::NotFound));
    let after = after.transpose()?;
    let place = Place::take().ok_or(Refusal::TooMany)?;
    actions::note(&admin, &visitor, "live", &query).await?;
    let (silent, ended, seen) = (SIGN_OF_LIFE, false, None);
    let begin = Reading { admin, visitor, query, after, seen, silent, ended, _place: place };
    let mut response = streamed(begin, next).into_response();
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

/// Waits until there is something to send.
async fn next(mut reading: Reading) -> Step<Reading> {
    if reading.ended {
        return Ok(None);
    }
    loop {
        if !access::lasts(&reading.admin, &reading.visitor).await {
            reading.ended = true;
            return Ok(Some((Bytes::from_static(b"event: end\ndata: {}\n\n"), reading)));
        }
        let lines = new_lines(&mut reading).await?;
        if !lines.is_empty() {
            reading.silent = 0;
            let event = format!("event: entries\ndata: {}\n\n", json!(lines));
            return Ok(Some((event.into(), reading)));
        }
        reading.silent += 1;
        if reading.silent >= SIGN_OF_LIFE {
            reading.silent = 0;
            return Ok(Some((Bytes::from_static(b": \n\n"), reading)));
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What came since, oldest first, as the script takes it.
async fn new_lines(reading: &mut Reading) -> Result<Vec<serde_json::Value>, BrokenOff> {
    let index = reading.admin.store().log();
    let page = index.search(&reading.query, None, AT_ONCE).await.map_err(|error| {
        tracing::error!(error = crate::telemetry::chain(&error), "the live log broke off");
        BrokenOff
    })?;
    let is_new = |cursor: Cursor| match &reading.seen {
        Some(seen) => !seen.contains(&cursor),
        None => reading.after.is_none_or(|after| cursor > after),
    };
    let telling = telling(&reading.visitor);
    let mut new: Vec<_> = page
        .entries
        .iter()
        .filter(|entry| is_new(entry.cursor))
        .map(|entry| as_json(&telling.line(entry)))
        .collect();
    new.reverse();
    reading.seen = Some(page.entries.iter().map(|entry| entry.cursor).collect());
    Ok(new)
}

fn as_json(line: &Line) -> serde_json::Value {
    json!({
        "id": line.id,
        "at": line.at,
        "when": line.when,
        "action": line.action,
        "because": line.because,
        "class": line.class,
        "place": line.place,
        "address": line.address,
        "site": line.site,
        "who": line.who,
        "reference": line.reference,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_read_along_and_no_more() {
        let mut places: Vec<_> = (0..MOST_READERS).map(|_| Place::take().unwrap()).collect();
        assert!(Place::take().is_none());
        places.pop();
        assert!(Place::take().is_some(), "whoever leaves makes room");
    }
}
