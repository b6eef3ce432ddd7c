//! The reviewer's questions, a page each.

use askama::Template;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};

use super::table::{Cell, Spans, Table};
use super::words::{self, Words};
use super::{REVIEWER, home, looked};
use crate::admin::access::{Looked, look};
use crate::admin::log::actions;
use crate::admin::log::pages::{filters, read_or_refuse, telling};
use crate::admin::log::told::{Telling, personal};
use crate::admin::{Admin, Answer, Asked, Fields, Place, Refusal, Visitor, shell};
use crate::audit::event::Field;
use crate::clock;
use crate::language::{Language, number};
use crate::log_review::{Reviewed, Standing};
use crate::store::log::{Because, LogEntry, ProbablyWrong, Surges};
use crate::territory::Country;

/// So many rows a view shows at most.
const MOST_ROWS: usize = 200;

struct Card {
    href: &'static str,
    title: &'static str,
    help: &'static str,
}

#[derive(Template)]
#[template(path = "review/questions.html")]
struct Questions {
    words: &'static Words,
    warning: Option<String>,
    cards: Vec<Card>,
}

/// The five questions.
pub(super) async fn questions(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let words = words::of(visitor.language);
    let mut cards = Vec::new();
    let mut card = |href, title, help| cards.push(Card { href, title, help });
    if visitor.has_any(REVIEWER) {
        card("/review/wrong", words.wrong, words.wrong_help);
        card("/review/surges", words.surges, words.surges_help);
        card("/review/odd", words.odd, words.odd_help);
    }
    card("/review/looked", words.looked, words.looked_help);
    card("/breach", words.breach, words.breach_help);
    card("/review/planned", words.planned, words.planned_help);
    let body = Questions { words, warning: overdue(&admin, &visitor).await?, cards };
    Ok(shell::frame(&visitor, Place::Log, words.title, &body))
}

async fn overdue(admin: &Admin, visitor: &Visitor) -> Result<Option<String>, Refusal> {
    let progress = reviewed(visitor).progress(admin.store(), clock::now()).await?;
    Ok(match progress.map(|progress| progress.standing) {
        Some(Standing::Overdue(period, due)) => {
            let (period, due) = super::planned::in_words(&period, due, visitor.language);
            Some(words::overdue(&period, &due, visitor.language))
        }
        _ => None,
    })
}

/// Whose log a visitor reviews.
pub(crate) fn reviewed(visitor: &Visitor) -> Reviewed<'_> {
    Reviewed { organization: visitor.organization_id(), zone: &visitor.organization.time_zone }
}

/// The span that a view shows, and its filter.
struct View {
    since: Timestamp,
    until: Timestamp,
    chosen: &'static str,
}

fn view(fields: &Fields, visitor: &Visitor) -> Result<View, Refusal> {
    let (chosen, days) = match fields.given("span") {
        Some("24h") => ("24h", 1),
        Some("7d") => ("7d", 7),
        None | Some("30d") => ("30d", 30),
        Some(_) => return Err(Refusal::Invalid(words::of(visitor.language).bad_span.to_owned())),
    };
    let until = clock::now();
    let since = until.checked_sub(SignedDuration::from_hours(24 * days)).unwrap_or(until);
    Ok(View { since, until, chosen })
}

impl View {
    fn spans(&self, action: &'static str, words: &Words) -> Spans {
        Spans {
            action,
            label: words.span,
            show: words.show,
            chosen: self.chosen,
            options: vec![("24h", words.span_24h), ("7d", words.span_7d), ("30d", words.span_30d)],
            about: None,
        }
    }
}

async fn note(admin: &Admin, visitor: &Visitor, view: &str, span: &View) -> Result<(), Refusal> {
    look(admin, visitor, Looked::Log, |event| {
        event.detail("view", view).detail("since", span.since).detail("until", span.until)
    })
    .await
}

/// Probably wrongly blocked.
pub(super) async fn wrong(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = words::of(visitor.language);
    let view = view(&asked, &visitor)?;
    note(&admin, &visitor, "probably_wrong", &view).await?;
    let found = admin
        .store()
        .log()
        .probably_wrong(
            &actions::own(&visitor),
            (view.since, view.until),
            &home::at_home(),
            MOST_ROWS,
        )
        .await?;
    let telling = telling(&visitor);
    let body = Table {
        help: words.wrong_help,
        spans: Some(view.spans("/review/wrong", words)),
        heads: vec![words.time, words.who, words.country, words.why],
        rows: found.iter().map(|one| doubtful(one, telling)).collect(),
        empty: words.wrong_none,
        next: None,
        back: words.back,
    };
    Ok(shell::frame(&visitor, Place::Log, words.wrong, &body))
}

fn doubtful(one: &ProbablyWrong, telling: Telling<'_>) -> Vec<Cell> {
    let event = &one.entry.event;
    let who = match personal(event, Field::UserName) {
        "" => personal(event, Field::ClientIp).to_owned(),
        name => name.to_owned(),
    };
    let because: Vec<String> =
        one.because.iter().map(|because| because_in_words(because, telling)).collect();
    vec![
        entry_link(&one.entry, telling),
        Cell::text(who),
        Cell::text(telling.place(event).unwrap_or_default()),
        Cell::text(because.join(" ")),
    ]
}

fn entry_link(entry: &LogEntry, telling: Telling<'_>) -> Cell {
    let event = &entry.event;
    Cell::link(telling.short(event.at), format!("/log/entry/{}", event.id))
}

