//! What `oidc` and `bearer` share: whose tokens count, how they are signed, what is read from them.

use std::path::PathBuf;
use std::time::Duration;

use http::Uri;
use serde_yaml::Location;

use super::block::Block;
use crate::config::checker::{Checker, Text, Wrong, all};
use crate::config::nearest::known_names;

/// How a token may be signed: with a provider's private key, never with a secret that both hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SigningAlgorithm {
    /// RSA PKCS #1 with SHA-256.
    Rs256,
    /// RSA PKCS #1 with SHA-384.
    Rs384,
    /// RSA PKCS #1 with SHA-512.
    Rs512,
    /// RSA-PSS with SHA-256.
    Ps256,
    /// RSA-PSS with SHA-384.
    Ps384,
    /// RSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256.
    Es256,
    /// ECDSA on P-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

const ALGORITHMS: [(&str, SigningAlgorithm); 9] = [
    ("RS256", SigningAlgorithm::Rs256),
    ("RS384", SigningAlgorithm::Rs384),
    ("RS512", SigningAlgorithm::Rs512),
    ("PS256", SigningAlgorithm::Ps256),
    ("PS384", SigningAlgorithm::Ps384),
    ("PS512", SigningAlgorithm::Ps512),
    ("ES256", SigningAlgorithm::Es256),
    ("ES384", SigningAlgorithm::Es384),
    ("EdDSA", SigningAlgorithm::EdDsa),
];

/// Whose tokens count, and what is read from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRules {
    /// Who issues them, exactly as it calls itself.
    pub issuer: String,
    /// How they may be signed.
    pub algorithms: Vec<SigningAlgorithm>,
    /// How far the issuer's clock may be from ours.
    pub clock_skew: Duration,
    /// Where things stand in them.
    pub claims: ClaimNames,
    /// The groups of which one is needed; empty: none is.
    pub groups: Vec<String>,
    /// What says that more than a password was asked for.
    pub multi_factor: MultiFactor,
    /// How the issuer is asked.
    pub reach: Reach,
}

/// How an issuer is asked for what it publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// How long one question may take, from connecting to the last byte.
    pub timeout: Duration,
    /// The authority that its certificate comes from. None: those of the operating system.
    pub ca: Option<PathBuf>,
}

/// The names of claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimNames {
    /// Who it is, never given to anybody else.
    pub subject: String,
    /// The login name, to be shown.
    pub user_name: String,
    /// The person's name.
    pub name: String,
    /// The mail address.
    pub mail: String,
    /// The telephone.
    pub telephone: String,
    /// The groups.
    pub groups: String,
}

/// The values of `amr` and `acr` that stand for more than one factor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MultiFactor {
    /// Any of these in `amr`.
    pub amr: Vec<String>,
    /// Any of these as `acr`.
    pub acr: Vec<String>,
}

/// Takes the keys that both kinds have. An issuer that nobody asks anything is only a name.
pub(super) fn check(
    block: &mut Block<'_>,
    user_name: &str,
    is_asked: bool,
    check: &mut Checker<'_>,
) -> Option<TokenRules> {
    let here = block.here();
    let issuer = block.text("issuer", check);
    let issuer = check.required(&issuer, "issuer", here).and_then(|text| match is_asked {
        true => check.parsed(text, "an issuer", issuer_of),
        false => check.label(text),
    });
    let algorithms = algorithms(block, check);
    let skew = block.text("clock_skew", check);
    let most = Duration::from_secs(300);
    let clock_skew = check.span(skew.as_ref(), Duration::from_secs(60), Duration::ZERO..=most);
    let claims = claims(block, user_name, check);
    let groups = labels(block, "groups", check);
    let multi_factor = multi_factor(block, check);
    let timeout = block.text("timeout", check);
    let bounds = Duration::from_millis(500)..=Duration::from_secs(30);
    let timeout = check.span(timeout.as_ref(), Duration::from_secs(5), bounds);
    let ca = match block.text("ca", check) {
        Some(text) => check.path(&text).map(Some),
        None => Some(None),
    };
    Some(TokenRules {
        issuer: issuer?,
        algorithms: algorithms?,
        clock_skew: clock_skew?,
        claims: claims?,
        groups: groups?,
        multi_factor: multi_factor?,
        reach: Reach { timeout: timeout?, ca: ca? },
    })
}

