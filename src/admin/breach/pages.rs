//! The pages of the breach file.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::words::{self, Words};
use super::{actions, evidence};
use crate::admin::access::{Looked, look};
use crate::admin::fault::{Fault, Faults};
use crate::admin::log::form::time_field;
use crate::admin::log::pages::telling;
use crate::admin::review::REVIEWER;
use crate::admin::{Admin, Answer, Fields, Place, Sent, Visitor, shell};
use crate::clock;
use crate::language::number;
use crate::log_review::{Clock, deadline};
use crate::store::Breach;

struct Row {
    id: String,
    title: String,
    clock: String,
    class: &'static str,
    discovered: String,
}

/// A field of a form: what it is called, what was typed, what is wrong.
struct Field {
    name: &'static str,
    label: &'static str,
    help: Option<&'static str>,
    wrong: Option<String>,
    value: String,
    /// `text`, `datetime-local`, or `long` for several lines.
    kind: &'static str,
}

impl Field {
    fn described(&self) -> Option<String> {
        let help = self.help.map(|_| format!("h-{}", self.name));
        let wrong = self.wrong.as_ref().map(|_| format!("e-{}", self.name));
        let described: Vec<String> = help.into_iter().chain(wrong).collect();
        (!described.is_empty()).then(|| described.join(" "))
    }
}

#[derive(Template)]
#[template(path = "breach/list.html")]
struct List<'a> {
    words: &'static Words,
    csrf: &'a str,
    problems: &'a [Fault],
    rows: Vec<Row>,
    form: String,
}

#[derive(Template)]
#[template(path = "breach/fields.html")]
struct Form<'a> {
    fields: &'a [Field],
}

fn state(breach: &Breach, visitor: &Visitor) -> (String, &'static str) {
    let clock = Clock::at(breach.discovered, breach.reported, clock::now());
    let class = match clock {
        Clock::Running(_) => "attention",
        Clock::Reported(_) => "allowed",
        Clock::RunOut(_) | Clock::ReportedLate(_) => "rejected",
    };
    (words::clock(clock, visitor.language), class)
}

/// A field as it was typed, with what is wrong at it.
fn field(
    (name, kind): (&'static str, &'static str),
    label: &'static str,
    help: Option<&'static str>,
    (visitor, typed, faults): (&Visitor, &Fields, &Faults),
) -> Field {
    let typed = typed.exact(name);
    let (kind, value) = match kind {
        "datetime-local" => time_field(typed, &visitor.organization.time_zone),
        kind => (kind, typed.to_owned()),
    };
    Field { name, label, help, wrong: faults.at(name).map(str::to_owned), value, kind }
}

/// Every file, and the form for a new one.
pub(super) async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    listed(&admin, &visitor, &Fields::default(), &Faults::default()).await
}

async fn listed(admin: &Admin, visitor: &Visitor, typed: &Fields, faults: &Faults) -> Answer {
    let words = words::of(visitor.language);
    let breaches = admin.store().breaches(visitor.organization_id()).await?;
    let telling = telling(visitor);
    let rows = breaches.iter().map(|breach| {
        let (clock, class) = state(breach, visitor);
        let (id, title) = (breach.id.clone(), breach.title.clone());
        Row { id, title, clock, class, discovered: telling.instant(breach.discovered) }
    });
    let field =
        |name, label, help, kind| field((name, kind), label, help, (visitor, typed, faults));
    let fields = [
        field("title", words.name, Some(words.name_help), "text"),
        field("occurred_from", words.occurred_from, Some(words.time_help), "datetime-local"),
        field("occurred_until", words.occurred_until, None, "datetime-local"),
        field("discovered", words.discovered, None, "datetime-local"),
        field("persons", words.persons, Some(words.persons_help), "long"),
    ];
    let body = List {
        words,
        csrf: &visitor.csrf,
        problems: &faults.0,
        rows: rows.collect(),
        form: if visitor.has_any(REVIEWER) {
            Form { fields: &fields }.render()?
        } else {
            String::new()
        },
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell::frame_with(status, visitor, Place::Log, words.title, &body))
}

