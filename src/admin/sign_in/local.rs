//! A name and a password: a local account's, or a directory's.

use axum::extract::{Request, State};
use http::{StatusCode, header};

use super::record::{event, record, refused};
use super::words::Words;
use super::{Asking, default_language, form, is_path, with_passwords};
use crate::admin::{Admin, Answer, Fields, Refusal, access, form as fields, second_factor, shell};
use crate::audit::Action;
use crate::clock;
use crate::identity::{Attempt, Outcome, Remembered};
use crate::policy::Person;
use crate::store::SessionStage;

/// Takes the form. Every failure gets the same answer after the same time.
pub(super) async fn sign_in(State(admin): State<Admin>, request: Request) -> Answer {
    let asked = Asking::of(&request);
    let bytes = axum::body::to_bytes(request.into_body(), fields::LARGEST)
        .await
        .map_err(|_| Refusal::TooLarge)?;
    let typed = Fields::read(&bytes);
    let loaded = admin.loaded();
    let config = &loaded.config;
    let home = config.organizations.keys().next().ok_or(Refusal::NotFound)?;
    let secure = asked.connection.secure;
    let read = admin.authenticator().read_form(home, &asked.headers, secure, &bytes);
    let language = asked.language(default_language(&admin));
    let words = Words::of(language);
    let again = |status, problem| form(&admin, &asked, language, status, Some(problem), &typed);
    let Ok(sent) = read else {
        return Ok(again(StatusCode::UNAUTHORIZED, words.too_old));
    };
    let chosen = typed.given("organization");
    let organization = with_passwords(config)
        .find(|one| chosen.is_none_or(|chosen| one.id.as_str() == chosen))
        .ok_or(Refusal::NotFound)?;
    let attempt = Attempt {
        organization: &organization.id,
        client: asked.connection.client,
        eligible: &|_: &Person| true,
        holders: &|_| {},
        now: clock::now(),
    };
    let outcome = admin.authenticator().form(attempt, sent).await;
    let identity = match outcome {
        Outcome::Proven(identity) => identity,
        Outcome::NotProven { why, claimed } => {
            let event = event(Action::SignInFailed, &organization.id).detail("method", "form");
            let event = match &claimed {
                Some(name) => event.user(name.as_str()),
                None => event,
            };
            refused(&admin, event, why.word()).await;
            return Ok(again(StatusCode::UNAUTHORIZED, words.wrong));
        }
        Outcome::Limited => return Ok(again(StatusCode::UNAUTHORIZED, words.wrong)),
    };
    let proof = identity.remembered();
    let stage = second_factor::stage_after(&admin, &identity);
    let next = typed.given("next").filter(|next| is_path(next)).unwrap_or("/");
    open(&admin, &asked, &proof, stage, "form", next).await
}

/// The entry is on disk before the session exists: no entry, no session.
pub(super) async fn open(
    admin: &Admin,
    asked: &Asking,
    proof: &Remembered,
    stage: SessionStage,
    method: &'static str,
    next: &str,
) -> Answer {
    let person = proof.person().ok_or(Refusal::SignInNeeded)?;
    let name = proof.user_name().ok_or(Refusal::SignInNeeded)?;
    if stage == SessionStage::Open {
        record(admin, Action::SignIn, &person, &name, method).await?;
    }
    let cookie = access::begin(admin, proof, stage, &asked.headers, asked.connection).await?;
    let mut response = shell::see(next);
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}
