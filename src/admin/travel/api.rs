//! Journeys, for programs: the functions of the pages, in JSON.
//!
//! Always holds: what a journey says, its `ETag` names; a change that brings `If-Match` is done to
//! that version and to no other, also when two come at once.

use axum::extract::{FromRequest as _, Path, Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::actions::{CLERKS, Desk, OFFICERS, Step, Undone};
use super::typed::{Typed, TypedLeg};
use super::{emergency, import, troubles, without_form};
use crate::admin::access::{Looked, look};
use crate::admin::api::{Body, IfMatch, Problem, json, versioned};
use crate::admin::{Admin, Answer, Asked, Refusal, Right, Routes, Visitor};
use crate::journey::ask::More;
use crate::policy::{ExemptionId, Phase, TravelExemption};
use crate::store::{ExemptionRecord, HistoryEntry};

pub(super) fn routes(routes: Routes) -> Routes {
    let (look, officer) = (Right::Roles(CLERKS), Right::Roles(OFFICERS));
    routes
        .get("/api/v1/exemptions", look, list)
        .post("/api/v1/exemptions", officer, create)
        .post("/api/v1/exemptions/emergency", officer, let_in)
        .post("/api/v1/exemptions/import", officer, import_rows)
        .get("/api/v1/exemptions/import/template", officer, import_template)
        .get("/api/v1/exemptions/{id}", look, show)
        .post("/api/v1/exemptions/{id}/approve", look, approve)
        .post("/api/v1/exemptions/{id}/refuse", look, refuse)
        .post("/api/v1/exemptions/{id}/revoke", look, revoke)
        .post("/api/v1/exemptions/{id}/close", look, close)
        .post("/api/v1/exemptions/{id}/withdraw", look, withdraw)
        .post("/api/v1/exemptions/{id}/extend", officer, extend)
}

#[derive(OpenApi)]
#[openapi(
    paths(
        list,
        create,
        let_in,
        import_rows,
        import_template,
        show,
        approve,
        refuse,
        revoke,
        close,
        withdraw,
        extend
    ),
    components(schemas(
        Journey,
        JourneyLeg,
        HistoryItem,
        NewJourney,
        NewLeg,
        Reason,
        NewEnd,
        Call,
        Rows,
        Kind
    ))
)]
pub(in crate::admin) struct Documentation;

/// A journey.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::admin) struct Journey {
    /// Its number: `TE-7K2M9D`.
    id: String,
    /// `applied`, `awaiting_approval`, `planned`, `active`, `ended`, `refused`, `withdrawn`,
    /// `revoked`, `closed`.
    state: &'static str,
    /// Whether it counts although a second person has still to approve it.
    unconfirmed: bool,
    organization: String,
    /// The login name of whoever travels.
    user: String,
    provider: String,
    sites: Vec<String>,
    legs: Vec<JourneyLeg>,
    purpose: String,
    case_number: String,
    /// `device`, `multi_factor`.
    demands: Vec<&'static str>,
    devices: Vec<String>,
    /// The first instant at which it no longer counts, where it counts.
    #[schema(value_type = Option<String>, format = DateTime)]
    counts_until: Option<Timestamp>,
    /// The journey that it prolongs.
    extends: Option<String>,
    /// The rejection that it followed.
    reference: Option<String>,
    /// Everything that was done to it, oldest first.
    history: Vec<HistoryItem>,
}

/// Where and when.
#[derive(Debug, Serialize, ToSchema)]
struct JourneyLeg {
    /// Codes: `CN`, `RU-CE`.
    territories: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    from: Timestamp,
    /// The first instant that no longer belongs to it.
    #[schema(value_type = String, format = DateTime)]
    until: Timestamp,
}

/// One thing that was done.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryItem {
    action: String,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    by: String,
    reason: Option<String>,
}

