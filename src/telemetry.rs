//! What operators see of the running gateway: log lines and metrics.
//!
//! Logs go to standard error: for a person on a terminal, JSON otherwise. An error means that
//! somebody must act, a warning that it will become one; `info` never holds a client's address.

pub mod traffic;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::peer_certificate;

/// Buckets for the time to the head of an answer, in seconds.
const DURATION_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter in `RUST_LOG` does not parse.
    #[error("RUST_LOG is not a log filter; try RUST_LOG=info")]
    Filter(#[source] tracing_subscriber::filter::FromEnvError),
    /// A recorder or subscriber stands already.
    #[error("telemetry is set up twice in this process")]
    Twice,
    /// The buckets are refused.
    #[error("the metrics cannot be set up")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

/// Starts the log. `RUST_LOG` selects what is logged; without it, `info` and above.
///
/// # Errors
/// A filter that does not parse, or a second call in one process.
pub fn start_log() -> Result<(), TelemetryError> {
    start_log_at(tracing::level_filters::LevelFilter::INFO)
}

/// The same with another level where `RUST_LOG` says nothing.
///
/// # Errors
/// A filter that does not parse, or a second call in one process.
pub fn start_log_at(level: tracing::level_filters::LevelFilter) -> Result<(), TelemetryError> {
    let filter = EnvFilter::builder()
        .with_default_directive(level.into())
        .from_env()
        .map_err(TelemetryError::Filter)?;
    let registry = tracing_subscriber::registry().with(filter);
    let outcome = if std::io::stderr().is_terminal() {
        registry
            .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false))
            .try_init()
    } else {
        registry
            .with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr))
            .try_init()
    };
    outcome.map_err(|_| TelemetryError::Twice)
}

/// The metrics of this process; clones are the same.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        traffic::render(&mut text);
        text
    }

    /// Adds up what waits in memory.
    pub fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Starts the metrics; the handle renders them in Prometheus' text format.
///
/// # Errors
/// A second call in one process.
pub fn start_metrics() -> Result<Metrics, TelemetryError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), DURATION_BUCKETS)
        .map_err(TelemetryError::Metrics)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Twice)?;
    describe();
    Ok(Metrics { handle })
}

fn describe() {
    use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
    describe_counter!(
        "geovagt_upstream_errors_total",
        Unit::Count,
        "Requests that the upstream did not answer, by site and cause."
    );
    describe_counter!(
        "geovagt_exchanges_ended_total",
        Unit::Count,
        "Exchanges that the gateway ended, by cause: a stalled client or upstream, or a permission \
         that ended."
    );
    describe_gauge!(
        "geovagt_geoip_build_timestamp_seconds",
        Unit::Seconds,
        "When the database in use was built, as seconds since 1970."
    );
    describe_counter!(
        "geovagt_geoip_load_failures_total",
        Unit::Count,
        "New database files that were refused; the old one went on serving."
    );
    describe_gauge!(
        "geovagt_certificate_expiry_timestamp_seconds",
        Unit::Seconds,
        "When a certificate that is served expires, by listener and chain, as seconds since 1970."
    );
    describe_gauge!(
        "geovagt_store_up",
        Unit::Count,
        "1 while the store answers, 0 while what was read last is in use."
    );
    describe_gauge!(
        "geovagt_store_read_timestamp_seconds",
        Unit::Seconds,
        "When the store last answered, as seconds since 1970; absent where it has not since the \
         start."
    );
    describe_counter!(
        "geovagt_reloads_total",
        Unit::Count,
        "Reloads of the configuration by outcome."
    );
    describe_counter!(
        "geovagt_requests_ambiguous_framing_total",
        Unit::Count,
        "Requests that could be framed in two ways and were refused."
    );
    describe_counter!(
        "geovagt_http2_streams_refused_total",
        Unit::Count,
        "HTTP/2 requests that were reset before or instead of an answer, by the code of RFC 9113."
    );
    describe_counter!(
        "geovagt_http2_connections_refused_total",
        Unit::Count,
        "HTTP/2 connections that were ended for what the client did, by reason."
    );
    describe_counter!(
        "geovagt_connections_rejected_total",
        Unit::Count,
        "Connections that ended before HTTP, by listener and reason."
    );
    describe_counter!(
        "geovagt_tcp_connections_total",
        Unit::Count,
        "Connections that passed through `tcp` listeners and have ended, by site and how: whole, \
         cut_by_client, cut_by_upstream, idle, lifetime, permission_ended, exemption_ended, \
         foreign_preamble, login_refused, stopped."
    );
    describe_gauge!("geovagt_connections_open", Unit::Count, "Open connections by listener.");
    describe_gauge!(
        "geovagt_flood_active",
        Unit::Count,
        "Networks and countries that flood an adaptive listener now, by listener and scope."
    );
    describe_counter!(
        "geovagt_floods_total",
        Unit::Count,
        "Floods that have begun, by listener and scope."
    );
    describe_what_follows_the_log();
    describe_counter!(
        "geovagt_audit_entries_total",
        Unit::Count,
        "Entries of the log that are on disk, by chain."
    );
    describe_counter!(
        "geovagt_audit_lost_total",
        Unit::Count,
        "Entries that could not be kept; each is gone for good."
    );
    describe_histogram!(
        "geovagt_audit_flush_seconds",
        Unit::Seconds,
        "Time to put a group of entries on disk."
    );
    describe_gauge!(
        "geovagt_audit_queue_length",
        Unit::Count,
        "Entries that wait for the disk, reserved places included."
    );
    describe_gauge!(
        "geovagt_audit_healthy",
        Unit::Count,
        "1 while the log can be written, else 0."
    );
    describe_counter!(
        "geovagt_authorize_requests_total",
        Unit::Count,
        "Questions of other proxies (forward-auth) by answer."
    );
    describe_gauge!(
        "geovagt_start_timestamp_seconds",
        Unit::Seconds,
        "When this process began, as seconds since 1970; it changes with a restart or a take-over."
    );
    describe_gauge!("geovagt_ready", Unit::Count, "1 while every part is ready, else 0.");
    describe_gauge!(
        "geovagt_exemptions",
        Unit::Count,
        "Approved travel exemptions that are not over."
    );
    describe_notices();
    describe_upstreams();
    describe_directories();
    start_at_zero();
}

