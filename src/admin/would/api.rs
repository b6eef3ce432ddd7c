//! The question under `/api/v1/explain`: the same answer as `geovagt explain --json`.

use axum::extract::State;
use http::StatusCode;

use super::actions::{self, ASKERS, NoAnswer, Typed};
use crate::admin::api::json;
use crate::admin::{Admin, Answer, Asked, Refusal, Right, Routes, Visitor};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/explain", Right::Roles(ASKERS), explain)
}

/// What the API says of the question.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(explain))]
pub(in crate::admin) struct Documentation;

/// What would be decided about a request that nobody has sent.
#[utoipa::path(get, path = "/api/v1/explain", tag = "explain",
    params(("address" = String, Query, description = "The client's address"),
           ("site" = String, Query, description = "A site of the organisation"),
           ("path" = Option<String>, Query, description = "The path; `/` where it is left out"),
           ("person" = Option<String>, Query, description = "A login name, taken as proven; asking is entered into the log"),
           ("day" = Option<String>, Query, description = "The day, as 2026-12-01; now where it is left out"),
           ("time" = Option<String>, Query, description = "The time in the organisation's zone, as 08:30")),
    responses((status = 200, description = "The decision with each step"), (status = 422, description = "The question does not fit")))]
async fn explain(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    match actions::answer(&admin, &visitor, &Typed::of(&asked)).await {
        Ok(explanation) => Ok(json(StatusCode::OK, &explanation)),
        Err(NoAnswer::Faults(faults)) => Err(Refusal::Invalid(faults.sentence())),
        Err(NoAnswer::Refusal(refusal)) => Err(refusal),
    }
}
