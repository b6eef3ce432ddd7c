//! From credentials to an [`Identity`], or to the one refusal that tells nothing.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::OwnedMutexGuard;

use super::certificate::KnownNames;
use super::device::DeviceSeal;
use super::directory::Directory;
use super::form::{FormError, FormGuard, Guard, SignInForm};
use super::hasher::{Hasher, Lane};
use super::kept::Kept;
use super::keys::{Keys, RotatingSeal};
use super::ldap::{ByDirectory, Directories};
use super::limits::{Admission, Claim, Limits, Quotas};
use super::outside::{Outside, Providers};
use super::password::PasswordFunction;
use super::recent::{Fingerprint, Recent};
use super::{Argon2id, How, Identity, Password, basic};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};
use crate::store::{
    Account, Partly, ProviderLogout, SharedKey, Store, StoreError, UnclearLogout, UnclearSession,
};

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
    /// Shows everybody who holds an exemption here, with the name it was given under: a directory
    /// hears of nobody else while the door is theirs alone.
    pub holders: &'a Holders<'a>,
    /// The instant of the request.
    pub now: Timestamp,
}

/// Shows people one after the other.
pub type Holders<'a> = dyn Fn(&mut dyn FnMut(&Person, &UserName)) + Send + Sync + 'a;

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
    /// More than one entry of the directory answers to the name.
    Ambiguous,
    /// The directory has refused this person's passwords too often to be asked once more.
    TooManyFailures,
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
            Self::Ambiguous => "ambiguous_name",
            Self::TooManyFailures => "too_many_failures",
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
    ended: Partly<(String, Timestamp), UnclearSession>,
    kept: Kept,
    known: KnownNames,
    logouts: Partly<ProviderLogout, UnclearLogout>,
    /// Nobody else reads until this is in effect or dropped: what was read earlier never takes the
    /// place of what was read later.
    _turn: OwnedMutexGuard<()>,
    keys: Vec<SharedKey>,
}

/// Who is asked about a name and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// The accounts in the store, then the organisation's directories.
    All,
    /// The accounts in the store.
    Local,
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
    hasher: Hasher,
    pub(super) limits: Limits,
    recent: Recent,
    foreign: Recent,
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
        self.prove(attempt, How::Basic, &name, password, Ways::All).await
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
        let password = claimed.password;
        match self.prove(attempt, How::Basic, name.as_str(), password, Ways::Local).await {
            Outcome::Proven(identity) => Some(identity),
            Outcome::NotProven { why: Why::WrongPassword, .. } => {
                foreign.remember(fingerprint, &account, attempt.now);
                None
            }
            Outcome::NotProven { .. } | Outcome::Limited => None,
        }
    }

    /// Whether somebody was proven by an account of ours: what they typed is nobody else's business,
    /// while an upstream that asks the same directory can make use of it.
    #[must_use]
    pub fn is_local(&self, identity: &Identity) -> bool {
        identity.outside.is_none()
    }

    /// Proves the credentials of a sign-in form. On success, begin a session with
    /// [`Authenticator::new_session`].
    pub async fn form(&self, attempt: Attempt<'_>, form: SignInForm) -> Outcome {
        self.prove(attempt, How::Form, &form.name, form.password, Ways::All).await
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
        ways: Ways,
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
        let asked = ByDirectory { attempt, how, claimed: claimed.as_ref(), password: &password };
        // A local account that this door does not open for leaves the name to the directory.
        let elsewhere =
            ways == Ways::All && matches!(candidate, Err(Why::UnknownAccount | Why::NotEligible));
        if elsewhere && let Some(identity) = self.recently(&asked) {
            return Outcome::Proven(identity);
        }
        let local = account.as_ref().map(|account| account.id.clone());
        let counted = self.counted(attempt.organization, claimed.as_ref(), local, elsewhere);
        let claim = Claim {
            organization: attempt.organization,
            name: &counted.name,
            account: counted.known.as_ref(),
            client: attempt.client,
            how,
        };
        let kept = candidate.as_ref().ok().map(|account| Arc::clone(&account.password_hash));
        let evaluated = self.evaluate(&claim, attempt.now, password.clone(), kept).await;
        let Some((fits, lane)) = evaluated else { return Outcome::Limited };
        // Begins now and is waited for at the end: every refusal takes as long.
        let refusal = match ways {
            Ways::All => self.refusal_after(attempt.organization).map(tokio::time::sleep),
            Ways::Local => None,
        };
        let proven = match candidate {
            Ok(account) if fits => self.accept(attempt, &account, how, fingerprint),
            Ok(_) => Err(Why::WrongPassword),
            Err(why) if elsewhere => {
                let preferred = lane == Lane::Preferred;
                let known = counted.known.as_ref();
                self.by_directory(&asked, preferred, known)
                    .await
                    .map_err(|other| other.unwrap_or(why))
            }
            Err(why) => Err(why),
        };
        match (proven, refusal) {
            (Ok(identity), _) => Outcome::Proven(identity),
            (Err(why), None) => Outcome::NotProven { why, claimed },
            (Err(why), Some(refusal)) => {
                refusal.await;
                Outcome::NotProven { why, claimed }
            }
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
    ) -> Option<(bool, Lane)> {
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
        let fits = self.0.hasher.verify(lane, place, password, kept).await.ok()?;
        Some((fits, lane))
    }

    fn accept(
        &self,
        attempt: Attempt<'_>,
        account: &Arc<Account>,
        how: How,
        fingerprint: Option<Fingerprint>,
    ) -> Result<Identity, Why> {
        let identity = self.identify(attempt, account, how, attempt.now).ok_or(Why::Changed)?;
        self.0.limits.proven(&account.id, attempt.client, attempt.now);
        if let Some(fingerprint) = fingerprint {
            self.0.recent.remember(fingerprint, account, attempt.now);
        }
        Ok(identity)
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
        self.counts(&person, at).then_some(Identity {
            person,
            user_name,
            how,
            at,
            epoch: account.epoch,
            device: None,
            grant: None,
            session: None,
            ends: None,
            outside: None,
        })
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
