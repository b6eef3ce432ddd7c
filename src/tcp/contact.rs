//! One connection whose site is known: who may come in, and what the log keeps.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;

use crate::audit::Facts;
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::TcpSite;
use crate::gateway::sites::ProtectedSite;
use crate::gateway::{Gateway, Snapshot};
use crate::geoip::Located;
use crate::identity::{Identity, KnownDevice};
use crate::listen::ConnectionFacts;
use crate::policy::{self, Denial, Permit, Person, Proof, Reason, Subject, Verdict};

/// A connection, before anything is decided.
pub(super) struct Contact<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) connection: &'a ConnectionFacts,
    pub(super) site: Arc<ProtectedSite>,
    /// The host that the client named in TLS.
    pub(super) server_name: Option<String>,
    /// Whether TLS passes through, so that no word of ours could be read.
    pub(super) is_hidden: bool,
    pub(super) client: ClientAddress,
    pub(super) located: Located,
    pub(super) now: Timestamp,
}

/// Somebody who may come in.
pub(super) struct Admitted {
    pub(super) permit: Permit,
    /// For whom the address passes.
    pub(super) identity: Option<Identity>,
}

impl<'a> Contact<'a> {
    pub(super) fn new(
        gateway: &'a Gateway,
        snapshot: Arc<Snapshot>,
        connection: &'a ConnectionFacts,
        site: Arc<ProtectedSite>,
        server_name: Option<String>,
        is_hidden: bool,
    ) -> Self {
        let client = connection.client_address(&HeaderMap::new());
        let located = snapshot.database.locate(&client);
        let now = clock::now();
        Self { gateway, snapshot, connection, site, server_name, is_hidden, client, located, now }
    }

    /// What the site is for TCP.
    pub(super) fn tcp(&self) -> Option<&TcpSite> {
        self.site.site.tcp.as_ref()
    }

    /// The one decision: as whoever has not said who they are, and then as those for whom this
    /// address may pass for a while. Nobody can be asked.
    pub(super) fn admit(&self) -> Result<Admitted, Denial> {
        let reason = match self.decide(None, Proof::NONE) {
            Verdict::Allow(permit) => return Ok(Admitted { permit, identity: None }),
            Verdict::Identify(challenge) => challenge.reason(),
            Verdict::Deny(denial) => denial.reason(),
        };
        // Where nobody would be asked who they are, an address is no answer either.
        if matches!(reason, Reason::CountryListed | Reason::IdentificationNeeded) {
            for identity in self.granted() {
                let device = identity.device().map(KnownDevice::proof);
                let proof = Proof { multi_factor: identity.multi_factor(), device };
                if let Verdict::Allow(permit) = self.decide(Some(identity.person()), proof)
                    && permit.exemption().is_some()
                {
                    return Ok(Admitted { permit, identity: Some(identity) });
                }
            }
        }
        Err(Denial::new(reason))
    }

    fn decide(&self, person: Option<&Person>, proof: Proof<'_>) -> Verdict {
        let (address, location) = (self.client, self.located.location);
        let subject = Subject { address, location, person, proof };
        policy::decide(self.site.policy(), &subject, &self.snapshot.exemptions, self.now)
    }

    /// The people for whom the client's address may pass for a while: granted at the site where they
    /// have signed in.
    fn granted(&self) -> Vec<Identity> {
        let granting = self.tcp().and_then(|tcp| tcp.grants_of.as_ref());
        let (Some(granting), ClientAddress::Known(known)) = (granting, self.client) else {
            return Vec::new();
        };
        let Some(granting) = self.snapshot.sites.by_id(granting) else { return Vec::new() };
        if granting.site.address_grant.is_none() {
            return Vec::new();
        }
        let (id, authenticator) = (&granting.site.id, &self.gateway.authenticator);
        let mut granted = authenticator.granted(id, known.judged(), self.now);
        granted.retain(|identity| {
            let provider = identity.person().provider();
            let takes = |site: &ProtectedSite| site.site.identity_providers.contains(provider);
            takes(granting) && takes(&self.site)
        });
        granted
    }

    /// What the log keeps of it.
    pub(super) fn facts(&self, identity: Option<&Identity>) -> Facts {
        let policy = self.site.policy();
        let mut facts = Facts::new(self.now, self.connection.listener.clone(), self.client);
        facts.location = policy.corrected(self.client, self.located.location, self.now);
        facts.registered_country = self.located.registered_country;
        facts.as_number = self.snapshot.as_number(&self.client);
        facts.site = Some(self.site.site.id.clone());
        facts.organization = Some(self.site.organization.id.clone());
        facts.domain = self.server_name.as_deref().map(Into::into);
        facts.user = identity.map(|identity| identity.user_name().as_str().into());
        facts.person = identity.map(|identity| identity.person().clone());
        facts.list = policy
            .list_version(self.now)
            .map(|version| (policy.list().id().clone(), version.version.as_str().into()));
        facts.mode = Some(policy.mode(self.now));
        facts.database_built = Some(self.snapshot.database.info().built);
        facts
    }
}
