//! What a server is told of the client before the client's own bytes: PROXY protocol version 2.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use proxy_protocol_rs::{HeaderBuilder, SslClientFlags, SslInfo};

use super::contact::Contact;
use crate::client_address::ClientAddress;
use crate::listen::TlsFacts;

/// The header for a connection.
pub(super) fn header(contact: &Contact<'_>) -> Vec<u8> {
    let (peer, local) = (contact.connection.peer, contact.connection.local);
    let client = match contact.client {
        ClientAddress::Known(known) => known.seen(),
        ClientAddress::Unknown(_) => peer.ip(),
    };
    let host = contact.server_name.as_deref();
    bytes(client, peer, local, host, contact.connection.tls.as_ref())
}

fn bytes(
    client: IpAddr,
    peer: SocketAddr,
    local: SocketAddr,
    host: Option<&str>,
    tls: Option<&TlsFacts>,
) -> Vec<u8> {
    // Behind a proxy the client's own port is not known.
    let port = if client == peer.ip() { peer.port() } else { 0 };
    let (source, destination) = of_one_family(SocketAddr::new(client, port), local);
    let mut header = HeaderBuilder::v2_proxy(source, destination);
    // A DNS name has 253 characters, so that nothing here can be too long for the header.
    if let Some(host) = host.filter(|host| host.len() <= 253) {
        header = header.with_authority(host);
    }
    if let Some(tls) = tls {
        header = header.with_ssl(SslInfo {
            client_flags: SslClientFlags::SSL,
            version: Some(format!("TLSv{}", tls.version)),
            ..SslInfo::default()
        });
    }
    header.with_crc32c().build()
}

/// The header has room for one family: where they differ, IPv4 is written in IPv6.
fn of_one_family(source: SocketAddr, destination: SocketAddr) -> (SocketAddr, SocketAddr) {
    let plain = |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (source, destination) = (plain(source), plain(destination));
    if source.is_ipv4() == destination.is_ipv4() {
        return (source, destination);
    }
    let mapped = |address: SocketAddr| match address.ip() {
        IpAddr::V4(v4) => {
            SocketAddr::V6(SocketAddrV6::new(v4.to_ipv6_mapped(), address.port(), 0, 0))
        }
        IpAddr::V6(_) => address,
    };
    (mapped(source), mapped(destination))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::listen::ApplicationProtocol;

    fn read(bytes: &[u8]) -> (IpAddr, proxy_protocol_rs::ProxyInfo) {
        let (info, length) = proxy_protocol_rs::parse(bytes).unwrap();
        assert_eq!(length, bytes.len());
        (info.source_ip().unwrap(), info)
    }

    #[test]
    fn the_client_the_host_and_tls_are_told() {
        let peer: SocketAddr = "61.19.0.1:4711".parse().unwrap();
        let local = "10.0.0.2:993".parse().unwrap();
        let tls = TlsFacts {
            server_name: None,
            application_protocol: ApplicationProtocol::Http1,
            version: "1.3",
            certificate: None,
        };
        let (source, info) =
            read(&bytes(peer.ip(), peer, local, Some("imap.example.dk"), Some(&tls)));
        assert_eq!(source, peer.ip());
        assert_eq!(info.tlvs.authority.as_deref(), Some("imap.example.dk"));
        let ssl = info.tlvs.ssl.unwrap();
        assert_eq!(ssl.version.as_deref(), Some("TLSv1.3"));
        assert_eq!(ssl.client_flags, SslClientFlags::SSL);
        let (_, plain) = read(&bytes(peer.ip(), peer, local, None, None));
        assert!(plain.tlvs.ssl.is_none() && plain.tlvs.authority.is_none());
    }

    #[test]
    fn families_that_differ_do_not_stop_it() {
        let local = "[2001:db8::2]:993".parse().unwrap();
        let client: IpAddr = "61.19.0.1".parse().unwrap();
        let (source, _) = read(&bytes(client, "10.0.0.1:1".parse().unwrap(), local, None, None));
        assert_eq!(source.to_canonical(), client);
        let six: IpAddr = "2404:8d00::1".parse().unwrap();
        let local = "10.0.0.2:993".parse().unwrap();
        assert_eq!(read(&bytes(six, "10.0.0.1:1".parse().unwrap(), local, None, None)).0, six);
    }
}
