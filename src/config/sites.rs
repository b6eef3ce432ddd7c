//! `sites`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::HostPattern;
use super::checker::{Checker, Text, all};
use super::host_pattern;
use super::names::Names;
use super::network::RawRule;
use super::organizations::Organization;
use super::path_rules::{self, PathRule, RawPathRule};
use super::tcp::{RawTcpSite, TcpSite};
use super::upstream::{RawUpstream, Upstream};
use crate::identifier::{OrganizationId, PolicyId, ProviderId, SiteId};
use crate::policy::{Authentication, NetworkRule};

/// `sites.*`
#[derive(Debug, Clone)]
pub struct Site {
    /// The name under `sites`.
    pub id: SiteId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// The hosts it answers for; for TCP those that a client may name in TLS, and perhaps none.
    pub hosts: Vec<HostPattern>,
    /// Where its requests go.
    pub upstream: Upstream,
    /// What it is where its servers are `tcp://…` or `tls://…`; none: HTTP.
    pub tcp: Option<TcpSite>,
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
    /// Parts of it that have rules of their own.
    pub paths: Vec<PathRule>,
    /// Whether ACME challenges get in whatever the country is.
    pub acme_challenge: bool,
    /// Whether people sign in here for the organisation's other sites: an identity provider.
    pub sign_in: bool,
    /// How long one address may pass for somebody who signed in from it; none: never.
    pub address_grant: Option<Duration>,
    /// The ways its people can be known: the site's own or the organisation's.
    pub identity_providers: Vec<ProviderId>,
}

impl Site {
    /// Whether the site, or a rule of its paths, is under this policy.
    pub(super) fn names(&self, policy: &PolicyId) -> bool {
        let of_paths = self.paths.iter().filter_map(|rule| rule.policy.as_ref());
        std::iter::once(&self.policy).chain(of_paths).any(|named| named == policy)
    }
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

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSite {
    organization: Option<Text>,
    hosts: Option<Spanned<Vec<Text>>>,
    upstream: Option<Spanned<RawUpstream>>,
    /// Only where the servers are `tcp://…` or `tls://…`.
    tcp: Option<Spanned<RawTcpSite>>,
    /// Default none: the organisation's.
    policy: Option<Text>,
    allow_networks: Option<Vec<Spanned<RawRule>>>,
    /// Default `auto`.
    forward_credentials: Option<Text>,
    /// Default `when_blocked`.
    authentication: Option<Text>,
    /// Default `page`.
    denial: Option<Text>,
    /// Default none.
    paths: Option<Vec<Spanned<RawPathRule>>>,
    /// Default false.
    acme_challenge: Option<Spanned<bool>>,
    /// Default false.
    sign_in: Option<Spanned<bool>>,
    /// Default none.
    address_grant: Option<Text>,
    /// Default none: the organisation's.
    identity_providers: Option<Vec<Text>>,
}

const MINUTE: Duration = Duration::from_secs(60);

/// Which site took a host first.
pub(super) type Hosts = BTreeMap<HostPattern, SiteId>;

impl RawSite {
    pub(super) fn check(
        &self,
        id: SiteId,
        here: Location,
        names: &Names,
        organizations: &BTreeMap<OrganizationId, Arc<Organization>>,
        taken: &mut Hosts,
        check: &mut Checker<'_>,
    ) -> Option<Site> {
        let organization = check
            .required(&self.organization, "organization", here)
            .and_then(|text| names.organizations.mentioned(text, check));
        let owner = organization.as_ref().and_then(|id| organizations.get(id));
        let is_tcp = self.upstream.as_ref().is_some_and(|upstream| upstream.value.is_tcp());
        let hosts = if is_tcp {
            // Each listener has its own: one host is the name of several of a mail server's ports.
            self.hosts
                .as_ref()
                .map_or(Some(Vec::new()), |hosts| self::hosts(&id, hosts, &mut Hosts::new(), check))
        } else {
            self.http_hosts(here, check).and_then(|hosts| self::hosts(&id, hosts, taken, check))
        };
        let tcp = self.tcp(is_tcp, names, check);
        let upstream = check
            .required(&self.upstream, "upstream", here)
            .and_then(|upstream| upstream.value.check(upstream.referenced, check));
        let policy = match &self.policy {
            Some(text) => names.policies.mentioned(text, check),
            None => owner.map(|owner| owner.policy.clone()),
        };
        let allow_networks = check.rules(self.allow_networks.as_ref(), true);
        let forward_credentials = self.forward_credentials(check);
        let authentication = self.authentication(owner.map(AsRef::as_ref), check);
        let styles = [("page", DenialStyle::Page), ("close", DenialStyle::Close)];
        let denial = check.word(self.denial.as_ref(), DenialStyle::Page, &styles);
        let acme_challenge = self.acme_challenge.as_ref().is_some_and(|word| word.value);
        let address_grant = match &self.address_grant {
            Some(text) => check.span(Some(text), MINUTE, MINUTE..=24 * 60 * MINUTE).map(Some),
            None => Some(None),
        };
        let owner = owner.map(AsRef::as_ref);
        let identity_providers = self.providers(names, owner, check);
        let paths = path_rules::check(self.paths.as_ref(), acme_challenge, names, owner, check);
        Some(Site {
            id,
            organization: organization?,
            hosts: hosts?,
            upstream: upstream?,
            tcp: tcp?,
            policy: policy?,
            allow_networks: allow_networks?,
            forward_credentials: forward_credentials?,
            authentication: authentication?,
            denial: denial?,
            paths: paths?,
            acme_challenge,
            sign_in: self.sign_in.as_ref().is_some_and(|word| word.value),
            address_grant: address_grant?,
            identity_providers: identity_providers?,
        })
    }

