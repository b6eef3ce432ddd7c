//! Which site a host belongs to.
//!
//! PURE. An exact host wins over a suffix, a longer suffix over a shorter one, and `*` takes what is
//! left. Hosts come in canonical: lower case, without port and trailing dot.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::quality::RandomState;

use super::pages::Prebuilt;
use crate::config::{HostPattern, Organization, Site};
use crate::identifier::SiteId;
use crate::policy::{Authentication, Everywhere, Policy, SitePolicies};
use crate::telemetry::traffic::SiteTraffic;
use crate::upstream::Servers;

/// One protected system with everything a request to it needs.
#[derive(Debug)]
pub struct ProtectedSite {
    /// As configured.
    pub site: Arc<Site>,
    /// Whose it is.
    pub organization: Arc<Organization>,
    /// The policies in effect for it.
    pub policies: SitePolicies,
    /// Where its requests go.
    pub servers: Arc<Servers>,
    /// What passed through it.
    pub traffic: Arc<SiteTraffic>,
}

impl ProtectedSite {
    /// The policy of all that no path rule is for.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.policies.own()
    }

    /// Whether it is reached by HTTP.
    #[must_use]
    pub fn is_http(&self) -> bool {
        self.site.tcp.is_none()
    }

    /// Whether any part of the site asks anybody who they are.
    #[must_use]
    pub fn takes_sign_in(&self) -> bool {
        self.policies.all().any(|policy| policy.authentication() != Authentication::Never)
    }
}

/// All sites, by host.
#[derive(Debug, Default)]
pub struct Sites {
    exact: HashMap<String, Arc<ProtectedSite>, RandomState>,
    suffixes: HashMap<String, Arc<ProtectedSite>>,
    any: Option<Arc<ProtectedSite>>,
    all: Vec<Arc<ProtectedSite>>,
    /// Their policies, each kind once.
    pub(super) everywhere: Everywhere,
    /// Their rejections.
    pub(super) prebuilt: Prebuilt,
}

impl Sites {
    /// Files the sites under their hosts. The configuration has made sure that no two claim one.
    #[must_use]
    pub fn new(sites: impl IntoIterator<Item = ProtectedSite>) -> Self {
        let mut table = Self::default();
        for site in sites.into_iter().map(Arc::new) {
            // A connection for TCP comes by a listener of its own; nobody asks for it by HTTP.
            let hosts = if site.is_http() { site.site.hosts.as_slice() } else { &[] };
            for host in hosts {
                match host {
                    HostPattern::Exact(host) => {
                        table.exact.insert(host.clone(), Arc::clone(&site));
                    }
                    HostPattern::Suffix(suffix) => {
                        table.suffixes.insert(suffix.clone(), Arc::clone(&site));
                    }
                    HostPattern::Any => table.any = Some(Arc::clone(&site)),
                }
            }
            table.all.push(site);
        }
        let by_http = table.by_http().flat_map(|site| site.policies.all());
        let everywhere = Everywhere::of(by_http);
        table.everywhere = everywhere;
        table
    }

    /// The site that answers for a host.
    #[must_use]
    pub fn by_host(&self, host: &str) -> Option<&Arc<ProtectedSite>> {
        if let Some(site) = self.exact.get(host) {
            return Some(site);
        }
        let mut rest = host;
        while let Some((_, parent)) = rest.split_once('.') {
            if let Some(site) = self.suffixes.get(parent) {
                return Some(site);
            }
            rest = parent;
        }
        self.any.as_ref()
    }

    /// The site with this name.
    #[must_use]
    pub fn by_id(&self, id: &SiteId) -> Option<&Arc<ProtectedSite>> {
        self.all.iter().find(|site| site.site.id == *id)
    }

    /// Every site that is reached by HTTP.
    pub fn by_http(&self) -> impl Iterator<Item = &Arc<ProtectedSite>> {
        self.all.iter().filter(|site| site.is_http())
    }

    /// Every site.
    #[must_use]
    pub fn all(&self) -> &[Arc<ProtectedSite>] {
        &self.all
    }
}
