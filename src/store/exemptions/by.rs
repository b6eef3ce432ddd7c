//! Who changes an exemption.

use crate::policy::{Actor, Person};

/// Who changes an exemption, and what of it they had seen when they decided to.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    pub(super) actor: &'a Actor,
    pub(super) person: Option<&'a Person>,
    pub(super) seen: Option<usize>,
}

impl<'a> By<'a> {
    /// Somebody whom a provider has proven: the same person is the same, whatever name they go by.
    #[must_use]
    pub fn proven(actor: &'a Actor, person: &'a Person) -> Self {
        Self { actor, person: Some(person), seen: None }
    }

    /// Only where the exemption is still the one of this version, see
    /// [`super::ExemptionRecord::version`].
    #[must_use]
    pub fn having_seen(self, version: Option<usize>) -> Self {
        Self { seen: version, ..self }
    }
}

impl<'a> From<&'a Actor> for By<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self { actor, person: None, seen: None }
    }
}
