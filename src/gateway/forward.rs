//! To the upstream and back, for somebody who may pass and with an entry in the log.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::body::{Held, RequestBody, ResponseBody};
use super::exchange::Exchange;
use super::handle::Answer;
use super::headers::{self, Statements};
use super::identify::Admitted;
use super::limits::InFlight;
use super::standing::Standing;
use super::{answers, counts, tunnel};
use crate::audit::{Class, Entry};
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::ForwardCredentials;
use crate::identity::{GATEWAY_COOKIES, Identity};
use crate::policy::{Denial, Reason};
use crate::upstream::UpstreamError;

/// What of the request is not yet read: its body, and the connection where it may become a tunnel.
pub(super) struct Upward {
    pub(super) body: Incoming,
    pub(super) upgrade: Option<OnUpgrade>,
}

/// Forwards, unless the log cannot take the entry.
pub(super) async fn pass(
    exchange: &Exchange<'_>,
    admitted: Admitted,
    upward: Upward,
    in_flight: InFlight,
) -> Answer {
    let class = Class::of(&admitted.permit);
    let Ok(place) = exchange.gateway.audit.reserve(class) else {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    };
    let identity = admitted.identity.as_ref();
    counts::count(exchange.site.site.id.as_str(), "allow", admitted.permit.reason());
    let entry = place.entry(exchange.facts(identity), admitted.permit.clone());
    let reference = *entry.reference();
    let outcome = send(exchange, &admitted, upward.body, &entry).await;
    let status = outcome.as_ref().map_or_else(UpstreamError::status, Response::status);
    let (receipt, completion) = entry.answered_with_completion(status.as_u16(), clock::now());
    if class == Class::People && receipt.durable().await.is_err() {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    }
    let response = match outcome {
        Ok(response) => response,
        Err(error) => return Ok(answers::upstream_trouble(exchange, &error, &reference)),
    };
    answers::count_response(exchange.site.site.id.as_str(), response.status());
    let held = Held { completion, in_flight: Some(in_flight) };
    let mut response = downward(exchange, identity, response, upward.upgrade, held);
    renew_session(exchange, identity, response.headers_mut());
    Ok(response)
}

/// The upstream's answer on its way to the client.
fn downward(
    exchange: &Exchange<'_>,
    identity: Option<&Identity>,
    mut response: Response<Incoming>,
    upgrade: Option<OnUpgrade>,
    held: Held,
) -> Response<ResponseBody> {
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    headers::prepare_response(response.headers_mut(), switching);
    match upgrade {
        Some(client) if switching => {
            tunnel::open(exchange, client, response, held, Standing::of(exchange, identity))
        }
        Some(_) | None => response.map(|body| ResponseBody::upstream(body, held)),
    }
}

fn renew_session(exchange: &Exchange<'_>, identity: Option<&Identity>, headers: &mut HeaderMap) {
    let renewed = identity.and_then(|identity| {
        exchange.gateway.authenticator.renew(identity, exchange.is_secure(), exchange.now)
    });
    if let Some(cookie) = renewed {
        headers.append(header::SET_COOKIE, cookie);
    }
}

/// Sends the request. Only what `policy` permitted and the log has a place for gets here: that is
/// what the entry stands for.
async fn send(
    exchange: &Exchange<'_>,
    admitted: &Admitted,
    body: Incoming,
    entry: &Entry,
) -> Result<Response<Incoming>, UpstreamError> {
    let server = exchange.site.servers.pick()?;
    let mut request = Request::new(RequestBody::new(body));
    *request.method_mut() = exchange.parts.method.clone();
    *request.uri_mut() = target(server, exchange.canonical.path_and_query());
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = upward_headers(exchange, admitted, entry);
    exchange.gateway.upstreams.send(request).await
}

/// The server's scheme and authority with the request's path and query, byte for byte.
fn target(server: &Uri, path_and_query: &PathAndQuery) -> Uri {
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(server.scheme().cloned().unwrap_or(Scheme::HTTP));
    parts.authority =
        Some(server.authority().cloned().unwrap_or(Authority::from_static("127.0.0.1")));
    parts.path_and_query = Some(path_and_query.clone());
    Uri::from_parts(parts).unwrap_or_default()
}

/// The client's headers without what is not theirs to say, and our statements.
fn upward_headers(exchange: &Exchange<'_>, admitted: &Admitted, entry: &Entry) -> HeaderMap {
    let mut fields = exchange.parts.headers.clone();
    headers::prepare_request(&mut fields, exchange.canonical.asks_for_websocket());
    headers::strip_gateway_cookies(&mut fields, GATEWAY_COOKIES);
    join_cookies(&mut fields);
    let keeps_login = match exchange.site.site.forward_credentials {
        ForwardCredentials::Auto => !admitted.login_is_ours,
        ForwardCredentials::Always => true,
        ForwardCredentials::Never => false,
    };
    if !keeps_login {
        headers::strip_authorization(&mut fields);
    }
    let host = exchange.canonical.authority();
    if let Ok(value) = HeaderValue::from_str(&host) {
        fields.insert(header::HOST, value);
    }
    let client = match exchange.client {
        ClientAddress::Known(known) => known.seen(),
        ClientAddress::Unknown(_) => exchange.connection.peer.ip(),
    };
    let stated = headers::set_ours(
        &mut fields,
        &Statements {
            client,
            proto: if exchange.is_secure() { "https" } else { "http" },
            host: &host,
            country: exchange.corrected_location().country(),
            user: admitted.identity.as_ref().map(|identity| identity.user_name().as_str()),
            exemption: entry.permit().exemption().map(crate::policy::ExemptionId::as_str),
            request_id: &entry.reference().to_string(),
        },
    );
    if let Err(unwritable) = stated {
        tracing::error!(error = %unwritable, "a statement to the upstream was left out");
    }
    fields
}

/// HTTP/2 may send a cookie string in parts; HTTP/1.1 takes one field (RFC 9113 section 8.2.3).
fn join_cookies(fields: &mut HeaderMap) {
    if fields.get_all(header::COOKIE).iter().nth(1).is_none() {
        return;
    }
    let parts: Vec<&[u8]> =
        fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&parts.join(&b"; "[..])) {
        fields.insert(header::COOKIE, joined);
    }
}
