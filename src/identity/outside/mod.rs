//! People whom somebody else proves: an OpenID Connect provider, or the issuer of a bearer token.
//!
//! May use `config` and `store`, and of `upstream` its TLS. Always holds: whatever a provider does
//! (is away, is slow, answers rubbish) opens nothing; who is proven here is somebody, and still
//! needs an exemption like anybody else.

mod answered;
mod arrival;
mod assertion;
mod back_channel;
mod bearer;
mod client;
mod departure;
mod hint;
mod issuer;
mod kept;
mod keys;
mod known;
mod logouts;
mod token;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::keys::{Keys, RotatingSeal};
use crate::config::{Bearer, Config, Oidc, Provider};
use crate::identifier::{OrganizationId, ProviderId};
use crate::store::{Partly, ProviderLogout, UnclearLogout};
use crate::upstream::TlsError;
use answered::Answered;
use assertion::Assertions;
use issuer::Issuer;
use logouts::Logouts;

pub use arrival::{Arrival, Arrived};
pub use assertion::ClientKeyError;
pub use back_channel::LogoutRefused;
pub use departure::{Departing, Departure};
pub use hint::IdToken;

/// Longer than any session lasts.
const LOGOUTS_CONCERN: SignedDuration = SignedDuration::from_hours(24);

/// Why nobody was proven. The client learns only which page to read.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// Too many attempts from this address; nothing was looked at.
    #[error("too many attempts came from this address")]
    Limited,
    /// The answer belongs to no sign-in that this browser began, or not any more.
    #[error("the answer belongs to no sign-in of this browser: {0}")]
    Stray(&'static str),
    /// The provider says that it was not done.
    #[error("the provider ended the sign-in: {0}")]
    Ended(String),
    /// The provider gave no answer that can be used.
    #[error("the provider gave no usable answer")]
    Provider(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The provider's proof does not hold.
    #[error("the provider's proof does not hold")]
    Proof(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The person is in none of the groups that may come in this way.
    #[error("the person is in none of the groups that this provider's people must be in")]
    Group,
}

impl OutsideError {
    fn of(rejection: issuer::Rejection) -> Self {
        match rejection {
            issuer::Rejection::Silence(silence) => Self::Provider(Box::new(silence)),
            issuer::Rejection::Token(error) => Self::Proof(Box::new(error)),
        }
    }
}

/// What a session remembers of the provider's proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Proof {
    /// As shown.
    pub(super) user_name: String,
    /// The provider's own name for the person, which may be another than ours.
    pub(super) sub: Option<String>,
    /// The provider's name for the session.
    pub(super) sid: Option<String>,
    pub(super) multi_factor: bool,
    /// The groups that the provider named; a session of a site does not carry them along.
    #[serde(skip)]
    pub(super) groups: Vec<String>,
}

/// A provider to which people are sent.
struct Portal {
    id: ProviderId,
    oidc: Arc<Oidc>,
    issuer: Issuer,
    /// By what the gateway shows which client it is, where that is a key.
    assertions: Option<Assertions>,
    epoch: i64,
}

/// Why a provider of the configuration cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Its authority's certificate.
    #[error("{0}: its authority cannot be used")]
    Authority(ProviderId, #[source] Box<TlsError>),
    /// The gateway's own key.
    #[error("{0}: the gateway cannot show which client it is")]
    ClientKey(ProviderId, #[source] Box<ClientKeyError>),
}

/// An issuer whose bearer tokens are taken.
struct Bearers {
    bearer: Arc<Bearer>,
    people_of: ProviderId,
    issuer: Issuer,
}

/// The providers of a configuration, ready to be asked; nothing was asked yet.
#[derive(Default)]
pub struct Providers {
    portals: BTreeMap<ProviderId, Arc<Portal>>,
    bearers: BTreeMap<ProviderId, Arc<Bearers>>,
    of_organizations: BTreeMap<OrganizationId, Vec<ProviderId>>,
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.portals.keys().chain(self.bearers.keys())).finish()
    }
}

