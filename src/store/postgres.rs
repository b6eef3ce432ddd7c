//! PostgreSQL's own ways: the address and its secret, transactions, codes.
//!
//! Always holds: nothing rests on what a connection remembers between two transactions, so a pooler
//! in transaction mode may stand between; a transaction whose gateway is gone ends by itself; no
//! message holds the password.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Row;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};

use super::connections::{Connections, ManyRows, Places, Ways};
use super::migrations::{Holds, Ownership};
use super::postgres_url::PostgresUrl;
use super::wording::Database;
use super::{Place, StoreError};

/// How long one step may take: connecting, or one statement.
pub(super) const LIMIT: Duration = Duration::from_secs(4);

const WAYS: Ways = Ways {
    // Waiting for another's change ends before the statement's time, and both before ours: the
    // database's sentence says more. A gateway that is cut off leaves its change to nobody: the
    // database ends it, and well before another gateway's change has waited in vain.
    read: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
           SET LOCAL statement_timeout = '3500ms';
           SET LOCAL idle_in_transaction_session_timeout = '8s'",
    // One change after another, as on SQLite; the lock ends with the transaction.
    change: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
             SET LOCAL lock_timeout = '3s';
             SET LOCAL statement_timeout = '3500ms';
             SET LOCAL idle_in_transaction_session_timeout = '1500ms';
             SELECT pg_advisory_xact_lock(1734700918)",
    greeting: None,
    limit: LIMIT,
    // A pooler in transaction mode gives the next transaction another connection, which does not
    // know the statement.
    remembers_statements: false,
    many_rows: ManyRows { insert: "INSERT INTO", places: Places::Numbered, at_once: 100 },
    // It takes no others.
    any_octets: false,
    connections: 4,
    tell: Some("NOTIFY geovagt_change"),
    verify: "SELECT CAST('ok' AS TEXT)",
    settle: None,
    ownership: Ownership {
        is_ours: "SELECT CAST(tablename AS TEXT) AS found FROM pg_tables
                  WHERE schemaname = current_schema() AND tablename = 'schema_steps'",
        is_taken: "SELECT CAST(tablename AS TEXT) AS found FROM pg_tables
                   WHERE schemaname = current_schema() LIMIT 1",
        claim: "CREATE TABLE schema_steps (number BIGINT PRIMARY KEY, checksum TEXT NOT NULL)",
        database: Database::Postgres,
        holds: Holds::Both,
    },
    fault,
};

/// The ways of the block log's index: its changes wait for each other and for none of the store's.
pub(super) const LOG_INDEX_WAYS: Ways = Ways {
    change: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
             SET LOCAL lock_timeout = '3s';
             SET LOCAL statement_timeout = '3500ms';
             SET LOCAL idle_in_transaction_session_timeout = '8s';
             SELECT pg_advisory_xact_lock(1734700919)",
    tell: None,
    ..WAYS
};

/// The connections to this database; none is made yet.
pub(super) fn connections(url: &PostgresUrl) -> Result<Arc<Connections>, StoreError> {
    let place = url.place();
    let options = url.text().parse().map_err(|error| fault(&place, error))?;
    Ok(Connections::new(options, place, WAYS))
}

/// Hears of changes as they are made, as long as the connection lasts. Behind a pooler nothing is
/// heard; asking for the change number stands beneath it.
pub struct Changes {
    listener: Option<PgListener>,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("hears", &self.listener.is_some()).finish()
    }
}

impl Changes {
    /// Where nobody tells.
    #[must_use]
    pub fn unheard() -> Self {
        Self { listener: None }
    }

    /// Whether anything could be heard now.
    #[must_use]
    pub fn hears(&self) -> bool {
        self.listener.is_some()
    }

    /// Begins to listen.
    pub(super) async fn of(url: &PostgresUrl) -> Result<Self, StoreError> {
        let place = url.place();
        let listening = async {
            let options: PgConnectOptions = url.text().parse()?;
            let options = options.options([("geovagt.direct", "yes")]);
            let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(LIMIT);
            let mut listener = PgListener::connect_with(&pool.connect_lazy_with(options)).await?;
            // A connection that breaks is made anew by whoever asks for the change number.
            listener.eager_reconnect(false);
            // A pooler refuses the setting or loses it. To listen through one would leave a
            // connection listening that others are lent, who are then told what they did not ask.
            let direct = sqlx::raw_sql("SELECT current_setting('geovagt.direct', true)");
            let direct: Option<String> = direct.fetch_one(&mut listener).await?.try_get(0)?;
            if direct.as_deref() != Some("yes") {
                return Ok(None);
            }
            listener.listen("geovagt_change").await?;
            Ok(Some(listener))
        };
        match tokio::time::timeout(LIMIT, listening).await {
            Ok(Ok(listener)) => Ok(Self { listener }),
            Ok(Err(error)) => Err(fault(&place, error)),
            Err(_) => Err(StoreError::NoAnswer(place)),
        }
    }

    /// Waits for the next change; without an end where nothing is heard. Cancel-safe: a change that
    /// is not waited for is asked for.
    pub async fn next(&mut self) {
        if let Some(listener) = &mut self.listener
            && matches!(listener.try_recv().await, Ok(Some(_)))
        {
            return;
        }
        self.listener = None;
        std::future::pending::<()>().await;
    }
}

/// Finds the sentence for what PostgreSQL or the way to it said.
fn fault(place: &Place, error: sqlx::Error) -> StoreError {
    let place = place.clone();
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    match code.as_deref() {
        Some(code) if UNREACHABLE.iter().any(|prefix| code.starts_with(prefix)) => {
            StoreError::Unreachable { place, source: error }
        }
        Some("25006") => StoreError::TakesNoChanges(place),
        Some("55P03" | "57014" | "40001" | "40P01") => StoreError::Busy(place),
        Some("53100") => StoreError::DiskFull(place),
        Some("XX001" | "XX002") => StoreError::Damaged(place),
        Some(_) => StoreError::Failed { place, source: error },
        None => match error {
            // Only what cannot be understood of a connection that was made stands aside.
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => {
                StoreError::Unreachable { place, source: error }
            }
            other => StoreError::Failed { place, source: other },
        },
    }
}

/// SQLSTATE of what keeps us from the database: the connection, the login, the database's name, too
/// many connections, a start or a stop.
const UNREACHABLE: [&str; 8] = ["08", "28", "3D000", "53300", "57P01", "57P02", "57P03", "57P05"];
