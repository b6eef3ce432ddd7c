//! From credentials to an [`Identity`], or to the one refusal that tells nothing.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};

use super::directory::Directory;
use super::form::{FormError, FormGuard, Guard, SignInForm};
use super::hasher::{Hasher, Lane};
use super::keys::{Keys, RotatingSeal};
use super::limits::{Admission, Claim, Limits, Quotas};
use super::outside::{Outside, Providers};
use super::password::PasswordFunction;
use super::recent::{Fingerprint, Recent};
use super::{Argon2id, How, Identity, Password, basic};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};
use crate::store::{Account, ProviderLogout, SharedKey, Store, StoreError};

/// Where and when somebody tries to prove who they are, and whose proof is worth anything there.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The organisation whose site it is; accounts of others do not exist here.
    pub organization: &'a OrganizationId,
    /// The one client address of the request.
    pub client: IpAddr,
    /// False for people whom this door does not open for: their password is not proven, at the same
    /// cost and with the same answer.
    pub eligible: &'a (dyn Fn(&Person) -> bool + Send + Sync),
    /// The instant of the request.
    pub now: Timestamp,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is this person.
    Proven(Identity),
    /// It is not. The client must not see why.
    NotProven {
        /// For the log alone.
        why: Why,
        /// The name that was claimed, where it is one. For the log alone.
        claimed: Option<UserName>,
    },
    /// Too many attempts; nothing was looked at. The answer is "come back later".
    Limited,
}

/// Why somebody was not proven. For the log, never for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The header is no well-formed Basic header, or the name or password cannot be one.
    Malformed,
    /// There is no such account in this organisation.
    UnknownAccount,
    /// The account is locked.
    Locked,
    /// The person exists, and this door does not open for them.
    NotEligible,
    /// The password is another.
    WrongPassword,
    /// The account changed while the password was compared.
    Changed,
    /// An answer of a provider that belongs to no sign-in of this browser.
    Stray,
    /// The provider ended the sign-in.
    Ended,
    /// A token that does not hold.
    Token,
    /// The person is in none of the groups that may come in this way.
    Group,
    /// The provider gave no answer that can be used.
    Provider,
}

