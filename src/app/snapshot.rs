//! From the checked configuration to what a request is decided by.

use std::sync::Arc;

use super::Policies;
use crate::config::{Config, Loaded, Site};
use crate::gateway::sites::{ProtectedSite, Sites};
use crate::gateway::{Snapshot, VerdictCounts};
use crate::geoip::{AsnDatabase, Database};
use crate::identifier::OrganizationId;
use crate::policy::{Exemptions, Policy, PolicyParts, TravelExemption};
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
    let parts = PolicyParts {
        mode: policies.mode(settings),
        unknown_location: policies.unknown_location(settings),
        ..loaded.policy_parts(site)?
    };
    Some(ProtectedSite {
        site: Arc::clone(site),
        organization: Arc::clone(organization),
        policy: Policy::new(parts),
        servers: Servers::new(site.upstream.servers.clone()),
        counts: VerdictCounts::new(site.id.as_str()),
    })
}