    /// Where its servers are written, in their order.
    pub(super) fn servers_at(&self) -> impl Iterator<Item = Location> {
        self.upstream.iter().flat_map(|upstream| upstream.value.servers_at())
    }

    /// The hosts, without which no request leads to a site for HTTP. Whoever forgot them may have meant
    /// a site for TCP.
    fn http_hosts(&self, here: Location, check: &mut Checker<'_>) -> Option<&Spanned<Vec<Text>>> {
        if self.hosts.is_none() && self.upstream.is_some() {
            check.refuse(
                here,
                "the key `hosts` is missing here",
                "add `hosts:`; or, for mail programs and other TCP, write the servers as \
                 \"tcp://10.1.0.20:993\"",
            );
            return None;
        }
        check.required(&self.hosts, "hosts", here)
    }

    /// What it is for TCP; nothing that only HTTP has.
    fn tcp(&self, is_tcp: bool, names: &Names, check: &mut Checker<'_>) -> Option<Option<TcpSite>> {
        if !is_tcp {
            if let Some(tcp) = &self.tcp {
                check.refuse(
                    tcp.referenced,
                    "`tcp` has an effect only where the servers are",
                    "write them as \"tcp://10.1.0.20:143\" or \"tls://mail.internal:993\", or remove `tcp`",
                );
                return None;
            }
            return Some(None);
        }
        let asks = |text: &&Text| text.value == "always";
        let texts = [
            ("forward_credentials", self.forward_credentials.as_ref()),
            ("address_grant", self.address_grant.as_ref()),
            ("authentication: always", self.authentication.as_ref().filter(asks)),
        ];
        let words =
            [("acme_challenge", self.acme_challenge.as_ref()), ("sign_in", self.sign_in.as_ref())];
        let first_path = self.paths.as_ref().and_then(|paths| paths.first());
        let mut found: Vec<(&str, Location)> = Vec::new();
        found
            .extend(texts.iter().filter_map(|(key, text)| Some((*key, text.as_ref()?.referenced))));
        found
            .extend(words.iter().filter_map(|(key, word)| Some((*key, word.as_ref()?.referenced))));
        found.extend(first_path.map(|path| ("paths", path.referenced)));
        for (key, at) in &found {
            let says = format!("`{key}` is for HTTP, and the servers here are for TCP");
            check.refuse(*at, says, "remove it; nobody signs in where bytes go on as they come");
        }
        let tcp = match &self.tcp {
            Some(tcp) => tcp.value.check(names, check)?,
            None => TcpSite::default(),
        };
        found.is_empty().then_some(Some(tcp))
    }

