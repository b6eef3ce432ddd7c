//! Verdicts counted for `/metrics`, with handles that are looked up once.

use std::fmt;
use std::sync::OnceLock;

use metrics::Counter;

use crate::policy::Reason;

/// `geovagt_requests_total` of one site, or of what belongs to none.
pub(crate) struct VerdictCounts {
    site: String,
    denied: Vec<OnceLock<Counter>>,
}

impl VerdictCounts {
    /// Nothing is counted, and no line appears, before the first verdict.
    #[must_use]
    pub(crate) fn new(site: &str) -> Self {
        let denied = Reason::ALL.iter().map(|_| OnceLock::new()).collect();
        Self { site: site.to_owned(), denied }
    }

    /// Counts a rejection.
    pub(crate) fn deny(&self, reason: Reason) {
        if let Some(counter) = self.denied.get(reason as usize) {
            counter.get_or_init(|| counter_of(&self.site, "deny", reason)).increment(1);
        }
    }
}

/// Counts any verdict.
pub(super) fn count(site: &str, verdict: &'static str, reason: Reason) {
    counter_of(site, verdict, reason).increment(1);
}

fn counter_of(site: &str, verdict: &'static str, reason: Reason) -> Counter {
    metrics::counter!(
        "geovagt_requests_total",
        "site" => site.to_owned(), "verdict" => verdict, "reason" => reason.code()
    )
}

impl fmt::Debug for VerdictCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerdictCounts").field("site", &self.site).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_counter_of_its_own() {
        for (index, &reason) in Reason::ALL.iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
