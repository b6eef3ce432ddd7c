//! A browser comes back from a provider with a code, and the code becomes a proof.
//!
//! Always holds: before the code is shown to anybody, this browser began this very sign-in and the
//! answer is the asked provider's own; no answer counts twice.

use std::sync::{Arc, PoisonError};

use aws_lc_rs::constant_time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::form::percent_decode;
use super::super::{Authenticator, How, Identity, Next};
use super::client::Silence;
use super::departure::{self, Journey, encoded, form};
use super::hint::IdToken;
use super::issuer::Metadata;
use super::known::{self, Described};
use super::token::{self, Expected, Purpose, TokenError};
use super::{OutsideError, Portal, Proof};
use crate::config::{AssertionAudience, ClientAuthentication, ClientSecret, Oidc};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::Person;
use crate::store::KnownPerson;

/// RFC 7523 section 2.2
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Somebody who comes back.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Whose site it is.
    pub organization: &'a OrganizationId,
    /// The providers that the site takes.
    pub accepted: &'a [ProviderId],
    /// The one client address of the request.
    pub client: std::net::IpAddr,
    /// Where this is, as the provider was told.
    pub redirect_uri: &'a str,
    /// The query of the address.
    pub query: &'a str,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// Whether the browser's connection is protected.
    pub secure: bool,
    /// The instant of the request.
    pub now: Timestamp,
}

/// Somebody who has been proven.
#[derive(Debug, Clone)]
pub struct Arrived {
    /// Who it is.
    pub identity: Identity,
    /// Where they wanted to go.
    pub next: Next,
    /// What the provider said, for when they sign out there.
    pub token: IdToken,
}

/// The query of the address that a provider sends a browser back to.
#[derive(Default)]
struct Answer {
    code: Option<Zeroizing<String>>,
    state: Option<String>,
    issuer: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Exchanged {
    id_token: Option<String>,
    error: Option<String>,
}

impl Authenticator {
    /// A `Set-Cookie` to send with every answer to a browser that comes back: its sign-in is over,
    /// however it ended. None where it began none with this state; others that it is on go on.
    #[must_use]
    pub fn journey_ended(&self, arrival: &Arrival<'_>) -> Option<HeaderValue> {
        let answer = Answer::read(arrival.query)?;
        let kept = (arrival.headers, arrival.secure, arrival.now);
        let (cookie, _) = self.journey_of(kept, &answer)?;
        Some(departure::ended(cookie, arrival.secure))
    }

    /// Whose provider the answer in this query comes from, as the browser's own cookie has it: for
    /// an address that several organisations share.
    #[must_use]
    pub fn arriving_at(
        &self,
        query: &str,
        headers: &HeaderMap,
        secure: bool,
        now: Timestamp,
    ) -> Option<OrganizationId> {
        let (_, journey) = self.journey_of((headers, secure, now), &Answer::read(query)?)?;
        OrganizationId::parse(&journey.organization).ok()
    }

    /// Turns the answer of a provider into a proof.
    ///
    /// # Errors
    /// [`OutsideError`]; nothing is proven then.
    pub async fn arrive(&self, arrival: Arrival<'_>) -> Result<Arrived, OutsideError> {
        if !self.admits_stranger(arrival.client, arrival.now) {
            return Err(OutsideError::Limited);
        }
        let answer = Answer::read(arrival.query).ok_or(OutsideError::Stray("it is unclear"))?;
        let journey = self.own_journey(&arrival, &answer)?;
        let provider = ProviderId::parse(&journey.provider)
            .ok()
            .filter(|id| arrival.accepted.contains(id))
            .ok_or(OutsideError::Stray("the site does not take this provider"))?;
        let providers = self.0.outside.providers.load_full();
        let portal = providers
            .portal(arrival.organization, &provider)
            .ok_or(OutsideError::Stray("there is no such provider any more"))?;
        let away = |silence: Silence| OutsideError::Provider(Box::new(silence));
        let metadata = portal.issuer.metadata().await.map_err(away)?;
        // RFC 9207: whoever is asked at several providers must know whose answer this is.
        match &answer.issuer {
            Some(issuer) if *issuer == portal.issuer.rules.issuer => {}
            None if !metadata.names_itself => {}
            _ => return Err(OutsideError::Stray("it is another provider's answer")),
        }
        if let Some(error) = answer.error {
            return Err(OutsideError::Ended(error));
        }
        let code = answer.code.ok_or(OutsideError::Stray("it has no code"))?;
        let token = exchange(portal, &journey, &code, arrival.now).await?;
        let described = prove(portal, &token, &journey.nonce, arrival.now).await?;
        let identity = self.described(&arrival, portal, described).await?;
        Ok(Arrived { identity, next: Next::new(&journey.next), token: IdToken(token) })
    }

