//! What stands behind a socket: the gate, the protocol, the gateway.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::administration::administration;
use super::sockets::{Bound, Socket};
use super::{App, readiness};
use crate::admin;
use crate::audit::{self, Facts};
use crate::clock;
use crate::config::{Limits, ListenerDenial, TcpRoute};
use crate::gateway::{self, Gateway};
use crate::lifecycle::Tasks;
use crate::listen::http::{self, Answering, CloseConnection, HttpLimits, Refused};
use crate::listen::{self, Accepted, ConnectionAddress, Door, Gate};
use crate::tcp;
use crate::telemetry::traffic;

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
    // What the sockets of a listener speak stays, and its routes: others get sockets of their own.
    let route = door.route();
    let at = route.clone();
    let gate = move |address| gate(&asked, &shown, at.as_deref(), address);
    let handle = move |accepted| {
        let (gateway, tasks, route) = (Arc::clone(&served), tasks.clone(), route.clone());
        async move {
            match route {
                None => connection(&gateway, accepted, tasks).await,
                Some(route) => Box::pin(tcp::serve(&gateway, accepted, &route)).await,
            }
        }
    };
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
    let limits = http_limits(&gateway.snapshot().config.limits);
    let (answering, refusing) = (Arc::clone(gateway), Arc::clone(gateway));
    let answer = move |request, facts: Arc<listen::ConnectionFacts>, watch| {
        let gateway = Arc::clone(&answering);
        async move {
            gateway::handle(&gateway, request, &facts, watch)
                .await
                .map_err(|_closed| CloseConnection)
        }
    };
    let refuse = move |refused: &Refused, facts: &listen::ConnectionFacts| {
        gateway::refuse(&refusing, refused, facts)
    };
    http::serve(accepted, limits, Arc::new(Answering { answer, refuse }), tasks)
}

fn http_limits(limits: &Limits) -> HttpLimits {
    HttpLimits {
        head_time: limits.header_timeout,
        head_bytes: limits.header_bytes,
        idle: limits.idle_timeout,
        ..HttpLimits::default()
    }
}

/// Whoever would be rejected by every site goes last, or ends here, before TLS, where the listener
/// says so: always with `denial: close`, while the client's network or country floods with
/// `denial: adaptive`.
fn gate(
    gateway: &Gateway,
    door: &Door,
    route: Option<&TcpRoute>,
    address: ConnectionAddress,
) -> Gate {
    let ConnectionAddress::Settled(client) = address else { return Gate::Open };
    let now = clock::now();
    let snapshot = gateway.snapshot();
    let located = snapshot.database.locate(&client);
    let rejected = match route {
        None => snapshot.rejects_everywhere(client, &located, now),
        Some(route) => snapshot.rejects_at(route.sites(), client, &located, now),
    };
    let Some(rejected) = rejected else { return Gate::Open };
    let listener = door.name();
    let closes = match door.denial() {
        ListenerDenial::AsSites => false,
        ListenerDenial::Close => true,
        ListenerDenial::Adaptive(_) => {
            let flood = gateway.floods.of(listener);
            flood.is_some_and(|f| f.rejected(client, located.location, clock::instant()))
        }
    };
    if !closes {
        return Gate::Last;
    }
    let rejection =
        audit::Rejection::new(now, client, located.location, listener, rejected.reason());
    gateway.audit.deny_with(rejection, || {
        let mut facts = Facts::new(now, listener.clone(), client);
        facts.location = located.location;
        facts.registered_country = located.registered_country;
        facts
    });
    traffic::unsited().decided(rejected.reason());
    Gate::Close
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
    let gateway = Arc::clone(&app.gateway);
    let readiness = readiness::readiness(app);
    let metrics = app.state.metrics.clone();
    let serving =
        crate::operations::serve(bound.share(), gateway, readiness, metrics, connections.clone());
    until_cancelled(connections, serving)
}

/// Serves the administration on one socket.
pub(super) fn serve_admin(app: &App, door: &Arc<Door>, bound: Bound) -> Socket {
    let connections = app.tasks.part();
    let accepting = accept_admin(app, door, &bound, &connections);
    Socket::new(bound, connections, accepting)
}

/// Accepts on it until shutdown, or until the token is cancelled.
pub(super) fn accept_admin(
    app: &App,
    door: &Arc<Door>,
    bound: &Bound,
    connections: &Tasks,
) -> CancellationToken {
    let admin = administration(app);
    let router = admin::router(&admin);
    let gate = move |address| match &admin.loaded().config.admin {
        Some(rules) => admin::serve::gate(&rules.networks, address),
        None => Gate::Close,
    };
    let tasks = connections.clone();
    let handle = move |accepted| admin::serve::connection(router.clone(), accepted, tasks.clone());
    let accepting =
        listen::accept(bound.share(), Arc::clone(door), connections.clone(), gate, handle);
    until_cancelled(connections, accepting)
}
