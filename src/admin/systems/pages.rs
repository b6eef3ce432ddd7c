//! The register's pages.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::actions::{self, KEEPERS, Typed, Unchanged};
use super::api;
use super::words::{self, Words};
use crate::admin::fault::Faults;
use crate::admin::{Admin, Answer, Asked, Place, Refusal, Right, Routes, Sent, Visitor, shell};
use crate::language::{self, Language};
use crate::store::{OutsideSystem, RuleInPlace};

pub(in crate::admin) fn routes(routes: Routes) -> Routes {
    let keepers = Right::Roles(KEEPERS);
    let routes = routes
        .get("/systems", Right::STAFF, list)
        .get("/systems/new", keepers, new)
        .post("/systems/new", keepers, record)
        .get("/systems/{id}", Right::STAFF, one)
        .get("/systems/{id}/change", keepers, change)
        .post("/systems/{id}/change", keepers, changed)
        .post("/systems/{id}/remove", keepers, remove);
    api::routes(routes)
}

struct Row {
    id: String,
    name: String,
    operator: String,
    rule: &'static str,
    class: &'static str,
    checked: String,
}

#[derive(Template)]
#[template(path = "systems/list.html")]
struct List {
    words: &'static Words,
    lead: Option<String>,
    rows: Vec<Row>,
    keeper: bool,
    done: Option<&'static str>,
}

async fn list(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = Words::of(visitor.language);
    let all = actions::all(&admin, &visitor).await?;
    let without = all.iter().filter(|one| one.facts.rule != RuleInPlace::Yes).count();
    let page = List {
        words,
        lead: (!all.is_empty()).then(|| words::lead(all.len(), without, visitor.language)),
        rows: all.iter().map(|one| row(one, words, visitor.language)).collect(),
        keeper: visitor.has_any(KEEPERS),
        done: (asked.text("done") == "removed").then_some(words.removed),
    };
    Ok(shell::frame(&visitor, Place::System, words.title, &page))
}

fn row(one: &OutsideSystem, words: &Words, language: Language) -> Row {
    let day = one.facts.checked_on.map(|day| language::date(day, language));
    Row {
        id: one.id.clone(),
        name: one.facts.name.clone(),
        operator: one.facts.operator.clone(),
        rule: words::rule(one.facts.rule, language),
        class: words::class(one.facts.rule),
        checked: match (day, &one.facts.checked_by) {
            (Some(day), Some(who)) => format!("{day}, {who}"),
            (Some(day), None) => day,
            (None, _) => words.never.to_owned(),
        },
    }
}

struct Told {
    when: String,
    what: String,
    rule: &'static str,
}

#[derive(Template)]
#[template(path = "systems/one.html")]
struct One<'a> {
    words: &'static Words,
    row: Row,
    note: String,
    history: Vec<Told>,
    keeper: bool,
    removed: bool,
    revision: i64,
    csrf: &'a str,
    done: bool,
}

async fn one(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let (system, history) = actions::one(&admin, &visitor, &id).await?;
    let zone = &visitor.organization.time_zone;
    let told = |change: &crate::store::SystemChange| Told {
        when: language::instant(change.at, zone, language),
        what: words::by(words::action(change.action, language), &change.by, language),
        rule: words::rule(change.facts.rule, language),
    };
    let page = One {
        words,
        row: row(&system, words, language),
        note: system.facts.note.clone(),
        history: history.iter().rev().map(told).collect(),
        keeper: visitor.has_any(KEEPERS) && !system.removed,
        removed: system.removed,
        revision: system.revision,
        csrf: &visitor.csrf,
        done: asked.text("done") == "saved",
    };
    Ok(shell::frame(&visitor, Place::System, &system.facts.name, &page))
}

#[derive(Template)]
#[template(path = "systems/form.html")]
struct Form<'a> {
    words: &'static Words,
    typed: &'a Typed,
    rules: Vec<(&'static str, &'static str)>,
    faults: &'a Faults,
    csrf: &'a str,
    revision: Option<i64>,
    today: String,
}

fn form(
    visitor: &Visitor,
    typed: &Typed,
    faults: &Faults,
    revision: Option<i64>,
) -> axum::response::Response {
    let words = Words::of(visitor.language);
    let rules = RuleInPlace::ALL.iter();
    let page = Form {
        words,
        typed,
        rules: rules.map(|one| (one.word(), words::rule(*one, visitor.language))).collect(),
        faults,
        csrf: &visitor.csrf,
        revision,
        today: actions::today(visitor).to_string(),
    };
    let title = if revision.is_some() { words.change } else { words.add };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    shell::frame_with(status, visitor, Place::System, title, &page)
}

async fn new(visitor: Visitor) -> Answer {
    let typed = Typed { rule: RuleInPlace::Unknown.word().to_owned(), ..Typed::default() };
    Ok(form(&visitor, &typed, &Faults::default(), None))
}

async fn record(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let typed = Typed::of(&sent);
    match actions::record(&admin, &visitor, &typed).await {
        Ok(id) => Ok(shell::see(&format!("/systems/{id}?done=saved"))),
        Err(Unchanged::Faults(faults)) => Ok(form(&visitor, &typed, &faults, None)),
        Err(Unchanged::Refusal(refusal)) => Err(refusal),
    }
}

async fn change(State(admin): State<Admin>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let (system, _) = actions::one(&admin, &visitor, &id).await?;
    if system.removed {
        return Err(Refusal::NotFound);
    }
    let typed = Typed::from_facts(&system.facts);
    Ok(form(&visitor, &typed, &Faults::default(), Some(system.revision)))
}

async fn changed(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    actions::one(&admin, &visitor, &id).await?;
    let (typed, revision) = (Typed::of(&sent), revision(&sent)?);
    match actions::change(&admin, &visitor, (&id, revision), &typed).await {
        Ok(()) => Ok(shell::see(&format!("/systems/{id}?done=saved"))),
        Err(Unchanged::Faults(faults)) => Ok(form(&visitor, &typed, &faults, Some(revision))),
        Err(Unchanged::Refusal(refusal)) => Err(refusal),
    }
}

async fn remove(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    actions::one(&admin, &visitor, &id).await?;
    match actions::remove(&admin, &visitor, (&id, revision(&sent)?)).await {
        Ok(()) => Ok(shell::see("/systems?done=removed")),
        Err(Unchanged::Faults(faults)) => Err(Refusal::Invalid(faults.sentence())),
        Err(Unchanged::Refusal(refusal)) => Err(refusal),
    }
}

/// Which revision the form was made of.
fn revision(sent: &Sent) -> Result<i64, Refusal> {
    sent.text("revision").parse().map_err(|_| Refusal::PreconditionFailed)
}
