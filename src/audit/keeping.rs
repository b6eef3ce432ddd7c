//! What is kept, as a reload can change it while requests ask: one byte, read without a lock.

use std::sync::atomic::{AtomicU8, Ordering};

use super::options::Options;
use crate::config::AllowedTraffic;
use crate::policy::Admission;

const ON_FAILURE_ALLOW: u8 = 1;
const QUERY_STRINGS: u8 = 2;
const SUMMARY: u8 = 4;
const REQUESTS: u8 = 8;

/// What happens without an entry, and what an entry is kept of.
#[derive(Debug)]
pub(super) struct Keeping(AtomicU8);

impl Keeping {
    pub(super) fn new(options: &Options) -> Self {
        Self(AtomicU8::new(byte(options)))
    }

    pub(super) fn change(&self, options: &Options) {
        self.0.store(byte(options), Ordering::Relaxed);
    }

    pub(super) fn on_failure(&self) -> Admission {
        if self.has(ON_FAILURE_ALLOW) { Admission::Allow } else { Admission::Deny }
    }

    pub(super) fn query_strings(&self) -> bool {
        self.has(QUERY_STRINGS)
    }

    pub(super) fn allowed(&self) -> AllowedTraffic {
        match (self.has(SUMMARY), self.has(REQUESTS)) {
            (_, true) => AllowedTraffic::Requests,
            (true, false) => AllowedTraffic::Summary,
            (false, false) => AllowedTraffic::None,
        }
    }

    fn has(&self, bit: u8) -> bool {
        self.0.load(Ordering::Relaxed) & bit != 0
    }
}

fn byte(options: &Options) -> u8 {
    let on_failure = match options.on_failure {
        Admission::Allow => ON_FAILURE_ALLOW,
        Admission::Deny => 0,
    };
    let allowed = match options.allowed {
        AllowedTraffic::None => 0,
        AllowedTraffic::Summary => SUMMARY,
        AllowedTraffic::Requests => REQUESTS,
    };
    on_failure | allowed | if options.query_strings { QUERY_STRINGS } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let mut options = Options::new("audit".into());
        let keeping = Keeping::new(&options);
        for allowed in [AllowedTraffic::None, AllowedTraffic::Summary, AllowedTraffic::Requests] {
            for on_failure in [Admission::Allow, Admission::Deny] {
                for query_strings in [true, false] {
                    options = Options { allowed, on_failure, query_strings, ..options };
                    keeping.change(&options);
                    let out = (keeping.allowed(), keeping.on_failure(), keeping.query_strings());
                    assert_eq!(out, (allowed, on_failure, query_strings));
                }
            }
        }
    }
}
