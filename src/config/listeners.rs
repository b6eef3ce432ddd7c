//! `listeners`

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::binds::Binds;
use super::checker::{Checker, Text, Wrong, all};
use super::denial::{self, ListenerDenial, RawFlood};
use super::host_pattern::{self, HostPattern};
use super::identity::{ClientCertificate, Provider};
use super::names::Names;
use super::network::is_vast;
use super::tcp::{self, TcpRoute};
use crate::client_address::{AddressSource, HeaderSource};
use crate::identifier::{ListenerId, ProviderId};

/// `listeners[]`
#[derive(Debug, Clone)]
pub struct Listener {
    /// For log and metrics.
    pub name: ListenerId,
    /// The addresses it listens on.
    pub bind: Vec<SocketAddr>,
    /// What is spoken there.
    pub protocol: Protocol,
    /// Where connections go; none with `protocol: http`, where each request says it.
    pub tcp: Option<TcpRoute>,
    /// The certificates; none: plain.
    pub tls: Option<Tls>,
    /// Where the client's address comes from.
    pub client_address: AddressSource,
    /// What is done with whom every site rejects.
    pub denial: ListenerDenial,
}

impl Listener {
    /// Whether connections are treated the same: all but the name and the addresses.
    #[must_use]
    pub fn has_the_rules_of(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.tcp == other.tcp
            && self.tls == other.tls
            && self.client_address == other.client_address
            && self.denial == other.denial
    }
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
    /// Which certificates of clients are asked for; none: none.
    pub client_certificates: Option<ClientCertificates>,
}

/// `client_certificates`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The providers whose authorities are asked for.
    pub authorities: Vec<(ProviderId, Arc<ClientCertificate>)>,
    /// Whether a connection without one is refused.
    pub required: bool,
    /// The hosts (SNI) for which they are asked for; none: every host.
    pub hosts: Vec<HostPattern>,
}

