//! Travel exemptions: granted, approved, revoked, closed; each step with its row of history and its
//! log entry in the same transaction.

mod change;
mod read;

use jiff::Timestamp;

use super::StoreError;
use crate::policy::{Actor, ApprovalRefused, ExemptionId, Phase, TravelExemption};

/// An exemption and how it came to be what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemptionRecord {
    /// The exemption.
    pub exemption: TravelExemption,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// Who granted it.
    pub granted_by: Actor,
    /// Everything that was done to it, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// One thing that was done to an exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// `granted`, `approved`, `revoked`, `closed`.
    pub action: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// Why, where a reason was given.
    pub reason: Option<String>,
}

/// Why an exemption was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExemptionError {
    /// There is none of that name.
    #[error("there is no exemption {0}; see `geovagt exemption list`")]
    Unknown(ExemptionId),
    /// It has no effect any more.
    #[error("{id} has no effect any more: it is {phase}; there is nothing to end", phase = .phase.word())]
    Over {
        /// The exemption.
        id: ExemptionId,
        /// Where it stands.
        phase: Phase,
    },
    /// Only what waits can be approved.
    #[error("{id} does not wait for an approval: it is {phase}", phase = .phase.word())]
    NotWaiting {
        /// The exemption.
        id: ExemptionId,
        /// Where it stands.
        phase: Phase,
    },
    /// It waited until the journey was over.
    #[error("the journey of {0} is over; there is nothing left to approve, grant a new one")]
    TooLate(ExemptionId),
    /// This person cannot be the second one.
    #[error("{id} cannot be approved by this person")]
    NotBy {
        /// The exemption.
        id: ExemptionId,
        /// Why.
        source: ApprovalRefused,
    },
    /// No free name was found.
    #[error("no free name was found for the exemption; try again")]
    NoFreeName,
    /// The store failed.
    #[error("the exemption could not be changed")]
    Store(#[from] StoreError),
}
