//! Three small sites that stand behind the gateway in the demo: a council member's mail, an
//! intranet, and the website of another organisation.
//!
//! They have no login of their own and believe the `X-Geovagt-*` headers, as an upstream may that
//! only the gateway can reach. Every site also answers `/echo` (the request as it arrived, as JSON)
//! and `/stream` (ten lines, a tenth of a second apart).

mod page;
mod stream;

use std::fmt;

use http::header::ALLOW;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tokio::net::TcpListener;

use super::web::{self, Body, answer};
use crate::lifecycle::Tasks;

/// Which of the sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleSite {
    /// The inbox of a council member.
    Mail,
    /// News, agenda and documents.
    Intranet,
    /// The public website of a second organisation.
    Website,
}

impl fmt::Display for SampleSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mail => "mail",
            Self::Intranet => "intranet",
            Self::Website => "website",
        })
    }
}

/// Answers one request.
#[must_use]
pub fn respond<B>(site: SampleSite, request: &Request<B>) -> Response<Body> {
    match (request.method(), request.uri().path()) {
        (_, "/echo") => echo(site, request),
        (&Method::GET | &Method::HEAD, "/stream") => stream::response(),
        (&Method::GET | &Method::HEAD, "/direkte") => stream::minutes(),
        (&Method::GET | &Method::HEAD, "/") => page::response(site, request.headers()),
        (&Method::GET | &Method::HEAD, _) => {
            let missing = "Siden findes ikke på prøvesitet.\n";
            answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", missing.into())
        }
        _ => {
            let refused = "Prøvesitet tager kun imod GET.\n";
            let mut response =
                answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", refused.into());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
    }
}

/// Serves a site until shutdown; connections get to finish what they do.
pub async fn serve(listener: TcpListener, site: SampleSite, tasks: &Tasks) {
    web::serve(listener, tasks, move |request: &_| respond(site, request)).await;
}

/// The request as the upstream sees it. Fields that came more than once are lists.
fn echo<B>(site: SampleSite, request: &Request<B>) -> Response<Body> {
    let mut headers = serde_json::Map::new();
    for name in request.headers().keys() {
        let mut values = values_of(request.headers(), name.as_str());
        let value = if values.len() == 1 { values.remove(0) } else { values.into() };
        headers.insert(name.as_str().to_owned(), value);
    }
    let document = serde_json::json!({
        "site": site.to_string(),
        "method": request.method().as_str(),
        "path": request.uri().path(),
        "query": request.uri().query(),
        "headers": headers,
    });
    answer(StatusCode::OK, "application/json", format!("{document:#}\n").into())
}

fn values_of(headers: &HeaderMap, name: &str) -> Vec<serde_json::Value> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned().into();
    headers.get_all(name).iter().map(text).collect()
}

#[cfg(test)]
mod tests;
