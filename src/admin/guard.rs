//! What every answer passes, and what every form must show.
//!
//! Always holds: nothing of ours is kept by a browser or proxy, framed, or mixed with anything from
//! elsewhere; a change that a browser asks for comes from our own page, by what the browser says of
//! the request (`Sec-Fetch-Site`, `Origin`) and by a token that only this session's pages hold.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{self, HeaderName, HeaderValue};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use super::access::{self, Visitor};
use super::form::{Fields, LARGEST};
use super::shell::{self, style};
use super::{Admin, Refusal, sign_in};
use crate::language::Language;

/// How long a request may take until its answer's head is known.
const LONGEST: Duration = Duration::from_secs(60);
/// The token of a call that a script makes as somebody who is signed in.
pub(super) const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// Puts the guard around all routes.
pub(super) fn around(admin: &Admin, router: Router) -> Router {
    let forged = |_: ProtectionError| Refusal::Forged.into_response();
    router
        .layer(DefaultBodyLimit::max(LARGEST))
        .layer(CsrfLayer::new().with_rejection_response(forged))
        .layer(middleware::from_fn_with_state(admin.clone(), dress))
}

/// Whether a path is the API's.
pub(super) fn is_api(path: &str) -> bool {
    path.strip_prefix("/api").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Says in words what was refused, and puts the headers on.
async fn dress(State(admin): State<Admin>, request: Request, next: Next) -> Response {
    let asked = shell::Asking::of(&request);
    if !is_taken(&admin, asked.connection.client) {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::FORBIDDEN;
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    let answered = tokio::time::timeout(LONGEST, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| Refusal::TooSlow.into_response());
    if let Some(refusal) = response.extensions_mut().remove::<Refusal>() {
        let visitor = response.extensions_mut().remove::<Visitor>();
        response = said(&admin, &asked, &refusal, visitor.as_ref()).await;
    }
    headers(&mut response, &asked);
    response
}

/// Whether the networks still hold the client: a connection can be older than they are.
fn is_taken(admin: &Admin, client: IpAddr) -> bool {
    let loaded = admin.loaded();
    let networks = loaded.config.admin.as_ref().map_or(&[][..], |rules| &rules.networks);
    networks.is_empty() || networks.iter().any(|network| network.contains(&client))
}

async fn said(
    admin: &Admin,
    asked: &shell::Asking,
    refusal: &Refusal,
    visitor: Option<&Visitor>,
) -> Response {
    let language = visitor.map_or_else(|| asked.language(Language::Danish), |known| known.language);
    if is_api(&asked.path) {
        return super::problem::problem(refusal, language);
    }
    match (refusal, visitor) {
        (Refusal::SignInNeeded, _) | (_, None) => sign_in::at_the_door(admin, asked, refusal).await,
        (refusal, Some(visitor)) => shell::refused(visitor, refusal),
    }
}

fn headers(response: &mut Response, asked: &shell::Asking) {
    let policy = style::policy();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let headers = response.headers_mut();
    let plain = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, if is_page { policy } else { plain });
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // With `no-referrer` a browser would say `Origin: null` of our own forms.
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Said over plain HTTP it would mean nothing.
    if asked.connection.secure {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    if let Some(cookie) = asked.language_cookie() {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// Whether what a visitor sends holds the token of the visitor's session. A program's own token
/// needs none: no browser sends it by itself.
///
/// # Errors
/// [`Refusal::Forged`], and [`Refusal::TooLarge`] for a body that nobody would read anyway.
pub(super) async fn check_token(visitor: &Visitor, request: &mut Request) -> Result<(), Refusal> {
    if request.method().is_safe() || visitor.token.is_some() {
        return Ok(());
    }
    // A script says it in a header, which no form of another site can set.
    if let Some(shown) = request.headers().get(TOKEN_HEADER) {
        return access::is_same(shown.as_bytes(), &visitor.csrf);
    }
    if is_api(request.uri().path()) {
        return Err(Refusal::Forged);
    }
    let body = std::mem::replace(request.body_mut(), Body::empty());
    let bytes = axum::body::to_bytes(body, LARGEST).await.map_err(|_| Refusal::TooLarge)?;
    let kind = request.headers().get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok()).unwrap_or_default();
    access::is_same(&shown_token(kind, &bytes), &visitor.csrf)?;
    *request.body_mut() = Body::from(bytes);
    Ok(())
}

/// The field `csrf`; in a form with files it has to be the first.
fn shown_token(content_type: &str, body: &Bytes) -> Vec<u8> {
    match content_type.strip_prefix("multipart/form-data; boundary=") {
        None => Fields::read(body).text("csrf").as_bytes().to_vec(),
        Some(boundary) => {
            let head =
                format!("--{boundary}\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n");
            let value = body.strip_prefix(head.as_bytes()).unwrap_or_default();
            value.split(|&byte| byte == b'\r').next().unwrap_or_default().to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_both_kinds_of_form() {
        let plain = Bytes::from_static(b"a=b&csrf=00ff");
        assert_eq!(shown_token("application/x-www-form-urlencoded", &plain), b"00ff");
        let kind = "multipart/form-data; boundary=xyz";
        let first = b"--xyz\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n00ff\r\n--xyz";
        assert_eq!(shown_token(kind, &Bytes::from_static(first)), b"00ff");
        let later = b"--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n00ff\r\n--xyz";
        assert_eq!(shown_token(kind, &Bytes::from_static(later)), b"");
        assert!(is_api("/api/v1/x") && is_api("/api") && !is_api("/apix") && !is_api("/"));
    }
}
