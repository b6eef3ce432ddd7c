//! One's own journeys, for programs.

use axum::extract::{FromRequest as _, Path, Request, State};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::actions::Step;
use super::pages::look_at_own;
use super::{logged, words::Words};
use crate::admin::access::{Looked, look};
use crate::admin::api::{Body, IfMatch, Problem, json, versioned};
use crate::admin::travel::actions::Desk;
use crate::admin::travel::api::{Journey, NewEnd, NewJourney};
use crate::admin::travel::without_form;
use crate::admin::{Admin, Answer, Refusal, Right, Routes, Visitor};
use crate::journey::ask::More;
use crate::policy::ExemptionId;

pub(super) fn routes(routes: Routes) -> Routes {
    let own = Right::Somebody;
    routes
        .get("/api/v1/me", own, me)
        .get("/api/v1/me/exemptions", own, list)
        .post("/api/v1/me/exemptions", own, apply)
        .get("/api/v1/me/exemptions/{id}", own, show)
        .post("/api/v1/me/exemptions/{id}/close", own, close)
        .post("/api/v1/me/exemptions/{id}/withdraw", own, withdraw)
        .post("/api/v1/me/exemptions/{id}/extend", own, extend)
        .post("/api/v1/me/lost-device", own, lost)
        .get("/api/v1/me/log", own, log)
}

#[derive(OpenApi)]
#[openapi(
    paths(me, list, apply, show, close, withdraw, extend, lost, log),
    components(schemas(Me, Lost, Logged))
)]
pub(in crate::admin) struct Documentation;

/// Whoever asks.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    name: String,
    organization: String,
    provider: String,
}

/// What has ended.
#[derive(Debug, Serialize, ToSchema)]
struct Lost {
    exemptions: Vec<String>,
    devices: u64,
    addresses: u64,
}

/// What the log says.
#[derive(Debug, Serialize, ToSchema)]
struct Logged {
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    action: &'static str,
    /// The same in words.
    text: &'static str,
    site: Option<String>,
    country: Option<String>,
    count: u64,
}

/// Whoever asks.
#[utoipa::path(get, path = "/api/v1/me", tag = "me",
    responses((status = 200, description = "Whoever asks", body = Me),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
async fn me(visitor: Visitor) -> Answer {
    let person = &visitor.person;
    let me = Me {
        name: visitor.name.to_string(),
        organization: person.organization().to_string(),
        provider: person.provider().to_string(),
    };
    Ok(json(StatusCode::OK, &me))
}

/// My journeys, the newest first.
#[utoipa::path(get, path = "/api/v1/me/exemptions", tag = "me",
    responses((status = 200, description = "The journeys", body = [Journey]),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The organisation is gone", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let mine = desk.mine().await.map_err(|undone| without_form(undone, visitor.language))?;
    look_at_own(&admin, &visitor, "own").await?;
    let mine: Vec<Journey> = mine.iter().map(|record| Journey::of(record, desk.now)).collect();
    Ok(json(StatusCode::OK, &mine))
}

/// One of my journeys.
#[utoipa::path(get, path = "/api/v1/me/exemptions/{id}", tag = "me",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "The journey", body = Journey),
    (status = 304, description = "The version that `If-None-Match` names"),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none of mine", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let record = desk.my_journey(&ExemptionId::new(&id)).await;
    let record = record.map_err(|undone| without_form(undone, visitor.language))?;
    look_at_own(&admin, &visitor, "own journey").await?;
    Ok(versioned(&headers, &Journey::of(&record, desk.now)))
}

/// Applies for a journey of mine; `kind`, `person` and `subject` say nothing here.
#[utoipa::path(post, path = "/api/v1/me/exemptions", tag = "me", request_body = NewJourney,
    responses((status = 201, description = "The application", body = Journey),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The organisation is gone", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "So many wait for a decision already", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Everything that is wrong with it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
async fn apply(
    State(admin): State<Admin>,
    visitor: Visitor,
    Body(new): Body<NewJourney>,
) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let applied = desk.apply_myself(&new.typed()).await;
    let exemption = applied.map_err(|undone| without_form(undone, visitor.language))?;
    as_it_is(&desk, &exemption.id, StatusCode::CREATED).await
}

