//! One's own account: who one is here, and the second factors.

use askama::Template;
use axum::extract::{Path, Request, State};
use http::StatusCode;
use serde_json::json;

use super::words::Words;
use super::{Pending, passkey};
use crate::admin::access::role_name;
use crate::admin::shell::{self, Asking};
use crate::admin::{Admin, Answer, Place, Refusal, Right, Routes, Visitor, api, form};
use crate::clock;
use crate::config::SecondFactor;
use crate::language;
use crate::store::{AdminSession, FactorKind, MOST_PASSKEYS};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/account", Right::SignedIn, page)
        .post("/account/passkey/challenge", Right::SignedIn, challenge)
        .post("/account/passkey/answer", Right::SignedIn, answer)
        .get("/account/factors/{id}/remove", Right::SignedIn, ask_remove)
        .post("/account/factors/{id}/remove", Right::SignedIn, remove)
}

struct Row {
    id: String,
    kind: &'static str,
    label: String,
    created: String,
    used: String,
}

#[derive(Template)]
#[template(path = "account/page.html")]
struct Page<'a> {
    words: &'static Words,
    csrf: &'a str,
    name: &'a str,
    organization: &'a str,
    roles: String,
    factors: Vec<Row>,
    /// Whether one of them may be taken away: not the last that is needed.
    removable: bool,
    passkey: bool,
}

#[derive(Template)]
#[template(path = "account/remove.html")]
struct Remove<'a> {
    words: &'static Words,
    csrf: &'a str,
    label: &'a str,
}

async fn page(State(admin): State<Admin>, visitor: Visitor, request: Request) -> Answer {
    let asked = Asking::of(&request);
    drop(request);
    let words = Words::of(visitor.language);
    let instant = |at| language::instant(at, &visitor.organization.time_zone, visitor.language);
    let factors = admin.store().second_factors(&visitor.person).await?;
    let removable = may_remove(&admin, factors.len());
    let factors = factors.into_iter().map(|factor| Row {
        kind: match factor.kind {
            FactorKind::Totp => words.code_generator,
            FactorKind::Passkey => words.passkey,
        },
        created: instant(factor.created),
        used: factor.used.map_or_else(|| words.never.to_owned(), instant),
        id: factor.id,
        label: factor.label,
    });
    let held = visitor.roles.get(visitor.organization_id()).into_iter().flatten();
    let held: Vec<&str> = held.map(|role| role_name(*role, visitor.language)).collect();
    let roles = match held.is_empty() {
        true => words.traveller.to_owned(),
        false => language::enumeration(&held, visitor.language),
    };
    let body = Page {
        words,
        csrf: &visitor.csrf,
        name: visitor.name.as_str(),
        organization: &visitor.organization.name,
        roles,
        factors: factors.collect(),
        removable,
        passkey: passkey::is_possible(&asked),
    };
    Ok(shell::frame(&visitor, Place::Elsewhere, words.account, &body))
}

fn may_remove(admin: &Admin, factors: usize) -> bool {
    let loaded = admin.loaded();
    factors > 1 || admin.settings(&loaded.config).second_factor == SecondFactor::Off
}

async fn session(admin: &Admin, visitor: &Visitor) -> Result<AdminSession, Refusal> {
    admin.store().admin_session(&visitor.key).await?.ok_or(Refusal::SignInNeeded)
}

/// Lets a further passkey be made.
async fn challenge(State(admin): State<Admin>, visitor: Visitor, request: Request) -> Answer {
    let asked = Asking::of(&request);
    drop(request);
    let factors = admin.store().second_factors(&visitor.person).await?;
    let passkeys = factors.iter().filter(|factor| factor.kind == FactorKind::Passkey);
    if passkeys.count() >= MOST_PASSKEYS {
        return Err(Refusal::Conflict(Words::of(visitor.language).enough.to_owned()));
    }
    let (body, state) = passkey::ask(&asked, &visitor.person, &visitor.name, &factors, true)?;
    let session = session(&admin, &visitor).await?;
    Pending { code: None, passkey: Some(state) }.keep(&admin, &session).await?;
    Ok(api::json(StatusCode::OK, &body))
}

async fn answer(State(admin): State<Admin>, visitor: Visitor, request: Request) -> Answer {
    let asked = Asking::of(&request);
    let answer = axum::body::to_bytes(request.into_body(), form::LARGEST)
        .await
        .map_err(|_| Refusal::TooLarge)?;
    let session = session(&admin, &visitor).await?;
    let pending = Pending::of(&session);
    admin.store().set_admin_session_pending(&session.token, None).await?;
    let Some(passkey::Asked::Registration(state)) = pending.passkey else {
        return Err(Refusal::Forged);
    };
    let person = (&visitor.person, &visitor.name);
    if !passkey::register(&admin, &asked, person, &state, &answer).await? {
        return Err(Refusal::Forged);
    }
    Ok(api::json(StatusCode::OK, &json!({"done": true})))
}

async fn ask_remove(
    State(admin): State<Admin>,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Answer {
    let words = Words::of(visitor.language);
    let factors = admin.store().second_factors(&visitor.person).await?;
    let factor = factors.iter().find(|factor| factor.id == id).ok_or(Refusal::NotFound)?;
    let body = Remove { words, csrf: &visitor.csrf, label: &factor.label };
    Ok(shell::frame(&visitor, Place::Elsewhere, words.really_remove, &body))
}

async fn remove(State(admin): State<Admin>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let words = Words::of(visitor.language);
    let factors = admin.store().second_factors(&visitor.person).await?;
    if !factors.iter().any(|factor| factor.id == id) {
        return Err(Refusal::NotFound);
    }
    if !may_remove(&admin, factors.len()) {
        return Err(Refusal::Conflict(words.last_one.to_owned()));
    }
    let (person, name, by) = (&visitor.person, &visitor.name, visitor.actor());
    admin.store().remove_second_factors(person, name, Some(&id), &by, clock::now()).await?;
    // Whoever else was signed in by it is not any more.
    admin.store().end_admin_sessions_of(person, &visitor.key).await?;
    Ok(shell::see("/account"))
}
