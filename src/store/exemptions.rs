//! Travel exemptions: applied for, granted, decided, ended; each step with its row of history and
//! its log entry in the same transaction.
//!
//! What a step leads to is for [`crate::policy::take_step`] to say, inside the transaction. Of two
//! people who decide at once one wins, and the other is told.

mod by;
mod change;
mod ends;
mod insert;
mod read;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::StoreError;
use crate::identifier::OrganizationId;
use crate::policy::{
    Actor, Application, ApprovalRefused, Decision, Emergency, ExemptionId, Part, Participant,
    Person, Phase, TravelExemption,
};

pub use by::By;
pub use change::Decided;

/// An exemption and how it came to be what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemptionRecord {
    /// The exemption.
    pub exemption: TravelExemption,
    /// When the record was made: applied for, or granted at once.
    pub granted_at: Timestamp,
    /// Who made it.
    pub granted_by: Actor,
    /// What the application said beyond it, where there was one.
    pub application: Option<Application>,
    /// What is kept of the emergency, where it was one.
    pub emergency: Option<Emergency>,
    /// Everything that was done to it, oldest first.
    pub history: Vec<HistoryEntry>,
}

/// One thing that was done to an exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// `applied`, `granted`, `emergency`, `approved`, `refused`, `withdrawn`, `revoked`, `closed`,
    /// `ended`.
    pub action: String,
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// The same as a provider proved them, where one did.
    pub person: Option<Person>,
    /// Why, where a reason was given.
    pub reason: Option<String>,
}

impl ExemptionRecord {
    /// Who took part in it so far, and so cannot be the other person.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        self.history
            .iter()
            .filter_map(|entry| Some(Participant { part: entry.part()?, actor: entry.by.clone() }))
            .collect()
    }

    /// Grows with everything that is done to it.
    #[must_use]
    pub fn version(&self) -> usize {
        self.history.len()
    }

    /// Why this person, whatever they call themselves, cannot be the other one; [`Part`] compares
    /// names.
    ///
    /// # Errors
    /// [`ApprovalRefused`] with the first thing that stands in the way.
    pub fn may_decide(&self, decision: Decision, person: &Person) -> Result<(), ApprovalRefused> {
        let own = |part| {
            let mut parts = self.history.iter().filter(|entry| entry.part() == Some(part));
            parts.any(|entry| entry.person.as_ref() == Some(person))
        };
        let deciding = matches!(decision, Decision::Approve { .. } | Decision::Refuse);
        let approving = matches!(decision, Decision::Approve { .. });
        if deciding && self.exemption.person == *person {
            Err(ApprovalRefused::Traveller)
        } else if deciding && own(Part::Applied) {
            Err(ApprovalRefused::Applicant)
        } else if approving && own(Part::Granted) {
            Err(ApprovalRefused::SameName)
        } else if approving && own(Part::Approved) {
            Err(ApprovalRefused::Twice)
        } else {
            Ok(())
        }
    }

    /// The first thing of this kind that was done to it.
    #[must_use]
    pub fn first(&self, action: &str) -> Option<&HistoryEntry> {
        self.history.iter().find(|entry| entry.action == action)
    }

    /// Whether it counts and waits for a second person all the same.
    #[must_use]
    pub fn is_unconfirmed(&self, now: Timestamp) -> bool {
        matches!(self.exemption.state, crate::policy::ExemptionState::Provisional { .. })
            && matches!(self.exemption.phase(now), Phase::Planned | Phase::Active)
    }
}

