//! The pages of orders.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;
use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::actions::{self, Known, OFFICERS};
use super::api;
use super::words::{self, Words};
use crate::admin::fault::Faults;
use crate::admin::{Admin, Answer, Asked, Fields, Place, Right, Routes, Sent, Visitor, shell};
use crate::audit::order::Why;
use crate::language;
use crate::store::{About, ErasureOrder, ErasurePart, ErasureWish, PartState};

/// What is carried from the form to the question whether the order is to be given.
const TYPED: [&str; 7] = ["what", "about", "persons", "since", "until", "why", "case"];

pub(in crate::admin) fn routes(routes: Routes) -> Routes {
    let officers = Right::Roles(OFFICERS);
    let routes = routes
        .get("/insight/orders", officers, list)
        .post("/insight/orders", officers, give)
        .get("/insight/orders/new", officers, new)
        .post("/insight/orders/new", officers, preview)
        .get("/insight/orders/{id}", officers, one);
    api::routes(routes)
}

/// How one order is told, whoever gave it.
struct Told {
    given: String,
    what: &'static str,
    about: String,
    by: String,
    why: String,
    case: Option<String>,
    span: String,
    entries: String,
    state: &'static str,
    class: &'static str,
}

fn what(removes: bool, words: &'static Words) -> &'static str {
    if removes { words.remove } else { words.pseudonymise }
}

fn about(about: &About, words: &'static Words) -> String {
    match about {
        About::Everybody => words.everybody.to_owned(),
        About::Person(names) => names.join(", "),
        About::Forgotten => words.one_person.to_owned(),
    }
}

fn span((since, before): (Option<Timestamp>, Option<Timestamp>), visitor: &Visitor) -> String {
    let (zone, language) = (&visitor.organization.time_zone, visitor.language);
    let told = |at: Option<Timestamp>| at.map(|at| language::instant(at, zone, language));
    words::span(told(since).as_deref(), told(before).as_deref(), language)
}

fn told(known: &Known, visitor: &Visitor) -> Told {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let instant = |at| language::instant(at, &visitor.organization.time_zone, language);
    match known {
        Known::Given(order) => {
            let (state, class) = state(order, words);
            let wish = &order.wish;
            Told {
                given: instant(order.given),
                what: what(wish.removes, words),
                about: about(&wish.about, words),
                by: order.by.name.clone(),
                why: words::why(&wish.why, language),
                case: wish.case.clone(),
                span: span((wish.since, wish.before), visitor),
                entries: language::number(order.entries(), language),
                state,
                class,
            }
        }
        Known::Recorded(order) => Told {
            given: instant(order.at),
            what: what(order.removes, words),
            about: if order.one_person { words.one_person } else { words.everybody }.to_owned(),
            by: order.by.clone().unwrap_or_else(|| words.rule.to_owned()),
            why: words::why(&order.why, language),
            case: order.case.clone(),
            span: span((order.since, order.before), visitor),
            entries: language::number(order.entries, language),
            state: words.done,
            class: words::class(PartState::Done),
        },
    }
}

fn state(order: &ErasureOrder, words: &'static Words) -> (&'static str, &'static str) {
    let state = order.state();
    let refused = order.parts.iter().any(|part| part.refused > 0);
    match state {
        PartState::Done if refused => (words.done_partly, "attention"),
        _ if order.parts.iter().any(|part| part.problem.is_some()) && state != PartState::Done => {
            (words.problem, "rejected")
        }
        _ => (words.state(state), words::class(state)),
    }
}

struct Row {
    id: Uuid,
    given: String,
    what: &'static str,
    about: String,
    by: String,
    why: String,
    case: Option<String>,
    entries: String,
    state: &'static str,
    class: &'static str,
}

#[derive(Template)]
#[template(path = "erasure/list.html")]
struct List {
    words: &'static Words,
    rows: Vec<Row>,
    cut: bool,
}

async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let words = Words::of(visitor.language);
    let (known, cut) = actions::all(&admin, &visitor).await?;
    let rows = known.iter().map(|known| {
        let Told { given, what, about, by, why, case, entries, state, class, .. } =
            told(known, &visitor);
        Row { id: known.id(), given, what, about, by, why, case, entries, state, class }
    });
    let page = List { words, rows: rows.collect(), cut };
    Ok(shell::frame(&visitor, Place::System, words.title, &page))
}

struct Day {
    name: &'static str,
    label: &'static str,
    kind: &'static str,
}

#[derive(Template)]
#[template(path = "erasure/new.html")]
struct New<'a> {
    words: &'static Words,
    csrf: &'a str,
    typed: &'a Fields,
    faults: &'a Faults,
    days: [Day; 2],
    reasons: Vec<(&'static str, String)>,
}

/// The form; from insight with a person's name in it.
async fn new(visitor: Visitor, asked: Asked) -> Answer {
    Ok(form(&visitor, &asked, &Faults::default()))
}

