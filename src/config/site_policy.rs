//! From the checked settings of a site to what a decision about it looks at.

use std::sync::Arc;

use super::{Loaded, PathRule, PolicySettings, Site};
use crate::identifier::PolicyId;
use crate::policy::{self, Authentication, Extent, Policy, PolicyParts, Scheduled, SitePolicies};

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
        self.parts(site, &site.policy, site.authentication, Extent::Site)
    }

    /// Every policy of a site: its own, those of its paths, and that of ACME challenges. `lock` says
    /// of each when its settings count.
    #[must_use]
    pub fn site_policies(
        &self,
        site: &Site,
        lock: impl Fn(&PolicySettings, PolicyParts) -> PolicyParts,
    ) -> Option<SitePolicies> {
        let make = |id: &PolicyId, authentication, extent| {
            let settings = self.config.policies.get(id)?;
            Some(Policy::new(lock(settings, self.parts(site, id, authentication, extent)?)))
        };
        let rule = |rule: &PathRule| {
            let id = rule.policy.as_ref().unwrap_or(&site.policy);
            let authentication = rule.authentication.unwrap_or(site.authentication);
            let name = Arc::from(rule.path.as_str());
            let extent = Extent::Path { rule: name, reach: rule.reach.clone() };
            let policy = make(id, authentication, extent)?;
            Some(policy::PathRule { path: rule.path.clone(), policy })
        };
        let own = make(&site.policy, site.authentication, Extent::Site)?;
        let rules = site.paths.iter().map(rule).collect::<Option<Vec<_>>>()?;
        let acme_challenge = match site.acme_challenge {
            true => Some(make(&site.policy, Authentication::Never, Extent::AcmeChallenge)?),
            false => None,
        };
        Some(SitePolicies::new(own, rules, acme_challenge))
    }

    fn parts(
        &self,
        site: &Site,
        policy: &PolicyId,
        authentication: Authentication,
        extent: Extent,
    ) -> Option<PolicyParts> {
        let settings = self.config.policies.get(policy)?;
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
            authentication,
            exemptions_enabled: organization.travel_exemptions.enabled,
            sign_in: site.sign_in,
            extent,
        })
    }
}
