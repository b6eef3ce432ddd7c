//! How many files and connections this process may have open.

use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::Config;

/// What is open beside connections: the log, the store, listeners, and what the runtime needs.
const OTHERS: u64 = 256;

/// Raises this process's limit to what the system allows it. The lower one is meant for programs that
/// use `select`, which this one does not.
pub fn raise() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    limit.current = limit.maximum;
    if let Err(error) = setrlimit(Resource::Nofile, limit) {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

/// Warns where the connections that are configured cannot be had: each may need a second one, to
/// the upstream.
pub(super) fn check(config: &Config) {
    let Some(limit) = getrlimit(Resource::Nofile).current else { return };
    let connections = u64::try_from(config.limits.connections).unwrap_or(u64::MAX);
    let needed = connections.saturating_mul(2).saturating_add(OTHERS);
    if needed > limit {
        tracing::warn!(
            limit,
            needed,
            "limits.connections does not fit into the limit of open files; raise that (LimitNOFILE= \
             in the systemd unit, or ulimit -n), or lower limits.connections"
        );
    }
}
