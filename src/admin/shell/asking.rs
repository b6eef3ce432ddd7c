//! What is known of a request that nobody has been recognised in.

use axum::extract::Request;
use http::{HeaderMap, HeaderValue, Method, header};

use crate::admin::access::{self, Connection};
use crate::admin::guard;
use crate::admin::sign_in::is_path;
use crate::language::Language;

const LANGUAGE_COOKIE: &str = "geovagt-language";
/// A year.
const KEPT: u32 = 31_536_000;

/// A request without its body.
#[derive(Debug, Clone)]
pub(in crate::admin) struct Asking {
    pub(in crate::admin) method: Method,
    pub(in crate::admin) path: String,
    pub(in crate::admin) query: Option<String>,
    pub(in crate::admin) headers: HeaderMap,
    pub(in crate::admin) connection: Connection,
    /// The name in the address bar, with its port.
    pub(in crate::admin) host: Option<String>,
}

impl Asking {
    pub(in crate::admin) fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            query: request.uri().query().map(str::to_owned),
            headers: request.headers().clone(),
            connection: access::connection(request.extensions()),
            host: host(request),
        }
    }

    pub(in crate::admin) fn language(&self, default: Language) -> Language {
        language(&self.headers, self.query.as_deref(), default)
    }

    /// The token that a script shows.
    pub(in crate::admin) fn token(&self) -> &[u8] {
        self.headers.get(guard::TOKEN_HEADER).map(HeaderValue::as_bytes).unwrap_or_default()
    }

    /// Where to go on after signing in: back here, unless coming back would do something, or a
    /// browser would take the path for another host (`//elsewhere`).
    pub(in crate::admin) fn next(&self) -> String {
        match (&self.method, &self.query) {
            (&Method::GET | &Method::HEAD, _) if !is_path(&self.path) => "/".to_owned(),
            (&Method::GET | &Method::HEAD, Some(query)) => format!("{}?{query}", self.path),
            (&Method::GET | &Method::HEAD, None) => self.path.clone(),
            _ => "/".to_owned(),
        }
    }

    /// A `Set-Cookie` that keeps the language that the address asks for.
    pub(in crate::admin) fn language_cookie(&self) -> Option<HeaderValue> {
        let language = in_query(self.query.as_deref())?;
        let tag = language.tag();
        let text = match self.connection.secure {
            true => format!(
                "__Host-{LANGUAGE_COOKIE}={tag}; Max-Age={KEPT}; Path=/; Secure; HttpOnly; SameSite=Lax"
            ),
            false => {
                format!("{LANGUAGE_COOKIE}={tag}; Max-Age={KEPT}; Path=/; HttpOnly; SameSite=Lax")
            }
        };
        HeaderValue::from_str(&text).ok()
    }
}

/// What the address asks for (`?sprog=da|en`), else what was asked for before, else what the browser
/// prefers, else the organisation's.
fn language(headers: &HeaderMap, query: Option<&str>, default: Language) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    in_query(query)
        .or_else(|| kept(headers))
        .unwrap_or_else(|| Language::negotiate(accepted, default))
}

/// HTTP/2 says it in the address, HTTP/1.1 in a header.
fn host(request: &Request) -> Option<String> {
    let named = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    request.uri().authority().map(http::uri::Authority::as_str).or(named).map(str::to_owned)
}

fn in_query(query: Option<&str>) -> Option<Language> {
    let pairs = query.unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.strip_prefix("sprog=")).find_map(Language::parse)
}

fn kept(headers: &HeaderMap) -> Option<Language> {
    let lines = headers.get_all(header::COOKIE).into_iter();
    lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| name.strip_prefix("__Host-").unwrap_or(name) == LANGUAGE_COOKIE)
        .and_then(|(_, value)| Language::parse(value))
}
