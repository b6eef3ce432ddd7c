//! What the gateway itself answers under `/.geovagt/`. Nothing there is ever forwarded.
//!
//! `lande` and `privatliv` answer everybody, rejected clients too. Everything else is behind the same
//! decision as the site: from a listed country no sign-in page exists while the door is closed.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::handle::{Answer, Instead};
use super::outside_sign_in;
use super::own_views;
use super::pages::{self, Failure, SignIn, SignInProblem, SignOut};
use super::{Closed, address_page, answers, home, travel_link};
use crate::audit::Action;
use crate::config::DenialStyle;
use crate::identity::{FormGuard, Identity, Next, Outcome};
use crate::policy::{Admission, Denial, Person, Reason, UserName, Verdict};

/// Where the gateway's own pages are.
pub(super) const ROOT: &str = "/.geovagt";
/// The largest sign-in form, in bytes.
const LARGEST_FORM: usize = 16 * 1024;

/// Whether a request is for the gateway itself.
pub(super) fn is_ours(exchange: &Exchange<'_>) -> bool {
    is_own_page(exchange.canonical.path())
}

/// Whether a path is the gateway's own.
pub(super) fn is_own_page(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where somebody signs in who then wants to go to `next`.
pub(super) fn sign_in_location(next: &str) -> String {
    format!("{ROOT}/sign-in?next={}", percent_encoded(next))
}

/// Answers a request for the gateway itself.
pub(super) async fn answer(exchange: &Exchange<'_>, body: Incoming) -> Answer {
    let page = exchange.canonical.path().strip_prefix(ROOT).unwrap_or_default();
    let public = matches!(page, "/lande" | "/privatliv");
    let verdict = exchange.decide();
    if let Verdict::Deny(denial) = &verdict
        && (!public || exchange.site.site.denial == DenialStyle::Close)
        && !is_let_in_by_certificate(exchange)
    {
        return super::identify::deny(exchange, *denial);
    }
    let method = &exchange.parts.method;
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match page {
        "/lande" if reads => Ok(own_views::countries(exchange)),
        "/privatliv" if reads => Ok(own_views::privacy(exchange)),
        "" | "/" if reads => Ok(own_views::seen(exchange, &verdict)),
        "/sign-in" if takes_sign_in(exchange) => match *method {
            Method::GET | Method::HEAD => {
                let next = asked_next(exchange);
                match outside_sign_in::asked_provider(exchange) {
                    Some(asked) => outside_sign_in::depart(exchange, asked, &next).await,
                    None => Ok(form(exchange, &next, &[])),
                }
            }
            Method::POST => sign_in(exchange, body).await,
            _ => Ok(answers::without_entry(exchange, Failure::MethodNotAllowed)),
        },
        "/callback" if takes_sign_in(exchange) => match *method {
            Method::GET => outside_sign_in::arrive(exchange).await,
            _ => Ok(answers::without_entry(exchange, Failure::MethodNotAllowed)),
        },
        "/backchannel-logout" if takes_sign_in(exchange) => match *method {
            Method::POST => match form_bytes(exchange, body).await {
                Ok(bytes) => outside_sign_in::back_channel(exchange, &bytes).await,
                Err(answer) => *answer,
            },
            _ => Ok(answers::without_entry(exchange, Failure::MethodNotAllowed)),
        },
        "/sign-out" if takes_sign_in(exchange) => match *method {
            Method::GET | Method::HEAD => Ok(ask_sign_out(exchange)),
            Method::POST => sign_out(exchange, body).await,
            _ => Ok(answers::without_entry(exchange, Failure::MethodNotAllowed)),
        },
        "/hjemme" if takes_sign_in(exchange) => match *method {
            Method::GET | Method::HEAD => Ok(home::show(exchange).await),
            Method::POST => home::close(exchange, body).await,
            _ => Ok(answers::without_entry(exchange, Failure::MethodNotAllowed)),
        },
        "/adresse" => address_page::answer(exchange, body, false).await,
        "/adresse/slut" => address_page::answer(exchange, body, true).await,
        "/lande" | "/privatliv" | "" | "/" => {
            Ok(answers::without_entry(exchange, Failure::MethodNotAllowed))
        }
        _ => match page.strip_prefix("/rejse/") {
            Some(token) if takes_sign_in(exchange) => {
                travel_link::answer(exchange, token, body).await
            }
            Some(_) | None => Ok(answers::without_entry(exchange, Failure::PageNotFound)),
        },
    }
}

/// A managed device is no stranger: its certificate says who it is before anybody asks.
fn is_let_in_by_certificate(exchange: &Exchange<'_>) -> bool {
    exchange
        .certified()
        .is_some_and(|identity| matches!(exchange.decide_for(&identity), Verdict::Allow(_)))
}

/// Whether this site asks anybody who they are.
fn takes_sign_in(exchange: &Exchange<'_>) -> bool {
    exchange.site.takes_sign_in()
}

/// Where the form leads afterwards, as the address says it.
fn asked_next(exchange: &Exchange<'_>) -> Next {
    let query = exchange.canonical.path_and_query().query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("next="));
    asked.map_or_else(Next::root, Next::from_parameter)
}

