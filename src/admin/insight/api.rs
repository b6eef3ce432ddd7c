//! Insight under `/api/v1/people`.

use axum::extract::{Path, State};
use http::StatusCode;
use serde::Serialize;

use super::actions::{self, OFFICERS};
use crate::admin::api::json;
use crate::admin::{Admin, Answer, Refusal, Right, Routes, Visitor};
use crate::policy::UserName;

pub(super) fn routes(routes: Routes) -> Routes {
    let officers = Right::Roles(OFFICERS);
    routes
        .get("/api/v1/people/{name}", officers, about)
        .delete("/api/v1/people/{name}", officers, forget)
        .get("/api/v1/retention", officers, retention)
}

/// What the API says of insight.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(about, forget, retention), components(schemas(Kept)))]
pub(in crate::admin) struct Documentation;

/// How long one class of entries is kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Kept {
    /// `allowed`, `denied`, `people`.
    class: &'static str,
    /// For how many days.
    days: u64,
    /// When something of it was last deleted.
    last_deletion: Option<String>,
    /// The entry of the log that proves it.
    entry: Option<String>,
}

/// Everything that is stored about a person. The look is entered into the log.
#[utoipa::path(get, path = "/api/v1/people/{name}", tag = "insight",
    params(("name" = String, Path, description = "The login name")),
    responses((status = 200, description = "What is stored, by where it is kept"), (status = 404, description = "That is no login name")))]
async fn about(State(admin): State<Admin>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let name = UserName::parse(&name).map_err(|_| Refusal::NotFound)?;
    let found = actions::about(&admin, &visitor, &name).await?;
    // Who stands in the log alone may stand there because of this very look.
    let mut elsewhere = found.sections.iter().filter(|section| section.id != "log");
    if elsewhere.all(|section| section.items.is_empty()) {
        return Err(Refusal::NotFound);
    }
    Ok(json(StatusCode::OK, &found))
}

/// Deletes what is stored about a person and may be deleted.
#[utoipa::path(delete, path = "/api/v1/people/{name}", tag = "insight",
    params(("name" = String, Path, description = "The login name")),
    responses((status = 200, description = "What went and what stays"), (status = 404, description = "That is no login name")))]
async fn forget(State(admin): State<Admin>, visitor: Visitor, Path(name): Path<String>) -> Answer {
    let name = UserName::parse(&name).map_err(|_| Refusal::NotFound)?;
    actions::is_known(&admin, &visitor, &name).await?;
    Ok(json(StatusCode::OK, &actions::forget(&admin, &visitor, &name).await?))
}

/// How long entries are kept, with the proof of the last deletion.
#[utoipa::path(get, path = "/api/v1/retention", tag = "insight",
    responses((status = 200, description = "Each class of entries", body = [Kept])))]
async fn retention(State(admin): State<Admin>) -> Answer {
    let kept = actions::retention(&admin).await?;
    let kept: Vec<Kept> = kept
        .into_iter()
        .map(|one| Kept {
            class: one.class,
            days: one.kept.as_secs() / 86_400,
            last_deletion: one.proof.as_ref().map(|proof| proof.at.to_string()),
            entry: one.proof.map(|proof| proof.entry),
        })
        .collect();
    Ok(json(StatusCode::OK, &kept))
}
