//! Whether somebody who was let in may still be in: for exchanges that last.
//!
//! Always holds: the same decision function as for a request, with the policy, the exemptions and
//! the database that are in effect now. An exemption that ends or is revoked ends what it
//! let in; an account that is locked, a session that is signed out and a person whose device is lost
//! end what went on under their name, exemption or not.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use smol_str::SmolStr;

use super::exchange::{Exchange, device_of};
use super::sites::ProtectedSite;
use super::{Gateway, Snapshot};
use crate::client_address::ClientAddress;
use crate::clock;
use crate::identifier::{ProviderId, SiteId};
use crate::identity::{Authenticator, How, Identity, KnownDevice};
use crate::listen::ShownCertificate;
use crate::policy::{self, Person, Policy, Proof, Reason, Subject, Verdict};

/// How soon a connection ends after the permission for it. With the time in which the gateway learns
/// of a change, a lost device is cut off within a second.
const INTERVAL: Duration = Duration::from_millis(500);

/// What a permission stands on.
#[derive(Debug)]
pub(crate) struct Standing {
    snapshot: Arc<ArcSwap<Snapshot>>,
    at: At,
    client: ClientAddress,
    known: Option<Known>,
}

/// What somebody was let in to.
#[derive(Debug)]
enum At {
    /// What this path of this host is for.
    Path { host: SmolStr, path: SmolStr },
    /// The site, by a connection that is no HTTP.
    Site(SiteId, LetInBy),
}

/// By which rule of a site a connection that is no HTTP was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LetInBy {
    /// By where it comes from.
    Address,
    /// By an address that passes at this other site.
    GrantOf(SiteId),
    /// By a login that was proven here.
    Login,
}

impl LetInBy {
    /// Whether the rule is still there: without it nobody is known.
    fn stands(&self, site: &ProtectedSite, snapshot: &Snapshot, person: &Person) -> bool {
        let Some(tcp) = &site.site.tcp else { return false };
        match self {
            Self::Address => true,
            Self::Login => tcp.login && tcp.mail.is_some(),
            Self::GrantOf(granting) => {
                let grants = |site: &ProtectedSite| {
                    site.site.address_grant.is_some()
                        && site.site.identity_providers.contains(person.provider())
                };
                tcp.grants_of.as_ref() == Some(granting)
                    && snapshot.sites.by_id(granting).is_some_and(|site| grants(site))
            }
        }
    }
}

/// Somebody who was named when the permission was given.
#[derive(Debug)]
struct Known {
    authenticator: Authenticator,
    identity: Identity,
    device: Option<KnownDevice>,
    /// What the person was named by, where that was a certificate.
    certificate: Option<Arc<ShownCertificate>>,
}

impl Standing {
    /// Of a request that was let in, by this person where one is known.
    pub(super) fn of(exchange: &Exchange<'_>, identity: Option<&Identity>) -> Self {
        Self {
            snapshot: Arc::clone(&exchange.gateway.snapshot),
            at: At::Path {
                host: exchange.canonical.host().into(),
                path: exchange.canonical.path().into(),
            },
            client: exchange.client,
            known: identity.map(|identity| Known {
                authenticator: exchange.gateway.authenticator.clone(),
                identity: identity.clone(),
                device: device_of(identity, exchange.device.as_deref()).cloned(),
                certificate: certificate(exchange, identity),
            }),
        }
    }

    /// Of a connection to a site that was let in, by this person where one is known.
    pub(crate) fn of_connection(
        gateway: &Gateway,
        (site, by): (SiteId, LetInBy),
        client: ClientAddress,
        identity: Option<&Identity>,
    ) -> Self {
        Self {
            snapshot: Arc::clone(&gateway.snapshot),
            at: At::Site(site, by),
            client,
            known: identity.map(|identity| Known {
                authenticator: gateway.authenticator.clone(),
                identity: identity.clone(),
                device: identity.device().cloned(),
                certificate: None,
            }),
        }
    }

    /// Waits until the permission is gone, and gives the reason for which it would be refused now.
    pub(crate) async fn ended(&self) -> Option<Reason> {
        loop {
            if let Err(because) = self.now(clock::now()) {
                return because;
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Whether the permission stands.
    ///
    /// # Errors
    /// The reason for which it would be refused now; none where the site is gone.
    pub(super) fn now(&self, now: Timestamp) -> Result<(), Option<Reason>> {
        let snapshot = self.snapshot.load();
        let (site, path) = match &self.at {
            At::Path { host, path } => (snapshot.sites.by_host(host), path.as_str()),
            At::Site(id, _) => (snapshot.sites.by_id(id), "/"),
        };
        let Some(site) = site else { return Err(None) };
        let location = snapshot.database.locate(&self.client).location;
        let known = self.known.as_ref().filter(|known| match &self.at {
            At::Path { .. } => true,
            At::Site(_, by) => by.stands(site, &snapshot, known.identity.person()),
        });
        // Whoever was named upstream must be so still, whether or not that was what let them in.
        let device = known.map_or(Ok(None), |known| known.device_now(now))?;
        let identity = known.map(|known| &known.identity);
        let proof = Proof {
            multi_factor: identity.is_some_and(Identity::multi_factor),
            device: device.as_ref().map(KnownDevice::proof),
        };
        let person = identity.map(Identity::person);
        if !known.is_none_or(|k| k.is_taken(&site.site.identity_providers, now)) {
            return Err(Some(Reason::NotAuthorized));
        }
        let subject = Subject { address: self.client, location, person, proof };
        // A connection that lasts is no ACME challenge, so it has nothing of that exemption.
        let Ok(choice) = site.policies.choose(path, false) else { return Err(None) };
        let decide = |policy: &Policy| policy::decide(policy, &subject, &snapshot.exemptions, now);
        match site.policies.strictest(&choice, decide).1 {
            Verdict::Allow(_) => Ok(()),
            Verdict::Identify(challenge) => Err(Some(challenge.reason())),
            Verdict::Deny(denial) => Err(Some(denial.reason())),
        }
    }
}

fn certificate(exchange: &Exchange<'_>, identity: &Identity) -> Option<Arc<ShownCertificate>> {
    let shown = exchange.connection.tls.as_ref()?.certificate.clone();
    shown.filter(|_| identity.how() == How::Certificate)
}

impl Known {
    /// Whether a site that takes these providers takes what named the person: a certificate that a
    /// list names by now is nobody's.
    fn is_taken(&self, taken: &[ProviderId], now: Timestamp) -> bool {
        match &self.certificate {
            Some(shown) => shown.accepted_by(now).iter().any(|provider| taken.contains(provider)),
            None => taken.contains(self.identity.person().provider()),
        }
    }

    /// The device by what it is bound to now.
    ///
    /// # Errors
    /// The reason to ask anew who it is: the account, session or grant counts no longer.
    fn device_now(&self, now: Timestamp) -> Result<Option<KnownDevice>, Option<Reason>> {
        if !self.authenticator.still_counts(&self.identity, now) {
            return Err(Some(Reason::AuthenticationRequired));
        }
        let organization = self.identity.person().organization();
        Ok(self.device.as_ref().and_then(|d| self.authenticator.device_now(organization, d)))
    }
}
