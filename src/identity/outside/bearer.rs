//! Bearer tokens that a client brings along (RFC 6750): modern authentication of mail clients.
//!
//! The system behind takes the same token as its own login, so it goes on to it. What was verified
//! a moment ago is remembered under a keyed hash, and failures are not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::{Attempt, Authenticator, How, Identity, Outcome, Why};
use super::issuer::Rejection;
use super::known;
use super::token::{Claims, Expected, Purpose};
use super::{Bearers, Proof};
use crate::clock;
use crate::identifier::ProviderId;
use crate::policy::Person;

/// How long a token is taken without being verified again; and never past its end.
const ACCEPTED_FOR: SignedDuration = SignedDuration::from_mins(5);
const MOST: usize = 4096;
/// No token is longer.
const LONGEST: usize = 16 * 1024;

type Fingerprint = [u8; 32];

/// Tokens that were verified a moment ago.
pub(super) struct Accepted {
    key: hmac::Key,
    entries: Mutex<HashMap<Fingerprint, (Identity, Timestamp)>>,
}

impl Accepted {
    pub(super) fn new() -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &clock::random_bytes::<32>());
        Self { key, entries: Mutex::default() }
    }

    /// After a change of the configuration, nothing counts that the old one let count.
    pub(super) fn forget(&self) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn fingerprint(&self, attempt: &Attempt<'_>, taken: &[ProviderId], token: &str) -> Fingerprint {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(attempt.organization.as_str().as_bytes());
        for provider in taken {
            context.update(b"\0");
            context.update(provider.as_str().as_bytes());
        }
        context.update(b"\0\0");
        context.update(token.as_bytes());
        let mut fingerprint = [0; 32];
        for (slot, byte) in fingerprint.iter_mut().zip(context.sign().as_ref()) {
            *slot = *byte;
        }
        fingerprint
    }

    fn get(&self, fingerprint: &Fingerprint, now: Timestamp) -> Option<Identity> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (identity, until) = entries.get(fingerprint)?;
        (identity.at <= now && now < *until).then(|| identity.clone())
    }

    fn put(&self, fingerprint: Fingerprint, identity: &Identity, ends: Timestamp, now: Timestamp) {
        let until = now.checked_add(ACCEPTED_FOR).map_or(ends, |until| until.min(ends));
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MOST {
            entries.retain(|_, (_, until)| *until > now);
        }
        if entries.len() < MOST {
            entries.insert(fingerprint, (identity.clone(), until));
        }
    }
}

impl Authenticator {
    /// Whether a site that takes these providers takes bearer tokens.
    #[must_use]
    pub fn takes_bearer(&self, taken: &[ProviderId]) -> bool {
        let providers = self.0.outside.providers.load();
        taken.iter().any(|id| providers.bearers.contains_key(id))
    }

    /// Proves the token of an `Authorization: Bearer` header, at a site that takes these providers.
    pub async fn bearer(
        &self,
        attempt: Attempt<'_>,
        taken: &[ProviderId],
        authorization: &HeaderValue,
    ) -> Outcome {
        match token_of(authorization) {
            Some(token) => self.token(attempt, taken, token).await,
            None => Outcome::NotProven { why: Why::Malformed, claimed: None },
        }
    }

    /// Proves a token that came by another way, at a site that takes these providers.
    pub async fn token(&self, attempt: Attempt<'_>, taken: &[ProviderId], token: &str) -> Outcome {
        let not_proven = |why| Outcome::NotProven { why, claimed: None };
        if !is_token(token) {
            return not_proven(Why::Malformed);
        }
        let accepted = &self.0.outside.accepted;
        let fingerprint = accepted.fingerprint(&attempt, taken, token);
        if let Some(identity) = accepted.get(&fingerprint, attempt.now) {
            return self.eligible(attempt, identity);
        }
        if !self.admits_stranger(attempt.client, attempt.now) {
            return Outcome::Limited;
        }
        let Some(issuer) = claimed_issuer(token) else { return not_proven(Why::Malformed) };
        let providers = self.0.outside.providers.load_full();
        let mut why = Why::Token;
        for id in taken {
            let Some(bearers) = providers.bearers.get(id) else { continue };
            if bearers.issuer.rules.issuer != issuer {
                continue;
            }
            match self.verify_bearer(&attempt, bearers, token).await {
                Ok((identity, ends)) => {
                    // What was verified by a configuration that is gone is not kept.
                    if !Arc::ptr_eq(&providers, &self.0.outside.providers.load()) {
                        return Outcome::NotProven { why: Why::Changed, claimed: None };
                    }
                    accepted.put(fingerprint, &identity, ends, attempt.now);
                    return self.eligible(attempt, identity);
                }
                Err(found) => why = found,
            }
        }
        not_proven(why)
    }

