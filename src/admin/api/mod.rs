//! What all calls of the API share: its description, who asks, versions of things, and calls that
//! are made twice.
//!
//! A room's handlers take [`Visitor`] like its pages and answer [`json`] or, for what can be changed,
//! [`versioned`]; a change takes [`IfMatch`] and asks it. Bodies are read as [`Body`]. A POST that
//! brings an `Idempotency-Key` is seen to before the handler runs.

mod body;
mod idempotency;
mod version;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use utoipa::openapi::OpenApi as Document;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi, ToSchema};

use super::{Admin, Answer, Right, Routes, Visitor};

pub use body::Body;
pub(super) use idempotency::once;
pub use version::{IfMatch, versioned};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.get("/api/v1/openapi.json", Right::Everybody, openapi).get(
        "/api/v1/session",
        Right::Everybody,
        session,
    )
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "geovagt",
        description = "Travel exemptions, the block log and the country list of one organisation. Every call acts in the organisation and with the roles of its token."
    ),
    paths(openapi, session),
    components(schemas(Session, Problem)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Documentation;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", scheme);
    }
}

/// The description of everything under `/api/v1`. A room adds its own `Documentation` here.
#[must_use]
pub fn document() -> Document {
    let mut document = Documentation::openapi();
    document.merge(super::tokens::Documentation::openapi());
    for room in rooms() {
        document.merge(with_problems(room));
    }
    document
}

fn rooms() -> [Document; 12] {
    [
        super::overview::Documentation::openapi(),
        super::list::Documentation::openapi(),
        super::would::Documentation::openapi(),
        super::systems::Documentation::openapi(),
        super::log::Documentation::openapi(),
        super::review::Documentation::openapi(),
        super::breach::Documentation::openapi(),
        super::travel::api::Documentation::openapi(),
        super::own::api::Documentation::openapi(),
        super::insight::Documentation::openapi(),
        super::erasure::Documentation::openapi(),
        super::report::Documentation::openapi(),
    ]
}

/// What every call may answer instead; said once and not at each.
const PROBLEMS: [(&str, &str); 6] = [
    ("401", "No token, or one that does not count"),
    ("403", "The role or scope does not cover it"),
    ("404", "There is no such thing, or it is another organisation's"),
    ("412", "It has changed since it was looked at"),
    ("422", "What was sent does not fit"),
    ("503", "The log or the store does not answer"),
];

/// Adds to each call the problems that it does not name itself.
fn with_problems(mut document: Document) -> Document {
    use utoipa::openapi::{Content, Ref, ResponseBuilder};
    for item in document.paths.paths.values_mut() {
        let calls = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
        for call in calls.into_iter().flatten() {
            for (status, what) in PROBLEMS {
                let problem = Content::new(Some(Ref::from_schema_name("Problem")));
                let response = ResponseBuilder::new()
                    .description(what)
                    .content("application/problem+json", problem)
                    .build();
                let known = &mut call.responses.responses;
                known.entry(status.to_owned()).or_insert_with(|| response.into());
            }
        }
    }
    document
}

/// What is said instead of an answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A name that stays: `urn:geovagt:problem:not-found`.
    #[schema(rename = "type")]
    pub r#type: String,
    /// One line.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What is the matter and what to do.
    pub detail: String,
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
struct Session {
    /// Whether anybody is recognised.
    signed_in: bool,
    /// The login name.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The organisation that calls act in.
    #[serde(skip_serializing_if = "Option::is_none")]
    organization: Option<String>,
    /// The roles there.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<&'static str>>,
    /// By whose clock its days are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zone: Option<String>,
}

/// The description of the API.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "session",
    responses((status = 200, description = "OpenAPI 3.1", content_type = "application/json")),
    security(()))]
async fn openapi() -> Response {
    json(StatusCode::OK, &document())
}

/// Who asks, and with which roles.
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, description = "Who asks", body = Session)),
    security((), ("bearer" = [])))]
async fn session(State(_): State<Admin>, visitor: Option<axum::Extension<Visitor>>) -> Answer {
    let visitor = visitor.map(|axum::Extension(visitor)| visitor);
    let roles = visitor.as_ref().map(|known| {
        let held = known.roles.get(known.organization_id());
        held.into_iter().flatten().map(|role| role.word()).collect()
    });
    let session = Session {
        signed_in: visitor.is_some(),
        name: visitor.as_ref().map(|known| known.name.as_str().to_owned()),
        organization: visitor.as_ref().map(|known| known.organization_id().to_string()),
        roles,
        time_zone: visitor
            .as_ref()
            .and_then(|known| known.organization.time_zone.iana_name().map(str::to_owned)),
    };
    Ok(json(StatusCode::OK, &session))
}

/// An answer in JSON.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (status, kind, bytes).into_response()
        }
        Err(error) => super::Refusal::fault(&error).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn no_two_rooms_call_different_things_by_one_name() {
        let mut known = BTreeMap::new();
        for room in rooms() {
            for (name, schema) in room.components.unwrap_or_default().schemas {
                let schema = serde_json::to_value(&schema).unwrap();
                let first = known.entry(name.clone()).or_insert_with(|| schema.clone());
                assert_eq!(*first, schema, "{name}");
            }
        }
        assert!(known.len() > 20, "{known:?}");
    }
}
