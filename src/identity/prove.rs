//! A name and a password become an identity, or the one refusal that tells nothing.

use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderValue;
use jiff::Timestamp;

use super::attempt::{Attempt, Outcome, Why};
use super::hasher::Lane;
use super::ldap::ByDirectory;
use super::limits::{Admission, Claim};
use super::recent::Fingerprint;
use super::{Authenticator, How, Identity, Password, SignInForm, basic};
use crate::policy::UserName;
use crate::store::Account;

/// What a login is that came along with a request that does not depend on it.
#[derive(Debug)]
pub enum Beside {
    /// A local account's.
    Ours(Box<Identity>),
    /// One of the upstream's own; `guessed` where it names a local account, the first time in a
    /// while.
    Foreign {
        /// The account that it names with another password.
        guessed: Option<UserName>,
    },
    /// It names a local account, and nobody can say now whether its password is that account's.
    Undecided,
}

/// Who is asked about a name and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ways {
    /// The accounts in the store, then the organisation's directories.
    All,
    /// The accounts in the store.
    Local,
}

impl Authenticator {
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

    /// What a login is that came along although nobody asked for it. Its failures are remembered for
    /// a while, here alone: a town hall whose mail clients log in to the upstream under the names of
    /// local accounts must not spend its own allowance of attempts on that. A locked account is
    /// compared as well: its password is still its owner's.
    pub async fn beside(&self, attempt: Attempt<'_>, authorization: &HeaderValue) -> Beside {
        const FOREIGN: Beside = Beside::Foreign { guessed: None };
        let Some(claimed) = basic::read(authorization) else { return FOREIGN };
        let Ok(name) = UserName::parse(&claimed.name) else { return FOREIGN };
        let account = {
            let directory = self.0.directory.load();
            directory.named(attempt.organization, &name).map(Arc::clone)
        };
        let Some(account) = account else { return FOREIGN };
        if !self.0.hasher.is_own(&account.password_hash) {
            return Beside::Undecided;
        }
        let foreign = &self.0.foreign;
        let fingerprint = foreign.fingerprint(attempt.organization, &name, &claimed.password);
        if foreign.compared_at(&fingerprint, &account, attempt.now).is_some() {
            return FOREIGN;
        }
        let password = claimed.password;
        match self.prove(attempt, How::Basic, name.as_str(), password, Ways::Local).await {
            Outcome::Proven(_) if account.locked => Beside::Undecided,
            Outcome::Proven(identity) => Beside::Ours(Box::new(identity)),
            Outcome::NotProven { why: Why::WrongPassword, .. } => {
                foreign.remember(fingerprint, &account, attempt.now);
                Beside::Foreign { guessed: Some(name) }
            }
            // No account has such a password.
            Outcome::NotProven { why: Why::Malformed, .. } => FOREIGN,
            Outcome::NotProven { .. } | Outcome::Limited => Beside::Undecided,
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

    /// Proves the login of a mail program, of which the server behind is to get the same.
    pub async fn mail(&self, attempt: Attempt<'_>, name: &str, password: Password) -> Outcome {
        self.prove(attempt, How::Mail, name, password, Ways::All).await
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
        let candidate =
            self.candidate(attempt, (claimed.as_ref(), account.as_ref()), &password, ways);
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
        (name, account): (Option<&UserName>, Option<&Arc<Account>>),
        password: &Password,
        ways: Ways,
    ) -> Result<Arc<Account>, Why> {
        if name.is_none() || password.is_too_long() {
            return Err(Why::Malformed);
        }
        let account = account.ok_or(Why::UnknownAccount)?;
        let person = self.0.directory.load().person(account).ok_or(Why::UnknownAccount)?;
        if account.locked && ways == Ways::All {
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
}
