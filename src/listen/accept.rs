//! Accepting connections and bringing each, in its own task, to where it can be served.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::accepted::{Accepted, ConnectionAddress, ConnectionFacts};
use super::door::{Door, DoorSettings};
use super::limits::{ConnectionGuard, LimitReached};
use super::stream::{OpenGauge, Stream, Wire};
use super::{preamble, tls};
use crate::client_address::{
    ClientAddress, HeaderSource, Preamble, derive, derive_proxy, is_trusted,
};
use crate::clock;
use crate::lifecycle::Tasks;

/// So many connections are taken in before everybody else has a turn.
const BATCH: usize = 32;
/// The reason of a connection that the gate has closed.
const DENIED: &str = "denied";
/// A trusted proxy sends its preamble at once.
const PREAMBLE_LIMIT: Duration = Duration::from_secs(5);
/// How long accepting rests after an error of the machine, at first and at most.
const REST: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// A peer that has silently gone is noticed after this.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// What is to become of a connection, by what it tells of its client before TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It goes on: the client may pass, or the answer is for later.
    Open,
    /// It goes on although its client will be rejected, and so behind all others: its handshake
    /// waits for theirs, and it has no place that one of theirs could need.
    Last,
    /// It ends here, without a byte.
    Close,
}

/// Accepts on one socket until the tasks are asked to stop. Dropping the future ends the accepting
/// and loses no connection: those that wait stay with the socket.
///
/// Where the peer is the client, `gate` is asked (`denial: close`) before anything is spent on the
/// connection. What goes on has its own task, in which the PROXY preamble is read and the gate asked
/// after that, the TLS handshake is made, and `handle` is run to its end.
pub async fn accept<G, H, F>(
    listener: Arc<TcpListener>,
    door: Arc<Door>,
    tasks: Tasks,
    gate: G,
    handle: H,
) where
    G: Fn(ConnectionAddress) -> Gate + Send + Sync + 'static,
    H: Fn(Accepted) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    prepare_all(&listener);
    let local = listener.local_addr().ok().filter(|local| !local.ip().is_unspecified());
    let shared = Arc::new((gate, handle));
    let reception = Reception { door, local, tasks: tasks.clone(), shared };
    let stopping = tasks.stopping();
    let mut rest = REST.0;
    loop {
        let first = tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            first = listener.accept() => first,
        };
        let outcome = reception.take_in(first, &SockRef::from(&listener));
        match outcome {
            Ok(()) => {
                rest = REST.0;
                // Whoever is being served goes before whoever comes next.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                let listener = reception.door.name();
                tracing::warn!(%listener, %error, "cannot accept connections now; trying again");
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = tokio::time::sleep(rest) => {}
                }
                rest = (rest * 2).min(REST.1);
            }
        }
    }
}

/// What accepts on one socket.
struct Reception<G, H> {
    door: Arc<Door>,
    local: Option<SocketAddr>,
    tasks: Tasks,
    shared: Arc<(G, H)>,
}

