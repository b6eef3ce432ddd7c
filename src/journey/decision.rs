//! What has to be known before somebody decides.

use std::sync::Arc;

use super::Trouble;
use crate::config::{Config, Organization};
use crate::policy::{TravelExemption, needs_second_approval};

/// The organisation whose scheme decides about an exemption, where the scheme is on.
pub(crate) fn scheme_of<'c>(
    config: &'c Config,
    exemption: &TravelExemption,
) -> Result<&'c Arc<Organization>, Trouble> {
    let organization = config.organizations.get(&exemption.organization);
    organization
        .filter(|organization| organization.travel_exemptions.enabled)
        .ok_or_else(|| Trouble::SchemeOff(exemption.organization.clone()))
}

/// Whether two people have to approve it as the configuration stands now.
pub(crate) fn takes_two(organization: &Organization, exemption: &TravelExemption) -> bool {
    needs_second_approval(&exemption.legs, &organization.travel_exemptions)
}