/// The form. It sets the cookie that its hidden token is bound to.
fn form(
    exchange: &Exchange<'_>,
    next: &Next,
    problems: &[SignInProblem],
) -> Response<ResponseBody> {
    let guard = guard(exchange);
    let page = pages::sign_in(&SignIn {
        organization: &exchange.site.organization,
        language: exchange.language(),
        next: next.as_str(),
        csrf: &guard.token,
        name: "",
        problems,
        providers: &outside_sign_in::buttons(exchange, next),
        takes_password: outside_sign_in::takes_password(exchange),
    });
    with_cookie(answers::respond(exchange.parts, page), guard.set_cookie)
}

/// What binds a form to this browser.
pub(super) fn guard(exchange: &Exchange<'_>) -> FormGuard {
    exchange.gateway.authenticator.form_guard(
        exchange.organization(),
        &exchange.parts.headers,
        exchange.is_secure(),
    )
}

pub(super) fn with_cookie(
    mut response: Response<ResponseBody>,
    cookie: Option<HeaderValue>,
) -> Response<ResponseBody> {
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Takes the form: a session and the way on, or the one answer that all failures get.
async fn sign_in(exchange: &Exchange<'_>, body: Incoming) -> Answer {
    let bytes = match form_bytes(exchange, body).await {
        Ok(bytes) => bytes,
        Err(answer) => return *answer,
    };
    let authenticator = &exchange.gateway.authenticator;
    let read = authenticator.read_form(
        exchange.organization(),
        &exchange.parts.headers,
        exchange.is_secure(),
        &bytes,
    );
    let Ok(form_sent) = read else {
        return Ok(form(exchange, &Next::root(), &[SignInProblem::Expired]));
    };
    let next = form_sent.next().clone();
    let eligible = |person: &Person| exchange.may_be_proven(person);
    let holders = |visit: &mut dyn FnMut(&Person, &UserName)| exchange.holders(visit);
    match authenticator.form(exchange.attempt(&eligible, &holders), form_sent).await {
        Outcome::Proven(identity) => signed_in(exchange, &identity, &next).await,
        Outcome::NotProven { why, claimed } => {
            exchange.record_failed_sign_in(why, claimed.as_ref()).await;
            Ok(refused(exchange))
        }
        Outcome::Limited => Ok(refused(exchange)),
    }
}

/// The entry is on disk before the session exists: no entry, no session.
pub(super) async fn signed_in(exchange: &Exchange<'_>, identity: &Identity, next: &Next) -> Answer {
    let event = exchange
        .event(Action::SignIn, Some(identity.user_name().as_str()))
        .detail("method", identity.how().word())
        .detail("provider", identity.person().provider().as_str());
    if exchange.gateway.audit.record(event).durable().await.is_err()
        && exchange.snapshot.config.audit.on_failure == Admission::Deny
    {
        return answers::reject(exchange, Denial::new(Reason::AuditUnavailable), None);
    }
    let session =
        exchange.gateway.authenticator.new_session(identity, exchange.is_secure(), exchange.now);
    Ok(with_cookie(answers::redirect(next.as_str()), session))
}

pub(super) fn refused(exchange: &Exchange<'_>) -> Response<ResponseBody> {
    let mut facts = exchange.facts(None);
    facts.status = Some(Failure::SignInFailed.status().as_u16());
    let at_the_door = exchange.decide().reason() == Reason::IdentificationNeeded;
    let reason = if at_the_door { Reason::CountryListed } else { Reason::NotAuthorized };
    let reference = exchange.gateway.audit.deny(facts, Denial::new(reason));
    answers::failed(exchange, Failure::SignInFailed, &reference)
}

fn ask_sign_out(exchange: &Exchange<'_>) -> Response<ResponseBody> {
    let session = exchange.session();
    let guard = guard(exchange);
    let state = match &session {
        Some(identity) => SignOut::Ask { csrf: &guard.token, name: identity.user_name().as_str() },
        None => SignOut::Done,
    };
    let page = pages::sign_out(state, &exchange.site.organization, exchange.language());
    with_cookie(answers::respond(exchange.parts, page), guard.set_cookie)
}

async fn sign_out(exchange: &Exchange<'_>, body: Incoming) -> Answer {
    let bytes = match form_bytes(exchange, body).await {
        Ok(bytes) => bytes,
        Err(answer) => return *answer,
    };
    if !exchange.vouches(&bytes) {
        return Ok(ask_sign_out(exchange));
    }
    let identity = exchange.session();
    if let Some(identity) = &identity {
        let event = exchange.event(Action::SignOut, Some(identity.user_name().as_str()));
        exchange.note(event);
    }
    let cookie = exchange
        .gateway
        .authenticator
        .end_session(&exchange.parts.headers, exchange.is_secure(), exchange.now)
        .await;
    let page = outside_sign_in::signed_out(exchange, identity.as_ref()).await;
    Ok(with_cookie(page, Some(cookie)))
}

/// The whole of a form. Whoever dribbles it is hung up on: a form takes no longer than a head.
pub(super) async fn form_bytes(exchange: &Exchange<'_>, body: Incoming) -> Result<Bytes, Instead> {
    let time = exchange.snapshot.config.limits.header_timeout;
    match tokio::time::timeout(time, Limited::new(body, LARGEST_FORM).collect()).await {
        Ok(Ok(form)) => Ok(form.to_bytes()),
        Ok(Err(_)) => Err(Box::new(Ok(answers::without_entry(exchange, Failure::TooLarge)))),
        Err(_) => Err(Box::new(Err(Closed))),
    }
}

/// RFC 3986 section 2.1, of everything that is not unreserved.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
