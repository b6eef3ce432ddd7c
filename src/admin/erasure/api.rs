//! Orders under `/api/v1/erasure-orders`.

use axum::extract::{Path, State};
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::actions::{self, Known, OFFICERS};
use crate::admin::api::{Body, json};
use crate::admin::{Admin, Answer, Fields, Refusal, Right, Routes, Visitor};
use crate::store::{ErasurePart, ErasureWish, PartState};

pub(super) fn routes(routes: Routes) -> Routes {
    let officers = Right::Roles(OFFICERS);
    routes
        .get("/api/v1/erasure-orders", officers, list)
        .post("/api/v1/erasure-orders", officers, give)
        .post("/api/v1/erasure-orders/forecast", officers, forecast)
        .get("/api/v1/erasure-orders/{id}", officers, one)
}

/// What the API says of orders.
#[derive(Debug, utoipa::OpenApi)]
#[openapi(
    paths(list, give, forecast, one),
    components(schemas(Order, Part, NewOrder, OrderForecast))
)]
pub(in crate::admin) struct Documentation;

/// An order to take personal values out of the log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ErasureOrder)]
struct Order {
    /// Its name, in the log too.
    id: String,
    /// `pseudonymise` or `remove`.
    what: &'static str,
    /// `one_person` or `everybody`.
    about: &'static str,
    /// The names that person has in the log; empty as soon as the order is carried out.
    persons: Vec<String>,
    /// Not before this instant.
    since: Option<String>,
    /// Before this instant.
    until: Option<String>,
    /// `erasure_request`, `mistake`, `authority`, `no_longer_needed`; `pseudonymise_after`: the rule of
    /// the configuration.
    why: String,
    /// The number of a case that says more.
    case: Option<String>,
    /// When it was given; of an order that was not given here, when it was carried out.
    given: String,
    /// By whom; none: the rule of the configuration.
    by: Option<String>,
    /// `waiting`, `under_way`, `done`.
    state: &'static str,
    /// How many entries are changed.
    entries: u64,
    /// How far it has come in the log of each node, where it was given here.
    nodes: Vec<Part>,
}

/// How far an order has come in the log of one node.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ErasureOrderNode)]
struct Part {
    /// The log.
    log: String,
    /// `waiting`, `under_way`, `done`.
    state: &'static str,
    /// So many files are looked through.
    looked_at: u64,
    /// Of so many.
    files: u64,
    /// So many entries are changed.
    entries: u64,
    /// So many files could not be changed.
    refused: u64,
    /// Why it has not gone on, or what could not be changed.
    problem: Option<String>,
    /// When something last happened.
    changed: String,
}

/// An order to be given.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewErasureOrder)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    /// `pseudonymise` or `remove`.
    #[schema(pattern = "^(pseudonymise|remove)$")]
    what: String,
    /// `one_person` or `everybody`. Of everybody nothing is removed without `until`.
    #[schema(pattern = "^(one_person|everybody)$")]
    about: String,
    /// The names that the one person has in the log: login names, `provider/subject`.
    #[serde(default)]
    persons: Vec<String>,
    /// Not before: `2026-11-22`, or an instant.
    #[serde(default)]
    since: Option<String>,
    /// Until: `2026-11-22`, which counts to its end, or before an instant.
    #[serde(default)]
    until: Option<String>,
    /// Why.
    #[schema(pattern = "^(erasure_request|mistake|authority|no_longer_needed)$")]
    why: String,
    /// The number of a case that says more. It enters the log and stays there.
    #[serde(default)]
    case: Option<String>,
}

/// What an order would change in the log of this node.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct OrderForecast {
    /// So many entries.
    entries: u64,
    /// In so many files.
    files: u64,
    /// Not everything could be counted in the time: it is no less.
    cut_short: bool,
}

impl NewOrder {
    fn wish(&self, visitor: &Visitor) -> Result<ErasureWish, Refusal> {
        // One line of the form is one name.
        if self.persons.iter().any(|name| name.trim().is_empty() || name.contains(['\n', '\r'])) {
            return Err(Refusal::Invalid(
                "persons: a name is empty or has several lines".to_owned(),
            ));
        }
        if self.about == "everybody" && !self.persons.is_empty() {
            let text = "persons: an order about everybody names nobody";
            return Err(Refusal::Invalid(text.to_owned()));
        }
        let persons = self.persons.join("\n");
        let fields = Fields::default().query_with(&[
            ("what", &self.what),
            ("about", &self.about),
            ("persons", &persons),
            ("since", self.since.as_deref().unwrap_or_default()),
            ("until", self.until.as_deref().unwrap_or_default()),
            ("why", &self.why),
            ("case", self.case.as_deref().unwrap_or_default()),
        ]);
        let checked = actions::check(&Fields::read(fields.as_bytes()), visitor);
        checked.map_err(|faults| Refusal::Invalid(faults.sentence()))
    }
}

