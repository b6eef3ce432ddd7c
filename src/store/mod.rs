//! One handle on what must outlive the process: local accounts, travel exemptions and their history,
//! what was announced when, and log entries that wait for the log.
//!
//! May use `sqlx` and the types of `policy` and `identifier`; knows no HTTP. SQLite or PostgreSQL:
//! the SQL is written once, in what both take, and one contract suite is run on both.
//!
//! Always holds: every change is one transaction, which also writes its history and its log entry
//! and raises the change number; changes happen one after another, on whichever node; the history of
//! exemptions is only ever added to; nothing is waited for without an end.
//!
//! How a query is written: placeholders `$1`, `$2`; text, `i64` (flags too, as 0 and 1) and bytes as
//! values; instants as text that is compared here and not in SQL; `ON CONFLICT`, and no function
//! that only one database has. What reads one thing asks `Store::rows` or `Store::row`; what
//! reads several things of one instant asks a `Reading`; what changes something asks a `Change`.

mod about_person;
mod accounts;
mod address_grants;
mod admin_idempotency;
mod admin_second_factors;
mod admin_sessions;
mod admin_tokens;
mod breaches;
mod connections;
mod demands;
mod devices;
mod ends;
mod erasure;
mod erasure_orders;
mod error;
mod exemptions;
mod keys;
mod known_people;
pub mod log;
mod migrations;
mod nodes;
mod notices;
mod octets;
mod odd_use;
mod outbox;
mod place;
mod postgres;
mod postgres_url;
mod provider_logouts;
mod reviews;
mod saved_searches;
mod seen;
mod sessions;
mod sqlite;
mod systems;
mod traffic_hours;
mod transaction;
mod unclear;
mod wording;
mod words;

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

pub use about_person::{Holding, MASKED};
pub use accounts::{Account, AccountError, AccountId, NewAccount};
pub use address_grants::{AddressGrant, NewAddressGrant};
pub use admin_idempotency::Earlier;
pub use admin_second_factors::{FactorKind, MOST_PASSKEYS, SecondFactorRecord};
pub use admin_sessions::{AdminSession, SessionStage};
pub use admin_tokens::AdminToken;
pub use breaches::{Breach, BreachChange, BreachNote, NewBreach};
pub use devices::{BoundDevice, DeviceKind, LinkError, NewBrowser, TravelLink};
pub use ends::Ended;
pub use erasure::{Half, Reidentification};
pub use erasure_orders::{About, ErasureOrder, ErasurePart, ErasureWish, PartState};
pub use error::StoreError;
pub use exemptions::{By, Decided, ExemptionError, ExemptionRecord, HistoryEntry};
pub use keys::{KEY_LENGTH, SharedKey, is_followed};
pub use known_people::KnownPerson;
pub use nodes::Node;
pub use notices::{
    Channel, Contact, LinkWanted, NoticeDetails, NoticeKind, NoticeRecord, NoticeState,
    UnknownNotice,
};
pub use odd_use::{Aspect, Flag, FlagRecord, OddUse, Seen};
pub use outbox::{ChangeAction, ChangeEvent, OutboxEntry, TakenEntry};
pub use place::Place;
pub use postgres::Changes;
pub use postgres_url::{PostgresUrl, WrongUrl};
pub use provider_logouts::{LogoutOf, ProviderLogout};
pub use reviews::{NewReview, Outcome, Review, ReviewError, ReviewItem};
pub use saved_searches::{MOST_SAVED, SaveError, SavedSearch};
pub use seen::Announced;
pub use systems::{
    OutsideSystem, RuleInPlace, SystemAction, SystemChange, SystemError, SystemFacts,
};
pub use traffic_hours::{Passed, TrafficHour};
pub use unclear::{Partly, UnclearEnd, UnclearLogout, UnclearSession};

use connections::{Asked, Connections};
use log::LogIndex;
use transaction::{Change, Reading};

/// The name of the store in the state directory, where it is SQLite.
pub const FILE_NAME: &str = "geovagt.sqlite3";

/// The store. Clones share the same connections.
#[derive(Debug, Clone)]
pub struct Store {
    connections: Arc<Connections>,
    /// Where it is a database that others share.
    url: Option<PostgresUrl>,
    log: LogIndex,
}

impl Store {
    /// Opens the store in `state_directory`, makes it where there is none, and brings its schema up
    /// to date. Other processes may have it open at the same time.
    ///
    /// # Errors
    /// [`StoreError`] with the cause and the way out.
    pub async fn open(state_directory: &Path) -> Result<Self, StoreError> {
        let connections = sqlite::connections(&state_directory.join(FILE_NAME))?;
        let log = LogIndex::in_file(state_directory);
        let store = Self { connections, url: None, log };
        store.connections.prepare().await?;
        Ok(store)
    }

    /// The store in this database, which need not be there yet: the first that is asked brings its
    /// schema up to date.
    ///
    /// # Errors
    /// [`StoreError`] where the address cannot be used at all.
    pub fn postgres(url: &PostgresUrl) -> Result<Self, StoreError> {
        let connections = postgres::connections(url)?;
        let log = LogIndex::beside(&connections);
        Ok(Self { connections, url: Some(url.clone()), log })
    }

