//! The schema, as numbered steps that are embedded in the program.
//!
//! Always holds: a step that has been applied is never edited, only followed by another; a store
//! that holds a step we do not know is left alone.

use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::{Row, Sqlite, SqlitePool, Transaction};

use super::StoreError;

/// `geov`, SQLite's mark for whose database a file is.
const APPLICATION_ID: i64 = 0x6765_6f76;

struct Step {
    number: i64,
    sql: &'static str,
}

const STEPS: &[Step] = &[
    Step { number: 1, sql: include_str!("schema/0001_people.sql") },
    Step { number: 5, sql: include_str!("schema/0005_notices.sql") },
];

/// Brings the store to the newest schema, in one transaction; two programs that start at once wait
/// for each other.
pub(crate) async fn run(pool: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let fault = |error| StoreError::of(path, error);
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(fault)?;
    claim(&mut transaction, path).await?;
    let applied = applied(&mut transaction).await.map_err(fault)?;
    let known = STEPS.last().map_or(0, |step| step.number);
    if let Some((found, _)) = applied.last().filter(|(number, _)| *number > known) {
        return Err(StoreError::Newer { path: path.to_owned(), found: *found, known });
    }
    for step in STEPS {
        match applied.iter().find(|(number, _)| *number == step.number) {
            Some((_, checksum)) if *checksum == checksum_of(step) => {}
            Some(_) => {
                return Err(StoreError::SchemaDiffers { path: path.to_owned(), step: step.number });
            }
            None => apply(&mut transaction, step).await.map_err(fault)?,
        }
    }
    transaction.commit().await.map_err(fault)
}

/// Marks an empty database as ours and refuses one that somebody else filled.
async fn claim(
    transaction: &mut Transaction<'static, Sqlite>,
    path: &Path,
) -> Result<(), StoreError> {
    let fault = |error| StoreError::of(path, error);
    let owner: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut **transaction)
        .await
        .map_err(fault)?;
    if owner == APPLICATION_ID {
        return Ok(());
    }
    let objects: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut **transaction)
        .await
        .map_err(fault)?;
    if owner != 0 || objects != 0 {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    sqlx::raw_sql(
        "PRAGMA application_id = 0x67656f76;
         CREATE TABLE schema_steps (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT;",
    )
    .execute(&mut **transaction)
    .await
    .map_err(fault)?;
    Ok(())
}

async fn applied(
    transaction: &mut Transaction<'static, Sqlite>,
) -> Result<Vec<(i64, String)>, sqlx::Error> {
    sqlx::query("SELECT number, checksum FROM schema_steps ORDER BY number")
        .fetch_all(&mut **transaction)
        .await?
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect()
}

async fn apply(
    transaction: &mut Transaction<'static, Sqlite>,
    step: &Step,
) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(step.sql).execute(&mut **transaction).await?;
    sqlx::query("INSERT INTO schema_steps (number, checksum) VALUES (?, ?)")
        .bind(step.number)
        .bind(checksum_of(step))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

fn checksum_of(step: &Step) -> String {
    hex::encode(Sha256::digest(step.sql.as_bytes()))
}