fn because_in_words(because: &Because, telling: Telling<'_>) -> String {
    let danish = telling.language == Language::Danish;
    match because {
        Because::SignedInAtHome { at, country } => {
            let (at, place) = (telling.short(*at), country.name(telling.language));
            match danish {
                true => format!("Samme konto loggede ind fra {place} {at}."),
                false => format!("The same account signed in from {place} on {at}."),
            }
        }
        Because::DoubtfulNetwork { number } => match danish {
            true => format!("Nettet AS{number} placeres ofte i et forkert land."),
            false => format!("The network AS{number} is often placed in a wrong country."),
        },
        Because::OtherFamilyAtHome { at } => {
            let at = telling.short(*at);
            match danish {
                true => format!("Samme konto kom hjemmefra med den anden slags adresse {at}."),
                false => {
                    format!(
                        "The same account came from home with the other kind of address on {at}."
                    )
                }
            }
        }
        Because::RegisteredAtHome => match danish {
            true => "Nettet er registreret hjemme.".to_owned(),
            false => "The network is registered at home.".to_owned(),
        },
    }
}

/// Countries that grow.
pub(super) async fn surges(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = words::of(visitor.language);
    let view = view(&asked, &visitor)?;
    note(&admin, &visitor, "surges", &view).await?;
    let found = admin
        .store()
        .log()
        .surges(&actions::own(&visitor), (view.since, view.until), &Surges::default())
        .await?;
    let telling = telling(&visitor);
    let rows = found.iter().take(MOST_ROWS).map(|surge| {
        let until = surge.hour.checked_add(SignedDuration::from_hours(1)).unwrap_or(surge.hour);
        let country = Country::parse(&surge.country).ok();
        let query = Fields::default().query_with(&[
            ("country", &surge.country),
            ("since", &surge.hour.to_string()),
            ("until", &until.to_string()),
            ("verdict", "deny"),
        ]);
        vec![
            Cell::link(telling.short(surge.hour), format!("/log?{query}")),
            Cell::text(country.map_or_else(
                || words.unknown_place.to_owned(),
                |country| country.name(visitor.language).into_owned(),
            )),
            Cell::text(number(surge.count, visitor.language)),
            Cell::text(number(whole(surge.median), visitor.language)),
        ]
    });
    let body = Table {
        help: words.surges_help,
        spans: Some(view.spans("/review/surges", words)),
        heads: vec![words.time, words.country, words.rejections, words.usual],
        rows: rows.collect(),
        empty: words.surges_none,
        next: None,
        back: words.back,
    };
    Ok(shell::frame(&visitor, Place::Log, words.surges, &body))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a median of counts is neither negative nor beyond them"
)]
fn whole(median: f64) -> u64 {
    median.max(0.0).round() as u64
}

/// Exempt access that looks odd.
pub(super) async fn odd(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = words::of(visitor.language);
    let view = view(&asked, &visitor)?;
    look(&admin, &visitor, Looked::Travel, |event| event.detail("view", "odd_use")).await?;
    let found =
        admin.store().odd_use_between(&actions::own(&visitor), (view.since, view.until)).await?;
    let telling = telling(&visitor);
    let rows = found.iter().take(MOST_ROWS).map(|(_, exemption, flag)| {
        let query = Fields::default().query_with(&[("action", "odd_use"), ("span", "30d")]);
        vec![
            Cell::link(telling.short(flag.at), format!("/log?{query}")),
            Cell::text(exemption.as_str()),
            Cell::text(words::odd_use(flag.kind, visitor.language)),
            Cell::text(flag.detail.as_str()),
        ]
    });
    let body = Table {
        help: words.odd_help,
        spans: Some(view.spans("/review/odd", words)),
        heads: vec![words.time, words.exemption, words.what, words.why],
        rows: rows.collect(),
        empty: words.odd_none,
        next: None,
        back: words.back,
    };
    Ok(shell::frame(&visitor, Place::Log, words.odd, &body))
}

/// Who looked at whom.
pub(super) async fn looked(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = words::of(visitor.language);
    let view = view(&asked, &visitor)?;
    let fields =
        Fields::read(Fields::default().query_with(&[("user", asked.text("user"))]).as_bytes());
    let query = read_or_refuse(&fields, &visitor)?.between(view.since, view.until);
    let before = actions::cursor(&asked)?;
    actions::note(&admin, &visitor, "who_looked", &query).await?;
    let page = admin.store().log().who_looked(&query, before, actions::ON_A_PAGE).await?;
    let telling = telling(&visitor);
    let mut spans = view.spans("/review/looked", words);
    spans.about = Some((words.about, asked.text("user").to_owned()));
    let may_read = visitor.has_any(REVIEWER);
    let rows = page.entries.iter().map(|entry| {
        let event = &entry.event;
        let when =
            if may_read { entry_link(entry, telling) } else { Cell::text(telling.short(event.at)) };
        vec![
            when,
            Cell::text(personal(event, Field::UserName)),
            Cell::text(personal(event, Field::UserTarget)),
            Cell::text(looked::in_words(event, &visitor.organization.time_zone, visitor.language)),
        ]
    });
    let query = filters(&asked);
    let body = Table {
        help: words.looked_help,
        spans: Some(spans),
        heads: vec![words.time, words.who, words.whom, words.what],
        rows: rows.collect(),
        empty: words.looked_none,
        next: page.next.map(|next| {
            let next = next.to_string();
            (words.older, Fields::read(query.as_bytes()).query_with(&[("before", &next)]))
        }),
        back: words.back,
    };
    Ok(shell::frame(&visitor, Place::Log, words.looked, &body))
}
