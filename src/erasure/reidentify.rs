//! Whom a pseudonym stands for: one person asks and says why, another one answers.
//!
//! Always holds: the two are surely different people, by name and by what a provider has proven, each
//! in the role of `security` or `dpo` (the caller proves who they are); the entry about it is kept before anything is shown.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{OrderError, Place};
use crate::audit::chain::PSEUDONYM;
use crate::audit::{Reference, open_sealed};
use crate::config::Role;
use crate::identifier::OrganizationId;
use crate::policy::{Actor, ApprovalRefused, is_surely_another};
use crate::store::{By, Reidentification, Store, StoreError};

/// What one person asks.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// A pseudonym as it stands in the log, or the reference of an entry.
    pub wanted: &'a str,
    /// Why; stays in the store and does not enter the log.
    pub reason: &'a str,
}

/// What a pseudonym stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Revealed {
    /// What was asked.
    pub wanted: String,
    /// The entry that told it.
    pub entry: String,
    /// Its fields, as they were.
    pub values: Vec<(&'static str, String)>,
}

/// Why nothing is told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReidentifyError {
    /// The role.
    #[error(
        "{0} is neither security nor dpo of {1}; only those may ask, and both must be named under `roles` of {1}"
    )]
    Role(String, String),
    /// What is asked.
    #[error("{0:?} is neither a pseudonym nor a reference")]
    Wanted(String),
    /// The reason.
    #[error("say why in a few words")]
    Reason,
    /// The question.
    #[error("there is no such question that waits for an answer; it waits for a week")]
    NoQuestion,
    /// The other person.
    #[error("the one who asked cannot answer; another person must")]
    SamePerson(#[source] ApprovalRefused),
    /// The entry.
    #[error(
        "nothing of {0} can be opened: it is not in the log of this node, its time is over, or its key is gone"
    )]
    NotFound(String),
    /// The log.
    #[error("the log cannot be read")]
    Log(#[from] std::io::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] OrderError),
}

/// Asks. `held`: the roles that the one who asks surely holds in the organisation. Gives the question's
/// name, by which another person answers.
///
/// # Errors
/// [`ReidentifyError`].
pub async fn ask(
    store: &Store,
    organization: &OrganizationId,
    question: &Question<'_>,
    by: impl Into<By<'_>>,
    held: &BTreeSet<Role>,
    now: Timestamp,
) -> Result<String, ReidentifyError> {
    let by = by.into();
    may(organization, by.actor(), held)?;
    let wanted = question.wanted.trim();
    let is_pseudonym = wanted.starts_with(PSEUDONYM) && wanted.len() < 100;
    if !is_pseudonym && Reference::parse(wanted).is_err() {
        return Err(ReidentifyError::Wanted(wanted.chars().take(100).collect()));
    }
    let reason = question.reason.trim();
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(ReidentifyError::Reason);
    }
    Ok(store.ask_reidentification(organization, wanted, reason, by, now).await?)
}

/// Answers as the other person, who holds these roles, and tells.
///
/// # Errors
/// [`ReidentifyError`]: nothing is told.
pub async fn answer(
    place: Place<'_>,
    organization: &OrganizationId,
    id: &str,
    by: impl Into<By<'_>>,
    held: &BTreeSet<Role>,
    now: Timestamp,
) -> Result<Revealed, ReidentifyError> {
    let by = by.into();
    let (person, by) = (by.person(), by.actor());
    may(organization, by, held)?;
    let question = place.store.reidentification(id).await?;
    let is_theirs = |q: &Reidentification| q.organization == organization.as_str();
    let question = question.filter(|q| is_theirs(q) && !q.is_over(now));
    let question = question.ok_or(ReidentifyError::NoQuestion)?;
    is_surely_another(&question.asked_by, by).map_err(ReidentifyError::SamePerson)?;
    if person.is_some_and(|person| question.is_asked_by(person)) {
        return Err(ReidentifyError::SamePerson(ApprovalRefused::Twice));
    }
    let keys = place.keys().await?;
    let (log, wanted) = (place.state.join("audit"), question.wanted.clone());
    let of = organization.clone();
    let look = move || open_sealed(&log, &keys, of.as_str(), &wanted);
    let opened = tokio::task::spawn_blocking(look).await.map_err(std::io::Error::other)??;
    let opened = opened.ok_or_else(|| ReidentifyError::NotFound(question.wanted.clone()))?;
    // Kept before it is told, and by one of two who answer at once.
    if !place.store.answer_reidentification(&question, by, now).await? {
        return Err(ReidentifyError::NoQuestion);
    }
    let (entry, values) = opened;
    let values = values.into_iter().map(|(field, value)| (field.path(), value)).collect();
    Ok(Revealed { wanted: question.wanted, entry, values })
}

fn may(
    organization: &OrganizationId,
    by: &Actor,
    held: &BTreeSet<Role>,
) -> Result<(), ReidentifyError> {
    if held.contains(&Role::Security) || held.contains(&Role::DataProtectionOfficer) {
        return Ok(());
    }
    Err(ReidentifyError::Role(by.name.clone(), organization.to_string()))
}
