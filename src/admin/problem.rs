//! `application/problem+json` (RFC 9457): what the API says instead of a page.

use axum::response::{IntoResponse, Response};
use http::header::{self, HeaderValue};

use super::{Refusal, shell};
use crate::language::Language;

/// A refusal as a problem. Its `type` is a name that stays, `title` and `detail` are for a person.
pub(super) fn problem(refusal: &Refusal, language: Language) -> Response {
    let words = shell::refusal_words(refusal, language);
    let mut problem = serde_json::json!({
        "type": format!("urn:geovagt:problem:{}", kind(refusal)),
        "title": words.title,
        "status": refusal.status().as_u16(),
        "detail": words.detail,
    });
    if let (Refusal::Fault(code), Some(members)) = (refusal, problem.as_object_mut()) {
        members.insert("instance".to_owned(), format!("urn:geovagt:fault:{code}").into());
    }
    let mut response = (refusal.status(), problem.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
    if *refusal == Refusal::SignInNeeded {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn kind(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::SignInNeeded => "sign-in-needed",
        Refusal::NotPermitted => "not-permitted",
        Refusal::NotFound => "not-found",
        Refusal::MethodNotAllowed => "method-not-allowed",
        Refusal::Forged => "forged",
        Refusal::TooLarge => "too-large",
        Refusal::TooSlow => "too-slow",
        Refusal::Invalid(_) => "invalid",
        Refusal::Conflict(_) => "conflict",
        Refusal::PreconditionFailed => "precondition-failed",
        Refusal::TooMany => "too-many",
        Refusal::NoEntry => "log-unavailable",
        Refusal::Unavailable => "unavailable",
        Refusal::Fault(_) => "fault",
    }
}