    /// Whether other nodes can have it, so that it can be gone while they are not.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.url.is_some()
    }

    /// Begins to hear of changes that others make. The change number tells what was not heard.
    ///
    /// # Errors
    /// [`StoreError`] where the store does not answer.
    pub async fn changes(&self) -> Result<Changes, StoreError> {
        match &self.url {
            Some(url) => Changes::of(url).await,
            None => Ok(Changes::unheard()),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        self.connections.place()
    }

    /// A number that grows with each change, whichever process made it. Cheap to ask.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn change_number(&self) -> Result<i64, StoreError> {
        let asked = sqlx::query("SELECT value FROM meta WHERE name = 'change_number'");
        match self.row(asked).await? {
            Some(row) => self.integer(&row, "value"),
            None => Err(self.unreadable("a change number", "")),
        }
    }

    /// Reads the whole file and says whether it is in order.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where it is not.
    pub async fn verify(&self) -> Result<(), StoreError> {
        let found = self.row(sqlx::query(self.connections.ways().verify)).await?;
        let found = found.map(|row| row.try_get::<String, _>(0)).transpose();
        let found = found.map_err(|error| self.fault(error))?;
        if found.as_deref() == Some("ok") { Ok(()) } else { Err(self.damaged()) }
    }

    /// Sees to it that what was deleted, here and in the block log's index, stands in none of the
    /// files any more. No where somebody reads what was there before; ask again later.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be done.
    pub async fn settle(&self) -> Result<bool, StoreError> {
        let (index, store) = (self.log.settle().await?, self.connections.settle().await?);
        Ok(index && store)
    }

    /// The block log's index.
    #[must_use]
    pub fn log(&self) -> &LogIndex {
        &self.log
    }

    /// Closes every connection; what was committed is kept.
    pub async fn close(&self) {
        self.log.close().await;
        self.connections.close().await;
    }

    /// Begins a change; whoever begins another one waits until this is over.
    async fn begin(&self) -> Result<Change, StoreError> {
        Ok(Change::new(self.connections.change().await?))
    }

    /// Begins to read several things of one instant.
    async fn reading(&self) -> Result<Reading, StoreError> {
        Ok(Reading::new(self.connections.read().await?))
    }

    /// Every row that one query gives.
    async fn rows(&self, asked: Asked<'_>) -> Result<Vec<AnyRow>, StoreError> {
        let mut reading = self.reading().await?;
        let rows = reading.rows(asked).await?;
        reading.done().await?;
        Ok(rows)
    }

    /// The first row that one query gives.
    async fn row(&self, asked: Asked<'_>) -> Result<Option<AnyRow>, StoreError> {
        Ok(self.rows(asked).await?.into_iter().next())
    }

    fn text(&self, row: &AnyRow, column: &str) -> Result<String, StoreError> {
        row.try_get(column).map_err(|error| self.fault(error))
    }

    /// A text that may be absent.
    fn maybe_text(&self, row: &AnyRow, column: &str) -> Result<Option<String>, StoreError> {
        row.try_get(column).map_err(|error| self.fault(error))
    }

    fn integer(&self, row: &AnyRow, column: &str) -> Result<i64, StoreError> {
        row.try_get(column).map_err(|error| self.fault(error))
    }

    /// An instant, which is kept as text.
    fn instant(&self, row: &AnyRow, column: &str) -> Result<Timestamp, StoreError> {
        self.timestamp(&self.text(row, column)?)
    }

    fn fault(&self, error: sqlx::Error) -> StoreError {
        self.connections.fault(error)
    }

    fn damaged(&self) -> StoreError {
        StoreError::Damaged(self.place().clone())
    }

    fn unreadable(&self, what: &'static str, value: &str) -> StoreError {
        StoreError::Unreadable {
            place: self.place().clone(),
            what,
            value: value.chars().take(80).collect(),
        }
    }

    fn timestamp(&self, text: &str) -> Result<Timestamp, StoreError> {
        text.parse().map_err(|_| self.unreadable("an instant", text))
    }
}

/// What tests of other rooms make a store's content of.
#[cfg(test)]
pub(crate) mod testing {
    pub(crate) use super::contract::{actor, add, at, ballerup, exemption, grant, leg};
}
#[cfg(test)]
mod contract;
#[cfg(test)]
mod contract_admin;
#[cfg(test)]
mod contract_devices;
#[cfg(test)]
mod contract_erasure;
#[cfg(test)]
mod contract_extensions;
#[cfg(test)]
mod contract_journey;
#[cfg(test)]
mod contract_nodes;
#[cfg(test)]
mod contract_outside;
#[cfg(test)]
mod contract_systems;
#[cfg(test)]
mod journey_step_tests;
#[cfg(test)]
mod outside_postgres;
#[cfg(test)]
#[expect(unreachable_pub, reason = "the tests of the whole program take this file, too")]
#[path = "../../tests/it/support/postgres.rs"]
mod server;
#[cfg(test)]
mod tests;