    /// The journey that this answer belongs to: this browser's, begun here, not answered before.
    fn own_journey(&self, arrival: &Arrival<'_>, answer: &Answer) -> Result<Journey, OutsideError> {
        let kept = (arrival.headers, arrival.secure, arrival.now);
        let (_, journey) = self.journey_of(kept, answer).ok_or(OutsideError::Stray(
            "this browser began none with its state, or too long ago",
        ))?;
        if journey.organization != arrival.organization.as_str()
            || journey.redirect_uri != arrival.redirect_uri
        {
            return Err(OutsideError::Stray("it began at another site"));
        }
        let mut answered = self.0.outside.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if !answered.is_first(&journey.state, arrival.now) {
            return Err(OutsideError::Stray("it was answered before"));
        }
        Ok(journey)
    }

    /// The journey with this answer's state, of those that the browser is on.
    fn journey_of(
        &self,
        (headers, secure, now): (&HeaderMap, bool, Timestamp),
        answer: &Answer,
    ) -> Option<(&'static str, Journey)> {
        let state = answer.state.as_deref().unwrap_or_default();
        let same = |(_, journey): &(&str, Journey)| {
            constant_time::verify_slices_are_equal(journey.state.as_bytes(), state.as_bytes())
                .is_ok()
        };
        let under_way = self.journeys(headers, secure, now);
        under_way.into_iter().find(same)
    }

    async fn described(
        &self,
        arrival: &Arrival<'_>,
        portal: &Portal,
        described: Described,
    ) -> Result<Identity, OutsideError> {
        let person =
            Person::new(arrival.organization.clone(), portal.id.clone(), &described.subject);
        if !described.in_group {
            return Err(OutsideError::Group);
        }
        self.remember(&person, &described, arrival.now).await;
        let proof = Proof {
            user_name: described.user_name.as_str().to_owned(),
            sub: described.sub,
            sid: described.session,
            multi_factor: described.multi_factor,
            groups: described.groups,
        };
        Ok(Identity {
            person,
            user_name: described.user_name,
            how: How::Oidc,
            at: arrival.now,
            epoch: portal.epoch,
            device: None,
            grant: None,
            session: None,
            ends: None,
            outside: Some(Arc::new(proof)),
        })
    }

