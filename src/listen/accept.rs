//! Accepting connections and bringing each, in its own task, to where it can be served.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

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
use crate::lifecycle::Tasks;

/// A trusted proxy sends its preamble at once.
const PREAMBLE_LIMIT: Duration = Duration::from_secs(5);
/// How long accepting rests after an error of the machine, at first and at most.
const REST: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// A peer that has silently gone is noticed after this.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Whether a connection may go on to its TLS handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// It may.
    Open,
    /// It ends here, without a byte.
    Close,
}

/// Accepts on one socket until the tasks are asked to stop. Dropping the future ends the accepting
/// and loses no connection: those that wait stay with the socket.
///
/// Each connection has its own task, in which the PROXY preamble is read, `gate` is asked with what
/// the connection itself tells of the client (`denial: close`), the TLS handshake is made, and
/// `handle` is run to its end.
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
    let stopping = tasks.stopping();
    let shared = Arc::new((gate, handle));
    let mut rest = REST.0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopping.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if concerns_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(listener = %door.name(), %error, "cannot accept connections now; trying again");
                tokio::select! {
                    () = stopping.cancelled() => return,
                    () = tokio::time::sleep(rest) => {}
                }
                rest = (rest * 2).min(REST.1);
                continue;
            }
        };
        rest = REST.0;
        let Ok(guard) = door.limits().admit() else {
            rejected(&door, "limit_total");
            continue;
        };
        let (door, shared) = (Arc::clone(&door), Arc::clone(&shared));
        let owner = tasks.clone();
        tasks.spawn(async move {
            let (gate, handle) = &*shared;
            match prepare(&door, tcp, peer, guard, gate).await {
                Ok((stream, facts)) => {
                    let facts = Arc::new(facts.owned_by(owner));
                    handle(Accepted { stream, facts }).await;
                }
                Err(reason) => rejected(&door, reason),
            }
        });
    }
}

fn rejected(door: &Door, reason: &'static str) {
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

async fn prepare(
    door: &Door,
    tcp: TcpStream,
    peer: SocketAddr,
    mut guard: ConnectionGuard,
    gate: &impl Fn(ConnectionAddress) -> Gate,
) -> Result<(Stream, ConnectionFacts), &'static str> {
    let gauge = OpenGauge::new(door.name().as_str());
    let settings = door.settings();
    let _ = tcp.set_nodelay(true);
    let _ = SockRef::from(&tcp).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    let local = tcp.local_addr().map_err(|_| "gone")?;
    let over = |_: LimitReached| "limit_address";
    if !is_trusted(&settings.source, peer.ip()) {
        guard.count_address(peer.ip()).map_err(over)?;
    }
    let (wire, address) = connection_address(tcp, peer, &settings).await?;
    if let ConnectionAddress::Settled(ClientAddress::Known(known)) = address {
        guard.count_address(known.seen()).map_err(over)?;
    }
    if gate(address) == Gate::Close {
        return Err("denied");
    }
    let (stream, tls) = match &settings.tls {
        None => (Stream::plain(wire, guard, gauge), None),
        Some(tls) => match tls::handshake(&tls.acceptor, wire, tls::HANDSHAKE_LIMIT).await {
            Ok((stream, facts)) => (Stream::tls(stream, guard, gauge), Some(facts)),
            Err(error) => {
                tracing::debug!(listener = %door.name(), %peer, error = &error as &dyn std::error::Error, "no TLS");
                return Err("tls_handshake");
            }
        },
    };
    let (name, source) = (door.name().clone(), Arc::clone(&settings.source));
    Ok((stream, ConnectionFacts::new(name, (peer, local), address, tls, source)))
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
