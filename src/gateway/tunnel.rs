//! WebSocket: after the upstream's 101 the bytes go both ways until one side ends, or until the
//! client would no longer be let in.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Response, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::body::{Held, ResponseBody};
use super::exchange::Exchange;
use super::passage::{End, Passage};
use crate::upstream::AnswerBody;

/// Joins the two upgraded connections in a task that shutdown waits for, and gives the client the
/// upstream's 101. `held` lives as long as the tunnel does.
pub(super) fn open(
    exchange: &Exchange<'_>,
    client: OnUpgrade,
    mut response: Response<AnswerBody>,
    mut held: Held,
) -> Response<ResponseBody> {
    let upstream = hyper::upgrade::on(&mut response);
    let (mut parts, body) = response.into_parts();
    held.lease = body.into_lease();
    let stopping = exchange.gateway.tasks.stopping();
    // A tunnel outlives its listener by as much as other exchanges do.
    exchange.connection.tasks().spawn(async move {
        let mut held = held;
        let passage = Arc::clone(&held.passage);
        tokio::select! {
            outcome = join(client, upstream, &passage) => match outcome {
                Ok(()) => held.seen = End::Whole,
                Err(error) => {
                    held.seen = error.seen();
                    tracing::debug!(%error, "a tunnel ended early");
                }
            },
            because = passage.standing().ended() => passage.refuse(because),
            () = stopping.cancelled() => {}
        }
    });
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, ResponseBody::page(bytes::Bytes::new()))
}

async fn join(
    client: OnUpgrade,
    upstream: OnUpgrade,
    passage: &Passage,
) -> Result<(), TunnelError> {
    let (client, upstream): (Upgraded, Upgraded) = tokio::try_join!(client, upstream)?;
    let mut client = Counted { inner: TokioIo::new(client), passage, broke: false };
    let mut upstream = TokioIo::new(upstream);
    let joined = tokio::io::copy_bidirectional(&mut client, &mut upstream).await;
    joined.map(|_| ()).map_err(|error| TunnelError::Broken { by_client: client.broke, error })
}

/// The client's side, which notes what passes it: a tunnel that does not end by itself has carried
/// its octets all the same.
struct Counted<'p, S> {
    inner: S,
    passage: &'p Passage,
    broke: bool,
}

impl<S> Counted<'_, S> {
    fn noted<T>(&mut self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.broke |= matches!(outcome, Poll::Ready(Err(_)));
        outcome
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<'_, S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut this.inner).poll_read(context, buffer);
        this.passage.tunnelled_up(buffer.filled().len().saturating_sub(before));
        this.noted(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<'_, S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_write(context, bytes);
        if let Poll::Ready(Ok(octets)) = &outcome {
            this.passage.tunnelled_down(*octets);
        }
        this.noted(outcome)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_flush(context);
        this.noted(outcome)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_shutdown(context);
        this.noted(outcome)
    }
}

#[derive(Debug, thiserror::Error)]
enum TunnelError {
    #[error("a side did not become a tunnel")]
    Upgrade(#[from] hyper::Error),
    #[error("the connection broke")]
    Broken {
        by_client: bool,
        #[source]
        error: io::Error,
    },
}

impl TunnelError {
    /// As the log tells it.
    fn seen(&self) -> End {
        match self {
            Self::Broken { by_client: false, .. } => End::UpstreamBroke,
            Self::Broken { by_client: true, .. } | Self::Upgrade(_) => End::ClientLeft,
        }
    }
}
