//! From the checked settings of a site to what a decision about it looks at.

use super::{Loaded, Site};
use crate::policy::{Policy, PolicyParts, Scheduled};

impl Loaded {
    /// The policy of a site as the file says it, without an announcement lock on its settings. None
    /// where its list was not read.
    #[must_use]
    pub fn policy(&self, site: &Site) -> Option<Policy> {
        let parts = self.policy_parts(site)?;
        Some(Policy::new(parts))
    }

    /// The same before it is put together, for whoever has more to say about when a setting counts.
    #[must_use]
    pub fn policy_parts(&self, site: &Site) -> Option<PolicyParts> {
        let settings = self.config.policies.get(&site.policy)?;
        let organization = self.config.organizations.get(&site.organization)?;
        let list = self.lists.get(&settings.list)?;
        let allow_networks =
            settings.allow_networks.iter().chain(&site.allow_networks).cloned().collect();
        Some(PolicyParts {
            organization: site.organization.clone(),
            site: site.id.clone(),
            list: list.clone(),
            mode: Scheduled::fixed(settings.mode),
            unknown_location: Scheduled::fixed(settings.unknown_location),
            private_networks: settings.private_networks,
            allow_networks,
            deny_networks: settings.deny_networks.clone(),
            corrections: settings.corrections.clone(),
            authentication: site.authentication,
            exemptions_enabled: organization.travel_exemptions.enabled,
        })
    }
}
