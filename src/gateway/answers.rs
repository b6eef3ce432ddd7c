//! The gateway's own answers: rejections, the way to sign in, and what is said when something does
//! not work. The one place that turns a reason or an error into a response.
//!
//! Always holds: every rejection has an entry in the log and carries its reference; what a stranger
//! reads says nothing about who holds an exemption.

use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version, header};
use jiff::Timestamp;

use super::body::ResponseBody;
use super::canonical::Ambiguous;
use super::exchange::Exchange;
use super::handle::Answer;
use super::manner::Manner;
use super::pages::{self, ClientKind, Failure, FailureView, Page, Rejection, RequestShape};
use super::{Closed, logged, own_pages};
use super::{Gateway, Snapshot};
use crate::audit::{self, Facts, Reference};
use crate::client_address::ClientAddress;
use crate::config::DenialStyle;
use crate::geoip::Located;
use crate::identity::Identity;
use crate::language::Language;
use crate::listen::ConnectionFacts;
use crate::policy::{Challenge, Denial, Reason};
use crate::telemetry::traffic;
use crate::upstream::UpstreamError;

/// A request that belongs to no site: its host is not clear, or nobody's.
pub(super) struct Unsited<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) snapshot: &'a Snapshot,
    pub(super) connection: &'a ConnectionFacts,
    pub(super) parts: &'a Parts,
    pub(super) client: ClientAddress,
    pub(super) located: Located,
    pub(super) now: Timestamp,
    /// Whether the client is to get no byte.
    pub(super) silent: bool,
}

