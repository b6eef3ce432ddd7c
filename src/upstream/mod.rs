//! The servers behind the gateway: which one gets a request, over which connection, and what
//! follows when it does not answer.
//!
//! A request goes [`Servers::send`] → `balance` → `Server::ask` → `pool` or `connect` →
//! `Connection::send`; the answer comes back as a [`Body`] that holds its [`Lease`]. `health`,
//! `budget` and `balance` are pure.
//!
//! May use hyper's client connections, `config` and the request's body. Always holds: a request ends
//! in an answer's head or in an [`UpstreamError`] within the time limits; every connection has a task
//! that `lifecycle::Tasks` owns; a server that stays in the configuration keeps its connections, its
//! health and its counts across a reload, and one that goes finishes what it has; a connection over
//! which somebody may have logged in (NTLM, Negotiate) is in a [`Bond`] with one client's connection
//! and never in a pool.

mod balance;
mod body;
mod bond;
mod bound;
mod budget;
mod connect;
mod connection;
mod error;
mod health;
mod login;
mod metrics;
mod patience;
mod pool;
mod race;
mod resolve;
mod server;
mod servers;
mod stream;
mod tcp;
mod tls;
mod watch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use rustls::pki_types::ServerName;
use tokio_util::sync::CancellationToken;

pub use body::{Body, Lease};
pub use bond::{Bond, Owner};
pub use error::{ConnectError, UpstreamError};
pub(crate) use login::belongs_to_connection;
pub use servers::Servers;
pub use stream::Stream;
pub use tcp::Connected;
pub use tls::TlsError;
pub(crate) use tls::{client_config, trusting};

use crate::config::{Config, HostPattern, Limits, Site, Upstream};
use crate::identifier::SiteId;
use crate::lifecycle::Tasks;
use connect::Origin;
use resolve::Addresses;
use server::{Rules, Server};
use servers::{Member, Settings};
use tls::{ClientTls, SystemTrust};
use watch::Watched;

/// The body that goes up: the client's, streamed.
pub type RequestBody = crate::gateway::body::RequestBody;

/// The body of an upstream's answer.
pub type AnswerBody = Body;

/// How long an upstream may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To accept a connection.
    pub connect: Duration,
    /// From the request's head to the answer's head.
    pub response: Duration,
    /// How long an unused connection is kept.
    pub idle: Duration,
}

impl Timeouts {
    /// The site's own, and the machine's where it has none.
    fn of(upstream: &Upstream, limits: &Limits) -> Self {
        let own = &upstream.timeouts;
        Self {
            connect: own.connect.unwrap_or(limits.upstream_connect_timeout),
            response: own.response.unwrap_or(limits.upstream_response_timeout),
            idle: own.idle.unwrap_or(limits.idle_timeout),
        }
    }
}

/// A site's upstream that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the upstream of the site `{site}` cannot be used")]
pub struct PrepareError {
    /// The site.
    pub site: SiteId,
    /// What is wrong.
    #[source]
    pub source: Box<TlsError>,
}

/// The servers of all sites; clones share them.
#[derive(Debug, Clone)]
pub struct Upstreams {
    tasks: Tasks,
    current: Arc<Mutex<InUse>>,
}

#[derive(Debug, Default)]
struct InUse {
    sites: BTreeMap<SiteId, Arc<Servers>>,
    watched: CancellationToken,
}

/// The servers of a configuration that is not in effect yet.
#[derive(Debug, Default)]
pub struct Prepared {
    sites: BTreeMap<SiteId, Arc<Servers>>,
    watched: BTreeMap<SiteId, Watched>,
}

impl Prepared {
    /// Sites without servers, for whoever looks at decisions and forwards nothing.
    #[must_use]
    pub fn unserved(config: &Config) -> Self {
        let servers = |site: &Arc<Site>| {
            Arc::new(Servers::new(Vec::new(), settings(&site.upstream, &config.limits)))
        };
        let sites = config.sites.iter().map(|(id, site)| (id.clone(), servers(site))).collect();
        Self { sites, watched: BTreeMap::new() }
    }

    /// The servers of a site.
    #[must_use]
    pub fn site(&self, id: &SiteId) -> Option<Arc<Servers>> {
        self.sites.get(id).map(Arc::clone)
    }
}

impl Upstreams {
    /// Nothing yet: [`Upstreams::prepare`] and [`Upstreams::take`] bring servers.
    #[must_use]
    pub fn new(tasks: Tasks) -> Self {
        Self { tasks, current: Arc::default() }
    }

    /// Reads what the sites' upstreams need, without putting anything in effect. Servers that are in
    /// use and stay are the same ones afterwards.
    ///
    /// # Errors
    /// [`PrepareError`] for the first site whose certificates cannot be used.
    pub fn prepare(&self, config: &Config) -> Result<Prepared, PrepareError> {
        let system = SystemTrust::default();
        let mut prepared = Prepared::default();
        for (id, site) in &config.sites {
            let servers = self
                .site(site, &config.limits, &system)
                .map_err(|source| PrepareError { site: id.clone(), source: Box::new(source) })?;
            prepared.sites.insert(id.clone(), Arc::new(servers));
            prepared.watched.insert(id.clone(), watched(site));
        }
        Ok(prepared)
    }

