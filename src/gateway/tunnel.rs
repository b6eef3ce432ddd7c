//! WebSocket: after the upstream's 101 the bytes go both ways until one side ends, or until the
//! client would no longer be let in.

use http::{Response, header};
use hyper::body::Incoming;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use super::body::{Held, ResponseBody};
use super::exchange::Exchange;
use super::standing::Standing;

/// Joins the two upgraded connections in a task that shutdown waits for, and gives the client the
/// upstream's 101. `held` lives as long as the tunnel does.
pub(super) fn open(
    exchange: &Exchange<'_>,
    client: OnUpgrade,
    mut response: Response<Incoming>,
    held: Held,
    standing: Standing,
) -> Response<ResponseBody> {
    let upstream = hyper::upgrade::on(&mut response);
    let stopping = exchange.gateway.tasks.stopping();
    // A tunnel outlives its listener by as much as other exchanges do.
    exchange.connection.tasks().spawn(async move {
        let _held = held;
        tokio::select! {
            outcome = join(client, upstream) => {
                if let Err(error) = outcome {
                    tracing::debug!(%error, "a tunnel ended early");
                }
            }
            () = standing.ended() => tracing::debug!("a tunnel's permission has ended"),
            () = stopping.cancelled() => {}
        }
    });
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, ResponseBody::page(bytes::Bytes::new()))
}

async fn join(client: OnUpgrade, upstream: OnUpgrade) -> Result<(), TunnelError> {
    let (client, upstream): (Upgraded, Upgraded) = tokio::try_join!(client, upstream)?;
    tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut TokioIo::new(upstream)).await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum TunnelError {
    #[error("a side did not become a tunnel")]
    Upgrade(#[from] hyper::Error),
    #[error("the connection broke")]
    Broken(#[from] std::io::Error),
}
