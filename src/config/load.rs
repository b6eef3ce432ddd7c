//! The whole file: raw, then checked, with every finding at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::audit::RawAudit;
use super::binds::Binds;
use super::checker::{Checker, Entries, Surroundings, Text};
use super::expand::process_environment;
use super::geoip::RawGeoip;
use super::identity::RawProvider;
use super::limits::RawLimits;
use super::listeners::{Listener, RawListener};
use super::names::{Known, Names};
use super::operations::{RawAdmin, RawOperations};
use super::organizations::{Organization, RawOrganization};
use super::policies::{PolicySettings, RawPolicy};
use super::sites::{Hosts, RawSite, Site};
use super::{Config, Finding, Severity, SourceFile};
use super::{identity, operations, store, yaml};
use crate::identifier::{ListId, OrganizationId, PolicyId, ProviderId, SiteId};
use crate::policy::CountryList;

/// A configuration that the gateway can run with.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The checked configuration.
    pub config: Config,
    /// Warnings and notes; no error.
    pub findings: Vec<Finding>,
    /// The lists by name, each read from its file.
    pub lists: BTreeMap<ListId, Arc<CountryList>>,
    /// The files that were read, to show findings in.
    pub sources: Vec<SourceFile>,
}

/// What looking at a file gave, whether or not the gateway can run with it.
#[derive(Debug, Clone)]
pub struct Examined {
    /// The checked configuration, where there is no error in it and nothing was left out.
    pub config: Option<Config>,
    /// Everything there is to say, in the order of the file.
    pub findings: Vec<Finding>,
    /// The lists that could be read.
    pub lists: BTreeMap<ListId, Arc<CountryList>>,
    /// The files that were read, to show findings in.
    pub sources: Vec<SourceFile>,
}

impl Examined {
    fn nothing(finding: Finding) -> Self {
        Self { config: None, findings: vec![finding], lists: BTreeMap::new(), sources: Vec::new() }
    }

    /// Whether the gateway would refuse to start.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads the configuration and everything it names that a decision needs.
///
/// # Errors
/// Every finding, of which at least one is an error.
pub fn load(path: &Path) -> Result<Loaded, Vec<Finding>> {
    let surroundings = Surroundings {
        environment: &process_environment,
        now: crate::clock::now(),
        static_only: false,
    };
    let examined = examine(path, surroundings);
    if examined.has_errors() {
        return Err(examined.findings);
    }
    let Examined { config, findings, lists, sources } = examined;
    match config {
        Some(config) => Ok(Loaded { config, findings, lists, sources }),
        None => Err(vec![Finding::error("the configuration is not whole")]),
    }
}

/// Looks at a configuration file and says everything there is to say.
#[must_use]
pub fn examine(path: &Path, surroundings: Surroundings<'_>) -> Examined {
    match SourceFile::read(path) {
        Ok(source) => examine_source(source, surroundings),
        Err(finding) => Examined::nothing(finding),
    }
}

/// The same for a file that is in memory.
#[must_use]
pub fn examine_source(source: SourceFile, surroundings: Surroundings<'_>) -> Examined {
    let mut check = Checker::new(&source, surroundings);
    let config = match yaml::parse::<Raw>(&source) {
        Ok(raw) => raw.check(&mut check, &source.path),
        Err(finding) => {
            return Examined { sources: vec![source], ..Examined::nothing(finding) };
        }
    };
    let config = config.filter(|_| !check.has_errors() && !check.left_out());
    let findings = check.into_findings();
    Examined { config, findings, lists: BTreeMap::new(), sources: vec![source] }
}

/// The file as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
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
    admin: Option<Spanned<RawAdmin>>,
    operations: Option<Spanned<RawOperations>>,
    limits: Option<RawLimits>,
    threads: Option<Spanned<u64>>,
}

impl Raw {
    fn check(&self, check: &mut Checker<'_>, file: &Path) -> Option<Config> {
        let names = self.names(check);
        let state_directory = check.path_or(self.state_directory.as_ref(), "/var/lib/geovagt");
        let store = store::check(self.store.as_ref(), check);
        let geoip = self.geoip.as_ref().unwrap_or(&RawGeoip::default()).check(check);
        let country_lists = self.country_lists(&names, check);
        let policies = self.policies(&names, check);
        let organizations = self.organizations(&names, check);
        let mut binds = Binds::default();
        let listeners = self.listeners(&mut binds, check);
        let sites = self.sites(&names, &organizations, check);
        let identity = identity::check(self.identity.as_ref(), &names, check);
        let audit = self.audit.as_ref().unwrap_or(&RawAudit::default()).check(check);
        let limits = self.limits.as_ref().unwrap_or(&RawLimits::default()).check(check);
        let operations = match &self.operations {
            Some(raw) => operations::operations(raw, &mut binds, check).map(Some),
            None => Some(None),
        };
        let admin = match &self.admin {
            Some(raw) => operations::admin(raw, &mut binds, check).map(Some),
            None => Some(None),
        };
        let threads = self.threads(check);
        Some(Config {
            file: file.to_owned(),
            state_directory: state_directory?,
            store: store?,
            geoip: geoip?,
            country_lists: country_lists?,
            policies: policies?,
            organizations,
            listeners: listeners?,
            sites: sites?,
            identity,
            audit: audit?,
            operations: operations?,
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
            sites: Known::collect("site", "sites", keys(self.sites.as_ref()), SiteId::parse, check),
        }
    }

    fn country_lists(
        &self,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<BTreeMap<ListId, PathBuf>> {
        whole(self.country_lists.as_ref(), ListId::parse, |id, _, file| {
            let path = check.path(file);
            names.lists.holds(&id).then_some(path).flatten().map(|path| (id, path))
        })
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

    fn listeners(&self, binds: &mut Binds, check: &mut Checker<'_>) -> Option<Vec<Listener>> {
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
            let listener = raw.value.check(raw.referenced, binds, check)?;
            let here = raw.value.name.as_ref().map_or(raw.referenced, |name| name.referenced);
            if let Some(line) = seen.insert(listener.name.clone(), here.line()) {
                let says = format!("a listener `{}` stands on line {line} already", listener.name);
                check.refuse(here, says, "give each listener a name of its own");
            }
            Some(listener)
        });
        super::checker::all(listeners)
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
    super::checker::all(checked).map(|entries| entries.into_iter().collect())
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
