//! What an answer is when it is not what was asked for. Said in words by [`super::shell`], as a
//! problem (RFC 9457) under `/api/`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use crate::store::StoreError;

/// What every handler gives.
pub type Answer = Result<Response, Refusal>;

/// Why something was not done. Nothing was changed, unless it says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody is signed in.
    SignInNeeded,
    /// Whoever is signed in may not do this.
    NotPermitted,
    /// There is no such thing, or it is another organisation's.
    NotFound,
    /// The thing is there and takes another method.
    MethodNotAllowed,
    /// The form came from elsewhere, or is too old.
    Forged,
    /// What was sent is more than is taken.
    TooLarge,
    /// It took longer than it may.
    TooSlow,
    /// What was sent cannot be read or does not fit; the text says what, where and what to do.
    Invalid(String),
    /// It has changed since it was looked at, or cannot be done in its state.
    Conflict(String),
    /// `If-Match` names another version.
    PreconditionFailed,
    /// Too many attempts.
    TooMany,
    /// The log cannot be written, so nothing is shown.
    NoEntry,
    /// The store does not answer.
    Unavailable,
    /// A fault of ours; the code stands in the gateway's own log.
    Fault(String),
}

impl Refusal {
    /// The status that says it.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::NotPermitted | Self::Forged => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::NoEntry | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A fault of ours: what it was goes into the gateway's own log under a code, the code to the
    /// visitor.
    #[must_use]
    pub fn fault(error: &(dyn std::error::Error + 'static)) -> Self {
        let code = crate::audit::Reference::from_random(crate::clock::random_bytes()).to_string();
        tracing::error!(code, error = crate::telemetry::chain(error), "a page failed");
        Self::Fault(code)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = crate::telemetry::chain(&error), "the store did not answer a page");
        Self::Unavailable
    }
}

impl From<askama::Error> for Refusal {
    fn from(error: askama::Error) -> Self {
        Self::fault(&error)
    }
}

impl IntoResponse for Refusal {
    /// The words are put to it where the visitor is known.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
