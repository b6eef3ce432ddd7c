//! The bytes of a connection, both ways, until it ends or must.
//!
//! Always holds: an end of one direction is handed on and the other goes on (half-close); silence and
//! life have limits; a PROXY preamble of the client's own never goes on, because a server that believes
//! ours might believe it.

mod watched;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::gateway::Standing;
use crate::listen::Stream;
use crate::policy::Reason;
use crate::upstream;
use watched::{Broken, Flow, Watched};

/// How long a side may take to hear that it is over.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a connection may be.
pub(super) struct Bounds {
    pub(super) idle: Duration,
    pub(super) lifetime: Duration,
    /// An exemption let it in.
    pub(super) by_exemption: bool,
}

/// What became of it.
pub(super) struct Outcome {
    pub(super) end: End,
    /// Where a permission ended: for what reason it would be refused now.
    pub(super) because: Option<Reason>,
    /// Bytes that the client sent.
    pub(super) up: u64,
    /// Bytes that the client got.
    pub(super) down: u64,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Both sides said that they were done.
    Whole,
    /// The client left, or its connection broke.
    ClientLeft,
    /// The server left, or its connection broke.
    UpstreamBroke,
    /// Neither side said anything for too long.
    Idle,
    /// It lasted as long as it may.
    Lifetime,
    /// The client would not be let in any more.
    PermissionEnded,
    /// The same, where an exemption had let it in.
    ExemptionEnded,
    /// The client spoke as a proxy, which it is not.
    Preamble,
    /// The server has refused the login.
    LoginRefused,
    /// The gateway stops.
    Stopped,
}

impl End {
    /// As the log and the metrics write it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::ClientLeft => "cut_by_client",
            Self::UpstreamBroke => "cut_by_upstream",
            Self::Idle => "idle",
            Self::Lifetime => "lifetime",
            Self::PermissionEnded => "permission_ended",
            Self::ExemptionEnded => "exemption_ended",
            Self::Preamble => "foreign_preamble",
            Self::LoginRefused => "login_refused",
            Self::Stopped => "stopped",
        }
    }

    /// Whether the gateway brought it about for a reason that the log should tell.
    pub(super) fn is_ours(self) -> bool {
        match self {
            Self::Idle
            | Self::Lifetime
            | Self::PermissionEnded
            | Self::ExemptionEnded
            | Self::Preamble
            | Self::LoginRefused => true,
            Self::Whole | Self::ClientLeft | Self::UpstreamBroke | Self::Stopped => false,
        }
    }
}

/// Carries the bytes to the end, first those that were read ahead.
pub(super) async fn splice(
    mut client: Stream,
    ahead: &[u8],
    upstream: &mut upstream::Stream,
    standing: &Standing,
    stopping: &CancellationToken,
    bounds: &Bounds,
) -> Outcome {
    let flow = Flow::new();
    let mut because = None;
    let end = tokio::select! {
        carried = carry(&mut client, ahead, upstream, &flow) => match (carried, flow.broken()) {
            (_, Some(Broken::Preamble)) => End::Preamble,
            (_, Some(Broken::Upstream)) => End::UpstreamBroke,
            (Ok(()), _) => End::Whole,
            (Err(_), _) => End::ClientLeft,
        },
        () = flow.idle(bounds.idle) => End::Idle,
        () = sleep(bounds.lifetime) => End::Lifetime,
        reason = standing.ended() => {
            because = reason;
            if bounds.by_exemption { End::ExemptionEnded } else { End::PermissionEnded }
        }
        () = stopping.cancelled() => End::Stopped,
    };
    // Both hear a clean end rather than a broken connection, where they still listen.
    let _ = timeout(FAREWELL, async { tokio::join!(client.shutdown(), upstream.shutdown()) }).await;
    let (up, down) = flow.octets();
    Outcome { end, because, up, down }
}

async fn carry(
    client: &mut Stream,
    ahead: &[u8],
    upstream: &mut upstream::Stream,
    flow: &Flow,
) -> io::Result<()> {
    let mut client = Watched::client(client, flow);
    let mut upstream = Watched::upstream(upstream, flow);
    if !ahead.is_empty() {
        flow.went_up(ahead.len());
        upstream.write_all(ahead).await?;
    }
    copy_bidirectional(&mut client, &mut upstream).await?;
    Ok(())
}
