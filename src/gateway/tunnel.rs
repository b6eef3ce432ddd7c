//! WebSocket: after the upstream's 101 the bytes go both ways until one side ends, or until the
//! client would no longer be let in.

use std::sync::Arc;

use http::{Response, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

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
                Err(error) => tracing::debug!(%error, "a tunnel ended early"),
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
    let (mut client, mut upstream) = (TokioIo::new(client), TokioIo::new(upstream));
    let (up, down) = tokio::io::copy_bidirectional(&mut client, &mut upstream).await?;
    passage.upward(false, usize::try_from(up).unwrap_or(usize::MAX));
    passage.downward(usize::try_from(down).unwrap_or(usize::MAX));
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum TunnelError {
    #[error("a side did not become a tunnel")]
    Upgrade(#[from] hyper::Error),
    #[error("the connection broke")]
    Broken(#[from] std::io::Error),
}
