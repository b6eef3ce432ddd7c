//! What proves people and keeps their sessions: what it knows, and how it learns what has changed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedMutexGuard;

use super::Argon2id;
use super::certificate::KnownNames;
use super::device::DeviceSeal;
use super::directory::Directory;
use super::form::{FormError, FormGuard, Guard, SignInForm};
use super::hasher::Hasher;
use super::kept::Kept;
use super::keys::{Keys, RotatingSeal};
use super::ldap::Directories;
use super::limits::{Limits, Quotas};
use super::outside::{Outside, Providers};
use super::password::PasswordFunction;
use super::recent::Recent;
use crate::identifier::{OrganizationId, ProviderId};
use crate::store::{
    Account, Partly, ProviderLogout, SharedKey, Store, StoreError, UnclearLogout, UnclearSession,
};

/// Why there is no authenticator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticatorError {
    /// The store failed.
    #[error("cannot read the accounts")]
    Store(#[from] StoreError),
}

/// Accounts and ended sessions, read and not yet in effect.
pub struct People {
    accounts: Vec<Account>,
    ended: Partly<(String, Timestamp), UnclearSession>,
    kept: Kept,
    known: KnownNames,
    logouts: Partly<ProviderLogout, UnclearLogout>,
    /// Nobody else reads until this is in effect or dropped: what was read earlier never takes the
    /// place of what was read later.
    _turn: OwnedMutexGuard<()>,
    keys: Vec<SharedKey>,
}

/// How long a proven login is taken without another evaluation.
const PROVEN_FOR: SignedDuration = SignedDuration::from_secs(60);
/// How long a login is known to be the upstream's own.
const FOREIGN_FOR: SignedDuration = SignedDuration::from_mins(10);

/// Proves people by local account and keeps their sessions. Clones share everything.
#[derive(Clone)]
pub struct Authenticator(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) directory: ArcSwap<Directory>,
    ended: Mutex<HashMap<String, Timestamp>>,
    unclear_ended: ArcSwap<Vec<UnclearSession>>,
    pub(super) kept: ArcSwap<Kept>,
    pub(super) known: ArcSwap<KnownNames>,
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Sign-outs that the store does not know yet.
    pub(super) untold: Mutex<Vec<(String, Timestamp)>>,
    pub(super) hasher: Hasher,
    pub(super) limits: Limits,
    pub(super) recent: Recent,
    pub(super) foreign: Recent,
    pub(super) keys: Keys,
    pub(super) seal: RotatingSeal,
    pub(super) outside: Outside,
    pub(super) directories: ArcSwap<Directories>,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authenticator")
    }
}

impl Authenticator {
    /// Reads accounts and key. `providers` names, for each organisation that uses local accounts, the
    /// provider under which its people are known.
    ///
    /// # Errors
    /// [`AuthenticatorError`] with the cause and the way out.
    pub async fn open(
        store: &Store,
        providers: BTreeMap<OrganizationId, ProviderId>,
        now: Timestamp,
    ) -> Result<Self, AuthenticatorError> {
        let parts = Parts { function: Arc::new(Argon2id), quotas: Quotas::default() };
        Self::assemble(store, providers, now, parts).await
    }

    pub(super) async fn assemble(
        store: &Store,
        providers: BTreeMap<OrganizationId, ProviderId>,
        now: Timestamp,
        parts: Parts,
    ) -> Result<Self, AuthenticatorError> {
        let authenticator = Self::unread(store, parts);
        authenticator.reload_with(providers, now).await?;
        Ok(authenticator)
    }

    /// Knows nobody until it is reloaded: for a start while the store is away.
    #[must_use]
    pub fn without_people(store: &Store, providers: BTreeMap<OrganizationId, ProviderId>) -> Self {
        let parts = Parts { function: Arc::new(Argon2id), quotas: Quotas::default() };
        let authenticator = Self::unread(store, parts);
        authenticator.0.directory.store(Arc::new(Directory::new(providers, Vec::new())));
        authenticator
    }

