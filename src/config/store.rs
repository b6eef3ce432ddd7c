//! `store`

use super::checker::{Checker, Text, Wrong};
use super::expand::{Part, parts};
use crate::store::PostgresUrl;

/// SQLite in the state directory, or PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// `geovagt.sqlite3` in the state directory.
    Sqlite,
    /// A database that several nodes share.
    Postgres(PostgresUrl),
}

/// Stands for what is expanded where only the rest of an address is looked at.
const EXPANDED: char = '\u{fffc}';

/// Default `sqlite`. The value is never said back: it may hold a password.
pub(super) fn check(text: Option<&Text>, check: &mut Checker<'_>) -> Option<StoreLocation> {
    let Some(text) = text else { return Some(StoreLocation::Sqlite) };
    let written = &text.value;
    if holds_password_in_the_open(written) {
        check.refuse(
            text.referenced,
            "the password of the database stands in the open",
            "keep it in a file of geovagt's own user and write ${file:PATH} in its place, or \
             ${NAME} for an environment variable",
        );
        return None;
    }
    let value = match is_postgres(written) {
        true => check.value_in_url(text)?,
        false => check.value(text)?,
    };
    if value == "sqlite" {
        return Some(StoreLocation::Sqlite);
    }
    if !is_postgres(&value) {
        check.refuse(
            text.referenced,
            "this names no store that is known",
            "write `store: sqlite`, remove the key, or name a database of PostgreSQL: \
             postgres://USER:${file:PATH}@HOST:5432/DATABASE",
        );
        return None;
    }
    match PostgresUrl::parse(&value, check.directory()) {
        Ok(url) => {
            if let Some(weakness) = url.weakness() {
                check.warn(
                    text.referenced,
                    format!("what is said to the database, keys of sessions included, {weakness}"),
                    "let it prove its name: sslmode=verify-full, with sslrootcert where its \
                     certificate is of your own making",
                );
            }
            Some(StoreLocation::Postgres(url))
        }
        Err(wrong) => {
            let Wrong { says, help } = Wrong::new(wrong.says, wrong.help);
            check.refuse(text.referenced, format!("the address of the store {says}"), help);
            None
        }
    }
}

fn is_postgres(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

/// Whether a part of the password is written here and not taken from elsewhere.
fn holds_password_in_the_open(written: &str) -> bool {
    let Ok(parts) = parts(written) else { return false };
    let shape: String = parts
        .iter()
        .map(|part| match part {
            Part::Literal(literal) => (*literal).to_owned(),
            Part::Variable(_) | Part::File(_) => EXPANDED.to_string(),
        })
        .collect();
    if !is_postgres(&shape) {
        return false;
    }
    let rest = shape.split_once("://").map_or("", |(_, rest)| rest);
    let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user.split_once(':').map_or("", |(_, password)| password);
    password.chars().any(|c| c != EXPANDED)
}
