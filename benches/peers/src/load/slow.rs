//! Clients that send a request's head octet by octet and never end it.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Connection, HOST, Target};

/// Slow clients at work.
pub(crate) struct Slow {
    clients: JoinSet<Option<Duration>>,
    count: usize,
}

/// What became of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shed {
    /// How many the other end closed in time.
    pub(crate) closed: usize,
    /// How many it did not.
    pub(crate) held: usize,
    /// How long the one lived that was closed last, from its first octet.
    pub(crate) longest: Duration,
}

impl Slow {
    /// Starts so many. Each sends an octet every half second, for at most `patience`.
    pub(crate) fn start(target: &Target, count: usize, patience: Duration) -> Self {
        let mut clients = JoinSet::new();
        for turn in 0..count {
            let target = target.clone();
            clients.spawn(async move { client(&target, turn, patience).await });
        }
        Self { clients, count }
    }

    /// Waits until all were closed or lost patience.
    pub(crate) async fn end(mut self) -> Shed {
        let mut lived = Vec::new();
        while let Some(done) = self.clients.join_next().await {
            lived.extend(done.ok().flatten());
        }
        let longest = lived.iter().max().copied().unwrap_or_default();
        Shed { closed: lived.len(), held: self.count - lived.len(), longest }
    }
}

/// How long the other end bore it, or nothing where it bore all of it.
async fn client(target: &Target, turn: usize, patience: Duration) -> Option<Duration> {
    let begun = Instant::now();
    let mut connection = Connection::small(target.connect(turn).await.ok()?);
    let head = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ");
    let mut octets = head.bytes().chain(std::iter::repeat(b'a'));
    while begun.elapsed() < patience {
        let octet = octets.next()?;
        if connection.send(&[octet]).await.is_err() {
            return Some(begun.elapsed());
        }
        // An answer (408) or the end: either way the other end has done with this client.
        if tokio::time::timeout(Duration::from_millis(500), connection.unasked()).await.is_ok() {
            return Some(begun.elapsed());
        }
    }
    None
}
