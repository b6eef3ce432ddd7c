//! From the administration's socket to its router. Its door is its own: what floods the sites takes no
//! place here, and what comes through a site's listener never arrives here.

use std::net::IpAddr;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use ipnet::IpNet;

use super::access::Connection;
use crate::client_address::ClientAddress;
use crate::lifecycle::Tasks;
use crate::listen::{Accepted, ConnectionAddress, Gate};

/// How long a client may take for a request's head.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// How long an answer that is under way may take when the gateway stops.
const LAST_ANSWER: Duration = Duration::from_secs(2);
/// Requests at a time on one connection.
const MOST_STREAMS: u32 = 64;

/// Whether a connection from this address is taken at all.
#[must_use]
pub fn gate(networks: &[IpNet], address: ConnectionAddress) -> Gate {
    let known = match address {
        ConnectionAddress::Settled(ClientAddress::Known(known)) => Some(known.seen()),
        ConnectionAddress::Settled(_) | ConnectionAddress::PerRequest => None,
    };
    let within = |address: IpAddr| networks.iter().any(|network| network.contains(&address));
    match known {
        _ if networks.is_empty() => Gate::Open,
        Some(address) if within(address.to_canonical()) => Gate::Open,
        _ => Gate::Close,
    }
}

/// Serves one connection to its end.
pub async fn connection(router: Router, accepted: Accepted, tasks: Tasks) {
    let Accepted { stream, facts, .. } = accepted;
    let known = Connection { client: facts.peer.ip().to_canonical(), secure: facts.tls.is_some() };
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(known);
        let router = router.clone();
        async move {
            use tower::ServiceExt as _;
            router.oneshot(request.map(axum::body::Body::new)).await
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIME);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MOST_STREAMS);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let stopping = tasks.stopping();
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(LAST_ANSWER, connection).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::{KnownAddress, UnknownBecause};

    #[test]
    fn an_address_is_held_against_the_networks_however_it_is_written() {
        let networks = ["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let known = |address: &str| {
            let known = KnownAddress::new(address.parse().unwrap()).unwrap();
            ConnectionAddress::Settled(ClientAddress::Known(known))
        };
        for within in ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"] {
            assert_eq!(gate(&networks, known(within)), Gate::Open, "{within}");
        }
        for outside in ["11.1.2.3", "::ffff:11.1.2.3", "2001:db9::1"] {
            assert_eq!(gate(&networks, known(outside)), Gate::Close, "{outside}");
            assert_eq!(gate(&[], known(outside)), Gate::Open, "{outside}");
        }
        for unknown in [
            ConnectionAddress::PerRequest,
            ConnectionAddress::Settled(ClientAddress::Unknown(UnknownBecause::HeaderMissing)),
        ] {
            assert_eq!(gate(&networks, unknown), Gate::Close);
        }
    }
}
