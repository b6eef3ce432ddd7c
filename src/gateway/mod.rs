//! One request, from top to bottom: derive, locate, decide, identify, record, forward or reject.
//!
//! The function `handle` is the whole way. May use every room but `admin`. Always holds: what is forwarded was
//! permitted by `policy` and has an entry in the log; what cannot be read one way only is refused.

mod address_page;
mod answers;
mod asterisk;
mod authorize;
pub mod body;
mod bond;
pub mod canonical;
mod exchange;
pub(crate) mod explained;
mod forward;
mod handle;
pub mod headers;
mod home;
mod identify;
mod invitation;
pub mod limits;
mod logged;
mod manner;
mod outside_sign_in;
mod own_pages;
mod own_views;
mod pace;
pub mod pages;
mod passage;
mod refused;
pub mod sites;
mod standing;
mod travel_link;
mod tunnel;

use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;

pub(crate) use authorize::{Ends, authorize, start_counting};
pub(crate) use handle::handle;
pub(crate) use refused::refuse;
pub(crate) use standing::{LetInBy, Standing};

use crate::audit::Audit;
use crate::client_address::ClientAddress;
use crate::config::Config;
use crate::flood::Floods;
use crate::geoip::{AsnDatabase, Database, Located};
use crate::identifier::SiteId;
use crate::identity::Authenticator;
use crate::lifecycle::Tasks;
use crate::policy::{self, Denial, Exemptions, Proof, Subject, Verdict};
use crate::upstream::Upstreams;

/// Everything a request is decided by; immutable, replaced whole.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// What the operator wrote.
    pub config: Arc<Config>,
    /// The sites with their policies.
    pub sites: Arc<sites::Sites>,
    /// The exemptions that count.
    pub exemptions: Arc<Exemptions>,
    /// Where addresses are.
    pub database: Arc<Database>,
    /// Whose networks they are in, for the log alone.
    pub autonomous_systems: Option<Arc<AsnDatabase>>,
}

impl Snapshot {
    /// The autonomous system of an address, where a database of them is configured.
    #[must_use]
    pub fn as_number(&self, client: &ClientAddress) -> Option<u32> {
        self.autonomous_systems.as_ref()?.number_of(client)
    }

    /// The rejection of a client whom every site for HTTP rejects, whoever it may turn out to be: no site lets
    /// it in, and none asks who it is. None also where there is no site.
    #[must_use]
    pub fn rejects_everywhere(
        &self,
        client: ClientAddress,
        located: &Located,
        now: Timestamp,
    ) -> Option<Denial> {
        let stranger = Subject {
            address: client,
            location: located.location,
            person: None,
            proof: Proof::UNSEEN,
        };
        let all = self.sites.by_http().flat_map(|site| site.policies.all());
        self.sites.everywhere.rejects(all, &stranger, &self.exemptions, now)
    }

    /// The same where only these sites can be meant: those of a listener for TCP. None also where one
    /// of them is gone.
    #[must_use]
    pub fn rejects_at(
        &self,
        sites: &[SiteId],
        client: ClientAddress,
        located: &Located,
        now: Timestamp,
    ) -> Option<Denial> {
        let (address, location) = (client, located.location);
        let stranger = Subject { address, location, person: None, proof: Proof::UNSEEN };
        let mut rejected = None;
        for id in sites {
            let site = self.sites.by_id(id)?;
            match policy::decide(site.policy(), &stranger, &self.exemptions, now) {
                Verdict::Deny(denial) => rejected = Some(denial),
                Verdict::Allow(_) | Verdict::Identify(_) => return None,
            }
        }
        rejected
    }

    /// Whether DB-IP's database decides: its licence asks for a link on pages that show its result.
    #[must_use]
    pub fn is_db_ip(&self) -> bool {
        self.database.info().is_db_ip
    }
}

/// What every request shares.
#[derive(Debug)]
pub struct Gateway {
    snapshot: Arc<ArcSwap<Snapshot>>,
    pub(crate) audit: Audit,
    pub(crate) authenticator: Authenticator,
    pub(crate) upstreams: Upstreams,
    pub(crate) limit: limits::RequestLimit,
    pub(crate) floods: Floods,
    pub(crate) logins: limits::LoginLimit,
    pub(crate) tasks: Tasks,
}

/// The connection ends without a byte.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed without an answer, as the site's `denial` says")]
pub struct Closed;

impl Gateway {
    /// Puts the parts together.
    #[must_use]
    pub fn new(
        snapshot: Snapshot,
        audit: Audit,
        authenticator: Authenticator,
        upstreams: Upstreams,
        limit: limits::RequestLimit,
        tasks: Tasks,
    ) -> Self {
        let snapshot = Arc::new(ArcSwap::from_pointee(snapshot));
        let (floods, logins) = (Floods::default(), limits::LoginLimit::default());
        Self { snapshot, audit, authenticator, upstreams, limit, floods, logins, tasks }
    }

    /// What is in effect now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Puts another snapshot in effect, made from the one that is.
    pub fn replace(&self, change: impl Fn(&Snapshot) -> Snapshot) {
        self.snapshot.rcu(|current| change(current));
    }
}
