//! `sites.*.upstream`: the servers behind a site, and how they are spoken to.

mod server;
mod watching;

use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;
use http::uri::Authority;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use serde_yaml::{Location, Spanned};

pub use server::UpstreamServer;
pub use watching::{Connections, Ejection, HealthCheck, Retries};

use super::CertificateFiles;
use super::checker::{Checker, Text, Wrong};
use server::RawServer;
use watching::{RawConnections, RawEjection, RawHealthCheck, RawRetries};

/// `upstream`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Where the requests go.
    pub servers: Vec<UpstreamServer>,
    /// Whether a client connection keeps one upstream connection.
    pub affinity: Affinity,
    /// Which HTTP the servers are spoken to in.
    pub protocol: UpstreamProtocol,
    /// Which Host the servers read.
    pub host: UpstreamHost,
    /// TLS to the servers whose URL says https or tls.
    pub tls: UpstreamTls,
    /// How long they may take.
    pub timeouts: UpstreamTimeouts,
    /// How much one server is given at a time.
    pub connections: Connections,
    /// How much may be asked again.
    pub retries: Retries,
    /// What follows when requests fail.
    pub ejection: Ejection,
    /// So long a server that comes back has less than its share.
    pub slow_start: Duration,
    /// What is asked to know how a server is. None: only requests tell.
    pub health: Option<HealthCheck>,
    /// How often names are resolved anew.
    pub resolve_every: Duration,
}

/// `affinity`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// `none`
    None,
    /// `connection`
    Connection,
}

/// `protocol`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamProtocol {
    /// `auto`: what TLS agrees on (ALPN), HTTP/1.1 without TLS.
    Auto,
    /// `http1`
    Http1,
    /// `http2`: without TLS with prior knowledge.
    Http2,
}

/// `host`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamHost {
    /// `preserve`: what the client asked for.
    Preserve,
    /// `upstream`: the server's own, as its URL says.
    Upstream,
    /// This one.
    Literal(HeaderValue),
}

/// `tls`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The authority that the servers' certificates come from. None: those of the operating system.
    pub ca: Option<PathBuf>,
    /// The certificate that the gateway shows.
    pub certificate: Option<CertificateFiles>,
    /// The name to ask for and to find in the certificate. None: the URL's host.
    pub server_name: Option<ServerName<'static>>,
}

