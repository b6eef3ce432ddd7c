//! `/.geovagt/adresse`: a traveller who has signed in lets the programs on the same address pass for
//! a while, sees that they do, and ends it.
//!
//! Always holds: only somebody whose exemption lets them in right here may begin it; it is in the log
//! and on disk before it counts.

use http::{Method, Response};
use hyper::body::Incoming;
use jiff::Timestamp;

use super::answers;
use super::body::ResponseBody;
use super::exchange::Exchange;
use super::handle::Answer;
use super::own_pages::{form_bytes, guard, with_cookie};
use super::pages::{self, AddressState, AddressView, Failure};
use super::travel_link::exemption_of;
use crate::audit::Action;
use crate::client_address::ClientAddress;
use crate::identity::Identity;
use crate::policy::{Admission, Authentication, Denial, ExemptionId, Reason};

/// Answers the page: `ends` where it is asked to end what runs.
pub(super) async fn answer(exchange: &Exchange<'_>, body: Incoming, ends: bool) -> Answer {
    if exchange.site.site.address_grant.is_none() {
        return Ok(answers::without_entry(exchange, Failure::PageNotFound));
    }
    let posts = match exchange.parts.method {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return Ok(answers::without_entry(exchange, Failure::MethodNotAllowed)),
    };
    let Some(identity) = exchange.session() else {
        return Ok(page(exchange, AddressState::NotHere));
    };
    if !posts {
        return Ok(shown(exchange, &identity));
    }
    let bytes = match form_bytes(exchange, body).await {
        Ok(bytes) => bytes,
        Err(answer) => return *answer,
    };
    if !exchange.vouches(&bytes) {
        return Ok(shown(exchange, &identity));
    }
    if ends { end(exchange, &identity).await } else { begin(exchange, &identity).await }
}

/// The exemption by which this person may let an address pass here; none where they may not.
pub(super) fn may_grant(exchange: &Exchange<'_>, identity: &Identity) -> Option<ExemptionId> {
    exchange.site.site.address_grant?;
    if exchange.policy().authentication() == Authentication::Always {
        return None;
    }
    exemption_of(&exchange.decide_for(identity)).cloned()
}

async fn begin(exchange: &Exchange<'_>, identity: &Identity) -> Answer {
    let exemption = may_grant(exchange, identity);
    let (Some(exemption), Some(span), ClientAddress::Known(known)) =
        (exemption, exchange.site.site.address_grant, exchange.client)
    else {
        return Ok(page(exchange, AddressState::NotHere));
    };
    let name = identity.user_name().as_str();
    let mut event = exchange.event(Action::AddressGranted, Some(name));
    event.exemption = Some(exemption.as_str().into());
    let event = event.detail("seconds", span.as_secs().to_string());
    if exchange.gateway.audit.record(event).durable().await.is_err()
        && exchange.snapshot.config.audit.on_failure == Admission::Deny
    {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    }
    let authenticator = &exchange.gateway.authenticator;
    let place = (&exchange.site.site.id, &exemption);
    let (device, when) = (exchange.device.as_deref(), (exchange.now, span));
    let granted = authenticator.grant_address(identity, device, place, known.judged(), when).await;
    if let Err(error) = granted {
        tracing::error!(
            error = crate::telemetry::chain(&error),
            "an address grant could not be kept; nothing passes"
        );
        exchange.note(exchange.event(Action::AddressGrantEnded, Some(name)));
        return Ok(answers::without_entry(exchange, Failure::Overload));
    }
    Ok(shown(exchange, identity))
}

async fn end(exchange: &Exchange<'_>, identity: &Identity) -> Answer {
    let authenticator = &exchange.gateway.authenticator;
    match authenticator.end_grants(identity, &exchange.site.site.id, exchange.now).await {
        Ok(0) => Ok(page(exchange, AddressState::Ended)),
        Ok(_) => {
            let name = identity.user_name().as_str();
            exchange.note(exchange.event(Action::AddressGrantEnded, Some(name)));
            Ok(page(exchange, AddressState::Ended))
        }
        Err(error) => {
            tracing::error!(
                error = crate::telemetry::chain(&error),
                "an address grant could not be ended"
            );
            Ok(answers::without_entry(exchange, Failure::Overload))
        }
    }
}

/// What runs, or what may be begun.
fn shown(exchange: &Exchange<'_>, identity: &Identity) -> Response<ResponseBody> {
    let authenticator = &exchange.gateway.authenticator;
    let site = &exchange.site.site.id;
    let running = authenticator.own_grants(identity, site, exchange.now);
    let grants: Vec<(String, Timestamp)> =
        running.iter().map(|grant| (grant.network.to_string(), grant.until)).collect();
    let span = may_grant(exchange, identity).and(exchange.site.site.address_grant);
    let guard = guard(exchange);
    let csrf = &guard.token;
    let state = match span {
        _ if !grants.is_empty() => AddressState::Runs { csrf, grants: &grants, span },
        Some(span) => AddressState::Ask { csrf, span },
        None => AddressState::NotHere,
    };
    with_cookie(page(exchange, state), guard.set_cookie)
}

fn page(exchange: &Exchange<'_>, state: AddressState<'_>) -> Response<ResponseBody> {
    let network = match exchange.client {
        ClientAddress::Known(known) => crate::identity::granted_network(known.judged()).to_string(),
        ClientAddress::Unknown(_) => String::new(),
    };
    let page = pages::address(&AddressView {
        organization: &exchange.site.organization,
        language: exchange.language(),
        site: exchange.canonical.host(),
        network: &network,
        state,
    });
    answers::respond(exchange.parts, page)
}
