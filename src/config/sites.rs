//! `sites`

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::{Location, Spanned};

use super::HostPattern;
use super::checker::{Checker, Text, all};
use super::host_pattern;
use super::names::Names;
use super::network::RawRule;
use super::organizations::Organization;
use super::path_rules::{self, PathRule, RawPathRule};
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
    /// Parts of it that have rules of their own.
    pub paths: Vec<PathRule>,
    /// Whether ACME challenges get in whatever the country is.
    pub acme_challenge: bool,
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
    /// Default none: the organisation's.
    identity_providers: Option<Vec<Text>>,
}

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
        let hosts = check
            .required(&self.hosts, "hosts", here)
            .and_then(|hosts| self::hosts(&id, hosts, taken, check));
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
        let owner = owner.map(AsRef::as_ref);
        let identity_providers = self.providers(names, owner, check);
        let paths = path_rules::check(self.paths.as_ref(), acme_challenge, names, owner, check);
        Some(Site {
            id,
            organization: organization?,
            hosts: hosts?,
            upstream: upstream?,
            policy: policy?,
            allow_networks: allow_networks?,
            forward_credentials: forward_credentials?,
            authentication: authentication?,
            denial: denial?,
            paths: paths?,
            acme_challenge,
            identity_providers: identity_providers?,
        })
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
