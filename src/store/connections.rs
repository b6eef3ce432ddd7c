//! A few connections to the database, each lent to one piece of work at a time.
//!
//! Always holds: nothing is waited for without an end; a connection whose work was not finished,
//! failed or ran out of time is closed and never lent again. So a database that is cut off costs
//! one time limit, and nothing of it is left behind when it is back.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::any::{AnyArguments, AnyConnectOptions, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, ConnectOptions, Row as _};
use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

use super::error::StoreError;
use super::migrations::{self, Ownership};
use super::octets::Question;
use super::place::Place;

/// How long a step of the schema may take.
const STEP: Duration = Duration::from_secs(600);

/// A query with its values.
pub(crate) type Asked<'q> = Query<'q, Any, AnyArguments>;

/// What one database does its own way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ways {
    /// Begins reading of one instant.
    pub(super) read: &'static str,
    /// Begins a change; whoever begins another one waits until this is over.
    pub(super) change: &'static str,
    /// Said to each new connection.
    pub(super) greeting: Option<&'static str>,
    /// How long one step may take.
    pub(super) limit: Duration,
    /// Whether a connection remembers statements between transactions.
    pub(super) remembers_statements: bool,
    /// How many rows are put in.
    pub(super) many_rows: ManyRows,
    /// Whether a text may hold octets that are none.
    pub(super) any_octets: bool,
    /// So many connections at a time.
    pub(super) connections: u32,
    /// Tells other nodes of a change, where they can be told.
    pub(super) tell: Option<&'static str>,
    /// Gives `ok` where everything is in order.
    pub(super) verify: &'static str,
    /// Leaves what was changed in one place alone; gives 0 where that is done. None: the database
    /// sees to it by itself.
    pub(super) settle: Option<&'static str>,
    /// How it is marked as ours.
    pub(super) ownership: Ownership,
    /// The sentence for what this database says.
    pub(super) fault: fn(&Place, sqlx::Error) -> StoreError,
}

/// How a database takes many rows, within a change that is given up where one of them fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct ManyRows {
    /// What the statement begins with.
    pub(super) insert: &'static str,
    pub(super) places: Places,
    /// So many rows by one statement.
    pub(super) at_once: usize,
}

/// How the places of values are marked in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Places {
    /// `$1`, `$2`, as everywhere where there are few.
    Numbered,
    /// `?`, in the order of the values. SQLite searches all the places that bear a name whenever one
    /// of them is bound, which for the thousands of many rows is most of the work.
    InOrder,
}

/// The connections of one store.
pub(super) struct Connections {
    options: AnyConnectOptions,
    ways: Ways,
    place: Place,
    /// None once the store is closed.
    idle: Mutex<Option<Vec<AnyConnection>>>,
    permits: Arc<Semaphore>,
    /// Whether the schema is the newest: seen to before anything else is asked.
    prepared: OnceCell<()>,
    /// Whose schema ours is part of, where it is not our own.
    beside: Option<Arc<Connections>>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Connections {
    pub(super) fn new(options: AnyConnectOptions, place: Place, ways: Ways) -> Arc<Self> {
        sqlx::any::install_default_drivers();
        let permits = usize::try_from(ways.connections).unwrap_or(1);
        Arc::new(Self {
            options,
            ways,
            place,
            idle: Mutex::new(Some(Vec::new())),
            permits: Arc::new(Semaphore::new(permits)),
            prepared: OnceCell::new(),
            beside: None,
        })
    }

    /// More connections to the database of others, who see to its schema, with ways of their own.
    pub(super) fn beside(others: &Arc<Self>, ways: Ways) -> Arc<Self> {
        let permits = usize::try_from(ways.connections).unwrap_or(1);
        Arc::new(Self {
            options: others.options.clone(),
            ways,
            place: others.place.clone(),
            idle: Mutex::new(Some(Vec::new())),
            permits: Arc::new(Semaphore::new(permits)),
            prepared: OnceCell::new(),
            beside: Some(Arc::clone(others)),
        })
    }

    /// More connections of the same kind, which share nothing with these but the database.
    pub(super) fn again(self: &Arc<Self>) -> Arc<Self> {
        Self::beside(self.beside.as_ref().unwrap_or(self), self.ways)
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn ways(&self) -> &Ways {
        &self.ways
    }

    /// Begins reading; what is read is of one instant.
    pub(super) async fn read(self: &Arc<Self>) -> Result<Lent, StoreError> {
        self.prepare().await?;
        self.begin(self.ways.read).await
    }

    /// Begins a change.
    pub(super) async fn change(self: &Arc<Self>) -> Result<Lent, StoreError> {
        self.prepare().await?;
        self.begin(self.ways.change).await
    }

    /// Brings the schema up to date, once.
    pub(super) async fn prepare(self: &Arc<Self>) -> Result<(), StoreError> {
        let schema = self.beside.as_ref().unwrap_or(self);
        let prepare = async || migrations::run(schema.begin(schema.ways.change).await?).await;
        schema.prepared.get_or_try_init(prepare).await.copied()
    }

    async fn begin(self: &Arc<Self>, statement: &'static str) -> Result<Lent, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned();
        let permit = self.limited(async { permit.await.map_err(|_| closed()) }).await?;
        let Some(connection) = self.take_idle()? else {
            return self.begin_afresh(statement, permit).await;
        };
        let mut lent = Lent { connection, home: Arc::clone(self), permit };
        match lent.execute_raw(statement).await {
            Ok(()) => Ok(lent),
            // Broken while nobody used it, and so are the others: the database was started anew,
            // or cut off. Where that is over, a fresh one tells.
            Err(StoreError::Unreachable { .. }) => {
                self.forget_idle();
                self.begin_afresh(statement, lent.permit).await
            }
            Err(error) => {
                self.forget_idle();
                Err(error)
            }
        }
    }

    async fn begin_afresh(
        self: &Arc<Self>,
        statement: &'static str,
        permit: OwnedSemaphorePermit,
    ) -> Result<Lent, StoreError> {
        let connection = self.limited(self.options.connect()).await?;
        let mut lent = Lent { connection, home: Arc::clone(self), permit };
        if let Some(greeting) = self.ways.greeting {
            lent.execute_raw(greeting).await?;
        }
        lent.execute_raw(statement).await?;
        Ok(lent)
    }

    /// Leaves what was changed in one place alone, so that what was deleted stands nowhere any more.
    /// No where somebody reads what was there before.
    pub(super) async fn settle(self: &Arc<Self>) -> Result<bool, StoreError> {
        let Some(settle) = self.ways.settle else { return Ok(true) };
        self.prepare().await?;
        // It cannot be done within a transaction.
        let mut lent = self.begin("SELECT 1").await?;
        let row = lent.row(sqlx::query(settle)).await?;
        let waits = row.map(|row| row.try_get::<i64, _>(0)).transpose();
        let waits = waits.map_err(|error| self.fault(error))?;
        lent.give_back();
        Ok(waits == Some(0))
    }

    /// Closes what is idle; what is lent is closed when it comes back.
    pub(super) async fn close(&self) {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        for connection in idle.into_iter().flatten() {
            let closing = sqlx::Connection::close(connection);
            if let Err(error) = self.limited(closing).await {
                tracing::debug!(%error, "a connection to the store was not closed in order");
            }
        }
    }

    #[cfg(test)]
    pub(super) fn idle_count(&self) -> usize {
        self.idle.lock().unwrap().as_ref().map_or(0, Vec::len)
    }

    fn take_idle(&self) -> Result<Option<AnyConnection>, StoreError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = idle.as_mut().ok_or_else(|| self.fault(closed()))?;
        Ok(idle.pop())
    }

    fn forget_idle(&self) {
        if let Some(idle) = &mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner) {
            idle.clear();
        }
    }

