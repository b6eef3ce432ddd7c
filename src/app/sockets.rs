//! The sockets that are listened on, and how a reload changes them without losing a connection.
//!
//! Always holds: everything that is new is open before anything that is old is given up; a socket
//! that both configurations want is never closed; what is not wanted any more accepts nothing, and
//! its connections may finish.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{App, StartError, serve};
use crate::client_address::{AddressSource, HeaderSource};
use crate::config::{self, Config, Http1Names, Listener};
use crate::identifier::ListenerId;
use crate::lifecycle::Tasks;
use crate::listen::{self, BindError, ConnectionLimits, Door, DoorSettings, Inherited};

/// The name under which the operations listener appears beside the others.
pub(super) const OPERATIONS: &str = "operations";

/// The same of the administration's.
pub(super) const ADMIN: &str = "admin";

/// Open connections to the administration.
const MOST_AT_ADMIN: usize = 1024;

/// Everything that listens now.
#[derive(Debug)]
pub(crate) struct Listening {
    limits: ConnectionLimits,
    /// What floods the sites keeps nobody out of the administration.
    admin_limits: ConnectionLimits,
    now: Mutex<Now>,
}

#[derive(Debug, Default)]
struct Now {
    listeners: Vec<Live>,
    operations: Vec<Socket>,
    admin: Option<LiveAdmin>,
}

/// The administration's listener.
#[derive(Debug)]
struct LiveAdmin {
    door: Arc<Door>,
    sockets: Vec<Socket>,
}

/// One listener that is served.
#[derive(Debug)]
struct Live {
    rules: Listener,
    door: Arc<Door>,
    sockets: Vec<Socket>,
}

/// One socket that is served, with the connections that came through it.
#[derive(Debug)]
pub(super) struct Socket {
    bound: Bound,
    connections: Tasks,
    accepting: CancellationToken,
}

/// An open socket and the address that the configuration has for it.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    address: SocketAddr,
    socket: Arc<TcpListener>,
}

/// What a configuration needs, opened and loaded; nothing is changed yet.
pub(super) struct Prepared {
    listeners: Vec<(Listener, DoorSettings, Vec<Bound>)>,
    operations: Vec<Bound>,
    admin: Option<(DoorSettings, Vec<Bound>)>,
}

/// A socket on its way to the gateway that takes this one's place.
#[derive(Debug, Clone)]
pub(super) struct Passed {
    pub(super) name: String,
    pub(super) socket: Arc<TcpListener>,
}

impl Listening {
    pub(super) fn new(config: &Config) -> Self {
        let limits =
            ConnectionLimits::new(config.limits.connections, config.limits.connections_per_address);
        let admin_limits = ConnectionLimits::new(MOST_AT_ADMIN, MOST_AT_ADMIN / 4);
        Self { limits, admin_limits, now: Mutex::default() }
    }

    /// Opens and loads what this configuration needs and is not there yet; nothing, where one fails.
    pub(super) fn prepare(
        &self,
        config: &Config,
        inherited: &mut Inherited,
    ) -> Result<Prepared, StartError> {
        let http1_names = Http1Names::of(config);
        let settings: Vec<DoorSettings> = config
            .listeners
            .iter()
            .map(|listener| DoorSettings::load(listener, &http1_names))
            .collect::<Result<_, _>>()?;
        let mut pool = Pool { there: self.there(), configured: configured(config), inherited };
        let mut listeners = Vec::new();
        for (listener, settings) in config.listeners.iter().zip(settings) {
            let bound = pool.sockets(listener.name.as_str(), &listener.bind);
            let bound = bound.map_err(|(address, source)| {
                StartError::Bind(BindError { listener: listener.name.clone(), address, source })
            });
            listeners.push((listener.clone(), settings, pool.unless_ours(bound)?));
        }
        let addresses = config.operations.iter().flat_map(|operations| &operations.bind);
        let addresses: Vec<SocketAddr> = addresses.copied().collect();
        let operations = pool
            .sockets(OPERATIONS, &addresses)
            .map_err(|(address, source)| StartError::Operations(address, source));
        let operations = pool.unless_ours(operations)?;
        let admin = match &config.admin {
            Some(admin) => Some(prepare_admin(admin, &mut pool)?),
            None => None,
        };
        Ok(Prepared { listeners, operations, admin })
    }

    /// Puts what was prepared in effect. Cannot fail.
    pub(super) fn commit(&self, app: &App, config: &Config, prepared: Prepared) {
        let limits = &config.limits;
        self.limits.change(
            limits.connections,
            limits.connections_per_address,
            limits.header_timeout,
        );
        let mut now = self.now();
        let mut before = std::mem::take(&mut *now);
        for listener in prepared.listeners {
            let old = before.listeners.iter_mut().find(|live| live.rules.name == listener.0.name);
            now.listeners.push(self.succeed(app, old, listener));
        }
        for bound in prepared.operations {
            let kept = take(&mut before.operations, &bound);
            let socket = kept.unwrap_or_else(|| serve::serve_operations(app, bound));
            now.operations.push(socket);
        }
        now.admin = prepared.admin.map(|admin| self.succeed_admin(app, &mut before.admin, admin));
        drop(now);
        let left = before.listeners.into_iter().flat_map(|live| live.sockets);
        let left = left.chain(before.admin.into_iter().flat_map(|live| live.sockets));
        for socket in left.chain(before.operations) {
            socket.connections.drain(limits.drain_timeout);
        }
    }

