//! Breach files under `/api/v1/breaches`, by the same functions as their pages.

use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{actions, evidence};
use crate::admin::access::{Looked, look};
use crate::admin::api::{Body, Problem, json};
use crate::admin::{Admin, Answer, Fields, Refusal, Visitor};
use crate::clock;
use crate::log_review::deadline;
use crate::store::Breach;

#[derive(OpenApi)]
#[openapi(
    paths(list, open, one, change, export),
    components(schemas(Shown, Note, New, Change, Opened))
)]
pub(in crate::admin) struct Documentation;

/// A breach file.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BreachFile)]
struct Shown {
    id: String,
    title: String,
    occurred_from: String,
    occurred_until: String,
    discovered: String,
    /// 72 hours after that.
    deadline: String,
    reported: Option<String>,
    persons: Vec<String>,
    notes: Vec<Note>,
}

/// Something that was written down.
#[derive(Debug, Serialize, ToSchema)]
struct Note {
    at: String,
    by: String,
    text: String,
}

/// A breach file to open.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBreachFile)]
pub(super) struct New {
    /// At most 120 characters.
    title: String,
    /// An instant, or a day or a time in the organisation's zone.
    occurred_from: String,
    occurred_until: String,
    discovered: String,
    /// Login names; none: everybody in the span.
    #[serde(default)]
    persons: Vec<String>,
}

/// What is added; one of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[schema(as = BreachAddition)]
pub(super) enum Change {
    /// Something to write down, at most 4,000 characters.
    Note(String),
    /// More login names.
    Persons(Vec<String>),
    /// When it was reported.
    Reported(String),
}

#[derive(Debug, Serialize, ToSchema)]
struct Opened {
    id: String,
}

fn shown(breach: Breach) -> Shown {
    Shown {
        id: breach.id,
        title: breach.title,
        occurred_from: breach.occurred_from.to_string(),
        occurred_until: breach.occurred_until.to_string(),
        discovered: breach.discovered.to_string(),
        deadline: deadline(breach.discovered).to_string(),
        reported: breach.reported.map(|at| at.to_string()),
        persons: breach.persons,
        notes: breach
            .notes
            .into_iter()
            .map(|note| Note { at: note.at.to_string(), by: note.by, text: note.text })
            .collect(),
    }
}

/// Every breach file, the latest first, without persons and notes.
#[utoipa::path(get, path = "/api/v1/breaches", tag = "breaches", responses(
    (status = 200, description = "The files", body = [Shown]),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let breaches = admin.store().breaches(visitor.organization_id()).await?;
    let breaches: Vec<Shown> = breaches.into_iter().map(shown).collect();
    Ok(json(StatusCode::OK, &breaches))
}

/// Opens a breach file.
#[utoipa::path(post, path = "/api/v1/breaches", tag = "breaches", request_body = New, responses(
    (status = 201, description = "It is open", body = Opened),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Something does not fit", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn open(
    State(admin): State<Admin>,
    visitor: Visitor,
    Body(new): Body<New>,
) -> Answer {
    let persons = new.persons.join("\n");
    let fields = Fields::default().query_with(&[
        ("title", &new.title),
        ("occurred_from", &new.occurred_from),
        ("occurred_until", &new.occurred_until),
        ("discovered", &new.discovered),
        ("persons", &persons),
    ]);
    let fields = Fields::read(fields.as_bytes());
    let checked = actions::check(&fields, &visitor, clock::now())
        .map_err(|faults| Refusal::Invalid(faults.sentence()))?;
    let id = actions::open(&admin, &visitor, &checked).await?;
    Ok(json(StatusCode::CREATED, &Opened { id }))
}

/// One breach file. Reading it is entered into the log.
#[utoipa::path(get, path = "/api/v1/breaches/{id}", tag = "breaches",
    params(("id" = String, Path, description = "The file's id")), responses(
    (status = 200, description = "The file", body = Shown),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none in this organisation", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store or the log does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn one(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let breach = actions::one(&admin, &visitor, &id).await?;
    look(&admin, &visitor, Looked::Log, |event| {
        event.detail("view", "breach").detail("breach", &breach.id)
    })
    .await?;
    Ok(json(StatusCode::OK, &shown(breach)))
}

/// Adds to a breach file.
#[utoipa::path(patch, path = "/api/v1/breaches/{id}", tag = "breaches",
    params(("id" = String, Path, description = "The file's id")), request_body = Change, responses(
    (status = 200, description = "The file as it is now", body = Shown),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none in this organisation", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It was reported before", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Something does not fit", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store or the log does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn change(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    body: Result<Body<Change>, Refusal>,
) -> Answer {
    actions::one(&admin, &visitor, &id).await?;
    let Body(change) = body?;
    let (what, text) = match change {
        Change::Note(text) => ("note", text),
        Change::Persons(names) => ("persons", names.join("\n")),
        Change::Reported(at) => ("reported", at),
    };
    let fields = Fields::default().query_with(&[("what", what), (what, &text)]);
    let fields = Fields::read(fields.as_bytes());
    actions::change(&admin, &visitor, &id, &fields)
        .await?
        .map_err(|faults| Refusal::Invalid(faults.sentence()))?;
    Ok(json(StatusCode::OK, &shown(actions::one(&admin, &visitor, &id).await?)))
}

/// The evidence as one signed archive. That it was taken is entered into the log.
#[utoipa::path(post, path = "/api/v1/breaches/{id}/evidence", tag = "breaches",
    params(("id" = String, Path, description = "The file's id")), responses(
    (status = 200, description = "The archive", content_type = "application/x-tar"),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none in this organisation", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It cannot be made now", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store or the log does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn export(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    evidence::send(&admin, &visitor, &id).await
}
