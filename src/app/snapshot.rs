//! From the checked configuration to what a request is decided by.

use std::sync::Arc;

use super::Policies;
use crate::config::{Config, Loaded, PolicySettings, Site};
use crate::gateway::Snapshot;
use crate::gateway::sites::{ProtectedSite, Sites};
use crate::geoip::{AsnDatabase, Database};
use crate::identifier::OrganizationId;
use crate::policy::{Exemptions, PolicyParts, TravelExemption};
use crate::telemetry::traffic;
use crate::upstream::Prepared;

/// Puts a snapshot together. Every reference between sections was resolved when the configuration
/// was checked; a site whose parts are missing all the same is left out, and so answers nobody.
pub(super) fn snapshot(
    loaded: &Loaded,
    policies: &Policies,
    exemptions: Vec<TravelExemption>,
    database: Arc<Database>,
    autonomous_systems: Option<Arc<AsnDatabase>>,
    upstreams: &Prepared,
) -> Snapshot {
    let config = Arc::new(loaded.config.clone());
    let sites =
        config.sites.values().filter_map(|site| protected(loaded, policies, upstreams, site));
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

fn protected(
    loaded: &Loaded,
    policies: &Policies,
    upstreams: &Prepared,
    site: &Arc<Site>,
) -> Option<ProtectedSite> {
    let organization = loaded.config.organizations.get(&site.organization)?;
    let lock = |settings: &PolicySettings, parts: PolicyParts| PolicyParts {
        mode: policies.mode(settings),
        unknown_location: policies.unknown_location(settings),
        ..parts
    };
    Some(ProtectedSite {
        site: Arc::clone(site),
        organization: Arc::clone(organization),
        policies: loaded.site_policies(site, lock)?,
        servers: upstreams.site(&site.id)?,
        traffic: traffic::site(site.id.as_str()),
    })
}
