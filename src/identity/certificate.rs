//! People whom the certificate of a managed device names. The certificate was verified in the TLS
//! handshake, and is anew for each request; here its name becomes a person.
//!
//! Always holds: it stands for a person from when it was issued; one from before everything of the
//! person's was ended counts no longer, whether or not it has been revoked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{Authenticator, Holders, How, Identity, KnownDevice};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};

/// A good certificate, and what it is asked about.
#[derive(Clone, Copy)]
pub struct Certified<'a> {
    /// Whose site it is.
    pub organization: &'a OrganizationId,
    /// The provider that takes it.
    pub provider: &'a ProviderId,
    /// Whose people it names; none: people of that provider alone.
    pub people_of: Option<&'a ProviderId>,
    /// The name in it.
    pub name: &'a str,
    /// When it was issued.
    pub issued: Timestamp,
    /// Shows everybody who holds an exemption here, with the name it was given under.
    pub holders: &'a Holders<'a>,
}

impl Authenticator {
    /// The person whom a good certificate names. None where it names nobody, or where its name could
    /// mean two.
    #[must_use]
    pub fn certified(&self, certified: &Certified<'_>) -> Option<Identity> {
        let Certified { organization, provider, name, issued, .. } = *certified;
        let user_name = UserName::parse(name).ok()?;
        let own = self.0.directory.load().providers().get(organization).cloned();
        let (person, epoch) = match certified.people_of {
            Some(local) if own.as_ref() == Some(local) => {
                let directory = self.0.directory.load();
                let account = directory.named(organization, &user_name)?;
                if account.locked {
                    return None;
                }
                (directory.person(account)?, account.epoch)
            }
            Some(theirs) => (self.known_outside(certified, theirs, &user_name)?, 0),
            None => (Person::new(organization.clone(), provider.clone(), name), 0),
        };
        let stands = self.counts(&person, issued) && self.person_stands(&person);
        stands.then_some(Identity {
            person,
            user_name,
            how: How::Certificate,
            at: issued,
            epoch,
            device: Some(Box::new(KnownDevice::Managed)),
            grant: None,
            session: None,
            ends: None,
            outside: None,
        })
    }

    /// Somebody whom an outside provider has proven, for the certificates of the same person.
    pub(super) fn learn_name(&self, person: &Person, user_name: &UserName) {
        if !self.0.known.load().holds(person, user_name) {
            self.0.known.rcu(|known| known.with(person, user_name));
        }
    }

    /// The one person of an outside provider with this login name: somebody who holds an exemption,
    /// or whom the provider has proven before.
    fn known_outside(
        &self,
        certified: &Certified<'_>,
        provider: &ProviderId,
        name: &UserName,
    ) -> Option<Person> {
        let organization = certified.organization;
        let mut subjects = self.0.known.load().subjects(organization, provider, name);
        (certified.holders)(&mut |person: &Person, user_name: &UserName| {
            if person.provider() == provider && self.is_name_of(person, user_name, name) {
                subjects.insert(person.subject().to_owned());
            }
        });
        let subject = subjects.pop_first().filter(|_| subjects.is_empty())?;
        Some(Person::new(organization.clone(), provider.clone(), &subject))
    }
}

/// The people whom outside providers have proven, by login name.
#[derive(Default, Clone)]
pub(super) struct KnownNames(BTreeMap<(OrganizationId, ProviderId, UserName), BTreeSet<String>>);

impl KnownNames {
    pub(super) fn new(known: impl IntoIterator<Item = (Person, UserName)>) -> Self {
        let mut names = Self::default();
        for (person, user_name) in known {
            names.add(&person, &user_name);
        }
        names
    }

    fn add(&mut self, person: &Person, user_name: &UserName) {
        let key = (person.organization().clone(), person.provider().clone(), user_name.clone());
        self.0.entry(key).or_default().insert(person.subject().to_owned());
    }

    fn with(&self, person: &Person, user_name: &UserName) -> Self {
        let mut more = self.clone();
        more.add(person, user_name);
        more
    }

    fn holds(&self, person: &Person, user_name: &UserName) -> bool {
        let known = self.subjects(person.organization(), person.provider(), user_name);
        known.contains(person.subject())
    }

    fn subjects(
        &self,
        organization: &OrganizationId,
        provider: &ProviderId,
        name: &UserName,
    ) -> BTreeSet<String> {
        let key = (organization.clone(), provider.clone(), name.clone());
        self.0.get(&key).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