fn shown(known: &Known) -> Order {
    match known {
        Known::Given(order) => {
            let wish = &order.wish;
            Order {
                id: order.id.to_string(),
                what: what(wish.removes),
                about: wish.about.word(),
                persons: wish.about.names().to_vec(),
                since: wish.since.map(|at| at.to_string()),
                until: wish.before.map(|at| at.to_string()),
                why: wish.why.clone(),
                case: wish.case.clone(),
                given: order.given.to_string(),
                by: Some(order.by.name.clone()),
                state: order.state().word(),
                entries: order.entries(),
                nodes: order.parts.iter().map(part).collect(),
            }
        }
        Known::Recorded(order) => Order {
            id: order.id.to_string(),
            what: what(order.removes),
            about: if order.one_person { "one_person" } else { "everybody" },
            persons: Vec::new(),
            since: order.since.map(|at| at.to_string()),
            until: order.before.map(|at| at.to_string()),
            why: order.why.clone(),
            case: order.case.clone(),
            given: order.at.to_string(),
            by: order.by.clone(),
            state: PartState::Done.word(),
            entries: order.entries,
            nodes: Vec::new(),
        },
    }
}

fn what(removes: bool) -> &'static str {
    if removes { "remove" } else { "pseudonymise" }
}

fn part(part: &ErasurePart) -> Part {
    Part {
        log: part.log.clone(),
        state: part.state.word(),
        looked_at: part.looked_at,
        files: part.segments,
        entries: part.entries,
        refused: part.refused,
        problem: part.problem.clone(),
        changed: part.changed.to_string(),
    }
}

/// The orders that have changed entries of the organisation or are to change them. The look is entered
/// into the log.
#[utoipa::path(get, path = "/api/v1/erasure-orders", tag = "insight",
    responses((status = 200, description = "The orders, the newest first", body = [Order])))]
async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let (known, _) = actions::all(&admin, &visitor).await?;
    let all: Vec<Order> = known.iter().map(shown).collect();
    Ok(json(StatusCode::OK, &all))
}

/// Gives an order. Every node carries it out by itself; `GET` tells how far it has come. Nobody gives
/// one about themselves.
#[utoipa::path(post, path = "/api/v1/erasure-orders", tag = "insight", request_body = NewOrder,
    responses((status = 201, description = "It is given", body = Order), (status = 422, description = "It does not fit")))]
async fn give(State(admin): State<Admin>, visitor: Visitor, Body(new): Body<NewOrder>) -> Answer {
    let wish = new.wish(&visitor)?;
    let id = Uuid::now_v7();
    actions::give(&admin, &visitor, id, &wish).await?;
    let given = actions::given(&admin, &visitor, id).await?;
    let mut response = json(StatusCode::CREATED, &shown(&given));
    if let Ok(place) = HeaderValue::from_str(&format!("/api/v1/erasure-orders/{id}")) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// What an order would change in the log of this node. The look is entered into the log.
#[utoipa::path(post, path = "/api/v1/erasure-orders/forecast", tag = "insight", request_body = NewOrder,
    responses((status = 200, description = "What it would change", body = OrderForecast), (status = 422, description = "It does not fit")))]
async fn forecast(
    State(admin): State<Admin>,
    visitor: Visitor,
    Body(new): Body<NewOrder>,
) -> Answer {
    let counted = actions::forecast(&admin, &visitor, &new.wish(&visitor)?).await?;
    let told = OrderForecast {
        entries: counted.entries,
        files: counted.segments,
        cut_short: counted.cut_short,
    };
    Ok(json(StatusCode::OK, &told))
}

/// One order, and how far it has come. The look is entered into the log.
#[utoipa::path(get, path = "/api/v1/erasure-orders/{id}", tag = "insight",
    params(("id" = String, Path, description = "Its name")),
    responses((status = 200, description = "The order", body = Order), (status = 404, description = "There is none")))]
async fn one(State(admin): State<Admin>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    Ok(json(StatusCode::OK, &shown(&actions::one(&admin, &visitor, &id).await?)))
}