impl Journey {
    /// As it is now.
    pub(in crate::admin) fn of(record: &ExemptionRecord, now: Timestamp) -> Self {
        let exemption = &record.exemption;
        let application = record.application.as_ref();
        Self {
            id: exemption.id.to_string(),
            state: exemption.phase(now).word(),
            unconfirmed: record.is_unconfirmed(now),
            organization: exemption.organization.to_string(),
            user: exemption.user_name.to_string(),
            provider: exemption.person.provider().to_string(),
            sites: exemption.sites.iter().map(ToString::to_string).collect(),
            legs: exemption.legs.iter().map(journey_leg).collect(),
            purpose: exemption.purpose.clone(),
            case_number: exemption.case_number.clone(),
            demands: exemption.demands.words().collect(),
            devices: application.map(|known| known.devices.clone()).unwrap_or_default(),
            counts_until: exemption.counts_until(),
            extends: application.and_then(|known| known.extends.as_ref()).map(ToString::to_string),
            reference: record.emergency.as_ref().map(|known| known.reference.clone()),
            history: record.history.iter().map(history_item).collect(),
        }
    }
}

fn journey_leg(leg: &crate::policy::Leg) -> JourneyLeg {
    let territories = leg.territories.iter().map(ToString::to_string).collect();
    JourneyLeg { territories, from: leg.from, until: leg.until }
}

fn history_item(entry: &HistoryEntry) -> HistoryItem {
    let (action, by) = (entry.action.clone(), entry.by.name.clone());
    HistoryItem { action, at: entry.at, by, reason: entry.reason.clone() }
}

/// What a new journey comes about by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// It is granted at once; where two have to approve it, it waits for the second.
    #[default]
    Grant,
    /// It is applied for on behalf of the traveller, and another person decides.
    Application,
}

/// A journey that is asked for.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct NewJourney {
    /// `grant` (the default) or `application`.
    #[serde(default)]
    kind: Kind,
    /// The login name of whoever travels.
    #[serde(default)]
    person: String,
    /// Where several have that name: `PROVIDER/SUBJECT`.
    #[serde(default)]
    subject: String,
    legs: Vec<NewLeg>,
    sites: Vec<String>,
    purpose: String,
    /// Needed for a grant.
    #[serde(default)]
    case_number: String,
    #[serde(default)]
    devices: Vec<String>,
    #[serde(default)]
    telephone: String,
    #[serde(default)]
    mail: String,
}

/// Where and when.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLeg {
    /// Codes, or names in Danish or English.
    territories: Vec<String>,
    /// The first day, in the organisation's time.
    #[schema(example = "2026-12-01")]
    from: String,
    /// The last day.
    #[schema(example = "2026-12-08")]
    until: String,
}

impl NewJourney {
    /// As the pages have it.
    pub(in crate::admin) fn typed(&self) -> Typed {
        let leg = |leg: &NewLeg| TypedLeg {
            places: leg.territories.join(";"),
            from: leg.from.clone(),
            until: leg.until.clone(),
        };
        Typed {
            who: self.person.clone(),
            person: self.subject.clone(),
            legs: self.legs.iter().map(leg).collect(),
            sites: self.sites.clone(),
            purpose: self.purpose.clone(),
            case: self.case_number.clone(),
            devices: self.devices.join("\n"),
            telephone: self.telephone.clone(),
            mail: self.mail.clone(),
        }
    }
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

/// A later end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct NewEnd {
    /// The new last day.
    #[schema(example = "2026-12-12")]
    pub(in crate::admin) until: String,
    /// Left out: as before.
    pub(in crate::admin) purpose: Option<String>,
}

/// Somebody calls from in front of the wall.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Call {
    /// What the caller reads out.
    #[schema(example = "K7QX-2M9D")]
    reference: String,
    /// The login name of whoever calls.
    person: String,
    /// How the one who takes the call knows who it is.
    caller_verified: String,
    #[serde(default)]
    purpose: String,
    #[serde(default)]
    case_number: String,
}

/// A delegation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Rows {
    /// The lines of a CSV file with their head.
    csv: String,
}

