//! TLS in front of a server that speaks none: what a mail server or a directory has of its own.

use std::net::{SocketAddr, TcpListener as Binding};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The relay; it lives as long as the test's process.
#[derive(Debug, Clone)]
pub struct Relay {
    pub address: SocketAddr,
    shaken: Arc<AtomicUsize>,
    tried: Arc<AtomicUsize>,
}

/// How it treats its connections.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// A PROXY protocol header comes before TLS, and goes on to the server.
    pub header: bool,
    /// It ends connections without TLS's own end (close_notify).
    pub abrupt: bool,
}

impl Relay {
    pub fn start(config: ServerConfig, to: SocketAddr, manner: Manner) -> Self {
        let binding = Binding::bind("127.0.0.1:0").unwrap();
        binding.set_nonblocking(true).unwrap();
        let address = binding.local_addr().unwrap();
        let relay = Self { address, shaken: Arc::default(), tried: Arc::default() };
        let own = relay.clone();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::from_std(binding).unwrap();
                let acceptor = TlsAcceptor::from(Arc::new(config));
                while let Ok((stream, _)) = listener.accept().await {
                    let (own, acceptor) = (own.clone(), acceptor.clone());
                    // It ends where either side does.
                    tokio::spawn(async move { own.carry(stream, acceptor, to, manner).await });
                }
            });
        });
        relay
    }

    /// As it stands in the configuration.
    pub fn url(&self) -> String {
        format!("tls://{}", self.address)
    }

    /// How many have come, and with how many of them TLS came about.
    pub fn seen(&self) -> (usize, usize) {
        (self.tried.load(Ordering::SeqCst), self.shaken.load(Ordering::SeqCst))
    }

    async fn carry(
        &self,
        mut client: TcpStream,
        acceptor: TlsAcceptor,
        to: SocketAddr,
        manner: Manner,
    ) -> std::io::Result<()> {
        self.tried.fetch_add(1, Ordering::SeqCst);
        let header = if manner.header { header(&mut client).await? } else { Vec::new() };
        let mut client = acceptor.accept(client).await?;
        assert_eq!(client.get_ref().1.alpn_protocol(), None, "no protocol is agreed on");
        self.shaken.fetch_add(1, Ordering::SeqCst);
        let mut server = TcpStream::connect(to).await?;
        server.write_all(&header).await?;
        if !manner.abrupt {
            return tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop);
        }
        let (mut from_client, mut to_client) = tokio::io::split(client);
        let (mut from_server, mut to_server) = server.split();
        tokio::select! {
            ended = tokio::io::copy(&mut from_client, &mut to_server) => drop(ended?),
            ended = tokio::io::copy(&mut from_server, &mut to_client) => drop(ended?),
        }
        to_client.flush().await
    }
}

/// The whole header (PROXY protocol, version 2).
async fn header(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut header = vec![0; 16];
    stream.read_exact(&mut header).await?;
    assert!(header.starts_with(b"\r\n\r\n\0\r\nQUIT\n"), "before TLS: {header:?}");
    let length = usize::from(u16::from_be_bytes([header[14], header[15]]));
    header.resize(16 + length, 0);
    stream.read_exact(&mut header[16..]).await?;
    Ok(header)
}
