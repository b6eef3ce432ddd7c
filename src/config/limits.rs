//! `limits`: what one machine takes on, and how long it waits.

use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::checker::{Checker, Text};

/// `limits`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of all listeners.
    pub connections: usize,
    /// Open connections of one peer address that is no trusted proxy. A whole town hall may stand
    /// behind one address.
    pub connections_per_address: usize,
    /// Requests between their head and the end of their answer.
    pub requests_in_flight: usize,
    /// Those of one client, whichever proxies they came through; a quarter where nothing is said.
    pub requests_per_address: usize,
    /// Bytes of a request's head.
    pub header_bytes: usize,
    /// From the first byte of a connection or request to the end of its head, TLS included.
    pub header_timeout: Duration,
    /// How long a connection may stand without a request.
    pub idle_timeout: Duration,
    /// How long a client may neither send what is waited for nor take what waits for it.
    pub body_timeout: Duration,
    /// Bytes a second that a client must send or take at least while it is waited for, on average
    /// over `body_timeout`.
    pub body_rate: u64,
    /// How long open exchanges may go on when the gateway stops, or their listener is gone.
    pub drain_timeout: Duration,
    /// How long an upstream may take to accept a connection.
    pub upstream_connect_timeout: Duration,
    /// How long an upstream may take to begin its answer. ActiveSync polls stand for a quarter of an
    /// hour and more.
    pub upstream_response_timeout: Duration,
    /// How long an upstream may be silent inside its answer. Event streams are.
    pub upstream_body_timeout: Duration,
    /// Lines of the head of an upstream's answer over HTTP/1.1.
    pub upstream_header_lines: usize,
}

impl Limits {
    /// How many lines of an answer's head an HTTP/1.1 parser has room for without asking for memory.
    pub const HEADER_LINES: usize = 100;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_address: 2_000,
            requests_in_flight: 10_000,
            requests_per_address: 2_500,
            header_bytes: 64 << 10,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            body_timeout: Duration::from_secs(60),
            body_rate: 256,
            drain_timeout: Duration::from_secs(20),
            upstream_connect_timeout: Duration::from_secs(5),
            upstream_response_timeout: Duration::from_secs(35 * 60),
            upstream_body_timeout: Duration::from_secs(2 * 60 * 60),
            upstream_header_lines: Self::HEADER_LINES,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    connections: Option<Spanned<u64>>,
    connections_per_address: Option<Spanned<u64>>,
    requests_in_flight: Option<Spanned<u64>>,
    requests_per_address: Option<Spanned<u64>>,
    header_bytes: Option<Spanned<u64>>,
    header_timeout: Option<Text>,
    idle_timeout: Option<Text>,
    body_timeout: Option<Text>,
    body_rate: Option<Spanned<u64>>,
    drain_timeout: Option<Text>,
    upstream_connect_timeout: Option<Text>,
    upstream_response_timeout: Option<Text>,
    upstream_body_timeout: Option<Text>,
    upstream_header_lines: Option<Spanned<u64>>,
}

impl RawLimits {
    pub(super) fn check(&self, check: &mut Checker<'_>) -> Option<Limits> {
        let default = Limits::default();
        let mut count = |number: Option<&Spanned<u64>>, default: usize, bounds| {
            check.number(number, default as u64, bounds).and_then(|n| usize::try_from(n).ok())
        };
        let connections = count(self.connections.as_ref(), default.connections, 1..=1_000_000);
        let connections_per_address = count(
            self.connections_per_address.as_ref(),
            default.connections_per_address,
            1..=1_000_000,
        );
        let requests_in_flight =
            count(self.requests_in_flight.as_ref(), default.requests_in_flight, 1..=1_000_000);
        let quarter = (requests_in_flight.unwrap_or(default.requests_in_flight) / 4).max(1);
        let requests_per_address =
            count(self.requests_per_address.as_ref(), quarter, 1..=1_000_000);
        let header_bytes =
            count(self.header_bytes.as_ref(), default.header_bytes, 8 << 10..=1 << 20);
        let upstream_header_lines =
            count(self.upstream_header_lines.as_ref(), default.upstream_header_lines, 100..=1000);
        let body_rate = check.number(self.body_rate.as_ref(), default.body_rate, 0..=1_000_000);
        let mut span = |text: Option<&Text>, default, most| {
            let seconds = Duration::from_secs;
            check.span(text, default, Duration::from_millis(100)..=seconds(most))
        };
        let header_timeout = span(self.header_timeout.as_ref(), default.header_timeout, 120);
        let idle_timeout = span(self.idle_timeout.as_ref(), default.idle_timeout, 3600);
        let body_timeout = span(self.body_timeout.as_ref(), default.body_timeout, 3600);
        let drain_timeout = span(self.drain_timeout.as_ref(), default.drain_timeout, 3600);
        let upstream_connect_timeout =
            span(self.upstream_connect_timeout.as_ref(), default.upstream_connect_timeout, 120);
        let upstream_response_timeout =
            span(self.upstream_response_timeout.as_ref(), default.upstream_response_timeout, 7200);
        let upstream_body_timeout =
            span(self.upstream_body_timeout.as_ref(), default.upstream_body_timeout, 24 * 3600);
        Some(Limits {
            connections: connections?,
            connections_per_address: connections_per_address?,
            requests_in_flight: requests_in_flight?,
            requests_per_address: requests_per_address?,
            header_bytes: header_bytes?,
            header_timeout: header_timeout?,
            idle_timeout: idle_timeout?,
            body_timeout: body_timeout?,
            body_rate: body_rate?,
            drain_timeout: drain_timeout?,
            upstream_connect_timeout: upstream_connect_timeout?,
            upstream_response_timeout: upstream_response_timeout?,
            upstream_body_timeout: upstream_body_timeout?,
            upstream_header_lines: upstream_header_lines?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-ASCMD section 2.2.3.84: a device may ask to be kept waiting up to 59 minutes, and most ask
    /// for half an hour at most.
    #[test]
    fn half_an_hour_of_waiting_for_mail_fits() {
        assert!(Limits::default().upstream_response_timeout > Duration::from_secs(30 * 60 + 60));
    }
}
