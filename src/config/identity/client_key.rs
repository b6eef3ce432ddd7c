//! The private key by which the gateway shows a provider which client it is (`private_key_jwt`).

use std::path::PathBuf;

use super::block::Block;
use crate::config::checker::Checker;

/// A key of the gateway's own, whose public half the provider knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// The private key, PEM: RSA or P-256.
    pub key: PathBuf,
    /// Its certificate, PEM, for a provider that knows keys by their certificates.
    pub certificate: Option<PathBuf>,
    /// Under which name the provider knows it.
    pub key_id: Option<String>,
    /// To whom an assertion is addressed.
    pub audience: AssertionAudience,
}

/// `client_assertion_audience`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssertionAudience {
    /// `token_endpoint`: the address that it is sent to.
    TokenEndpoint,
    /// `issuer`: the provider, as it calls itself.
    Issuer,
}

/// None where something is wrong with it, which is then a finding.
pub(super) fn check(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Option<ClientKey>> {
    let key = block.text("client_key", check);
    let certificate = block.text("client_certificate", check);
    let key_id = block.text("client_key_id", check);
    let audience = block.text("client_assertion_audience", check);
    let words = [
        ("token_endpoint", AssertionAudience::TokenEndpoint),
        ("issuer", AssertionAudience::Issuer),
    ];
    let addressed = check.word(audience.as_ref(), AssertionAudience::TokenEndpoint, &words);
    let Some(key) = key else {
        let beside = [
            ("client_certificate", &certificate),
            ("client_key_id", &key_id),
            ("client_assertion_audience", &audience),
        ];
        let mut alone = beside.iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
        let Some((name, text)) = alone.next() else { return Some(None) };
        let says = format!("`{name}` stands without a `client_key`, whose it would be");
        check.refuse(text.referenced, says, "name the private key too, or remove the line");
        return None;
    };
    let key = check.path(&key);
    let certificate = match &certificate {
        Some(text) => check.path(text).map(Some),
        None => Some(None),
    };
    let key_id = match &key_id {
        Some(text) => check.label(text).map(Some),
        None => Some(None),
    };
    Some(Some(ClientKey {
        key: key?,
        certificate: certificate?,
        key_id: key_id?,
        audience: addressed?,
    }))
}
