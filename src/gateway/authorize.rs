//! Forward-auth: another proxy asks whether it may forward a request, and forwards it by itself.
//!
//! nginx `auth_request`, Traefik `ForwardAuth`, Caddy `forward_auth` and Envoy `ext_authz` ask so.
//! What they tell of the request becomes a request again, and goes the very way that one on a
//! listener goes: one reading, one decision, one entry, which says that it came like this.
//!
//! Always holds: nobody but a trusted proxy is heard; what is missing, repeated or unreadable is
//! never answered with 200; 200 has an entry in the log, on disk where people are concerned.

mod asked;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::forward::renew_session;
use super::handle::Answer;
use super::headers::{self, Statements};
use super::identify::{Admitted, admit, deny, overloaded};
use super::{Gateway, answers, own_pages};
use crate::audit::{Class, Entry};
use crate::clock;
use crate::identity::GATEWAY_COOKIES;
use crate::policy::{Denial, Reason, Verdict};
use asked::{Asked, Refused};

pub(crate) use asked::Ends;

/// What goes on to the site's server about the client.
const STATEMENTS: [&str; 3] = ["x-geovagt-country", "x-geovagt-user", "x-geovagt-exemption"];

/// Answers a proxy that asks: 200 with the statements about the client; 401 where it has to say who
/// it is; 403; and 503 where nothing can be decided or logged.
pub(crate) async fn authorize(
    gateway: &Gateway,
    request: &Parts,
    ends: Ends,
) -> Response<ResponseBody> {
    let snapshot = gateway.snapshot();
    let asked = match Asked::read(snapshot.config.operations.as_ref(), request, ends) {
        Ok(asked) => asked,
        Err(refused) => {
            count(refused.word());
            tracing::debug!(cause = %refused, peer = %ends.peer, "a forward-auth request was refused");
            return plain(refused.status(), format!("{refused}\n"));
        }
    };
    let answer = decide(gateway, &asked).await;
    let mut response = answer.unwrap_or_else(|_closed| silent());
    count(match response.status().as_u16() {
        200 => "allowed",
        303 | 401 => "sign_in",
        403 => "denied",
        _ => "unavailable",
    });
    // The page of a HEAD request has the length of its body, which this answer does not have.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response
}

/// The way through, as `handle` has it, but for the forwarding.
async fn decide(gateway: &Gateway, asked: &Asked) -> Answer {
    let started = clock::instant();
    let (parts, connection) = (&asked.parts, &asked.connection);
    let snapshot = gateway.snapshot();
    let exchange = match Exchange::begin(gateway, snapshot, parts, connection, clock::now()) {
        Ok(exchange) => exchange,
        Err(answer) => return *answer,
    };
    let Some(_place) = gateway.limit.enter(exchange.client) else { return overloaded(&exchange) };
    let answer = if own_pages::is_ours(&exchange) {
        misrouted(&exchange)
    } else {
        match admit(&exchange).await {
            Ok(admitted) => permit(&exchange, &admitted).await,
            Err(answer) => *answer,
        }
    };
    exchange.measure(started);
    answer
}

/// 200, unless the log cannot take the entry.
async fn permit(exchange: &Exchange<'_>, admitted: &Admitted) -> Answer {
    let class = Class::of(&admitted.permit);
    let Ok(place) = exchange.gateway.audit.reserve(class) else {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    };
    let identity = admitted.identity.as_ref();
    exchange.site.traffic.decided(admitted.permit.reason());
    let entry = place.entry(exchange.facts(identity), admitted.permit.clone());
    let mut response = permitted(exchange, admitted, &entry);
    let receipt = entry.answered(StatusCode::OK.as_u16(), clock::now());
    if class == Class::People && receipt.durable().await.is_err() {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    }
    renew_session(exchange, identity, response.headers_mut());
    Ok(response)
}

fn permitted(
    exchange: &Exchange<'_>,
    admitted: &Admitted,
    entry: &Entry,
) -> Response<ResponseBody> {
    let reference = entry.reference().to_string();
    let mut response = Response::new(ResponseBody::page(bytes::Bytes::new()));
    let mut all = HeaderMap::new();
    let stated = headers::set_ours(
        &mut all,
        &Statements {
            client: exchange.client_ip(),
            proto: if exchange.is_secure() { "https" } else { "http" },
            host: exchange.canonical.authority(),
            country: exchange.corrected_location().country(),
            user: admitted.named().map(|identity| identity.user_name().as_str()),
            exemption: entry.permit().exemption().map(crate::policy::ExemptionId::as_str),
            request_id: &reference,
        },
    );
    if let Err(unwritable) = stated {
        tracing::error!(error = %unwritable, "a statement to the proxy was left out");
    }
    let fields = response.headers_mut();
    for name in STATEMENTS {
        if let Some(value) = all.remove(name) {
            fields.insert(name, value);
        }
    }
    if let Ok(value) = HeaderValue::from_str(&reference) {
        fields.insert("geovagt-reference", value);
    }
    if let Some(cookies) = cookies_of_the_site(&exchange.parts.headers) {
        fields.insert(header::COOKIE, cookies);
    }
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The client's cookies without ours as one line, for the proxy to put in the place of the client's:
/// what is ours it need not know.
fn cookies_of_the_site(request: &HeaderMap) -> Option<HeaderValue> {
    let mut cookies = HeaderMap::new();
    for line in request.get_all(header::COOKIE) {
        cookies.append(header::COOKIE, line.clone());
    }
    headers::strip_gateway_cookies(&mut cookies, GATEWAY_COOKIES);
    let lines: Vec<&[u8]> =
        cookies.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return None;
    }
    HeaderValue::from_bytes(&lines.join(&b"; "[..])).ok()
}

/// The gateway's own pages are no part of the site: the proxy should have sent this request to one
/// of the gateway's listeners, and letting it go on would give a sign-in to the site's server.
fn misrouted(exchange: &Exchange<'_>) -> Answer {
    if let Verdict::Deny(denial) = exchange.decide() {
        return deny(exchange, denial);
    }
    let text = "/.geovagt/ belongs to the gateway: let the proxy send it to one of its listeners\n";
    Ok(plain(StatusCode::FORBIDDEN, text.to_owned()))
}

/// The site rejects without a byte, which here is for the proxy to do.
fn silent() -> Response<ResponseBody> {
    let mut response = plain(StatusCode::FORBIDDEN, String::new());
    response.headers_mut().insert("geovagt-denial", HeaderValue::from_static("close"));
    response
}

fn plain(status: StatusCode, text: String) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::page(text.into()));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a proxy can be told.
const ANSWERS: [&str; 8] = [
    "allowed",
    "sign_in",
    "denied",
    "unavailable",
    Refused::NotConfigured.word(),
    Refused::Untrusted.word(),
    Refused::Missing("").word(),
    Refused::Unreadable("").word(),
];

/// Lets every answer appear in `/metrics` before it is first given.
pub(crate) fn start_counting() {
    for answer in ANSWERS {
        metrics::counter!("geovagt_authorize_requests_total", "answer" => answer).increment(0);
    }
}

fn count(answer: &'static str) {
    metrics::counter!("geovagt_authorize_requests_total", "answer" => answer).increment(1);
}
