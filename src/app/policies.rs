//! Which settings may be in force now: the announcement lock, with the store as its memory.

use jiff::Timestamp;

use crate::config::{Loaded, PolicySettings};
use crate::policy::{Admission, Mode, Scheduled};
use crate::store::{Store, StoreError};

/// Why no policy can take effect.
#[derive(Debug, thiserror::Error)]
pub enum PoliciesError {
    /// The memory of what was announced when cannot be read.
    #[error("what was announced when cannot be read from the store")]
    Store(#[from] StoreError),
}

/// The settings that count, and from when.
#[derive(Debug, Clone, Default)]
pub struct Policies {}

impl Policies {
    /// Holds what the configuration says against what this gateway has seen before.
    ///
    /// # Errors
    /// [`PoliciesError`].
    pub async fn resolve(
        _loaded: &Loaded,
        store: &Store,
        _now: Timestamp,
    ) -> Result<Self, PoliciesError> {
        store.settings_seen().await?;
        Ok(Self {})
    }

    pub(super) fn mode(&self, settings: &PolicySettings) -> Scheduled<Mode> {
        Scheduled::fixed(settings.mode)
    }

    pub(super) fn unknown_location(&self, settings: &PolicySettings) -> Scheduled<Admission> {
        Scheduled::fixed(settings.unknown_location)
    }
}
