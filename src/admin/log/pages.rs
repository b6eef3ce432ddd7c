//! The log's pages.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::query::FieldError;
use super::reasons::pick;
use super::told::{Line, Telling, personal};
use super::words::{self, Words};
use super::{READER, actions, charts, export, form};
use crate::admin::chart::Chart;
use crate::admin::{Admin, Answer, Asked, Fields, Place, Refusal, Sent, Visitor, shell};
use crate::audit::event::Field;
use crate::clock;
use crate::store::log::{LogEntry, LogQuery};
use crate::store::{SaveError, SavedSearch};

/// The longest name of a saved search.
const LONGEST_NAME: usize = 60;
/// The longest search that is saved.
const LONGEST_QUERY: usize = 2000;

#[derive(Template)]
#[template(path = "log/rows.html")]
pub(crate) struct Rows {
    pub(crate) words: &'static Words,
    pub(crate) lines: Vec<Line>,
    pub(crate) empty: &'static str,
    pub(crate) empty_help: Option<&'static str>,
    /// Where more come from.
    pub(crate) live: Option<String>,
}

#[derive(Template)]
#[template(path = "log/list.html")]
struct List<'a> {
    words: &'static Words,
    csrf: &'a str,
    found: String,
    form: String,
    rows: String,
    query: String,
    csv_query: String,
    jsonl_query: String,
    first_page: Option<String>,
    next_page: Option<String>,
    next_name: &'static str,
    saved: Vec<SavedSearch>,
    save_name: &'a str,
    save_wrong: Option<&'static str>,
}

/// How a visitor is told of entries.
pub(crate) fn telling(visitor: &Visitor) -> Telling<'_> {
    Telling { zone: &visitor.organization.time_zone, language: visitor.language }
}

/// The filters of the address, without the place in the list and the language.
pub(crate) fn filters(fields: &Fields) -> String {
    fields.query_with(&[("before", ""), ("sprog", ""), ("form", "")])
}

/// Newest first. Whoever may not search the log is shown what there is for them.
pub(super) async fn list(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    if !visitor.has_any(READER) {
        return Ok(shell::see("/review"));
    }
    listed(&admin, &visitor, &asked, ("", None)).await
}

