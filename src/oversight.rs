//! What a running gateway tells those who watch over it: plain facts, which `app` gathers and the
//! administration shows. PURE.

use jiff::Timestamp;

use crate::identifier::{ListenerId, SiteId};

/// How what only the running gateway knows is.
#[derive(Debug, Clone, Default)]
pub struct Condition {
    /// The certificates that are served.
    pub certificates: Vec<ServedCertificate>,
    /// The servers behind the sites.
    pub upstreams: Vec<UpstreamServer>,
    /// Why a newer database is refused, where one is.
    pub database_refused: Option<String>,
    /// Whether the store does not answer.
    pub store_away: bool,
    /// The name by which this node's entries in the store are known.
    pub node: String,
}

/// One certificate that is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedCertificate {
    /// By which listener.
    pub listener: ListenerId,
    /// The file.
    pub file: String,
    /// Its end, where it can be read.
    pub ends: Option<Timestamp>,
}

/// One server behind a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamServer {
    /// The site.
    pub site: SiteId,
    /// Where it is.
    pub server: String,
    /// Whether it gets requests.
    pub standing: UpstreamStanding,
}

/// Whether a server gets requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamStanding {
    /// It does.
    In,
    /// Requests to it failed: out for a while, or asked for want of another.
    Ejected,
    /// Health checks fail.
    Down,
    /// The operator is taking it out.
    Draining,
}