fn describe_directories() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_counter!(
        "geovagt_ldap_requests_total",
        Unit::Count,
        "What directories were asked, by provider, operation (search, bind) and outcome."
    );
    describe_gauge!(
        "geovagt_ldap_up",
        Unit::Count,
        "1 where the directory answered when it was last asked, else 0."
    );
}

fn describe_notices() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_counter!(
        "geovagt_notices_total",
        Unit::Count,
        "Messages to travellers by channel and outcome: sent, deferred, failed, withheld."
    );
    describe_gauge!("geovagt_notices_waiting", Unit::Count, "Messages that are to be sent.");
    describe_gauge!("geovagt_notices_failed", Unit::Count, "Messages that were given up.");
    describe_counter!(
        "geovagt_odd_use_total",
        Unit::Count,
        "Uses of an exemption that look odd, by kind."
    );
    describe_counter!(
        "geovagt_odd_use_unseen_total",
        Unit::Count,
        "Uses that could not be looked at, because there were too many or the store was away."
    );
}

fn describe_upstreams() {
    use metrics::{Unit, describe_counter, describe_gauge};
    describe_gauge!(
        "geovagt_upstream_connections_open",
        Unit::Count,
        "Connections to an upstream server, by site and server."
    );
    describe_gauge!(
        "geovagt_upstream_connections_idle",
        Unit::Count,
        "Those of them that serve no request."
    );
    describe_gauge!(
        "geovagt_upstream_requests_in_flight",
        Unit::Count,
        "Requests that an upstream server has not answered to the last byte."
    );
    describe_gauge!(
        "geovagt_upstream_queue_length",
        Unit::Count,
        "Requests that wait for a place at an upstream server."
    );
    describe_gauge!(
        "geovagt_upstream_healthy",
        Unit::Count,
        "1 while an upstream server gets its share, 0 while it is left out."
    );
    describe_counter!(
        "geovagt_upstream_ejections_total",
        Unit::Count,
        "How often an upstream server was left out because requests failed."
    );
    describe_counter!(
        "geovagt_upstream_connect_failures_total",
        Unit::Count,
        "Connections to an upstream server that did not come about."
    );
    describe_counter!(
        "geovagt_upstream_retries_total",
        Unit::Count,
        "Requests of a site that were asked again."
    );
}

/// What follows the log: its index, its anchors, what is taken out of it.
fn describe_what_follows_the_log() {
    for (name, what) in [
        ("geovagt_log_index_entries_total", "Entries of the log that entered its index."),
        ("geovagt_log_index_failures_total", "Times at which the index could not follow the log."),
        ("geovagt_audit_anchors_total", "Signed heads of the log sent elsewhere, by outcome."),
        (
            "geovagt_audit_pseudonymised_total",
            "Entries whose personal values a pseudonym replaced.",
        ),
        (
            "geovagt_audit_pseudonymise_failures_total",
            "Times at which pseudonyms could not take the place of personal values.",
        ),
    ] {
        metrics::describe_counter!(name, metrics::Unit::Count, what);
    }
    for (name, what) in [
        (
            "geovagt_log_index_behind_entries",
            "Entries of the log that its index does not have yet.",
        ),
        ("geovagt_log_index_unreadable_lines", "Lines of the log that its index could not read."),
    ] {
        metrics::describe_gauge!(name, metrics::Unit::Count, what);
    }
}

/// A counter that appears with its first failure would hide that failure from `rate()`.
fn start_at_zero() {
    let now = crate::clock::now().as_second();
    metrics::gauge!("geovagt_start_timestamp_seconds").set(now as f64);
    metrics::counter!("geovagt_geoip_load_failures_total").increment(0);
    metrics::counter!("geovagt_audit_lost_total").increment(0);
    for outcome in ["success", "failure"] {
        metrics::counter!("geovagt_reloads_total", "outcome" => outcome).increment(0);
    }
}

/// An error with its causes, on one line, for the log; and what to do, where it comes from the
/// certificate that a server showed.
#[must_use]
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let advice = peer_certificate::advice(error);
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    if let Some(advice) = advice {
        text.push_str(": ");
        text.push_str(advice);
    }
    text
}
