//! `Idempotency-Key`: a call that is made once more under the same name gets the answer of the
//! first, and is not done again.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::admin::{Admin, Refusal, Visitor, form};
use crate::clock;
use crate::store::Earlier;

const NAME: HeaderName = HeaderName::from_static("idempotency-key");
/// A longer name is none.
const LONGEST: usize = 255;
/// Headers of an answer that are kept with it.
const KEPT: [HeaderName; 3] = [header::CONTENT_TYPE, header::ETAG, header::LOCATION];

#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// Makes the call, unless it was made before under the same name.
pub(in crate::admin) async fn once(
    admin: &Admin,
    visitor: &Visitor,
    request: Request,
    next: Next,
) -> Response {
    let Some(name) = request.headers().get(NAME).cloned() else { return next.run(request).await };
    match at_most_once(admin, visitor, &name, request, next).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn at_most_once(
    admin: &Admin,
    visitor: &Visitor,
    name: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let name = name.to_str().ok().filter(|name| !name.is_empty() && name.len() <= LONGEST);
    let name = name.ok_or_else(|| {
        Refusal::Invalid("`Idempotency-Key` has to be 1 to 255 characters of ASCII".to_owned())
    })?;
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, form::LARGEST).await.map_err(|_| Refusal::TooLarge)?;
    let digest = digest(&parts, &bytes);
    let store = admin.store();
    match store.begin_idempotent(&visitor.key, name, &digest, clock::now()).await? {
        Earlier::First => {}
        Earlier::Another => {
            let text = "this `Idempotency-Key` was sent with another call; choose a new one";
            return Err(Refusal::Invalid(text.to_owned()));
        }
        Earlier::Unanswered => {
            let text = "a call with this `Idempotency-Key` is under way, or ended without an answer; look whether it was done, then choose a new one";
            return Err(Refusal::Conflict(text.to_owned()));
        }
        Earlier::Answered(kept) => return replayed(&kept),
    }
    let response = next.run(Request::from_parts(parts, Body::from(bytes))).await;
    let (response, kept) = kept(response).await?;
    store.end_idempotent(&visitor.key, name, kept.as_deref()).await?;
    Ok(response)
}

fn digest(parts: &http::request::Parts, body: &Bytes) -> String {
    let mut digest = Sha256::new();
    for part in [parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), body] {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    hex::encode(digest.finalize())
}

/// The answer, and what is kept of it. What was refused changed nothing and is not kept.
async fn kept(response: Response) -> Result<(Response, Option<String>), Refusal> {
    if response.extensions().get::<Refusal>().is_some() || !response.status().is_success() {
        return Ok((response, None));
    }
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, form::LARGEST).await.map_err(|_| Refusal::TooLarge)?;
    let headers = KEPT.iter().filter_map(|name| {
        Some((name.to_string(), parts.headers.get(name)?.to_str().ok()?.to_owned()))
    });
    let kept = Kept {
        status: parts.status.as_u16(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    let kept = serde_json::to_string(&kept).map_err(|error| Refusal::fault(&error))?;
    Ok((Response::from_parts(parts, Body::from(bytes)), Some(kept)))
}

fn replayed(kept: &str) -> Result<Response, Refusal> {
    let kept: Kept = serde_json::from_str(kept).map_err(|error| Refusal::fault(&error))?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    for (name, value) in kept.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    let replayed = HeaderName::from_static("idempotency-replayed");
    response.headers_mut().insert(replayed, HeaderValue::from_static("true"));
    Ok(response)
}
