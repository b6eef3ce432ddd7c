//! TCP: `listeners[].site` and `sites`, `sites.*.tcp`, and what the two have to do with each other.

mod login;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::HostPattern;
use super::checker::{Checker, Text, all};
use super::identity::Provider;
use super::listeners::{Listener, RawListener};
use super::names::Names;
use super::organizations::Organization;
use super::sites::Site;
use super::upstream::UpstreamServer;
use crate::identifier::{OrganizationId, ProviderId, SiteId};
use login::LoginSite;

/// `tcp` of a site whose servers are `tcp://…` or `tls://…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpSite {
    /// How it rejects where it is not hidden in TLS what is spoken; none: it closes.
    pub mail: Option<MailProtocol>,
    /// The site whose address grants count here as well; none: nobody can be known here.
    pub grants_of: Option<SiteId>,
    /// Whether the login of a mail program is read and proven where the country is on the list and
    /// somebody with an exemption travels there.
    pub login: bool,
    /// How long somebody may take for that login.
    pub login_timeout: Duration,
    /// How long neither side may say anything.
    pub idle: Duration,
    /// How long a connection may last at most.
    pub lifetime: Duration,
    /// Whether the servers are told the client's address by PROXY protocol version 2.
    pub proxy_protocol: bool,
}

impl TcpSite {
    /// IMAP servers must bear half an hour of silence, and clients in IDLE say something every 29
    /// minutes (RFC 9051 section 5.4, RFC 2177).
    const IDLE: Duration = Duration::from_secs(31 * 60);
    const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
    const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
}

impl Default for TcpSite {
    fn default() -> Self {
        Self {
            mail: None,
            grants_of: None,
            login: false,
            login_timeout: Self::LOGIN_TIMEOUT,
            idle: Self::IDLE,
            lifetime: Self::LIFETIME,
            proxy_protocol: false,
        }
    }
}

/// `mail`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailProtocol {
    /// `imap`
    Imap,
    /// `pop3`
    Pop3,
    /// `smtp`: submission.
    Smtp,
}

/// Where the connections of a listener with `protocol: tcp` go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpRoute {
    /// `site`: all of them there.
    Site(SiteId),
    /// `sites`: to the one of these that answers for the host that the client names in TLS.
    ServerName(Vec<SiteId>),
}

