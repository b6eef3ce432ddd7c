//! How a directory was when it was last asked: for metrics and for readiness detail.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::error::LdapError;
use crate::clock;
use crate::identifier::ProviderId;
use crate::telemetry;

/// How a directory was when it was last asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LdapHealth {
    /// When it last answered.
    pub answered: Option<Timestamp>,
    /// What went wrong since then.
    pub failed: Option<String>,
}

pub(super) struct Health {
    provider: String,
    state: Mutex<LdapHealth>,
}

impl Health {
    pub(super) fn new(provider: &ProviderId) -> Self {
        Self { provider: provider.to_string(), state: Mutex::default() }
    }

    pub(super) fn told(&self) -> LdapHealth {
        self.state().clone()
    }

    /// It answered a search.
    pub(super) fn searched(&self) {
        self.count("search", "answered");
        self.gauge(1.0);
        let mut state = self.state();
        state.answered = Some(clock::now());
        if state.failed.take().is_some() {
            tracing::info!(provider = self.provider, "the directory answers again");
        }
    }

    /// It answered somebody's bind.
    pub(super) fn bound(&self, yes: bool) {
        self.count("bind", if yes { "proven" } else { "refused" });
    }

    pub(super) fn failed(&self, error: &LdapError) {
        let told = telemetry::chain(error);
        if error.is_about_entries() {
            self.count("search", "unclear");
            tracing::warn!(provider = self.provider, error = told, "the directory is unclear");
            return;
        }
        self.count("search", "failed");
        self.gauge(0.0);
        let mut state = self.state();
        if state.failed.is_none() {
            tracing::error!(
                provider = self.provider,
                error = told,
                "the directory does not answer; nobody is proven by it meanwhile"
            );
        }
        state.failed = Some(told);
    }

    fn count(&self, operation: &'static str, outcome: &'static str) {
        metrics::counter!(
            "geovagt_ldap_requests_total",
            "provider" => self.provider.clone(), "operation" => operation, "outcome" => outcome
        )
        .increment(1);
    }

    fn gauge(&self, up: f64) {
        metrics::gauge!("geovagt_ldap_up", "provider" => self.provider.clone()).set(up);
    }

    fn state(&self) -> MutexGuard<'_, LdapHealth> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
