//! The list under `/api/v1/lists`.

use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::actions::{self, Standing};
use super::forecast::{SEERS, forecast};
use super::letters::{Prepared, letter};
use super::pages::READERS;
use super::tools;
use crate::admin::api::{Body, json as answer};
use crate::admin::{Admin, Answer, Refusal, Right, Routes, Visitor};
use crate::lists::{self, Row, rows};
use crate::policy::ListVersion;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/api/v1/lists", READERS, all)
        .get("/api/v1/lists/{list}", READERS, one)
        .get("/api/v1/lists/{list}/forecast", Right::Roles(SEERS), concerned)
        .post("/api/v1/lists/{list}/compare", READERS, compare)
        .post("/api/v1/lists/read", READERS, read)
}

/// What the API says of the list.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(all, one, concerned, compare, read), components(schemas(Text)))]
pub(in crate::admin) struct Documentation;

#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    name: String,
    minimum_notice_days: u16,
    in_force: Option<String>,
    announced: Option<String>,
    /// When a stricter version that is announced now could start.
    earliest_start: String,
    added: Vec<Row>,
    removed: Vec<Row>,
    waiting: Vec<String>,
    versions: Vec<Version>,
}

#[derive(Debug, Serialize)]
struct Version {
    version: String,
    source: String,
    adopted_by: String,
    adopted_on: String,
    announced_on: String,
    effective_from: String,
    /// Of one that is still to come: from when it may start.
    earliest_start: Option<String>,
    first_seen: Option<String>,
    notice_days: Option<u16>,
    territories: Vec<Row>,
}

/// A text that somebody pasted.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    /// The text.
    text: String,
    /// Of several named locations: which.
    #[serde(default)]
    name: Option<String>,
}

fn shown(standing: &Standing) -> Shown {
    let change = standing.change().unwrap_or_default();
    Shown {
        id: standing.list.id().to_string(),
        name: standing.list.name().to_owned(),
        minimum_notice_days: standing.list.minimum_notice_days(),
        in_force: standing.in_force().map(|version| version.version.clone()),
        announced: standing.announced().map(|version| version.version.clone()),
        earliest_start: standing.earliest_from_now().to_string(),
        added: rows(&change.added),
        removed: rows(&change.removed),
        waiting: standing.waiting.iter().map(ToString::to_string).collect(),
        versions: standing.list.versions().iter().map(|one| version(standing, one)).collect(),
    }
}

fn version(standing: &Standing, version: &ListVersion) -> Version {
    let notice = standing.notices.iter().find(|notice| notice.version == version.version);
    Version {
        version: version.version.clone(),
        source: version.source.clone(),
        adopted_by: version.adopted_by.clone(),
        adopted_on: version.adopted_on.to_string(),
        announced_on: version.announced_on.to_string(),
        effective_from: version.effective_from.to_string(),
        earliest_start: notice.map(|notice| notice.earliest.to_string()),
        first_seen: notice.map(|notice| notice.first_seen.to_string()),
        notice_days: notice.map(|notice| notice.notice_days),
        territories: rows(&version.territories.to_vec()),
    }
}

/// The lists that the organisation's systems are under.
#[utoipa::path(get, path = "/api/v1/lists", tag = "lists",
    responses((status = 200, description = "Each list with its versions and what the announcement lock says")))]
async fn all(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let all = actions::standings(&admin, &visitor).await?;
    Ok(answer(StatusCode::OK, &all.iter().map(shown).collect::<Vec<_>>()))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/lists/{list}", tag = "lists",
    params(("list" = String, Path, description = "Its name")),
    responses((status = 200, description = "The list"), (status = 404, description = "There is none")))]
async fn one(State(admin): State<Admin>, visitor: Visitor, Path(list): Path<String>) -> Answer {
    let (standing, _) = actions::standing(&admin, &visitor, Some(&list)).await?;
    Ok(answer(StatusCode::OK, &shown(&standing)))
}

#[derive(Debug, Serialize)]
struct Concerned {
    name: String,
    display_name: Option<String>,
    seen: Vec<serde_json::Value>,
    exemptions: Vec<String>,
    applications: Vec<String>,
    letter: Prepared,
}

/// Who, among those that were seen, is rejected when the announced version starts. The look is
/// entered into the log.
#[utoipa::path(get, path = "/api/v1/lists/{list}/forecast", tag = "lists",
    params(("list" = String, Path, description = "Its name")),
    responses((status = 200, description = "Everybody by name, with a letter to each"), (status = 404, description = "There is no such list, or nothing is announced")))]
async fn concerned(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(list): Path<String>,
) -> Answer {
    let (standing, _) = actions::standing(&admin, &visitor, Some(&list)).await?;
    let found = forecast(&admin, &visitor, &standing).await?.ok_or(Refusal::NotFound)?;
    let from = found.from.unwrap_or(standing.now);
    let people: Vec<Concerned> = found
        .people
        .iter()
        .map(|one| Concerned {
            name: one.name.clone(),
            display_name: one.display_name.clone(),
            seen: one
                .seen
                .iter()
                .map(|seen| {
                    json!({ "territory": seen.territory, "site": seen.site,
                        "last": seen.last.to_string(), "reason": seen.reason })
                })
                .collect(),
            exemptions: one.exemptions.iter().map(ToString::to_string).collect(),
            applications: one.waiting.iter().map(ToString::to_string).collect(),
            letter: letter(one, from, &visitor.organization),
        })
        .collect();
    let body = json!({ "version": found.version, "effective_from": from.to_string(),
        "added": rows(&found.added), "complete": found.complete, "people": people });
    Ok(answer(StatusCode::OK, &body))
}

/// Holds another list against the version in force.
#[utoipa::path(post, path = "/api/v1/lists/{list}/compare", tag = "lists", request_body = Text,
    params(("list" = String, Path, description = "Our list")),
    responses((status = 200, description = "What differs"), (status = 422, description = "It cannot be read as a list")))]
async fn compare(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(list): Path<String>,
    body: Result<Body<Text>, Refusal>,
) -> Answer {
    let (standing, _) = actions::standing(&admin, &visitor, Some(&list)).await?;
    let Body(text) = body?;
    let (other, difference) =
        tools::difference(&standing, &text.text, text.name.as_deref(), &visitor)
            .map_err(|faults| Refusal::Invalid(faults.sentence()))?;
    let version = standing.version(None)?;
    let ours = format!("list {} version {}", standing.list.id(), version.version);
    Ok(answer(StatusCode::OK, &difference.report(&ours, &other)))
}

/// Reads a pasted list.
#[utoipa::path(post, path = "/api/v1/lists/read", tag = "lists", request_body = Text,
    responses((status = 200, description = "What was known and what was not, with the nearest"), (status = 422, description = "It is too long")))]
async fn read(Body(text): Body<Text>) -> Answer {
    let pieces = lists::read(&text.text).map_err(|error| Refusal::Invalid(error.to_string()))?;
    Ok(answer(StatusCode::OK, &lists::report(&pieces)))
}
