//! Travel exemptions: one record for a person, journey and systems, and one evaluation of it.
//!
//! PURE, as all of `policy`. Always holds: an exemption only ever adds access, for one person, to
//! sites of one organisation, from the territories of its legs, between two instants. Its end is a
//! comparison with `now`, not a job that has to run.

mod application;
mod approval;
mod emergency;
mod leg;
mod problem;
mod request;
mod snapshot;
mod step;
mod validation;

use std::time::Duration;

use jiff::Timestamp;

use super::{Demands, ExemptionId, Location, Person, TerritorySet, UserName};
use crate::identifier::{OrganizationId, SiteId};
use crate::territory::Territory;

pub use application::{
    Application, ApplicationRequest, ValidApplication, validate_application, validate_extension,
};
pub use approval::{Actor, ApprovalRefused, is_surely_another, may_approve};
pub use emergency::{
    Emergency, EmergencyCall, EmergencyRefused, EmergencyRejection, LONGEST_EMERGENCY,
    MAXIMUM_VERIFICATION, OLDEST_REJECTION, ValidEmergency, emergency,
};
pub use leg::{InvalidLeg, Leg};
pub use problem::{
    Caution, MAXIMUM_CASE_NUMBER, MAXIMUM_DEVICE, MAXIMUM_DEVICES, MAXIMUM_LEGS, MAXIMUM_PURPOSE,
    MAXIMUM_TERRITORIES, Problem, Text,
};
pub use request::{GrantRequest, ValidGrant};
pub use snapshot::Exemptions;
pub(super) use snapshot::{Claim, Miss};
pub use step::{Decision, Part, Participant, StepRefused, take_step};
pub use validation::{GrantGrounds, GrantSite, needs_second_approval, validate};

/// One travel exemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TravelExemption {
    /// Its name.
    pub id: ExemptionId,
    /// Whom it lets in.
    pub person: Person,
    /// The person's login name when it was granted; shown, never compared.
    pub user_name: UserName,
    /// Whose sites it is for.
    pub organization: OrganizationId,
    /// The sites it is for.
    pub sites: Vec<SiteId>,
    /// Where and when.
    pub legs: Vec<Leg>,
    /// Why the person travels.
    pub purpose: String,
    /// The case it belongs to.
    pub case_number: String,
    /// What it demands beyond the person.
    pub demands: Demands,
    /// What people have decided about it.
    pub state: ExemptionState,
}

/// What people have decided about an exemption. Time plays no part in it, except that a provisional
/// one carries the instant until which it may go without its second person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExemptionState {
    /// Applied for: no effect yet.
    Applied,
    /// Granted or approved by one person where two are needed: no effect yet.
    AwaitingApproval,
    /// Granted, and approved where that is needed.
    Granted,
    /// Granted by one person in an emergency: counts, and unless a second one approves it ends at
    /// this instant by itself.
    Provisional {
        /// The first instant at which it no longer counts without a second person.
        until: Timestamp,
    },
    /// The application was refused: it never had any effect.
    Refused,
    /// The applicant took the application back: it never had any effect.
    Withdrawn,
    /// Taken back by the administration: no effect any more.
    Revoked,
    /// Ended early on the traveller's word: no effect any more.
    Closed,
}

/// Where an exemption stands at an instant: its state and, where granted, the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waits for a decision.
    Applied,
    /// Waits for a second person.
    AwaitingApproval,
    /// The journey has not begun.
    Planned,
    /// The journey has begun and is not over. Between two legs nothing may be open all the same.
    Active,
    /// The journey is over, or nobody approved in time what was granted in an emergency.
    Ended,
    /// Refused.
    Refused,
    /// Taken back before it was decided.
    Withdrawn,
    /// Taken back.
    Revoked,
    /// Ended early.
    Closed,
}

impl ExemptionState {
    /// The word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Granted => "granted",
            Self::Provisional { .. } => "provisional",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
            Self::Closed => "closed",
        }
    }

    /// The state with this word. `until` is what a provisional one must have and no other looks at.
    #[must_use]
    pub fn read(word: &str, until: Option<Timestamp>) -> Option<Self> {
        [
            Self::Applied,
            Self::AwaitingApproval,
            Self::Granted,
            Self::Refused,
            Self::Withdrawn,
            Self::Revoked,
            Self::Closed,
        ]
        .into_iter()
        .chain(until.map(|until| Self::Provisional { until }))
        .find(|state| state.word() == word)
    }

    /// Whether it opens anything, within its time.
    #[must_use]
    pub const fn counts(self) -> bool {
        match self {
            Self::Granted | Self::Provisional { .. } => true,
            Self::Applied
            | Self::AwaitingApproval
            | Self::Refused
            | Self::Withdrawn
            | Self::Revoked
            | Self::Closed => false,
        }
    }
}

