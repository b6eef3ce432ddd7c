//! The list's first page, and one version.

use askama::Template;
use axum::extract::{Path, State};

use super::actions::{self, Standing};
use super::words::{self, State as Stands, Words};
use super::{api, forecast, people_page, tools};
use crate::admin::{Admin, Answer, Asked, Place, Refusal, Right, Routes, Visitor, shell};
use crate::config::Role;
use crate::language::{self, Language};
use crate::policy::ListVersion;
use crate::territory::Territory;

/// Everybody with a role, and the operators of the centre: no people stand here.
pub(super) const READERS: Right = Right::RolesOrCentre(&Role::ALL);

pub(in crate::admin) fn routes(routes: Routes) -> Routes {
    let routes =
        routes.get("/list", READERS, list).get("/list/{list}/versions/{version}", READERS, version);
    let routes = people_page::routes(routes);
    let routes = tools::routes(routes);
    api::routes(routes)
}

struct Row {
    code: String,
    name: String,
}

fn rows(version: &ListVersion, language: Language) -> Vec<Row> {
    let mut all: Vec<Territory> = version.territories.to_vec();
    crate::territory::sort_by_name(&mut all, language);
    all.iter().map(|t| Row { code: t.to_string(), name: t.name(language).into_owned() }).collect()
}

struct Shown {
    version: String,
    from: String,
    source: String,
    adopted: String,
    announced_on: String,
    early: Option<String>,
    change: Option<String>,
    rows: Vec<Row>,
}

struct Line {
    version: String,
    from: String,
    entries: usize,
    state: &'static str,
}

#[derive(Template)]
#[template(path = "list/page.html")]
struct Page {
    words: &'static Words,
    list: String,
    name: String,
    lead: String,
    /// Where nobody is rejected by it.
    reporting: Option<String>,
    in_force: Option<Shown>,
    announced: Option<Shown>,
    lock: Vec<String>,
    versions: Vec<Line>,
    others: Vec<String>,
    sees_people: bool,
    asks: bool,
    formats: Vec<(&'static str, &'static str)>,
}

async fn list(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let words = Words::of(visitor.language);
    let standing = match actions::standing(&admin, &visitor, asked.given("list")).await {
        Ok(standing) => standing,
        Err(Refusal::NotFound) if asked.given("list").is_none() => {
            let empty = super::tools::Empty { text: words.no_list };
            return Ok(shell::frame(&visitor, Place::List, words.title, &empty));
        }
        Err(refusal) => return Err(refusal),
    };
    let (standing, names) = standing;
    let page = page(&standing, &names, &visitor, words);
    Ok(shell::frame(&visitor, Place::List, words.title, &page))
}

fn page(
    standing: &Standing,
    names: &[crate::identifier::ListId],
    visitor: &Visitor,
    words: &'static Words,
) -> Page {
    let (language, zone) = (visitor.language, &visitor.organization.time_zone);
    let (in_force, announced) = (standing.in_force(), standing.announced());
    let from = announced.map(|next| words::when(next.effective_from, zone, language));
    let mut lock: Vec<String> = Vec::new();
    for notice in &standing.notices {
        let version = standing.list.versions().iter().find(|one| one.version == notice.version);
        if let Some(version) = version {
            let days = (version.announced_on, version.effective_from);
            lock.push(words::notice(notice, days, zone, language));
        }
    }
    for wait in &standing.waiting {
        lock.push(words::waiting(wait, &words::when(wait.from, zone, language), language));
    }
    let earliest = language::instant(standing.earliest_from_now(), zone, language);
    lock.push(words::from_now(standing.list.minimum_notice_days(), &earliest, language));
    let state = |version: &ListVersion| match in_force {
        _ if version.effective_from > standing.now => Stands::Announced,
        Some(now) if now.version == version.version => Stands::InForce,
        _ => Stands::Over,
    };
    Page {
        words,
        list: standing.list.id().to_string(),
        name: standing.list.name().to_owned(),
        lead: words::lead(in_force.map(|v| v.territories.len()), from.as_deref(), language),
        reporting: words::reporting(&standing.reporting, language),
        in_force: in_force.map(|version| shown(standing, version, visitor)),
        announced: announced.map(|version| shown(standing, version, visitor)),
        lock,
        versions: standing
            .list
            .versions()
            .iter()
            .rev()
            .map(|version| Line {
                version: version.version.clone(),
                from: words::when(version.effective_from, zone, language),
                entries: version.territories.len(),
                state: words::state(state(version), language),
            })
            .collect(),
        others: names
            .iter()
            .filter(|name| *name != standing.list.id())
            .map(ToString::to_string)
            .collect(),
        sees_people: visitor.has_any(forecast::SEERS),
        asks: visitor.has_any(crate::admin::would::ASKERS),
        formats: crate::lists::FORMATS
            .iter()
            .map(|one| (one.word(), words::format(one.word(), language)))
            .collect(),
    }
}

fn shown(standing: &Standing, version: &ListVersion, visitor: &Visitor) -> Shown {
    let (language, zone) = (visitor.language, &visitor.organization.time_zone);
    let adopted_on = language::date(version.adopted_on, language);
    Shown {
        version: version.version.clone(),
        from: words::when(version.effective_from, zone, language),
        source: version.source.clone(),
        adopted: words::adopted(&adopted_on, &version.adopted_by, language),
        announced_on: language::date(version.announced_on, language),
        early: version
            .early_start
            .as_ref()
            .map(|early| words::early(&early.reason, &early.approved_by, language)),
        change: standing.change_of(version).map(|change| words::change(&change, language)),
        rows: rows(version, language),
    }
}

#[derive(Template)]
#[template(path = "list/version.html")]
struct VersionPage {
    words: &'static Words,
    list: String,
    shown: Shown,
    formats: Vec<(&'static str, &'static str)>,
}

async fn version(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((list, version)): Path<(String, String)>,
) -> Answer {
    let words = Words::of(visitor.language);
    let (standing, _) = actions::standing(&admin, &visitor, Some(&list)).await?;
    let version = standing.version(Some(&version))?;
    let title = words::ours(standing.list.name(), &version.version, visitor.language);
    let page = VersionPage {
        words,
        list,
        shown: shown(&standing, version, &visitor),
        formats: crate::lists::FORMATS
            .iter()
            .map(|one| (one.word(), words::format(one.word(), visitor.language)))
            .collect(),
    };
    Ok(shell::frame(&visitor, Place::List, &title, &page))
}
