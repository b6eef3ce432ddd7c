//! `OPTIONS *`: a question about the server and not about anything on it (RFC 9110 section 9.3.7).
//!
//! The gateway is the server that is asked, so it answers itself. Always holds: it is decided on and
//! written down as a request for any path, and whoever may not pass is answered as for any path.

use http::{HeaderValue, Response, StatusCode, header};

use super::answers;
use super::body::ResponseBody;
use super::exchange::Exchange;
use super::handle::Answer;
use super::identify::Admitted;
use crate::audit::Class;
use crate::clock;
use crate::policy::{Denial, Reason};

/// The methods of RFC 9110 and RFC 5789 that go on to a site. Those of WebDAV do as well where a
/// resource has them: it says so itself when it is asked.
const ALLOWED: &str = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH";

/// Answers somebody who may pass.
pub(super) async fn answer(exchange: &Exchange<'_>, admitted: &Admitted) -> Answer {
    let class = Class::of(&admitted.permit);
    let unavailable = || {
        answers::reject(exchange, Denial::new(Reason::AuditUnavailable), admitted.identity.as_ref())
    };
    let Ok(place) = exchange.gateway.audit.reserve(class) else { return unavailable() };
    exchange.site.traffic.decided(admitted.permit.reason());
    let facts = exchange.facts(admitted.identity.as_ref());
    let entry = place.entry(facts, admitted.permit.clone());
    let status = StatusCode::NO_CONTENT;
    let receipt = entry.answered(status.as_u16(), clock::now());
    if class == Class::People && receipt.durable().await.is_err() {
        return unavailable();
    }
    let mut response = Response::new(ResponseBody::page(bytes::Bytes::new()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(ALLOWED));
    Ok(response)
}