/// The journeys of the organisation, the newest first.
#[utoipa::path(get, path = "/api/v1/exemptions", tag = "exemptions",
    params(("state" = Option<String>, Query, description = "Only those that stand here"),
           ("person" = Option<String>, Query, description = "Only those of this login name")),
    responses((status = 200, description = "The journeys", body = [Journey]),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "No such state", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn list(State(admin): State<Admin>, visitor: Visitor, asked: Asked) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let state = asked.given("state").map(|word| {
        let known = Phase::from_word(word);
        known.ok_or_else(|| Refusal::Invalid(format!("there is no state {word:?}")))
    });
    let state = state.transpose()?;
    let person = asked.given("person").map(str::to_lowercase);
    let all = desk.journeys().await.map_err(|undone| without_form(undone, visitor.language))?;
    let wanted = |record: &&ExemptionRecord| {
        state.is_none_or(|phase| record.exemption.phase(desk.now) == phase)
            && person.as_deref().is_none_or(|name| record.exemption.user_name.as_str() == name)
    };
    let found: Vec<Journey> =
        all.iter().filter(wanted).map(|record| Journey::of(record, desk.now)).collect();
    look(&admin, &visitor, Looked::Travel, |event| {
        let event = event.detail("view", "list").detail("results", found.len().to_string());
        match &person {
            Some(name) => event.target(name),
            None => event,
        }
    })
    .await?;
    Ok(json(StatusCode::OK, &found))
}

/// One journey with its history.
#[utoipa::path(get, path = "/api/v1/exemptions/{id}", tag = "exemptions",
    params(("id" = String, Path, description = "Its number")),
    responses((status = 200, description = "The journey", body = Journey),
    (status = 304, description = "The version that `If-None-Match` names"),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn show(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let record = desk.journey(&ExemptionId::new(&id)).await;
    let record = record.map_err(|undone| without_form(undone, visitor.language))?;
    let name = record.exemption.user_name.as_str();
    look(&admin, &visitor, Looked::Travel, |event| {
        event.detail("view", "journey").exemption(record.exemption.id.as_str()).target(name)
    })
    .await?;
    Ok(versioned(&headers, &Journey::of(&record, desk.now)))
}

/// Grants a journey, or applies for it on behalf of the traveller.
#[utoipa::path(post, path = "/api/v1/exemptions", tag = "exemptions", request_body = NewJourney,
    responses((status = 201, description = "The journey", body = Journey),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It cannot be done now", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Everything that is wrong with it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn create(
    State(admin): State<Admin>,
    visitor: Visitor,
    Body(new): Body<NewJourney>,
) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let typed = new.typed();
    let done = match new.kind {
        Kind::Grant => desk.grant(&typed).await,
        Kind::Application => desk.apply(&typed).await,
    };
    let exemption = done.map_err(|undone| without_form(undone, visitor.language))?;
    made(&desk, &exemption).await
}

