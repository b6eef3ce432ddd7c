//! `store`

use super::checker::{Checker, Text};

/// SQLite in the state directory, or PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// `geovagt.sqlite3` in the state directory.
    Sqlite,
    /// A connection URL; it may hold a password.
    Postgres(Secret),
}

/// A text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Default `sqlite`. The value is never said back: it may hold a password.
pub(super) fn check(text: Option<&Text>, check: &mut Checker<'_>) -> Option<StoreLocation> {
    let Some(text) = text else { return Some(StoreLocation::Sqlite) };
    let value = check.value(text)?;
    if value == "sqlite" {
        return Some(StoreLocation::Sqlite);
    }
    let says = if value.starts_with("postgres://") || value.starts_with("postgresql://") {
        "this version keeps its store in SQLite only, not in PostgreSQL"
    } else {
        "this names no store that is known"
    };
    check.refuse(text.referenced, says, "write `store: sqlite`, or remove the key");
    None
}
