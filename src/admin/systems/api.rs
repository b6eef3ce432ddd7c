//! The register under `/api/v1/systems`.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::actions::{self, KEEPERS, Typed, Unchanged};
use crate::admin::api::{Body, json};
use crate::admin::{Admin, Answer, Refusal, Right, Routes, Visitor};
use crate::store::{OutsideSystem, SystemChange, SystemFacts};

pub(super) fn routes(routes: Routes) -> Routes {
    let keepers = Right::Roles(KEEPERS);
    routes
        .get("/api/v1/systems", Right::STAFF, list)
        .post("/api/v1/systems", keepers, record)
        .get("/api/v1/systems/{id}", Right::STAFF, one)
        .put("/api/v1/systems/{id}", keepers, change)
        .delete("/api/v1/systems/{id}", keepers, remove)
}

/// What the API says of the register.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(list, record, one, change, remove), components(schemas(System, NewSystem, Change)))]
pub(in crate::admin) struct Documentation;

/// One system outside the gateway.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct System {
    /// Its number.
    id: String,
    /// Its name.
    name: String,
    /// Who runs it.
    operator: String,
    /// Whether the rule is in place: `yes`, `no`, `unknown`.
    rule: &'static str,
    /// When that was looked at.
    checked_on: Option<String>,
    /// Who looked.
    checked_by: Option<String>,
    /// What else is to be known.
    note: String,
    /// Grows with each change; `ETag` says the same.
    revision: i64,
    /// Whether it was taken out of the register.
    removed: bool,
    /// What was done to it, oldest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    history: Vec<Change>,
}

/// One change of a system.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = SystemChange)]
struct Change {
    /// Which change it was.
    revision: i64,
    /// `recorded`, `changed`, `removed`.
    action: &'static str,
    /// When.
    at: String,
    /// By whom.
    by: String,
    /// Whether the rule was in place afterwards.
    rule: &'static str,
}

/// What is to be kept of a system.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSystem {
    /// Its name.
    name: String,
    /// Who runs it.
    operator: String,
    /// Whether the rule is in place: `yes`, `no`, `unknown`.
    #[schema(pattern = "^(yes|no|unknown)$")]
    rule: String,
    /// When that was looked at, as `2026-11-22`.
    #[serde(default)]
    checked_on: Option<String>,
    /// Who looked.
    #[serde(default)]
    checked_by: Option<String>,
    /// What else is to be known.
    #[serde(default)]
    note: String,
}

impl NewSystem {
    fn typed(&self) -> Typed {
        let text = |text: &str| text.trim().to_owned();
        Typed {
            name: text(&self.name),
            operator: text(&self.operator),
            rule: text(&self.rule),
            checked_on: text(self.checked_on.as_deref().unwrap_or_default()),
            checked_by: text(self.checked_by.as_deref().unwrap_or_default()),
            note: text(&self.note),
        }
    }
}

fn shown(system: &OutsideSystem, history: &[SystemChange]) -> System {
    let SystemFacts { name, operator, rule, checked_on, checked_by, note } = system.facts.clone();
    System {
        id: system.id.clone(),
        name,
        operator,
        rule: rule.word(),
        checked_on: checked_on.map(|day| day.to_string()),
        checked_by,
        note,
        revision: system.revision,
        removed: system.removed,
        history: history
            .iter()
            .map(|change| Change {
                revision: change.revision,
                action: change.action.word(),
                at: change.at.to_string(),
                by: change.by.clone(),
                rule: change.facts.rule.word(),
            })
            .collect(),
    }
}

/// The register.
#[utoipa::path(get, path = "/api/v1/systems", tag = "systems",
    responses((status = 200, description = "Every system, by name", body = [System])))]
async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let all = actions::all(&admin, &visitor).await?;
    let all: Vec<System> = all.iter().map(|system| shown(system, &[])).collect();
    Ok(json(StatusCode::OK, &all))
}

/// One system with its history.
#[utoipa::path(get, path = "/api/v1/systems/{id}", tag = "systems",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "The system", body = System), (status = 404, description = "There is none")))]
async fn one(State(admin): State<Admin>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let (system, history) = actions::one(&admin, &visitor, &id).await?;
    Ok(tagged(StatusCode::OK, &shown(&system, &history)))
}

/// Enters a system.
#[utoipa::path(post, path = "/api/v1/systems", tag = "systems", request_body = NewSystem,
    responses((status = 201, description = "It is in the register", body = System), (status = 422, description = "It does not fit")))]
async fn record(
    State(admin): State<Admin>,
    visitor: Visitor,
    Body(new): Body<NewSystem>,
) -> Answer {
    let id = actions::record(&admin, &visitor, &new.typed()).await.map_err(refusal)?;
    let (system, history) = actions::one(&admin, &visitor, &id).await?;
    let mut response = tagged(StatusCode::CREATED, &shown(&system, &history));
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/systems/{id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Says something else of a system.
#[utoipa::path(put, path = "/api/v1/systems/{id}", tag = "systems", request_body = NewSystem,
    params(("id" = String, Path, description = "Its number"),
           ("If-Match" = String, Header, description = "The `ETag` of the system as it was seen")),
    responses((status = 200, description = "It was changed", body = System), (status = 404, description = "There is none"),
              (status = 412, description = "It has changed meanwhile"), (status = 422, description = "It does not fit")))]
async fn change(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Body<NewSystem>, Refusal>,
) -> Answer {
    actions::one(&admin, &visitor, &id).await?;
    let Body(new) = body?;
    let which = (id.as_str(), seen(&headers)?);
    actions::change(&admin, &visitor, which, &new.typed()).await.map_err(refusal)?;
    let (system, history) = actions::one(&admin, &visitor, &id).await?;
    Ok(tagged(StatusCode::OK, &shown(&system, &history)))
}

/// Takes a system out of the register.
#[utoipa::path(delete, path = "/api/v1/systems/{id}", tag = "systems",
    params(("id" = String, Path, description = "Its number"),
           ("If-Match" = String, Header, description = "The `ETag` of the system as it was seen")),
    responses((status = 204, description = "It is out"), (status = 404, description = "There is none"),
              (status = 412, description = "It has changed meanwhile")))]
async fn remove(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    actions::one(&admin, &visitor, &id).await?;
    let which = (id.as_str(), seen(&headers)?);
    actions::remove(&admin, &visitor, which).await.map_err(refusal)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn tagged(status: StatusCode, system: &System) -> Response {
    let mut response = json(status, system);
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{}\"", system.revision)) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Which revision the caller saw.
fn seen(headers: &HeaderMap) -> Result<i64, Refusal> {
    let tag = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    tag.and_then(|tag| tag.trim().trim_matches('"').parse().ok()).ok_or(Refusal::PreconditionFailed)
}

fn refusal(unchanged: Unchanged) -> Refusal {
    match unchanged {
        Unchanged::Refusal(refusal) => refusal,
        Unchanged::Faults(faults) => Refusal::Invalid(faults.sentence()),
    }
}