    /// A site may take fewer ways than its organisation has, never others: a person belongs to the
    /// organisation.
    fn providers(
        &self,
        names: &Names,
        owner: Option<&Organization>,
        check: &mut Checker<'_>,
    ) -> Option<Vec<ProviderId>> {
        let Some(texts) = &self.identity_providers else {
            return owner.map(|owner| owner.identity_providers.clone());
        };
        all(texts.iter().map(|text| {
            let id = names.providers.mentioned(text, check)?;
            if let Some(owner) = owner.filter(|owner| !owner.identity_providers.contains(&id)) {
                check.refuse(
                    text.referenced,
                    format!("`{id}` is no identity provider of the organisation `{}`", owner.id),
                    "add it to the organisation's `identity_providers`, or take it out here",
                );
                return None;
            }
            Some(id)
        }))
    }

    fn forward_credentials(&self, check: &mut Checker<'_>) -> Option<ForwardCredentials> {
        let words = [
            ("auto", ForwardCredentials::Auto),
            ("always", ForwardCredentials::Always),
            ("never", ForwardCredentials::Never),
        ];
        check.word(self.forward_credentials.as_ref(), ForwardCredentials::Auto, &words)
    }

    fn authentication(
        &self,
        owner: Option<&Organization>,
        check: &mut Checker<'_>,
    ) -> Option<Authentication> {
        let (text, default) = (self.authentication.as_ref(), Authentication::WhenBlocked);
        let authentication = check.word(text, default, &AUTHENTICATION)?;
        somebody_can_sign_in(authentication, text, owner, check).then_some(authentication)
    }
}

/// The words of `authentication`.
pub(super) const AUTHENTICATION: [(&str, Authentication); 3] = [
    ("never", Authentication::Never),
    ("when_blocked", Authentication::WhenBlocked),
    ("always", Authentication::Always),
];

/// Whether anybody can do what `always` asks of everybody; a finding where nobody can.
pub(super) fn somebody_can_sign_in(
    authentication: Authentication,
    text: Option<&Text>,
    owner: Option<&Organization>,
    check: &mut Checker<'_>,
) -> bool {
    if let (Authentication::Always, Some(text), Some(owner)) = (authentication, text, owner)
        && owner.identity_providers.is_empty()
    {
        check.refuse(
            text.referenced,
            format!("nobody can sign in: `{}` has no identity provider", owner.id),
            "add `identity_providers: [local]` to the organisation",
        );
        return false;
    }
    true
}

fn hosts(
    site: &SiteId,
    hosts: &Spanned<Vec<Text>>,
    taken: &mut Hosts,
    check: &mut Checker<'_>,
) -> Option<Vec<HostPattern>> {
    if hosts.value.is_empty() {
        let help =
            "write at least one, as `kilden.example.dk`, or `*` for what no other site takes";
        check.refuse(hosts.referenced, "a site without a host answers for nothing", help);
        return None;
    }
    all(hosts.value.iter().map(|text| {
        let pattern = check.parsed(text, "a host", host_pattern::parse)?;
        if let Some(other) = taken.get(&pattern) {
            let says = format!("`{}` is a host of the site `{other}` already", text.value);
            check.refuse(text.referenced, says, "let one site alone answer for a host");
            return None;
        }
        taken.insert(pattern.clone(), site.clone());
        Some(pattern)
    }))
}