/// A request that can be read in two ways.
pub(super) fn unclear(unsited: &Unsited<'_>, ambiguous: Ambiguous) -> Answer {
    tracing::debug!(cause = %ambiguous, "a request was refused");
    let failure = match ambiguous.status() {
        StatusCode::MISDIRECTED_REQUEST => Failure::Misdirected,
        StatusCode::METHOD_NOT_ALLOWED => Failure::MethodNotAllowed,
        _ => Failure::UnclearRequest,
    };
    let status = ambiguous.status();
    let mut response = unsited_failure(unsited, Reason::UnclearRequest, failure, status)?;
    if unsited.parts.version < Version::HTTP_2 {
        // Where one request is in doubt, so is where the next one begins.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// A host that no site takes.
pub(super) fn no_site(unsited: &Unsited<'_>) -> Answer {
    let failure = Failure::UnknownSite;
    unsited_failure(unsited, Reason::UnknownSite, failure, failure.status())
}

fn unsited_failure(
    unsited: &Unsited<'_>,
    reason: Reason,
    failure: Failure,
    status: StatusCode,
) -> Answer {
    let Unsited { gateway, snapshot, connection, parts, client, located, now, silent } = unsited;
    let manner = match silent {
        true => Manner::Close,
        false => gateway.manner(snapshot, connection, *client, located, *now),
    };
    let status = if connection.forward_auth.is_some() {
        // nginx knows no other answer that is a no.
        StatusCode::FORBIDDEN
    } else {
        status
    };
    let rejection =
        audit::Rejection::new(*now, *client, located.location, &connection.listener, reason);
    let reference = gateway.audit.deny_with(rejection, || {
        let mut facts = facts(connection, parts, *client, located, *now);
        facts.status = (manner != Manner::Close).then(|| status.as_u16());
        facts.path = Some(logged::path(parts.uri.path()).into());
        facts
    });
    traffic::unsited().decided(reason);
    let reference = match manner {
        Manner::AsUsual => reference.to_string(),
        Manner::Short => return Ok(respond(parts, pages::in_short(status, &reference))),
        Manner::Close => return Err(Closed),
    };
    let accept = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    let view = FailureView {
        failure,
        organization: None,
        language: Language::negotiate(accept, Language::Danish),
        reference: Some(&reference),
        at: *now,
    };
    let page = pages::failure_response(&shape(parts, parts.uri.path()), &view);
    let mut response = respond(parts, page);
    *response.status_mut() = status;
    Ok(response)
}

/// Rejects: with the page, with what suits the client, or without a byte.
pub(super) fn reject(
    exchange: &Exchange<'_>,
    denial: Denial,
    identity: Option<&Identity>,
) -> Answer {
    let reason = denial.reason();
    let site = &exchange.site.site;
    let failure = match reason {
        Reason::Overload => Some(Failure::Overload),
        Reason::AuditUnavailable => Some(Failure::AuditUnavailable),
        _ => None,
    };
    let manner = match failure {
        // These are about the gateway and not about the client.
        Some(_) => Manner::AsUsual,
        None if site.denial == DenialStyle::Close => Manner::Close,
        None => {
            let Exchange { gateway, connection, snapshot, client, located, now, .. } = exchange;
            gateway.manner(snapshot, connection, *client, located, *now)
        }
    };
    let status = failure.map_or(StatusCode::FORBIDDEN, Failure::status);
    let user = identity.map(|identity| identity.user_name().as_str());
    let listener = &exchange.connection.listener;
    let location = exchange.corrected_location();
    let rejection =
        audit::Rejection::new(exchange.now, exchange.client, location, listener, reason)
            .by(&site.id, user);
    let reference = exchange.gateway.audit.deny_with(rejection, || {
        let mut facts = exchange.facts(identity);
        facts.status = (manner != Manner::Close).then(|| status.as_u16());
        facts
    });
    exchange.site.traffic.decided(reason);
    Ok(match (manner, failure) {
        (Manner::Close, _) => return Err(Closed),
        (Manner::Short, _) => respond(exchange.parts, pages::in_short(status, &reference)),
        (Manner::AsUsual, Some(failure)) => failed(exchange, failure, &reference),
        (Manner::AsUsual, None) => rejected(exchange, reason, &reference),
    })
}

fn rejected(
    exchange: &Exchange<'_>,
    reason: Reason,
    reference: &Reference,
) -> Response<ResponseBody> {
    let list = exchange.policy().list();
    let listed = list
        .in_force(exchange.now)
        .and_then(|version| version.territories.covering(exchange.corrected_location()));
    let shape = shape(exchange.parts, exchange.canonical.path());
    let variant = pages::Variant {
        site: exchange.site.site.id.clone(),
        reason,
        listed,
        language: exchange.language(),
        kind: shape.kind(),
        db_ip: exchange.snapshot.is_db_ip(),
    };
    let prebuilt = &exchange.snapshot.sites.prebuilt;
    if let Some(page) = prebuilt.page(&variant, exchange.now, *reference) {
        return respond(exchange.parts, page);
    }
    let names = listed
        .map(|territory| (territory.name(Language::Danish), territory.name(Language::English)));
    let rejection = Rejection {
        reason,
        listed_country: names.as_ref().map(|(danish, english)| pages::Names { danish, english }),
        organization: &exchange.site.organization,
        language: variant.language,
        reference: &reference.to_string(),
        at: exchange.now,
        kept: exchange.snapshot.config.audit.retention.denied,
        db_ip: variant.db_ip,
    };
    let page = pages::deny_response(&shape, &rejection);
    if exchange.parts.method != Method::HEAD {
        prebuilt.keep(&variant, exchange.now, &page, *reference);
    }
    respond(exchange.parts, page)
}

/// Asks who it is: a browser is led to the form, a program that can is asked for HTTP Basic
/// (RFC 7617).
pub(super) fn challenge(exchange: &Exchange<'_>, challenge: Challenge) -> Answer {
    let browser =
        exchange.is_browser() && matches!(exchange.parts.method, Method::GET | Method::HEAD);
    let redirects = exchange.connection.forward_auth.is_none_or(|proxy| proxy.redirects);
    let status =
        if browser && redirects { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED };
    let mut facts = exchange.facts(None);
    facts.status = Some(status.as_u16());
    let denial = Denial::new(challenge.reason());
    let reference = exchange.gateway.audit.deny(facts, denial).to_string();
    exchange.site.traffic.decided(challenge.reason());
    if browser {
        let location = own_pages::sign_in_location(exchange.canonical.path_and_query().as_str());
        let mut response = redirect(&location);
        // Without a scheme to answer with, or the browser would ask for a password by itself.
        *response.status_mut() = status;
        return Ok(response);
    }
    let mut response = respond(
        exchange.parts,
        pages::failure_response(
            &shape(exchange.parts, exchange.canonical.path()),
            &FailureView {
                failure: Failure::SignInNeeded,
                organization: Some(&exchange.site.organization),
                language: exchange.language(),
                reference: Some(&reference),
                at: exchange.now,
            },
        ),
    );
    let taken = &exchange.site.site.identity_providers;
    let bearer = exchange.gateway.authenticator.takes_bearer(taken);
    let schemes = [
        (bearer, "Bearer realm=\"geovagt\""),
        // Asked for also where nobody has a password, so that there is something to answer with.
        (
            !bearer || super::outside_sign_in::takes_password(exchange),
            "Basic realm=\"geovagt\", charset=\"UTF-8\"",
        ),
    ];
    for (_, scheme) in schemes.into_iter().filter(|(taken, _)| *taken) {
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(scheme));
    }
    Ok(response)
}

/// The upstream gave no answer; the client reads a calm page with the entry's reference.
pub(super) fn upstream_trouble(
    exchange: &Exchange<'_>,
    error: &UpstreamError,
    reference: &Reference,
) -> Response<ResponseBody> {
    if let UpstreamError::ClientBody(_) = error {
        let mut response = failed(exchange, Failure::UnclearRequest, reference);
        if exchange.parts.version < Version::HTTP_2 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        return response;
    }
    let site = exchange.site.site.id.as_str();
    metrics::counter!(
        "geovagt_upstream_errors_total",
        "site" => site.to_owned(), "cause" => error.label()
    )
    .increment(1);
    tracing::warn!(site, %reference, error = %crate::telemetry::chain(error), "the upstream gave no answer");
    let failure = match error {
        UpstreamError::Unreachable { .. }
        | UpstreamError::Full { .. }
        | UpstreamError::NoServer => Failure::UpstreamUnavailable,
        UpstreamError::Nonsense { .. }
        | UpstreamError::Unasked { .. }
        | UpstreamError::HeadTooLarge { .. }
        | UpstreamError::Ambiguous { .. }
        | UpstreamError::Parted { .. }
        | UpstreamError::ClientBody(_) => Failure::UpstreamInvalid,
        UpstreamError::Slow { .. } => Failure::UpstreamTimeout,
    };
    let mut response = failed(exchange, failure, reference);
    *response.status_mut() = trouble_status(exchange, error);
    // A phone has been told already when it may come again.
    if error.status() == StatusCode::SERVICE_UNAVAILABLE && !is_phone(exchange) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

/// With which status a client hears that the upstream gave no answer: a phone would ask for the
/// password or fetch everything anew, unless it is made to wait.
pub(super) fn trouble_status(exchange: &Exchange<'_>, error: &UpstreamError) -> StatusCode {
    let status = error.status();
    let waits = status.is_server_error() && is_phone(exchange);
    if waits { StatusCode::SERVICE_UNAVAILABLE } else { status }
}

fn is_phone(exchange: &Exchange<'_>) -> bool {
    shape(exchange.parts, exchange.canonical.path()).kind() == ClientKind::ActiveSync
}

/// What failed and what to do, with the entry's reference.
pub(super) fn failed(
    exchange: &Exchange<'_>,
    failure: Failure,
    reference: &Reference,
) -> Response<ResponseBody> {
    let view = FailureView {
        failure,
        organization: Some(&exchange.site.organization),
        language: exchange.language(),
        reference: Some(&reference.to_string()),
        at: exchange.now,
    };
    let shape = shape(exchange.parts, exchange.canonical.path());
    respond(exchange.parts, pages::failure_response(&shape, &view))
}

/// What failed, without an entry: nothing of the site was asked for.
pub(super) fn without_entry(exchange: &Exchange<'_>, failure: Failure) -> Response<ResponseBody> {
    let view = FailureView {
        failure,
        organization: Some(&exchange.site.organization),
        language: exchange.language(),
        reference: None,
        at: exchange.now,
    };
    let shape = shape(exchange.parts, exchange.canonical.path());
    respond(exchange.parts, pages::failure_response(&shape, &view))
}

/// A page of ours as a response; HEAD gets the head alone.
pub(super) fn respond(parts: &Parts, page: Page) -> Response<ResponseBody> {
    let page = if parts.method == Method::HEAD { page.without_body() } else { page };
    page.into_response().map(ResponseBody::page)
}

/// 303 to a place on this host.
pub(super) fn redirect(location: &str) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::page(bytes::Bytes::new()));
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What the log keeps of any request, before its site is known.
pub(super) fn facts(
    connection: &ConnectionFacts,
    parts: &Parts,
    client: ClientAddress,
    located: &Located,
    now: Timestamp,
) -> Facts {
    let mut facts = Facts::new(now, connection.listener.clone(), client);
    facts.forward_auth = connection.forward_auth.is_some();
    facts.location = located.location;
    facts.registered_country = located.registered_country;
    facts.method = Some(parts.method.clone());
    facts.user_agent = parts
        .headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into());
    facts
}

pub(super) fn shape<'s>(parts: &'s Parts, path: &'s str) -> RequestShape<'s> {
    RequestShape { method: &parts.method, path, headers: &parts.headers }
}
