//! The session of an [`Authenticator`]: begun after a sign-in, renewed while it is used, ended for good
//! by signing out.

use std::sync::{Arc, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::session::{self, Content, Life, SESSION_COOKIE, Seal};
use super::{Authenticator, How, Identity};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};
use crate::store::{AccountId, StoreError};

impl Authenticator {
    /// The person of the request's session, if it has a good one. The eligibility for a door is not
    /// looked at: a session proves who it is, the policy decides.
    #[must_use]
    pub fn session(
        &self,
        organization: &OrganizationId,
        headers: &HeaderMap,
        secure: bool,
        now: Timestamp,
    ) -> Option<Identity> {
        let value = session::cookie_value(headers, SESSION_COOKIE, secure)?;
        let Content { organization: sealed_for, provider, subject, epoch, life, outside } =
            self.0.seal.open(value, Seal::open)?;
        if sealed_for != organization.as_str()
            || life.is_over(now)
            || self.ended().contains_key(&life.id)
        {
            return None;
        }
        if let Some(proof) = outside {
            let provider = ProviderId::parse(&provider).ok()?;
            let began = life.began;
            if !self.0.outside.still(organization, &provider, epoch, &proof, began) {
                return None;
            }
            return Some(Identity {
                person: Person::new(organization.clone(), provider, &subject),
                user_name: UserName::parse(&proof.user_name).ok()?,
                how: How::Session,
                at: began,
                epoch,
                session: Some(life),
                outside: Some(Arc::new(proof)),
            });
        }
        let directory = self.0.directory.load();
        let account = directory.still(organization, &AccountId::of(&subject), epoch)?;
        let person = directory.person(account)?;
        (person.provider().as_str() == provider).then(|| Identity {
            person,
            user_name: account.name.clone(),
            how: How::Session,
            at: life.began,
            epoch,
            session: Some(life),
            outside: None,
        })
    }

    /// Begins a session: a `Set-Cookie` to send with the answer. None only where sealing fails.
    #[must_use]
    pub fn new_session(
        &self,
        identity: &Identity,
        secure: bool,
        now: Timestamp,
    ) -> Option<HeaderValue> {
        self.seal(identity, Life::begin(now), secure)
    }

    /// A `Set-Cookie` that renews the session this identity came from, where that is due.
    #[must_use]
    pub fn renew(&self, identity: &Identity, secure: bool, now: Timestamp) -> Option<HeaderValue> {
        let life = identity.session.as_ref()?.renew(now)?;
        self.seal(identity, life, secure)
    }

    /// Ends every session that the request carries, for good, and gives the `Set-Cookie` that removes
    /// the cookie. Where the store fails, this process still knows that they have ended.
    pub async fn end_session(
        &self,
        headers: &HeaderMap,
        secure: bool,
        now: Timestamp,
    ) -> HeaderValue {
        let carried: Vec<Life> = session::cookie_values(headers, SESSION_COOKIE, secure)
            .take(4)
            .filter_map(|value| self.0.seal.open(value, Seal::open))
            .map(|content: Content| content.life)
            .filter(|life| !life.is_over(now))
            .collect();
        for life in carried {
            if self.ended().insert(life.id.clone(), life.ends()).is_some() {
                continue;
            }
            if let Err(error) = self.0.store.end_session(&life.id, life.ends(), now).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a sign-out is known to this process only, until the store answers"
                );
                self.untold().push((life.id.clone(), life.ends()));
            }
        }
        session::remove_cookie(SESSION_COOKIE, secure)
    }

    /// Tells the store of the sign-outs that it could not be told of before.
    ///
    /// # Errors
    /// [`StoreError`] where it still cannot be; they wait on.
    pub async fn tell_sign_outs(&self, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let first = self.untold().last().cloned();
            let Some((id, ends)) = first else { return Ok(()) };
            if ends > now {
                self.0.store.end_session(&id, ends, now).await?;
            }
            self.untold().retain(|(other, _)| *other != id);
        }
    }

    fn untold(&self) -> MutexGuard<'_, Vec<(String, Timestamp)>> {
        self.0.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seal(&self, identity: &Identity, life: Life, secure: bool) -> Option<HeaderValue> {
        let content = Content {
            organization: identity.person.organization().to_string(),
            provider: identity.person.provider().to_string(),
            subject: identity.person.subject().to_owned(),
            epoch: identity.epoch,
            life,
            outside: identity.outside.as_deref().cloned(),
        };
        let value = self.0.seal.close(|seal| seal.close(&content))?;
        Some(session::set_cookie(SESSION_COOKIE, &value, secure))
    }
}
