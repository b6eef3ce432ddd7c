//! What the operator wrote, checked.
//!
//! Read twice: raw serde that refuses unknown keys, then the types here, in which nothing is checked
//! again. A value of [`Config`] comes from [`load`], with every reference between sections resolved.
//! A file a section: its raw form, its checked form, its defaults.
//!
//! May use the domain types and files; no socket, no runtime. Always holds: a key that has no effect
//! in this version says so, and an expanded secret stands in no finding.

mod admin;
mod anchors;
mod audit;
mod binds;
mod bound_logins;
mod bounded_file;
mod checker;
mod denial;
mod document;
mod duration;
mod emergency;
mod expand;
mod finding;
mod forgiving;
mod geoip;
mod host_pattern;
mod http1_names;
mod identity;
mod limits;
mod list_check;
mod list_file;
mod listeners;
mod load;
mod names;
mod nearest;
mod network;
mod notices;
mod operations;
mod organizations;
mod path_rules;
mod policies;
pub mod render;
mod roles;
mod site_policy;
mod sites;
mod source;
mod store;
mod tcp;
mod upstream;
mod upstream_loops;
pub mod yaml;
mod yaml_error;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::identifier::{ListId, OrganizationId, PolicyId, ProviderId, SiteId};

pub(crate) use bounded_file::read_bytes;

pub use admin::{Admin, CentreOperator, SecondFactor, SessionTimes};
pub use anchors::{Anchor, AnchorTarget};
pub use audit::{AllowedTraffic, Audit, Retention};
pub use checker::Surroundings;
pub use denial::{FloodThresholds, ListenerDenial};
pub use expand::process_environment;
pub use finding::{Finding, Place, Severity};
pub use geoip::Geoip;
pub use host_pattern::HostPattern;
pub use http1_names::Http1Names;
pub use identity::{
    AssertionAudience, Bearer, CertificateName, ClaimNames, ClientAuthentication,
    ClientCertificate, ClientKey, ClientSecret, Ldap, LdapPassword, LdapServer, Local, MultiFactor,
    Oidc, Provider, Reach, SigningAlgorithm, TokenRules,
};
pub use limits::Limits;
pub use list_check::{lock_findings, settings_findings, visibility};
pub use list_file::{ListFile, examine_list, read_list};
pub use listeners::{CertificateFiles, ClientCertificates, Listener, Protocol, Tls};
pub use load::{Examined, Loaded, examine, examine_source, load};
pub use nearest::nearest;
pub(crate) use nearest::there_are;
pub use notices::{Notices, Sender, Smtp, SmtpPassword, SmtpSecurity};
pub use operations::Operations;
pub use organizations::{Contact, Organization};
pub use path_rules::PathRule;
pub use policies::PolicySettings;
pub use render::write_findings;
pub use roles::{Role, Roles, is_same_name};
pub use sites::{DenialStyle, ForwardCredentials, Site};
pub use source::{MAXIMUM_BYTES, SourceFile};
pub use store::StoreLocation;
pub use tcp::{MailProtocol, TcpRoute, TcpSite};
pub use upstream::{
    Affinity, Connections, Ejection, HealthCheck, Retries, Upstream, UpstreamHost,
    UpstreamProtocol, UpstreamServer, UpstreamTimeouts, UpstreamTls,
};
pub use yaml::parse;

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file it was read from; relative paths were relative to its directory.
    pub file: PathBuf,
    /// Store, audit segments, keys, last good database.
    pub state_directory: PathBuf,
    /// Where the store is.
    pub store: StoreLocation,
    /// The databases.
    pub geoip: Geoip,
    /// The list files by name.
    pub country_lists: BTreeMap<ListId, PathBuf>,
    /// The policies by name.
    pub policies: BTreeMap<PolicyId, PolicySettings>,
    /// The organisations by name.
    pub organizations: BTreeMap<OrganizationId, Arc<Organization>>,
    /// The listeners, in the file's order.
    pub listeners: Vec<Listener>,
    /// The sites by name.
    pub sites: BTreeMap<SiteId, Arc<Site>>,
    /// The ways to know a person, by name.
    pub identity: BTreeMap<ProviderId, Provider>,
    /// The log.
    pub audit: Audit,
    /// `/healthz`, `/readyz`, `/metrics`; absent: no listener.
    pub operations: Option<Operations>,
    /// The mail that travellers get; absent: none.
    pub notices: Option<Notices>,
    /// The administration; absent: no listener.
    pub admin: Option<Admin>,
    /// What one machine takes on.
    pub limits: Limits,
    /// Worker threads; absent: the cores it may use.
    pub threads: Option<usize>,
}

#[cfg(test)]
#[path = "examples_tests.rs"]
mod tests;
