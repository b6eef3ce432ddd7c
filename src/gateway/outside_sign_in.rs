//! Signing in where an outside provider proves people: there, back again, and out.
//!
//! Always holds: all of this stands behind the same decision as the site; a person whom a provider
//! has proven and for whom the door does not open gets the one and same rejection.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use super::answers;
use super::body::ResponseBody;
use super::exchange::Exchange;
use super::handle::Answer;
use super::own_pages::{ROOT, percent_encoded, refused, signed_in, with_cookie};
use super::pages::{self, Failure, ProviderButton, SignOut};
use crate::audit::{self, Action};
use crate::config::Provider;
use crate::identifier::ProviderId;
use crate::identity::{Arrival, Departing, Identity, LogoutRefused, Next, OutsideError, Why};
use crate::policy::{Denial, Reason};

/// Seconds until one of an address's attempts has come back.
const RETRY_AFTER: u32 = 5;

/// The providers that this site sends people to, as the sign-in page shows them.
pub(super) fn buttons(exchange: &Exchange<'_>, next: &Next) -> Vec<ProviderButton> {
    let taken = exchange.site.site.identity_providers.iter();
    taken
        .filter_map(|id| match exchange.snapshot.config.identity.get(id) {
            Some(Provider::Oidc(oidc)) => Some(ProviderButton {
                label: oidc.label.clone().unwrap_or_else(|| id.to_string()),
                href: format!(
                    "{ROOT}/sign-in?provider={id}&next={}",
                    percent_encoded(next.as_str())
                ),
            }),
            _ => None,
        })
        .collect()
}

/// Whether a name and a password can be proven here.
pub(super) fn takes_password(exchange: &Exchange<'_>) -> bool {
    let taken = &exchange.site.site.identity_providers;
    taken.iter().any(|id| {
        matches!(
            exchange.snapshot.config.identity.get(id),
            Some(Provider::Local(_) | Provider::Ldap(_))
        )
    })
}

/// The provider that the address asks for; none where it asks for the form.
pub(super) fn asked_provider<'q>(exchange: &'q Exchange<'_>) -> Option<&'q str> {
    let query = exchange.canonical.path_and_query().query().unwrap_or_default();
    query.split('&').find_map(|pair| pair.strip_prefix("provider="))
}

/// Sends the browser to the provider.
pub(super) async fn depart(exchange: &Exchange<'_>, asked: &str, next: &Next) -> Answer {
    let taken = &exchange.site.site.identity_providers;
    let provider = ProviderId::parse(asked).ok().filter(|id| taken.contains(id));
    let Some(provider) = provider else {
        return Ok(answers::without_entry(exchange, Failure::PageNotFound));
    };
    let departing = Departing {
        organization: exchange.organization(),
        provider: &provider,
        client: exchange.client_ip(),
        redirect_uri: &redirect_uri(exchange),
        next,
        headers: &exchange.parts.headers,
        secure: exchange.is_secure(),
        now: exchange.now,
    };
    match exchange.gateway.authenticator.depart(departing).await {
        Ok(departure) => {
            let response = answers::redirect(&departure.location);
            Ok(with_cookie(response, Some(departure.set_cookie)))
        }
        Err(error) => Ok(failed(exchange, provider.as_str(), &error).await),
    }
}

/// Takes the browser that comes back.
pub(super) async fn arrive(exchange: &Exchange<'_>) -> Answer {
    let arrival = Arrival {
        organization: exchange.organization(),
        accepted: &exchange.site.site.identity_providers,
        client: exchange.client_ip(),
        redirect_uri: &redirect_uri(exchange),
        query: exchange.canonical.path_and_query().query().unwrap_or_default(),
        headers: &exchange.parts.headers,
        secure: exchange.is_secure(),
        now: exchange.now,
    };
    let authenticator = &exchange.gateway.authenticator;
    let arrived = authenticator.arrive(arrival).await;
    let answer = match arrived {
        Ok(arrived) if exchange.takes_in(&arrived.identity) => {
            let answer = signed_in(exchange, &arrived.identity, &arrived.next).await?;
            let secure = exchange.is_secure();
            let hint = authenticator.keep_hint(&arrived.identity, &arrived.token, secure);
            let begun = answer.status() == StatusCode::SEE_OTHER;
            with_cookie(answer, hint.filter(|_| begun))
        }
        Ok(arrived) => {
            let claimed = Some(arrived.identity.user_name());
            exchange.record_failed_sign_in(Why::NotEligible, claimed).await;
            refused(exchange)
        }
        Err(error) => failed(exchange, "", &error).await,
    };
    Ok(with_cookie(answer, authenticator.journey_ended(&arrival)))
}

