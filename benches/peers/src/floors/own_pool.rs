//! hyper in front, and behind it connections that each thread keeps for itself.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use super::{Settings, accepted};
use crate::entrance::Entrance;

/// Unused connections of one thread.
type Pool = Rc<RefCell<Vec<SendRequest<Incoming>>>>;

/// A thread for each core that may be used, each with its own listeners on the same ports.
pub(super) fn serve(settings: &Settings) -> anyhow::Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    let threads: Vec<_> = (0..cores)
        .map(|_| {
            let settings = settings.clone();
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                LocalSet::new().block_on(&runtime, on_this_core(settings))
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a thread broke off"))??;
    }
    Ok(())
}

async fn on_this_core(settings: Settings) -> anyhow::Result<()> {
    let pool = Pool::default();
    let plain = shared_port(Entrance::Forward.address(settings.first_port))?;
    let tls = shared_port(Entrance::ForwardTls.address(settings.first_port))?;
    let upstream = settings.upstream;
    loop {
        tokio::select! {
            stream = accepted(&plain) => {
                tokio::task::spawn_local(connection(stream?, Rc::clone(&pool), upstream));
            }
            stream = accepted(&tls) => {
                let (stream, acceptor) = (stream?, settings.tls.clone());
                let pool = Rc::clone(&pool);
                tokio::task::spawn_local(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, pool, upstream).await;
                    }
                });
            }
        }
    }
}

fn shared_port(address: SocketAddr) -> anyhow::Result<tokio::net::TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseport(true)?;
    socket.bind(address).with_context(|| format!("cannot listen at {address}"))?;
    Ok(socket.listen(1024)?)
}

async fn connection<S>(stream: S, pool: Pool, upstream: SocketAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let service = service_fn(move |request| forward(Rc::clone(&pool), upstream, request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(
    pool: Pool,
    upstream: SocketAddr,
    request: Request<Incoming>,
) -> anyhow::Result<Response<Returning>> {
    let mut sender = take(&pool, upstream).await?;
    let answer = sender.send_request(request).await?;
    Ok(answer.map(|body| Returning { body, sender: Some(sender), pool }))
}

async fn take(pool: &Pool, upstream: SocketAddr) -> anyhow::Result<SendRequest<Incoming>> {
    loop {
        let Some(mut sender) = pool.borrow_mut().pop() else { break };
        if sender.ready().await.is_ok() {
            return Ok(sender);
        }
    }
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::task::spawn_local(connection);
    Ok(sender)
}

/// An answer's body that gives the connection back at its end.
struct Returning {
    body: Incoming,
    sender: Option<SendRequest<Incoming>>,
    pool: Pool,
}

impl Body for Returning {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returning {
    fn drop(&mut self) {
        if self.body.is_end_stream() {
            self.pool.borrow_mut().extend(self.sender.take());
        }
    }
}