/// One certificate chain and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Leaf first.
    pub chain: PathBuf,
    /// PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawListener {
    pub(super) name: Option<Text>,
    bind: Option<Spanned<Vec<Text>>>,
    /// Default `http`.
    protocol: Option<Text>,
    /// With `protocol: tcp`, where `sites` is not.
    site: Option<Text>,
    /// With `protocol: tcp`, where `site` is not.
    sites: Option<Spanned<Vec<Text>>>,
    /// Default none: plain.
    tls: Option<Spanned<RawTls>>,
    client_address: Option<Spanned<RawClientAddress>>,
    /// Default none: as the site says.
    denial: Option<Text>,
    /// Only with `denial: adaptive`.
    flood: Option<Spanned<RawFlood>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTls {
    certificates: Option<Vec<Spanned<RawCertificate>>>,
    /// Default none.
    client_certificates: Option<Spanned<RawClientCertificates>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClientCertificates {
    providers: Option<Vec<Text>>,
    /// Default `optional`.
    mode: Option<Text>,
    /// Default none: every host.
    hosts: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCertificate {
    chain: Option<Text>,
    key: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClientAddress {
    /// Default empty: the peer is the client.
    trusted_proxies: Option<Vec<Text>>,
    /// Default `peer`.
    source: Option<Text>,
}

impl RawListener {
    pub(super) fn check(
        &self,
        here: Location,
        binds: &mut Binds,
        identity: &BTreeMap<ProviderId, Provider>,
        names: &Names,
        check: &mut Checker<'_>,
    ) -> Option<Listener> {
        let name = check.required(&self.name, "name", here).and_then(|text| {
            check.parsed(text, "a name", |value| {
                ListenerId::parse(value).map_err(|error| {
                    Wrong::new(
                        format!("cannot be a name: {error}"),
                        "choose a short lower-case name",
                    )
                })
            })
        });
        let bind = check
            .required(&self.bind, "bind", here)
            .and_then(|addresses| binds.check(addresses, check));
        let words = [("http", Protocol::Http), ("tcp", Protocol::Tcp)];
        let protocol = check.word(self.protocol.as_ref(), Protocol::Http, &words);
        let is_tcp = protocol == Some(Protocol::Tcp);
        let tcp = match protocol {
            Some(_) => {
                tcp::route((self.site.as_ref(), self.sites.as_ref()), is_tcp, here, names, check)
            }
            None => None,
        };
        let tls = match &self.tls {
            Some(tls) if is_tcp && tls.value.refuses_client_certificates(check) => None,
            Some(tls) => tls.value.check(tls.referenced, identity, check).map(Some),
            None => Some(None),
        };
        let client_address = match &self.client_address {
            Some(source) => source
                .value
                .check(source.referenced, check)
                .filter(|s| !is_tcp || self.is_by_connection(s, check)),
            None => Some(AddressSource { trusted_proxies: Vec::new(), source: HeaderSource::Peer }),
        };
        let (denial, flood) = (self.denial.as_ref(), self.flood.as_ref());
        let denial = denial::check(denial, flood, client_address.as_ref(), check);
        if let (Some(bind), Some(None), Some(source)) = (&bind, &tls, &client_address)
            && source.source == HeaderSource::Peer
            && !is_tcp
            && bind.iter().any(|address| !address.ip().is_loopback())
        {
            check.warn(
                self.bind.as_ref().map_or(here, |bind| bind.referenced),
                "clients reach this listener without TLS, so passwords cross the network in the open",
                "add `tls:`, or listen on loopback behind a proxy that ends TLS",
            );
        }
        Some(Listener {
            name: name?,
            bind: bind?,
            protocol: protocol?,
            tcp: tcp?,
            tls: tls?,
            client_address: client_address?,
            denial: denial?,
        })
    }

    /// Where it is said that proxies name clients in a header.
    pub(super) fn by_header_at(&self) -> Option<Location> {
        let source = self.client_address.as_ref()?.value.source.as_ref()?;
        let by_header = ["x_forwarded_for", "forwarded"].contains(&&*source.value);
        by_header.then_some(source.referenced)
    }

    /// Where it is said where connections go.
    pub(super) fn route_at(&self) -> Option<Location> {
        let site = self.site.as_ref().map(|site| site.referenced);
        site.or(self.sites.as_ref().map(|sites| sites.referenced))
    }

    /// What is no HTTP has no headers that could tell an address.
    fn is_by_connection(&self, source: &AddressSource, check: &mut Checker<'_>) -> bool {
        let by_header =
            matches!(source.source, HeaderSource::XForwardedFor | HeaderSource::Forwarded);
        if let (true, Some(raw)) = (by_header, &self.client_address) {
            let at = raw.value.source.as_ref().map_or(raw.referenced, |text| text.referenced);
            check.refuse(
                at,
                "a listener with `protocol: tcp` reads no headers",
                "take `source: proxy_protocol` behind a proxy, else `source: peer`",
            );
        }
        !by_header
    }
}

impl RawTls {
    fn refuses_client_certificates(&self, check: &mut Checker<'_>) -> bool {
        if let Some(asked) = &self.client_certificates {
            check.refuse(
                asked.referenced,
                "listeners with `protocol: tcp` take no certificates of clients in this version",
                "remove it; whoever travels lets their address pass, see `grants_of`",
            );
        }
        self.client_certificates.is_some()
    }

    pub(super) fn check(
        &self,
        here: Location,
        identity: &BTreeMap<ProviderId, Provider>,
        check: &mut Checker<'_>,
    ) -> Option<Tls> {
        let certificates = all(self.certificates.iter().flatten().map(|certificate| {
            let (raw, here) = (&certificate.value, certificate.referenced);
            let chain = check.required(&raw.chain, "chain", here).and_then(|text| check.path(text));
            let key = check.required(&raw.key, "key", here).and_then(|text| check.path(text));
            Some(CertificateFiles { chain: chain?, key: key? })
        }))?;
        if certificates.is_empty() {
            check.refuse(
                here,
                "TLS is asked for without a certificate",
                "write `certificates: [{chain: tls/fullchain.pem, key: tls/key.pem}]`",
            );
            return None;
        }
        let client_certificates = match &self.client_certificates {
            Some(asked) => asked.value.check(asked.referenced, identity, check).map(Some),
            None => Some(None),
        };
        Some(Tls { certificates, client_certificates: client_certificates? })
    }
}

impl RawClientCertificates {
    fn check(
        &self,
        here: Location,
        identity: &BTreeMap<ProviderId, Provider>,
        check: &mut Checker<'_>,
    ) -> Option<ClientCertificates> {
        let named = self.providers.as_deref().unwrap_or_default();
        if named.is_empty() {
            let help =
                "write `providers: [ipads]`, names of kind client_certificate under `identity`";
            check.refuse(here, "no provider is named whose certificates are asked for", help);
            return None;
        }
        let authorities = all(named.iter().map(|text| {
            check.parsed(text, "a provider", |value| {
                let id = ProviderId::parse(value).ok();
                let found = id.and_then(|id| match identity.get(&id) {
                    Some(Provider::ClientCertificate(found)) => Some((id, Arc::clone(found))),
                    _ => None,
                });
                let help = "name a provider of kind client_certificate under `identity`";
                found.ok_or_else(|| Wrong::new("is no provider of client certificates", help))
            })
        }));
        let modes = [("optional", false), ("required", true)];
        let required = check.word(self.mode.as_ref(), false, &modes);
        let hosts = self.hosts.as_deref().unwrap_or_default();
        let hosts = all(hosts.iter().map(|text| check.parsed(text, "a host", host_pattern::parse)));
        Some(ClientCertificates { authorities: authorities?, required: required?, hosts: hosts? })
    }
}

impl RawClientAddress {
    pub(super) fn check(&self, here: Location, check: &mut Checker<'_>) -> Option<AddressSource> {
        let words = [
            ("peer", HeaderSource::Peer),
            ("x_forwarded_for", HeaderSource::XForwardedFor),
            ("forwarded", HeaderSource::Forwarded),
            ("proxy_protocol", HeaderSource::ProxyProtocol),
        ];
        let source = check.word(self.source.as_ref(), HeaderSource::Peer, &words);
        let trusted_proxies = all(self.trusted_proxies.iter().flatten().map(|text| {
            let network = check.network(text)?;
            if is_vast(&network) {
                check.refuse(
                    text.referenced,
                    "this trusts nearly everybody, so anybody could choose his own address",
                    "name the addresses of your proxies",
                );
                return None;
            }
            Some(network)
        }));
        let (source, trusted_proxies) = (source?, trusted_proxies?);
        let at = self.source.as_ref().map_or(here, |text| text.referenced);
        if source != HeaderSource::Peer && trusted_proxies.is_empty() {
            check.refuse(
                at,
                "nobody is trusted to say the client's address",
                "name your proxies in `trusted_proxies`, or take `source: peer`",
            );
            return None;
        }
        if source == HeaderSource::Peer && !trusted_proxies.is_empty() {
            check.warn(
                at,
                "`trusted_proxies` has no effect with `source: peer`; the proxy counts as the client",
                "set `source` to what your proxy sends: x_forwarded_for, forwarded or proxy_protocol",
            );
        }
        Some(AddressSource { trusted_proxies, source })
    }
}
