//! The file as it stands, and how its sections make one configuration.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::admin::RawAdmin;
use super::audit::RawAudit;
use super::binds::Binds;
use super::checker::{Checker, Entries, Text, all};
use super::geoip::RawGeoip;
use super::identity::{Provider, RawProvider};
use super::limits::RawLimits;
use super::listeners::{Listener, RawListener};
use super::names::{Known, Names};
use super::notices::RawNotices;
use super::operations::RawOperations;
use super::organizations::{Organization, RawOrganization};
use super::policies::{PolicySettings, RawPolicy};
use super::sites::{Hosts, RawSite, Site};
use super::{
    Config, admin, bound_logins, emergency, identity, operations, store, tcp, upstream_loops,
};
use crate::identifier::{ListId, OrganizationId, PolicyId, ProviderId, SiteId};

/// The file as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawConfig {
    /// Default `/var/lib/geovagt`.
    state_directory: Option<Text>,
    store: Option<Text>,
    geoip: Option<RawGeoip>,
    country_lists: Option<Entries<Text>>,
    policies: Option<Entries<RawPolicy>>,
    organizations: Option<Entries<RawOrganization>>,
    listeners: Option<Vec<Spanned<RawListener>>>,
    sites: Option<Entries<RawSite>>,
    identity: Option<Entries<RawProvider>>,
    audit: Option<RawAudit>,
    notices: Option<Spanned<RawNotices>>,
    admin: Option<Spanned<RawAdmin>>,
    operations: Option<Spanned<RawOperations>>,
    limits: Option<RawLimits>,
    threads: Option<Spanned<u64>>,
}

/// What the file comes to.
pub(super) struct Checked {
    /// Everything, where every section passed.
    pub(super) config: Option<Config>,
    /// The lists, also where another section did not pass.
    pub(super) list_files: Vec<ListAt>,
}

/// A list's file, and where the configuration names it.
#[derive(Debug, Clone)]
pub(super) struct ListAt {
    pub(super) id: ListId,
    pub(super) path: PathBuf,
    pub(super) named_at: Location,
}

impl RawConfig {
    pub(super) fn check(&self, check: &mut Checker<'_>, file: &Path) -> Checked {
        let names = self.names(check);
        let country_lists = self.country_lists(&names, check);
        let list_files = country_lists.iter().flatten().cloned().collect();
        let config = self.sections(&names, country_lists, check, file);
        Checked { config, list_files }
    }

    fn sections(
        &self,
        names: &Names,
        country_lists: Option<Vec<ListAt>>,
        check: &mut Checker<'_>,
        file: &Path,
    ) -> Option<Config> {
        let state_directory = check.path_or(self.state_directory.as_ref(), "/var/lib/geovagt");
        let store = store::check(self.store.as_ref(), check);
        let geoip = self.geoip.as_ref().unwrap_or(&RawGeoip::default()).check(check);
        let policies = self.policies(names, check);
        let organizations = self.organizations(names, check);
        let mut binds = Binds::default();
        let identity = identity::check(self.identity.as_ref(), names, check);
        let listeners = self.listeners(&mut binds, &identity, names, check);
        let sites = self.sites(names, &organizations, check);
        emergency::check_owners(names, &organizations, sites.as_ref(), check);
        if let (Some(raw), Some(listeners), Some(sites)) = (&self.listeners, &listeners, &sites) {
            tcp::check_together(raw, listeners, sites, (names, &organizations, &identity), check);
        }
        let audit = self.audit.as_ref().unwrap_or(&RawAudit::default()).check(check);
        let limits = self.limits.as_ref().unwrap_or(&RawLimits::default()).check(check);
        let operations = match &self.operations {
            Some(raw) => operations::operations(raw, &mut binds, check).map(Some),
            None => Some(None),
        };
        let admin = match &self.admin {
            Some(raw) => admin::admin(raw, names, &mut binds, check).map(Some),
            None => Some(None),
        };
        let notices = match &self.notices {
            Some(raw) => raw.value.check(raw.referenced, names, check).map(Some),
            None => Some(None),
        };
        let threads = self.threads(check);
        if let (Some(raw), Some(sites)) = (&self.listeners, &sites) {
            bound_logins::check(raw, sites, check);
        }
        if let (Some(raw), Some(sites), Some(listeners)) = (&self.sites, &sites, &listeners) {
            upstream_loops::check(raw, sites, listeners, check);
        }
        self.unused(names, &organizations, sites.as_ref(), policies.as_ref(), check);
        Some(Config {
            file: file.to_owned(),
            state_directory: state_directory?,
            store: store?,
            geoip: geoip?,
            country_lists: country_lists?.into_iter().map(|at| (at.id, at.path)).collect(),
            policies: policies?,
            organizations,
            listeners: listeners?,
            sites: sites?,
            identity,
            audit: audit?,
            operations: operations?,
            notices: notices?,
            admin: admin?,
            limits: limits?,
            threads: threads?,
        })
    }