    /// Keeps how a provider describes somebody, so that an exemption can be given by name: of those
    /// who may come in alone, or strangers could take a name that a clerk then means.
    pub(super) async fn remember(&self, person: &Person, described: &Described, now: Timestamp) {
        let known = KnownPerson {
            person: person.clone(),
            user_name: described.user_name.clone(),
            display_name: described.name.clone(),
            mail: described.mail.clone(),
            telephone: described.telephone.clone(),
            last_seen: now,
        };
        self.learn_name(person, &described.user_name);
        if let Err(error) = self.0.store.remember_person(&known).await {
            tracing::warn!(
                error = crate::telemetry::chain(&error),
                "who signed in could not be remembered; an exemption by name may not find them"
            );
        }
    }
}

/// Shows the code, the PKCE verifier and which client this is to the provider.
async fn exchange(
    portal: &Portal,
    journey: &Journey,
    code: &str,
    now: Timestamp,
) -> Result<Zeroizing<String>, OutsideError> {
    let away = |silence: Silence| OutsideError::Provider(Box::new(silence));
    let metadata = portal.issuer.metadata().await.map_err(away)?;
    let nonsense =
        |why: &str| away(Silence::Nonsense(portal.issuer.rules.issuer.clone(), why.to_owned()));
    let Some(endpoint) = &metadata.token_endpoint else {
        return Err(nonsense("it names no `token_endpoint`"));
    };
    let mut parameters = vec![
        ("grant_type", "authorization_code".to_owned()),
        ("code", code.to_owned()),
        ("redirect_uri", journey.redirect_uri.clone()),
        ("code_verifier", journey.verifier.clone()),
    ];
    let authorization = authenticate(portal, &metadata, endpoint, &mut parameters, now)
        .ok_or_else(|| nonsense("no assertion could be made for it"))?;
    let (status, body) = portal
        .issuer
        .client
        .post(endpoint, authorization, form(&parameters))
        .await
        .map_err(away)?;
    let answer: Exchanged = serde_json::from_slice(&body)
        .map_err(|_| nonsense("the code was answered with no JSON"))?;
    match (status, answer.id_token, answer.error) {
        (StatusCode::OK, Some(token), _) => Ok(Zeroizing::new(token)),
        (status, _, Some(error)) if status.is_client_error() => {
            Err(OutsideError::Ended(word(&error)))
        }
        _ => Err(nonsense("the code was answered with no `id_token`")),
    }
}

/// Shows which client this is: by a key of ours, by the secret, or, where there is neither, by its
/// name alone. None only where signing fails.
fn authenticate(
    portal: &Portal,
    metadata: &Metadata,
    endpoint: &Uri,
    parameters: &mut Vec<(&'static str, String)>,
    now: Timestamp,
) -> Option<Option<HeaderValue>> {
    let Oidc { client_id, client_key, client_secret, client_authentication, .. } = &*portal.oidc;
    if let (Some(assertions), Some(key)) = (&portal.assertions, client_key) {
        let audience = match key.audience {
            AssertionAudience::TokenEndpoint => endpoint.to_string(),
            AssertionAudience::Issuer => portal.issuer.rules.issuer.clone(),
        };
        let assertion = assertions.make(client_id, &audience, now)?;
        parameters.push(("client_id", client_id.clone()));
        parameters.push(("client_assertion_type", ASSERTION_TYPE.to_owned()));
        parameters.push(("client_assertion", assertion.to_string()));
        return Some(None);
    }
    let in_form = match client_authentication {
        ClientAuthentication::Auto => metadata.secret_in_form,
        ClientAuthentication::Basic | ClientAuthentication::PrivateKeyJwt => false,
        ClientAuthentication::Post => true,
    };
    Some(match client_secret {
        Some(secret) if !in_form => basic(client_id, secret),
        secret => {
            parameters.push(("client_id", client_id.clone()));
            if let Some(secret) = secret {
                parameters.push(("client_secret", secret.reveal().to_owned()));
            }
            None
        }
    })
}

/// RFC 6749 section 2.3.1: both parts are encoded as in a form first.
fn basic(client: &str, secret: &ClientSecret) -> Option<HeaderValue> {
    let both = Zeroizing::new(format!("{}:{}", encoded(client), encoded(secret.reveal())));
    HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(both.as_bytes()))).ok()
}

async fn prove(
    portal: &Portal,
    token: &str,
    nonce: &str,
    now: Timestamp,
) -> Result<Described, OutsideError> {
    let audiences = [portal.oidc.client_id.clone()];
    let rules = &portal.issuer.rules;
    let expected = Expected { rules, audiences: &audiences, purpose: Purpose::Id, now };
    let claims = portal.issuer.verify(token, &expected).await.map_err(OutsideError::of)?;
    let wrong = |error: TokenError| OutsideError::Proof(Box::new(error));
    let found = token::text(&claims, "nonce").map_err(wrong)?;
    constant_time::verify_slices_are_equal(found.as_bytes(), nonce.as_bytes())
        .map_err(|_| wrong(TokenError::Nonce))?;
    known::read(&claims, rules).map_err(wrong)
}

impl Answer {
    /// None where a parameter stands twice, is no text, or is longer than any provider makes it.
    fn read(query: &str) -> Option<Self> {
        if query.len() > 8192 {
            return None;
        }
        let mut answer = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=')?;
            let value = String::from_utf8(percent_decode(value.as_bytes(), true)?).ok()?;
            let before = match name {
                "code" => answer.code.replace(Zeroizing::new(value)).is_some(),
                "state" => answer.state.replace(value).is_some(),
                "iss" => answer.issuer.replace(value).is_some(),
                "error" => answer.error.replace(word(&value)).is_some(),
                _ => false,
            };
            if before {
                return None;
            }
        }
        Some(answer)
    }
}

/// An error's code as it may stand in the log.
fn word(text: &str) -> String {
    let fits = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    text.chars().filter(fits).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_can_be_read_two_ways_is_not_read() {
        let read = |query: &str| Answer::read(query).is_some();
        assert!(read("code=a&state=b&iss=https%3A%2F%2Fx&session_state=1"));
        for query in
            ["code=a&code=b", "state=a&state=a", "iss=a&iss=b", "code", "code=%zz", "code=%ff"]
        {
            assert!(!read(query), "{query}");
        }
        assert!(!read(&format!("code={}", "a".repeat(9000))));
    }

    #[test]
    fn what_a_provider_says_went_wrong_cannot_write_into_the_log() {
        let answer = Answer::read("error=access_denied%0d%0aevil%1b%5b").unwrap();
        assert_eq!(answer.error.as_deref(), Some("access_deniedevil"));
    }
}
