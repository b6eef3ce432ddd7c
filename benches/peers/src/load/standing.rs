//! Connections that stand open and do nothing.

use tokio::task::JoinSet;

use super::{Connection, Expected, Target, Work};

/// Open connections; they end with this value.
pub(crate) struct Standing {
    connections: Vec<Connection>,
}

impl Standing {
    /// Opens so many connections. `asked`: each has had one request, answered as the work expects;
    /// otherwise none has sent a byte (TLS is agreed where the target has it).
    pub(crate) async fn open(work: &Work, count: usize, asked: bool) -> anyhow::Result<Self> {
        let mut connections = Vec::with_capacity(count);
        while connections.len() < count {
            let mut opening = JoinSet::new();
            for turn in 0..64.min(count - connections.len()) {
                let target: Target = work.target.clone();
                let place = work.places.first().cloned().unwrap_or_default();
                let (path, expected) = (work.path, work.expected);
                opening.spawn(async move {
                    let mut connection = Connection::small(target.connect(turn).await?);
                    if asked {
                        let request = super::request(path, &place);
                        let answer = connection.ask(&request, false).await?;
                        anyhow::ensure!(
                            expected == Expected::Closed
                                || expected.is(answer.status, answer.length),
                            "{answer:?} instead of {expected:?}"
                        );
                    }
                    anyhow::Ok(connection)
                });
            }
            while let Some(opened) = opening.join_next().await {
                connections.push(opened??);
            }
        }
        Ok(Self { connections })
    }

    /// How many the other end has not closed.
    pub(crate) async fn still_open(&mut self) -> usize {
        // What has arrived is seen once the runtime has looked at its sockets.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let mut open = 0;
        for connection in &mut self.connections {
            open += tokio::select! {
                biased;
                read = connection.unasked() => usize::from(matches!(read, Ok(octets) if octets > 0)),
                () = std::future::ready(()) => 1,
            };
        }
        open
    }
}