    fn names(&self, check: &mut Checker<'_>) -> Names {
        let local = Text::new("local".to_owned(), Location::UNKNOWN, Location::UNKNOWN);
        let providers: Vec<&Text> = match &self.identity {
            Some(providers) => keys(Some(providers)).collect(),
            None => vec![&local],
        };
        Names {
            sites: Known::collect("site", "sites", keys(self.sites.as_ref()), SiteId::parse, check),
            lists: Known::collect(
                "list",
                "country_lists",
                keys(self.country_lists.as_ref()),
                ListId::parse,
                check,
            ),
            policies: Known::collect(
                "policy",
                "policies",
                keys(self.policies.as_ref()),
                PolicyId::parse,
                check,
            ),
            organizations: Known::collect(
                "organisation",
                "organizations",
                keys(self.organizations.as_ref()),
                OrganizationId::parse,
                check,
            ),
            providers: Known::collect("provider", "identity", providers, ProviderId::parse, check),
        }
    }

    fn country_lists(&self, names: &Names, check: &mut Checker<'_>) -> Option<Vec<ListAt>> {
        let entries = self.country_lists.iter().flat_map(|lists| &lists.0);
        all(entries.map(|(key, file)| {
            let path = check.path(file)?;
            let id = ListId::parse(&key.value).ok().filter(|id| names.lists.holds(id))?;
            Some(ListAt { id, path, named_at: file.referenced })
        }))
    }

