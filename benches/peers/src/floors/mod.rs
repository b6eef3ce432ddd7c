//! What a proxy costs that does nothing but forward: the least that anything built this way can cost.
//!
//! Each floor listens at six places: forward, reject (403 to everything) and close (every
//! connection, before a byte), each plain and with TLS. None looks at who asks, and none keeps a
//! log.

mod hyper_proxy;
mod own_pool;
mod splice;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::entrance::Entrance;

/// What a floor is told on its command line.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) first_port: u16,
    pub(crate) upstream: SocketAddr,
    pub(crate) tls: TlsAcceptor,
}

impl Settings {
    /// Reads `FIRST_PORT UPSTREAM DIRECTORY`; the directory holds the certificate.
    pub(crate) fn read(arguments: &[String]) -> anyhow::Result<Self> {
        let [first_port, upstream, directory] = arguments else {
            bail!("usage: peers floor NAME FIRST_PORT UPSTREAM DIRECTORY")
        };
        Ok(Self {
            first_port: first_port.parse()?,
            upstream: upstream.parse()?,
            tls: acceptor(&PathBuf::from(directory))?,
        })
    }

    async fn listen(&self, entrance: Entrance) -> anyhow::Result<TcpListener> {
        let address = entrance.address(self.first_port);
        TcpListener::bind(address).await.with_context(|| format!("cannot listen at {address}"))
    }
}

/// Serves as the named floor until the process is ended.
pub(crate) fn serve(name: &str, settings: &Settings) -> anyhow::Result<()> {
    match name {
        "hyper" => on_all_cores(hyper_proxy::serve(settings.clone())),
        "own-pool" => own_pool::serve(settings),
        "splice" => on_all_cores(splice::serve(settings.clone())),
        _ => bail!("there is no floor {name:?}; there are hyper, own-pool and splice"),
    }
}

fn on_all_cores(
    serving: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(serving)
}

/// Accepts connections and drops them.
async fn close_all(listener: TcpListener) -> anyhow::Result<()> {
    loop {
        drop(listener.accept().await?);
    }
}

async fn accepted(listener: &TcpListener) -> std::io::Result<TcpStream> {
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn acceptor(directory: &Path) -> anyhow::Result<TlsAcceptor> {
    let chain = CertificateDer::pem_file_iter(directory.join("chain.pem"))?
        .collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(directory.join("key.pem"))?;
    let mut config =
        rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// As long as nginx's own page.
const PAGE: &[u8] = &[b'-'; 153];
