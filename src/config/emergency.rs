//! `organizations.*.travel_exemptions.emergency`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Location;

use super::checker::{Checker, Text, all};
use super::names::Names;
use super::organizations::Organization;
use super::sites::Site;
use crate::identifier::{OrganizationId, SiteId};
use crate::policy::{EmergencyScheme, LONGEST_EMERGENCY};

const SHORTEST: Duration = Duration::from_secs(3600);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEmergency {
    /// Default `72h`, which is also the most.
    maximum: Option<Text>,
    /// Required: the sites that can be opened by telephone.
    sites: Option<Vec<Text>>,
}

impl RawEmergency {
    pub(super) fn check(
        &self,
        here: Location,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<EmergencyScheme> {
        let maximum =
            check.span(self.maximum.as_ref(), LONGEST_EMERGENCY, SHORTEST..=LONGEST_EMERGENCY);
        let sites = check.required(&self.sites, "sites", here)?;
        if sites.is_empty() {
            check.warn(here, "an emergency opens no site", "name the sites, or remove the block");
        }
        let sites = all(sites.iter().map(|text| names.sites.mentioned(text, check)));
        Some(EmergencyScheme { maximum: maximum?, sites: sites? })
    }
}

/// An emergency is for the organisation's own sites.
pub(super) fn check_owners(
    names: &Names,
    organizations: &BTreeMap<OrganizationId, Arc<Organization>>,
    sites: Option<&BTreeMap<SiteId, Arc<Site>>>,
    check: &mut Checker<'_>,
) {
    let Some(sites) = sites else { return };
    for (id, here) in names.organizations.iter() {
        let scheme = organizations.get(id).and_then(|o| o.travel_exemptions.emergency.as_ref());
        let foreign = scheme
            .iter()
            .flat_map(|scheme| &scheme.sites)
            .filter(|name| sites.get(*name).is_some_and(|site| site.organization != *id));
        for site in foreign {
            check.refuse(
                here,
                format!("`emergency` of `{id}` names the site `{site}` of another organisation"),
                "name sites of the organisation itself",
            );
        }
    }
}
