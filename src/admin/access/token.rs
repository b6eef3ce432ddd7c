//! The tokens of programs: `Authorization: Bearer gva_…`.
//!
//! Always holds: a token acts in one organisation, with no more roles than its maker has now, in the
//! maker's name (so that nobody approves his own through one), and as long as its maker's account.
//! Which groups the maker is in is known from the last sign-in, and for a month.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, Method, header};
use jiff::{SignedDuration, Timestamp};

use super::session::digest;
use super::visitor::{Visitor, roles};
use crate::admin::shell::Asking;
use crate::admin::{Admin, Refusal};
use crate::clock;
use crate::config::{Config, Organization, Role};
use crate::identifier::{OrganizationId, ProviderId};
use crate::identity::Remembered;
use crate::policy::{Person, UserName};
use crate::store::AdminToken;

/// So that a token is known for one wherever it turns up.
const PREFIX: &str = "gva_";
/// Use is noted to this precision.
const NOTED_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// A provider tells the groups of somebody who signs in and of nobody else: so long after its maker
/// signed in for the last time a token has what groups give, and no longer.
const GROUPS_ARE_KNOWN_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `read`
    Read,
    /// `write`
    Write,
}

impl Scope {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// The scope of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write].into_iter().find(|scope| scope.word() == word)
    }
}

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct NewToken<'a> {
    /// The one organisation it is for.
    pub organization: &'a OrganizationId,
    /// What its maker calls it.
    pub label: &'a str,
    /// What it may do.
    pub scope: Scope,
    /// Its roles.
    pub roles: &'a BTreeSet<Role>,
    /// In whose name it acts.
    pub made_by: &'a UserName,
    /// What its maker has proven; none on the command line.
    pub proof: Option<String>,
    /// When it ends by itself.
    pub ends: Timestamp,
}

/// Makes a token: what the program is given, shown once, and what the store keeps.
#[must_use]
pub fn make(new: &NewToken<'_>, now: Timestamp) -> (String, AdminToken) {
    let secret = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(clock::random_bytes::<32>()));
    let words: Vec<&str> = new.roles.iter().map(|role| role.word()).collect();
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let random = clock::random_bytes();
    let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid();
    let token = AdminToken {
        id: id.to_string(),
        token: digest(&secret),
        organization: new.organization.clone(),
        label: new.label.to_owned(),
        scope: new.scope.word().to_owned(),
        roles: words.join(" "),
        made_by: new.made_by.clone(),
        proof: new.proof.clone(),
        created: now,
        ends: new.ends,
        revoked: None,
        used: None,
    };
    (secret, token)
}

/// Whether a request shows a token, good or not.
pub(super) fn is_shown(headers: &HeaderMap) -> bool {
    headers.contains_key(header::AUTHORIZATION)
}

/// The program that a request's token stands for; none where it does not count.
pub(super) async fn visitor(admin: &Admin, asked: &Asking) -> Result<Option<Visitor>, Refusal> {
    let Some(secret) = shown(&asked.headers) else { return Ok(None) };
    let Some(token) = admin.store().admin_token(&digest(secret)).await? else { return Ok(None) };
    let now = clock::now();
    let loaded = admin.loaded();
    let Some((person, organization, held)) = holder(admin, &loaded.config, &token, now) else {
        return Ok(None);
    };
    let visitor = Visitor {
        person,
        name: token.made_by.clone(),
        roles: BTreeMap::from([(organization.id.clone(), held)]),
        centre_operator: false,
        language: asked.language(organization.language),
        organizations: vec![(organization.id.clone(), organization.name.clone())],
        organization,
        csrf: String::new(),
        key: token.token.clone(),
        token: Some(token.label.clone()),
        path: asked.path.clone(),
    };
    if token.scope != Scope::Write.word() && !matches!(asked.method, Method::GET | Method::HEAD) {
        return Err(Refusal::NotPermitted);
    }
    if token.used.is_none_or(|used| now.duration_since(used) >= NOTED_EVERY) {
        admin.store().use_admin_token(&token.id, now).await?;
    }
    Ok(Some(visitor))
}

fn shown(headers: &HeaderMap) -> Option<&str> {
    let mut lines = headers.get_all(header::AUTHORIZATION).into_iter();
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let (scheme, secret) = line.to_str().ok()?.split_once(' ')?;
    let fits = scheme.eq_ignore_ascii_case("bearer") && secret.len() <= 64;
    (fits && secret.starts_with(PREFIX)).then_some(secret)
}

/// Somebody has signed in: what they are by now, their programs are. A token that counts no longer
/// does not count again by that.
pub(super) async fn renew(admin: &Admin, person: &Person, proof: &str) -> Result<(), Refusal> {
    let loaded = admin.loaded();
    for organization in loaded.config.organizations.keys() {
        for token in admin.store().admin_tokens(organization).await? {
            let known = token.proof.as_deref().and_then(Remembered::read);
            let counts = |known: &Remembered| {
                known.person().as_ref() == Some(person) && admin.authenticator().remembers(known)
            };
            if token.revoked.is_none() && known.as_ref().is_some_and(counts) {
                admin.store().renew_token_proof(&token.id, proof).await?;
            }
        }
    }
    Ok(())
}

/// Whether a program that was let in would still be, in the same roles. Where the store cannot be
/// asked, it is taken not to be.
pub(super) async fn lasts(admin: &Admin, visitor: &Visitor) -> bool {
    let Ok(Some(token)) = admin.store().admin_token(&visitor.key).await else { return false };
    let loaded = admin.loaded();
    let held = holder(admin, &loaded.config, &token, clock::now());
    held.is_some_and(|(_, organization, held)| {
        visitor.roles == BTreeMap::from([(organization.id.clone(), held)])
    })
}

/// Whom a token acts for, where, and in which roles; none where it does not count.
fn holder(
    admin: &Admin,
    config: &Config,
    token: &AdminToken,
    now: Timestamp,
) -> Option<(Person, Arc<Organization>, BTreeSet<Role>)> {
    if token.revoked.is_some() || now >= token.ends {
        return None;
    }
    let organization = config.organizations.get(&token.organization)?;
    let mut held: BTreeSet<Role> = token.roles.split(' ').filter_map(Role::from_word).collect();
    let person = match &token.proof {
        Some(proof) => {
            let proof = Remembered::read(proof)?;
            if !admin.authenticator().remembers(&proof) {
                return None;
            }
            let person = proof.person()?;
            let known = match now.duration_since(proof.at()) < GROUPS_ARE_KNOWN_FOR {
                true => roles(config, &proof, &person),
                false => roles(config, &proof.without_groups(), &person),
            };
            let known = known.get(&organization.id).cloned().unwrap_or_default();
            held.retain(|role| known.contains(role));
            person
        }
        None => Person::new(organization.id.clone(), ProviderId::of_tokens(), &token.id),
    };
    if held.is_empty() {
        return None;
    }
    Some((person, Arc::clone(organization), held))
}