impl Providers {
    /// Reads what the configuration names.
    ///
    /// # Errors
    /// [`ProviderError`] where an authority's certificate or the gateway's own key cannot be used.
    pub fn prepare(config: &Config) -> Result<Self, ProviderError> {
        let mut providers = Self::default();
        for (id, provider) in &config.identity {
            let authority = |error| ProviderError::Authority(id.clone(), Box::new(error));
            match provider {
                Provider::Oidc(oidc) => {
                    let assertions = oidc.client_key.as_ref().map(Assertions::read).transpose();
                    let portal = Portal {
                        id: id.clone(),
                        oidc: Arc::clone(oidc),
                        issuer: Issuer::portal(&oidc.tokens).map_err(authority)?,
                        assertions: assertions.map_err(|error| {
                            ProviderError::ClientKey(id.clone(), Box::new(error))
                        })?,
                        epoch: epoch(oidc),
                    };
                    providers.portals.insert(id.clone(), Arc::new(portal));
                }
                Provider::Bearer(bearer) => {
                    let named = bearer.people_of.as_deref().and_then(|n| ProviderId::parse(n).ok());
                    let bearers = Bearers {
                        bearer: Arc::clone(bearer),
                        people_of: named.unwrap_or_else(|| id.clone()),
                        issuer: Issuer::bearer(&bearer.tokens, bearer.jwks_uri.clone())
                            .map_err(authority)?,
                    };
                    providers.bearers.insert(id.clone(), Arc::new(bearers));
                }
                Provider::Local(_) | Provider::Ldap(_) | Provider::ClientCertificate(_) => {}
            }
        }
        let organizations = config.organizations.iter();
        providers.of_organizations = organizations
            .map(|(id, organization)| (id.clone(), organization.identity_providers.clone()))
            .collect();
        Ok(providers)
    }

    /// The provider, where this organisation has it.
    fn portal(&self, organization: &OrganizationId, id: &ProviderId) -> Option<&Arc<Portal>> {
        let has = self.of_organizations.get(organization)?.contains(id);
        self.portals.get(id).filter(|_| has)
    }
}

/// A provider that is set up anew, for other people or with other names for them, ends what the old
/// one proved.
fn epoch(oidc: &Oidc) -> i64 {
    let mut digest = Sha256::new();
    for part in [&oidc.tokens.issuer, &oidc.client_id, &oidc.tokens.claims.subject] {
        digest.update(part.as_bytes());
        digest.update([0]);
    }
    let digest: [u8; 32] = digest.finalize().into();
    digest.first_chunk::<8>().map_or(0, |first| i64::from_be_bytes(*first))
}

/// What an authenticator keeps for all this.
pub(super) struct Outside {
    providers: ArcSwap<Providers>,
    logouts: ArcSwap<Logouts>,
    journeys: RotatingSeal,
    hints: RotatingSeal,
    answered: Mutex<Answered>,
    accepted: bearer::Accepted,
}

impl Outside {
    pub(super) fn new(keys: &Keys) -> Self {
        Self {
            providers: ArcSwap::from_pointee(Providers::default()),
            logouts: ArcSwap::from_pointee(Logouts::default()),
            journeys: RotatingSeal::new(keys, "geovagt departure 1"),
            hints: RotatingSeal::new(keys, "geovagt id token 1"),
            answered: Mutex::default(),
            accepted: bearer::Accepted::new(),
        }
    }

    pub(super) fn take(&self, providers: Providers) {
        self.providers.store(Arc::new(providers));
        self.accepted.forget();
    }

    pub(super) fn take_logouts(
        &self,
        logouts: Partly<ProviderLogout, UnclearLogout>,
        now: Timestamp,
    ) {
        let read = Logouts::of(logouts);
        let oldest = now.checked_sub(LOGOUTS_CONCERN).unwrap_or(Timestamp::MIN);
        // What this process alone knows, because the store failed, stays.
        self.logouts.rcu(|known| known.with(&read).since(oldest));
    }

    /// How much of what providers have ended could not be read.
    pub(super) fn unclear_logouts(&self) -> usize {
        self.logouts.load().unclear()
    }

    /// Whether a session of a provider still counts.
    pub(super) fn still(
        &self,
        organization: &OrganizationId,
        provider: &ProviderId,
        epoch: i64,
        proof: &Proof,
        began: Timestamp,
    ) -> bool {
        let providers = self.providers.load();
        providers.portal(organization, provider).is_some_and(|portal| portal.epoch == epoch)
            && !self.logouts.load().has_ended(provider, proof, began)
    }
}