/// 201 with the journey and where it is.
async fn made(desk: &Desk<'_>, exemption: &TravelExemption) -> Answer {
    let record = desk.store.exemption(&exemption.id).await?.ok_or(Refusal::NotFound)?;
    let mut response = json(StatusCode::CREATED, &Journey::of(&record, desk.now));
    let place = format!("/api/v1/exemptions/{}", exemption.id);
    if let Ok(place) = header::HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Lets somebody in who calls from in front of the wall: from the rejection's country, to its
/// system, for 72 hours at most.
#[utoipa::path(post, path = "/api/v1/exemptions/emergency", tag = "exemptions", request_body = Call,
    responses((status = 201, description = "The journey", body = Journey),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It cannot be done now", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Everything that stands in the way", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn let_in(State(admin): State<Admin>, visitor: Visitor, Body(call): Body<Call>) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let refused = |undone| without_form(undone, visitor.language);
    let (_, rejection) = emergency::find(&admin, &desk, &call.reference).await.map_err(refused)?;
    let usual = super::words::Words::of(visitor.organization.language).emergency_purpose;
    let purpose = if call.purpose.trim().is_empty() { usual } else { &call.purpose };
    let typed = Typed {
        who: call.person,
        purpose: purpose.to_owned(),
        case: call.case_number,
        ..Typed::default()
    };
    let emergency = desk.in_need(&rejection, &typed, &call.caller_verified).await;
    let exemption = desk.let_in(emergency.map_err(refused)?).await.map_err(refused)?;
    made(&desk, &exemption).await
}

/// Grants the journeys of a delegation: all of them or none.
#[utoipa::path(post, path = "/api/v1/exemptions/import", tag = "exemptions", request_body = Rows,
    responses((status = 201, description = "The journeys", body = [Journey]),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It cannot be done now", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Everything that is wrong, by row", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn import_rows(
    State(admin): State<Admin>,
    visitor: Visitor,
    Body(rows): Body<Rows>,
) -> Answer {
    let desk = Desk::of(&admin, &visitor);
    let refused = |undone| without_form(undone, visitor.language);
    let good = match import::check(&desk, &rows.csv).await.map_err(refused)? {
        Ok(good) => good,
        Err(wrong) => {
            let line = |one: &import::WrongRow| match one.number {
                Some(number) => format!("{number}: {}", one.text),
                None => one.text.clone(),
            };
            let lines: Vec<String> = wrong.iter().map(line).collect();
            return Err(Refusal::Invalid(lines.join("\n")));
        }
    };
    let granted = desk.grant_all(good.into_iter().map(|(_, one)| one).collect()).await;
    let mut journeys = Vec::new();
    for exemption in granted.map_err(refused)? {
        if let Some(record) = desk.store.exemption(&exemption.id).await? {
            journeys.push(Journey::of(&record, desk.now));
        }
    }
    Ok(json(StatusCode::CREATED, &journeys))
}

/// The head of a delegation's file, in the language of whoever asks, and one row as an example.
#[utoipa::path(get, path = "/api/v1/exemptions/import/template", tag = "exemptions",
    responses((status = 200, description = "The file", body = String, content_type = "text/csv"),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
async fn import_template(visitor: Visitor) -> Response {
    import::template(&visitor)
}

macro_rules! step {
    ($(#[$meta:meta])* $name:ident, $path:literal, $step:expr) => {
        $(#[$meta])*
        #[utoipa::path(post, path = $path, tag = "exemptions",
            params(("id" = String, Path, description = "Its number")),
            responses((status = 200, description = "The journey", body = Journey),
            (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
            (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
            (status = 409, description = "Not in its state, or not by this person", body = Problem, content_type = "application/problem+json"),
            (status = 412, description = "`If-Match` names another version", body = Problem, content_type = "application/problem+json"),
            (status = 422, description = "What was sent cannot be read", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
        async fn $name(
            State(admin): State<Admin>,
            visitor: Visitor,
            Path(id): Path<String>,
            wanted: IfMatch,
        ) -> Answer {
            take(&admin, &visitor, &id, $step, "", &wanted).await
        }
    };
}

step! {
    /// Approves what another applied for or granted.
    approve, "/api/v1/exemptions/{id}/approve", Step::Approve
}
step! {
    /// Ends a journey early: the traveller is home. Open connections end too.
    close, "/api/v1/exemptions/{id}/close", Step::Close
}
step! {
    /// Takes one's own application back before it is decided.
    withdraw, "/api/v1/exemptions/{id}/withdraw", Step::Withdraw
}

macro_rules! step_with_reason {
    ($(#[$meta:meta])* $name:ident, $path:literal, $step:expr) => {
        $(#[$meta])*
        #[utoipa::path(post, path = $path, tag = "exemptions", request_body = Reason,
            params(("id" = String, Path, description = "Its number")),
            responses((status = 200, description = "The journey", body = Journey),
            (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
            (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
            (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
            (status = 409, description = "Not in its state, or not by this person", body = Problem, content_type = "application/problem+json"),
            (status = 412, description = "`If-Match` names another version", body = Problem, content_type = "application/problem+json"),
            (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
            (status = 422, description = "What was sent cannot be read", body = Problem, content_type = "application/problem+json"),
            (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
        async fn $name(
            State(admin): State<Admin>,
            visitor: Visitor,
            Path(id): Path<String>,
            wanted: IfMatch,
            request: Request,
        ) -> Answer {
            // What is not there has no body that could be wrong.
            there(&admin, &visitor, &id, $step.roles()).await?;
            let Body(why) = Body::<Reason>::from_request(request, &()).await?;
            take(&admin, &visitor, &id, $step, &why.reason, &wanted).await
        }
    };
}

step_with_reason! {
    /// Refuses an application; the traveller is told why.
    refuse, "/api/v1/exemptions/{id}/refuse", Step::Refuse
}
step_with_reason! {
    /// Takes a journey back; the traveller is told why. Open connections end too.
    revoke, "/api/v1/exemptions/{id}/revoke", Step::Revoke
}

/// Whether the journey is there for this visitor.
async fn there(
    admin: &Admin,
    visitor: &Visitor,
    id: &str,
    roles: &[crate::config::Role],
) -> Result<(), Refusal> {
    let desk = Desk::of(admin, visitor);
    let refused = |undone| without_form(undone, visitor.language);
    desk.require(roles).map_err(refused)?;
    desk.journey(&ExemptionId::new(id)).await.map(|_| ()).map_err(refused)
}

async fn take(
    admin: &Admin,
    visitor: &Visitor,
    id: &str,
    step: Step,
    reason: &str,
    wanted: &IfMatch,
) -> Answer {
    let desk = Desk::of(admin, visitor);
    let id = ExemptionId::new(id);
    let refused = |undone| without_form(undone, visitor.language);
    desk.require(step.roles()).map_err(refused)?;
    let record = desk.journey(&id).await.map_err(refused)?;
    wanted.check(&Journey::of(&record, desk.now))?;
    let done = desk.take(&id, step, reason, Some(record.version())).await;
    done.map_err(|undone| in_short(undone, visitor))?;
    now(&desk, &id).await
}

/// Somebody else was quicker: the version that was named is none any more.
fn in_short(undone: Undone, visitor: &Visitor) -> Refusal {
    use crate::store::ExemptionError::{ChangedMeanwhile, DecidedMeanwhile};
    match undone {
        Undone::Exemption(ChangedMeanwhile(_) | DecidedMeanwhile(_)) => Refusal::PreconditionFailed,
        Undone::Text(fault) => Refusal::Invalid(troubles::fault(fault, visitor.language)),
        other => without_form(other, visitor.language),
    }
}

/// The journey as it is now.
async fn now(desk: &Desk<'_>, id: &ExemptionId) -> Result<Response, Refusal> {
    let record = desk.store.exemption(id).await?.ok_or(Refusal::NotFound)?;
    Ok(versioned(&HeaderMap::new(), &Journey::of(&record, desk.now)))
}

/// Applies for more time; the journey that is prolonged stays as it is.
#[utoipa::path(post, path = "/api/v1/exemptions/{id}/extend", tag = "exemptions", request_body = NewEnd,
    params(("id" = String, Path, description = "Its number")),
    responses((status = 201, description = "The application", body = Journey),
    (status = 401, description = "No token", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "It cannot be prolonged", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Everything that is wrong with it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Store or log do not answer", body = Problem, content_type = "application/problem+json")))]
async fn extend(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
    request: Request,
) -> Answer {
    there(&admin, &visitor, &id, OFFICERS).await?;
    let Body(end) = Body::<NewEnd>::from_request(request, &()).await?;
    let desk = Desk::of(&admin, &visitor);
    let more = More { purpose: end.purpose.as_deref(), ..More::default() };
    let asked = desk.extend(&ExemptionId::new(&id), &end.until, more).await;
    let exemption = asked.map_err(|undone| without_form(undone, visitor.language))?;
    made(&desk, &exemption).await
}