impl<G, H, F> Reception<G, H>
where
    G: Fn(ConnectionAddress) -> Gate + Send + Sync + 'static,
    H: Fn(Accepted) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    /// Takes in the first and what waits behind it, at most [`BATCH`]. An error is one of the machine.
    fn take_in(
        &self,
        first: io::Result<(TcpStream, SocketAddr)>,
        socket: &SockRef<'_>,
    ) -> io::Result<()> {
        let settings = self.door.settings();
        let mut ended = match first {
            Ok((tcp, peer)) => self.receive(tcp, peer, &settings),
            Err(error) if concerns_one_connection(&error) => false,
            Err(error) => return Err(error),
        };
        // Where one has ended at once there may be more. Those behind the first are not yet the
        // runtime's: most of a flood never becomes so.
        for _ in 1..BATCH {
            if !ended {
                break;
            }
            match socket.accept() {
                Ok((tcp, peer)) => {
                    let Some(peer) = peer.as_socket() else { continue };
                    ended = self.receive(std::net::TcpStream::from(tcp), peer, &settings);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the connection, or gives it a task. Whether it has ended.
    fn receive(&self, tcp: impl Incoming, peer: SocketAddr, settings: &Arc<DoorSettings>) -> bool {
        let Self { door, tasks, shared, .. } = self;
        let peers = (settings.source.source == HeaderSource::Peer).then(|| {
            let address = derive(peer.ip(), &settings.source, &::http::HeaderMap::new());
            ConnectionAddress::Settled(address)
        });
        let last = match peers.map_or(Gate::Open, &shared.0) {
            Gate::Close => {
                door.counts().denied.increment(1);
                reset(&tcp.socket());
                return true;
            }
            Gate::Last => true,
            Gate::Open => false,
        };
        let admitted = match last {
            true => door.limits().admit_last(),
            false => door.limits().admit(),
        };
        let guard = match admitted {
            Ok(guard) => guard,
            Err(reached) => {
                rejected(door, reached.word());
                reset(&tcp.socket());
                return true;
            }
        };
        let newcomer = Newcomer { peer, local: self.local, address: peers, last, guard };
        let (door, shared) = (Arc::clone(door), Arc::clone(shared));
        let (settings, owner) = (Arc::clone(settings), tasks.clone());
        tasks.spawn(async move {
            let (gate, handle) = &*shared;
            let prepared = match tcp.into_tokio() {
                // What is needed only at the beginning is not kept for as long as the connection.
                Ok(tcp) => Box::pin(prepare(&door, &settings, tcp, newcomer, gate)).await,
                Err(_) => Err("gone"),
            };
            match prepared {
                Ok((stream, facts, since)) => {
                    let facts = Arc::new(facts.owned_by(owner));
                    handle(Accepted { stream, facts, since }).await;
                }
                Err(reason) => rejected(&door, reason),
            }
        });
        false
    }
}

/// What every connection of a socket begins with: on Linux it takes over what its listener has set.
fn prepare_all(listener: &TcpListener) {
    let socket = SockRef::from(listener);
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE);
    // Connections do without where it cannot be set.
    let _ = socket.set_tcp_nodelay(true);
    let _ = socket.set_tcp_keepalive(&keepalive);
}

/// A connection that the kernel has handed out, known to the runtime or not.
trait Incoming: Send + 'static {
    fn socket(&self) -> SockRef<'_>;
    fn into_tokio(self) -> io::Result<TcpStream>;
}

impl Incoming for TcpStream {
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self)
    }

    fn into_tokio(self) -> io::Result<TcpStream> {
        Ok(self)
    }
}

impl Incoming for std::net::TcpStream {
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self)
    }

    fn into_tokio(self) -> io::Result<TcpStream> {
        self.set_nonblocking(true)?;
        TcpStream::from_std(self)
    }
}

/// Ends a connection with a reset when it is dropped: nothing is sent after it, nothing waits for
/// the other side, and no port is held for a while.
fn reset(socket: &SockRef<'_>) {
    // Where it cannot be set, the connection ends in the long way.
    let _ = socket.set_linger(Some(Duration::ZERO));
}

fn rejected(door: &Door, reason: &'static str) {
    if reason == DENIED {
        return door.counts().denied.increment(1);
    }
    metrics::counter!(
        "geovagt_connections_rejected_total",
        "listener" => door.name().to_string(),
        "reason" => reason
    )
    .increment(1);
}

/// The client had gone again before it was accepted; the socket itself is well.
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}

/// A connection before anything was read from it.
struct Newcomer {
    peer: SocketAddr,
    /// Where it is the same for all connections of the socket.
    local: Option<SocketAddr>,
    /// Where the peer is the client; the gate has been asked.
    address: Option<ConnectionAddress>,
    last: bool,
    guard: ConnectionGuard,
}

