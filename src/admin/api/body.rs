//! The body of a call: JSON, or a problem that says what is wrong with it.

use axum::extract::{FromRequest, Request};
use http::header;
use serde::de::DeserializeOwned;

use crate::admin::{Refusal, form};

/// A body that was read.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).map(header::HeaderValue::as_bytes);
        if !kind.is_some_and(|kind| kind.to_ascii_lowercase().starts_with(b"application/json")) {
            let text = "the body has to be JSON: send `Content-Type: application/json`";
            return Err(Refusal::Invalid(text.to_owned()));
        }
        let bytes = axum::body::to_bytes(request.into_body(), form::LARGEST)
            .await
            .map_err(|_| Refusal::TooLarge)?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Refusal::Invalid(format!("the body cannot be read: {error}")))
    }
}
