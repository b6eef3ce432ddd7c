//! The log under `/api/v1/log`, by the same functions as its pages.

use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::pages::{read_or_refuse, telling};
use super::{actions, export, pages, today};
use crate::admin::api::{Problem, json};
use crate::admin::{Admin, Answer, Asked, Refusal, Visitor};
use crate::policy::Explanation;
use crate::store::log::{By, LogEntry};

#[derive(OpenApi)]
#[openapi(paths(search, entry, counts, exported), components(schemas(Found, Count, Told)))]
pub(in crate::admin) struct Documentation;

/// Entries, the newest first.
#[derive(Debug, Serialize, ToSchema)]
struct Found {
    /// Each as `geovagt audit search --json` prints it.
    entries: Vec<Value>,
    /// What `before` has to be for the next ones; none: there are no more.
    next: Option<String>,
    /// Where there are fewer entries than asked for and `next` goes on all the same: what matches is
    /// so rare among so much that the log was looked through back to this instant and no further.
    #[schema(value_type = Option<String>, format = DateTime)]
    looked_to: Option<jiff::Timestamp>,
}

/// One figure.
#[derive(Debug, Serialize, ToSchema)]
struct Count {
    /// What was counted together: an hour, a day, a country, a site, a reason.
    name: String,
    /// How many, folded entries counted as what they stand for.
    count: u64,
    /// How many entries that are.
    entries: u64,
}

/// One entry in words.
#[derive(Debug, Serialize, ToSchema)]
struct Told {
    /// The entry.
    entry: Value,
    /// Why it was decided so, from what stands in the entry.
    steps: Vec<String>,
    /// What would be decided today; none where that cannot be asked.
    #[schema(value_type = Option<Object>)]
    today: Option<Explanation>,
}

fn as_json(entry: &LogEntry) -> Value {
    serde_json::from_str(&entry.line).unwrap_or(Value::Null)
}

/// Entries of the organisation, the newest first. Each call is entered into the log.
#[utoipa::path(get, path = "/api/v1/log", tag = "log", params(
    ("reference" = Option<String>, Query, description = "The code that a rejected person reads out"),
    ("span" = Option<String>, Query, description = "`1h`, `24h`, `7d`, `30d` or `all`; 7d where no time is named"),
    ("since" = Option<String>, Query, description = "A day, a time in the organisation's zone, or an instant"),
    ("until" = Option<String>, Query, description = "The same; a day counts to its end"),
    ("country" = Option<String>, Query, description = "A code or a Danish or English name"),
    ("site" = Option<String>, Query), ("user" = Option<String>, Query),
    ("client" = Option<String>, Query, description = "An address or a network"),
    ("reason" = Option<String>, Query), ("action" = Option<String>, Query),
    ("verdict" = Option<String>, Query), ("listener" = Option<String>, Query),
    ("class" = Option<String>, Query, description = "One chain: `denied` or `people`"),
    ("before" = Option<String>, Query, description = "`next` of the answer before"),
    ("limit" = Option<u16>, Query, description = "1 to 1000; 50 where it is left out")),
    responses(
    (status = 200, description = "The entries", body = Found),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "A filter cannot be read", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The index or the log does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn search(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let query = read_or_refuse(&asked, &visitor)?;
    let words = super::words::of(visitor.language);
    let before = actions::cursor(&asked)
        .map_err(|_| Refusal::Invalid(format!("before: {}", words.bad_cursor)))?;
    let limit = match asked.given("limit").map(str::parse::<usize>) {
        None => actions::ON_A_PAGE,
        Some(Ok(limit)) if (1..=actions::MOST_AT_ONCE).contains(&limit) => limit,
        Some(_) => return Err(Refusal::Invalid("limit: 1–1000".to_owned())),
    };
    let page = actions::search(&admin, &visitor, &query, before, limit).await?;
    let entries = page.entries.iter().map(as_json).collect();
    let next = page.next.map(|next| next.to_string());
    Ok(json(StatusCode::OK, &Found { entries, next, looked_to: page.looked_to }))
}

/// One entry, or what a reference leads to, in words and with today's answer.
#[utoipa::path(get, path = "/api/v1/log/{id}", tag = "log",
    params(("id" = String, Path, description = "The entry's id, or a reference")), responses(
    (status = 200, description = "The entries", body = [Told]),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none in this organisation", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The index or the log does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn entry(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let found = actions::entries(&admin, &visitor, &id).await?;
    let told = |entry: &LogEntry| Told {
        entry: as_json(entry),
        steps: telling(&visitor).steps(&entry.event),
        today: today::explanation(&admin, &visitor, &entry.event),
    };
    let told: Vec<Told> = found.iter().map(told).collect();
    Ok(json(StatusCode::OK, &told))
}

/// How many entries match, counted by the hour, the day, the country, the site or the reason.
#[utoipa::path(get, path = "/api/v1/log/counts", tag = "log", params(
    ("by" = String, Query, pattern = "^(hour|day|country|site|reason)$", description = "`hour`, `day`, `country`, `site` or `reason`; the filters are those of the search")),
    responses(
    (status = 200, description = "The figures", body = [Count]),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "A filter cannot be read", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The index or the log does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn counts(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let query = read_or_refuse(&asked, &visitor)?;
    let by = match asked.text("by") {
        "hour" => By::Hour,
        "day" => By::Day,
        "country" => By::Country,
        "site" => By::Site,
        "reason" => By::Reason,
        _ => return Err(Refusal::Invalid("by: hour, day, country, site, reason".to_owned())),
    };
    actions::note(&admin, &visitor, "counts", &query).await?;
    let zone = &visitor.organization.time_zone;
    let counts = admin.store().log().counts(&query, by, zone).await?;
    let counts: Vec<Count> = counts
        .into_iter()
        .map(|one| Count { name: one.name, count: one.count, entries: one.entries })
        .collect();
    Ok(json(StatusCode::OK, &counts))
}

/// The log as a file. That it was taken is entered into the log.
#[utoipa::path(get, path = "/api/v1/log/export", tag = "log", params(
    ("form" = String, Query, pattern = "^(csv|jsonl)$", description = "`csv` or `jsonl`; the filters are those of the search")),
    responses(
    (status = 200, description = "The file: the search in its head, how many there were in its last line", content((String = "application/jsonl"), (String = "text/csv"))),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "A filter cannot be read", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The index or the log does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn exported(state: State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    if export::Form::from_word(asked.text("form")).is_none() {
        return Err(Refusal::Invalid("form: csv, jsonl".to_owned()));
    }
    pages::exported(state, visitor, asked).await
}
