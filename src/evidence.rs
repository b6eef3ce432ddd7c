//! The evidence of an incident as one signed archive: log entries with the proof that they stand in
//! the chain, the lists and databases they were decided by, the exemptions' history, the public key.
//!
//! May use `audit`, `store` and `config`; knows no HTTP. The command line and the breach page both
//! call [`make`]. Always holds: that an archive was made stands in the log before it can be read.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::audit::{Audit, Reference};
use crate::config::Loaded;
use crate::identifier::OrganizationId;
use crate::policy::Actor;
use crate::store::Store;

/// Which entries; everything that is set must hold.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Of these organisations; none named: of all.
    pub organizations: Vec<OrganizationId>,
    /// About one of these people, by name or `provider/subject`; none named: about anybody.
    pub persons: Vec<String>,
    /// With one of these references; none named: with any.
    pub references: Vec<Reference>,
}

/// Where the entry `log_exported` goes.
#[derive(Debug, Clone, Copy)]
pub enum Recorder<'a> {
    /// Into the log that this process writes.
    Log(&'a Audit),
    /// Into the store's outbox, from where whoever writes the log takes it.
    Outbox(&'a Store),
}

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Made {
    /// How many entries it holds.
    pub entries: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of the whole file, in hexadecimal digits.
    pub digest: String,
    /// The public key that accepts it, as `geovagt audit key` prints it.
    pub key: String,
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// A file.
    #[error("the evidence cannot be written")]
    Io(#[from] std::io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The log takes no entry.
    #[error("the log takes no entry now, so nothing is exported")]
    NotRecorded,
}

/// Makes the archive in this file, which must not be there yet.
///
/// # Errors
/// [`EvidenceError`]: there is no archive then.
#[expect(clippy::unused_async, reason = "the signature comes before the body")]
pub async fn make(
    loaded: &Loaded,
    store: &Store,
    recorder: Recorder<'_>,
    wanted: &Wanted,
    by: &Actor,
    out: &Path,
) -> Result<Made, EvidenceError> {
    let _ = (loaded, store, recorder, wanted, by, out);
    Err(EvidenceError::NotRecorded)
}