async fn prepare(
    door: &Door,
    settings: &DoorSettings,
    tcp: TcpStream,
    newcomer: Newcomer,
    gate: &impl Fn(ConnectionAddress) -> Gate,
) -> Result<(Stream, ConnectionFacts, Instant), &'static str> {
    let since = clock::instant();
    let Newcomer { peer, local, address, mut last, mut guard } = newcomer;
    let gauge = OpenGauge::new(door.counts());
    let gone = |_: io::Error| "gone";
    let local = match local {
        Some(local) => local,
        None => tcp.local_addr().map_err(gone)?,
    };
    let over = |reached: LimitReached| reached.word();
    if !is_trusted(&settings.source, peer.ip()) {
        guard.count_address(peer.ip()).map_err(over)?;
    }
    let (wire, address) = match address {
        Some(address) => (Wire::new(tcp), address),
        None => {
            let (wire, address) = connection_address(tcp, peer, settings).await?;
            if let ConnectionAddress::Settled(ClientAddress::Known(known)) = address {
                guard.count_address(known.seen()).map_err(over)?;
            }
            match gate(address) {
                Gate::Open => {}
                Gate::Last => {
                    guard.take_last_place().map_err(over)?;
                    last = true;
                }
                Gate::Close => {
                    reset(&wire.socket());
                    return Err(DENIED);
                }
            }
            (wire, address)
        }
    };
    let (stream, tls) = match &settings.tls {
        None => (Stream::plain(wire, guard, gauge), None),
        Some(tls) => {
            let places = last.then(|| door.last_handshakes());
            let limit = door.limits().handshake_time();
            match Box::pin(tls::handshake(&tls.acceptor, wire, limit, places)).await {
                Ok((stream, facts)) => (Stream::tls(stream, guard, gauge), Some(facts)),
                Err(error) => {
                    tracing::debug!(listener = %door.name(), %peer, error = &error as &dyn std::error::Error, "no TLS");
                    return Err("tls_handshake");
                }
            }
        }
    };
    let (name, source) = (door.name().clone(), Arc::clone(&settings.source));
    let facts = ConnectionFacts::new(name, (peer, local), address, tls, source);
    Ok((stream, facts, since))
}

/// What the connection tells of its client before a byte of TLS or HTTP is read.
async fn connection_address(
    mut tcp: TcpStream,
    peer: SocketAddr,
    settings: &DoorSettings,
) -> Result<(Wire, ConnectionAddress), &'static str> {
    let source = &settings.source;
    let settled = |address| Ok(ConnectionAddress::Settled(address));
    match source.source {
        HeaderSource::XForwardedFor | HeaderSource::Forwarded => {
            Ok((Wire::new(tcp), ConnectionAddress::PerRequest))
        }
        HeaderSource::Peer => {
            let address = derive(peer.ip(), source, &::http::HeaderMap::new());
            Ok((Wire::new(tcp), ConnectionAddress::Settled(address)))
        }
        HeaderSource::ProxyProtocol if is_trusted(source, peer.ip()) => {
            let read = tokio::time::timeout(PREAMBLE_LIMIT, preamble::read(&mut tcp)).await;
            let preamble = match read {
                Ok(Ok(preamble)) => preamble,
                Ok(Err(error)) => {
                    tracing::debug!(%peer, error = &error as &dyn std::error::Error, "no preamble");
                    return Err("proxy_protocol");
                }
                Err(_) => return Err("proxy_protocol"),
            };
            let address =
                derive_proxy(peer.ip(), source, preamble).map_or(Err("proxy_protocol"), settled)?;
            Ok((Wire::new(tcp), address))
        }
        // Such a peer is not waited for: where the server speaks first it would wait for us.
        HeaderSource::ProxyProtocol => {
            let address = derive_proxy(peer.ip(), source, Preamble::Missing)
                .map_or(Err("proxy_protocol"), settled)?;
            Ok((Wire::refusing_preamble(tcp), address))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error of one connection is passed over; one of the machine makes accepting rest.
    #[test]
    fn errors_of_the_machine_are_told_from_those_of_a_connection() {
        let concerns = |code| concerns_one_connection(&io::Error::from_raw_os_error(code));
        // ECONNABORTED and ECONNRESET; EMFILE, ENFILE, ENOBUFS and ENOMEM.
        assert!([103, 104].into_iter().all(concerns));
        assert!(![24, 23, 105, 12].into_iter().any(concerns));
    }
}
