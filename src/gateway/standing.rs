//! Whether somebody who was let in may still be in: for connections that outlive their request.
//!
//! Always holds: the same decision function as for a request, with the policy, the exemptions and
//! the database that are in effect now. An exemption that ends or is revoked ends its tunnels.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;

use super::Snapshot;
use super::exchange::Exchange;
use crate::client_address::ClientAddress;
use crate::clock;
use crate::identity::Identity;
use crate::policy::{self, Person, Policy, Subject, Verdict};

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

    /// Waits until the permission is gone.
    pub(super) async fn ended(&self) {
        while self.holds(clock::now()) {
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn holds(&self, now: Timestamp) -> bool {
        let snapshot = self.snapshot.load();
        let Some(site) = snapshot.sites.by_host(&self.host) else { return false };
        let location = snapshot.database.locate(&self.client).location;
        let subject = Subject { address: self.client, location, person: self.person.as_ref() };
        // A connection that lasts is no ACME challenge, so it has nothing of that exemption.
        let Ok(choice) = site.policies.choose(&self.path, false) else { return false };
        let decide = |policy: &Policy| policy::decide(policy, &subject, &snapshot.exemptions, now);
        let (_, verdict) = site.policies.strictest(&choice, decide);
        matches!(verdict, Verdict::Allow(_))
    }
}