/// Opens a file.
pub(super) async fn open(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    match actions::check(&sent, &visitor, clock::now()) {
        Ok(checked) => {
            let id = actions::open(&admin, &visitor, &checked).await?;
            Ok(shell::see(&format!("/breach/{id}")))
        }
        Err(faults) => listed(&admin, &visitor, &sent, &faults).await,
    }
}

struct Note {
    when: String,
    by: String,
    text: String,
}

#[derive(Template)]
#[template(path = "breach/one.html")]
struct One<'a> {
    words: &'static Words,
    csrf: &'a str,
    id: &'a str,
    problems: &'a [Fault],
    clock: String,
    class: &'static str,
    facts: Vec<(&'static str, String)>,
    persons: &'a [String],
    notes: Vec<Note>,
    may_change: bool,
    may_export: bool,
    log_query: String,
    report: Option<String>,
    note: String,
    add_persons: String,
}

/// One file.
pub(super) async fn one(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    shown(&admin, &visitor, &id, &Fields::default(), &Faults::default()).await
}

async fn shown(
    admin: &Admin,
    visitor: &Visitor,
    id: &str,
    typed: &Fields,
    faults: &Faults,
) -> Answer {
    let breach = actions::one(admin, visitor, id).await?;
    look(admin, visitor, Looked::Log, |event| {
        event.detail("view", "breach").detail("breach", &breach.id)
    })
    .await?;
    let words = words::of(visitor.language);
    let telling = telling(visitor);
    let zone = &visitor.organization.time_zone;
    let entries = actions::entries(admin, visitor.organization_id(), zone, &breach).await?;
    let (clock, class) = state(&breach, visitor);
    let mut facts = vec![
        (words.occurred_from, telling.instant(breach.occurred_from)),
        (words.occurred_until, telling.instant(breach.occurred_until)),
        (words.discovered, telling.instant(breach.discovered)),
        (words.deadline, telling.instant(deadline(breach.discovered))),
        (words.entries, number(entries, visitor.language)),
        (words.opened_by, format!("{}, {}", breach.created_by, telling.instant(breach.created))),
    ];
    if let Some(reported) = breach.reported {
        facts.push((words.reported, telling.instant(reported)));
    }
    let form = |field: Field| Form { fields: &[field] }.render();
    let field =
        |name, label, help, kind| field((name, kind), label, help, (visitor, typed, faults));
    let may_change = visitor.has_any(REVIEWER);
    let body = One {
        words,
        csrf: &visitor.csrf,
        id: &breach.id,
        problems: &faults.0,
        clock,
        class,
        facts,
        persons: &breach.persons,
        notes: breach
            .notes
            .iter()
            .map(|note| Note {
                when: telling.instant(note.at),
                by: note.by.clone(),
                text: note.text.clone(),
            })
            .collect(),
        may_change,
        may_export: may_change,
        log_query: Fields::default().query_with(&[
            ("since", &breach.occurred_from.to_string()),
            ("until", &breach.occurred_until.to_string()),
        ]),
        report: match breach.reported {
            None => Some(form(field(
                "reported",
                words.reported_at,
                Some(words.time_help),
                "datetime-local",
            ))?),
            Some(_) => None,
        },
        note: form(field("note", words.note, Some(words.note_help), "long"))?,
        add_persons: form(field("persons", words.persons, None, "long"))?,
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell::frame_with(status, visitor, Place::Log, &breach.title, &body))
}

/// Adds to a file.
pub(super) async fn change(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    match actions::change(&admin, &visitor, &id, &sent).await? {
        Ok(()) => Ok(shell::see(&format!("/breach/{id}"))),
        Err(faults) => shown(&admin, &visitor, &id, &sent, &faults).await,
    }
}

/// The evidence. A form and no link: it is written to the log, and nothing follows a form by itself.
pub(super) async fn export(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    evidence::send(&admin, &visitor, &id).await
}
