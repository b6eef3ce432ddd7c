//! Three small sites that stand behind the gateway in the demo: a council member's mail, an
//! intranet, and the website of another organisation.
//!
//! They have no login of their own and believe the `X-Geovagt-*` headers, as an upstream may that
//! only the gateway can reach. Every site also answers `/echo` (the request as it arrived, as JSON)
//! and `/stream` (ten lines, a tenth of a second apart).

mod page;
mod stream;

use std::convert::Infallible;
use std::fmt;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::lifecycle::Tasks;

/// What an answer of a sample site carries.
pub type Body = BoxBody<Bytes, Infallible>;

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
    let stopping = tasks.stopping();
    loop {
        let accepted = tokio::select! {
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => tasks.spawn(connection(stream, site, tasks.clone())),
            // Out of file descriptors, or a client that was gone before we looked: let others run.
            Err(error) => {
                tracing::debug!(%site, %error, "a sample site could not accept a connection");
                tokio::task::yield_now().await;
            }
        }
    }
}

async fn connection(stream: TcpStream, site: SampleSite, tasks: Tasks) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(site, &request);
        async move { Ok::<_, Infallible>(response) }
    });
    let serving =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let stopping = tasks.stopping();
    let ended = tokio::select! {
        ended = &mut serving => ended,
        () = stopping.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%site, %error, "a connection to a sample site broke");
    }
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

fn answer(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Full::new(body).boxed());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

#[cfg(test)]
mod tests;
