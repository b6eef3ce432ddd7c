//! What a decision ends in.

use std::fmt;
use std::sync::Arc;

use super::{Person, Reason};

/// The outcome of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Forward.
    Allow(Permit),
    /// Ask who it is, then decide again.
    Identify(Challenge),
    /// Reject.
    Deny(Denial),
}

/// The right to be forwarded once. Only `policy` can make one, and forwarding demands one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    reason: Reason,
    exemption: Option<ExemptionId>,
    person: Option<Person>,
    would_be: Option<Reason>,
}

impl Permit {
    pub(super) fn new(reason: Reason) -> Self {
        Self { reason, exemption: None, person: None, would_be: None }
    }

    pub(super) fn with_exemption(mut self, exemption: ExemptionId) -> Self {
        self.exemption = Some(exemption);
        self
    }

    pub(super) fn with_person(mut self, person: Option<&Person>) -> Self {
        self.person = person.cloned();
        self
    }

    pub(super) fn with_would_be(mut self, reason: Reason) -> Self {
        self.would_be = Some(reason);
        self
    }

    /// Why the client is let in.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The exemption that opened the door, where one did.
    #[must_use]
    pub fn exemption(&self) -> Option<&ExemptionId> {
        self.exemption.as_ref()
    }

    /// The proven person, where there is one.
    #[must_use]
    pub fn person(&self) -> Option<&Person> {
        self.person.as_ref()
    }

    /// In report-only mode: the reason for which the client would have been rejected, or asked who
    /// it is.
    #[must_use]
    pub fn would_be(&self) -> Option<Reason> {
        self.would_be
    }
}

/// The client must say who it is before anything else is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge {
    reason: Reason,
}

impl Challenge {
    pub(super) fn new(reason: Reason) -> Self {
        Self { reason }
    }

    /// `identification_needed` or `authentication_required`.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

/// A rejection. Anything may make one: rejecting opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denial {
    reason: Reason,
}

impl Denial {
    /// A rejection for this reason.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self { reason }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }
}

impl Verdict {
    /// `allow`, `identify` or `deny`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Allow(_) => "allow",
            Self::Identify(_) => "identify",
            Self::Deny(_) => "deny",
        }
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Allow(permit) => permit.reason(),
            Self::Identify(challenge) => challenge.reason(),
            Self::Deny(denial) => denial.reason(),
        }
    }
}

/// The name of a travel exemption, short enough to type: `TE-7K2M9D`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExemptionId(Arc<str>);

impl ExemptionId {
    /// Takes the name as the store gave it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExemptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ExemptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for ExemptionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}
