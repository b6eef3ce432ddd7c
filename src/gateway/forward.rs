//! To the upstream and back, for somebody who may pass and with an entry in the log.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;

use super::body::{Held, RequestBody, ResponseBody};
use super::bond::{self, Bound, Way};
use super::exchange::Exchange;
use super::handle::Answer;
use super::headers::{self, Statements};
use super::identify::Admitted;
use super::invitation::{Invitation, Invited};
use super::limits::InFlight;
use super::pages::Failure;
use super::passage::{End, Passage};
use super::standing::Standing;
use super::{Closed, answers, tunnel};
use crate::audit::{Class, Entry, Facts};
use crate::client_address::ClientAddress;
use crate::clock;
use crate::config::ForwardCredentials;
use crate::identity::{GATEWAY_COOKIES, Identity};
use crate::listen::{Oversight, Watch};
use crate::policy::{Denial, Reason};
use crate::upstream::{AnswerBody, UpstreamError};

/// The longest piece of a body that a stream of HTTP/2 is handed at once.
const LONGEST_PIECE: usize = 32 << 10;

/// What of the request is not yet read: its body, and the connection where it may become a tunnel.
pub(super) struct Upward {
    pub(super) body: Incoming,
    pub(super) upgrade: Option<OnUpgrade>,
    pub(super) watch: Arc<Watch>,
}

/// Forwards, unless the log cannot take the entry.
pub(super) async fn pass(
    exchange: &Exchange<'_>,
    admitted: &Admitted,
    upward: Upward,
    in_flight: InFlight,
) -> Answer {
    let class = Class::of(&admitted.permit);
    let Ok(place) = exchange.gateway.audit.reserve(class) else {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    };
    let identity = admitted.identity.as_ref();
    exchange.site.traffic.decided(admitted.permit.reason());
    let entry = place.entry(facts(exchange, admitted), admitted.permit.clone());
    let reference = *entry.reference();
    let passage = passage(exchange, admitted);
    let passed = Passed { passage: &passage, watch: &upward.watch };
    let outcome = send(exchange, admitted, upward.body, &entry, &passed).await;
    let status = match &outcome {
        Ok(response) => response.status(),
        Err(NoAnswer::SentBack) => bond::SENT_BACK,
        Err(NoAnswer::Upstream(UpstreamError::Parted { .. })) => {
            entry.unanswered(passage.ending(End::UpstreamBroke));
            return Err(Closed);
        }
        Err(NoAnswer::Upstream(error)) => answers::trouble_status(exchange, error),
        Err(NoAnswer::Ended(End::ClientStalled)) => StatusCode::REQUEST_TIMEOUT,
        Err(NoAnswer::Ended(end)) => {
            entry.unanswered(passage.ending(*end));
            drop(in_flight);
            // Whoever has ended this drops it now.
            return std::future::pending().await;
        }
    };
    let (receipt, completion) = entry.answered_with_completion(status.as_u16(), clock::now());
    if class == Class::People && receipt.durable().await.is_err() {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    }
    let response = match outcome {
        Ok(response) => response,
        Err(NoAnswer::Upstream(error)) => {
            return Ok(answers::upstream_trouble(exchange, &error, &reference));
        }
        Err(NoAnswer::SentBack) => return Ok(bond::send_back()),
        Err(NoAnswer::Ended(_)) => {
            return Ok(answers::failed(exchange, Failure::BodyTimeout, &reference));
        }
    };
    exchange.site.traffic.answered(response.status());
    passage.answered();
    let held = Held {
        completion,
        in_flight: Some(in_flight),
        lease: None,
        passage,
        seen: End::ClientLeft,
    };
    let mut response = downward(exchange, response, upward.upgrade, held);
    renew_session(exchange, identity, response.headers_mut());
    Ok(response)
}

fn facts(exchange: &Exchange<'_>, admitted: &Admitted) -> Facts {
    let mut facts = exchange.facts(admitted.identity.as_ref());
    if admitted.permit.reason() == Reason::AllowedNetwork {
        facts.network_class = exchange.policy().class_of(&exchange.client, exchange.now).cloned();
    }
    facts
}

/// Why no answer of the upstream's is handed on.
enum NoAnswer {
    Upstream(UpstreamError),
    /// We ended the exchange before the answer's head.
    Ended(End),
    /// It has to come over HTTP/1.1.
    SentBack,
}

