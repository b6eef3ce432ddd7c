//! A flood from listed addresses, in a process of its own so that it gives way to whoever measures.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Connection, Offer, Target, answered, connector, request};

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Requests on connections that stay.
    Requests,
    /// A TLS connection for each request.
    Connections,
    /// TLS connections to an entrance that closes them.
    Closed,
}

/// How many at a time; whoever has no answer yet begins nothing new.
const FLOODERS: u32 = 64;

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Requests, Self::Connections, Self::Closed];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Connections => "connections",
            Self::Closed => "closed",
        }
    }

    /// Events a second, which every contestant and one generator can take.
    pub(crate) fn rate(self) -> u32 {
        match self {
            Self::Requests => 4000,
            Self::Connections | Self::Closed => 400,
        }
    }
}

/// Floods for so many seconds and gives the events. `directory` has the run's certificate and the
/// addresses to flood from, a line each.
pub(crate) async fn flood(
    kind: Kind,
    address: std::net::SocketAddr,
    directory: &Path,
    seconds: u64,
) -> anyhow::Result<u64> {
    let places = std::fs::read_to_string(directory.join("flood.places"))?;
    let sources = std::fs::read_to_string(directory.join("flood.sources"))?;
    let sources = sources.lines().map(str::parse).collect::<Result<Arc<[Ipv4Addr]>, _>>()?;
    let tls = (kind != Kind::Requests)
        .then(|| connector(&directory.join("chain.pem"), Offer::Http1))
        .transpose()?;
    let sources = if kind == Kind::Closed { sources } else { [].into() };
    let target = Target { address, tls, sources };
    let requests: Arc<[Vec<u8>]> = places.lines().map(|place| request("/", place)).collect();
    let events = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut flooders = JoinSet::new();
    let pace = Duration::from_secs(1) * FLOODERS / kind.rate();
    for number in 0..FLOODERS {
        let flooder = Flooder {
            kind,
            target: target.clone(),
            requests: Arc::clone(&requests),
            events: Arc::clone(&events),
        };
        flooders.spawn(async move {
            sleep(pace * number / FLOODERS).await;
            flooder.go_on(number as usize, pace, end).await
        });
    }
    while let Some(done) = flooders.join_next().await {
        done??;
    }
    Ok(events.load(Ordering::Relaxed))
}

struct Flooder {
    kind: Kind,
    target: Target,
    requests: Arc<[Vec<u8>]>,
    events: Arc<AtomicU64>,
}

impl Flooder {
    async fn go_on(&self, number: usize, pace: Duration, end: Instant) -> anyhow::Result<()> {
        let mut pace = interval(pace);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut connection = None;
        let mut turn = number;
        while Instant::now() < end {
            pace.tick().await;
            turn += FLOODERS as usize;
            let place = turn.checked_rem(self.requests.len());
            let request = place.and_then(|place| self.requests.get(place)).context("no places")?;
            let status = match self.kind {
                Kind::Requests => {
                    let mut open = match connection.take() {
                        Some(open) => open,
                        None => Connection::new(self.target.connect(turn).await?),
                    };
                    let answer = open.ask(request, false).await?;
                    connection = (!answer.last).then_some(open);
                    Some(answer.status)
                }
                Kind::Connections | Kind::Closed => {
                    answered(&self.target, turn, request).await?.map(|answer| answer.status)
                }
            };
            let wanted = (self.kind != Kind::Closed).then_some(403);
            anyhow::ensure!(status == wanted, "{status:?} instead of {wanted:?} for a flooder");
            self.events.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
