//! `kind: bearer`

use http::Uri;

use super::block::Block;
use super::token::{self, TokenRules};
use crate::config::checker::{Checker, Text};

/// Tokens that a client brings along (modern authentication of mail clients): the gateway verifies
/// them, and the system behind still takes them as its own login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// For whom the tokens are made out; one of these must stand in them.
    pub audiences: Vec<String>,
    /// Where the issuer's keys are. None: the issuer's openid-configuration says.
    pub jwks_uri: Option<Uri>,
    /// The provider whose people these are; none: people of this provider alone.
    pub people_of: Option<String>,
    /// Whose tokens count and what is read from them.
    pub tokens: TokenRules,
}

/// Also gives the text under `people_of`, which only the whole section can check.
pub(super) fn check(
    block: &mut Block<'_>,
    check: &mut Checker<'_>,
) -> Option<(Bearer, Option<Text>)> {
    let here = block.place_of("audience");
    let audiences = block.texts("audience", check);
    let audiences = match check.required(&audiences, "audience", here) {
        Some(texts) if texts.is_empty() => {
            let says = "without an audience, a token made out for any other system would do";
            check.refuse(here, says, "write the system's own, as `[https://mail.example.dk]`");
            None
        }
        Some(texts) => super::all(texts.iter().map(|text| check.label(text))),
        None => None,
    };
    let jwks_uri = match block.text("jwks_uri", check) {
        Some(text) => token::address(&text, check).map(Some),
        None => Some(None),
    };
    let people_of = block.text("people_of", check);
    let named = match &people_of {
        Some(text) => check.value(text).map(Some),
        None => Some(None),
    };
    let is_asked = matches!(jwks_uri, Some(None));
    let tokens = token::check(block, "upn", is_asked, check);
    let bearer =
        Bearer { audiences: audiences?, jwks_uri: jwks_uri?, people_of: named?, tokens: tokens? };
    Some((bearer, people_of))
}
