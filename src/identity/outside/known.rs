//! Who a token is about. PURE.

use serde_json::Value;

use super::token::{Claims, TokenError, text, texts};
use crate::config::TokenRules;
use crate::policy::UserName;

/// Longer names are cut for nobody: a subject must be whole.
const LONGEST_SUBJECT: usize = 255;
/// What a person is shown with may be cut.
const LONGEST_SHOWN: usize = 200;
/// So many groups of one person are looked at.
const MOST_GROUPS: usize = 1000;

/// Somebody, as a provider describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) subject: String,
    pub(super) user_name: UserName,
    pub(super) name: Option<String>,
    pub(super) mail: Option<String>,
    pub(super) telephone: Option<String>,
    /// The provider's own name for the person, which may be another than ours.
    pub(super) sub: Option<String>,
    /// The provider's own name for the session.
    pub(super) session: Option<String>,
    pub(super) multi_factor: bool,
    /// Whether it is one of those who may come in this way.
    pub(super) in_group: bool,
    /// The groups that roles are given by.
    pub(super) groups: Vec<String>,
}

/// Reads the claims that the configuration names.
pub(super) fn read(claims: &Claims, rules: &TokenRules) -> Result<Described, TokenError> {
    let names = &rules.claims;
    let subject = text(claims, &names.subject)?;
    if subject.chars().count() > LONGEST_SUBJECT || subject.chars().any(char::is_control) {
        return Err(TokenError::Claim(names.subject.clone()));
    }
    let shown = |name: &str| claims.get(name).and_then(Value::as_str).and_then(tidy);
    let mail = shown(&names.mail);
    // Exemptions are given by user name. People may write what they like as their mail address,
    // unless the provider says that it has looked.
    let verified = claims.get("email_verified").and_then(Value::as_bool).unwrap_or(false);
    let chosen = names.user_name != "email" || verified;
    let chosen = shown(&names.user_name).filter(|_| chosen);
    let vouched = mail.clone().filter(|_| names.mail == "email" && verified);
    let candidates = [chosen, vouched, Some(subject.to_owned())];
    let user_name = candidates.into_iter().flatten().find_map(|name| UserName::parse(&name).ok());
    let user_name = user_name.ok_or_else(|| TokenError::Claim(names.user_name.clone()))?;
    let session = match claims.get("sid") {
        Some(_) => Some(text(claims, "sid")?.to_owned()),
        None => None,
    };
    let sub = claims.get("sub").and_then(Value::as_str).map(str::to_owned);
    for (claim, value) in [("sid", &session), ("sub", &sub)] {
        if value.as_ref().is_some_and(|value| value.len() > LONGEST_SUBJECT) {
            return Err(TokenError::Claim(claim.to_owned()));
        }
    }
    Ok(Described {
        subject: subject.to_owned(),
        user_name,
        name: shown(&names.name),
        mail,
        telephone: shown(&names.telephone),
        sub,
        session,
        multi_factor: multi_factor(claims, rules)?,
        in_group: in_group(claims, rules)?,
        groups: groups(claims, rules),
    })
}

/// A name that could be read as something else, or be used to hide something, is none.
fn tidy(text: &str) -> Option<String> {
    let text = text.trim();
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let unfit = text.is_empty() || text.chars().any(hidden);
    (!unfit).then(|| text.chars().take(LONGEST_SHOWN).collect())
}

/// `amr` is a list (RFC 8176), which AD FS shortens to one text; `acr` is one text.
fn multi_factor(claims: &Claims, rules: &TokenRules) -> Result<bool, TokenError> {
    let wanted = &rules.multi_factor;
    let methods = match claims.get("amr") {
        Some(_) => texts(claims, "amr")?,
        None => Vec::new(),
    };
    let class = match claims.get("acr") {
        Some(_) => Some(text(claims, "acr")?),
        None => None,
    };
    let counts = |values: &[String], value: &str| values.iter().any(|wanted| wanted == value);
    Ok(methods.iter().any(|method| counts(&wanted.amr, method))
        || class.is_some_and(|class| counts(&wanted.acr, class)))
}

/// What is no list of names gives no role.
fn groups(claims: &Claims, rules: &TokenRules) -> Vec<String> {
    if !claims.contains_key(&rules.claims.groups) {
        return Vec::new();
    }
    let named = texts(claims, &rules.claims.groups).unwrap_or_default();
    named.into_iter().take(MOST_GROUPS).map(str::to_owned).collect()
}

/// Read only where a group is asked for; a claim of another type is an error and not no group.
fn in_group(claims: &Claims, rules: &TokenRules) -> Result<bool, TokenError> {
    if rules.groups.is_empty() {
        return Ok(true);
    }
    if !claims.contains_key(&rules.claims.groups) {
        return Ok(false);
    }
    let groups = texts(claims, &rules.claims.groups)?;
    Ok(groups.iter().any(|group| rules.groups.iter().any(|wanted| wanted == group)))
}
