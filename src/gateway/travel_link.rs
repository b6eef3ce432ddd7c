//! `/.geovagt/rejse/TOKEN`: binds the device it is opened on to its owner's exemption.
//!
//! Always holds: opening the link changes nothing, since mail scanners open links too; a form of our
//! own page does, sent by the exemption's traveller, signed in, from a country that is not listed.
//! Nobody else learns whether there is such a link.

use http::{Method, Response, header};
use hyper::body::Incoming;

use super::answers;
use super::body::ResponseBody;
use super::exchange::Exchange;
use super::handle::Answer;
use super::own_pages::{form_bytes, guard, sign_in_location, with_cookie};
use super::pages::{self, Failure, TravelLinkState, TravelLinkView};
use crate::audit::{self, Action};
use crate::config::HostPattern;
use crate::identity::{Identity, LinkToken, UsableLink};
use crate::policy::{Reason, TravelExemption, Verdict};
use crate::store::LinkError;

/// Answers the link.
pub(super) async fn answer(exchange: &Exchange<'_>, token: &str, body: Incoming) -> Answer {
    let posts = match exchange.parts.method {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return Ok(answers::without_entry(exchange, Failure::MethodNotAllowed)),
    };
    let Some(identity) = exchange.session() else {
        let location = sign_in_location(exchange.canonical.path());
        let state = match is_home(exchange.decide().reason()) {
            true => TravelLinkState::SignIn { location: &location },
            false => TravelLinkState::Abroad,
        };
        return Ok(page(exchange, None, None, state));
    };
    if !is_home(exchange.decide_for(&identity).reason()) {
        return Ok(page(exchange, Some(&identity), None, TravelLinkState::Abroad));
    }
    let Some(token) = LinkToken::parse(token) else {
        return Ok(refused(exchange, &identity, &LinkError::Unknown));
    };
    if !posts {
        return Ok(ask(exchange, &identity, &token, false).await);
    }
    let bytes = match form_bytes(exchange, body).await {
        Ok(bytes) => bytes,
        Err(answer) => return *answer,
    };
    if !exchange.vouches(&bytes) {
        return Ok(ask(exchange, &identity, &token, true).await);
    }
    Ok(bind(exchange, &identity, &token).await)
}

/// Whether a verdict with this reason is one about a place from which devices may be bound.
fn is_home(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::CountryNotListed
            | Reason::AllowedNetwork
            | Reason::PrivateNetwork
            | Reason::AuthenticationRequired
    )
}

async fn ask(
    exchange: &Exchange<'_>,
    identity: &Identity,
    token: &LinkToken,
    expired: bool,
) -> Response<ResponseBody> {
    let authenticator = &exchange.gateway.authenticator;
    let mark = mark(exchange);
    match authenticator.link(identity, token, mark.as_deref(), exchange.now).await {
        Ok(UsableLink { exemption, bound: true }) => bound(exchange, identity, &exemption),
        Ok(UsableLink { exemption, bound: false }) => {
            let guard = guard(exchange);
            let state = TravelLinkState::Ask { csrf: &guard.token, expired };
            let page = page(exchange, Some(identity), Some(&exemption), state);
            with_cookie(page, guard.set_cookie)
        }
        Err(error) => refused(exchange, identity, &error),
    }
}

async fn bind(
    exchange: &Exchange<'_>,
    identity: &Identity,
    token: &LinkToken,
) -> Response<ResponseBody> {
    let agent = exchange.parts.headers.get(header::USER_AGENT);
    let label: String = agent
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default();
    let label: String = label.chars().filter(|c| !c.is_control()).collect();
    let (site, when) = (&exchange.site.site.id, (exchange.now, exchange.is_secure()));
    let authenticator = &exchange.gateway.authenticator;
    let done = authenticator.bind(identity, token, (site, &label), mark(exchange), when).await;
    match done {
        Ok((link, cookie)) => with_cookie(bound(exchange, identity, &link.exemption), cookie),
        Err(error) => refused(exchange, identity, &error),
    }
}

/// The mark that this browser has already, for another exemption say.
fn mark(exchange: &Exchange<'_>) -> Option<String> {
    exchange.gateway.authenticator.browser_mark(
        exchange.organization(),
        &exchange.parts.headers,
        exchange.is_secure(),
    )
}

fn bound(
    exchange: &Exchange<'_>,
    identity: &Identity,
    exemption: &TravelExemption,
) -> Response<ResponseBody> {
    // A cookie is for one host: each of the exemption's other systems wants its own. They are reached
    // as this one is, where it is not on the usual port either.
    let port = exchange.canonical.port().map(|port| format!(":{port}")).unwrap_or_default();
    let others = exemption.sites.iter().filter(|site| **site != exchange.site.site.id);
    let others: Vec<String> = others
        .filter_map(|site| exchange.snapshot.sites.by_id(site))
        .filter(|site| site.is_http())
        .filter_map(|site| {
            site.site.hosts.iter().find_map(|host| match host {
                HostPattern::Exact(host) => Some(format!("{host}{port}")),
                HostPattern::Suffix(_) | HostPattern::Any => None,
            })
        })
        .collect();
    let state = TravelLinkState::Bound { others: &others };
    page(exchange, Some(identity), Some(exemption), state)
}

/// Written down: a link in the wrong hands should not go unnoticed.
fn refused(
    exchange: &Exchange<'_>,
    identity: &Identity,
    error: &LinkError,
) -> Response<ResponseBody> {
    let (state, why) = match error {
        LinkError::Unknown => (TravelLinkState::Unknown, "unknown_link"),
        LinkError::Ended => (TravelLinkState::Ended, "link_ended"),
        LinkError::UsedUp => (TravelLinkState::UsedUp, "link_used_up"),
        LinkError::Store(error) => {
            tracing::error!(
                error = crate::telemetry::chain(error),
                "a travel link could not be looked up; nothing was bound"
            );
            return answers::without_entry(exchange, Failure::Overload);
        }
    };
    let event = exchange
        .event(Action::DeviceBound, Some(identity.user_name().as_str()))
        .outcome(audit::Outcome::Failure)
        .detail("why", why);
    exchange.note(event);
    page(exchange, Some(identity), None, state)
}

fn page(
    exchange: &Exchange<'_>,
    identity: Option<&Identity>,
    exemption: Option<&TravelExemption>,
    state: TravelLinkState<'_>,
) -> Response<ResponseBody> {
    let until = exemption.and_then(TravelExemption::journey).map(|(_, until)| until);
    let page = pages::travel_link(&TravelLinkView {
        organization: &exchange.site.organization,
        language: exchange.language(),
        path: exchange.canonical.path(),
        name: identity.map_or("", |identity| identity.user_name().as_str()),
        exemption: exemption.map(|exemption| exemption.id.as_str()).zip(until),
        state,
    });
    answers::respond(exchange.parts, page)
}

/// Whether a verdict lets somebody in by an exemption.
pub(super) fn exemption_of(verdict: &Verdict) -> Option<&crate::policy::ExemptionId> {
    match verdict {
        Verdict::Allow(permit) => permit.exemption(),
        Verdict::Identify(_) | Verdict::Deny(_) => None,
    }
}
