//! The schema, as numbered steps that are embedded in the program.
//!
//! A step is one file under `schema/`, the same for both databases (see [`super::wording`]). Numbers
//! grow and may have gaps.
//!
//! Always holds: a step that has been applied is never edited, only followed by another; a store
//! that holds a step we do not know is left alone.

use sha2::{Digest, Sha256};
use sqlx::Row;

use super::StoreError;
use super::connections::Lent;
use super::wording::{Database, wording};

struct Step {
    number: i64,
    sql: &'static str,
}

const STEPS: &[Step] = &[
    Step { number: 1, sql: include_str!("schema/0001_people.sql") },
    Step { number: 2, sql: include_str!("schema/0002_journey.sql") },
    Step { number: 3, sql: include_str!("schema/0003_known_people.sql") },
    Step { number: 4, sql: include_str!("schema/0004_devices.sql") },
    Step { number: 5, sql: include_str!("schema/0005_notices.sql") },
    Step { number: 6, sql: include_str!("schema/0006_nodes.sql") },
    Step { number: 7, sql: include_str!("schema/0007_four.sql") },
    Step { number: 8, sql: include_str!("schema/0008_admin.sql") },
    Step { number: 10, sql: include_str!("schema/0010_erasure.sql") },
    Step { number: 11, sql: include_str!("schema/0011_review.sql") },
    Step { number: 12, sql: include_str!("schema/0012_systems.sql") },
    Step { number: 13, sql: include_str!("schema/0013_travel.sql") },
    Step { number: 15, sql: include_str!("schema/0015_erasure_orders.sql") },
    Step { number: 16, sql: include_str!("schema/0016_second_person.sql") },
];

/// The step whose sums are made by the program.
const LOG_TOTALS: i64 = 17;

/// The block log's index: a file of its own on SQLite, part of the store on PostgreSQL.
const LOG_INDEX: &[Step] = &[
    Step { number: 9, sql: include_str!("schema/0009_log_index.sql") },
    Step { number: 14, sql: include_str!("schema/0014_log_kinds.sql") },
    Step { number: LOG_TOTALS, sql: include_str!("schema/0017_log_totals.sql") },
];

/// What a database holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// The store alone.
    Store,
    /// The index alone.
    LogIndex,
    /// Both.
    Both,
}

impl Holds {
    fn steps(self) -> impl Iterator<Item = &'static Step> {
        let (store, index) = match self {
            Self::Store => (STEPS, &[][..]),
            Self::LogIndex => (&[][..], LOG_INDEX),
            Self::Both => (STEPS, LOG_INDEX),
        };
        store.iter().chain(index)
    }
}

/// How a database is marked as ours.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ownership {
    /// Gives a row where it is ours.
    pub(super) is_ours: &'static str,
    /// Gives a row where it holds something.
    pub(super) is_taken: &'static str,
    /// Makes it ours.
    pub(super) claim: &'static str,
    /// In whose words a step is said.
    pub(super) database: Database,
    /// What it holds.
    pub(super) holds: Holds,
}

/// Brings the store to the newest schema, in one transaction; two programs that start at once wait
/// for each other.
pub(super) async fn run(mut change: Lent) -> Result<(), StoreError> {
    let place = change.home().place().clone();
    claim(&mut change).await?;
    let applied = applied(&mut change).await?;
    let holds = change.home().ways().ownership.holds;
    let is_known = |number: i64| holds.steps().any(|step| step.number == number);
    if let Some((found, _)) = applied.iter().find(|(number, _)| !is_known(*number)) {
        let known = holds.steps().map(|step| step.number).max().unwrap_or(0);
        return Err(StoreError::Newer { place, found: *found, known });
    }
    for step in holds.steps() {
        match applied.iter().find(|(number, _)| *number == step.number) {
            Some((_, checksum)) if *checksum == checksum_of(step) => {}
            Some(_) => {
                return Err(StoreError::SchemaDiffers { place, step: step.number });
            }
            None => apply(&mut change, step).await?,
        }
    }
    change.commit().await
}

/// Marks an empty database as ours and refuses one that somebody else filled.
async fn claim(change: &mut Lent) -> Result<(), StoreError> {
    let ownership = change.home().ways().ownership;
    if change.row(sqlx::query(ownership.is_ours)).await?.is_some() {
        return Ok(());
    }
    if change.row(sqlx::query(ownership.is_taken)).await?.is_some() {
        return Err(StoreError::Foreign(change.home().place().clone()));
    }
    change.execute_raw(ownership.claim).await
}

async fn applied(change: &mut Lent) -> Result<Vec<(i64, String)>, StoreError> {
    let asked = sqlx::query("SELECT number, checksum FROM schema_steps ORDER BY number");
    let rows = change.rows(asked).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("number")?, row.try_get("checksum")?)))
        .collect::<Result<_, sqlx::Error>>()
        .map_err(|error| change.home().fault(error))
}

async fn apply(change: &mut Lent, step: &Step) -> Result<(), StoreError> {
    let database = change.home().ways().ownership.database;
    if database == Database::Postgres {
        // What an index of many entries takes to be made anew.
        change.execute_raw("SET LOCAL statement_timeout = '10min'").await?;
    }
    change.execute_step(wording(step.sql, database)).await?;
    if step.number == LOG_TOTALS {
        super::log::make_sums(change).await?;
    }
    let noted = sqlx::query("INSERT INTO schema_steps (number, checksum) VALUES ($1, $2)")
        .bind(step.number)
        .bind(checksum_of(step));
    change.execute(noted).await.map(|_| ())
}

/// Of the file as it is written, so that it is the same on both databases.
fn checksum_of(step: &Step) -> String {
    hex::encode(Sha256::digest(step.sql.as_bytes()))
}
