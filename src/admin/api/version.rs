//! Versions of things: whoever changes one says which version he has seen (RFC 9110 section 13).

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::json;
use crate::admin::Refusal;

/// The version of a thing: of what is shown of it.
fn version(value: &impl Serialize) -> String {
    let shown = serde_json::to_vec(value).unwrap_or_default();
    let digest = hex::encode(Sha256::digest(shown));
    format!("\"{}\"", digest.get(..32).unwrap_or_default())
}

/// An answer in JSON with its version, or 304 where the program has this one already.
pub fn versioned(headers: &HeaderMap, value: &impl Serialize) -> Response {
    let version = version(value);
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter();
    let known = known.filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(','));
    let mut response = if known.map(str::trim).any(|one| one == "*" || one == version) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        json(StatusCode::OK, value)
    };
    if let Ok(version) = HeaderValue::from_str(&version) {
        response.headers_mut().insert(header::ETAG, version);
    }
    response
}

/// The version that a change is meant for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// Whether the change is meant for what is there now. Without `If-Match` it is.
    ///
    /// # Errors
    /// [`Refusal::PreconditionFailed`].
    pub fn check(&self, value: &impl Serialize) -> Result<(), Refusal> {
        let Self(wanted) = self;
        let now = version(value);
        let fits = wanted.is_empty() || wanted.iter().any(|one| one == "*" || *one == now);
        if fits { Ok(()) } else { Err(Refusal::PreconditionFailed) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let lines = parts.headers.get_all(header::IF_MATCH).into_iter();
        // What is no text matches nothing.
        let lines = lines.map(|value| value.to_str().unwrap_or("-"));
        Ok(Self(lines.flat_map(|line| line.split(',')).map(|one| one.trim().to_owned()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_made_to_the_version_that_was_seen() {
        let (seen, changed) = (("a", 1), ("a", 2));
        let response = versioned(&HeaderMap::new(), &seen);
        let tag = response.headers()[header::ETAG].to_str().unwrap().to_owned();
        let asked = IfMatch(vec!["\"x\"".to_owned(), tag.clone()]);
        assert_eq!(asked.check(&seen), Ok(()));
        assert_eq!(asked.check(&changed), Err(Refusal::PreconditionFailed));
        assert_eq!(IfMatch(Vec::new()).check(&changed), Ok(()));
        assert_eq!(IfMatch(vec!["*".to_owned()]).check(&changed), Ok(()));
        assert_eq!(IfMatch(vec!["-".to_owned()]).check(&seen), Err(Refusal::PreconditionFailed));
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, tag.parse().unwrap());
        assert_eq!(versioned(&headers, &seen).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(versioned(&headers, &changed).status(), StatusCode::OK);
    }
}
