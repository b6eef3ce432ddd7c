//! Which nodes run: each says so from time to time, so that any of them can tell of all.

use jiff::{SignedDuration, Timestamp};

use super::{Store, StoreError};

/// A node that has said nothing for so long is forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24 * 14);

/// A node, by its own word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub node: String,
    /// The machine's name.
    pub host: String,
    /// Which version it runs.
    pub version: String,
    /// Since when.
    pub started: Timestamp,
    /// When it last said so.
    pub seen: Timestamp,
    /// Which of its parts are not ready; empty where all are.
    pub problem: String,
}

impl Store {
    /// A node says that it runs. No other has to take notice.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn node_runs(&self, node: &Node) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let keep = sqlx::query(
            "INSERT INTO nodes (node, host, version, started, seen, problem)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (node) DO UPDATE SET host = excluded.host, version = excluded.version,
                 started = excluded.started, seen = excluded.seen, problem = excluded.problem",
        )
        .bind(&node.node)
        .bind(&node.host)
        .bind(&node.version)
        .bind(node.started.to_string())
        .bind(node.seen.to_string())
        .bind(&node.problem);
        change.execute(keep).await?;
        change.commit_quietly().await
    }

    /// Every node that has said something in the last two weeks, by name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn nodes(&self, now: Timestamp) -> Result<Vec<Node>, StoreError> {
        let asked = sqlx::query(
            "SELECT node, host, version, started, seen, problem FROM nodes ORDER BY node",
        );
        let rows = self.rows(asked).await?;
        let nodes = rows.iter().map(|row| {
            Ok(Node {
                node: self.text(row, "node")?,
                host: self.text(row, "host")?,
                version: self.text(row, "version")?,
                started: self.instant(row, "started")?,
                seen: self.instant(row, "seen")?,
                problem: self.text(row, "problem")?,
            })
        });
        let nodes: Vec<Node> = nodes.collect::<Result<_, StoreError>>()?;
        Ok(nodes.into_iter().filter(|node| now.duration_since(node.seen) < FORGOTTEN).collect())
    }
}
