//! `audit`

use std::time::Duration;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::anchors::{Anchor, RawAnchor};
use super::checker::{Checker, Text, all};
use super::duration::days;
use super::policies::ADMISSION;
use crate::policy::Admission;

/// `audit`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// What happens to permitted traffic when no entry can be kept.
    pub on_failure: Admission,
    /// How allowed traffic of people without an exemption is kept.
    pub allowed: AllowedTraffic,
    /// At most this long in memory.
    pub flush: Duration,
    /// How long each class is kept.
    pub retention: Retention,
    /// When personal fields go.
    pub pseudonymise_after: Duration,
    /// Whether the query is kept.
    pub query_strings: bool,
    /// Where signed heads are kept elsewhere.
    pub anchors: Vec<Anchor>,
}

/// `audit.allowed`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedTraffic {
    /// Nothing.
    None,
    /// Counts.
    Summary,
    /// An entry a request.
    Requests,
}

/// `audit.retention`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Allowed traffic.
    pub allowed: Duration,
    /// Denials.
    pub denied: Duration,
    /// Sign-ins, exempt access, administration.
    pub people: Duration,
}

/// CFCS's guidance on logging asks for at least thirteen months; these are thirteen that include no
/// shorter February.
const THIRTEEN_MONTHS: Duration = days(397);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAudit {
    /// Default `deny`.
    on_failure: Option<Text>,
    /// Default `requests`.
    allowed: Option<Text>,
    /// Default `200ms`.
    flush: Option<Text>,
    retention: Option<RawRetention>,
    /// Default `90d`.
    pseudonymise_after: Option<Text>,
    /// Default `false`.
    query_strings: Option<bool>,
    /// Default none.
    anchors: Option<Vec<Spanned<RawAnchor>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRetention {
    /// Default `30d`.
    allowed: Option<Text>,
    /// Default `400d`.
    denied: Option<Text>,
    /// Default `400d`.
    people: Option<Text>,
}

impl RawAudit {
    pub(super) fn check(&self, check: &mut Checker<'_>) -> Option<Audit> {
        let traffic = [
            ("none", AllowedTraffic::None),
            ("summary", AllowedTraffic::Summary),
            ("requests", AllowedTraffic::Requests),
        ];
        let on_failure = check.word(self.on_failure.as_ref(), Admission::Deny, &ADMISSION);
        let allowed = check.word(self.allowed.as_ref(), AllowedTraffic::Requests, &traffic);
        let milliseconds = Duration::from_millis;
        let flush = check.span(
            self.flush.as_ref(),
            milliseconds(200),
            milliseconds(1)..=milliseconds(10_000),
        );
        let none = RawRetention::default();
        let retention = self.retention.as_ref().unwrap_or(&none).check(check);
        let pseudonymise_after =
            check.span(self.pseudonymise_after.as_ref(), days(90), days(1)..=days(3650));
        let anchors = self.anchors.iter().flatten();
        let anchors = all(anchors.map(|anchor| anchor.value.check(anchor.referenced, check)));
        Some(Audit {
            anchors: anchors?,
            on_failure: on_failure?,
            allowed: allowed?,
            flush: flush?,
            retention: retention?,
            pseudonymise_after: pseudonymise_after?,
            query_strings: self.query_strings.unwrap_or(false),
        })
    }
}

impl RawRetention {
    fn check(&self, check: &mut Checker<'_>) -> Option<Retention> {
        let mut kept = |text: Option<&Text>, default, thirteen_months| {
            let span = check.span(text, default, days(1)..=days(3650))?;
            if let Some(text) = text
                && thirteen_months
                && span < THIRTEEN_MONTHS
            {
                check.warn(
                    text.referenced,
                    "CFCS's guidance on logging asks for at least 13 months",
                    "write 400d, or have the shorter period approved",
                );
            }
            Some(span)
        };
        let allowed = kept(self.allowed.as_ref(), days(30), false);
        let denied = kept(self.denied.as_ref(), days(400), true);
        let people = kept(self.people.as_ref(), days(400), true);
        Some(Retention { allowed: allowed?, denied: denied?, people: people? })
    }
}
