//! A provider says by itself that somebody signed out (OpenID Connect Back-Channel Logout 1.0).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::super::Authenticator;
use super::super::form::percent_decode;
use super::token::{self, Claims, Expected, Purpose, TokenError};
use super::{LOGOUTS_CONCERN, OutsideError, Portal, bearer};
use crate::identifier::{OrganizationId, ProviderId};
use crate::store::{LogoutOf, ProviderLogout};

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// Why nobody was signed out.
#[derive(Debug, thiserror::Error)]
pub enum LogoutRefused {
    /// Too many came from this address; nothing was looked at.
    #[error("too many came from this address")]
    Limited,
    /// It is no logout token of a provider that this organisation has.
    #[error("it is no logout token of a provider of this organisation")]
    Token(#[source] OutsideError),
    /// The provider's keys could not be had.
    #[error("it could not be verified now")]
    Later(#[source] OutsideError),
    /// This process knows, and the store does not.
    #[error("the other nodes could not be told")]
    Store(#[source] crate::store::StoreError),
}

impl Authenticator {
    /// Ends the sessions that a provider's logout token names, on all nodes. Gives the provider.
    ///
    /// # Errors
    /// [`LogoutRefused`].
    pub async fn back_channel_logout(
        &self,
        organization: &OrganizationId,
        client: std::net::IpAddr,
        form: &[u8],
        now: Timestamp,
    ) -> Result<ProviderId, LogoutRefused> {
        if !self.admits_stranger(client, now) {
            return Err(LogoutRefused::Limited);
        }
        let malformed =
            || LogoutRefused::Token(OutsideError::Proof(Box::new(TokenError::Malformed)));
        let token = token_of(form).ok_or_else(malformed)?;
        let issuer = bearer::claimed_issuer(&token).ok_or_else(malformed)?;
        let providers = self.0.outside.providers.load_full();
        let of_issuer = providers.portals.values().filter(|portal| {
            portal.issuer.rules.issuer == issuer
                && providers.portal(organization, &portal.id).is_some()
        });
        let mut refused = malformed();
        for portal in of_issuer {
            match verify(portal, &token, now).await {
                Ok(ended) => {
                    self.end_elsewhere(ended, now).await?;
                    return Ok(portal.id.clone());
                }
                Err(why @ OutsideError::Provider(_)) => refused = LogoutRefused::Later(why),
                Err(why) => refused = LogoutRefused::Token(why),
            }
        }
        Err(refused)
    }

    /// In memory first: whatever the store does, this node knows at once.
    async fn end_elsewhere(
        &self,
        logout: ProviderLogout,
        now: Timestamp,
    ) -> Result<(), LogoutRefused> {
        let oldest = now.checked_sub(LOGOUTS_CONCERN).unwrap_or(Timestamp::MIN);
        self.0.outside.logouts.rcu(|known| known.and(&logout).since(oldest));
        self.0.store.end_provider_sessions(&logout).await.map_err(LogoutRefused::Store)
    }
}

async fn verify(
    portal: &Portal,
    token: &str,
    now: Timestamp,
) -> Result<ProviderLogout, OutsideError> {
    let audiences = [portal.oidc.client_id.clone()];
    let rules = &portal.issuer.rules;
    let expected = Expected { rules, audiences: &audiences, purpose: Purpose::Logout, now };
    let claims = portal.issuer.verify(token, &expected).await.map_err(OutsideError::of)?;
    let of = whose(&claims).map_err(|error| OutsideError::Proof(Box::new(error)))?;
    // A token that is shown again later ends nothing that began in between.
    let issued = claims.get("iat").and_then(Value::as_i64);
    let issued = issued.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(now);
    let skew = SignedDuration::try_from(rules.clock_skew).unwrap_or_default();
    let at = issued.checked_add(skew).map_or(now, |latest| latest.min(now));
    Ok(ProviderLogout { provider: portal.id.clone(), of, at })
}

/// Sections 2.4 and 2.6.
fn whose(claims: &Claims) -> Result<LogoutOf, TokenError> {
    let event = claims.get("events").and_then(|events| events.get(EVENT));
    if !event.is_some_and(Value::is_object) {
        return Err(TokenError::Claim("events".to_owned()));
    }
    if claims.contains_key("nonce") {
        return Err(TokenError::Kind);
    }
    token::text(claims, "jti")?;
    let name = |claim: &str| match claims.get(claim) {
        Some(_) => token::text(claims, claim).map(|text| Some(text.to_owned())),
        None => Ok(None),
    };
    match (name("sid")?, name("sub")?) {
        (Some(session), _) => Ok(LogoutOf::Session(session)),
        (None, Some(subject)) => Ok(LogoutOf::Subject(subject)),
        (None, None) => Err(TokenError::Claim("sub".to_owned())),
    }
}

fn token_of(form: &[u8]) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    let mut found = form.split('&').filter_map(|pair| pair.strip_prefix("logout_token="));
    let (value, None) = (found.next()?, found.next()) else { return None };
    String::from_utf8(percent_decode(value.as_bytes(), true)?).ok()
}