    /// One listener as it is from now on. A socket whose rules stay is left alone; where they
    /// change, the connections that came under the old ones may finish, and no more.
    fn succeed(
        &self,
        app: &App,
        old: Option<&mut Live>,
        (rules, settings, bound): (Listener, DoorSettings, Vec<Bound>),
    ) -> Live {
        let Some(old) = old else {
            let door = Arc::new(Door::new(rules.name.clone(), settings, self.limits.clone()));
            let sockets = bound.into_iter().map(|bound| serve::serve(app, &door, bound)).collect();
            return Live { rules, door, sockets };
        };
        let door = Arc::clone(&old.door);
        door.replace(settings);
        let same = old.rules.has_the_rules_of(&rules);
        let sockets = bound.into_iter().map(|bound| {
            let kept = if same { take(&mut old.sockets, &bound) } else { None };
            kept.unwrap_or_else(|| serve::serve(app, &door, bound))
        });
        let sockets = sockets.collect();
        Live { rules, door, sockets }
    }

    fn succeed_admin(
        &self,
        app: &App,
        old: &mut Option<LiveAdmin>,
        (settings, bound): (DoorSettings, Vec<Bound>),
    ) -> LiveAdmin {
        let door = match old {
            Some(old) => {
                old.door.replace(settings);
                Arc::clone(&old.door)
            }
            None => Arc::new(Door::new(
                ListenerId::of_administration(),
                settings,
                self.admin_limits.clone(),
            )),
        };
        let sockets = bound.into_iter().map(|bound| {
            let kept = old.as_mut().and_then(|old| take(&mut old.sockets, &bound));
            kept.unwrap_or_else(|| serve::serve_admin(app, &door, bound))
        });
        let sockets = sockets.collect();
        LiveAdmin { door, sockets }
    }

    /// Stops accepting and keeps the sockets open; connections that come wait in the kernel.
    pub(super) fn pause(&self) {
        let now = self.now();
        for socket in now.sockets() {
            socket.accepting.cancel();
        }
    }

    /// Accepts again after a pause.
    pub(super) fn resume(&self, app: &App) {
        let mut now = self.now();
        let now = &mut *now;
        for live in &mut now.listeners {
            for socket in &mut live.sockets {
                socket.accepting =
                    serve::accept(app, &live.door, &socket.bound, &socket.connections);
            }
        }
        for socket in &mut now.operations {
            socket.accepting = serve::accept_operations(app, &socket.bound, &socket.connections);
        }
        if let Some(live) = &mut now.admin {
            for socket in &mut live.sockets {
                socket.accepting =
                    serve::accept_admin(app, &live.door, &socket.bound, &socket.connections);
            }
        }
    }

    /// Whether every socket is accepted on.
    pub(super) fn is_accepting(&self) -> bool {
        self.now().sockets().all(|socket| !socket.accepting.is_cancelled())
    }

    /// Gives up the sockets; connections that are open stay.
    pub(super) fn close(&self) {
        let mut now = self.now();
        now.listeners.clear();
        now.operations.clear();
        now.admin = None;
    }

    /// Every socket with the name of its listener.
    pub(super) fn passed_on(&self) -> Vec<Passed> {
        let now = self.now();
        let pass =
            |name: &str, s: &Socket| Passed { name: name.to_owned(), socket: s.bound.share() };
        let listeners = now
            .listeners
            .iter()
            .flat_map(|live| live.sockets.iter().map(|s| pass(live.rules.name.as_str(), s)));
        let admin = now.admin.iter().flat_map(|live| &live.sockets).map(|s| pass(ADMIN, s));
        let operations = now.operations.iter().map(|s| pass(OPERATIONS, s));
        listeners.chain(operations).chain(admin).collect()
    }

    /// Where each listener listens, port 0 resolved.
    pub(super) fn addresses(&self) -> Vec<(ListenerId, SocketAddr)> {
        let now = self.now();
        let of = |live: &Live| -> Vec<_> {
            let local = live.sockets.iter().filter_map(|s| s.bound.socket.local_addr().ok());
            local.map(|address| (live.rules.name.clone(), address)).collect()
        };
        now.listeners.iter().flat_map(of).collect()
    }

    /// Where the operations pages are.
    pub(super) fn operations(&self) -> Vec<SocketAddr> {
        let now = self.now();
        now.operations.iter().filter_map(|s| s.bound.socket.local_addr().ok()).collect()
    }

    /// Where the administration is.
    pub(super) fn admin(&self) -> Vec<SocketAddr> {
        let now = self.now();
        let sockets = now.admin.iter().flat_map(|live| &live.sockets);
        sockets.filter_map(|s| s.bound.socket.local_addr().ok()).collect()
    }

