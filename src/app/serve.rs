//! Sockets, doors and what stands behind them.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::{App, StartError, readiness};
use crate::audit::{self, Facts};
use crate::clock;
use crate::config::{Affinity, Config, Listener, ListenerDenial};
use crate::gateway::{self, Gateway};
use crate::identifier::ListenerId;
use crate::listen::http::{self, Answering, CloseConnection, HttpLimits, Refused};
use crate::listen::{
    self, Accepted, ConnectionAddress, ConnectionLimits, Door, DoorError, DoorSettings, Gate,
    Reloaded,
};
use crate::telemetry::{Metrics, traffic};

/// Listeners that are bound and not yet served.
pub(super) struct Open {
    listeners: Vec<OpenListener>,
    limits: HttpLimits,
}

struct OpenListener {
    sockets: Vec<TcpListener>,
    door: Arc<Door>,
    denial: ListenerDenial,
}

/// The doors of all listeners, to give them new certificates.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    doors: Vec<Arc<Door>>,
}

/// Binds every listener and loads what it needs.
pub(super) fn open(config: &Config) -> Result<Open, StartError> {
    let limits = ConnectionLimits::with_handshake_time(
        config.limits.connections,
        config.limits.connections_per_address,
        config.limits.header_timeout,
    );
    let open_one = |listener: &Listener| {
        let settings = DoorSettings::load(listener, offers_http2(config))?;
        let door = Door::new(listener.name.clone(), settings, limits.clone());
        Ok(OpenListener {
            sockets: listen::bind(listener)?,
            door: Arc::new(door),
            denial: listener.denial,
        })
    };
    let listeners = config.listeners.iter().map(open_one).collect::<Result<_, StartError>>()?;
    let limits = HttpLimits {
        head_time: config.limits.header_timeout,
        head_bytes: config.limits.header_bytes,
        idle: config.limits.idle_timeout,
        ..HttpLimits::default()
    };
    Ok(Open { listeners, limits })
}

/// A login that is bound to its connection cannot go over HTTP/2.
fn offers_http2(config: &Config) -> bool {
    config.sites.values().all(|site| site.upstream.affinity == Affinity::None)
}

impl Open {
    pub(super) fn addresses(&self) -> Vec<(ListenerId, SocketAddr)> {
        self.listeners
            .iter()
            .flat_map(|listener| {
                listener.sockets.iter().filter_map(|socket| {
                    Some((listener.door.name().clone(), socket.local_addr().ok()?))
                })
            })
            .collect()
    }

    pub(super) fn doors(&self) -> Doors {
        Doors { doors: self.listeners.iter().map(|l| Arc::clone(&l.door)).collect() }
    }

    /// Accepts until shutdown.
    pub(super) fn serve(self, app: &App) {
        let limits = self.limits;
        for listener in self.listeners {
            for socket in listener.sockets {
                let (asked, served) = (Arc::clone(&app.gateway), Arc::clone(&app.gateway));
                let tasks = app.tasks.clone();
                let (denial, name) = (listener.denial, listener.door.name().clone());
                let gate = move |address| gate(&asked, &name, denial, address);
                let handle = move |accepted| connection(&served, accepted, limits, tasks.clone());
                let accepting = listen::accept(
                    socket,
                    Arc::clone(&listener.door),
                    app.tasks.clone(),
                    gate,
                    handle,
                );
                app.tasks.spawn(accepting);
            }
        }
    }
}

/// Serves one connection to its end.
fn connection(
    gateway: &Arc<Gateway>,
    accepted: Accepted,
    limits: HttpLimits,
    tasks: crate::lifecycle::Tasks,
) -> impl Future<Output = ()> + Send + use<> {
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

/// Whoever would be rejected by every site goes last, or ends here, before TLS, where the listener
/// says so: always with `denial: close`, while the client's network or country floods with
/// `denial: adaptive`.
fn gate(
    gateway: &Gateway,
    listener: &ListenerId,
    denial: ListenerDenial,
    address: ConnectionAddress,
) -> Gate {
    let ConnectionAddress::Settled(client) = address else { return Gate::Open };
    let now = clock::now();
    let snapshot = gateway.snapshot();
    let located = snapshot.database.locate(&client);
    let Some(rejected) = snapshot.rejects_everywhere(client, &located, now) else {
        return Gate::Open;
    };
    let closes = match denial {
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

impl Doors {
    /// Takes certificates anew whose files have changed; a bad one leaves the old one serving.
    pub(super) fn reload_certificates(&self) {
        for door in &self.doors {
            match door.reload_certificates() {
                Ok(Reloaded::Unchanged) => {}
                Ok(Reloaded::Replaced) => {
                    tracing::info!(listener = door.name().as_str(), "new certificates are in use");
                }
                Err(error) => tracing::error!(
                    listener = door.name().as_str(),
                    error = crate::telemetry::chain(&error),
                    "the new certificates are refused; the old ones go on serving"
                ),
            }
        }
    }

    /// Loads what the listeners of a new configuration need, without putting it in place.
    pub(super) fn load(&self, config: &Config) -> Result<Vec<DoorSettings>, DoorError> {
        config
            .listeners
            .iter()
            .map(|listener| DoorSettings::load(listener, offers_http2(config)))
            .collect()
    }

    /// Puts loaded settings in place, for connections from now on.
    pub(super) fn replace(&self, settings: Vec<DoorSettings>) {
        for (door, settings) in self.doors.iter().zip(settings) {
            door.replace(settings);
        }
    }
}

/// Binds the operations listeners.
pub(super) async fn bind_operations(config: &Config) -> Result<Vec<TcpListener>, StartError> {
    let mut listeners = Vec::new();
    for &address in config.operations.iter().flat_map(|operations| &operations.bind) {
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| StartError::Operations(address, error))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Serves `/healthz`, `/readyz`, `/metrics` and `/authorize`.
pub(super) fn serve_operations(listeners: Vec<TcpListener>, app: &App, metrics: Option<&Metrics>) {
    for listener in listeners {
        app.tasks.spawn(crate::operations::serve(
            listener,
            Arc::clone(&app.gateway),
            readiness::readiness(app),
            metrics.cloned(),
            app.tasks.clone(),
        ));
    }
}
