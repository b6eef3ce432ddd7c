//! The tokens, for programs. A token can be revoked with a token, and not made.

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{revoke as revoke_one, seen};
use crate::admin::api::{Problem, json};
use crate::admin::{Admin, Answer, Visitor};
use crate::store::AdminToken;

#[derive(OpenApi)]
#[openapi(paths(list, revoke), components(schemas(Token)))]
pub(in crate::admin) struct Documentation;

/// A token; its secret is shown once, when it is made.
#[derive(Debug, Serialize, ToSchema)]
struct Token {
    id: String,
    label: String,
    /// `read` or `write`.
    scope: String,
    roles: Vec<String>,
    made_by: String,
    #[schema(value_type = String, format = DateTime)]
    created: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    ends: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    revoked: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    used: Option<Timestamp>,
}

impl From<AdminToken> for Token {
    fn from(token: AdminToken) -> Self {
        Self {
            id: token.id,
            label: token.label,
            scope: token.scope,
            roles: token.roles.split_whitespace().map(str::to_owned).collect(),
            made_by: token.made_by.to_string(),
            created: token.created,
            ends: token.ends,
            revoked: token.revoked,
            used: token.used,
        }
    }
}

/// The tokens that can be seen: one's own, an operator's organisation's.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", responses(
    (status = 200, description = "The tokens, the newest first", body = [Token]),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn list(State(admin): State<Admin>, visitor: Visitor) -> Answer {
    let tokens: Vec<Token> = seen(&admin, &visitor).await?.into_iter().map(Token::from).collect();
    Ok(json(StatusCode::OK, &tokens))
}

/// Revokes a token; doing it once more changes nothing.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens",
    params(("id" = String, Path, description = "The token's id")), responses(
    (status = 204, description = "It counts no longer"),
    (status = 401, description = "No token, or one that does not count", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "The role or scope does not cover it", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "There is none that can be seen", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "The store does not answer", body = Problem, content_type = "application/problem+json")))]
pub(super) async fn revoke(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    revoke_one(&admin, &visitor, &id).await?;
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