impl HistoryEntry {
    /// The part that whoever did it has taken.
    fn part(&self) -> Option<Part> {
        match self.action.as_str() {
            "applied" => Some(Part::Applied),
            "granted" | "emergency" => Some(Part::Granted),
            "approved" => Some(Part::Approved),
            _ => None,
        }
    }
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
    #[error("{id} does not wait for a decision: it is {}{}", phase.word(), decided(before.as_deref(), &TimeZone::UTC))]
    NotWaiting {
        /// The exemption.
        id: ExemptionId,
        /// Where it stands.
        phase: Phase,
        /// Who decided it, and when; none where nobody did.
        before: Option<Box<HistoryEntry>>,
        /// Whose it is.
        organization: OrganizationId,
    },
    /// It waited until the journey was over.
    #[error("the time of {0} is over; there is nothing left to approve, grant a new one")]
    TooLate(ExemptionId),
    /// This person cannot decide it.
    #[error("{id} cannot be decided by this person")]
    NotBy {
        /// The exemption.
        id: ExemptionId,
        /// Why.
        source: ApprovalRefused,
    },
    /// Only the applicant takes an application back.
    #[error(
        "{0} was applied for by somebody else: only the traveller, or the one who applied, takes it back; others refuse it"
    )]
    NotTheApplicant(ExemptionId),
    /// An application has no effect that could end.
    #[error(
        "{0} is an application that nobody has decided; refuse it, or let the applicant take it back"
    )]
    NotDecided(ExemptionId),
    /// Somebody else was quicker.
    #[error("somebody else decided {0} at the same moment; see `geovagt exemption show {0}`")]
    DecidedMeanwhile(ExemptionId),
    /// It is another one than was looked at.
    #[error("{0} was changed after it was looked at; look at it again")]
    ChangedMeanwhile(ExemptionId),
    /// One reference, one emergency.
    #[error(
        "the reference {reference} has led to {id} already; ask the caller to load the page again and to read out the new one"
    )]
    ReferenceUsed {
        /// The reference.
        reference: String,
        /// What it led to.
        id: ExemptionId,
    },
    /// There is nothing to open.
    #[error(
        "{0} lets this person in from there already; perhaps it is the password, or another account"
    )]
    AlreadyOpen(ExemptionId),
    /// An emergency is not repeated without a second person.
    #[error(
        "{0} was such an emergency, and no second person approved it; what comes after it is for `exemption grant` or an application"
    )]
    Unconfirmed(ExemptionId),
    /// What it would prolong has changed.
    #[error("{0} has changed meanwhile and cannot be prolonged; see `geovagt exemption show {0}`")]
    NotExtendable(ExemptionId),
    /// Asked for already.
    #[error(
        "{waiting} waits for a decision already and would prolong {id}; have it decided, or take it back with `geovagt exemption withdraw {waiting}`, before another is made"
    )]
    ExtensionWaits {
        /// What would be prolonged.
        id: ExemptionId,
        /// The application that waits.
        waiting: ExemptionId,
    },
    /// One person cannot fill the list.
    #[error(
        "{0} applications of this person wait for a decision already; decide some of them, or take some back, before another is made"
    )]
    TooManyOpen(usize),
    /// No free name was found.
    #[error("no free name was found for the exemption; try again")]
    NoFreeName,
    /// The store failed.
    #[error("the exemption could not be changed")]
    Store(#[from] StoreError),
}

impl ExemptionError {
    /// The same sentence with its time as it is told to the organisation's people.
    #[must_use]
    pub fn told(&self, zone: impl Fn(&OrganizationId) -> TimeZone) -> String {
        match self {
            Self::NotWaiting { id, phase, before, organization } => {
                let decided = decided(before.as_deref(), &zone(organization));
                format!("{id} does not wait for a decision: it is {}{decided}", phase.word())
            }
            other => crate::telemetry::chain(other),
        }
    }
}

fn decided(before: Option<&HistoryEntry>, zone: &TimeZone) -> String {
    before.map_or_else(String::new, |entry| {
        let at = entry.at.to_zoned(zone.clone());
        let (action, by) = (&entry.action, &entry.by.name);
        format!(" ({action} by {by} at {})", at.strftime("%Y-%m-%d %H:%M %Z"))
    })
}
