//! Sending a browser to a provider, and the sealed cookie by which it is known when it comes back.
//!
//! Always holds: state, nonce and PKCE verifier are made anew for each departure and stand nowhere
//! but in this one browser's cookie; what leads back is a path on the same host.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::session::{Seal, cookie_value, remove_cookie, set_cookie};
use super::super::{Authenticator, Next};
use super::OutsideError;
use super::client::Silence;
use crate::clock;
use crate::identifier::{OrganizationId, ProviderId};

/// One cookie for each sign-in that a browser has under way, in as many windows: a new one takes the
/// place of the oldest.
pub(in crate::identity) const COOKIES: [&str; 3] =
    ["geovagt-oidc", "geovagt-oidc-2", "geovagt-oidc-3"];
/// Time enough for a second factor and a forgotten password.
const LONGEST: SignedDuration = SignedDuration::from_mins(15);

/// What is sealed in the cookie.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journey {
    pub(super) organization: String,
    pub(super) provider: String,
    pub(super) redirect_uri: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) next: String,
    pub(super) at: Timestamp,
}

/// Somebody who wants to be sent to a provider.
#[derive(Debug, Clone, Copy)]
pub struct Departing<'a> {
    /// Whose site it is.
    pub organization: &'a OrganizationId,
    /// To which provider.
    pub provider: &'a ProviderId,
    /// The one client address of the request.
    pub client: std::net::IpAddr,
    /// Where the provider sends the browser back to.
    pub redirect_uri: &'a str,
    /// Where it goes after that.
    pub next: &'a Next,
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// Whether the browser's connection is protected.
    pub secure: bool,
    /// The instant of the request.
    pub now: Timestamp,
}

/// Where a browser is sent, and the cookie that it takes along.
#[derive(Debug, Clone)]
pub struct Departure {
    /// For the `Location` header.
    pub location: String,
    /// A `Set-Cookie`.
    pub set_cookie: HeaderValue,
}

impl Authenticator {
    /// Sends a browser to a provider.
    ///
    /// # Errors
    /// [`OutsideError`] where this organisation has no such provider, or it gives no answer.
    pub async fn depart(&self, departing: Departing<'_>) -> Result<Departure, OutsideError> {
        let Departing { organization, provider, now, .. } = departing;
        if !self.admits_stranger(departing.client, now) {
            return Err(OutsideError::Limited);
        }
        let outside = &self.0.outside;
        let providers = outside.providers.load_full();
        let portal = providers
            .portal(organization, provider)
            .ok_or(OutsideError::Stray("there is no such provider here"))?;
        let away = |silence: Silence| OutsideError::Provider(Box::new(silence));
        let metadata = portal.issuer.metadata().await.map_err(away)?;
        let Some(endpoint) = &metadata.authorization_endpoint else {
            let why = "it names no `authorization_endpoint`".to_owned();
            return Err(away(Silence::Nonsense(portal.issuer.rules.issuer.clone(), why)));
        };
        let journey = Journey {
            organization: organization.to_string(),
            provider: provider.to_string(),
            redirect_uri: departing.redirect_uri.to_owned(),
            state: secret(),
            nonce: secret(),
            verifier: secret(),
            next: departing.next.as_str().to_owned(),
            at: now,
        };
        let mut scopes = vec!["openid"];
        scopes.extend(portal.oidc.scopes.iter().map(String::as_str).filter(|s| *s != "openid"));
        let challenge = digest::digest(&digest::SHA256, journey.verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(challenge.as_ref());
        let mut parameters = vec![
            ("response_type", "code".to_owned()),
            ("client_id", portal.oidc.client_id.clone()),
            ("redirect_uri", journey.redirect_uri.clone()),
            ("scope", scopes.join(" ")),
            ("state", journey.state.clone()),
            ("nonce", journey.nonce.clone()),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256".to_owned()),
        ];
        if !portal.oidc.acr_values.is_empty() {
            parameters.push(("acr_values", portal.oidc.acr_values.join(" ")));
        }
        let sealed = outside
            .journeys
            .close(|seal| seal.close(&journey))
            .ok_or(OutsideError::Stray("no seal"))?;
        Ok(Departure {
            location: with_parameters(&endpoint.to_string(), &parameters),
            set_cookie: set_cookie(
                self.free_cookie(departing.headers, departing.secure, now),
                &sealed,
                departing.secure,
            ),
        })
    }

    /// Where somebody signs out at the provider too, and comes back to `return_to` afterwards; none
    /// where it takes no notice of that, or gives no answer.
    pub async fn sign_out_elsewhere(
        &self,
        identity: &super::super::Identity,
        (headers, secure): (&HeaderMap, bool),
        return_to: &str,
    ) -> Option<String> {
        let (organization, provider) =
            (identity.person().organization(), identity.person().provider());
        let providers = self.0.outside.providers.load_full();
        let portal = providers.portal(organization, provider)?;
        let metadata = portal.issuer.metadata().await.ok()?;
        let endpoint = metadata.end_session_endpoint.as_ref()?.to_string();
        let mut parameters = vec![
            ("client_id", portal.oidc.client_id.clone()),
            ("post_logout_redirect_uri", return_to.to_owned()),
        ];
        if let Some(token) = self.hint(identity, headers, secure) {
            parameters.push(("id_token_hint", token.to_string()));
        }
        Some(with_parameters(&endpoint, &parameters))
    }

    /// The journeys that this browser is on and that are not too old, with their cookies.
    pub(super) fn journeys(
        &self,
        headers: &HeaderMap,
        secure: bool,
        now: Timestamp,
    ) -> Vec<(&'static str, Journey)> {
        let journey = |cookie| {
            let value = cookie_value(headers, cookie, secure)?;
            let journey: Journey = self.0.outside.journeys.open(value, Seal::open)?;
            let age = now.duration_since(journey.at);
            (age <= LONGEST && age > -SignedDuration::from_mins(1)).then_some((cookie, journey))
        };
        COOKIES.into_iter().filter_map(journey).collect()
    }

    /// The cookie for one journey more: one that holds none, else that of the oldest.
    fn free_cookie(&self, headers: &HeaderMap, secure: bool, now: Timestamp) -> &'static str {
        let [first, ..] = COOKIES;
        let mut taken = self.journeys(headers, secure, now);
        let is_free = |cookie: &&str| taken.iter().all(|(name, _)| name != cookie);
        if let Some(free) = COOKIES.into_iter().find(is_free) {
            return free;
        }
        taken.sort_by_key(|(_, journey)| journey.at);
        taken.first().map_or(first, |(cookie, _)| cookie)
    }
}

/// A `Set-Cookie` that ends the journey of this cookie.
pub(super) fn ended(cookie: &str, secure: bool) -> HeaderValue {
    remove_cookie(cookie, secure)
}

/// 256 bits that nobody guesses, in characters that PKCE allows (RFC 7636 section 4.1).
fn secret() -> String {
    URL_SAFE_NO_PAD.encode(clock::random_bytes::<32>())
}

fn with_parameters(endpoint: &str, parameters: &[(&str, String)]) -> String {
    let mut location = endpoint.to_owned();
    location.push(if endpoint.contains('?') { '&' } else { '?' });
    location.push_str(&form(parameters));
    location
}

/// `application/x-www-form-urlencoded`
pub(super) fn form(parameters: &[(&str, String)]) -> String {
    let pairs: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

/// Everything but RFC 3986's unreserved characters.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
