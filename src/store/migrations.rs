//! The schema, as numbered steps that are embedded in the program.
//!
//! A step is one file under `schema/`, the same for both databases (see [`super::wording`]). Numbers
//! grow and may have gaps.
//!
//! Always holds: a step that has been applied is never edited, only followed by another; a store
//! that holds a step we do not know is left alone.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::StoreError;
use super::connections::{Connections, Lent};
use super::wording::{Database, wording};

struct Step {
    number: i64,
    sql: &'static str,
}

const STEPS: &[Step] = &[
    Step { number: 1, sql: include_str!("schema/0001_people.sql") },
    Step { number: 3, sql: include_str!("schema/0003_known_people.sql") },
];

/// How a database is marked as ours.
pub(super) struct Ownership {
    /// Gives a row where it is ours.
    pub(super) is_ours: &'static str,
    /// Gives a row where it holds something.
    pub(super) is_taken: &'static str,
    /// Makes it ours.
    pub(super) claim: &'static str,
    /// In whose words a step is said.
    pub(super) database: Database,
}

/// Brings the store to the newest schema, in one transaction; two programs that start at once wait
/// for each other.
pub(super) async fn run(
    connections: &Arc<Connections>,
    ownership: &Ownership,
) -> Result<(), StoreError> {
    let place = connections.place();
    let mut change = connections.change().await?;
    claim(&mut change, connections, ownership).await?;
    let applied = applied(&mut change, connections).await?;
    let is_known = |number: i64| STEPS.iter().any(|step| step.number == number);
    if let Some((found, _)) = applied.iter().find(|(number, _)| !is_known(*number)) {
        let known = STEPS.iter().map(|step| step.number).max().unwrap_or(0);
        return Err(StoreError::Newer { place: place.clone(), found: *found, known });
    }
    for step in STEPS {
        match applied.iter().find(|(number, _)| *number == step.number) {
            Some((_, checksum)) if *checksum == checksum_of(step) => {}
            Some(_) => {
                return Err(StoreError::SchemaDiffers { place: place.clone(), step: step.number });
            }
            None => apply(&mut change, step, ownership).await?,
        }
    }
    change.commit().await
}

/// Marks an empty database as ours and refuses one that somebody else filled.
async fn claim(
    change: &mut Lent,
    connections: &Connections,
    ownership: &Ownership,
) -> Result<(), StoreError> {
    if change.row(sqlx::query(ownership.is_ours)).await?.is_some() {
        return Ok(());
    }
    if change.row(sqlx::query(ownership.is_taken)).await?.is_some() {
        return Err(StoreError::Foreign(connections.place().clone()));
    }
    change.execute_raw(ownership.claim).await
}

async fn applied(
    change: &mut Lent,
    connections: &Connections,
) -> Result<Vec<(i64, String)>, StoreError> {
    use sqlx::Row;
    let asked = sqlx::query("SELECT number, checksum FROM schema_steps ORDER BY number");
    change
        .rows(asked)
        .await?
        .iter()
        .map(|row| Ok((row.try_get("number")?, row.try_get("checksum")?)))
        .collect::<Result<_, sqlx::Error>>()
        .map_err(|error| connections.fault(error))
}

async fn apply(change: &mut Lent, step: &Step, ownership: &Ownership) -> Result<(), StoreError> {
    change.execute_script(wording(step.sql, ownership.database)).await?;
    let noted = sqlx::query("INSERT INTO schema_steps (number, checksum) VALUES ($1, $2)")
        .bind(step.number)
        .bind(checksum_of(step));
    change.execute(noted).await.map(|_| ())
}

/// Of the file as it is written, so that it is the same on both databases.
fn checksum_of(step: &Step) -> String {
    hex::encode(Sha256::digest(step.sql.as_bytes()))
}
