//! The pages of insight and deletion.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::actions::{self, OFFICERS};
use super::words::{self, Words};
use super::{api, reveal};
use crate::admin::fault::{Fault, Faults};
use crate::admin::list::file;
use crate::admin::{Admin, Answer, Asked, Place, Refusal, Right, Routes, Sent, Visitor, shell};
use crate::insight::Insight;
use crate::language::{self, Language};
use crate::policy::UserName;

pub(in crate::admin) fn routes(routes: Routes) -> Routes {
    let officers = Right::Roles(OFFICERS);
    let routes = routes
        .get("/insight", officers, first)
        .get("/insight/person", officers, person)
        .get("/insight/person/{name}/file/{form}", officers, person_file)
        .post("/insight/person/forget", officers, forget);
    api::routes(reveal::routes(routes))
}

struct Kept {
    class: &'static str,
    kept: String,
    proof: Option<String>,
    entry: Option<String>,
}

#[derive(Template)]
#[template(path = "insight/page.html")]
struct First<'a> {
    words: &'static Words,
    name: &'a str,
    faults: &'a Faults,
    kept: Vec<Kept>,
    pseudonymised_after: String,
}

async fn first(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    start(&admin, &visitor, "", &Faults::default()).await
}

async fn start(admin: &Admin, visitor: &Visitor, name: &str, faults: &Faults) -> Answer {
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let zone = &visitor.organization.time_zone;
    let kept = actions::retention(admin).await?;
    let kept = kept.into_iter().map(|one| Kept {
        class: words::class(one.class, language),
        kept: language::duration(one.kept, language),
        proof: one.proof.as_ref().map(|proof| {
            let at = language::instant(proof.at, zone, language);
            let until = proof
                .until
                .map(|until| language::date(until.to_zoned(zone.clone()).date(), language));
            words::deletion(&at, proof.entries.as_deref(), until.as_deref(), language)
        }),
        entry: one.proof.map(|proof| proof.entry),
    });
    let after = admin.loaded().config.audit.pseudonymise_after;
    let page = First {
        words,
        name,
        faults,
        kept: kept.collect(),
        pseudonymised_after: language::duration(after, language),
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(shell::frame_with(status, visitor, Place::System, words.title, &page))
}

struct Section {
    title: String,
    items: Vec<Vec<(String, String)>>,
}

#[derive(Template)]
#[template(path = "insight/person.html")]
struct Person<'a> {
    words: &'static Words,
    name: String,
    sections: Vec<Section>,
    cut: bool,
    csrf: &'a str,
}

async fn person(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    if asked.given("name").is_none() {
        return start(&admin, &visitor, "", &Faults::default()).await;
    }
    let Ok(name) = UserName::parse(asked.text("name")) else {
        let text = match visitor.language {
            Language::Danish => "Skriv et brugernavn.",
            Language::English => "Write a user name.",
        };
        let faults = Faults(vec![Fault::new("name", text)]);
        return start(&admin, &visitor, asked.text("name"), &faults).await;
    };
    let found = actions::about(&admin, &visitor, &name).await?;
    let page = shown(&found, &visitor);
    Ok(shell::frame(&visitor, Place::System, name.as_str(), &page))
}

fn shown<'a>(found: &Insight, visitor: &'a Visitor) -> Person<'a> {
    let sections = found.sections.iter().map(|section| Section {
        title: words::section(section.id, visitor.language),
        items: section.items.iter().map(|item| item.0.clone()).collect(),
    });
    Person {
        words: Words::of(visitor.language),
        name: found.name.clone(),
        sections: sections.collect(),
        cut: found.log_is_cut,
        csrf: &visitor.csrf,
    }
}

async fn person_file(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((name, form)): Path<(String, String)>,
) -> Answer {
    let name = UserName::parse(&name).map_err(|_| Refusal::NotFound)?;
    if !["json", "txt"].contains(&form.as_str()) {
        return Err(Refusal::NotFound);
    }
    let found = actions::about(&admin, &visitor, &name).await?;
    if form == "json" {
        let json = serde_json::to_string_pretty(&found).map_err(|error| Refusal::fault(&error))?;
        return Ok(file("application/json", &format!("{name}.json"), json));
    }
    Ok(file("text/plain; charset=utf-8", &format!("{name}.txt"), found.to_text()))
}

#[derive(Template)]
#[template(path = "insight/forgotten.html")]
struct Gone {
    words: &'static Words,
    removed: Vec<(String, u64)>,
    kept: Vec<(String, &'static str)>,
}

async fn forget(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let name = UserName::parse(sent.text("name")).map_err(|_| Refusal::NotFound)?;
    let gone = actions::forget(&admin, &visitor, &name).await?;
    let (language, words) = (visitor.language, Words::of(visitor.language));
    let page = Gone {
        words,
        removed: gone
            .removed
            .iter()
            .map(|(id, count)| (words::section(id, language), *count))
            .collect(),
        kept: gone
            .kept
            .iter()
            .map(|(id, why)| (words::section(id, language), words::stays(why, language)))
            .collect(),
    };
    let title = format!("{}: {name}", words.forgotten);
    Ok(shell::frame(&visitor, Place::System, &title, &page))
}
