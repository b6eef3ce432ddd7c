//! What an issuer publishes: where it is to be asked, and its keys.

use std::time::Duration;

use http::Uri;
use serde::Deserialize;

use super::client::{Client, Silence};
use super::kept::{Kept, Rhythm};
use super::keys::KeySet;
use super::token::{self, Claims, Expected, TokenError};
use crate::config::TokenRules;
use crate::upstream::TlsError;

const SECONDS: fn(u64) -> Duration = Duration::from_secs;
const DAY: u64 = 86_400;

/// Why a token of an issuer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error(transparent)]
    Silence(#[from] Silence),
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Where an issuer is to be asked (OpenID Connect Discovery 1.0).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) authorization_endpoint: Option<Uri>,
    pub(super) token_endpoint: Option<Uri>,
    pub(super) end_session_endpoint: Option<Uri>,
    pub(super) jwks_uri: Uri,
    /// RFC 9207: every answer names the issuer.
    pub(super) names_itself: bool,
    /// Whether it wants the client's secret in the form, and nowhere else.
    pub(super) secret_in_form: bool,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// One issuer.
pub(super) struct Issuer {
    pub(super) rules: TokenRules,
    jwks_uri: Option<Uri>,
    /// Whether people are sent there, and not only tokens verified.
    signs_in: bool,
    pub(super) client: Client,
    metadata: Kept<Metadata>,
    keys: Kept<KeySet>,
}

impl Issuer {
    /// One to which people are sent.
    pub(super) fn portal(rules: &TokenRules) -> Result<Self, TlsError> {
        Self::new(rules, None, true)
    }

    /// One whose tokens are verified, with keys from here or from where it says.
    pub(super) fn bearer(rules: &TokenRules, jwks_uri: Option<Uri>) -> Result<Self, TlsError> {
        Self::new(rules, jwks_uri, false)
    }

    fn new(rules: &TokenRules, jwks_uri: Option<Uri>, signs_in: bool) -> Result<Self, TlsError> {
        Ok(Self {
            rules: rules.clone(),
            jwks_uri,
            signs_in,
            client: Client::new(&rules.reach)?,
            metadata: Kept::new(Rhythm {
                fresh_for: SECONDS(3600),
                at_most_every: SECONDS(2),
                believed_for: SECONDS(DAY),
            }),
            keys: Kept::new(Rhythm {
                fresh_for: SECONDS(900),
                at_most_every: SECONDS(10),
                believed_for: SECONDS(DAY),
            }),
        })
    }

    /// Where it is to be asked. Nothing is asked before somebody needs it: the gateway starts
    /// without the provider.
    pub(super) async fn metadata(&self) -> Result<std::sync::Arc<Metadata>, Silence> {
        self.metadata.get(|| self.discover()).await
    }

    /// Verifies a token. One that names a key we do not know makes us look for newer keys, a few
    /// times a minute at most.
    pub(super) async fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<Claims, Rejection> {
        let header = token::header(token, expected)?;
        let keys = self.keys.get(|| self.fetch_keys()).await?;
        match token::verify(token, &header, &keys, expected) {
            Err(TokenError::UnknownKey) => {
                let newer = self.keys.newer(keys, || self.fetch_keys()).await;
                Ok(token::verify(token, &header, &newer, expected)?)
            }
            verified => Ok(verified?),
        }
    }

    async fn discover(&self) -> Result<Metadata, Silence> {
        let issuer = &self.rules.issuer;
        let place = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let uri: Uri = place
            .parse()
            .map_err(|_| Silence::Nonsense(place.clone(), "it is no address".to_owned()))?;
        let metadata = Metadata::read(&self.client.get(&uri).await?, issuer, &place)?;
        let lacking =
            metadata.authorization_endpoint.is_none() || metadata.token_endpoint.is_none();
        if self.signs_in && lacking {
            let why = "it lacks `authorization_endpoint` or `token_endpoint`".to_owned();
            return Err(Silence::Nonsense(place, why));
        }
        Ok(metadata)
    }

    async fn fetch_keys(&self) -> Result<KeySet, Silence> {
        let uri = match &self.jwks_uri {
            Some(uri) => uri.clone(),
            None => self.metadata().await?.jwks_uri.clone(),
        };
        KeySet::read(&self.client.get(&uri).await?, &uri.to_string())
    }
}

impl Metadata {
    fn read(document: &[u8], issuer: &str, from: &str) -> Result<Self, Silence> {
        let nonsense = |why: &str| Silence::Nonsense(from.to_owned(), why.to_owned());
        let document: Document = serde_json::from_slice(document)
            .map_err(|_| nonsense("it is no openid-configuration"))?;
        if document.issuer != issuer {
            let named: String = document.issuer.chars().take(200).collect();
            return Err(nonsense(&format!("its issuer is {named:?} and not the configured one")));
        }
        let protected = issuer.starts_with("https://");
        let place = |text: &str| -> Option<Uri> {
            let uri: Uri = text.parse().ok()?;
            let scheme = uri.scheme_str()?;
            let fits = scheme == "https" || (!protected && scheme == "http");
            (fits && uri.host().is_some() && !text.contains('#')).then_some(uri)
        };
        let optional = |text: &Option<String>, name: &str| match text.as_deref() {
            None => Ok(None),
            Some(text) => match place(text) {
                Some(uri) => Ok(Some(uri)),
                None => Err(nonsense(&format!("its `{name}` is no protected address"))),
            },
        };
        let methods = document.token_endpoint_auth_methods_supported.unwrap_or_default();
        let has = |method: &str| methods.iter().any(|offered| offered == method);
        Ok(Self {
            authorization_endpoint: optional(
                &document.authorization_endpoint,
                "authorization_endpoint",
            )?,
            token_endpoint: optional(&document.token_endpoint, "token_endpoint")?,
            end_session_endpoint: optional(&document.end_session_endpoint, "end_session_endpoint")?,
            jwks_uri: place(&document.jwks_uri)
                .ok_or_else(|| nonsense("its `jwks_uri` is no protected address"))?,
            names_itself: document.authorization_response_iss_parameter_supported,
            secret_in_form: has("client_secret_post") && !has("client_secret_basic"),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://login.example.dk/kommune";

    fn read(change: impl Fn(&mut serde_json::Value)) -> Result<Metadata, Silence> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://login.example.dk/authorize",
            "token_endpoint": "https://login.example.dk/token",
            "jwks_uri": "https://keys.example.dk/keys",
        });
        change(&mut document);
        Metadata::read(document.to_string().as_bytes(), ISSUER, "there")
    }

    #[test]
    fn the_document_must_be_of_this_issuer_and_lead_to_protected_places() {
        let found = read(|_| {}).unwrap();
        assert_eq!(found.jwks_uri, "https://keys.example.dk/keys");
        assert!(!found.names_itself && !found.secret_in_form);
        for (key, value) in [
            ("issuer", json!("https://login.example.dk/kommune/")),
            ("issuer", json!("https://login.evil.example/kommune")),
            ("token_endpoint", json!("http://login.example.dk/token")),
            ("jwks_uri", json!("http://keys.example.dk/keys")),
            ("jwks_uri", json!("file:///etc/passwd")),
            ("jwks_uri", json!(null)),
            ("authorization_endpoint", json!("/authorize")),
            ("authorization_endpoint", json!("https://login.example.dk/authorize#x")),
            ("authorization_endpoint", json!(7)),
        ] {
            assert!(read(|document| document[key] = value.clone()).is_err(), "{key}: {value}");
        }
    }
}
