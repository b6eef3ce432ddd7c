//! Whether a token says what it says by right: the one verification of ID tokens, logout tokens and
//! bearer tokens.
//!
//! PURE. Always holds: the configuration names the algorithms and the key is the issuer's, whatever
//! the token itself proposes; a claim that is missing or of another type counts as wrong.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, Header, Validation};
use serde_json::{Map, Value};

use super::keys::KeySet;
use crate::config::{SigningAlgorithm, TokenRules};

/// What a token says.
pub(super) type Claims = Map<String, Value>;

/// A longer one is no token.
const LONGEST: usize = 16 * 1024;
/// An ID token or a logout token comes at once; one that is older was kept by somebody.
const OLDEST: i64 = 10 * 60;

/// What a token is taken for. One kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Who signed in.
    Id,
    /// That somebody signed out.
    Logout,
    /// That its bearer may use something.
    Access,
}

/// Why a token does not count. For the log alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    #[error("it is no token")]
    Malformed,
    #[error("it is signed with an algorithm that is not allowed")]
    Algorithm,
    #[error("it is a token of another kind")]
    Kind,
    #[error("its issuer has no such key")]
    UnknownKey,
    #[error("its signature is not its issuer's")]
    Signature,
    #[error("it was issued by somebody else")]
    Issuer,
    #[error("it is made out for somebody else")]
    Audience,
    #[error("it has expired, or was issued too long ago")]
    Expired,
    #[error("it is not valid yet")]
    NotYet,
    #[error("its nonce is not the one of this sign-in")]
    Nonce,
    #[error("its claim `{0}` is missing or of another type")]
    Claim(String),
}

/// Whom a token must be made out for, and by what rules.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) rules: &'a TokenRules,
    pub(super) audiences: &'a [String],
    pub(super) purpose: Purpose,
    pub(super) now: Timestamp,
}

/// The header, as far as it decides which key is needed.
pub(super) fn header(token: &str, expected: &Expected<'_>) -> Result<Header, TokenError> {
    if token.len() > LONGEST {
        return Err(TokenError::Malformed);
    }
    // `none` and what else is no algorithm does not even parse.
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenError::Algorithm)?;
    let allowed = expected.rules.algorithms.iter().any(|name| algorithm(*name) == header.alg);
    if !allowed {
        return Err(TokenError::Algorithm);
    }
    // RFC 7515 section 4.1.11: what must be understood and is not makes the token invalid.
    if header.crit.is_some() {
        return Err(TokenError::Malformed);
    }
    if !fits(header.typ.as_deref(), expected.purpose) {
        return Err(TokenError::Kind);
    }
    Ok(header)
}

/// Verifies a token with its issuer's keys.
pub(super) fn verify(
    token: &str,
    header: &Header,
    keys: &KeySet,
    expected: &Expected<'_>,
) -> Result<Claims, TokenError> {
    let key = keys.find(header.kid.as_deref(), header.alg).ok_or(TokenError::UnknownKey)?;
    let mut signature_alone = Validation::new(header.alg);
    signature_alone.required_spec_claims.clear();
    signature_alone.validate_exp = false;
    signature_alone.validate_nbf = false;
    signature_alone.validate_aud = false;
    let decoded = jsonwebtoken::decode::<Claims>(token, key, &signature_alone)
        .map_err(|_| TokenError::Signature)?;
    check(&decoded.claims, expected)?;
    Ok(decoded.claims)
}

