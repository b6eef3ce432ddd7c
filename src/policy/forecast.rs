//! What will be decided when the announced version of the list begins.

use jiff::Timestamp;

use super::{Exemptions, Policy, Subject, Verdict, decide};

/// What will be decided about the same subject when the announced version of the list begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upcoming<'a> {
    /// The announced version.
    pub version: &'a str,
    /// When it begins.
    pub effective_from: Timestamp,
    /// The decision at that instant, with the exemptions that are granted by now.
    pub verdict: Verdict,
}

/// The decision at the instant at which the announced version begins; none where none is announced.
#[must_use]
pub fn forecast<'a>(
    policy: &'a Policy,
    subject: &Subject<'_>,
    exemptions: &Exemptions,
    now: Timestamp,
) -> Option<Upcoming<'a>> {
    let from = policy.list.announced(now)?.effective_from;
    let version = policy.list.in_force(from)?;
    let verdict = decide(policy, subject, exemptions, from);
    Some(Upcoming { version: &version.version, effective_from: from, verdict })
}
