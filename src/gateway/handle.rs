//! The way through the gateway, from top to bottom.

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::forward::{Upward, pass};
use super::identify::{admit, overloaded};
use super::{Closed, Gateway, own_pages};
use crate::clock;
use crate::listen::ConnectionFacts;

/// An answer, or the end of the connection without one.
pub(super) type Answer = Result<Response<ResponseBody>, Closed>;

/// What is answered instead of going on.
pub(super) type Instead = Box<Answer>;

/// Answers one request.
///
/// # Errors
/// [`Closed`] where the site rejects without a byte.
pub(crate) async fn handle(
    gateway: &Gateway,
    request: Request<Incoming>,
    connection: &ConnectionFacts,
) -> Answer {
    let started = clock::instant();
    let snapshot = gateway.snapshot();
    let (mut parts, body) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let exchange = match Exchange::begin(gateway, snapshot, &parts, connection, clock::now()) {
        Ok(exchange) => exchange,
        Err(answer) => return *answer,
    };
    let Some(place) = gateway.limit.enter() else {
        return overloaded(&exchange);
    };
    let answer = if own_pages::is_ours(&exchange) {
        own_pages::answer(&exchange, body).await
    } else {
        match admit(&exchange).await {
            Ok(admitted) => pass(&exchange, admitted, Upward { body, upgrade }, place).await,
            Err(answer) => *answer,
        }
    };
    exchange.measure(started);
    answer
}
