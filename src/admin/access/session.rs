//! The session of the administration: a random token in a cookie, its digest in the store.
//!
//! Always holds: a token is made at each step of signing in and never taken from a request; whatever
//! ends the proof, changes the roles or reaches a limit ends the session.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use jiff::SignedDuration;
use sha2::{Digest as _, Sha256};

use super::visitor::{Visitor, is_centre_operator, roles};
use super::{Connection, token};
use crate::admin::shell::Asking;
use crate::admin::{Admin, Refusal};
use crate::clock;
use crate::config::Role;
use crate::identifier::OrganizationId;
use crate::identity::Remembered;
use crate::language::Language;
use crate::store::{AdminSession, SessionStage};

const COOKIE_NAME: &str = "geovagt-admin";
/// Use is noted to this precision.
const NOTED_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// How long the second factor may take.
const SECOND_FACTOR_TIME: SignedDuration = SignedDuration::from_mins(10);

/// Whoever a request's session stands for; none where it has none that counts.
pub(super) async fn visitor(admin: &Admin, asked: &Asking) -> Result<Option<Visitor>, Refusal> {
    let Some(session) = carried(admin, &asked.headers, asked.connection).await? else {
        return Ok(None);
    };
    if session.stage != SessionStage::Open {
        return Ok(None);
    }
    let Some(proof) = Remembered::read(&session.proof) else { return Ok(None) };
    let visitor = described(admin, &session, &proof, asked);
    if visitor.is_none() {
        admin.store().end_admin_session(&session.token).await?;
    }
    Ok(visitor)
}

/// The session that a request carries, at whatever stage, where its proof and its time still count.
pub(in crate::admin) async fn carried(
    admin: &Admin,
    headers: &HeaderMap,
    connection: Connection,
) -> Result<Option<AdminSession>, Refusal> {
    let Some(token) = cookie(headers, connection.secure) else { return Ok(None) };
    let Some(session) = admin.store().admin_session(&digest(token)).await? else {
        return Ok(None);
    };
    let now = clock::now();
    let config = &admin.loaded().config;
    let idle = match session.stage {
        SessionStage::Open => signed(admin.settings(config).session.idle),
        SessionStage::SecondFactor => SECOND_FACTOR_TIME,
    };
    let over = now >= session.ends || now.duration_since(session.used) >= idle + NOTED_EVERY;
    let counts = || {
        Remembered::read(&session.proof)
            .is_some_and(|proof| admin.authenticator().remembers(&proof))
    };
    if over || !counts() {
        admin.store().end_admin_session(&session.token).await?;
        return Ok(None);
    }
    if now.duration_since(session.used) >= NOTED_EVERY {
        admin.store().use_admin_session(&session.token, now).await?;
    }
    Ok(Some(session))
}

/// Whether a session is still there in the same roles, without prolonging it. Where the store cannot
/// be asked, it is taken to be over.
pub(super) async fn lasts(admin: &Admin, visitor: &Visitor) -> bool {
    let Ok(Some(session)) = admin.store().admin_session(&visitor.key).await else { return false };
    let Some(proof) = Remembered::read(&session.proof) else { return false };
    let config = &admin.loaded().config;
    let now = clock::now();
    let idle = signed(admin.settings(config).session.idle) + NOTED_EVERY;
    let in_time = now < session.ends && now.duration_since(session.used) < idle;
    in_time
        && session.stage == SessionStage::Open
        && admin.authenticator().remembers(&proof)
        && roles(config, &proof, &visitor.person) == visitor.roles
}

fn described(
    admin: &Admin,
    session: &AdminSession,
    proof: &Remembered,
    asked: &Asking,
) -> Option<Visitor> {
    let loaded = admin.loaded();
    let config = &loaded.config;
    let person = proof.person()?;
    let held = roles(config, proof, &person);
    let centre_operator = is_centre_operator(config, proof, &person);
    // Whoever has other roles now than when the session began signs in anew.
    if written_roles(&held, centre_operator) != session.roles {
        return None;
    }
    let chosen = session.chosen.as_deref().and_then(|text| OrganizationId::parse(text).ok());
    let chosen = chosen.filter(|id| held.contains_key(id) || id == person.organization());
    let first = || {
        let own = person.organization();
        let home = held.contains_key(own) || held.is_empty();
        if home { Some(own.clone()) } else { held.keys().next().cloned() }
    };
    let organization = config.organizations.get(&chosen.or_else(first)?)?;
    let mut organizations: Vec<(OrganizationId, String)> = config
        .organizations
        .values()
        .filter(|one| held.contains_key(&one.id) || one.id == *person.organization())
        .map(|one| (one.id.clone(), one.name.clone()))
        .collect();
    organizations.sort_by_cached_key(|(_, name)| crate::language::sort_key(name, Language::Danish));
    Some(Visitor {
        name: proof.user_name()?,
        language: asked.language(organization.language),
        organization: std::sync::Arc::clone(organization),
        organizations,
        roles: held,
        centre_operator,
        person,
        csrf: csrf(&session.token),
        key: session.token.clone(),
        token: None,
        path: asked.path.clone(),
    })
}

