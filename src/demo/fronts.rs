//! Ports that stand for places: whoever connects to one appears to come from there.
//!
//! A browser cannot send X-Forwarded-For, so each front puts a PROXY protocol version 2 header
//! before the bytes and passes everything on to the gateway, as a load balancer would.

use std::net::{IpAddr, SocketAddr};

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::lifecycle::Tasks;

/// The signature of PROXY protocol version 2 (section 2.2 of its specification).
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, command PROXY.
const VERSION_AND_COMMAND: u8 = 0x21;
/// TCP over IPv4.
const TCP_OVER_IPV4: u8 = 0x11;
/// TCP over IPv6.
const TCP_OVER_IPV6: u8 = 0x21;

/// Serves one front until shutdown.
pub async fn serve(listener: TcpListener, client: IpAddr, gateway: SocketAddr, tasks: Tasks) {
    let stopping = tasks.stopping();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => return,
        };
        let Ok((visitor, peer)) = accepted else {
            // Out of file descriptors, most likely: give the others time to end.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        tasks.spawn(async move {
            let source = SocketAddr::new(client, peer.port());
            if let Err(error) = pass_on(visitor, source, gateway).await {
                tracing::debug!(%error, "a visitor of the demo went away");
            }
        });
    }
}

async fn pass_on(
    mut visitor: TcpStream,
    source: SocketAddr,
    gateway: SocketAddr,
) -> std::io::Result<()> {
    let mut inside = TcpStream::connect(gateway).await?;
    inside.write_all(&header(source, gateway)).await?;
    tokio::io::copy_bidirectional(&mut visitor, &mut inside).await?;
    Ok(())
}

/// The header that says who the client is; the destination is the gateway in the same family.
fn header(source: SocketAddr, gateway: SocketAddr) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.push(VERSION_AND_COMMAND);
    let (family, addresses) = match (source.ip(), gateway.ip()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            (TCP_OVER_IPV4, [from.octets(), to.octets()].concat())
        }
        (from, to) => (TCP_OVER_IPV6, [as_v6(from), as_v6(to)].concat()),
    };
    let ports = [source.port().to_be_bytes(), gateway.port().to_be_bytes()].concat();
    let length = u16::try_from(addresses.len() + ports.len()).unwrap_or(u16::MAX);
    header.push(family);
    header.extend(length.to_be_bytes());
    header.extend(addresses);
    header.extend(ports);
    header
}

fn as_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_what_the_specification_says() {
        let header = header("1.2.3.4:5".parse().unwrap(), "127.0.0.1:8080".parse().unwrap());
        assert_eq!(header.len(), 16 + 12);
        assert_eq!(header[12..16], [0x21, 0x11, 0, 12]);
        assert_eq!(header[16..20], [1, 2, 3, 4]);
        assert_eq!(header[24..28], [0, 5, 0x1f, 0x90]);
    }
}
