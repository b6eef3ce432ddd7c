//! What `login` of a site for TCP needs to have an effect.

use std::collections::BTreeMap;

use serde_yaml::Location;

use super::TcpRoute;
use crate::config::checker::Checker;
use crate::config::identity::Provider;
use crate::config::listeners::Listener;
use crate::config::{Organization, Site};
use crate::identifier::{ProviderId, SiteId};
use crate::policy::Authentication;

/// A site whose login may be read.
pub(super) struct LoginSite<'a> {
    pub(super) id: &'a SiteId,
    pub(super) site: &'a Site,
    pub(super) owner: Option<&'a Organization>,
    pub(super) here: Location,
}

impl LoginSite<'_> {
    pub(super) fn check(
        &self,
        identity: &BTreeMap<ProviderId, Provider>,
        listeners: &[Listener],
        check: &mut Checker<'_>,
    ) {
        let Some(tcp) = self.site.tcp.as_ref().filter(|tcp| tcp.login) else { return };
        let Self { id, owner, here, .. } = *self;
        if tcp.mail.is_none() {
            check.refuse(
                here,
                format!("`login` of `{id}` cannot be read: it is not said what is spoken there"),
                "add `mail: imap`, `pop3` or `smtp`, or remove `login`",
            );
        }
        if self.site.authentication == Authentication::Never {
            check.refuse(
                here,
                format!("`{id}` never asks who somebody is, so its `login` opens to nobody"),
                "remove `authentication: never`, or remove `login`",
            );
        }
        if let Some(owner) = owner.filter(|owner| !owner.travel_exemptions.enabled) {
            check.warn(
                here,
                format!(
                    "`login` of `{id}` opens to nobody: `{}` has not switched travel exemptions on",
                    owner.id
                ),
                "write `travel_exemptions: {enabled: true, decision: \"CASE NUMBER\"}` under the \
                 organisation, or remove `login`",
            );
        }
        self.check_providers(identity, check);
        let leads = |listener: &&Listener| {
            listener.tls.is_none()
                && listener.tcp.as_ref().map_or(&[][..], TcpRoute::sites).contains(id)
        };
        for listener in listeners.iter().filter(leads) {
            check.warn(
                here,
                format!(
                    "`login` of `{id}` has no effect at the listener `{}`: TLS does not end there",
                    listener.name
                ),
                "give the listener `tls`: nobody's password is asked for where others can read it",
            );
        }
    }

    /// Whether anybody can be proven, and who learns the password then.
    fn check_providers(&self, identity: &BTreeMap<ProviderId, Provider>, check: &mut Checker<'_>) {
        let Self { id, here, site, .. } = *self;
        let taken = || site.identity_providers.iter().filter_map(|id| identity.get(id));
        let proves = |one: &Provider| one.proves_passwords() || matches!(one, Provider::Bearer(_));
        // One that could not be read, or not yet, may be such a one.
        let known = |id: &ProviderId| identity.contains_key(id);
        if !taken().any(proves) && site.identity_providers.iter().all(known) {
            check.refuse(
                here,
                format!("nobody can sign in by `login` at `{id}`: none of its identity providers proves a password or a token that a mail program brings"),
                "add one of the kind ldap, local or bearer to the organisation's `identity_providers`",
            );
        }
        if taken().any(|one| matches!(one, Provider::Local(_))) {
            check.note(
                here,
                format!("by `login` at `{id}` the password of a local account goes on to the mail server, which must know the same one"),
                "name the directory that the mail server asks as the site's `identity_providers`, where there is one",
            );
        }
    }
}
