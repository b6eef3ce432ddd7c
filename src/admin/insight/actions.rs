//! What is stored about one person and how long things are kept; pages and API both call it.

use std::time::Duration;

use jiff::Timestamp;

use crate::admin::access::{self, Looked};
use crate::admin::turn::turn;
use crate::admin::{Admin, Refusal, Visitor};
use crate::audit::{self, Action};
use crate::clock;
use crate::config::Role;
use crate::insight::{self, Forgotten, Insight, InsightError, Subject};
use crate::journey::known::known;
use crate::policy::UserName;
use crate::store::log::{LogQuery, Organizations};

/// Those who answer for people's data.
pub(super) const OFFICERS: &[Role] = &[Role::DataProtectionOfficer];
/// So many proofs of deletion are looked through.
const MOST_PROOFS: usize = 200;

/// How long one class of entries is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// `allowed`, `denied`, `people`.
    pub(super) class: &'static str,
    /// For how long.
    pub(super) kept: Duration,
    /// The entry about the last deletion.
    pub(super) proof: Option<Proof>,
}

/// The entry that proves a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proof {
    /// When.
    pub(super) at: Timestamp,
    /// The entry.
    pub(super) entry: String,
    /// How many entries went.
    pub(super) entries: Option<String>,
    /// Of which time the newest of them were.
    pub(super) until: Option<Timestamp>,
}

impl From<InsightError> for Refusal {
    fn from(error: InsightError) -> Self {
        match error {
            InsightError::Store(error) => error.into(),
            InsightError::Log(error) => Self::fault(&error),
        }
    }
}

/// Everything that is stored about a person, after the entry of the look.
pub(super) async fn about(
    admin: &Admin,
    visitor: &Visitor,
    name: &UserName,
) -> Result<Insight, Refusal> {
    access::look(admin, visitor, Looked::Person, |event| event.target(name.as_str())).await?;
    let subject = subject(admin, visitor, name).await?;
    let directory = audit::Options::from_config(&admin.loaded().config).directory;
    let _until_it_is_read = turn(visitor).await?;
    Ok(insight::about(admin.store(), &directory, &subject, clock::now()).await?)
}

/// Deletes what may be deleted. The store writes the entry with it.
pub(super) async fn forget(
    admin: &Admin,
    visitor: &Visitor,
    name: &UserName,
) -> Result<Forgotten, Refusal> {
    let subject = subject(admin, visitor, name).await?;
    Ok(insight::forget(admin.store(), &subject, &visitor.actor(), clock::now()).await?)
}

/// Says no where nobody of that name has an account or was ever proven.
pub(super) async fn is_known(
    admin: &Admin,
    visitor: &Visitor,
    name: &UserName,
) -> Result<(), Refusal> {
    subject(admin, visitor, name).await?.person.map(|_| ()).ok_or(Refusal::NotFound)
}

async fn subject(admin: &Admin, visitor: &Visitor, name: &UserName) -> Result<Subject, Refusal> {
    let organization = visitor.organization_id();
    let accounts = admin.store().accounts().await?;
    let people = admin.store().known_people(organization).await?;
    let person = known(&admin.loaded().config, (&accounts, &people), organization, name);
    Ok(Subject { person, organization: organization.clone(), name: name.clone() })
}

/// How long each class is kept, with the proof of its last deletion.
pub(super) async fn retention(admin: &Admin) -> Result<Vec<Kept>, Refusal> {
    let retention = admin.loaded().config.audit.retention;
    // A deletion is of whole segments and so of no organisation; no person stands in its entry.
    let mut query = LogQuery::of(Organizations::All);
    query.filter.action = Some(Action::Deleted);
    let found = admin.store().log().search(&query, None, MOST_PROOFS).await?;
    let proof = |class: &str| {
        let of_class = found.entries.iter().find(|entry| {
            let detail = |key: &str| {
                entry.event.details.iter().find(|(k, _)| k.as_str() == key).map(|(_, v)| v.as_str())
            };
            detail("chain") == Some(class) && detail("entries").is_some()
        })?;
        let detail = |key: &str| {
            let details = of_class.event.details.iter();
            details.clone().find(|(k, _)| k.as_str() == key).map(|(_, v)| v.to_string())
        };
        Some(Proof {
            at: of_class.event.at,
            entry: of_class.event.id.to_string(),
            entries: detail("entries"),
            until: detail("until").and_then(|text| text.parse().ok()),
        })
    };
    Ok([("allowed", retention.allowed), ("denied", retention.denied), ("people", retention.people)]
        .into_iter()
        .map(|(class, kept)| Kept { class, kept, proof: proof(class) })
        .collect())
}
