//! Signing in and out. The form stands wherever a stranger asks for a page, under 401, so that the
//! address one wanted stays; whatever is wrong with what was typed, the answer is the same.

mod local;
mod outside;
mod record;
mod words;

use askama::Template;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};

use super::shell::{self, Asking};
use super::{Admin, Answer, Fields, Refusal, Right, Routes, Sent, Visitor, access, second_factor};
use crate::config::{Config, Organization, Provider};
use crate::language::Language;
pub(super) use record::{record, record_failure};
use words::Words;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .get("/sign-in", Right::Everybody, page)
        .post("/sign-in", Right::Everybody, local::sign_in)
        .post("/sign-in/start-over", Right::Everybody, start_over)
        .get("/sign-in/outside", Right::Everybody, outside::depart)
        .get("/sign-in/callback", Right::Everybody, outside::arrive)
        .post("/sign-out", Right::SignedIn, sign_out)
        .post("/session/organization", Right::SignedIn, choose)
}

#[derive(Template)]
#[template(path = "sign_in/form.html")]
struct Form<'a> {
    words: &'static Words,
    csrf: &'a str,
    next: &'a str,
    name: &'a str,
    organizations: &'a [(String, String, bool)],
    providers: &'a [outside::Button],
    problem: Option<&'static str>,
}

async fn page(State(admin): State<Admin>, request: Request) -> Answer {
    let mut asked = Asking::of(&request);
    let query = Fields::read(asked.query.as_deref().unwrap_or_default().as_bytes());
    asked.path = query.given("next").filter(|next| is_path(next)).unwrap_or("/").to_owned();
    asked.query = None;
    drop(request);
    if access::visitor(&admin, &asked).await?.is_some() {
        return Ok(shell::see(&asked.path));
    }
    Ok(at_the_door(&admin, &asked, &Refusal::SignInNeeded).await)
}

/// What a stranger gets for whatever page: the form.
pub(super) async fn at_the_door(admin: &Admin, asked: &Asking, refusal: &Refusal) -> Response {
    let language = asked.language(default_language(admin));
    if *refusal == Refusal::SignInNeeded
        && let Some(page) = second_factor::at_the_door(admin, asked, language).await
    {
        return page;
    }
    let words = Words::of(language);
    let problem = match refusal {
        Refusal::SignInNeeded => None,
        Refusal::Forged => Some(words.forged),
        Refusal::TooMany => Some(words.too_many),
        Refusal::Unavailable => Some(words.unavailable),
        Refusal::NoEntry => Some(words.no_entry),
        _ => Some(words.failed),
    };
    form(admin, asked, language, refusal.status(), problem, &Fields::default())
}

/// The form, with what was typed before but for the password.
fn form(
    admin: &Admin,
    asked: &Asking,
    language: Language,
    status: StatusCode,
    problem: Option<&'static str>,
    typed: &Fields,
) -> Response {
    let words = Words::of(language);
    let loaded = admin.loaded();
    let Some(home) = loaded.config.organizations.keys().next() else {
        return shell::see("/");
    };
    let guard = admin.authenticator().form_guard(home, &asked.headers, asked.connection.secure);
    let chosen = typed.text("organization");
    let organizations: Vec<(String, String, bool)> = with_passwords(&loaded.config)
        .map(|one| (one.id.to_string(), one.name.clone(), one.id.as_str() == chosen))
        .collect();
    let next = match typed.given("next") {
        Some(next) if is_path(next) => next.to_owned(),
        _ => asked.next(),
    };
    let body = Form {
        words,
        csrf: &guard.token,
        next: &next,
        name: typed.text("name"),
        organizations: &organizations,
        providers: &outside::buttons(&loaded.config, &next),
        problem,
    };
    let mut response = shell::frame_for_strangers(status, asked, language, words.title, &body);
    if let Some(cookie) = guard.set_cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The organisations whose people can show a name and a password.
fn with_passwords(config: &Config) -> impl Iterator<Item = &Organization> {
    let takes =
        |id| matches!(config.identity.get(id), Some(Provider::Local(_) | Provider::Ldap(_)));
    config
        .organizations
        .values()
        .map(std::convert::AsRef::as_ref)
        .filter(move |one: &&Organization| one.identity_providers.iter().any(takes))
}

pub(super) fn default_language(admin: &Admin) -> Language {
    let loaded = admin.loaded();
    loaded.config.organizations.values().next().map_or(Language::Danish, |one| one.language)
}

/// Whether something is a path of ours: an address elsewhere would make the form a way to lure.
pub(super) fn is_path(next: &str) -> bool {
    let unfit = |c: char| c.is_control() || c == '\\';
    next.starts_with('/') && !next.starts_with("//") && !next.chars().any(unfit)
}

/// Somebody who is halfway in wants to be somebody else.
async fn start_over(State(admin): State<Admin>, request: Request) -> Answer {
    let asked = Asking::of(&request);
    let bytes = axum::body::to_bytes(request.into_body(), super::form::LARGEST)
        .await
        .map_err(|_| Refusal::TooLarge)?;
    let session = access::carried(&admin, &asked.headers, asked.connection).await?;
    let session = session.ok_or(Refusal::SignInNeeded)?;
    let shown = Fields::read(&bytes);
    access::is_same(shown.text("csrf").as_bytes(), &access::csrf(&session.token))?;
    let cookie = access::end(&admin, &asked.headers, asked.connection).await?;
    let mut response = shell::see("/sign-in");
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

async fn sign_out(State(admin): State<Admin>, visitor: Visitor, request: Request) -> Answer {
    let asked = Asking::of(&request);
    drop(request);
    // Whoever leaves is out whether or not that can be written down.
    let cookie = access::end(&admin, &asked.headers, asked.connection).await?;
    let sign_out = crate::audit::Action::SignOut;
    if record(&admin, sign_out, &visitor.person, &visitor.name, "session").await.is_err() {
        tracing::error!("a sign-out could not be written to the audit log");
    }
    let mut response = shell::see("/sign-in");
    response.headers_mut().append(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Looks at another of one's own organisations.
async fn choose(State(admin): State<Admin>, visitor: Visitor, sent: Sent) -> Answer {
    let asked = sent.text("organization");
    let chosen = visitor.organizations.iter().find(|(id, _)| id.as_str() == asked);
    let (id, _) = chosen.ok_or(Refusal::NotFound)?;
    admin.store().choose_in_admin_session(&visitor.key, id.as_str()).await?;
    Ok(shell::see("/"))
}
