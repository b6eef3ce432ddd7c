//! `kind: oidc`

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::block::Block;
use super::client_key::{self, ClientKey};
use super::token::{self, TokenRules};
use crate::config::checker::{Checker, Text, Wrong};

/// An OpenID Connect provider: people are sent there and come back with a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oidc {
    /// What stands on the button; none: the provider's name here.
    pub label: Option<String>,
    /// Under which name the provider knows the gateway.
    pub client_id: String,
    /// How the gateway shows that it is that client. Without secret and key it has nothing but PKCE.
    pub client_secret: Option<ClientSecret>,
    /// Where the secret is shown.
    pub client_authentication: ClientAuthentication,
    /// The key that takes the place of a secret; never beside one.
    pub client_key: Option<ClientKey>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Which strength of proof is asked for.
    pub acr_values: Vec<String>,
    /// Whose tokens count and what is read from them.
    pub tokens: TokenRules,
}

/// `client_authentication`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// `auto`: by the key where there is one, and else as the provider says it wants the secret.
    Auto,
    /// `basic`: in the request's head.
    Basic,
    /// `post`: in the request's form.
    Post,
    /// `private_key_jwt`: the secret stays here, and signs that it does.
    PrivateKeyJwt,
}

/// The client's secret: wiped when it is dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(Arc<Zeroizing<String>>);

impl ClientSecret {
    /// The secret itself, for the one request that needs it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

pub(super) fn check(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Oidc> {
    let here = block.here();
    let label = match block.text("label", check) {
        Some(text) => check.label(&text).map(Some),
        None => Some(None),
    };
    let client_id = block.text("client_id", check);
    let client_id =
        check.required(&client_id, "client_id", here).and_then(|text| check.label(text));
    let client_secret = match block.text("client_secret", check) {
        Some(text) => secret(&text, check).map(Some),
        None => Some(None),
    };
    let words = [
        ("auto", ClientAuthentication::Auto),
        ("basic", ClientAuthentication::Basic),
        ("post", ClientAuthentication::Post),
        ("private_key_jwt", ClientAuthentication::PrivateKeyJwt),
    ];
    let word = block.text("client_authentication", check);
    let client_authentication = check.word(word.as_ref(), ClientAuthentication::Auto, &words);
    let client_key = client_key::check(block, check);
    let shown = (client_secret.as_ref(), client_authentication, client_key.as_ref());
    let fits = fits(shown, block, check);
    let scopes = match block.texts("scopes", check) {
        Some(texts) => super::all(texts.iter().map(|text| check.parsed(text, "a scope", one_word))),
        None => Some(vec!["profile".to_owned(), "email".to_owned()]),
    };
    let values = block.texts("acr_values", check).unwrap_or_default();
    let acr_values = super::all(values.iter().map(|text| check.parsed(text, "a value", one_word)));
    let tokens = token::check(block, "preferred_username", true, check);
    if !fits {
        return None;
    }
    Some(Oidc {
        label: label?,
        client_id: client_id?,
        client_secret: client_secret?,
        client_authentication: client_authentication?,
        client_key: client_key?,
        scopes: scopes?,
        acr_values: acr_values?,
        tokens: tokens?,
    })
}

/// Whether the way in which the gateway is to show who it is can be gone with what it has.
fn fits(
    shown: (
        Option<&Option<ClientSecret>>,
        Option<ClientAuthentication>,
        Option<&Option<ClientKey>>,
    ),
    block: &Block<'_>,
    check: &mut Checker<'_>,
) -> bool {
    let (Some(secret), Some(authentication), Some(key)) = shown else { return true };
    let asked = block.place_of("client_authentication");
    match (secret, authentication, key) {
        (Some(_), _, Some(_)) => check.refuse(
            block.place_of("client_secret"),
            "there is a `client_secret` and a `client_key`, and only one of them can be shown",
            "remove the secret, here and at the provider",
        ),
        (_, ClientAuthentication::PrivateKeyJwt, None) => check.refuse(
            asked,
            "`private_key_jwt` needs a `client_key`",
            "name the file with the private key, such as `client_key: secrets/entra.pem`",
        ),
        (_, ClientAuthentication::Basic | ClientAuthentication::Post, Some(_)) => check.refuse(
            asked,
            "a `client_key` is shown by `private_key_jwt` alone",
            "remove the line: `auto` takes the key",
        ),
        _ => return true,
    }
    false
}

fn secret(text: &Text, check: &mut Checker<'_>) -> Option<ClientSecret> {
    if !text.value.contains("${") {
        check.warn(
            text.referenced,
            "the secret stands in the configuration itself, where whoever reads that reads it",
            "keep it in a file of its own, as `${file:secrets/entra}`",
        );
    }
    if check.is_for_later(text) {
        return Some(ClientSecret(Arc::default()));
    }
    let value = Zeroizing::new(check.value(text)?);
    // The value is not said back.
    if value.trim().is_empty() || value.len() > 4096 {
        check.refuse(text.referenced, "this is no client secret", "copy it anew from the provider");
        return None;
    }
    Some(ClientSecret(Arc::new(Zeroizing::new(value.trim().to_owned()))))
}

/// RFC 6749 section 3.3: a space would begin another one.
fn one_word(text: &str) -> Result<String, Wrong> {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    if text.is_empty() || !text.bytes().all(fits) {
        return Err(Wrong::new("is more than one word", "write each in an entry of its own"));
    }
    Ok(text.to_owned())
}