impl From<UpstreamError> for NoAnswer {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

/// What an exchange is watched by while it passes.
struct Passed<'a> {
    passage: &'a Arc<Passage>,
    watch: &'a Arc<Watch>,
}

fn passage(exchange: &Exchange<'_>, admitted: &Admitted) -> Arc<Passage> {
    let content = exchange.parts.headers.get(header::CONTENT_TYPE);
    let is_rpc = content.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let standing = Standing::of(exchange, admitted.identity.as_ref());
    let limits = &exchange.snapshot.config.limits;
    Arc::new(Passage::new(standing, limits, &admitted.permit, is_rpc))
}

/// The upstream's answer on its way to the client.
fn downward(
    exchange: &Exchange<'_>,
    mut response: Response<AnswerBody>,
    upgrade: Option<OnUpgrade>,
    held: Held,
) -> Response<ResponseBody> {
    let switching = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    headers::prepare_response(response.headers_mut(), switching);
    headers::keep_gateway_cookies(response.headers_mut(), GATEWAY_COOKIES);
    // Ours, whatever the upstream's is (RFC 9112 section 2.3); hyper adapts it to the client's.
    *response.version_mut() = Version::HTTP_11;
    // What a stream of HTTP/2 has taken is seen a piece at a time.
    let many = exchange.parts.version == Version::HTTP_2;
    let longest = if many { LONGEST_PIECE } else { usize::MAX };
    match upgrade {
        Some(client) if switching => tunnel::open(exchange, client, response, held),
        Some(_) | None => response.map(|body| ResponseBody::upstream(body, longest, held)),
    }
}

/// A session that somebody uses lives on.
pub(super) fn renew_session(
    exchange: &Exchange<'_>,
    identity: Option<&Identity>,
    headers: &mut HeaderMap,
) {
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
    passed: &Passed<'_>,
) -> Result<Response<AnswerBody>, NoAnswer> {
    match bond::way(exchange) {
        Way::Any => {}
        Way::SentBack => return Err(NoAnswer::SentBack),
        Way::Own(bound) => {
            // What few requests need does not make every request's future as large.
            return Box::pin(send_own(exchange, admitted, (bound, body), entry, passed)).await;
        }
    }
    let (invitation, invited) = invitation(exchange.parts);
    let request = |body| request(exchange, admitted, entry, (passed, invitation.as_ref()), body);
    let again = || request(RequestBody::empty());
    let first = request(upward_body(exchange, body, passed, invited));
    passed.watch.oversee(Arc::clone(passed.passage) as Arc<dyn Oversight>);
    let mut sending = pin!(exchange.site.servers.send(first, again));
    let mut answer = until_ended(sending.as_mut(), passed).await?;
    let stands_by = || stands_by(admitted, passed);
    bond::goes_on(exchange, &mut answer, stands_by).then_some(answer).ok_or(NoAnswer::SentBack)
}

/// The same over the client's own connection.
async fn send_own(
    exchange: &Exchange<'_>,
    admitted: &Admitted,
    (bound, body): (&Bound, Incoming),
    entry: &Entry,
    passed: &Passed<'_>,
) -> Result<Response<AnswerBody>, NoAnswer> {
    bound.stands_by(stands_by(admitted, passed));
    let (invitation, invited) = invitation(exchange.parts);
    let body = upward_body(exchange, body, passed, invited);
    let first = request(exchange, admitted, entry, (passed, invitation.as_ref()), body);
    passed.watch.oversee(Arc::clone(passed.passage) as Arc<dyn Oversight>);
    let owner = bond::owner(exchange);
    let sending = pin!(exchange.site.servers.send_bound(bound.bond(), owner, first));
    until_ended(sending, passed).await
}

