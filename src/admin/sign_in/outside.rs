//! Signing in at an OpenID Connect provider, as on the sites, with a way back of our own.

use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};

use super::record::{event, refused};
use super::words::Words;
use super::{Asking, default_language, form, is_path, local};
use crate::admin::{Admin, Answer, Fields, Refusal, shell};
use crate::audit::Action;
use crate::clock;
use crate::config::{Config, Provider};
use crate::identifier::{OrganizationId, ProviderId};
use crate::identity::{Arrival, Departing, Next, OutsideError};
use crate::store::SessionStage;

/// The way back, which a provider has to know beforehand.
const CALLBACK: &str = "/sign-in/callback";

/// A way to sign in elsewhere.
pub(super) struct Button {
    /// What the provider is called.
    pub(super) label: String,
    /// Where it begins.
    pub(super) href: String,
}

/// One for each provider of each organisation.
pub(super) fn buttons(config: &Config, next: &str) -> Vec<Button> {
    let several = config.organizations.len() > 1;
    let mut buttons = Vec::new();
    for organization in config.organizations.values() {
        for id in &organization.identity_providers {
            let Some(Provider::Oidc(oidc)) = config.identity.get(id) else { continue };
            let label = oidc.label.clone().unwrap_or_else(|| id.to_string());
            let query = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("organization", organization.id.as_str())
                .append_pair("provider", id.as_str())
                .append_pair("next", next)
                .finish();
            buttons.push(Button {
                label: if several { format!("{label} ({})", organization.name) } else { label },
                href: format!("/sign-in/outside?{query}"),
            });
        }
    }
    buttons
}

/// Sends the browser to the provider.
pub(super) async fn depart(State(admin): State<Admin>, request: Request) -> Answer {
    let asked = Asking::of(&request);
    drop(request);
    let query = Fields::read(asked.query.as_deref().unwrap_or_default().as_bytes());
    let loaded = admin.loaded();
    let organization = OrganizationId::parse(query.text("organization"));
    let organization = organization
        .ok()
        .and_then(|id| loaded.config.organizations.get(&id))
        .ok_or(Refusal::SignInNeeded)?;
    let provider = ProviderId::parse(query.text("provider")).ok();
    let provider = provider
        .filter(|id| organization.identity_providers.contains(id))
        .filter(|id| matches!(loaded.config.identity.get(id), Some(Provider::Oidc(_))))
        .ok_or(Refusal::SignInNeeded)?;
    let next = query.given("next").filter(|next| is_path(next)).unwrap_or("/");
    // The organisation comes back with the browser, sealed in the journey's own cookie.
    let redirect_uri = redirect_uri(&asked).ok_or(Refusal::SignInNeeded)?;
    let departing = Departing {
        organization: &organization.id,
        provider: &provider,
        client: asked.connection.client,
        redirect_uri: &redirect_uri,
        next: &Next::new(next),
        headers: &asked.headers,
        secure: asked.connection.secure,
        now: clock::now(),
    };
    match admin.authenticator().depart(departing).await {
        Ok(departure) => {
            let mut response = shell::see(&departure.location);
            response.headers_mut().append(header::SET_COOKIE, departure.set_cookie);
            Ok(response)
        }
        Err(error) => Ok(failed(&admin, &asked, &organization.id, &error).await),
    }
}

/// Takes the browser that comes back.
pub(super) async fn arrive(State(admin): State<Admin>, request: Request) -> Answer {
    let asked = Asking::of(&request);
    drop(request);
    let loaded = admin.loaded();
    let secure = asked.connection.secure;
    let redirect_uri = redirect_uri(&asked).ok_or(Refusal::SignInNeeded)?;
    let now = clock::now();
    let organization = admin.authenticator().arriving_at(
        asked.query.as_deref().unwrap_or_default(),
        &asked.headers,
        secure,
        now,
    );
    let organization = organization.and_then(|id| loaded.config.organizations.get(&id).cloned());
    let organization = organization.ok_or(Refusal::SignInNeeded)?;
    let arrival = Arrival {
        organization: &organization.id,
        accepted: &organization.identity_providers,
        client: asked.connection.client,
        redirect_uri: &redirect_uri,
        query: asked.query.as_deref().unwrap_or_default(),
        headers: &asked.headers,
        secure,
        now,
    };
    let ended = admin.authenticator().journey_ended(&arrival);
    let mut response = match admin.authenticator().arrive(arrival).await {
        Ok(arrived) => {
            let proof = arrived.identity.remembered();
            let next = Some(arrived.next.as_str()).filter(|next| is_path(next)).unwrap_or("/");
            // The provider is where this organisation asks for a second factor, or does not.
            let stage = SessionStage::Open;
            local::open(&admin, &asked, &proof, stage, "oidc", next).await?
        }
        Err(error) => failed(&admin, &asked, &organization.id, &error).await,
    };
    if let Some(ended) = ended {
        response.headers_mut().append(header::SET_COOKIE, ended);
    }
    Ok(response)
}

async fn failed(
    admin: &Admin,
    asked: &Asking,
    organization: &OrganizationId,
    error: &OutsideError,
) -> Response {
    let chain = crate::telemetry::chain(error);
    tracing::warn!(error = chain, "somebody was not signed in to the administration");
    let words = Words::of(asked.language(default_language(admin)));
    let (why, problem) = match error {
        OutsideError::Limited => (None, words.too_many),
        // Whoever began no sign-in could fill the chain of people.
        OutsideError::Stray(_) => (None, words.failed),
        OutsideError::Ended(_) => (Some("ended_by_provider"), words.failed),
        OutsideError::Proof(_) => (Some("invalid_token"), words.failed),
        OutsideError::Provider(_) => (Some("provider_unavailable"), words.provider),
        OutsideError::Group => (Some("not_in_group"), words.wrong),
    };
    if let Some(why) = why {
        let event = event(Action::SignInFailed, organization).detail("method", "oidc");
        refused(admin, event, why).await;
    }
    let language = asked.language(default_language(admin));
    let mut at_door = asked.clone();
    (at_door.path, at_door.query) = ("/".to_owned(), None);
    let status = StatusCode::UNAUTHORIZED;
    form(admin, &at_door, language, status, Some(problem), &Fields::default())
}

fn redirect_uri(asked: &Asking) -> Option<String> {
    let scheme = if asked.connection.secure { "https" } else { "http" };
    Some(format!("{scheme}://{}{CALLBACK}", asked.host.as_deref()?))
}