fn form(visitor: &Visitor, typed: &Fields, faults: &Faults) -> axum::response::Response {
    let words = Words::of(visitor.language);
    let day = |name, label| {
        // A browser shows nothing of what is no day.
        let is_day = typed.given(name).is_none_or(|text| text.parse::<Date>().is_ok());
        Day { name, label, kind: if is_day { "date" } else { "text" } }
    };
    let reasons = Why::GIVEN.map(|why| (why.word(), words::why(why.word(), visitor.language)));
    let page = New {
        words,
        csrf: &visitor.csrf,
        typed,
        faults,
        days: [day("since", words.since), day("until", words.until)],
        reasons: reasons.into(),
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    shell::frame_with(status, visitor, Place::System, words.new_title, &page)
}

#[derive(Template)]
#[template(path = "erasure/preview.html")]
struct Preview<'a> {
    words: &'static Words,
    csrf: &'a str,
    count: String,
    cut_short: bool,
    facts: Vec<(&'static str, String)>,
    removes: bool,
    number: Uuid,
    typed: Vec<(&'static str, &'a str)>,
    again: String,
    missing: bool,
}

async fn preview(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    match actions::check(&sent, &visitor) {
        Ok(wish) => question(&admin, &visitor, &sent, &wish, Uuid::now_v7(), false).await,
        Err(faults) => Ok(form(&visitor, &sent, &faults)),
    }
}

/// What the order would change, and whether it is to be given.
async fn question(
    admin: &Admin,
    visitor: &Visitor,
    typed: &Fields,
    wish: &ErasureWish,
    number: Uuid,
    missing: bool,
) -> Answer {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let forecast = actions::forecast(admin, visitor, wish).await?;
    let mut facts = vec![
        (words.order, what(wish.removes, words).to_owned()),
        (words.about, about(&wish.about, words)),
        (words.span, span((wish.since, wish.before), visitor)),
        (words.why, words::why(&wish.why, language)),
    ];
    facts.extend(wish.case.clone().map(|case| (words.case, case)));
    let carried = TYPED.map(|name| (name, typed.exact(name)));
    let page = Preview {
        words,
        csrf: &visitor.csrf,
        count: words::would_change(forecast.entries, forecast.segments, language),
        cut_short: forecast.cut_short,
        facts,
        removes: wish.removes,
        number,
        typed: carried.into(),
        again: Fields::default().query_with(&carried),
        missing,
    };
    let status = if missing { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(shell::frame_with(status, visitor, Place::System, words.preview_title, &page))
}

async fn give(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let wish = match actions::check(&sent, &visitor) {
        Ok(wish) => wish,
        Err(faults) => return Ok(form(&visitor, &sent, &faults)),
    };
    // The name that the question gave it: sent twice, it is one order.
    let number = sent.text("number").parse::<Uuid>().ok();
    match number {
        Some(number) if sent.text("sure") == "yes" => {
            actions::give(&admin, &visitor, number, &wish).await?;
            Ok(shell::see(&format!("/insight/orders/{number}?done=given")))
        }
        other => {
            let number = other.unwrap_or_else(Uuid::now_v7);
            question(&admin, &visitor, &sent, &wish, number, true).await
        }
    }
}

struct Part {
    node: String,
    state: &'static str,
    class: &'static str,
    problem: Option<String>,
    files: String,
    entries: String,
    changed: String,
}

#[derive(Template)]
#[template(path = "erasure/one.html")]
struct One {
    words: &'static Words,
    id: Uuid,
    receipt: bool,
    state: &'static str,
    class: &'static str,
    facts: Vec<(&'static str, String)>,
    notes: Vec<&'static str>,
    parts: Vec<Part>,
    under_way: bool,
}

async fn one(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    asked: Asked,
) -> Answer {
    let words = Words::of(visitor.language);
    let known = actions::one(&admin, &visitor, &id).await?;
    let told = told(&known, &visitor);
    let mut facts = vec![
        (words.given, told.given),
        (words.by, told.by),
        (words.order, told.what.to_owned()),
        (words.about, told.about),
        (words.span, told.span),
        (words.why, told.why),
    ];
    facts.extend(told.case.map(|case| (words.case, case)));
    facts.push((words.entries, told.entries));
    facts.push((words.number, known.id().to_string()));
    let (parts, notes, under_way) = match &known {
        Known::Given(order) => {
            let hosts = actions::hosts(&admin).await?;
            let parts = order.parts.iter().map(|one| part(one, &hosts, &visitor)).collect();
            let forgotten = (order.wish.about == About::Forgotten).then_some(words.forgotten);
            (parts, forgotten.into_iter().collect(), order.state() != PartState::Done)
        }
        Known::Recorded(order) => {
            let of_all = (!order.of_organization).then_some(words.all_organizations);
            (Vec::new(), of_all.into_iter().collect(), false)
        }
    };
    let page = One {
        words,
        id: known.id(),
        receipt: asked.text("done") == "given",
        state: told.state,
        class: told.class,
        facts,
        notes,
        parts,
        under_way,
    };
    Ok(shell::frame(&visitor, Place::System, words.order, &page))
}

fn part(part: &ErasurePart, hosts: &[(String, String)], visitor: &Visitor) -> Part {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let host = hosts.iter().find(|(log, host)| *log == part.log && !host.is_empty());
    let (state, class) = match (part.state, &part.problem) {
        (PartState::Done, _) if part.refused > 0 => (words.done_partly, "attention"),
        (PartState::Done, _) | (_, None) => (words.state(part.state), words::class(part.state)),
        (_, Some(_)) => (words.problem, "rejected"),
    };
    Part {
        node: host.map_or_else(|| part.log.chars().take(8).collect(), |(_, host)| host.clone()),
        state,
        class,
        problem: part.problem.clone(),
        files: words::of(part.looked_at, part.segments, language),
        entries: language::number(part.entries, language),
        changed: language::instant(part.changed, &visitor.organization.time_zone, language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Language::{Danish, English};

    #[test]
    fn every_reason_and_state_is_said_in_both_languages() {
        for why in Why::GIVEN.map(Why::word).into_iter().chain([Why::Age.word()]) {
            assert_ne!(words::why(why, Danish), words::why(why, English));
            assert_ne!(words::why(why, English), why);
        }
        for state in PartState::ALL {
            let (danish, english) = (Words::of(Danish), Words::of(English));
            assert_ne!(danish.state(*state), english.state(*state));
        }
    }
}
