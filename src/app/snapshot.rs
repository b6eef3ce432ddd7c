//! From the checked configuration to what a request is decided by.

use std::sync::Arc;

use super::Policies;
use crate::config::{Config, Loaded, Organization, PolicySettings, Site};
use crate::gateway::Snapshot;
use crate::gateway::sites::{ProtectedSite, Sites};
use crate::geoip::{AsnDatabase, Database};
use crate::identifier::OrganizationId;
use crate::policy::{CountryList, Exemptions, Policy, PolicyParts, TravelExemption};
use crate::upstream::Servers;

/// Puts a snapshot together. Every reference between sections was resolved when the configuration
/// was checked; a site whose parts are missing all the same is left out, and so answers nobody.
pub(super) fn snapshot(
    loaded: &Loaded,
    policies: &Policies,
    exemptions: Vec<TravelExemption>,
    database: Arc<Database>,
    autonomous_systems: Option<Arc<AsnDatabase>>,
) -> Snapshot {
    let config = Arc::new(loaded.config.clone());
    let sites = config.sites.values().filter_map(|site| protected(loaded, policies, site));
    Snapshot {
        sites: Arc::new(Sites::new(sites)),
        exemptions: Arc::new(arrange(&config, exemptions)),
        config,
        database,
        autonomous_systems,
    }
}

/// Arranges exemptions for deciding, with each organisation's transit grace.
pub(super) fn arrange(config: &Config, exemptions: Vec<TravelExemption>) -> Exemptions {
    let grace = |organization: &OrganizationId| -> std::time::Duration {
        config
            .organizations
            .get(organization)
            .map(|o| o.travel_exemptions.transit_grace)
            .unwrap_or_default()
    };
    Exemptions::new(exemptions, grace)
}

fn protected(loaded: &Loaded, policies: &Policies, site: &Arc<Site>) -> Option<ProtectedSite> {
    let organization = loaded.config.organizations.get(&site.organization)?;
    let settings = loaded.config.policies.get(&site.policy)?;
    let list = loaded.lists.get(&settings.list)?;
    Some(ProtectedSite {
        site: Arc::clone(site),
        organization: Arc::clone(organization),
        policy: policy(site, organization, settings, list, policies),
        servers: Servers::new(site.upstream.servers.clone()),
    })
}

/// The policy of one site.
pub(crate) fn policy(
    site: &Site,
    organization: &Organization,
    settings: &PolicySettings,
    list: &Arc<CountryList>,
    policies: &Policies,
) -> Policy {
    let allow = settings.allow_networks.iter().chain(&site.allow_networks);
    Policy::new(PolicyParts {
        organization: organization.id.clone(),
        site: site.id.clone(),
        list: Arc::clone(list),
        mode: policies.mode(settings),
        unknown_location: policies.unknown_location(settings),
        private_networks: settings.private_networks,
        allow_networks: allow.cloned().collect(),
        deny_networks: settings.deny_networks.clone(),
        corrections: settings.corrections.clone(),
        authentication: site.authentication,
        exemptions_enabled: organization.travel_exemptions.enabled,
    })
}
