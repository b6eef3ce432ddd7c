//! Who was signed out by their provider, and when. PURE.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Proof;
use crate::identifier::ProviderId;
use crate::store::{LogoutOf, ProviderLogout};

/// What began before such an instant has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct Logouts(HashMap<(ProviderId, LogoutOf), Timestamp>);

impl Logouts {
    pub(super) fn of(logouts: Vec<ProviderLogout>) -> Self {
        let mut all = Self::default();
        for logout in logouts {
            all.add((logout.provider, logout.of), logout.at);
        }
        all
    }

    pub(super) fn with(&self, others: &Self) -> Self {
        let mut all = self.clone();
        for (key, at) in &others.0 {
            all.add(key.clone(), *at);
        }
        all
    }

    fn add(&mut self, key: (ProviderId, LogoutOf), at: Timestamp) {
        let known = self.0.entry(key).or_insert(at);
        *known = at.max(*known);
    }

    pub(super) fn has_ended(&self, provider: &ProviderId, proof: &Proof, began: Timestamp) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let names =
            [proof.sid.clone().map(LogoutOf::Session), proof.sub.clone().map(LogoutOf::Subject)];
        let ended =
            |of: LogoutOf| self.0.get(&(provider.clone(), of)).is_some_and(|at| began <= *at);
        names.into_iter().flatten().any(ended)
    }

    /// What is too old to concern any session is forgotten.
    pub(super) fn since(mut self, oldest: Timestamp) -> Self {
        self.0.retain(|_, at| *at >= oldest);
        self
    }
}
