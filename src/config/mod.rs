//! What the operator wrote, checked.
//!
//! Read twice: raw serde that refuses unknown keys, then the types here, in which nothing is checked
//! again. A value of [`Config`] can only come from [`load`](crate::config), with every reference
//! between sections resolved.

mod bounded_file;
mod finding;
mod nearest;
pub mod render;
mod source;
pub mod yaml;
mod yaml_error;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::client_address::AddressSource;
use crate::identifier::{ListId, ListenerId, OrganizationId, PolicyId, ProviderId, SiteId};
use crate::language::Language;
use crate::policy::{Admission, Authentication, Correction, ExemptionScheme, Mode, NetworkRule};

pub use finding::{Finding, Place, Severity};
pub use nearest::nearest;
pub use render::write_findings;
pub use source::{MAXIMUM_BYTES, SourceFile};
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
    /// The administration; absent: no listener.
    pub admin: Option<Admin>,
    /// Worker threads; absent: the cores it may use.
    pub threads: Option<usize>,
}

/// SQLite in the state directory, or PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// `geovagt.sqlite3` in the state directory.
    Sqlite,
    /// A connection URL; it may hold a password.
    Postgres(Secret),
}

/// A text that does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// `geoip`
#[derive(Debug, Clone)]
pub struct Geoip {
    /// Country or city level.
    pub database: PathBuf,
    /// Optional autonomous systems, recorded in the log.
    pub asn: Option<PathBuf>,
    /// The age of the build from which it warns.
    pub warn_after: Duration,
}

/// `policies.*`
#[derive(Debug, Clone)]
pub struct PolicySettings {
    /// The name under `policies`.
    pub id: PolicyId,
    /// The list that is held against the country.
    pub list: ListId,
    /// Enforce or only report.
    pub mode: Mode,
    /// Whether an address that the database does not hold gets in.
    pub unknown_location: Admission,
    /// Whether private networks get in.
    pub private_networks: Admission,
    /// Networks that get in whatever their country is.
    pub allow_networks: Vec<NetworkRule>,
    /// Networks that never get in.
    pub deny_networks: Vec<NetworkRule>,
    /// Networks whose country the database has wrong.
    pub corrections: Vec<Correction>,
}

/// `organizations.*`
#[derive(Debug, Clone)]
pub struct Organization {
    /// The name under `organizations`.
    pub id: OrganizationId,
    /// As shown on pages.
    pub name: String,
    /// The policy of its sites, unless a site names another.
    pub policy: PolicyId,
    /// For civil dates.
    pub time_zone: TimeZone,
    /// What a client gets that asks for neither language.
    pub language: Language,
    /// Whom the page tells people to call.
    pub contact: Contact,
    /// The exemption scheme.
    pub travel_exemptions: ExemptionScheme,
    /// The ways its people can be known.
    pub identity_providers: Vec<ProviderId>,
}

/// `contact`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// As dialled, with country code.
    pub phone: Option<String>,
    /// An address that can be reached from a listed country.
    pub email: Option<String>,
    /// As shown: `8-15`.
    pub hours: Option<String>,
}

/// `listeners[]`
#[derive(Debug, Clone)]
pub struct Listener {
    /// For log and metrics.
    pub name: ListenerId,
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The certificates; none: plain.
    pub tls: Option<Tls>,
    /// Where the client's address comes from.
    pub client_address: AddressSource,
    /// `denial: close`: reject before TLS, without a byte.
    pub close_denied: bool,
}

/// `protocol`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `http`
    Http,
    /// `tcp`
    Tcp,
}

/// `tls`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The first serves clients that name no host, or none we have.
    pub certificates: Vec<CertificateFiles>,
}

/// One certificate chain and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Leaf first.
    pub chain: PathBuf,
    /// PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

/// `sites.*`
#[derive(Debug, Clone)]
pub struct Site {
    /// The name under `sites`.
    pub id: SiteId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The hosts it answers for.
    pub hosts: Vec<HostPattern>,
    /// Where its requests go.
    pub upstream: Upstream,
    /// The policy: the site's own or the organisation's.
    pub policy: PolicyId,
    /// Networks that get in to this site alone.
    pub allow_networks: Vec<NetworkRule>,
    /// Whether a login goes on to the upstream.
    pub forward_credentials: ForwardCredentials,
    /// When people are asked who they are.
    pub authentication: Authentication,
    /// How it rejects.
    pub denial: DenialStyle,
}

/// What a site answers for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// One host, lower case, without a port or a trailing dot.
    Exact(String),
    /// `*.example.dk`: one label or more before the suffix, which stands here without `*.`.
    Suffix(String),
    /// `*`: what no other site takes.
    Any,
}

/// `upstream`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// `http://host:port` or `https://host:port`, no path.
    pub servers: Vec<http::Uri>,
    /// Whether a client connection keeps one upstream connection.
    pub affinity: Affinity,
}

/// `affinity`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// `none`
    None,
    /// `connection`
    Connection,
}

/// `forward_credentials`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardCredentials {
    /// A login that the upstream shares goes on, a local account's never.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// `denial`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialStyle {
    /// `page`: what suits the client.
    Page,
    /// `close`: the connection ends without a byte.
    Close,
}

/// `identity.*`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provider {
    /// Accounts in the store.
    Local,
}

/// `audit`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// What happens to permitted traffic when no entry can be kept.
    pub on_failure: Admission,
    /// How allowed traffic of people without an exemption is kept.
    pub allowed: AllowedTraffic,
    /// At most this long in memory.
    pub flush: Duration,
    /// How long each class is kept.
    pub retention: Retention,
    /// When personal fields go.
    pub pseudonymise_after: Duration,
    /// Whether the query is kept.
    pub query_strings: bool,
}

/// `audit.allowed`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedTraffic {
    /// Nothing.
    None,
    /// Counts.
    Summary,
    /// An entry a request.
    Requests,
}

/// `audit.retention`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Allowed traffic.
    pub allowed: Duration,
    /// Denials.
    pub denied: Duration,
    /// Sign-ins, exempt access, administration.
    pub people: Duration,
}

/// `operations`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operations {
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// Whose word `/authorize` takes; none: it answers 503.
    pub client_address: Option<AddressSource>,
}

/// `admin`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// Required off loopback.
    pub tls: Option<Tls>,
}