async fn listed(
    admin: &Admin,
    visitor: &Visitor,
    fields: &Fields,
    (save_name, save_wrong): (&str, Option<&'static str>),
) -> Answer {
    let words = words::of(visitor.language);
    let read = actions::read(fields, visitor).and_then(|query| {
        let unknown = |_| vec![FieldError { field: "before", text: words.bad_cursor.to_owned() }];
        Ok((query, actions::cursor(fields).map_err(unknown)?))
    });
    let (page, problems, status) = match read {
        Ok((query, before)) => {
            let page = actions::search(admin, visitor, &query, before, actions::ON_A_PAGE).await?;
            (page, Vec::new(), StatusCode::OK)
        }
        Err(problems) => {
            (crate::store::log::Page::default(), problems, StatusCode::UNPROCESSABLE_ENTITY)
        }
    };
    let telling = telling(visitor);
    let lines: Vec<Line> = page.entries.iter().map(|entry| telling.line(entry)).collect();
    let next = page.next.map(|next| next.to_string());
    let looked_to = page.looked_to.map(|at| telling.short(at));
    let (found, next_name, empty) = match &looked_to {
        Some(at) => {
            let found = words::looked_to(page.entries.len(), at, visitor.language);
            (found, words.go_on, words.none_so_far)
        }
        None => {
            let found = words::found(page.entries.len(), next.is_some(), visitor.language);
            (found, words.older, words.none_found)
        }
    };
    let empty_help = looked_to.is_none().then_some(words.none_found_help);
    let rows = Rows { words, lines, empty, empty_help, live: None };
    let query = filters(fields);
    let body = List {
        words,
        csrf: &visitor.csrf,
        found,
        form: form::render(&admin.loaded().config, visitor, ("/log", fields, &problems))?,
        rows: if problems.is_empty() { rows.render()? } else { String::new() },
        csv_query: fields.query_with(&[("before", ""), ("form", "csv")]),
        jsonl_query: fields.query_with(&[("before", ""), ("form", "jsonl")]),
        first_page: fields.given("before").map(|_| query.clone()),
        next_page: next.map(|next| fields.query_with(&[("before", &next)])),
        next_name,
        query,
        saved: admin.store().saved_searches(visitor.organization_id(), &visitor.person).await?,
        save_name,
        save_wrong,
    };
    let status = if save_wrong.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    Ok(shell::frame_with(status, visitor, Place::Log, words.title, &body))
}

/// Keeps a search under a name.
pub(super) async fn save(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let words = words::of(visitor.language);
    let query = sent.text("query");
    let fields = Fields::read(query.as_bytes());
    let name = sent.text("name");
    let good = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && !name.chars().any(char::is_control)
        && query.len() <= LONGEST_QUERY;
    if !good {
        return listed(&admin, &visitor, &fields, (name, Some(words.bad_save_name))).await;
    }
    let kept = fields.query_with(&[("before", ""), ("sprog", "")]);
    let saved = admin.store().save_search(
        visitor.organization_id(),
        &visitor.person,
        (name, &kept),
        clock::now(),
    );
    match saved.await {
        Ok(()) => Ok(shell::see(&format!("/log?{kept}"))),
        Err(SaveError::TooMany) => {
            listed(&admin, &visitor, &fields, (name, Some(words.too_many_saved))).await
        }
        Err(SaveError::Store(error)) => Err(error.into()),
    }
}

/// Forgets one of one's own searches.
pub(super) async fn forget(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let organization = visitor.organization_id();
    match admin.store().forget_search(organization, &visitor.person, &id).await? {
        true => Ok(shell::see("/log")),
        false => Err(Refusal::NotFound),
    }
}

#[derive(Template)]
#[template(path = "log/charts.html")]
struct Charts {
    words: &'static Words,
    form: String,
    charts: Vec<Chart>,
    query: String,
}

/// Rejections over time and by country.
pub(super) async fn drawn(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = words::of(visitor.language);
    let (charts, problems, status) = match actions::read(&asked, &visitor) {
        Ok(query) => {
            actions::note(&admin, &visitor, "charts", &query).await?;
            (charts::charts(&admin, &visitor, &query, &asked).await?, Vec::new(), StatusCode::OK)
        }
        Err(problems) => (Vec::new(), problems, StatusCode::UNPROCESSABLE_ENTITY),
    };
    let body = Charts {
        words,
        form: form::render(&admin.loaded().config, &visitor, ("/log/charts", &asked, &problems))?,
        charts,
        query: filters(&asked),
    };
    Ok(shell::frame_with(status, &visitor, Place::Log, words.charts, &body))
}

/// The log as a file.
pub(super) async fn exported(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let form = export::Form::from_word(asked.text("form")).ok_or(Refusal::NotFound)?;
    match actions::read(&asked, &visitor) {
        Ok(query) => export::export(&admin, &visitor, query, form).await,
        Err(problems) => Err(Refusal::Invalid(joined(&problems))),
    }
}

/// Every problem in one text.
pub(crate) fn joined(problems: &[FieldError]) -> String {
    let told = problems.iter().map(|problem| format!("{}: {}", problem.field, problem.text));
    told.collect::<Vec<_>>().join(" ")
}

#[derive(Template)]
#[template(path = "log/live.html")]
struct Live {
    words: &'static Words,
    rows: String,
    query: String,
}

/// The newest entries; a script makes them follow by themselves.
pub(super) async fn live(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = words::of(visitor.language);
    let query = read_or_refuse(&asked, &visitor)?;
    let page = actions::search(&admin, &visitor, &query, None, actions::ON_A_PAGE).await?;
    let telling = telling(&visitor);
    let newest = page.entries.first().map(|entry| entry.cursor.to_string()).unwrap_or_default();
    let rows = Rows {
        words,
        lines: page.entries.iter().map(|entry| telling.line(entry)).collect(),
        empty: words.live_empty,
        empty_help: None,
        live: Some(format!(
            "/log/live/events?{}",
            asked.query_with(&[("before", ""), ("after", &newest)])
        )),
    };
    let body = Live { words, rows: rows.render()?, query: filters(&asked) };
    Ok(shell::frame(&visitor, Place::Log, words.live, &body))
}

/// Where a page has no form to show the problems at.
pub(crate) fn read_or_refuse(fields: &Fields, visitor: &Visitor) -> Result<LogQuery, Refusal> {
    actions::read(fields, visitor).map_err(|problems| Refusal::Invalid(joined(&problems)))
}

#[derive(Template)]
#[template(path = "log/entry.html")]
struct Entries {
    words: &'static Words,
    entries: Vec<Shown>,
    back: Option<&'static str>,
}

/// One entry, whole.
struct Shown {
    line: Line,
    steps: Vec<String>,
    today: Option<super::today::Today>,
    facts: Vec<super::told::Fact>,
    /// Fields that had a value which was removed.
    removed: Vec<String>,
    json: String,
    links: Vec<(String, &'static str)>,
}

/// One entry by its id.
pub(super) async fn entry(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let id: uuid::Uuid = id.parse().map_err(|_| Refusal::NotFound)?;
    let found = actions::entries(&admin, &visitor, &id.to_string()).await?;
    shown(&admin, &visitor, &found)
}

/// What a reference leads to: for whoever is told one over the telephone.
pub(super) async fn find(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let Some(typed) = asked.given("reference") else {
        // Nothing was typed: whoever searches the log does so there.
        return Ok(shell::see(if visitor.has_any(READER) { "/log" } else { "/" }));
    };
    let reference = crate::audit::Reference::parse(typed)
        .map_err(|_| Refusal::Invalid(words::of(visitor.language).bad_reference.to_owned()))?;
    let found = actions::entries(&admin, &visitor, &reference.to_string()).await?;
    shown(&admin, &visitor, &found)
}

fn shown(admin: &Admin, visitor: &Visitor, found: &[LogEntry]) -> Answer {
    let words = words::of(visitor.language);
    let telling = telling(visitor);
    let reads = visitor.has_any(READER);
    let entries = found.iter().map(|entry| Shown {
        line: telling.line(entry),
        steps: telling.steps(&entry.event),
        today: super::today::today(admin, visitor, &entry.event),
        facts: telling.facts(entry),
        removed: super::removed::fields(&entry.line),
        json: super::removed::pretty(&entry.line),
        links: if reads { links(entry, words) } else { Vec::new() },
    });
    let body = Entries { words, entries: entries.collect(), back: reads.then_some("/log") };
    let title = match found {
        [one, ..] => {
            pick(visitor.language, "Post fra ", "Entry of ").to_owned()
                + &telling.short(one.event.at)
        }
        [] => words.title.to_owned(),
    };
    Ok(shell::frame(visitor, Place::Log, &title, &body))
}

/// Where one goes on from an entry.
fn links(entry: &LogEntry, words: &Words) -> Vec<(String, &'static str)> {
    let event = &entry.event;
    let link = |name: &str, value: &str| {
        format!("/log?{}", Fields::default().query_with(&[("span", "30d"), (name, value)]))
    };
    let mut links = Vec::new();
    for (field, name, text) in [
        (Field::UserName, "user", words.this_person),
        (Field::ClientIp, "client", words.this_address),
    ] {
        let value = personal(event, field);
        if !value.is_empty() {
            links.push((link(name, value), text));
        }
    }
    if let Some(territory) = super::told::territory(event) {
        links.push((link("country", &territory.to_string()), words.this_country));
    }
    links
}
