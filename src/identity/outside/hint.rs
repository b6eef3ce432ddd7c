//! The ID token of a sign-in, for the one request that names it again: `id_token_hint` of signing out
//! at the provider (OpenID Connect RP-Initiated Logout 1.0), which then need not ask whom to sign out.
//!
//! Always holds: it is sealed in a cookie that the browser sends to the sign-out page alone; it is
//! taken for the person whom the session names, and for nobody else; it proves nobody here.

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::super::session::{Seal, cookie_value_named, cookie_with};
use super::super::{Authenticator, Identity};

const COOKIE: &str = "geovagt-hint";
/// The page that ends a session.
const PATH: &str = "/.geovagt/sign-out";

/// An ID token that a provider gave, verified.
#[derive(Clone, PartialEq, Eq)]
pub struct IdToken(pub(super) Zeroizing<String>);

impl std::fmt::Debug for IdToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdToken")
    }
}

/// What is sealed in the cookie.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    organization: String,
    provider: String,
    subject: String,
    token: String,
}

impl Authenticator {
    /// A `Set-Cookie` that keeps the token of a sign-in for its end. None where it is too long for a
    /// cookie (it names very many groups): the provider may ask then whom to sign out.
    #[must_use]
    pub fn keep_hint(
        &self,
        identity: &Identity,
        token: &IdToken,
        secure: bool,
    ) -> Option<HeaderValue> {
        let content = Content {
            organization: identity.person.organization().to_string(),
            provider: identity.person.provider().to_string(),
            subject: identity.person.subject().to_owned(),
            token: token.0.to_string(),
        };
        let value = self.0.outside.hints.close(|seal| seal.close(&content))?;
        Some(cookie_with(&name(secure), &value, &attributes(secure)))
    }

    /// The token by which this person signed in with this browser, as far as it kept it.
    pub(super) fn hint(
        &self,
        identity: &Identity,
        headers: &HeaderMap,
        secure: bool,
    ) -> Option<Zeroizing<String>> {
        let value = cookie_value_named(headers, &name(secure))?;
        let content: Content = self.0.outside.hints.open(value, Seal::open)?;
        let person = identity.person();
        let own = content.organization == person.organization().as_str()
            && content.provider == person.provider().as_str()
            && content.subject == person.subject();
        own.then(|| Zeroizing::new(content.token))
    }

    /// A `Set-Cookie` that ends it; none where the browser keeps none.
    #[must_use]
    pub fn forget_hint(&self, headers: &HeaderMap, secure: bool) -> Option<HeaderValue> {
        cookie_value_named(headers, &name(secure))?;
        Some(cookie_with(&name(secure), "", &format!("Max-Age=0; {}", attributes(secure))))
    }
}

/// A cookie of one path cannot be a `__Host-` one. Somebody who plants another gains nothing: it is
/// sealed, and for the person of the session alone.
fn name(secure: bool) -> String {
    if secure { format!("__Secure-{COOKIE}") } else { COOKIE.to_owned() }
}

fn attributes(secure: bool) -> String {
    let protected = if secure { "Secure; " } else { "" };
    format!("Path={PATH}; {protected}HttpOnly; SameSite=Lax")
}