/// A list of short texts; none written is none.
pub(super) fn labels(
    block: &mut Block<'_>,
    key: &'static str,
    check: &mut Checker<'_>,
) -> Option<Vec<String>> {
    let texts = block.texts(key, check).unwrap_or_default();
    all(texts.iter().map(|text| check.label(text)))
}

/// A short text that has a default.
pub(super) fn label_or(
    block: &mut Block<'_>,
    key: &'static str,
    default: &str,
    check: &mut Checker<'_>,
) -> Option<String> {
    match block.text(key, check) {
        Some(text) => check.label(&text),
        None => Some(default.to_owned()),
    }
}

fn algorithms(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<Vec<SigningAlgorithm>> {
    let here = block.place_of("algorithms");
    let Some(texts) = block.texts("algorithms", check) else {
        return Some(vec![
            SigningAlgorithm::Rs256,
            SigningAlgorithm::Ps256,
            SigningAlgorithm::Es256,
        ]);
    };
    if texts.is_empty() {
        let says = "no algorithm is left, so no token could be taken";
        check.refuse(here, says, "write the one that the provider signs with, as `[RS256]`");
        return None;
    }
    all(texts.iter().map(|text| check.parsed(text, "an algorithm", algorithm)))
}

fn algorithm(word: &str) -> Result<SigningAlgorithm, Wrong> {
    let known = || known_names(word, ALGORITHMS.iter().map(|(name, _)| *name));
    match ALGORITHMS.iter().find(|(name, _)| *name == word) {
        Some((_, algorithm)) => Ok(*algorithm),
        None if word.eq_ignore_ascii_case("none") || word.starts_with("HS") => Err(Wrong::new(
            "is never taken: whoever knows what is public could sign so",
            "write an algorithm with a private key, as `RS256`",
        )),
        None => Err(Wrong::new("is no algorithm that can stand here", known())),
    }
}

fn claims(block: &mut Block<'_>, user_name: &str, check: &mut Checker<'_>) -> Option<ClaimNames> {
    let nothing = super::Entries::default();
    let mut names = match block.block("claims", check) {
        Some(names) => names,
        None => Block::new(&nothing, Location::UNKNOWN),
    };
    let subject = label_or(&mut names, "subject", "sub", check);
    let user_name = label_or(&mut names, "user_name", user_name, check);
    let name = label_or(&mut names, "name", "name", check);
    let mail = label_or(&mut names, "mail", "email", check);
    let telephone = label_or(&mut names, "telephone", "phone_number", check);
    let groups = label_or(&mut names, "groups", "groups", check);
    let sound = names.finish(check);
    let claims = ClaimNames {
        subject: subject?,
        user_name: user_name?,
        name: name?,
        mail: mail?,
        telephone: telephone?,
        groups: groups?,
    };
    sound.then_some(claims)
}

fn multi_factor(block: &mut Block<'_>, check: &mut Checker<'_>) -> Option<MultiFactor> {
    let Some(mut values) = block.block("multi_factor", check) else {
        return Some(MultiFactor { amr: vec!["mfa".to_owned()], acr: Vec::new() });
    };
    let amr = labels(&mut values, "amr", check);
    let acr = labels(&mut values, "acr", check);
    let sound = values.finish(check);
    let multi_factor = MultiFactor { amr: amr?, acr: acr? };
    sound.then_some(multi_factor)
}

fn issuer_of(text: &str) -> Result<String, Wrong> {
    url(text)?;
    if text.contains(['?', '{']) {
        return Err(Wrong::new(
            "is no issuer: it has a query or a placeholder",
            "write exactly what stands under `issuer` in its openid-configuration",
        ));
    }
    Ok(text.to_owned())
}

/// An address that can be believed: https, or on this machine.
pub(super) fn url(text: &str) -> Result<Uri, Wrong> {
    let help = "write a whole address, as `https://login.example.dk/realms/kommune`";
    let uri: Uri = text.parse().map_err(|_| Wrong::new("is no address", help))?;
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    if authority.is_empty() || authority.contains('@') || text.contains('#') {
        return Err(Wrong::new("is no address of a server", help));
    }
    let loopback = matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if loopback => Ok(uri),
        Some("http") => Err(Wrong::new(
            "is not protected on its way, so anybody on it could say who somebody is",
            "write https://",
        )),
        _ => Err(Wrong::new("is no address of a server", help)),
    }
}

/// A text as if it stood where another does.
pub(super) fn address(text: &Text, check: &mut Checker<'_>) -> Option<Uri> {
    check.parsed(text, "an address", url)
}
