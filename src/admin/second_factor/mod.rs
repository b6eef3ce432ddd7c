//! What is shown beside a password: a code from a phone, or a passkey. Whoever has neither sets one
//! up at the first sign-in.
//!
//! Always holds: until it is shown nobody is signed in, whatever cookie there is; no code counts
//! twice; wrong ones are counted by person, across sessions and nodes; a passkey is bound to the
//! name in the address bar, and its challenge counts once.

mod account;
mod code;
mod passkey;
mod words;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use serde::{Deserialize, Serialize};

use super::shell::{self, Asking};
use super::sign_in::{self, is_path};
use super::{Admin, Answer, Fields, Refusal, Right, Routes, access, form};
use crate::audit::Action;
use crate::clock;
use crate::config::SecondFactor;
use crate::identity::{Identity, Remembered};
use crate::language::Language;
use crate::policy::{Person, UserName};
use crate::store::{AdminSession, FactorKind, SecondFactorRecord, SessionStage};
use words::Words;

pub(super) fn routes(routes: Routes) -> Routes {
    let routes = routes
        .post("/sign-in/code", Right::Everybody, show_code)
        .post("/sign-in/passkey/challenge", Right::Everybody, passkey::challenge_at_sign_in)
        .post("/sign-in/passkey/answer", Right::Everybody, passkey::answer_at_sign_in);
    account::routes(routes)
}

/// Whether somebody who was proven this way has to show more.
pub(super) fn stage_after(admin: &Admin, identity: &Identity) -> SessionStage {
    let loaded = admin.loaded();
    match admin.settings(&loaded.config).second_factor {
        SecondFactor::Off => SessionStage::Open,
        SecondFactor::Required if identity.multi_factor() => SessionStage::Open,
        SecondFactor::Required => SessionStage::SecondFactor,
    }
}

/// What one step of signing in leaves for the next, in the session.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Pending {
    /// The secret that is being set up, sealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// What a passkey was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<passkey::Asked>,
}

impl Pending {
    fn of(session: &AdminSession) -> Self {
        session
            .pending
            .as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    async fn keep(&self, admin: &Admin, session: &AdminSession) -> Result<(), Refusal> {
        let text = serde_json::to_string(self).map_err(|error| Refusal::fault(&error))?;
        Ok(admin.store().set_admin_session_pending(&session.token, Some(&text)).await?)
    }
}

/// Somebody whose password was right.
struct Halfway {
    session: AdminSession,
    proof: Remembered,
    person: Person,
    name: UserName,
    factors: Vec<SecondFactorRecord>,
}

impl Halfway {
    fn has(&self, kind: FactorKind) -> bool {
        self.factors.iter().any(|factor| factor.kind == kind)
    }

    fn csrf(&self) -> String {
        access::csrf(&self.session.token)
    }
}

/// Whoever is halfway in, by the session that came along.
async fn halfway(admin: &Admin, asked: &Asking) -> Result<Option<Halfway>, Refusal> {
    let session = access::carried(admin, &asked.headers, asked.connection).await?;
    let session = session.filter(|session| session.stage == SessionStage::SecondFactor);
    let Some(session) = session else { return Ok(None) };
    let Some(proof) = Remembered::read(&session.proof) else { return Ok(None) };
    let (Some(person), Some(name)) = (proof.person(), proof.user_name()) else { return Ok(None) };
    let factors = admin.store().second_factors(&person).await?;
    Ok(Some(Halfway { session, proof, person, name, factors }))
}

/// The page that stands at the door for somebody who is halfway in; none for everybody else.
pub(super) async fn at_the_door(
    admin: &Admin,
    asked: &Asking,
    language: Language,
) -> Option<Response> {
    let found = halfway(admin, asked).await.ok()??;
    let next = asked.next();
    page(admin, asked, &found, language, &next, None).await.ok()
}

#[derive(Template)]
#[template(path = "sign_in/second_factor.html")]
struct Page<'a> {
    words: &'static Words,
    csrf: &'a str,
    next: &'a str,
    problem: Option<&'static str>,
    /// Whether a code can be shown, or is being set up.
    code: bool,
    /// What is set up: the picture and the text of the secret.
    enrolment: Option<code::Enrolment>,
    passkey: bool,
}

async fn page(
    admin: &Admin,
    asked: &Asking,
    found: &Halfway,
    language: Language,
    next: &str,
    problem: Option<&'static str>,
) -> Answer {
    let words = Words::of(language);
    let first_time = found.factors.is_empty();
    let enrolment = if first_time { Some(code::enrol(admin, found).await?) } else { None };
    let csrf = found.csrf();
    let body = Page {
        words,
        csrf: &csrf,
        next,
        problem,
        code: first_time || found.has(FactorKind::Totp),
        enrolment,
        passkey: passkey::is_possible(asked) && (first_time || found.has(FactorKind::Passkey)),
    };
    let title = if first_time { words.title_first } else { words.title };
    Ok(shell::frame_for_strangers(StatusCode::UNAUTHORIZED, asked, language, title, &body))
}

/// Takes a code.
async fn show_code(State(admin): State<Admin>, request: Request) -> Answer {
    let asked = Asking::of(&request);
    let bytes = axum::body::to_bytes(request.into_body(), form::LARGEST)
        .await
        .map_err(|_| Refusal::TooLarge)?;
    let sent = Fields::read(&bytes);
    let found = halfway(&admin, &asked).await?.ok_or(Refusal::SignInNeeded)?;
    access::is_same(sent.text("csrf").as_bytes(), &found.csrf())?;
    let language = asked.language(sign_in::default_language(&admin));
    let words = Words::of(language);
    let next = sent.given("next").filter(|next| is_path(next)).unwrap_or("/");
    let attempts_left = admin.store().count_code_attempt(&found.person, clock::now()).await?;
    let problem = match attempts_left {
        false => words.too_many,
        true if code::fits(&admin, &found, sent.text("code")).await? => {
            return open(&admin, &asked, &found, "totp", next).await;
        }
        true => words.wrong,
    };
    sign_in::record_failure(&admin, &found.person, &found.name, "wrong_code").await;
    page(&admin, &asked, &found, language, next, Some(problem)).await
}

/// Signs in, under a new token.
async fn open(
    admin: &Admin,
    asked: &Asking,
    found: &Halfway,
    method: &'static str,
    next: &str,
) -> Answer {
    admin.store().forget_code_attempts(&found.person).await?;
    sign_in::record(admin, Action::SignIn, &found.person, &found.name, method).await?;
    let (headers, connection) = (&asked.headers, asked.connection);
    let open = SessionStage::Open;
    let cookie = access::begin(admin, &found.proof, open, headers, connection).await?;
    let mut response = shell::see(next);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
