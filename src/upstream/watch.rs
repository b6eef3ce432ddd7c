//! What goes on beside the requests: unused connections end, names are resolved anew, servers are
//! asked how they are.
//!
//! Always holds: each task ends when its configuration is replaced, and at shutdown; at shutdown no
//! unused connection is left.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt as _, Limited};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::connect::Fresh;
use super::connection::{Connection, Stream};
use super::server::Server;
use super::servers::{Servers, announce};
use super::{RequestBody, metrics};
use crate::clock;
use crate::config::{HealthCheck, UpstreamHost};
use crate::lifecycle::Tasks;

/// How often everything is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// More of a health page is not read.
const MOST_BYTES: usize = 64 << 10;

/// What the configuration says of watching a site's servers.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) check: Option<HealthCheck>,
    pub(super) host: UpstreamHost,
    /// A host that the site answers for.
    pub(super) site_host: Option<String>,
    pub(super) resolve_every: Duration,
}

/// Starts to watch a site's servers, until `replaced`.
pub(super) fn spawn(
    tasks: &Tasks,
    servers: &Arc<Servers>,
    watched: &Watched,
    replaced: &CancellationToken,
) {
    let (care, stopping, gone) = (Arc::clone(servers), tasks.stopping(), replaced.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = take_care(&care) => {}
            () = gone.cancelled() => {}
            () = stopping.cancelled() => {
                care.members.iter().for_each(|member| member.server.retire());
            }
        }
    });
    for member in &servers.members {
        let (server, stopping, gone) =
            (Arc::clone(&member.server), tasks.stopping(), replaced.clone());
        let slow_start = servers.settings.slow_start;
        let watched = watched.clone();
        tasks.spawn(async move {
            let work = async {
                tokio::join!(
                    resolve(&server, watched.resolve_every),
                    ask_again_and_again(&server, &watched, slow_start),
                )
            };
            tokio::select! {
                _ = work => {}
                () = gone.cancelled() => {}
                () = stopping.cancelled() => {}
            }
        });
    }
}

async fn take_care(servers: &Servers) {
    loop {
        let now = clock::instant();
        for member in &servers.members {
            let server = &member.server;
            server.pool.sweep(now, servers.settings.rules.timeouts.idle);
            if server.is_troubled() {
                server.learn(servers.settings.slow_start, |_, _| ());
            }
            metrics::gauges(server, server.shown());
        }
        servers.roll_budget();
        sleep(EVERY).await;
    }
}

async fn resolve(server: &Server, every: Duration) {
    loop {
        // What fails is said there, once.
        if let Ok(true) = server.origin.addresses.refresh(every / 2).await {
            server.pool.renew();
        }
        sleep(every).await;
    }
}

async fn ask_again_and_again(server: &Server, watched: &Watched, slow_start: Duration) {
    let Some(check) = &watched.check else {
        server.learn(slow_start, super::health::Health::unchecked);
        return;
    };
    let host = watched.host_for(&server.origin.host);
    loop {
        let well = match timeout(check.timeout, ask(server, check, &host)).await {
            Ok(Ok(well)) => well,
            Ok(Err(error)) => {
                tracing::debug!(server = &**server.name(), error, "a health check failed");
                false
            }
            Err(_) => false,
        };
        let change = server.learn(slow_start, |health, now| health.checked(well, now, check));
        announce(server, change);
        sleep(check.interval).await;
    }
}

/// One question over a connection of its own: whether the server still accepts is part of it.
async fn ask(server: &Server, check: &HealthCheck, host: &HeaderValue) -> Result<bool, String> {
    let fresh = server.origin.connect(check.timeout, false).await;
    let fresh = fresh.map_err(|error| crate::telemetry::chain(&error))?;
    let mut connection = match fresh {
        Fresh::Http1(single) => Connection::Http1(single),
        Fresh::Http2(shared) => Connection::Http2(Stream::new(&shared)),
    };
    let mut request = Request::new(RequestBody::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = http::Uri::from(check.path.clone());
    let headers = request.headers_mut();
    headers.insert(header::HOST, host.clone());
    headers.insert(header::USER_AGENT, HeaderValue::from_static("geovagt health check"));
    if matches!(connection, Connection::Http1(_)) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let answer = connection.send(request).await;
    let response = answer.map_err(|error| crate::telemetry::chain(error.error()))?;
    let well = check.status.contains(&response.status().as_u16());
    // An answer that breaks off is no answer; one that is long is enough.
    let body = Limited::new(response.into_body(), MOST_BYTES).collect().await;
    match body {
        Err(error) if !error.is::<http_body_util::LengthLimitError>() => Err(error.to_string()),
        _ => Ok(well),
    }
}

impl Watched {
    /// The Host that health checks carry: what the site's requests do, as far as that is one.
    fn host_for(&self, own: &HeaderValue) -> HeaderValue {
        match &self.host {
            UpstreamHost::Literal(host) => host.clone(),
            UpstreamHost::Upstream => own.clone(),
            UpstreamHost::Preserve => self
                .site_host
                .as_deref()
                .and_then(|host| HeaderValue::from_str(host).ok())
                .unwrap_or_else(|| own.clone()),
        }
    }
}