    pub(super) fn fault(&self, error: sqlx::Error) -> StoreError {
        (self.ways.fault)(&self.place, error)
    }

    async fn limited<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        self.limited_to(self.ways.limit, work).await
    }

    async fn limited_to<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(limit, work).await {
            Ok(done) => done.map_err(|error| self.fault(error)),
            Err(_) => Err(StoreError::NoAnswer(self.place.clone())),
        }
    }
}

fn closed() -> sqlx::Error {
    sqlx::Error::PoolClosed
}

/// One connection in the middle of a transaction. Dropped, it is closed and nothing was changed.
pub(crate) struct Lent {
    connection: AnyConnection,
    home: Arc<Connections>,
    permit: OwnedSemaphorePermit,
}

impl Lent {
    /// Every row that the query gives.
    pub(crate) async fn rows(&mut self, asked: Asked<'_>) -> Result<Vec<AnyRow>, StoreError> {
        let Ways { remembers_statements, any_octets, .. } = self.home.ways;
        if any_octets {
            let question = Question::of(asked).map_err(|error| self.home.fault(error))?;
            return self
                .home
                .limited(question.rows(&mut self.connection, remembers_statements))
                .await;
        }
        let asked = asked.persistent(remembers_statements);
        self.home.limited(asked.fetch_all(&mut self.connection)).await
    }

    /// The first row that the query gives.
    pub(crate) async fn row(&mut self, asked: Asked<'_>) -> Result<Option<AnyRow>, StoreError> {
        Ok(self.rows(asked).await?.into_iter().next())
    }

    /// Does it, and says to how many rows.
    pub(crate) async fn execute(&mut self, asked: Asked<'_>) -> Result<u64, StoreError> {
        let asked = asked.persistent(self.home.ways.remembers_statements);
        let done = self.home.limited(asked.execute(&mut self.connection)).await?;
        Ok(done.rows_affected())
    }

    /// Statements without values, several at a time.
    pub(super) async fn execute_raw(&mut self, sql: &'static str) -> Result<(), StoreError> {
        let asked = sqlx::raw_sql(sql).execute(&mut self.connection);
        self.home.limited(asked).await.map(|_| ())
    }

    /// The same for a step of the schema, which may take far longer than anything else.
    pub(super) async fn execute_step(&mut self, sql: String) -> Result<(), StoreError> {
        let asked = sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(&mut self.connection);
        self.home.limited_to(STEP, asked).await.map(|_| ())
    }

    /// Ends the transaction, keeps what was changed and gives the connection back.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.execute_raw("COMMIT").await?;
        self.give_back();
        Ok(())
    }

    fn give_back(self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(idle) = &mut *idle {
            idle.push(self.connection);
        }
    }

    /// The same, where it matters that an answer to this very step may be lost with its effect kept.
    pub(super) async fn commit_change(self) -> Result<(), StoreError> {
        let place = self.home.place.clone();
        self.commit().await.map_err(|error| match error {
            StoreError::NoAnswer(_) | StoreError::Unreachable { .. } => {
                StoreError::PerhapsKept(place)
            }
            other => other,
        })
    }

    pub(super) fn home(&self) -> &Connections {
        &self.home
    }
}
