//! The planned review under `/api/v1/reviews`, by the same functions as its pages.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::planned;
use super::views::reviewed;
use super::words;
use crate::admin::access::{Looked, look};
use crate::admin::api::{Body, Problem, json};
use crate::admin::{Admin, Answer, Fields, Refusal, Visitor};
use crate::clock;
use crate::log_review::Standing;
use crate::store::Review;

#[derive(OpenApi)]
#[openapi(
    paths(list, plan, begin, one, judge),
    components(schemas(Reviews, Plan, Shown, Item, Begun, Judgement, Judged))
)]
pub(in crate::admin) struct Documentation;

/// How the reviews stand.
#[derive(Debug, Serialize, ToSchema)]
struct Reviews {
    plan: Option<Plan>,
    /// `not_planned`, `up_to_date`, `waiting` or `overdue`.
    standing: &'static str,
    /// When the review that waits is due.
    due: Option<String>,
    reviews: Vec<Shown>,
}

/// How often, and how much.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    /// The first day of the first span.
    starts: String,
    /// 1 to 366.
    every_days: u16,
    /// 1 to 200.
    sample: u16,
    /// 1 to 90.
    within_days: u16,
}

/// A review.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LogReview)]
struct Shown {
    id: String,
    from: String,
    /// The last day.
    until: String,
    due: String,
    /// What it was drawn by: it stood in the log before.
    seed: String,
    population: Option<u64>,
    drawn_by: String,
    finished: Option<String>,
    items: Vec<Item>,
}

/// One drawn entry.
#[derive(Debug, Serialize, ToSchema)]
struct Item {
    place: u32,
    /// The id of the entry.
    entry: String,
    outcome: Option<&'static str>,
    note: Option<String>,
    reviewer: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Begun {
    id: String,
}

/// What was found of an entry.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Judgement {
    /// `in_order`, `wrongly_rejected`, `look_closer` or `incident`.
    #[schema(pattern = "^(in_order|wrongly_rejected|look_closer|incident)$")]
    outcome: String,
    /// At most 500 characters.
    note: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct Judged {
    /// Whether nothing of the review is left to judge.
    finished: bool,
}

fn shown(review: Review) -> Shown {
    Shown {
        from: review.period.from.to_string(),
        until: review.period.last().to_string(),
        due: review.due.to_string(),
        population: review.population,
        finished: review.finished.map(|at| at.to_string()),
        items: review
            .items
            .into_iter()
            .map(|item| Item {
                place: item.place,
                entry: item.entry,
                outcome: item.outcome.map(crate::store::Outcome::word),
                note: item.note,
                reviewer: item.reviewer,
            })
            .collect(),
        id: review.id,
        seed: review.seed,
        drawn_by: review.drawn_by,
    }
}

/// The plan, how it stands, and every review without what was drawn.
#[utoipa::path(get, path = "/api/v1/reviews", tag = "reviews", responses(
    (status = 200, description = "How the reviews stand", body = Reviews),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let progress = reviewed(&visitor).progress(admin.store(), clock::now()).await?;
    let (standing, due) = match progress.as_ref().map(|progress| progress.standing) {
        None => ("not_planned", None),
        Some(Standing::UpToDate(_)) => ("up_to_date", None),
        Some(Standing::Waiting(_, due)) => ("waiting", Some(due)),
        Some(Standing::Overdue(_, due)) => ("overdue", Some(due)),
    };
    let reviews = admin.store().reviews(visitor.organization_id()).await?;
    let reviews = Reviews {
        plan: progress.map(|progress| Plan {
            starts: progress.plan.starts.to_string(),
            every_days: progress.plan.every_days,
            sample: progress.plan.sample,
            within_days: progress.plan.within_days,
        }),
        standing,
        due: due.map(|due| due.to_string()),
        reviews: reviews.into_iter().map(shown).collect(),
    };
    Ok(json(StatusCode::OK, &reviews))
}

/// Plans anew. What has been reviewed stays reviewed.
#[utoipa::path(put, path = "/api/v1/reviews/plan", tag = "reviews", request_body = Plan, responses(
    (status = 204, description = "It is planned"),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "This is no plan", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn plan(
    State(admin): State<Admin>,
    visitor: Visitor,
    Body(plan): Body<Plan>,
) -> Answer {
    let fields = Fields::default().query_with(&[
        ("starts", &plan.starts),
        ("every_days", &plan.every_days.to_string()),
        ("sample", &plan.sample.to_string()),
        ("within_days", &plan.within_days.to_string()),
    ]);
    let read = planned::read_plan(&Fields::read(fields.as_bytes()), words::of(visitor.language));
    let plan = read.map_err(|problems| {
        let told = problems.iter().map(|(field, text)| format!("{field}: {text}"));
        Refusal::Invalid(told.collect::<Vec<_>>().join(" "))
    })?;
    let (organization, by) = (visitor.organization_id(), visitor.actor());
    admin.store().set_review_plan(organization, &plan, &by, clock::now()).await?;
    Ok(no_content())
}

/// Draws the sample of the span that waits.
#[utoipa::path(post, path = "/api/v1/reviews", tag = "reviews", responses(
    (status = 201, description = "It is drawn", body = Begun),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "Nothing waits, nothing is planned, or one is under way", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn begin(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let id = planned::begun(&admin, &visitor).await?;
    Ok(json(StatusCode::CREATED, &Begun { id }))
}

/// One review with what was drawn.
#[utoipa::path(get, path = "/api/v1/reviews/{id}", tag = "reviews",
    params(("id" = String, Path, description = "The review's id")), responses(
    (status = 200, description = "The review", body = Shown),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none in this organisation", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn one(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let review = admin.store().review(visitor.organization_id(), &id).await?;
    let review = review.ok_or(Refusal::NotFound)?;
    look(&admin, &visitor, Looked::Log, |event| {
        event.detail("view", "review").detail("review", &review.id)
    })
    .await?;
    Ok(json(StatusCode::OK, &shown(review)))
}

/// Keeps what was found of one entry. Nobody judges what they did themselves.
#[utoipa::path(put, path = "/api/v1/reviews/{id}/entries/{place}", tag = "reviews",
    params(("id" = String, Path, description = "The review's id"), ("place" = u32, Path, description = "The place of the entry in the draw")),
    request_body = Judgement, responses(
    (status = 200, description = "It is kept", body = Judged),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none in this organisation", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "The review is finished, or it is one's own doing", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "This is no outcome", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn judge(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path((id, place)): Path<(String, String)>,
    body: Result<Body<Judgement>, Refusal>,
) -> Answer {
    let place = place.parse().map_err(|_| Refusal::NotFound)?;
    planned::drawn(&admin, &visitor, (&id, place)).await?;
    let Body(judgement) = body?;
    let note = judgement.note.unwrap_or_default();
    let fields = Fields::default().query_with(&[("outcome", &judgement.outcome), ("note", &note)]);
    let fields = Fields::read(fields.as_bytes());
    match planned::judged(&admin, &visitor, (&id, place), &fields).await? {
        Ok(finished) => Ok(json(StatusCode::OK, &Judged { finished })),
        Err(wrong) => Err(Refusal::Invalid(wrong.to_owned())),
    }
}

fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
