//! One connection whose site is known: who may come in, and what the log keeps.

use std::sync::Arc;

use http::HeaderMap;
use jiff::Timestamp;

use crate::audit::Facts;
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::TcpSite;
use crate::gateway::sites::ProtectedSite;
use crate::gateway::{Gateway, LetInBy, Snapshot};
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
    /// The site is not there any more.
    is_gone: bool,
}

/// Somebody who may come in.
pub(super) struct Admitted {
    pub(super) permit: Permit,
    /// For whom the address passes, or who has signed in.
    pub(super) identity: Option<Identity>,
    /// The rule that this stands by.
    pub(super) by: LetInBy,
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
        Self {
            gateway,
            snapshot,
            connection,
            site,
            server_name,
            is_hidden,
            client,
            located,
            now,
            is_gone: false,
        }
    }

    /// What the site is for TCP.
    pub(super) fn tcp(&self) -> Option<&TcpSite> {
        self.site.site.tcp.as_ref()
    }

    /// The one decision: as whoever has not said who they are, and then as those for whom this
    /// address may pass for a while.
    pub(super) fn admit(&self) -> Result<Admitted, Denial> {
        let reason = match self.decide(None, Proof::NONE) {
            Verdict::Allow(permit) => {
                return Ok(Admitted { permit, identity: None, by: LetInBy::Address });
            }
            Verdict::Identify(challenge) => challenge.reason(),
            Verdict::Deny(denial) => denial.reason(),
        };
        // Where nobody would be asked who they are, an address is no answer either.
        if matches!(reason, Reason::CountryListed | Reason::IdentificationNeeded) {
            for (identity, by) in self.granted() {
                if let Some(permit) = self.permit_of(&identity) {
                    return Ok(Admitted { permit, identity: Some(identity), by });
                }
            }
        }
        Err(Denial::new(reason))
    }

    /// What an exemption lets this person have, who has been proven.
    fn permit_of(&self, identity: &Identity) -> Option<Permit> {
        let device = identity.device().map(KnownDevice::proof);
        let proof = Proof { multi_factor: identity.multi_factor(), device };
        match self.decide(Some(identity.person()), proof) {
            Verdict::Allow(permit) => permit.exemption().is_some().then_some(permit),
            Verdict::Identify(_) | Verdict::Deny(_) => None,
        }
    }

    /// Whether whoever is rejected so can say here who they are: the policy asks for that, which it
    /// does only while somebody travels, and nobody between us and them can listen.
    pub(super) fn hears_logins(&self, denied: &Denial) -> bool {
        denied.reason() == Reason::IdentificationNeeded
            && self.connection.tls.is_some()
            && self.tcp().is_some_and(|tcp| tcp.login && tcp.mail.is_some())
    }

    /// Whether this person's exemption would open, were they proven so.
    pub(super) fn would_admit(&self, person: &Person, proof: Proof<'_>) -> bool {
        let takes = self.site.site.identity_providers.contains(person.provider());
        takes
            && matches!(self.decide(Some(person), proof), Verdict::Allow(permit)
                if permit.exemption().is_some())
    }

    /// Somebody who has been proven here a moment ago, as things are now.
    pub(super) fn admit_proven(&self, identity: Identity) -> Option<Admitted> {
        let still = self.gateway.authenticator.still_counts(&identity, self.now);
        let takes = self.site.site.identity_providers.contains(identity.person().provider());
        let hears = self.tcp().is_some_and(|tcp| tcp.login);
        let permit = self.permit_of(&identity).filter(|_| still && takes && hears)?;
        Some(Admitted { permit, identity: Some(identity), by: LetInBy::Login })
    }

    /// Takes what is in effect now. Where the site is gone, the old one still tells how it rejects, and
    /// nobody is let in by it.
    pub(super) fn renew(&mut self) {
        self.snapshot = self.gateway.snapshot();
        self.located = self.snapshot.database.locate(&self.client);
        self.now = clock::now();
        let id = &self.site.site.id;
        match self.snapshot.sites.by_id(id).filter(|site| !site.is_http()) {
            Some(site) => self.site = Arc::clone(site),
            None => self.is_gone = true,
        }
    }

    fn decide(&self, person: Option<&Person>, proof: Proof<'_>) -> Verdict {
        if self.is_gone {
            return Verdict::Deny(Denial::new(Reason::UnknownSite));
        }
        let (address, location) = (self.client, self.located.location);
        let subject = Subject { address, location, person, proof };
        policy::decide(self.site.policy(), &subject, &self.snapshot.exemptions, self.now)
    }

    /// The people for whom the client's address may pass for a while: granted at the site where they
    /// have signed in.
    fn granted(&self) -> Vec<(Identity, LetInBy)> {
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
        let by = LetInBy::GrantOf(id.clone());
        granted.into_iter().map(|identity| (identity, by.clone())).collect()
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
