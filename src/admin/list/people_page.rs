//! The forecast by name, with the letters.

use askama::Template;
use axum::extract::State;

use super::actions;
use super::forecast::{self, Concerned, SEERS, forecast};
use super::letters::{Prepared, letter};
use super::words::{self, Words};
use crate::admin::{Admin, Answer, Asked, Place, Right, Routes, Visitor, shell};
use crate::language;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/list/forecast", Right::Roles(SEERS), page)
}

struct Seen {
    place: String,
    site: String,
    last: String,
}

struct One {
    name: String,
    login: Option<String>,
    seen: Vec<Seen>,
    exemptions: Vec<String>,
    waiting: Vec<String>,
    letter: Prepared,
}

#[derive(Template)]
#[template(path = "list/forecast.html")]
struct Page {
    words: &'static Words,
    list: String,
    lead: String,
    change: Option<String>,
    looked_back: String,
    complete: bool,
    people: Vec<One>,
    notices: bool,
    travel: bool,
}

async fn page(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let zone = &visitor.organization.time_zone;
    let (standing, _) = actions::standing(&admin, &visitor, asked.given("list")).await?;
    let Some(found) = forecast(&admin, &visitor, &standing).await? else {
        let empty = super::tools::Empty { text: words.nothing_announced };
        return Ok(shell::frame(&visitor, Place::List, words.forecast, &empty));
    };
    let from = found.from.unwrap_or(standing.now);
    let shown_from = words::when(from, zone, language);
    let one = |one: &Concerned| One {
        name: one.display_name.clone().unwrap_or_else(|| one.name.clone()),
        login: one.display_name.as_ref().map(|_| one.name.clone()),
        seen: one
            .seen
            .iter()
            .map(|sighting| Seen {
                place: sighting.territory.name(language).into_owned(),
                site: sighting.site.clone(),
                last: language::instant(sighting.last, zone, language),
            })
            .collect(),
        exemptions: one.exemptions.iter().map(ToString::to_string).collect(),
        waiting: one.waiting.iter().map(ToString::to_string).collect(),
        letter: letter(one, from, &visitor.organization),
    };
    let loaded = admin.loaded();
    let notices = loaded.config.notices.as_ref();
    let page = Page {
        words,
        list: standing.list.id().to_string(),
        lead: match found.people.len() {
            0 => words.nobody.to_owned(),
            many => words::concerned(many, &shown_from, language),
        },
        change: standing.change().map(|change| words::change(&change, language)),
        looked_back: words::looked_back(forecast::LOOK_BACK.as_hours() / 24, language),
        complete: found.complete,
        people: found.people.iter().map(one).collect(),
        notices: notices.is_some_and(|n| n.sender(visitor.organization_id()).is_some()),
        travel: visitor.has_any(crate::admin::overview::TRAVEL),
    };
    Ok(shell::frame(&visitor, Place::List, words.forecast, &page))
}