impl TcpRoute {
    /// Every site that a connection may go to.
    #[must_use]
    pub fn sites(&self) -> &[SiteId] {
        match self {
            Self::Site(site) => std::slice::from_ref(site),
            Self::ServerName(sites) => sites,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTcpSite {
    /// Default none.
    mail: Option<Text>,
    /// Default none.
    pub(super) grants_of: Option<Text>,
    /// Default `never`.
    login: Option<Text>,
    /// Default 30s.
    login_timeout: Option<Text>,
    /// Default 31m.
    idle: Option<Text>,
    /// Default 24h.
    lifetime: Option<Text>,
    /// Default `off`.
    proxy_protocol: Option<Text>,
}

impl RawTcpSite {
    pub(super) fn check(&self, names: &Names, check: &mut Checker<'_>) -> Option<TcpSite> {
        let default = TcpSite::default();
        let seconds = Duration::from_secs;
        let words = [
            ("imap", Some(MailProtocol::Imap)),
            ("pop3", Some(MailProtocol::Pop3)),
            ("smtp", Some(MailProtocol::Smtp)),
        ];
        let mail = check.word(self.mail.as_ref(), None, &words);
        let grants_of = match &self.grants_of {
            Some(text) => names.sites.mentioned(text, check).map(Some),
            None => Some(None),
        };
        let words = [("never", false), ("when_blocked", true)];
        let login = check.word(self.login.as_ref(), false, &words);
        let (span, default_span) = (seconds(1)..=seconds(300), default.login_timeout);
        let login_timeout = check.span(self.login_timeout.as_ref(), default_span, span);
        let day = 86_400;
        let idle = check.span(self.idle.as_ref(), default.idle, seconds(1)..=seconds(day));
        let lifetime =
            check.span(self.lifetime.as_ref(), default.lifetime, seconds(1)..=seconds(30 * day));
        let words = [("off", false), ("v2", true)];
        let proxy_protocol = check.word(self.proxy_protocol.as_ref(), false, &words);
        Some(TcpSite {
            mail: mail?,
            grants_of: grants_of?,
            login: login?,
            login_timeout: login_timeout?,
            idle: idle?,
            lifetime: lifetime?,
            proxy_protocol: proxy_protocol?,
        })
    }
}

/// `site` and `sites` of a listener: one of the two with `protocol: tcp`, neither with `http`.
pub(super) fn route(
    (site, sites): (Option<&Text>, Option<&Spanned<Vec<Text>>>),
    is_tcp: bool,
    here: Location,
    names: &Names,
    check: &mut Checker<'_>,
) -> Option<Option<TcpRoute>> {
    match (is_tcp, site, sites) {
        (false, None, None) => Some(None),
        (false, site, sites) => {
            let at = site.map(|site| site.referenced).or(sites.map(|sites| sites.referenced));
            check.refuse(
                at.unwrap_or(here),
                "with `protocol: http` a request's host says which site it is for",
                "remove it, or write `protocol: tcp` for a listener whose bytes go on as they come",
            );
            None
        }
        (true, Some(site), None) => {
            let site = names.sites.mentioned(site, check)?;
            Some(Some(TcpRoute::Site(site)))
        }
        (true, None, Some(sites)) if !sites.value.is_empty() => {
            let sites = all(sites.value.iter().map(|text| names.sites.mentioned(text, check)))?;
            Some(Some(TcpRoute::ServerName(sites)))
        }
        (true, site, sites) => {
            let both = site.is_some() && sites.is_some();
            let says = if both {
                "`site` and `sites` stand beside each other here"
            } else {
                "it is not said where the connections of this listener go"
            };
            check.refuse(
                sites.map_or(here, |sites| sites.referenced),
                says,
                "write `site: NAME` for one site, or `sites: [NAME, …]` to choose by the host that \
                 the client names in TLS (SNI)",
            );
            None
        }
    }
}

/// What is wrong only when listeners and sites are seen together.
pub(super) fn check_together(
    raw: &[Spanned<RawListener>],
    listeners: &[Listener],
    sites: &BTreeMap<SiteId, Arc<Site>>,
    (names, organizations, identity): (
        &Names,
        &BTreeMap<OrganizationId, Arc<Organization>>,
        &BTreeMap<ProviderId, Provider>,
    ),
    check: &mut Checker<'_>,
) {
    for (raw, listener) in raw.iter().zip(listeners) {
        let Some(route) = &listener.tcp else { continue };
        let here = raw.value.route_at().unwrap_or(raw.referenced);
        bound(here, listener, route, sites, check);
        mail(here, listener, route, sites, check);
        tls_in_tls(here, listener, route, sites, check);
    }
    let reached = |id: &SiteId| {
        let routes = listeners.iter().filter_map(|listener| listener.tcp.as_ref());
        routes.flat_map(TcpRoute::sites).any(|named| named == id)
    };
    for (id, here) in names.sites.iter() {
        let Some(site) = sites.get(id) else { continue };
        let Some(tcp) = &site.tcp else { continue };
        let owner = organizations.get(&site.organization).map(AsRef::as_ref);
        LoginSite { id, site, owner, here }.check(identity, listeners, check);
        if !reached(id) {
            check.warn(
                here,
                format!("no listener leads to the site `{id}`, whose servers are tcp://"),
                format!(
                    "name it at a listener: `protocol: tcp` and `site: {id}`; or, for a website, \
                     write its servers as \"http://10.1.0.10:8080\""
                ),
            );
        }
        if let Some(granting) = &tcp.grants_of
            && !sites.get(granting).is_some_and(|other| grants(other, site))
        {
            check.refuse(
                here,
                format!(
                    "`grants_of` of `{id}` names `{granting}`, where no address is granted for it"
                ),
                "name a site of the same organisation that people sign in to, and give that site \
                 `address_grant: 12h`",
            );
        }
    }
}

fn grants(granting: &Site, site: &Site) -> bool {
    granting.address_grant.is_some() && granting.organization == site.organization
}

/// The sites that are named are TCP sites, and it is clear which one a host means.
fn bound(
    here: Location,
    listener: &Listener,
    route: &TcpRoute,
    sites: &BTreeMap<SiteId, Arc<Site>>,
    check: &mut Checker<'_>,
) {
    let mut taken: BTreeMap<&HostPattern, &SiteId> = BTreeMap::new();
    for site in route.sites().iter().filter_map(|id| sites.get(id)) {
        if site.tcp.is_none() {
            check.refuse(
                here,
                format!(
                    "`{}` is a site for HTTP, and `{}` is a listener for TCP",
                    site.id, listener.name
                ),
                "write its `upstream.servers` as \"tcp://10.1.0.20:143\" or \"tls://mail.internal:993\"; \
                 or name another site here; or, for HTTP, let the listener have `protocol: http` and \
                 no `site`",
            );
        }
        let TcpRoute::ServerName(_) = route else { continue };
        if site.hosts.is_empty() {
            check.refuse(
                here,
                format!("`{}` has no `hosts`, so no host that a client names leads there", site.id),
                "give the site `hosts`, with `*` for every client that names none of the others; \
                 or name it alone as `site`",
            );
        }
        for host in &site.hosts {
            if let Some(other) = taken.insert(host, &site.id) {
                check.refuse(
                    here,
                    format!("`{host}` is a host of `{other}` and of `{}`", site.id),
                    "let one site of a listener alone answer for a host",
                );
            }
        }
    }
}

/// What `mail` cannot do here, and the port that is not for this.
fn mail(
    here: Location,
    listener: &Listener,
    route: &TcpRoute,
    sites: &BTreeMap<SiteId, Arc<Site>>,
    check: &mut Checker<'_>,
) {
    let on = |ports: &[u16]| listener.bind.iter().any(|bind| ports.contains(&bind.port()));
    let named = || route.sites().iter().filter_map(|id| sites.get(id));
    let leads_to_25 = named()
        .any(|site| site.upstream.servers.iter().any(|server| server.url.port_u16() == Some(25)));
    if on(&[25]) || leads_to_25 {
        check.warn(
            here,
            "mail between servers (SMTP on port 25) is not for a list of countries: mail from there \
             would be lost, and senders would not be told why",
            "let port 25 reach the mail server by another way; people send by 465 and 587",
        );
    }
    if listener.tls.is_some() {
        for (open, from_the_start) in [(587, 465), (143, 993), (110, 995)] {
            if on(&[open]) {
                check.warn(
                    here,
                    format!(
                        "`{}` begins with TLS on port {open}, where mail programs begin in the open \
                         (STARTTLS), so they do not get in",
                        listener.name
                    ),
                    format!(
                        "listen on port {from_the_start}, where TLS comes first; or remove `tls`, and \
                         STARTTLS goes on to the mail server"
                    ),
                );
            }
        }
    }
    if passes_tls(listener, route)
        && let Some(site) = named().find(|site| site.tcp.as_ref().is_some_and(|t| t.mail.is_some()))
    {
        check.warn(
            here,
            format!("`mail` of `{}` has no use here: TLS passes through this listener", site.id),
            "give the listener `tls`, so that whoever is rejected is told so; or remove `mail`, and \
             their connections are closed",
        );
    }
}

/// Whether TLS goes through this listener as it comes.
fn passes_tls(listener: &Listener, route: &TcpRoute) -> bool {
    let begins_with_tls = |bind: &SocketAddr| matches!(bind.port(), 465 | 636 | 993 | 995);
    let passes = match route {
        TcpRoute::ServerName(_) => true,
        TcpRoute::Site(_) => listener.bind.iter().any(begins_with_tls),
    };
    listener.tls.is_none() && passes
}

/// Servers that would get the client's TLS inside of ours, and understand neither.
fn tls_in_tls(
    here: Location,
    listener: &Listener,
    route: &TcpRoute,
    sites: &BTreeMap<SiteId, Arc<Site>>,
    check: &mut Checker<'_>,
) {
    let mut named = route.sites().iter().filter_map(|id| sites.get(id));
    let secure = |site: &&Arc<Site>| site.upstream.servers.iter().any(UpstreamServer::is_secure);
    if passes_tls(listener, route)
        && let Some(site) = named.find(secure)
    {
        check.warn(
            here,
            format!(
                "TLS passes through `{}`, and goes to the servers of `{}` inside of another TLS",
                listener.name, site.id
            ),
            "give the listener `tls`, so that it ends there; or write the servers with tcp://",
        );
    }
}
