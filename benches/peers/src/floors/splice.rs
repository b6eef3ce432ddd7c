//! Octets carried from one socket to the other, a connection to the upstream for each client's.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{Settings, accepted, close_all};
use crate::entrance::Entrance;

pub(super) async fn serve(settings: Settings) -> anyhow::Result<()> {
    let mut entrances = tokio::task::JoinSet::new();
    for entrance in Entrance::ALL {
        let listener = settings.listen(entrance).await?;
        let tls = entrance.is_tls().then(|| settings.tls.clone());
        match entrance {
            Entrance::Forward | Entrance::ForwardTls => {
                entrances.spawn(accept(listener, tls, settings.upstream));
            }
            // It knows no HTTP in which it could answer.
            Entrance::Reject | Entrance::RejectTls | Entrance::Close | Entrance::CloseTls => {
                entrances.spawn(close_all(listener));
            }
        }
    }
    while let Some(ended) = entrances.join_next().await {
        ended??;
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    upstream: SocketAddr,
) -> anyhow::Result<()> {
    loop {
        let stream = accepted(&listener).await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            match tls {
                None => carry(stream, upstream).await,
                Some(tls) => carry(tls.accept(stream).await?, upstream).await,
            }
        });
    }
}

async fn carry<S: AsyncRead + AsyncWrite + Unpin>(
    mut client: S,
    upstream: SocketAddr,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