/// What the upstream gets.
fn request(
    exchange: &Exchange<'_>,
    admitted: &Admitted,
    entry: &Entry,
    (passed, invitation): (&Passed<'_>, Option<&Arc<Invitation>>),
    body: RequestBody,
) -> Request<RequestBody> {
    let mut request = Request::new(body);
    *request.method_mut() = exchange.parts.method.clone();
    *request.uri_mut() = Uri::from(exchange.canonical.path_and_query().clone());
    *request.headers_mut() = upward_headers(exchange, admitted, entry);
    keep_body(&mut request);
    hear_interim(&mut request, exchange.parts.version, passed.watch, invitation.cloned());
    request
}

/// The client's body; an ACME challenge has none.
fn upward_body(
    exchange: &Exchange<'_>,
    body: Incoming,
    passed: &Passed<'_>,
    invited: Invited,
) -> RequestBody {
    if exchange.is_acme_challenge() {
        RequestBody::empty()
    } else {
        RequestBody::new(body, passed.passage, invited)
    }
}

/// Whose permission a connection stands by that is kept for the client: an exemption's, and that of
/// whoever was named. All others are decided by address alone, at each request.
fn stands_by(admitted: &Admitted, passed: &Passed<'_>) -> Option<Arc<Passage>> {
    let lasts = admitted.permit.exemption().is_some() || admitted.identity.is_some();
    lasts.then(|| Arc::clone(passed.passage))
}

/// Waits for the answer's head, unless the exchange is ended before.
fn until_ended<'p>(
    mut sending: Pin<&'p mut impl Future<Output = Result<Response<AnswerBody>, UpstreamError>>>,
    passed: &'p Passed<'_>,
) -> impl Future<Output = Result<Response<AnswerBody>, NoAnswer>> {
    poll_fn(move |context| match sending.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(outcome.map_err(NoAnswer::Upstream)),
        Poll::Pending => passed
            .passage
            .ended()
            .map_or(Poll::Pending, |end| Poll::Ready(Err(NoAnswer::Ended(end)))),
    })
}

/// hyper would leave out a body of unknown length where the method seldom has one.
fn keep_body(request: &mut Request<RequestBody>) {
    let unknown = request.body().size_hint().exact().is_none();
    if unknown && [Method::GET, Method::HEAD].contains(request.method()) {
        request
            .headers_mut()
            .insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
}

/// A client that waits to be asked for its body (RFC 9110 section 10.1.1) waits for the upstream.
fn invitation(parts: &Parts) -> (Option<Arc<Invitation>>, Invited) {
    let expects = parts.headers.get(header::EXPECT);
    if !expects.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return (None, Invited::default());
    }
    let invitation = Arc::new(Invitation::default());
    (Some(Arc::clone(&invitation)), Invited::by(invitation))
}

/// The upstream's 1xx answers: 100 asks for the body, the others go on to the client where its
/// version of HTTP and our server can carry them.
fn hear_interim(
    request: &mut Request<RequestBody>,
    version: Version,
    watch: &Arc<Watch>,
    invitation: Option<Arc<Invitation>>,
) {
    let goes_on = version == Version::HTTP_11 && watch.interim().is_some();
    if !goes_on && invitation.is_none() {
        return;
    }
    if let Some(interim) = watch.interim() {
        interim.expect();
    }
    let watch = Arc::clone(watch);
    hyper::ext::on_informational(request, move |answer| {
        if answer.status() == StatusCode::CONTINUE {
            if let Some(invitation) = &invitation {
                invitation.give();
            }
        } else if let Some(interim) = watch.interim() {
            let mut fields = answer.headers().clone();
            headers::prepare_interim(&mut fields);
            interim.send(answer.status(), &fields);
        }
    });
}

/// The client's headers without what is not theirs to say, and our statements.
fn upward_headers(exchange: &Exchange<'_>, admitted: &Admitted, entry: &Entry) -> HeaderMap {
    let websocket = exchange.canonical.asks_for_websocket();
    let mut fields = headers::request_headers(&exchange.parts.headers, websocket);
    if exchange.is_acme_challenge() {
        headers::keep_for_acme_challenge(&mut fields);
    }
    if fields.contains_key(header::COOKIE) {
        headers::strip_gateway_cookies(&mut fields, GATEWAY_COOKIES);
        join_cookies(&mut fields);
    }
    let keeps_login = match exchange.site.site.forward_credentials {
        ForwardCredentials::Auto => !admitted.login_is_ours,
        ForwardCredentials::Always => true,
        ForwardCredentials::Never => false,
    };
    if !keeps_login {
        headers::strip_authorization(&mut fields);
    }
    let host = exchange.canonical.authority();
    // Nearly everybody writes it as it goes on.
    let written = fields.get(header::HOST).is_some_and(|sent| sent == host);
    if !written && let Ok(value) = HeaderValue::from_str(host) {
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
            host,
            country: exchange.corrected_location().country(),
            user: admitted.named().map(|identity| identity.user_name().as_str()),
            exemption: entry.permit().exemption().map(crate::policy::ExemptionId::as_str),
            request_id: &entry.reference().short(),
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