/// Begins a session for somebody who was proven, in the place of whatever the browser carried, and
/// gives the `Set-Cookie`.
pub(in crate::admin) async fn begin(
    admin: &Admin,
    proof: &Remembered,
    stage: SessionStage,
    headers: &HeaderMap,
    connection: Connection,
) -> Result<HeaderValue, Refusal> {
    let loaded = admin.loaded();
    let config = &loaded.config;
    let person = proof.person().ok_or(Refusal::SignInNeeded)?;
    let now = clock::now();
    let lasts = match stage {
        SessionStage::Open => signed(admin.settings(config).session.absolute),
        SessionStage::SecondFactor => SECOND_FACTOR_TIME,
    };
    let token = URL_SAFE_NO_PAD.encode(clock::random_bytes::<32>());
    let held = roles(config, proof, &person);
    let session = AdminSession {
        token: digest(&token),
        proof: proof.written(),
        roles: written_roles(&held, is_centre_operator(config, proof, &person)),
        chosen: None,
        stage,
        pending: None,
        failures: 0,
        began: now,
        used: now,
        ends: now.checked_add(lasts).unwrap_or(now),
    };
    let before = cookie(headers, connection.secure).map(digest);
    admin.store().begin_admin_session(&session, &person, before.as_deref()).await?;
    if stage == SessionStage::Open {
        token::renew(admin, &person, &session.proof).await?;
    }
    Ok(set_cookie(&token, None, connection.secure))
}

/// What a visitor has proven, as the store keeps it.
pub(in crate::admin) async fn proof(admin: &Admin, visitor: &Visitor) -> Result<String, Refusal> {
    let session = admin.store().admin_session(&visitor.key).await?;
    session.map(|session| session.proof).ok_or(Refusal::SignInNeeded)
}

/// Ends the session that a request carries, and gives the `Set-Cookie` that removes it.
pub(in crate::admin) async fn end(
    admin: &Admin,
    headers: &HeaderMap,
    connection: Connection,
) -> Result<HeaderValue, Refusal> {
    if let Some(token) = cookie(headers, connection.secure) {
        admin.store().end_admin_session(&digest(token)).await?;
    }
    Ok(set_cookie("", Some(0), connection.secure))
}

/// What a form has to send back: nobody who does not have the session can know it.
pub(in crate::admin) fn csrf(session: &str) -> String {
    hex::encode(Sha256::digest(format!("geovagt admin form 1 {session}")))
}

pub(in crate::admin) fn digest(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

fn written_roles(
    held: &std::collections::BTreeMap<OrganizationId, std::collections::BTreeSet<Role>>,
    centre_operator: bool,
) -> String {
    let of = |(id, roles): (&OrganizationId, &std::collections::BTreeSet<Role>)| {
        let words: Vec<&str> = roles.iter().map(|role| role.word()).collect();
        format!("{id}:{}", words.join(","))
    };
    let mut written: Vec<String> = held.iter().map(of).collect();
    if centre_operator {
        written.push("*".to_owned());
    }
    written.join(" ")
}

fn full_name(secure: bool) -> &'static str {
    if secure { "__Host-geovagt-admin" } else { COOKIE_NAME }
}

/// The value of our cookie; none where it is there twice.
fn cookie(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let mut found = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim_matches([' ', '\t']).split_once('='))
        .filter_map(|(name, value)| (name == full_name(secure)).then_some(value));
    match (found.next(), found.next()) {
        (Some(value), None) if value.len() <= 64 => Some(value),
        _ => None,
    }
}

fn set_cookie(value: &str, seconds: Option<u32>, secure: bool) -> HeaderValue {
    let age = seconds.map(|seconds| format!("Max-Age={seconds}; ")).unwrap_or_default();
    let protected = if secure { "Secure; " } else { "" };
    // Lax and not Strict: whoever comes back from a provider comes from elsewhere.
    let text =
        format!("{}={value}; {age}Path=/; {protected}HttpOnly; SameSite=Lax", full_name(secure));
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn signed(length: std::time::Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}
