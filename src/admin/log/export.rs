//! The log as a file: a table for a spreadsheet, or the entries line by line.
//!
//! Always holds: `log_exported` is on disk before the first byte; the search stands in the head; the
//! last line says how many there were, and a file without it is not whole; it breaks off where
//! whoever takes it is signed out, or the token revoked, meanwhile.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use jiff::Timestamp;
use serde_json::json;

use super::actions;
use super::csv_cell::cell;
use super::told::personal;
use crate::admin::streamed::{BrokenOff, Step, streamed};
use crate::admin::{Admin, Answer, Refusal, Visitor, access};
use crate::audit::event::Field;
use crate::audit::{Action, Event};
use crate::clock;
use crate::language::Language;
use crate::store::log::{Cursor, LogEntry, LogIndex, LogQuery};

/// So many entries are read at a time.
const AT_ONCE: usize = 500;
/// So many a file holds at most; the last line says that there were more.
const MOST: u64 = 1_000_000;

/// The form of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Csv,
    JsonLines,
}

impl Form {
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::JsonLines),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/jsonl; charset=utf-8",
        })
    }
}

/// Writes the entry, then gives the file.
pub(crate) async fn export(
    admin: &Admin,
    visitor: &Visitor,
    query: LogQuery,
    form: Form,
) -> Answer {
    let now = clock::now();
    let event = Event::new(Action::LogExported, now, clock::random_bytes());
    let event = access::by(visitor, event).detail("form", form.word());
    let event = actions::described(event, &query);
    if !admin.audit().record(event).reached_disk().await {
        return Err(Refusal::NoEntry);
    }
    let paper = Paper { form, language: visitor.language };
    let head = paper.head(&query, visitor, now);
    let begin = Progress { at: At::Head(head), found: 0 };
    let (reading, reader) = (admin.clone(), visitor.clone());
    let body = streamed(begin, move |progress| {
        let (admin, visitor, query) = (reading.clone(), reader.clone(), query.clone());
        async move {
            if !access::lasts(&admin, &visitor).await {
                return Err(BrokenOff);
            }
            piece(admin.store().log(), &query, paper, progress).await
        }
    });
    let day = now.to_zoned(visitor.organization.time_zone.clone()).date();
    let name = format!("geovagt-log-{}-{day}.{}", visitor.organization_id(), form.word());
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, form.content_type());
    let disposition = format!("attachment; filename=\"{name}\"");
    headers.insert(
        CONTENT_DISPOSITION,
        HeaderValue::from_str(&disposition).unwrap_or(HeaderValue::from_static("attachment")),
    );
    Ok::<Response, Refusal>(response)
}

/// How far the file has come.
struct Progress {
    at: At,
    found: u64,
}

enum At {
    Head(String),
    Entries(Option<Cursor>),
    End { more: bool },
    Over,
}

async fn piece(
    index: &LogIndex,
    query: &LogQuery,
    paper: Paper,
    progress: Progress,
) -> Step<Progress> {
    let Progress { at, found } = progress;
    match at {
        At::Head(head) => Ok(Some((head.into(), Progress { at: At::Entries(None), found }))),
        At::Entries(before) => {
            let page = index.search(query, before, AT_ONCE).await.map_err(|error| {
                tracing::error!(error = crate::telemetry::chain(&error), "an export broke off");
                BrokenOff
            })?;
            let text: String = page.entries.iter().map(|entry| paper.entry(entry)).collect();
            let found = found + u64::try_from(page.entries.len()).unwrap_or(0);
            let at = match page.next {
                Some(next) if found < MOST => At::Entries(Some(next)),
                next => At::End { more: next.is_some() },
            };
            Ok(Some((text.into(), Progress { at, found })))
        }
        At::End { more } => {
            let end = paper.end(found, more);
            Ok(Some((Bytes::from(end), Progress { at: At::Over, found })))
        }
        At::Over => Ok(None),
    }
}

/// What the file is written on: its form, and whose spreadsheet opens it.
#[derive(Debug, Clone, Copy)]
struct Paper {
    form: Form,
    language: Language,
}

impl Paper {
    fn head(self, query: &LogQuery, visitor: &Visitor, now: Timestamp) -> String {
        let mut search = vec![
            ("organization", visitor.organization_id().to_string()),
            ("exported", now.to_string()),
            ("exported_by", visitor.name.to_string()),
        ];
        search.extend(actions::written(query));
        match self.form {
            Form::JsonLines => {
                let search: serde_json::Map<_, _> =
                    search.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
                format!("{}\n", json!({ "geovagt_export": search }))
            }
            Form::Csv => {
                // The mark tells a spreadsheet that this is UTF-8.
                let mut head = "\u{feff}".to_owned();
                for (key, value) in &search {
                    head.push_str(&self.record(&[&format!("# {key}"), value]));
                }
                head.push_str(&self.record(&COLUMNS));
                head
            }
        }
    }

    fn entry(self, entry: &LogEntry) -> String {
        match self.form {
            Form::JsonLines => format!("{}\n", entry.line),
            Form::Csv => self.record(&columns(entry).each_ref().map(String::as_str)),
        }
    }

    fn end(self, found: u64, more: bool) -> String {
        match self.form {
            Form::JsonLines => {
                format!("{}\n", json!({ "geovagt_export_end": { "entries": found, "more": more } }))
            }
            Form::Csv => {
                let more = if more { "more" } else { "all" };
                self.record(&["# entries", &found.to_string(), more])
            }
        }
    }

    /// One line of the table. Danish spreadsheets take the comma for a decimal sign.
    fn record(self, cells: &[&str]) -> String {
        let delimiter = match self.language {
            Language::Danish => b';',
            Language::English => b',',
        };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter)
            .quote_style(csv::QuoteStyle::Always)
            .terminator(csv::Terminator::CRLF)
            .from_writer(Vec::new());
        // Writing into memory fails only where there is none left.
        let _ = writer.write_record(cells.iter().map(|text| cell(text).into_owned()));
        writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

const COLUMNS: [&str; 19] = [
    "@timestamp",
    "geovagt.reference",
    "event.action",
    "geovagt.verdict",
    "event.reason",
    "geovagt.count",
    "geovagt.site",
    "geovagt.listener",
    "client.geo.country_iso_code",
    "client.geo.region_iso_code",
    "client.ip",
    "client.as.number",
    "user.name",
    "user.target.name",
    "geovagt.exemption",
    "http.request.method",
    "http.response.status_code",
    "url.path",
    "user_agent.original",
];

fn columns(entry: &LogEntry) -> [String; 19] {
    let event = &entry.event;
    let text = |value: &Option<smol_str::SmolStr>| value.as_deref().unwrap_or_default().to_owned();
    let of = |field| personal(event, field).to_owned();
    [
        event.at.to_string(),
        text(&event.reference),
        event.action.to_string(),
        text(&event.verdict),
        text(&event.reason),
        event.count.to_string(),
        text(&event.site),
        text(&event.listener),
        text(&event.country),
        text(&event.region),
        of(Field::ClientIp),
        event.as_number.map(|number| number.to_string()).unwrap_or_default(),
        of(Field::UserName),
        of(Field::UserTarget),
        text(&event.exemption),
        text(&event.method),
        event.status.map(|status| status.to_string()).unwrap_or_default(),
        text(&event.path),
        of(Field::UserAgent),
    ]
}
