//! The way through the gateway, from top to bottom.

use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;
use tokio::time::timeout;

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

/// So many octets of a rejected request's body are heard out over HTTP/2, and for so long.
const HEARD_OUT: (u64, Duration) = (64 << 10, Duration::from_millis(500));

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
            Err(answer) => {
                // Nobody is kept out by whoever keeps a body back.
                drop(place);
                if answer.is_ok() && is_short_to_come(parts.version, &body) {
                    Box::pin(hear_out(body)).await;
                }
                *answer
            }
        }
    };
    exchange.measure(started);
    answer
}

/// Over HTTP/2 a stream that is answered before the end of its body ends with a reset, by which curl 7
/// loses the answer: a phone or a program would see a broken connection and no rejection.
fn is_short_to_come(version: Version, body: &Incoming) -> bool {
    let most = body.size_hint().upper();
    version == Version::HTTP_2
        && !body.is_end_stream()
        && most.is_some_and(|most| most <= HEARD_OUT.0)
}

/// What comes is thrown away.
async fn hear_out(mut body: Incoming) {
    let rest = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = timeout(HEARD_OUT.1, rest).await;
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
