//! A head that never became a request: refused before the parser, or by it.
//!
//! Always holds: what such a head says of itself opens nothing and names no client. It decides only
//! whether anything is answered at all, and there the doubt is the client's.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};

use super::pages::{self, Failure, FailureView, RequestShape};
use super::{Gateway, exchange};
use crate::audit::Facts;
use crate::clock;
use crate::language::Language;
use crate::listen::ConnectionFacts;
use crate::listen::http::Refused;
use crate::policy::{Denial, Reason};
use crate::telemetry::traffic;

/// Writes the refusal down, and answers it unless the client is to get no byte.
pub(crate) fn refuse(
    gateway: &Gateway,
    refused: &Refused,
    connection: &ConnectionFacts,
) -> Option<Response<Bytes>> {
    let now = clock::now();
    let snapshot = gateway.snapshot();
    // What its headers say of the client cannot be trusted: where they tell, it is unknown.
    let client = connection.client_address(&HeaderMap::new());
    let located = snapshot.database.locate(&client);
    let is_silent =
        |host: Option<&str>| exchange::is_silent(&snapshot, host, client, &located, now);
    let named = refused.hosts.iter().map(String::as_str).chain(connection.server_name());
    let silent = is_silent(None) || named.into_iter().any(|host| is_silent(Some(&host_of(host))));
    let failure = match refused.status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Failure::HeaderTooLarge,
        _ => Failure::UnclearRequest,
    };
    let mut facts = Facts::new(now, connection.listener.clone(), client);
    facts.location = located.location;
    facts.registered_country = located.registered_country;
    facts.as_number = snapshot.as_number(&client);
    facts.status = (!silent).then(|| refused.status.as_u16());
    let reference = gateway.audit.deny(facts, Denial::new(Reason::UnclearRequest)).to_string();
    traffic::unsited().decided(Reason::UnclearRequest);
    if silent {
        return None;
    }
    let view = FailureView {
        failure,
        organization: None,
        language: Language::Danish,
        reference: Some(&reference),
        at: now,
    };
    let shape = RequestShape { method: &Method::GET, path: "/", headers: &HeaderMap::new() };
    let mut response = pages::failure_response(&shape, &view).into_response();
    *response.status_mut() = refused.status;
    Some(response)
}

/// A host as sites are named by, from however it was written.
fn host_of(text: &str) -> String {
    let name = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let name = name.split(':').next().unwrap_or(name);
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}
