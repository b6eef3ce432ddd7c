//! Everything that is stored about one person, and its deletion where the law lets it.
//!
//! May use `store`, `audit` and `config`; knows no HTTP. Always holds: of other people (reviewers,
//! clerks) only that there was somebody is shown; every table of the store is either looked through
//! or named as one that holds nothing of people (a test walks the schema).

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::identifier::OrganizationId;
use crate::policy::{Actor, Person, UserName};
use crate::store::{Store, StoreError};

/// Whom it is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Who it is, where somebody has proven it.
    pub person: Option<Person>,
    /// In which organisation.
    pub organization: OrganizationId,
    /// The login name.
    pub name: UserName,
}

/// Everything that is stored about one person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Insight {
    /// In which organisation.
    pub organization: String,
    /// The login name.
    pub name: String,
    /// When it was put together.
    pub made: Timestamp,
    /// What there is, by where it is kept; the empty ones too.
    pub sections: Vec<Section>,
}

/// What one place holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section {
    /// `accounts`, `exemptions`, `log` and so on: a word for a page to translate.
    pub id: &'static str,
    /// Each thing by itself.
    pub items: Vec<Item>,
}

/// One thing: its fields in their order, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item(pub Vec<(String, String)>);

/// What was deleted and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// How many things went, by where they were kept.
    pub removed: Vec<(&'static str, u64)>,
    /// What stays, by where it is kept, and the word for why.
    pub kept: Vec<(&'static str, &'static str)>,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InsightError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error("the log cannot be read")]
    Log(#[from] std::io::Error),
}

/// Everything that is stored about a person. `log` is the log's directory.
///
/// # Errors
/// [`InsightError`].
#[expect(clippy::unused_async, reason = "the signature comes before the body")]
pub async fn about(
    store: &Store,
    log: &Path,
    subject: &Subject,
    now: Timestamp,
) -> Result<Insight, InsightError> {
    let _ = (store, log);
    let (organization, name) = (subject.organization.to_string(), subject.name.to_string());
    Ok(Insight { organization, name, made: now, sections: Vec::new() })
}

/// Deletes from the store what may be deleted. The log is changed by an order of its own
/// (`audit::Order`).
///
/// # Errors
/// [`InsightError`].
#[expect(clippy::unused_async, reason = "the signature comes before the body")]
pub async fn forget(
    store: &Store,
    subject: &Subject,
    by: &Actor,
    now: Timestamp,
) -> Result<Forgotten, InsightError> {
    let _ = (store, subject, by, now);
    Ok(Forgotten::default())
}