    fn policies(
        &self,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<BTreeMap<PolicyId, PolicySettings>> {
        whole(self.policies.as_ref(), PolicyId::parse, |id, here, raw| {
            Some((id.clone(), raw.check(id, here, names, check)?))
        })
    }

    fn organizations(
        &self,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> BTreeMap<OrganizationId, Arc<Organization>> {
        let entries = self.organizations.iter().flat_map(|organizations| &organizations.0);
        entries
            .filter_map(|(key, raw)| {
                let id = OrganizationId::parse(&key.value).ok()?;
                let organization = raw.check(id.clone(), key.referenced, names, check)?;
                Some((id, Arc::new(organization)))
            })
            .collect()
    }

    fn listeners(
        &self,
        binds: &mut Binds,
        identity: &BTreeMap<ProviderId, Provider>,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<Vec<Listener>> {
        let raw: Vec<_> = self.listeners.iter().flatten().collect();
        if raw.is_empty() {
            check.warn(
                Location::UNKNOWN,
                "no listener is configured: the gateway would answer nobody",
                "add `listeners:`; config/gateway.yaml shows one",
            );
        }
        let mut seen = BTreeMap::new();
        let listeners = raw.into_iter().map(|raw| {
            let listener = raw.value.check(raw.referenced, binds, identity, names, check)?;
            let here = raw.value.name.as_ref().map_or(raw.referenced, |name| name.referenced);
            if let Some(line) = seen.insert(listener.name.clone(), here.line()) {
                let says = format!("a listener `{}` stands on line {line} already", listener.name);
                check.refuse(here, says, "give each listener a name of its own");
            }
            Some(listener)
        });
        all(listeners)
    }

    fn sites(
        &self,
        names: &Names,
        organizations: &BTreeMap<OrganizationId, Arc<Organization>>,
        check: &mut Checker<'_>,
    ) -> Option<BTreeMap<SiteId, Arc<Site>>> {
        let mut hosts = Hosts::new();
        let sites = whole(self.sites.as_ref(), SiteId::parse, |id, here, raw| {
            let site = raw.check(id.clone(), here, names, organizations, &mut hosts, check)?;
            Some((id, Arc::new(site)))
        })?;
        for (organization, here) in names.organizations.iter() {
            if !sites.values().any(|site| site.organization == *organization) {
                check.warn(
                    here,
                    format!("no site belongs to the organisation `{organization}`"),
                    "add one under `sites`, or remove the organisation",
                );
            }
        }
        Some(sites)
    }

    /// Says which policies and lists nothing uses. Quiet where a block did not pass, since what it
    /// uses is not known then.
    fn unused(
        &self,
        names: &Names,
        organizations: &BTreeMap<OrganizationId, Arc<Organization>>,
        sites: Option<&BTreeMap<SiteId, Arc<Site>>>,
        policies: Option<&BTreeMap<PolicyId, PolicySettings>>,
        check: &mut Checker<'_>,
    ) {
        let (Some(sites), Some(policies)) = (sites, policies) else { return };
        if check.has_errors() || check.left_out() {
            return;
        }
        let help = "use it, or remove it";
        for (policy, here) in names.policies.iter() {
            let used = sites.values().any(|site| site.names(policy))
                || organizations.values().any(|organization| organization.policy == *policy);
            if !used {
                check.note(here, format!("nothing uses the policy `{policy}`"), help);
            }
        }
        for (list, here) in names.lists.iter() {
            if !policies.values().any(|policy| policy.list == *list) {
                check.note(here, format!("no policy uses the list `{list}`"), help);
            }
        }
    }

    /// `GEOVAGT_THREADS` overrides the file, so that a container need not write one.
    fn threads(&self, check: &mut Checker<'_>) -> Option<Option<usize>> {
        let bounds = 1..=1024;
        let here = self.threads.as_ref().map_or(Location::UNKNOWN, |threads| threads.referenced);
        if let Some(text) = check.environment("GEOVAGT_THREADS").filter(|text| !text.is_empty()) {
            let threads = text.parse::<u64>().ok().filter(|threads| bounds.contains(threads));
            if threads.is_none() {
                let says = "the environment variable GEOVAGT_THREADS is no number of threads";
                check.refuse(here, says, "write a whole number from 1 to 1024, or unset it");
            }
            return usize::try_from(threads?).ok().map(Some);
        }
        match &self.threads {
            Some(threads) => {
                let threads = check.number(Some(threads), 1, bounds)?;
                usize::try_from(threads).ok().map(Some)
            }
            None => Some(None),
        }
    }
}

fn keys<V>(entries: Option<&Entries<V>>) -> impl Iterator<Item = &Text> {
    entries.into_iter().flat_map(|entries| entries.0.iter().map(|(key, _)| key))
}

/// Checks every entry of a block; none where one did not pass.
fn whole<V, Id: Ord, T, E>(
    entries: Option<&Entries<V>>,
    parse: fn(&str) -> Result<Id, E>,
    mut check: impl FnMut(Id, Location, &V) -> Option<(Id, T)>,
) -> Option<BTreeMap<Id, T>> {
    let checked = entries.into_iter().flat_map(|entries| &entries.0).map(|(key, raw)| {
        let id = parse(&key.value).ok()?;
        check(id, key.referenced, raw)
    });
    all(checked).map(|entries| entries.into_iter().collect())
}