fn check(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenError> {
    if text(claims, "iss")? != expected.rules.issuer {
        return Err(TokenError::Issuer);
    }
    audience(claims, expected)?;
    let skew = i64::try_from(expected.rules.clock_skew.as_secs()).unwrap_or(0);
    let now = expected.now.as_second();
    let issued = instant(claims, "iat")?;
    if let Some(not_before) = instant(claims, "nbf")?.into_iter().chain(issued).max()
        && not_before > now.saturating_add(skew)
    {
        return Err(TokenError::NotYet);
    }
    let expires = instant(claims, "exp")?;
    let over = |end: i64| end <= now.saturating_sub(skew);
    let too_old = |at: i64| at < now.saturating_sub(skew).saturating_sub(OLDEST);
    let expired = match (expected.purpose, expires, issued) {
        (Purpose::Access, Some(end), _) => over(end),
        (Purpose::Id, Some(end), Some(at)) => over(end) || too_old(at),
        // Drafts of back-channel logout knew no `exp`; its age bounds it all the same.
        (Purpose::Logout, end, Some(at)) => end.is_some_and(over) || too_old(at),
        (_, None, _) => return Err(TokenError::Claim("exp".to_owned())),
        (_, _, None) => return Err(TokenError::Claim("iat".to_owned())),
    };
    if expired { Err(TokenError::Expired) } else { Ok(()) }
}

/// OpenID Connect Core 3.1.3.7: we are among those whom it is made out for; where there are others,
/// it says that we asked for it.
fn audience(claims: &Claims, expected: &Expected<'_>) -> Result<(), TokenError> {
    let made_out_for = texts(claims, "aud")?;
    let ours = |audience: &&str| expected.audiences.iter().any(|our| our == audience);
    if !made_out_for.iter().any(ours) {
        return Err(TokenError::Audience);
    }
    if expected.purpose == Purpose::Access {
        return Ok(());
    }
    let presented_by = match claims.get("azp") {
        Some(_) => Some(text(claims, "azp")?),
        None => None,
    };
    match presented_by {
        Some(client) if ours(&client) => Ok(()),
        None if made_out_for.len() == 1 => Ok(()),
        _ => Err(TokenError::Audience),
    }
}

/// RFC 8725 section 3.11. Access tokens of many issuers say `JWT`, so that must do.
fn fits(kind: Option<&str>, purpose: Purpose) -> bool {
    let kind = kind.map(|kind| {
        let kind = kind.to_ascii_lowercase();
        kind.strip_prefix("application/").map(str::to_owned).unwrap_or(kind)
    });
    match (kind.as_deref(), purpose) {
        (None | Some("jwt"), _)
        | (Some("logout+jwt"), Purpose::Logout)
        | (Some("at+jwt"), Purpose::Access) => true,
        (Some(_), _) => false,
    }
}

fn algorithm(name: SigningAlgorithm) -> Algorithm {
    match name {
        SigningAlgorithm::Rs256 => Algorithm::RS256,
        SigningAlgorithm::Rs384 => Algorithm::RS384,
        SigningAlgorithm::Rs512 => Algorithm::RS512,
        SigningAlgorithm::Ps256 => Algorithm::PS256,
        SigningAlgorithm::Ps384 => Algorithm::PS384,
        SigningAlgorithm::Ps512 => Algorithm::PS512,
        SigningAlgorithm::Es256 => Algorithm::ES256,
        SigningAlgorithm::Es384 => Algorithm::ES384,
        SigningAlgorithm::EdDsa => Algorithm::EdDSA,
    }
}

/// A claim that must be a text and not empty.
pub(super) fn text<'c>(claims: &'c Claims, name: &str) -> Result<&'c str, TokenError> {
    let found = claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    found.ok_or_else(|| TokenError::Claim(name.to_owned()))
}

/// A claim that must be one text or a list of texts.
pub(super) fn texts<'c>(claims: &'c Claims, name: &str) -> Result<Vec<&'c str>, TokenError> {
    let wrong = || TokenError::Claim(name.to_owned());
    match claims.get(name) {
        Some(Value::String(text)) => Ok(vec![text]),
        Some(Value::Array(items)) => {
            items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect()
        }
        _ => Err(wrong()),
    }
}

/// Seconds since 1970; a fraction of one is allowed and left out.
fn instant(claims: &Claims, name: &str) -> Result<Option<i64>, TokenError> {
    let wrong = || TokenError::Claim(name.to_owned());
    let Some(value) = claims.get(name) else { return Ok(None) };
    if let Some(seconds) = value.as_i64() {
        return Ok(Some(seconds));
    }
    let seconds = value.as_f64().filter(|seconds| seconds.abs() < 1e11).ok_or_else(wrong)?;
    #[expect(clippy::cast_possible_truncation, reason = "it was bounded the line before")]
    let whole = seconds as i64;
    Ok(Some(whole))
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
