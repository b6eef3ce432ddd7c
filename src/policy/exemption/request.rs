//! What is asked for, and what has been found good.

use super::{Caution, ExemptionState, Leg, TravelExemption};
use crate::identifier::{OrganizationId, SiteId};
use crate::policy::{Demands, ExemptionId, Person, UserName};

/// What somebody asks to be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantRequest {
    /// Whose exemption it is to be.
    pub organization: OrganizationId,
    /// Who travels.
    pub person: Person,
    /// The person's login name.
    pub user_name: UserName,
    /// The sites.
    pub sites: Vec<SiteId>,
    /// Where and when.
    pub legs: Vec<Leg>,
    /// Why.
    pub purpose: String,
    /// The case it belongs to.
    pub case_number: String,
    /// What the exemption demands beyond the person; none stated: a device where it needs a second
    /// approval, and nothing elsewhere.
    pub demands: Option<Demands>,
}

/// A request that has been found good. Only [`super::validate`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidGrant {
    pub(super) request: GrantRequest,
    pub(super) needs_second_approval: bool,
    pub(super) cautions: Vec<Caution>,
}

impl ValidGrant {
    /// The request, its texts trimmed, its sites each once.
    #[must_use]
    pub fn request(&self) -> &GrantRequest {
        &self.request
    }

    /// Whether another person has to approve it before it has any effect.
    #[must_use]
    pub fn needs_second_approval(&self) -> bool {
        self.needs_second_approval
    }

    /// What the one who grants should know, though nothing forbids it.
    #[must_use]
    pub fn cautions(&self) -> &[Caution] {
        &self.cautions
    }

    /// What the exemption will demand.
    #[must_use]
    pub fn demands(&self) -> Demands {
        let usual = if self.needs_second_approval { Demands::DEVICE } else { Demands::NONE };
        self.request.demands.unwrap_or(usual)
    }

    /// The exemption under its new name, granted or waiting for the second person.
    #[must_use]
    pub fn into_exemption(self, id: ExemptionId) -> TravelExemption {
        let state = if self.needs_second_approval {
            ExemptionState::AwaitingApproval
        } else {
            ExemptionState::Granted
        };
        self.into_state(id, state)
    }

    /// The exemption under its new name, in this state.
    pub(super) fn into_state(self, id: ExemptionId, state: ExemptionState) -> TravelExemption {
        let demands = self.demands();
        let request = self.request;
        TravelExemption {
            id,
            person: request.person,
            user_name: request.user_name,
            organization: request.organization,
            sites: request.sites,
            legs: request.legs,
            purpose: request.purpose,
            case_number: request.case_number,
            demands,
            state,
        }
    }
}
