//! `/healthz`, `/readyz`, `/metrics` and `/authorize` on a listener of their own, for those who run the gateway.
//!
//! `/healthz` says that the process answers. `/readyz` says whether every part is ready, and names
//! the one that is not: a gateway that would reject everybody must not look healthy.
//! `/authorize` is forward-auth, for proxies that the configuration names and for nobody else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::gateway::body::ResponseBody;
use crate::gateway::{self, Ends, Gateway};
use crate::lifecycle::Tasks;
use crate::telemetry::Metrics;

/// Open connections to these pages, on each of their sockets. A proxy that asks about every request
/// keeps some for each of its workers.
const MOST_CONNECTIONS: usize = 1024;

/// How long a client of these pages may take for a request's head.
const HEADER_TIME: Duration = Duration::from_secs(10);

/// How long an answer that is under way may take when the gateway stops.
const LAST_ANSWER: Duration = Duration::from_secs(1);

/// One part of the gateway and how it is.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Part {
    /// `policy`, `database`, `audit`, `store`, `certificates`, `upstreams` and others.
    pub name: &'static str,
    /// Whether it does its work.
    pub ready: bool,
    /// Whether somebody should look at it, although it does.
    pub warning: bool,
    /// One sentence for a person.
    pub detail: String,
}

/// Tells how the parts are.
pub type Readiness = Arc<dyn Fn() -> Vec<Part> + Send + Sync>;

/// Serves until shutdown.
pub(crate) async fn serve(
    listener: Arc<TcpListener>,
    gateway: Arc<Gateway>,
    readiness: Readiness,
    metrics: Option<Metrics>,
    tasks: Tasks,
) {
    gateway::start_counting();
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let stopping = tasks.stopping();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        let ends = accepted.and_then(|(stream, peer)| {
            let local = stream.local_addr()?;
            Ok((stream, Ends { peer, local }))
        });
        let Ok((stream, ends)) = ends else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        // Whoever holds more open takes descriptors from the sites' own listeners.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let (readiness, metrics) = (Arc::clone(&readiness), metrics.clone());
        let gateway = Arc::clone(&gateway);
        let stopping = stopping.clone();
        tasks.spawn(async move {
            let _place = place;
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let answered = (!is_authorize(&request))
                    .then(|| answer(&request, &readiness, metrics.as_ref()));
                let gateway = Arc::clone(&gateway);
                async move {
                    Ok::<_, Infallible>(match answered {
                        Some(response) => response,
                        None => gateway::authorize(&gateway, &request.into_parts().0, ends).await,
                    })
                }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIME)
                .serve_connection(TokioIo::new(stream), service);
            tokio::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => {}
                () = stopping.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    // hyper waits for the first request of a connection that has sent none.
                    let _ = tokio::time::timeout(LAST_ANSWER, connection).await;
                }
            }
        });
    }
}

/// Whether a proxy asks. Envoy sends the client's own method, and its path behind ours.
fn is_authorize(request: &Request<Incoming>) -> bool {
    match request.uri().path().strip_prefix("/authorize") {
        Some("") => matches!(*request.method(), Method::GET | Method::HEAD),
        Some(behind) => behind.starts_with('/'),
        None => false,
    }
}

fn answer(
    request: &Request<Incoming>,
    readiness: &Readiness,
    metrics: Option<&Metrics>,
) -> Response<ResponseBody> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
    }
    match request.uri().path() {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/readyz" => ready(&readiness()),
        "/metrics" => match metrics {
            Some(handle) => {
                is_ready(&readiness());
                let mut response = text(StatusCode::OK, handle.render());
                response.headers_mut().insert(
                    header::CONTENT_TYPE,
                    header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
                );
                response
            }
            None => text(StatusCode::NOT_FOUND, "metrics are not collected in this process\n"),
        },
        _ => text(StatusCode::NOT_FOUND, "/healthz, /readyz, /metrics and /authorize are here\n"),
    }
}

fn ready(parts: &[Part]) -> Response<ResponseBody> {
    let ready = is_ready(parts);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = serde_json::json!({ "ready": ready, "parts": parts }).to_string() + "\n";
    let mut response = text(status, body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// Whether every part is; the gauge says the same.
fn is_ready(parts: &[Part]) -> bool {
    let ready = parts.iter().all(|part| part.ready);
    metrics::gauge!("geovagt_ready").set(if ready { 1.0 } else { 0.0 });
    ready
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::page(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}