    fn unread(store: &Store, parts: Parts) -> Self {
        let keys = Keys::standing_in();
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Inner {
            store: store.clone(),
            directory: ArcSwap::from_pointee(Directory::default()),
            ended: Mutex::new(HashMap::new()),
            unclear_ended: ArcSwap::default(),
            kept: ArcSwap::from_pointee(Kept::default()),
            known: ArcSwap::from_pointee(KnownNames::default()),
            turn: Arc::default(),
            untold: Mutex::default(),
            hasher: Hasher::new(parts.function, at_once),
            limits: Limits::new(parts.quotas),
            recent: Recent::new(PROVEN_FOR),
            foreign: Recent::new(FOREIGN_FOR),
            seal: RotatingSeal::new(&keys, "geovagt session 1"),
            outside: Outside::new(&keys),
            keys,
            directories: ArcSwap::from_pointee(Directories::default()),
        }))
    }

    /// Where people and their exemptions are kept.
    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    /// Takes accounts and ended sessions anew from the store, after its change number grew.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read; everything stays as it was.
    pub async fn reload(&self, now: Timestamp) -> Result<(), StoreError> {
        let providers = self.0.directory.load().providers().clone();
        self.reload_with(providers, now).await
    }

    /// The same, with other organisations, after the configuration changed.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read; everything stays as it was.
    pub async fn reload_with(
        &self,
        providers: BTreeMap<OrganizationId, ProviderId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.keep_keys(now).await?;
        let people = self.read(now).await?;
        self.take(people, providers, now);
        Ok(())
    }

    pub(super) fn device_seal(&self) -> DeviceSeal {
        DeviceSeal::new(&self.0.keys.for_purpose("geovagt device 1"))
    }

    fn guard(&self) -> Guard {
        Guard::new(&self.0.keys.for_purpose("geovagt form 1"))
    }

    /// Reads accounts and ended sessions; nothing is in effect yet.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn read(&self, now: Timestamp) -> Result<People, StoreError> {
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        let store = &self.0.store;
        let (ends, devices) = (store.person_ends().await?, store.bound_devices().await?);
        let kept = Kept::new(ends, devices, store.address_grants(now).await?);
        let (accounts, ended) = (store.accounts().await?, store.ended_sessions().await?);
        let (keys, logouts) = (store.shared_keys().await?, store.provider_logouts().await?);
        let known = KnownNames::new(store.known_names().await?);
        Ok(People { accounts, ended, kept, known, logouts, keys, _turn: turn })
    }

    /// Puts what was read in effect, with these organisations.
    pub fn take(
        &self,
        people: People,
        providers: BTreeMap<OrganizationId, ProviderId>,
        now: Timestamp,
    ) {
        self.0.keys.take(people.keys, now);
        let mut known = self.ended();
        known.extend(people.ended.clear);
        known.retain(|_, ends| *ends > now);
        drop(known);
        self.0.unclear_ended.store(Arc::new(people.ended.unclear));
        self.0.kept.store(Arc::new(people.kept));
        self.0.known.store(Arc::new(people.known));
        self.0.outside.take_logouts(people.logouts, now);
        self.0.directory.store(Arc::new(Directory::new(providers, people.accounts)));
    }

    /// Puts the outside providers of a configuration in effect.
    pub fn take_providers(&self, providers: Providers) {
        self.0.outside.take(providers);
    }

    /// What the page with the sign-in form needs.
    #[must_use]
    pub fn form_guard(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
    ) -> FormGuard {
        self.guard().page(organization, headers, secure)
    }

    /// Reads a form that our own page sent.
    ///
    /// # Errors
    /// [`FormError`] where it cannot be read or another site sent it.
    pub fn read_form(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
        body: &[u8],
    ) -> Result<SignInForm, FormError> {
        self.guard().read(organization, headers, secure, body)
    }

    /// Whether a form that holds nothing but our token was sent by our own page.
    #[must_use]
    pub fn vouches(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
        body: &[u8],
    ) -> bool {
        self.guard().vouches(organization, headers, secure, body)
    }

    /// Whether a session was signed out before its time, as far as anybody can tell.
    pub(super) fn has_ended(&self, session: &str) -> bool {
        self.ended().contains_key(session)
            || self.0.unclear_ended.load().iter().any(|one| one.may_concern(session))
    }

    /// How many rows that end something could not be read. Whatever they may be about has ended.
    #[must_use]
    pub fn unclear_ends(&self) -> usize {
        let persons = self.0.kept.load().unclear();
        persons + self.0.unclear_ended.load().len() + self.0.outside.unclear_logouts()
    }

    pub(super) fn ended(&self) -> MutexGuard<'_, HashMap<String, Timestamp>> {
        self.0.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a test replaces.
pub(super) struct Parts {
    pub(super) function: Arc<dyn PasswordFunction>,
    pub(super) quotas: Quotas,
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
