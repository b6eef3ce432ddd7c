//! Listening sockets that somebody else has opened: the service manager (socket activation), or the
//! gateway that this one takes the place of.
//!
//! Always holds: a socket is taken for the address that it listens on, or for a listener of its
//! name; what nobody takes is closed, and said.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

/// Sockets to take instead of opening new ones.
#[derive(Debug, Default)]
pub struct Inherited {
    sockets: Vec<Socket>,
}

#[derive(Debug)]
struct Socket {
    name: Option<String>,
    address: SocketAddr,
    listener: TcpListener,
}

impl Inherited {
    /// Nothing.
    #[must_use]
    pub fn nothing() -> Self {
        Self::default()
    }

    /// What the service manager has passed on (`LISTEN_FDS`), with its names (`LISTEN_FDNAMES`).
    /// Nothing where this process is not meant.
    ///
    /// # Errors
    /// Where one of them does not listen for TCP connections.
    pub fn from_service_manager() -> io::Result<Self> {
        let names = std::env::var_os("LISTEN_FDNAMES").unwrap_or_default();
        let names = names.to_string_lossy().into_owned();
        let mut names = names.split(':').map(|name| (!name.is_empty()).then(|| name.to_owned()));
        let mut passed = listenfd::ListenFd::from_env();
        let mut inherited = Self::default();
        for index in 0..passed.len() {
            if let Some(listener) = passed.take_tcp_listener(index)? {
                inherited.add(names.next().flatten(), listener)?;
            }
        }
        Ok(inherited)
    }

    /// Adds a descriptor that another process has sent, with the name of its listener.
    ///
    /// # Errors
    /// Where it is no socket that has an address.
    pub fn add_descriptor(&mut self, name: String, descriptor: OwnedFd) -> io::Result<()> {
        self.add(Some(name), TcpListener::from(descriptor))
    }

    fn add(&mut self, name: Option<String>, listener: TcpListener) -> io::Result<()> {
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        self.sockets.push(Socket { name, address, listener });
        Ok(())
    }

    /// The socket for one address of a listener: the one that listens there; else one with the
    /// listener's name and port that is not wanted for another of the `configured` addresses.
    pub fn take(
        &mut self,
        listener: &str,
        address: SocketAddr,
        configured: &[SocketAddr],
    ) -> Option<TcpListener> {
        let named = |socket: &Socket| {
            socket.name.as_deref() == Some(listener)
                && (address.port() == 0 || socket.address.port() == address.port())
                && !configured.contains(&socket.address)
        };
        let exactly = self.sockets.iter().position(|socket| socket.address == address);
        let found = exactly.or_else(|| self.sockets.iter().position(named))?;
        Some(self.sockets.swap_remove(found).listener)
    }

    /// Where those listen that nobody has taken.
    #[must_use]
    pub fn left(&self) -> Vec<SocketAddr> {
        self.sockets.iter().map(|socket| socket.address).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited(sockets: &[(&str, &TcpListener)]) -> Inherited {
        let mut inherited = Inherited::nothing();
        for (name, socket) in sockets {
            inherited
                .add_descriptor((*name).to_owned(), socket.try_clone().unwrap().into())
                .unwrap();
        }
        inherited
    }

    #[test]
    fn a_socket_is_taken_once_by_its_address_or_else_by_its_name() {
        let (one, two) =
            (TcpListener::bind("127.0.0.1:0").unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
        let (here, there) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        let mut sockets = inherited(&[("web", &one), ("mail", &two)]);
        let any = "127.0.0.1:0".parse().unwrap();
        assert!(sockets.take("other", any, &[]).is_none());
        // Its address is wanted by somebody else, so its name gives it to nobody.
        assert!(sockets.take("web", any, &[here]).is_none());
        let elsewhere = SocketAddr::new("127.0.0.2".parse().unwrap(), there.port());
        assert!(sockets.take("web", elsewhere, &[]).is_none(), "another port");
        let named = sockets.take("web", any, &[]).unwrap();
        assert_eq!(named.local_addr().unwrap(), here);
        assert!(sockets.take("web", any, &[]).is_none());
        let exact = sockets.take("whatever", there, &[there]).unwrap();
        assert_eq!(exact.local_addr().unwrap(), there);
        assert!(sockets.left().is_empty());
    }
}
