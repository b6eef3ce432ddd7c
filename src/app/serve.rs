//! What stands behind a socket: the gate, the protocol, the gateway.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::sockets::{Bound, Socket};
use super::{App, readiness};
use crate::audit::Facts;
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::{Affinity, Config, Limits};
use crate::gateway::{self, Gateway};
use crate::identifier::ListenerId;
use crate::lifecycle::Tasks;
use crate::listen::http::{self, CloseConnection, HttpLimits};
use crate::listen::{self, Accepted, ConnectionAddress, Door, Gate};
use crate::policy::{self, Denial, Verdict};

/// A login that is bound to its connection cannot go over HTTP/2.
pub(super) fn offers_http2(config: &Config) -> bool {
    config.sites.values().all(|site| site.upstream.affinity == Affinity::None)
}

/// Serves one socket of a listener.
pub(super) fn serve(app: &App, door: &Arc<Door>, bound: Bound) -> Socket {
    let connections = app.tasks.part();
    let accepting = accept(app, door, &bound, &connections);
    Socket::new(bound, connections, accepting)
}

/// Accepts until shutdown, or until the token is cancelled.
pub(super) fn accept(
    app: &App,
    door: &Arc<Door>,
    bound: &Bound,
    connections: &Tasks,
) -> CancellationToken {
    let (asked, served) = (Arc::clone(&app.gateway), Arc::clone(&app.gateway));
    let (tasks, shown) = (connections.clone(), Arc::clone(door));
    let gate = move |address| gate(&asked, shown.name(), shown.closes_denied(), address);
    let handle = move |accepted| connection(&served, accepted, tasks.clone());
    let accepting =
        listen::accept(bound.share(), Arc::clone(door), connections.clone(), gate, handle);
    until_cancelled(connections, accepting)
}

fn until_cancelled(
    tasks: &Tasks,
    accepting: impl Future<Output = ()> + Send + 'static,
) -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    // However accepting ends, it shows.
    let ended = token.clone().drop_guard();
    tasks.spawn(async move {
        let _ended = ended;
        tokio::select! {
            () = accepting => {}
            () = cancelled.cancelled() => {}
        }
    });
    token
}

/// Serves one connection to its end.
fn connection(
    gateway: &Arc<Gateway>,
    accepted: Accepted,
    tasks: Tasks,
) -> impl Future<Output = ()> + Send + use<> {
    let gateway = Arc::clone(gateway);
    let limits = http_limits(&gateway.snapshot().config.limits);
    let service = move |request, facts: Arc<listen::ConnectionFacts>| {
        let gateway = Arc::clone(&gateway);
        async move {
            gateway::handle(&gateway, request, &facts).await.map_err(|_closed| CloseConnection)
        }
    };
    http::serve(accepted, limits, Arc::new(service), tasks)
}

fn http_limits(limits: &Limits) -> HttpLimits {
    HttpLimits {
        head_time: limits.header_timeout,
        head_bytes: limits.header_bytes,
        idle: limits.idle_timeout,
        ..HttpLimits::default()
    }
}

/// `denial: close` on a listener: whoever would be rejected by every site ends here, before TLS.
fn gate(
    gateway: &Gateway,
    listener: &ListenerId,
    closes: bool,
    address: ConnectionAddress,
) -> Gate {
    let ConnectionAddress::Settled(client) = address else { return Gate::Open };
    if !closes {
        return Gate::Open;
    }
    let now = clock::now();
    let snapshot = gateway.snapshot();
    let located = snapshot.database.locate(&client);
    let mut last: Option<Denial> = None;
    for site in snapshot.sites.all() {
        let subject = policy::Subject { address: client, location: located.location, person: None };
        match policy::decide(&site.policy, &subject, &snapshot.exemptions, now) {
            Verdict::Deny(denial) => last = Some(denial),
            Verdict::Allow(_) | Verdict::Identify(_) => return Gate::Open,
        }
    }
    if let Some(denial) = last {
        record_closed(gateway, listener, client, &located, denial);
    }
    Gate::Close
}

fn record_closed(
    gateway: &Gateway,
    listener: &ListenerId,
    client: ClientAddress,
    located: &crate::geoip::Located,
    denial: Denial,
) {
    let mut facts = Facts::new(clock::now(), listener.clone(), client);
    facts.location = located.location;
    facts.registered_country = located.registered_country;
    gateway.audit.deny(facts, denial);
    gateway::count("", "deny", denial.reason());
}

/// Serves the pages for those who run the gateway on one socket.
pub(super) fn serve_operations(app: &App, bound: Bound) -> Socket {
    let connections = app.tasks.part();
    let accepting = accept_operations(app, &bound, &connections);
    Socket::new(bound, connections, accepting)
}

/// Accepts on it until shutdown, or until the token is cancelled.
pub(super) fn accept_operations(
    app: &App,
    bound: &Bound,
    connections: &Tasks,
) -> CancellationToken {
    let readiness = readiness::readiness(app);
    let metrics = app.state.metrics.clone();
    let serving = crate::operations::serve(bound.share(), readiness, metrics, connections.clone());
    until_cancelled(connections, serving)
}
