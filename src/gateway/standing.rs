//! Whether somebody who was let in may still be in: for exchanges that last.
//!
//! Always holds: the same decision function as for a request, with the policy, the exemptions and
//! the database that are in effect now. An exemption that ends or is revoked ends what it
//! let in.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;

use super::Snapshot;
use super::exchange::Exchange;
use crate::client_address::ClientAddress;
use crate::clock;
use crate::identity::Identity;
use crate::policy::{self, Person, Policy, Proof, Reason, Subject, Verdict};

/// How soon a connection ends after the permission for it: the gateway learns of a change within a
/// second, so looking more often would bring nothing.
const INTERVAL: Duration = Duration::from_secs(1);

/// What a permission stands on.
#[derive(Debug)]
pub(super) struct Standing {
    snapshot: Arc<ArcSwap<Snapshot>>,
    host: String,
    path: String,
    client: ClientAddress,
    person: Option<Person>,
}

impl Standing {
    /// Of a request that was let in, by this person where one is known.
    pub(super) fn of(exchange: &Exchange<'_>, identity: Option<&Identity>) -> Self {
        Self {
            snapshot: Arc::clone(&exchange.gateway.snapshot),
            host: exchange.canonical.host().to_owned(),
            path: exchange.canonical.path().to_owned(),
            client: exchange.client,
            person: identity.map(|identity| identity.person().clone()),
        }
    }

    /// Waits until the permission is gone, and gives the reason for which it would be refused now.
    pub(super) async fn ended(&self) -> Option<Reason> {
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
        let Some(site) = snapshot.sites.by_host(&self.host) else { return Err(None) };
        let location = snapshot.database.locate(&self.client).location;
        let subject = Subject {
            address: self.client,
            location,
            person: self.person.as_ref(),
            proof: Proof::NONE,
        };
        // A connection that lasts is no ACME challenge, so it has nothing of that exemption.
        let Ok(choice) = site.policies.choose(&self.path, false) else { return Err(None) };
        let decide = |policy: &Policy| policy::decide(policy, &subject, &snapshot.exemptions, now);
        match site.policies.strictest(&choice, decide).1 {
            Verdict::Allow(_) => Ok(()),
            Verdict::Identify(challenge) => Err(Some(challenge.reason())),
            Verdict::Deny(denial) => Err(Some(denial.reason())),
        }
    }
}