    fn eligible(&self, attempt: Attempt<'_>, identity: Identity) -> Outcome {
        let person = identity.person();
        if (attempt.eligible)(person)
            && self.counts(person, identity.at)
            && self.person_stands(person)
        {
            return Outcome::Proven(identity);
        }
        let claimed = Some(identity.user_name().clone());
        Outcome::NotProven { why: Why::NotEligible, claimed }
    }

    async fn verify_bearer(
        &self,
        attempt: &Attempt<'_>,
        bearers: &Bearers,
        token: &str,
    ) -> Result<(Identity, Timestamp), Why> {
        let rules = &bearers.issuer.rules;
        let audiences = &bearers.bearer.audiences;
        let now = attempt.now;
        let expected = Expected { rules, audiences, purpose: Purpose::Access, now };
        let claims = bearers.issuer.verify(token, &expected).await.map_err(|rejection| {
            tracing::debug!(
                error = crate::telemetry::chain(&rejection),
                "a bearer token is not taken"
            );
            match rejection {
                Rejection::Silence(_) => Why::Provider,
                Rejection::Token(_) => Why::Token,
            }
        })?;
        let described = known::read(&claims, rules).map_err(|_| Why::Token)?;
        let ends = instant(&claims, "exp").ok_or(Why::Token)?;
        let person = Person::new(
            attempt.organization.clone(),
            bearers.people_of.clone(),
            &described.subject,
        );
        if !described.in_group {
            return Err(Why::Group);
        }
        self.remember(&person, &described, now).await;
        let proof = Proof {
            user_name: described.user_name.as_str().to_owned(),
            sub: described.sub,
            sid: described.session,
            multi_factor: described.multi_factor,
            groups: described.groups,
        };
        let identity = Identity {
            person,
            user_name: described.user_name,
            how: How::Bearer,
            // When it was given out: one from before a person's end counts no longer.
            at: instant(&claims, "iat").unwrap_or(Timestamp::UNIX_EPOCH),
            epoch: 0,
            device: None,
            grant: None,
            session: None,
            // As long as another request could begin with it.
            ends: Some(ends.checked_add(rules.clock_skew).unwrap_or(ends)),
            outside: Some(Arc::new(proof)),
        };
        Ok((identity, ends))
    }
}

fn token_of(authorization: &HeaderValue) -> Option<&str> {
    let text = authorization.to_str().ok().filter(|text| text.len() <= LONGEST)?;
    let (scheme, token) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !text.is_empty() && text.len() <= LONGEST && text.bytes().all(fits)
}

/// Who a token says has issued it: tells which issuer's keys to try, and proves nothing.
pub(super) fn claimed_issuer(token: &str) -> Option<String> {
    let (_, rest) = token.split_once('.')?;
    let (payload, _) = rest.split_once('.')?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok().filter(|bytes| bytes.len() <= LONGEST)?;
    let claims: Claims = serde_json::from_slice(&payload).ok()?;
    claims.get("iss").and_then(Value::as_str).map(str::to_owned)
}

fn instant(claims: &Claims, claim: &str) -> Option<Timestamp> {
    let end = claims.get(claim)?;
    #[expect(clippy::cast_possible_truncation, reason = "its bounds were checked by `verify`")]
    let seconds = end.as_i64().or_else(|| end.as_f64().map(|seconds| seconds as i64))?;
    Timestamp::from_second(seconds).ok()
}
