//! What operators see of upstreams in `/metrics`.

use super::health::Standing;
use super::server::Server;

fn labels(server: &Server) -> [(&'static str, String); 2] {
    [("site", server.site.to_string()), ("server", server.name().to_string())]
}

/// What changes all the time, told now and then.
pub(super) fn gauges(server: &Server, standing: Standing) {
    let counts = server.pool.counts();
    let labels = labels(server);
    let set = |name: &'static str, value: usize| {
        metrics::gauge!(name, &labels).set(value as f64);
    };
    set("geovagt_upstream_connections_open", server.open_connections());
    set("geovagt_upstream_connections_idle", counts.idle);
    set("geovagt_upstream_requests_in_flight", counts.in_flight);
    set("geovagt_upstream_queue_length", counts.waiting);
    set("geovagt_upstream_healthy", usize::from(standing == Standing::In));
}

/// A failure that was never counted hides from `rate()`.
pub(super) fn start_at_zero(server: &Server) {
    for name in ["geovagt_upstream_ejections_total", "geovagt_upstream_connect_failures_total"] {
        metrics::counter!(name, &labels(server)).increment(0);
    }
    let site = server.site.to_string();
    metrics::counter!("geovagt_upstream_retries_total", "site" => site).increment(0);
}

pub(super) fn connect_failed(server: &Server) {
    metrics::counter!("geovagt_upstream_connect_failures_total", &labels(server)).increment(1);
}

pub(super) fn ejected(server: &Server) {
    metrics::counter!("geovagt_upstream_ejections_total", &labels(server)).increment(1);
}

pub(super) fn retried(server: &Server) {
    let site = server.site.to_string();
    metrics::counter!("geovagt_upstream_retries_total", "site" => site).increment(1);
}

/// What was counted of a server that is gone.
pub(super) fn forget(server: &Server) {
    let labels = labels(server);
    for name in [
        "geovagt_upstream_connections_open",
        "geovagt_upstream_connections_idle",
        "geovagt_upstream_requests_in_flight",
        "geovagt_upstream_queue_length",
        "geovagt_upstream_healthy",
    ] {
        metrics::gauge!(name, &labels).set(0.0);
    }
}
