//! The way through the gateway, from top to bottom.

use std::sync::Arc;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::body::ResponseBody;
use super::exchange::Exchange;
use super::forward::{Upward, pass};
use super::identify::{admit, overloaded};
use super::{Closed, Gateway, asterisk, own_pages};
use crate::clock;
use crate::listen::{ConnectionFacts, Watch};

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
    watch: Arc<Watch>,
) -> Answer {
    let started = clock::instant();
    let snapshot = gateway.snapshot();
    let (mut parts, body) = request.into_parts();
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let exchange = match Exchange::begin(gateway, snapshot, &parts, connection, clock::now()) {
        Ok(exchange) => exchange,
        Err(answer) => return *answer,
    };
    let Some(place) = gateway.limit.enter(exchange.client) else {
        return overloaded(&exchange);
    };
    let answer = if own_pages::is_ours(&exchange) {
        // What few requests need does not make every request's future as large.
        Box::pin(own_pages::answer(&exchange, body)).await
    } else {
        match admit(&exchange).await {
            Ok(admitted) if exchange.canonical.is_about_the_server() => {
                Box::pin(asterisk::answer(&exchange, &admitted)).await
            }
            Ok(admitted) => {
                pass(&exchange, &admitted, Upward { body, upgrade, watch }, place).await
            }
            Err(answer) => *answer,
        }
    };
    exchange.measure(started);
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn size<G, R, C, W, F: Future>(_: impl Fn(G, R, C, W) -> F) -> usize {
        size_of::<F>()
    }

    /// It is allocated once for each request, and copied before that.
    #[test]
    fn the_future_of_a_request_is_small() {
        let size = size::<&'static Gateway, _, &'static ConnectionFacts, _, _>(handle);
        assert!(size <= 4 * 1024, "{size} bytes");
    }
}
