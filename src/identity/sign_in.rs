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
        if sealed_for != organization.as_str() || life.is_over(now) || self.has_ended(&life.id) {
            return None;
        }
        if let Some(proof) = outside {
            let provider = ProviderId::parse(&provider).ok()?;
            let began = life.began;
            if !self.0.outside.still(organization, &provider, epoch, &proof, began)
                && !self.directory_vouches(organization, &provider, &subject, epoch)
            {
                return None;
            }
            let person = Person::new(organization.clone(), provider, &subject);
            return self.counts(&person, began).then_some(Identity {
                person,
                user_name: UserName::parse(&proof.user_name).ok()?,
                how: How::Session,
                at: began,
                epoch,
                device: None,
                grant: None,
                session: Some(life),
                ends: None,
                outside: Some(Arc::new(proof)),
            });
        }
        let directory = self.0.directory.load();
        let account = directory.still(organization, &AccountId::of(&subject), epoch)?;
        let person = directory.person(account)?;
        let counts = self.counts(&person, life.began);
        (counts && person.provider().as_str() == provider).then(|| Identity {
            person,
            user_name: account.name.clone(),
            how: How::Session,
            at: life.began,
            epoch,
            device: None,
            grant: None,
            session: Some(life),
            ends: None,
            outside: None,
        })
    }

    /// Whether what was proven of a person at this instant still counts: nobody has ended everything
    /// of theirs since.
    #[must_use]
    pub fn counts(&self, person: &Person, proven_at: Timestamp) -> bool {
        self.0.kept.load().counts(person, proven_at)
    }

    /// Whether an identity that was good at the beginning of something that lasts is good still: its
    /// account is as it was and not shut out by a directory, its session, grant or token has not
    /// ended, and nobody has ended everything of the person's. Idleness plays no part while something runs.
    #[must_use]
    pub fn still_counts(&self, identity: &Identity, now: Timestamp) -> bool {
        let Identity { person, session, grant, outside, at, epoch, ends, .. } = identity;
        let runs =
            session.as_ref().is_none_or(|life| now < life.ends() && !self.has_ended(&life.id));
        let lasts = ends.is_none_or(|ends| now < ends);
        let granted =
            grant.as_ref().is_none_or(|grant| self.0.kept.load().has_grant(&grant.id, now));
        let account = match (outside, session) {
            (Some(proof), Some(_)) => {
                let (organization, provider) = (person.organization(), person.provider());
                self.0.outside.still(organization, provider, *epoch, proof, *at)
                    || self.directory_vouches(organization, provider, person.subject(), *epoch)
            }
            // A token stands for itself, and so does a directory's answer.
            (Some(_), None) => true,
            (None, _) => self.epoch_of(person) == Some(*epoch),
        };
        let stands = account && self.person_stands(person) && self.counts(person, *at);
        runs && lasts && granted && stands
    }

    /// The epoch of a person's account now; none where it is locked or gone. People of other
    /// providers have none that changes.
    pub(super) fn epoch_of(&self, person: &Person) -> Option<i64> {
        let directory = self.0.directory.load();
        if directory.providers().get(person.organization()) != Some(person.provider()) {
            return Some(0);
        }
        directory.epoch(person.organization(), &AccountId::of(person.subject()))
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
