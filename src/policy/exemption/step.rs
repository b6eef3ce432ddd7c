//! What somebody may do with an exemption, and what it becomes.
//!
//! PURE: the whole of the journey as one function from where an exemption stands, who took part in
//! it so far, who does what now and when, to where it stands afterwards. The store calls it inside a
//! transaction; nothing else changes a state.

use jiff::Timestamp;

use super::approval::names_same_person;
use super::{Actor, ApprovalRefused, ExemptionState, Phase, TravelExemption, may_approve};

/// What somebody did to an exemption that keeps them from deciding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Applied for it, for themselves or for the traveller.
    Applied,
    /// Granted it, in an emergency or without an application.
    Granted,
    /// Approved it as one of two.
    Approved,
}

/// Who took part, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// How.
    pub part: Part,
    /// Who.
    pub actor: Actor,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Say yes. An application needs `two_people` where the organisation names its territories.
    Approve {
        /// Whether two people have to.
        two_people: bool,
    },
    /// Say no to what waits.
    Refuse,
    /// Take one's own application back.
    Withdraw,
    /// Take back what was granted.
    Revoke,
    /// End it early: the traveller is home.
    Close,
}

/// Why something cannot be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    /// It waits for nobody.
    #[error("it does not wait for a decision: it is {phase}", phase = .0.word())]
    NotWaiting(Phase),
    /// The journey, or the time for a second person, is over.
    #[error("its time is over; there is nothing left to approve")]
    TooLate,
    /// Not by this person.
    #[error("it cannot be decided by this person")]
    NotBy(#[from] ApprovalRefused),
    /// Somebody else's application.
    #[error(
        "only the traveller, or the one who applied, takes an application back; others refuse it"
    )]
    NotTheApplicant,
    /// There is no effect that could end.
    #[error("it has no effect any more: it is {phase}; there is nothing to end", phase = .0.word())]
    Over(Phase),
    /// It never had an effect.
    #[error(
        "it is an application that nobody has decided; refuse it, or let the applicant take it back"
    )]
    NotDecided,
}

/// What `exemption` becomes when `by` does `decision` at `now`. `participants` are all who took part
/// so far.
///
/// # Errors
/// [`StepRefused`] where it cannot be done; it stays as it is.
pub fn take_step(
    exemption: &TravelExemption,
    participants: &[Participant],
    decision: Decision,
    by: &Actor,
    now: Timestamp,
) -> Result<ExemptionState, StepRefused> {
    let case = Case { exemption, participants, by, now };
    match decision {
        Decision::Approve { two_people } => case.approve(two_people),
        Decision::Refuse => case.refuse(),
        Decision::Withdraw => case.withdraw(),
        Decision::Revoke => case.end(ExemptionState::Revoked),
        Decision::Close => case.end(ExemptionState::Closed),
    }
}

/// What becomes of an extension when somebody ends, as `ended` says, the exemption that it gives more
/// time: it ends with it. None where it is over anyway.
#[must_use]
pub fn follow_end(
    extension: &TravelExemption,
    ended: ExemptionState,
    now: Timestamp,
) -> Option<ExemptionState> {
    match extension.phase(now) {
        Phase::AwaitingApproval | Phase::Planned | Phase::Active => Some(ended),
        Phase::Applied if ended == ExemptionState::Revoked => Some(ExemptionState::Refused),
        Phase::Applied => Some(ExemptionState::Withdrawn),
        Phase::Ended | Phase::Refused | Phase::Withdrawn | Phase::Revoked | Phase::Closed => None,
    }
}

struct Case<'a> {
    exemption: &'a TravelExemption,
    participants: &'a [Participant],
    by: &'a Actor,
    now: Timestamp,
}

impl Case<'_> {
    fn phase(&self) -> Phase {
        self.exemption.phase(self.now)
    }

    fn approve(&self, two_people: bool) -> Result<ExemptionState, StepRefused> {
        let over = self.exemption.journey().is_none_or(|(_, until)| until <= self.now);
        match self.exemption.state {
            ExemptionState::Applied | ExemptionState::AwaitingApproval if over => {
                Err(StepRefused::TooLate)
            }
            ExemptionState::Provisional { .. } if self.phase() == Phase::Ended => {
                Err(StepRefused::TooLate)
            }
            ExemptionState::Applied => {
                self.by_another_than(|_| true)?;
                Ok(if two_people {
                    ExemptionState::AwaitingApproval
                } else {
                    ExemptionState::Granted
                })
            }
            ExemptionState::AwaitingApproval | ExemptionState::Provisional { .. } => {
                self.by_another_than(|_| true)?;
                Ok(ExemptionState::Granted)
            }
            ExemptionState::Granted
            | ExemptionState::Refused
            | ExemptionState::Withdrawn
            | ExemptionState::Revoked
            | ExemptionState::Closed => Err(StepRefused::NotWaiting(self.phase())),
        }
    }

    /// The one who granted or approved first may change their mind; the applicant decides nothing.
    fn refuse(&self) -> Result<ExemptionState, StepRefused> {
        match self.exemption.state {
            ExemptionState::Applied | ExemptionState::AwaitingApproval => {
                self.by_another_than(|part| part == Part::Applied)?;
                Ok(ExemptionState::Refused)
            }
            ExemptionState::Granted
            | ExemptionState::Provisional { .. }
            | ExemptionState::Refused
            | ExemptionState::Withdrawn
            | ExemptionState::Revoked
            | ExemptionState::Closed => Err(StepRefused::NotWaiting(self.phase())),
        }
    }

    fn withdraw(&self) -> Result<ExemptionState, StepRefused> {
        let applicants = || self.participants.iter().filter(|one| one.part == Part::Applied);
        let waits = matches!(
            self.exemption.state,
            ExemptionState::Applied | ExemptionState::AwaitingApproval
        );
        if !waits || applicants().next().is_none() {
            return Err(StepRefused::NotWaiting(self.phase()));
        }
        let traveller = self.exemption.user_name.as_str();
        let own = applicants().any(|one| names_same_person(&one.actor, self.by))
            || self.by.is_called(traveller);
        if own { Ok(ExemptionState::Withdrawn) } else { Err(StepRefused::NotTheApplicant) }
    }

    fn end(&self, end: ExemptionState) -> Result<ExemptionState, StepRefused> {
        match self.phase() {
            Phase::AwaitingApproval | Phase::Planned | Phase::Active => Ok(end),
            Phase::Applied => Err(StepRefused::NotDecided),
            phase @ (Phase::Ended
            | Phase::Refused
            | Phase::Withdrawn
            | Phase::Revoked
            | Phase::Closed) => Err(StepRefused::Over(phase)),
        }
    }

    fn by_another_than(&self, parts: impl Fn(Part) -> bool) -> Result<(), StepRefused> {
        let traveller = &self.exemption.user_name;
        for one in self.participants.iter().filter(|one| parts(one.part)) {
            may_approve(one.part, &one.actor, self.by, traveller)?;
        }
        // Also where nobody took part whose name was kept.
        let nobody = Actor { name: String::new(), operating_system_user: None };
        Ok(may_approve(Part::Granted, &nobody, self.by, traveller)?)
    }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
