//! An answer of our own: status, headers and body.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, RETRY_AFTER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::style;
use crate::language::Language;

/// The header that carries the reference of a rejection.
const REFERENCE: HeaderName = HeaderName::from_static("geovagt-reference");

/// A page of ours, or the short answer that another client gets in its stead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The status.
    pub status: StatusCode,
    /// Every header but those of the connection.
    pub headers: HeaderMap,
    /// What is shown.
    pub body: Bytes,
}

impl Page {
    pub(super) fn html(status: StatusCode, language: Language, body: String) -> Self {
        let mut page = Self::of_type(status, language, "text/html; charset=utf-8", body);
        page.headers.insert(CONTENT_SECURITY_POLICY, style::policy_of_our_pages());
        page
    }

    pub(super) fn text(status: StatusCode, language: Language, body: String) -> Self {
        Self::of_type(status, language, "text/plain; charset=utf-8", body)
    }

    /// RFC 9457.
    pub(super) fn problem(
        status: StatusCode,
        language: Language,
        problem: &serde_json::Value,
    ) -> Self {
        Self::of_type(status, language, "application/problem+json", problem.to_string())
    }

    fn of_type(
        status: StatusCode,
        language: Language,
        content_type: &'static str,
        body: String,
    ) -> Self {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Language, Accept"));
        Self { status, headers, body: Bytes::from(body) }
    }

    /// States the reference; a text that cannot be one is left out.
    pub(super) fn with_reference(mut self, reference: Option<&str>) -> Self {
        let fit = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let value = reference.filter(fit).and_then(|text| HeaderValue::from_str(text).ok());
        if let Some(value) = value {
            self.headers.insert(REFERENCE, value);
        }
        self
    }

    pub(super) fn with_retry_after(mut self, seconds: Option<u64>) -> Self {
        if let Some(seconds) = seconds {
            self.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        self
    }

    /// The answer to HEAD: the headers that GET would get, its length included, and no body.
    #[must_use]
    pub fn without_body(mut self) -> Self {
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
        self.body = Bytes::new();
        self
    }

    /// The page as a response.
    #[must_use]
    pub fn into_response(self) -> Response<Bytes> {
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_answer_has_the_headers_of_get_and_no_body() {
        let page = Page::text(StatusCode::FORBIDDEN, Language::Danish, "nej".to_owned())
            .with_reference(Some("K7QX-2M9D"))
            .without_body()
            .into_response();
        assert_eq!(page.status(), StatusCode::FORBIDDEN);
        assert_eq!(page.headers()["content-length"], "3");
        assert_eq!(page.headers()["geovagt-reference"], "K7QX-2M9D");
        assert!(page.body().is_empty());
    }

    #[test]
    fn a_reference_that_would_break_the_header_is_left_out() {
        let page = Page::text(StatusCode::FORBIDDEN, Language::Danish, String::new())
            .with_reference(Some("a\r\nSet-Cookie: b"));
        assert!(!page.headers.contains_key("geovagt-reference"));
    }
}