impl Why {
    /// The word for it in the log.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownAccount => "unknown_account",
            Self::Locked => "locked",
            Self::NotEligible => "not_eligible",
            Self::WrongPassword => "wrong_password",
            Self::Changed => "changed",
            Self::Stray => "stray_answer",
            Self::Ended => "ended_by_provider",
            Self::Token => "invalid_token",
            Self::Group => "not_in_group",
            Self::Provider => "provider_unavailable",
        }
    }
}

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
    ended: Vec<(String, Timestamp)>,
    logouts: Vec<ProviderLogout>,
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
    /// Sign-outs that the store does not know yet.
    pub(super) untold: Mutex<Vec<(String, Timestamp)>>,
    hasher: Hasher,
    limits: Limits,
    recent: Recent,
    foreign: Recent,
    pub(super) keys: Keys,
    pub(super) seal: RotatingSeal,
    pub(super) outside: Outside,
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
            untold: Mutex::default(),
            hasher: Hasher::new(parts.function, at_once),
            limits: Limits::new(parts.quotas),
            recent: Recent::new(PROVEN_FOR),
            foreign: Recent::new(FOREIGN_FOR),
            seal: RotatingSeal::new(&keys, "geovagt session 1"),
            outside: Outside::new(&keys),
            keys,
        }))
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
        let people = self.read().await?;
        self.take(people, providers, now);
        Ok(())
    }

    fn guard(&self) -> Guard {
        Guard::new(&self.0.keys.for_purpose("geovagt form 1"))
    }

    /// Reads accounts and ended sessions; nothing is in effect yet.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn read(&self) -> Result<People, StoreError> {
        let store = &self.0.store;
        Ok(People {
            accounts: store.accounts().await?,
            ended: store.ended_sessions().await?,
            logouts: store.provider_logouts().await?,
            keys: store.shared_keys().await?,
        })
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
        known.extend(people.ended);
        known.retain(|_, ends| *ends > now);
        drop(known);
        self.0.outside.take_logouts(people.logouts, now);
        self.0.directory.store(Arc::new(Directory::new(providers, people.accounts)));
    }

    /// Puts the outside providers of a configuration in effect.
    pub fn take_providers(&self, providers: Providers) {
        self.0.outside.take(providers);
    }

    /// Whether one more question about a stranger's proof may come from this address.
    pub(super) fn admits_stranger(&self, client: IpAddr, now: Timestamp) -> bool {
        self.0.limits.admit_stranger(client, now)
    }

    /// Proves the credentials of an `Authorization` header.
    pub async fn basic(&self, attempt: Attempt<'_>, authorization: &HeaderValue) -> Outcome {
        // What cannot be read is tried as nobody: within the same limits and at the same cost, or it
        // would be the one way to fill the log without end.
        let (name, password) = match basic::read(authorization) {
            Some(claimed) => (claimed.name, claimed.password),
            None => (String::new(), Password::new(String::new())),
        };
        self.prove(attempt, How::Basic, &name, password).await
    }

    /// Whose local account a login names that came along although nobody asked for it; none where it
    /// is a login of the upstream's own. Its failures are remembered for a while, here alone: a
    /// town hall whose mail clients log in to the upstream under the names of local accounts must
    /// not spend its own allowance of attempts on that.
    pub async fn beside(
        &self,
        attempt: Attempt<'_>,
        authorization: &HeaderValue,
    ) -> Option<Identity> {
        let claimed = basic::read(authorization)?;
        let name = UserName::parse(&claimed.name).ok()?;
        let account = {
            let directory = self.0.directory.load();
            Arc::clone(directory.named(attempt.organization, &name)?)
        };
        let foreign = &self.0.foreign;
        let fingerprint = foreign.fingerprint(attempt.organization, &name, &claimed.password);
        if foreign.compared_at(&fingerprint, &account, attempt.now).is_some() {
            return None;
        }
        match self.basic(attempt, authorization).await {
            Outcome::Proven(identity) => Some(identity),
            Outcome::NotProven { why: Why::WrongPassword, .. } => {
                foreign.remember(fingerprint, &account, attempt.now);
                None
            }
            Outcome::NotProven { .. } | Outcome::Limited => None,
        }
    }

    /// Proves the credentials of a sign-in form. On success, begin a session with
    /// [`Authenticator::new_session`].
    pub async fn form(&self, attempt: Attempt<'_>, form: SignInForm) -> Outcome {
        self.prove(attempt, How::Form, &form.name, form.password).await
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

    async fn prove(
        &self,
        attempt: Attempt<'_>,
        how: How,
        name_text: &str,
        password: Password,
    ) -> Outcome {
        let claimed = UserName::parse(name_text).ok();
        let account = claimed.as_ref().and_then(|name| {
            self.0.directory.load().named(attempt.organization, name).map(Arc::clone)
        });
        let candidate = self.candidate(attempt, claimed.as_ref(), account.as_ref(), &password);
        let fingerprint = claimed
            .as_ref()
            .map(|name| self.0.recent.fingerprint(attempt.organization, name, &password));
        if let (Ok(account), Some(fingerprint)) = (&candidate, &fingerprint)
            && let Some(at) = self.0.recent.compared_at(fingerprint, account, attempt.now)
            && let Some(identity) = self.identify(attempt, account, how, at)
        {
            return Outcome::Proven(identity);
        }
        let claim = Claim {
            organization: attempt.organization,
            name: claimed.as_ref().map_or("", UserName::as_str),
            account: account.as_ref().map(|account| &account.id),
            client: attempt.client,
            how,
        };
        let kept = candidate.as_ref().ok().map(|account| Arc::clone(&account.password_hash));
        let Some(fits) = self.evaluate(&claim, attempt.now, password, kept).await else {
            return Outcome::Limited;
        };
        match candidate.and_then(|account| if fits { Ok(account) } else { Err(Why::WrongPassword) })
        {
            Err(why) => Outcome::NotProven { why, claimed },
            Ok(account) => self.accept(attempt, &account, how, fingerprint, claimed),
        }
    }

    /// The account whose password is worth proving here, or why none is.
    fn candidate(
        &self,
        attempt: Attempt<'_>,
        name: Option<&UserName>,
        account: Option<&Arc<Account>>,
        password: &Password,
    ) -> Result<Arc<Account>, Why> {
        if name.is_none() || password.is_too_long() {
            return Err(Why::Malformed);
        }
        let account = account.ok_or(Why::UnknownAccount)?;
        let person = self.0.directory.load().person(account).ok_or(Why::UnknownAccount)?;
        if account.locked {
            return Err(Why::Locked);
        }
        if !(attempt.eligible)(&person) {
            return Err(Why::NotEligible);
        }
        if !self.0.hasher.is_own(&account.password_hash) {
            tracing::error!(
                account = account.id.as_str(),
                "the account's password is kept in a form that cannot be compared; set it anew with `geovagt user password`"
            );
            return Err(Why::WrongPassword);
        }
        Ok(Arc::clone(account))
    }

    /// One evaluation of the password function, as soon as the limits allow it; none where they do
    /// not.
    async fn evaluate(
        &self,
        claim: &Claim<'_>,
        now: Timestamp,
        password: Password,
        kept: Option<Arc<str>>,
    ) -> Option<bool> {
        let (lane, delay) = match self.0.limits.admit(claim, now) {
            Admission::Preferred => (Lane::Preferred, None),
            Admission::Stranger(delay) => (Lane::Stranger, Some(delay).filter(|d| !d.is_zero())),
            Admission::Refused => return None,
        };
        // Whoever is delayed holds no place in the queue meanwhile, or a few strangers a second could
        // hold them all.
        if let Some(delay) = delay {
            tokio::time::sleep(delay).await;
        }
        let place = self.0.hasher.queue(lane).ok()?;
        // A password that is too long is evaluated as an empty one: the same cost, no more.
        let password = if password.is_too_long() { Password::new(String::new()) } else { password };
        self.0.hasher.verify(lane, place, password, kept).await.ok()
    }

    fn accept(
        &self,
        attempt: Attempt<'_>,
        account: &Arc<Account>,
        how: How,
        fingerprint: Option<Fingerprint>,
        claimed: Option<UserName>,
    ) -> Outcome {
        let Some(identity) = self.identify(attempt, account, how, attempt.now) else {
            return Outcome::NotProven { why: Why::Changed, claimed };
        };
        self.0.limits.proven(&account.id, attempt.client, attempt.now);
        if let Some(fingerprint) = fingerprint {
            self.0.recent.remember(fingerprint, account, attempt.now);
        }
        Outcome::Proven(identity)
    }

    /// The identity, if the account is still as it was when the password was compared.
    fn identify(
        &self,
        attempt: Attempt<'_>,
        account: &Account,
        how: How,
        at: Timestamp,
    ) -> Option<Identity> {
        let directory = self.0.directory.load();
        let account = directory.still(attempt.organization, &account.id, account.epoch)?;
        let person = directory.person(account)?;
        let user_name = account.name.clone();
        Some(Identity {
            person,
            user_name,
            how,
            at,
            epoch: account.epoch,
            session: None,
            outside: None,
        })
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
