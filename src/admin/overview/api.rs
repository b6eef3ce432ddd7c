//! The overview under `/api/v1/overview`.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;

use super::actions;
use super::health::State as Health;
use super::words;
use crate::admin::api::json;
use crate::admin::{Admin, Answer, Right, Routes, Visitor};
use crate::config::Role;

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/overview", Right::RolesOrCentre(&Role::ALL), overview)
}

/// What the API says of the overview.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(paths(overview), components(schemas(Overview, Part, Day, Country)))]
pub(in crate::admin) struct Documentation;

/// How everything is. Nobody's travel stands here.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Overview {
    /// When it was looked at.
    at: String,
    /// Whether every part is as it should be.
    well: bool,
    /// Each part.
    parts: Vec<Part>,
    /// What waits for somebody, in sentences.
    attention: Vec<String>,
    /// The last 30 days.
    days: Vec<Day>,
    /// Rejections by country.
    countries: Vec<Country>,
}

/// One part.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Part {
    /// `database`, `list`, `log`, `upstreams`, `nodes`, `certificates` and so on.
    name: &'static str,
    /// `well`, `look`, `wrong`.
    #[schema(value_type = String)]
    state: Health,
    /// One or two sentences in the caller's language.
    detail: String,
}

/// What passed on one day.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Day {
    /// The day.
    day: String,
    /// Requests.
    requests: u64,
    /// Of them rejected.
    rejected: u64,
    /// Of them let in by a travel exemption.
    exempt: u64,
}

/// Rejections from one country.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Country {
    /// Its code.
    country: String,
    /// How many.
    rejected: u64,
}

/// How everything is.
#[utoipa::path(get, path = "/api/v1/overview", tag = "overview",
    responses((status = 200, description = "How everything is", body = Overview)))]
async fn overview(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let found = actions::health_alone(&admin, &visitor).await?;
    let (language, zone) = (visitor.language, &visitor.organization.time_zone);
    let traffic = found.traffic.clone().unwrap_or_default();
    let overview = Overview {
        at: found.now.to_string(),
        well: found.unwell() == 0,
        parts: found
            .parts
            .iter()
            .map(|part| Part {
                name: part.word(),
                state: part.state(),
                detail: words::part(part, zone, language).1,
            })
            .collect(),
        attention: found
            .attention
            .iter()
            .map(|one| words::attention(one, zone, language).0)
            .collect(),
        days: traffic
            .days
            .iter()
            .map(|(day, figures)| Day {
                day: day.to_string(),
                requests: figures.requests,
                rejected: figures.rejected,
                exempt: figures.exempt,
            })
            .collect(),
        countries: traffic
            .countries
            .iter()
            .map(|(territory, count)| Country { country: territory.to_string(), rejected: *count })
            .collect(),
    };
    Ok(json(StatusCode::OK, &overview))
}