impl Phase {
    /// Every phase, in the order of a journey.
    pub const ALL: [Self; 9] = [
        Self::Applied,
        Self::AwaitingApproval,
        Self::Planned,
        Self::Active,
        Self::Ended,
        Self::Refused,
        Self::Withdrawn,
        Self::Revoked,
        Self::Closed,
    ];

    /// The word for it, as `exemption list --state` takes it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::AwaitingApproval => "awaiting_approval",
            Self::Planned => "planned",
            Self::Active => "active",
            Self::Ended => "ended",
            Self::Refused => "refused",
            Self::Withdrawn => "withdrawn",
            Self::Revoked => "revoked",
            Self::Closed => "closed",
        }
    }

    /// The phase with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word() == word)
    }
}

impl TravelExemption {
    /// From the first start to the last end; none where no leg has any length.
    #[must_use]
    pub fn journey(&self) -> Option<(Timestamp, Timestamp)> {
        journey(&self.legs).map(|whole| (whole.from, whole.until))
    }

    /// Where it stands at an instant.
    #[must_use]
    pub fn phase(&self, now: Timestamp) -> Phase {
        match self.state {
            ExemptionState::Applied => Phase::Applied,
            ExemptionState::AwaitingApproval => Phase::AwaitingApproval,
            ExemptionState::Refused => Phase::Refused,
            ExemptionState::Withdrawn => Phase::Withdrawn,
            ExemptionState::Revoked => Phase::Revoked,
            ExemptionState::Closed => Phase::Closed,
            ExemptionState::Granted | ExemptionState::Provisional { .. } => match self.span() {
                Some(span) if now < span.from => Phase::Planned,
                Some(span) if now < span.until => Phase::Active,
                Some(_) | None => Phase::Ended,
            },
        }
    }

    /// The first instant at which it no longer counts, where it counts at all: the end of the
    /// journey, or of the time that an emergency has without a second person.
    #[must_use]
    pub fn counts_until(&self) -> Option<Timestamp> {
        self.span().map(|span| span.until).filter(|_| self.state.counts())
    }

    /// The journey, as far as it counts without another person's approval.
    fn span(&self) -> Option<Interval> {
        journey(&self.legs).and_then(|whole| whole.before(self.provisional_end()))
    }

    fn provisional_end(&self) -> Timestamp {
        match self.state {
            ExemptionState::Provisional { until } => until,
            ExemptionState::Applied
            | ExemptionState::AwaitingApproval
            | ExemptionState::Granted
            | ExemptionState::Refused
            | ExemptionState::Withdrawn
            | ExemptionState::Revoked
            | ExemptionState::Closed => Timestamp::MAX,
        }
    }
}

/// From an instant up to, and not including, another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interval {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Interval {
    pub(super) fn holds(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// The part of it before an instant; none where nothing of it is.
    fn before(self, end: Timestamp) -> Option<Self> {
        let until = self.until.min(end);
        (self.from < until).then_some(Self { until, ..self })
    }
}

/// From the first start to the last end of the legs that have a length.
fn journey(legs: &[Leg]) -> Option<Interval> {
    let real = || legs.iter().filter(|leg| leg.from < leg.until);
    let from = real().map(|leg| leg.from).min()?;
    let until = real().map(|leg| leg.until).max()?;
    Some(Interval { from, until })
}

/// When each territory of an exemption is open. Each leg reaches `grace` beyond both its ends, into
/// its neighbours, but never out of the journey: its first start and last end stand as granted. What
/// does not count opens nothing, and what counts for a while without a second person no longer.
fn windows(exemption: &TravelExemption, grace: Duration) -> Vec<(Territory, Interval)> {
    let Some(whole) = exemption.span().filter(|_| exemption.state.counts()) else {
        return Vec::new();
    };
    exemption
        .legs
        .iter()
        .filter(|leg| leg.from < leg.until)
        .filter_map(|leg| {
            let early = leg.from.checked_sub(grace).unwrap_or(Timestamp::MIN);
            let late = leg.until.checked_add(grace).unwrap_or(Timestamp::MAX);
            let window = Interval { from: early.max(whole.from), until: late.min(whole.until) };
            Some((leg, window)).filter(|_| window.from < window.until)
        })
        .flat_map(|(leg, window)| leg.territories.iter().map(move |&territory| (territory, window)))
        .collect()
}

/// The territories of which a leg must name one in order to cover a location that stands on the
/// list; the first is never none there. A country covers its subdivisions, except one that the
/// list names by itself. None at all where the location does not stand on the list.
pub(super) fn covering_territories(
    location: Location,
    listed: &TerritorySet,
) -> [Option<Territory>; 2] {
    let (Some(exact), Some(entry)) = (location.territory(), listed.covering(location)) else {
        return [None, None];
    };
    let country = Territory::country_of(exact.country());
    if entry.subdivision().is_some() || exact == country {
        [Some(exact), None]
    } else {
        [Some(exact), Some(country)]
    }
}

#[cfg(test)]
mod tests;
