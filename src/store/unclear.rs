//! Rows that say that something has ended, and cannot be read. To leave one out would let what it
//! ended count again, so whatever it may be about has ended.

use super::StoreError;
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::Person;

/// What was read, and what of it could not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partly<T, U> {
    /// What was read.
    pub clear: Vec<T>,
    /// What is known of the rest.
    pub unclear: Vec<U>,
}

/// The end of somebody's proofs; what cannot be read may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnclearEnd {
    /// Whose person it is.
    pub organization: Option<OrganizationId>,
    /// Who proves the person.
    pub provider: Option<ProviderId>,
    /// The provider's name for the person.
    pub subject: Option<String>,
}

/// A session that was signed out; none: any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnclearSession(pub Option<String>);

/// What a provider has ended; what cannot be read may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnclearLogout {
    /// The provider.
    pub provider: Option<ProviderId>,
    /// Its name for the session or the person.
    pub name: Option<String>,
}

fn may_be<T: PartialEq<U>, U: ?Sized>(known: &Option<T>, asked: &U) -> bool {
    known.as_ref().is_none_or(|known| known == asked)
}

impl UnclearEnd {
    /// Whether it may be about this person.
    #[must_use]
    pub fn may_concern(&self, person: &Person) -> bool {
        may_be(&self.organization, person.organization())
            && may_be(&self.provider, person.provider())
            && may_be(&self.subject, person.subject())
    }
}

impl UnclearSession {
    /// Whether it may be about the session of this name.
    #[must_use]
    pub fn may_concern(&self, id: &str) -> bool {
        may_be(&self.0, id)
    }
}

impl UnclearLogout {
    /// Whether it may be about a session for which this provider has these names.
    #[must_use]
    pub fn may_concern(&self, provider: &ProviderId, names: &[Option<&str>]) -> bool {
        may_be(&self.provider, provider)
            && (self.name.is_none() || names.contains(&self.name.as_deref()))
    }
}

impl<T, U> Partly<T, U> {
    /// Reads row by row; of one that cannot be read is kept what `rest` makes of it, and the log
    /// tells.
    pub(super) fn read<R>(
        rows: &[R],
        read: impl Fn(&R) -> Result<T, StoreError>,
        rest: impl Fn(&R) -> U,
    ) -> Self {
        let mut partly = Self { clear: Vec::new(), unclear: Vec::new() };
        for row in rows {
            match read(row) {
                Ok(one) => partly.clear.push(one),
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "a row of the store that ends something cannot be read; whatever it may be about has ended"
                    );
                    partly.unclear.push(rest(row));
                }
            }
        }
        partly
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_may_be_anything() {
        let provider = |id: &str| ProviderId::parse(id).unwrap();
        let organization = OrganizationId::parse("ballerup").unwrap();
        let anna = Person::new(organization.clone(), provider("local"), "anna");
        let nothing = UnclearEnd { organization: None, provider: None, subject: None };
        assert!(nothing.may_concern(&anna));
        let known = |id: &str, subject: &str| UnclearEnd {
            organization: Some(organization.clone()),
            provider: Some(provider(id)),
            subject: Some(subject.to_owned()),
        };
        assert!(known("local", "anna").may_concern(&anna));
        assert!(!known("local", "bo").may_concern(&anna));
        assert!(!known("entra", "anna").may_concern(&anna));
        assert!(UnclearSession(None).may_concern("a"));
        assert!(!UnclearSession(Some("b".into())).may_concern("a"));
    }
}