/// `timeouts`; what is left out stands under `limits`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpstreamTimeouts {
    /// To accept a connection.
    pub connect: Option<Duration>,
    /// From the request to the head of the answer.
    pub response: Option<Duration>,
    /// How long an unused connection is kept.
    pub idle: Option<Duration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUpstream {
    servers: Option<Spanned<Vec<Spanned<RawServer>>>>,
    /// Default `none`.
    affinity: Option<Text>,
    /// Default `auto`.
    protocol: Option<Text>,
    /// Default `preserve`.
    host: Option<Text>,
    tls: Option<Spanned<RawTls>>,
    #[serde(default)]
    timeouts: RawTimeouts,
    #[serde(default)]
    connections: RawConnections,
    #[serde(default)]
    retries: RawRetries,
    #[serde(default)]
    ejection: RawEjection,
    /// Default 30s.
    slow_start: Option<Text>,
    /// Default none: only requests tell how a server is.
    health: Option<Spanned<RawHealthCheck>>,
    /// Default 30s.
    resolve_every: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTls {
    ca: Option<Text>,
    certificate: Option<Text>,
    key: Option<Text>,
    server_name: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawTimeouts {
    connect: Option<Text>,
    response: Option<Text>,
    idle: Option<Text>,
}

impl RawUpstream {
    pub(super) fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<Upstream> {
        let servers = check
            .required(&self.servers, "servers", here)
            .and_then(|servers| server::check_all(servers, check));
        if self.is_tcp() {
            self.refuse_http(check);
        }
        let protocols = [
            ("auto", UpstreamProtocol::Auto),
            ("http1", UpstreamProtocol::Http1),
            ("http2", UpstreamProtocol::Http2),
        ];
        let protocol = check.word(self.protocol.as_ref(), UpstreamProtocol::Auto, &protocols);
        let affinity = self.affinity(protocol, check);
        let host = match &self.host {
            Some(text) => check.parsed(text, "a host", host),
            None => Some(UpstreamHost::Preserve),
        };
        let tls = self.tls(servers.as_deref(), check);
        let timeouts = self.timeouts.check(check);
        let connections = self.connections.check(check);
        let retries = self.retries.check(check);
        let ejection = self.ejection.check(check);
        let seconds = Duration::from_secs;
        let slow_start =
            check.span(self.slow_start.as_ref(), seconds(30), Duration::ZERO..=seconds(3600));
        let health = match &self.health {
            Some(health) => health.value.check(health.referenced, check).map(Some),
            None => Some(None),
        };
        let resolve_every =
            check.span(self.resolve_every.as_ref(), seconds(30), seconds(1)..=seconds(86_400));
        Some(Upstream {
            servers: servers?,
            affinity: affinity?,
            protocol: protocol?,
            host: host?,
            tls: tls?,
            timeouts: timeouts?,
            connections: connections?,
            retries: retries?,
            ejection: ejection?,
            slow_start: slow_start?,
            health: health?,
            resolve_every: resolve_every?,
        })
    }

    /// Where the servers are written, in their order.
    pub(super) fn servers_at(&self) -> impl Iterator<Item = Location> {
        self.servers.iter().flat_map(|servers| &servers.value).map(|server| server.referenced)
    }

    /// Whether the first server is written as one for TCP.
    pub(super) fn is_tcp(&self) -> bool {
        let first = self.servers.as_ref().and_then(|servers| servers.value.first());
        first.is_some_and(|server| server.value.is_tcp())
    }

    /// What has no meaning where bytes go on as they come.
    fn refuse_http(&self, check: &mut Checker<'_>) {
        let texts = [
            ("affinity", self.affinity.as_ref()),
            ("protocol", self.protocol.as_ref()),
            ("host", self.host.as_ref()),
            ("timeouts.response", self.timeouts.response.as_ref()),
            ("timeouts.idle", self.timeouts.idle.as_ref()),
        ];
        let texts = texts.iter().filter_map(|(key, text)| Some((*key, text.as_ref()?.referenced)));
        let health = self.health.as_ref().map(|health| ("health", health.referenced));
        for (key, at) in texts.chain(health) {
            let says = format!("`{key}` is for HTTP, and the servers here are for TCP");
            let help = match key {
                "timeouts.idle" => "remove it; `tcp: {idle: 31m}` of the site is what counts",
                _ => "remove it",
            };
            check.refuse(at, says, help);
        }
    }

    fn affinity(
        &self,
        protocol: Option<UpstreamProtocol>,
        check: &mut Checker<'_>,
    ) -> Option<Affinity> {
        let words = [("none", Affinity::None), ("connection", Affinity::Connection)];
        let affinity = check.word(self.affinity.as_ref(), Affinity::None, &words)?;
        if let (Affinity::Connection, Some(UpstreamProtocol::Http2), Some(text)) =
            (affinity, protocol, &self.protocol)
        {
            check.refuse(
                text.referenced,
                "`affinity: connection` goes over HTTP/1.1 alone, and `protocol` says http2",
                "remove `protocol`, or write http1",
            );
            return None;
        }
        Some(affinity)
    }

    fn tls(
        &self,
        servers: Option<&[UpstreamServer]>,
        check: &mut Checker<'_>,
    ) -> Option<UpstreamTls> {
        let Some(tls) = &self.tls else { return Some(UpstreamTls::default()) };
        if servers.is_some_and(|servers| !servers.iter().any(UpstreamServer::is_secure)) {
            let (word, help) = if self.is_tcp() {
                ("tls", "write the URLs with tls://, or remove `tls`")
            } else {
                ("https", "write the URLs with https://, or remove `tls`")
            };
            let says = format!("no server's URL says {word}, so TLS would not be spoken to any");
            check.refuse(tls.referenced, says, help);
            return None;
        }
        tls.value.check(tls.referenced, check)
    }
}

impl RawTls {
    fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<UpstreamTls> {
        let ca = match &self.ca {
            Some(text) => check.path(text).map(Some),
            None => Some(None),
        };
        let certificate = match (&self.certificate, &self.key) {
            (Some(chain), Some(key)) => match (check.path(chain), check.path(key)) {
                (Some(chain), Some(key)) => Some(Some(CertificateFiles { chain, key })),
                _ => None,
            },
            (None, None) => Some(None),
            (certificate, _) => {
                let missing = if certificate.is_some() { "key" } else { "certificate" };
                check.refuse(
                    here,
                    format!("the key `{missing}` is missing here"),
                    "name both `certificate` and `key`, or neither",
                );
                None
            }
        };
        let server_name = match &self.server_name {
            Some(text) => check.parsed(text, "a host", server_name).map(Some),
            None => Some(None),
        };
        Some(UpstreamTls { ca: ca?, certificate: certificate?, server_name: server_name? })
    }
}

impl RawTimeouts {
    fn check(&self, check: &mut Checker<'_>) -> Option<UpstreamTimeouts> {
        let mut span = |text: &Option<Text>, most| match text {
            Some(text) => {
                let bounds = Duration::from_millis(100)..=Duration::from_secs(most);
                check.span(Some(text), Duration::ZERO, bounds).map(Some)
            }
            None => Some(None),
        };
        let connect = span(&self.connect, 120);
        let response = span(&self.response, 7200);
        let idle = span(&self.idle, 3600);
        Some(UpstreamTimeouts { connect: connect?, response: response?, idle: idle? })
    }
}

fn host(text: &str) -> Result<UpstreamHost, Wrong> {
    let wrong = || {
        Wrong::new(
            "is not a host",
            "write `preserve`, `upstream`, or a host as `intranet.internal`",
        )
    };
    match text {
        "preserve" => Ok(UpstreamHost::Preserve),
        "upstream" => Ok(UpstreamHost::Upstream),
        literal => {
            let authority: Authority = literal.parse().map_err(|_| wrong())?;
            if authority.as_str().contains('@') || authority.host().is_empty() {
                return Err(wrong());
            }
            HeaderValue::from_str(literal).map(UpstreamHost::Literal).map_err(|_| wrong())
        }
    }
}

fn server_name(text: &str) -> Result<ServerName<'static>, Wrong> {
    ServerName::try_from(text.to_owned())
        .map_err(|_| Wrong::new("is not a host", "write a name as `intranet.internal`"))
}

#[cfg(test)]
mod tests;