    /// Puts servers in effect: those that are new are watched from now on, those that are gone take
    /// nothing new.
    pub fn take(&self, prepared: &Prepared) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let next = InUse { sites: prepared.sites.clone(), watched: CancellationToken::new() };
        let before = std::mem::replace(&mut *current, next);
        before.watched.cancel();
        for (id, servers) in &prepared.sites {
            for member in &servers.members {
                metrics::start_at_zero(&member.server);
            }
            if let Some(watched) = prepared.watched.get(id) {
                watch::spawn(&self.tasks, servers, watched, &current.watched);
            }
        }
        let stays = |server: &Arc<Server>| {
            let mut members = prepared.sites.values().flat_map(|servers| &servers.members);
            members.any(|member| Arc::ptr_eq(&member.server, server))
        };
        for member in before.sites.values().flat_map(|servers| &servers.members) {
            if !stays(&member.server) {
                member.server.retire();
                metrics::forget(&member.server);
            }
        }
    }

    fn site(
        &self,
        site: &Site,
        limits: &Limits,
        system: &SystemTrust,
    ) -> Result<Servers, TlsError> {
        let upstream = &site.upstream;
        let tls = if upstream.servers.iter().any(crate::config::UpstreamServer::is_secure) {
            Some(Arc::new(tls::load(&upstream.tls, upstream.protocol, system)?))
        } else {
            None
        };
        let members = upstream.servers.iter().map(|configured| {
            let tls = tls.as_ref().filter(|_| configured.is_secure());
            Ok(Member {
                server: self.server(site, limits, &configured.url, tls)?,
                weight: configured.weight,
                drain: configured.drain,
            })
        });
        let members = members.collect::<Result<_, TlsError>>()?;
        Ok(Servers::new(members, settings(upstream, limits)))
    }

    /// The server in use that is reached in the same way, or a new one.
    fn server(
        &self,
        site: &Site,
        limits: &Limits,
        url: &Uri,
        tls: Option<&Arc<ClientTls>>,
    ) -> Result<Arc<Server>, TlsError> {
        let origin = self.origin(&site.upstream, limits, url, tls)?;
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = current.sites.get(&site.id);
        let same = in_use
            .and_then(|servers| servers.members.iter().find(|m| m.server.origin.is_like(&origin)));
        match same {
            Some(member) => Ok(Arc::clone(&member.server)),
            None => Ok(Arc::new(Server::new(site.id.clone(), origin))),
        }
    }

    fn origin(
        &self,
        upstream: &Upstream,
        limits: &Limits,
        url: &Uri,
        tls: Option<&Arc<ClientTls>>,
    ) -> Result<Origin, TlsError> {
        let scheme = url.scheme().cloned().unwrap_or(Scheme::HTTP);
        let authority = url.authority().map_or("", |authority| authority.as_str());
        let host = url.host().unwrap_or_default();
        let tls = match tls {
            Some(tls) => Some((Arc::clone(tls), server_name(upstream, bare_host(url))?)),
            None => None,
        };
        Ok(Origin {
            name: Arc::from(format!("{scheme}://{authority}")),
            host: HeaderValue::from_str(authority).unwrap_or(HeaderValue::from_static("")),
            scheme,
            addresses: Addresses::new(host, connect::port(url)),
            protocol: upstream.protocol,
            header_lines: limits.upstream_header_lines,
            tls,
            open: Arc::default(),
            tasks: self.tasks.clone(),
        })
    }
}

fn bare_host(url: &Uri) -> &str {
    url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
}

/// The name that a server's certificate has to have.
fn server_name(upstream: &Upstream, host: &str) -> Result<ServerName<'static>, TlsError> {
    if let Some(name) = &upstream.tls.server_name {
        return Ok(name.clone());
    }
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name(host.to_owned()))
}

impl Origin {
    /// Whether a connection to the one is as good as one to the other.
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name
            && self.protocol == other.protocol
            && self.header_lines == other.header_lines
            && self.tls == other.tls
    }
}

fn settings(upstream: &Upstream, limits: &Limits) -> Settings {
    Settings {
        rules: Rules {
            timeouts: Timeouts::of(upstream, limits),
            connections: upstream.connections,
            host: upstream.host.clone(),
        },
        retries: upstream.retries,
        ejection: upstream.ejection,
        slow_start: upstream.slow_start,
    }
}

fn watched(site: &Site) -> Watched {
    let site_host = site.hosts.iter().find_map(|host| match host {
        HostPattern::Exact(host) => Some(host.clone()),
        HostPattern::Suffix(_) | HostPattern::Any => None,
    });
    Watched {
        check: site.upstream.health.clone(),
        host: site.upstream.host.clone(),
        site_host,
        resolve_every: site.upstream.resolve_every,
    }
}

/// Whether the certificates that a site's upstream names can be used; for `check`.
///
/// # Errors
/// What is wrong with them.
pub fn examine(upstream: &Upstream) -> Result<(), TlsError> {
    if upstream.servers.iter().any(crate::config::UpstreamServer::is_secure) {
        tls::load(&upstream.tls, upstream.protocol, &SystemTrust::default())?;
        for server in upstream.servers.iter().filter(|server| server.is_secure()) {
            server_name(upstream, bare_host(&server.url))?;
        }
    }
    Ok(())
}