    pub(super) fn doors(&self) -> Vec<Arc<Door>> {
        let now = self.now();
        let listeners = now.listeners.iter().map(|live| Arc::clone(&live.door));
        listeners.chain(now.admin.iter().map(|live| Arc::clone(&live.door))).collect()
    }

    fn there(&self) -> Vec<(String, Bound)> {
        let now = self.now();
        let of = |live: &Live| -> Vec<_> {
            let name = live.rules.name.as_str();
            live.sockets.iter().map(|s| (name.to_owned(), s.bound.clone())).collect()
        };
        let listeners = now.listeners.iter().flat_map(of);
        let operations = now.operations.iter().map(|s| (OPERATIONS.to_owned(), s.bound.clone()));
        let admin = now.admin.iter().flat_map(|live| &live.sockets);
        let admin = admin.map(|s| (ADMIN.to_owned(), s.bound.clone()));
        listeners.chain(operations).chain(admin).collect()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn sockets(&self) -> impl Iterator<Item = &Socket> {
        let admin = self.admin.iter().flat_map(|live| &live.sockets);
        self.listeners.iter().flat_map(|live| &live.sockets).chain(&self.operations).chain(admin)
    }
}

impl Bound {
    pub(super) fn share(&self) -> Arc<TcpListener> {
        Arc::clone(&self.socket)
    }
}

impl Socket {
    pub(super) fn new(bound: Bound, connections: Tasks, accepting: CancellationToken) -> Self {
        Self { bound, connections, accepting }
    }
}

/// The socket that serves this one already.
fn take(sockets: &mut Vec<Socket>, bound: &Bound) -> Option<Socket> {
    let same = |socket: &Socket| Arc::ptr_eq(&socket.bound.socket, &bound.socket);
    let index = sockets.iter().position(same)?;
    Some(sockets.swap_remove(index))
}

fn configured(config: &Config) -> Vec<SocketAddr> {
    let operations = config.operations.iter().flat_map(|operations| &operations.bind);
    let admin = config.admin.iter().flat_map(|admin| &admin.bind);
    config.listeners.iter().flat_map(|l| &l.bind).chain(operations).chain(admin).copied().collect()
}

/// The administration takes its connections as a listener does whose clients are its peers.
fn prepare_admin(
    admin: &config::Admin,
    pool: &mut Pool<'_>,
) -> Result<(DoorSettings, Vec<Bound>), StartError> {
    let listener = Listener {
        name: ListenerId::of_administration(),
        bind: admin.bind.clone(),
        protocol: config::Protocol::Http,
        tcp: None,
        tls: admin.tls.clone(),
        client_address: AddressSource { trusted_proxies: Vec::new(), source: HeaderSource::Peer },
        denial: config::ListenerDenial::AsSites,
    };
    let settings = DoorSettings::load(&listener, &Http1Names::default())?;
    let bound = pool.sockets(ADMIN, &admin.bind);
    let bound = bound.map_err(|(address, source)| StartError::Admin(address, source));
    Ok((settings, pool.unless_ours(bound)?))
}

/// Where sockets come from: those that are there, those that were inherited, the system.
struct Pool<'a> {
    there: Vec<(String, Bound)>,
    configured: Vec<SocketAddr>,
    inherited: &'a mut Inherited,
}

impl Pool<'_> {
    fn sockets(
        &mut self,
        name: &str,
        addresses: &[SocketAddr],
    ) -> Result<Vec<Bound>, (SocketAddr, std::io::Error)> {
        addresses.iter().map(|&a| self.one(name, a).map_err(|error| (a, error))).collect()
    }

    fn one(&mut self, name: &str, address: SocketAddr) -> std::io::Result<Bound> {
        let own = |(n, bound): &(String, Bound)| n == name && bound.address == address;
        // Port 0 asks for some port, each time another: it names no socket by itself.
        let any = |(_, bound): &(String, Bound)| address.port() != 0 && bound.address == address;
        let there = self.there.iter().position(own).or_else(|| self.there.iter().position(any));
        if let Some(index) = there {
            return Ok(self.there.swap_remove(index).1);
        }
        let socket = match self.inherited.take(name, address, &self.configured) {
            Some(socket) => TcpListener::from_std(socket)?,
            None => listen::open(address)?,
        };
        Ok(Bound { address, socket: Arc::new(socket) })
    }

    /// Says it where the address is taken by a socket that this gateway still has.
    fn unless_ours<T>(&self, outcome: Result<T, StartError>) -> Result<T, StartError> {
        let error = match outcome {
            Ok(bound) => return Ok(bound),
            Err(error) => error,
        };
        let (wanted, kind) = match &error {
            StartError::Bind(BindError { address, source, .. })
            | StartError::Operations(address, source)
            | StartError::Admin(address, source) => (*address, source.kind()),
            _ => return Err(error),
        };
        let overlaps =
            |ours: &SocketAddr| ours.port() == wanted.port() && ours.is_ipv4() == wanted.is_ipv4();
        let ours = self.there.iter().map(|(_, bound)| bound.address).find(overlaps);
        match ours {
            Some(ours) if kind == std::io::ErrorKind::AddrInUse => {
                Err(StartError::Overlap { wanted, ours })
            }
            _ => Err(error),
        }
    }
}
