//! The report under `/api/v1/report`.

use axum::extract::State;
use http::StatusCode;

use super::pages::{quarter, report};
use crate::admin::api::json;
use crate::admin::{Admin, Answer, Asked, Right, Routes, Visitor};
use crate::clock;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/report", Right::STAFF, figures)
}

/// What the API says of the report.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(figures))]
pub(in crate::admin) struct Documentation;

/// The committee's figures of a quarter; `null` stands for one that is not shown.
#[utoipa::path(get, path = "/api/v1/report", tag = "report",
    params(("quarter" = Option<String>, Query, description = "Such as 2026-Q3; the last one that is over where it is left out")),
    responses((status = 200, description = "The figures"), (status = 404, description = "There is no such quarter yet")))]
async fn figures(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let chosen = quarter(asked.given("quarter"), &visitor, clock::now())?;
    Ok(json(StatusCode::OK, &report(&admin, &visitor, chosen).await?))
}