/// A provider says that somebody signed out there.
pub(super) async fn back_channel(exchange: &Exchange<'_>, form: &Bytes) -> Answer {
    let ended = exchange
        .gateway
        .authenticator
        .back_channel_logout(exchange.organization(), exchange.client_ip(), form, exchange.now)
        .await;
    let status = match &ended {
        Ok(provider) => {
            let event = exchange
                .event(Action::SignOut, None)
                .detail("method", "back_channel")
                .detail("provider", provider.as_str());
            exchange.note(event);
            StatusCode::OK
        }
        Err(LogoutRefused::Limited) => StatusCode::TOO_MANY_REQUESTS,
        Err(LogoutRefused::Token(_)) => StatusCode::BAD_REQUEST,
        Err(LogoutRefused::Later(_) | LogoutRefused::Store(_)) => StatusCode::SERVICE_UNAVAILABLE,
    };
    if let Err(error) = &ended {
        tracing::warn!(error = crate::telemetry::chain(error), "a back-channel logout was refused");
    }
    let mut response = Response::new(ResponseBody::page(Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The page after signing out: where a provider proved the person, the browser goes on to it.
pub(super) async fn signed_out(
    exchange: &Exchange<'_>,
    identity: Option<&Identity>,
) -> Response<ResponseBody> {
    let return_to = format!("{}{ROOT}/sign-out", origin(exchange));
    let elsewhere = match identity {
        Some(identity) => {
            let browser = (&exchange.parts.headers, exchange.is_secure());
            exchange.gateway.authenticator.sign_out_elsewhere(identity, browser, &return_to).await
        }
        None => None,
    };
    let state = match &elsewhere {
        Some(elsewhere) => SignOut::GoingOn { elsewhere },
        None => SignOut::Done,
    };
    let page = pages::sign_out(state, &exchange.site.organization, exchange.language());
    let mut response = answers::respond(exchange.parts, page);
    // A form may not lead to another host (our content security policy), a page that is shown may.
    let refresh = elsewhere.and_then(|to| HeaderValue::from_str(&format!("0; url={to}")).ok());
    if let Some(refresh) = refresh {
        response.headers_mut().insert(header::REFRESH, refresh);
    }
    let (headers, secure) = (&exchange.parts.headers, exchange.is_secure());
    with_cookie(response, exchange.gateway.authenticator.forget_hint(headers, secure))
}

/// What did not come about. What the log keeps is more than what the browser is told.
async fn failed(
    exchange: &Exchange<'_>,
    provider: &str,
    error: &OutsideError,
) -> Response<ResponseBody> {
    let (why, failure) = match error {
        // No entry of its own: whoever floods would fill the chain of people.
        OutsideError::Limited => {
            let failure = Failure::TooManyRequests { retry_after: RETRY_AFTER };
            return answers::without_entry(exchange, failure);
        }
        OutsideError::Stray(_) => (Why::Stray, Some(Failure::SignInBroken)),
        OutsideError::Ended(_) => (Why::Ended, Some(Failure::SignInBroken)),
        OutsideError::Proof(_) => (Why::Token, Some(Failure::SignInBroken)),
        OutsideError::Provider(_) => (Why::Provider, Some(Failure::ProviderUnavailable)),
        OutsideError::Group => (Why::Group, None),
    };
    let site = exchange.site.site.id.as_str();
    let chain = crate::telemetry::chain(error);
    tracing::warn!(site, provider, error = chain, "somebody was not signed in");
    metrics::counter!("geovagt_provider_failures_total", "cause" => why.word()).increment(1);
    // Whoever began no sign-in could fill the chain of people; the rejection below folds.
    if !matches!(error, OutsideError::Stray(_)) {
        record(exchange, why).await;
    }
    let Some(failure) = failure else { return refused(exchange) };
    let mut facts = exchange.facts(None);
    facts.status = Some(failure.status().as_u16());
    let reference = exchange.gateway.audit.deny(facts, Denial::new(Reason::NotAuthorized));
    answers::failed(exchange, failure, &reference)
}

async fn record(exchange: &Exchange<'_>, why: Why) {
    let event = exchange
        .event(Action::SignInFailed, None)
        .outcome(audit::Outcome::Failure)
        .detail("why", why.word())
        .detail("method", "oidc");
    if exchange.gateway.audit.record(event).durable().await.is_err() {
        tracing::error!("a failed sign-in could not be written to the audit log");
    }
}

/// As the provider has to know it beforehand.
fn redirect_uri(exchange: &Exchange<'_>) -> String {
    format!("{}{ROOT}/callback", origin(exchange))
}

fn origin(exchange: &Exchange<'_>) -> String {
    let scheme = if exchange.is_secure() { "https" } else { "http" };
    format!("{scheme}://{}", exchange.canonical.authority())
}