async fn as_it_is(desk: &Desk<'_>, id: &ExemptionId, status: StatusCode) -> Answer {
    let record = desk.store.exemption(id).await?.ok_or(Refusal::NotFound)?;
    Ok(json(status, &Journey::of(&record, desk.now)))
}

/// I am home: ends a journey of mine.
#[utoipa::path(post, path = "/api/v1/me/exemptions/{id}/close", tag = "me",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "The journey", body = Journey),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none of mine", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It has no effect any more", body = Problem, content_type = "application/problem+json"),
    (status = 412, description = "`If-Match` names another version", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
async fn close(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    wanted: IfMatch,
) -> Answer {
    take(&admin, &visitor, &id, Step::Home, &wanted).await
}

/// Takes an application of mine back.
#[utoipa::path(post, path = "/api/v1/me/exemptions/{id}/withdraw", tag = "me",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "The journey", body = Journey),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none of mine", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It does not wait", body = Problem, content_type = "application/problem+json"),
    (status = 412, description = "`If-Match` names another version", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
async fn withdraw(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    wanted: IfMatch,
) -> Answer {
    take(&admin, &visitor, &id, Step::Withdraw, &wanted).await
}

async fn take(admin: &Admin, visitor: &Visitor, id: &str, step: Step, wanted: &IfMatch) -> Answer {
    let desk = Desk::own(admin, visitor)?;
    let id = ExemptionId::new(id);
    let refused = |undone| without_form(undone, visitor.language);
    let record = desk.my_journey(&id).await.map_err(refused)?;
    wanted.check(&Journey::of(&record, desk.now))?;
    desk.step(&id, step, Some(record.version())).await.map_err(refused)?;
    as_it_is(&desk, &id, StatusCode::OK).await
}

/// Applies for more time for a journey of mine.
#[utoipa::path(post, path = "/api/v1/me/exemptions/{id}/extend", tag = "me", request_body = NewEnd,
    params(("id" = String, Path, description = "Its number")),
    responses((status = 201, description = "The application", body = Journey),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none of mine", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It cannot be prolonged", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Everything that is wrong with it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
async fn extend(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    // What is not there has no body that could be wrong.
    let mine = desk.my_journey(&ExemptionId::new(&id)).await;
    mine.map_err(|undone| without_form(undone, visitor.language))?;
    let Body(end) = Body::<NewEnd>::from_request(request, &()).await?;
    let more = More { purpose: end.purpose.as_deref(), ..More::default() };
    let asked = desk.extend_mine(&ExemptionId::new(&id), &end.until, more).await;
    let exemption = asked.map_err(|undone| without_form(undone, visitor.language))?;
    as_it_is(&desk, &exemption.id, StatusCode::CREATED).await
}

/// A device of mine is lost: ends everything of mine, the session that asks for it too.
#[utoipa::path(post, path = "/api/v1/me/lost-device", tag = "me",
    responses((status = 200, description = "What has ended", body = Lost),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The organisation is gone", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
async fn lost(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    let ended = desk.lost_mine(Words::of(visitor.language).lost_reason).await;
    let ended = ended.map_err(|undone| without_form(undone, visitor.language))?;
    let lost = Lost {
        exemptions: ended.exemptions.iter().map(ToString::to_string).collect(),
        devices: ended.devices,
        addresses: ended.grants,
    };
    Ok(json(StatusCode::OK, &lost))
}

/// What the log says of me in the last 30 days, the newest first, 200 entries at most.
#[utoipa::path(get, path = "/api/v1/me/log", tag = "me",
    responses((status = 200, description = "The entries", body = [Logged]),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "The organisation is gone", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn log(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let desk = Desk::own(&admin, &visitor)?;
    look(&admin, &visitor, Looked::Person, |event| {
        event.detail("view", "own log").target(visitor.name.as_str())
    })
    .await?;
    let lines = logged::lines(&desk).await;
    let lines = lines.map_err(|undone| without_form(undone, visitor.language))?;
    let shown = |line: logged::Line| Logged {
        at: line.at,
        action: line.action.word(),
        text: logged::what(line.action, visitor.language),
        site: line.site,
        country: line.country,
        count: line.count,
    };
    Ok(json(StatusCode::OK, &lines.lines.into_iter().map(shown).collect::<Vec<_>>()))
}
