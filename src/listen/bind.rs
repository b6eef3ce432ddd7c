//! Opening the sockets of a listener.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::config::Listener;
use crate::identifier::ListenerId;

/// Connections that wait in the kernel until they are accepted.
const BACKLOG: i32 = 1024;

/// A socket that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("listener {listener} cannot listen on {address}: {}", way_out(source, address))]
pub struct BindError {
    /// The listener's name.
    pub listener: ListenerId,
    /// The address that was asked for.
    pub address: SocketAddr,
    /// What the operating system said.
    pub source: io::Error,
}

/// Opens every socket of a listener, or none.
///
/// IPv6 sockets take IPv6 alone, so that `[::]` and `0.0.0.0` can stand side by side.
///
/// # Errors
/// [`BindError`] for the first address that cannot be had. Must be called inside a runtime.
pub fn bind(listener: &Listener) -> Result<Vec<TcpListener>, BindError> {
    let open_one = |&address: &SocketAddr| {
        open(address).map_err(|source| BindError {
            listener: listener.name.clone(),
            address,
            source,
        })
    };
    listener.bind.iter().map(open_one).collect()
}

/// Opens one listening socket.
///
/// # Errors
/// What the operating system says. Must be called inside a runtime.
pub fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn way_out(source: &io::Error, address: &SocketAddr) -> String {
    match source.kind() {
        io::ErrorKind::PermissionDenied => format!(
            "ports below 1024 need a permission; give the program CAP_NET_BIND_SERVICE, or choose \
             another port than {}",
            address.port()
        ),
        io::ErrorKind::AddrInUse => format!(
            "another program listens there; `ss -ltnp 'sport = :{}'` names it",
            address.port()
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("no interface of this machine has {}; `ip address` lists them", address.ip())
        }
        _ => "the operating system refuses it".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client_address::{AddressSource, HeaderSource};
    use crate::config;

    fn listener(bind: &[&str]) -> Listener {
        Listener {
            name: ListenerId::parse("web").unwrap(),
            bind: bind.iter().map(|a| a.parse().unwrap()).collect(),
            protocol: config::Protocol::Http,
            tls: None,
            client_address: AddressSource { trusted_proxies: vec![], source: HeaderSource::Peer },
            tcp: None,
            denial: config::ListenerDenial::AsSites,
        }
    }

    #[tokio::test]
    async fn both_families_bind_to_the_same_port() {
        let first = bind(&listener(&["0.0.0.0:0"])).unwrap();
        let port = first[0].local_addr().unwrap().port();
        let second = bind(&listener(&[&format!("[::]:{port}")])).unwrap();
        assert_eq!(second[0].local_addr().unwrap().port(), port);
    }

    #[tokio::test]
    async fn what_cannot_be_had_is_said_with_a_way_out() {
        let taken = bind(&listener(&["127.0.0.1:0"])).unwrap();
        let address = taken[0].local_addr().unwrap().to_string();
        let error = bind(&listener(&[&address])).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with(&format!("listener web cannot listen on {address}: ")), "{text}");
        assert!(text.contains("another program"), "{text}");
        let elsewhere = bind(&listener(&["192.0.2.1:8080"])).unwrap_err().to_string();
        assert!(elsewhere.contains("no interface"), "{elsewhere}");
    }
}
