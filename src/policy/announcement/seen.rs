//! What the store keeps of a version.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::territory::Territory;

/// A version as it was when it was first seen. The store keeps it as one JSON value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenVersion {
    /// The version's name.
    pub version: String,
    /// [`ListVersion::digest`](crate::policy::ListVersion::digest) of it.
    pub digest: [u8; 32],
    /// When it was first seen in a form as strict as this.
    pub first_seen: Timestamp,
    /// From when the lock let it be enforced; none where the lock refused it.
    pub allowed_from: Option<Timestamp>,
    /// When it starts.
    pub effective_from: Timestamp,
    /// What stands on it.
    pub territories: Vec<Territory>,
    /// The notice that the list promised then.
    pub minimum_notice_days: u16,
}

impl SeenVersion {
    /// Whether it has been in force here: the lock let it, and its start is past.
    #[must_use]
    pub fn was_in_force(&self, now: Timestamp) -> bool {
        self.allowed_from.is_some_and(|from| from <= now)
    }
}
