//! What the administration remembers of a proof, in the store that all nodes share, and whether it
//! still counts.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::outside::Proof;
use super::{Authenticator, Identity};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};
use crate::store::AccountId;

/// A proof that lasts as long as its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    organization: String,
    provider: String,
    subject: String,
    user_name: String,
    /// The groups that the provider named, by which roles are given.
    groups: Vec<String>,
    epoch: i64,
    at: Timestamp,
    outside: Option<Proof>,
}

impl Identity {
    /// What to remember of it.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        Remembered {
            organization: self.person.organization().to_string(),
            provider: self.person.provider().to_string(),
            subject: self.person.subject().to_owned(),
            user_name: self.user_name.as_str().to_owned(),
            groups: self.groups().to_vec(),
            epoch: self.epoch,
            at: self.at,
            outside: self.outside.as_deref().cloned(),
        }
    }

    /// The groups that the provider named at this very proof; none are known of a local account.
    #[must_use]
    pub fn groups(&self) -> &[String] {
        self.outside.as_deref().map_or(&[], |proof| proof.groups.as_slice())
    }
}

impl Remembered {
    /// As the store keeps it.
    #[must_use]
    pub fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// None where it is not what [`Remembered::written`] gave.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whom it proves.
    #[must_use]
    pub fn person(&self) -> Option<Person> {
        let organization = OrganizationId::parse(&self.organization).ok()?;
        let provider = ProviderId::parse(&self.provider).ok()?;
        Some(Person::new(organization, provider, &self.subject))
    }

    /// The login name.
    #[must_use]
    pub fn user_name(&self) -> Option<UserName> {
        UserName::parse(&self.user_name).ok()
    }

    /// When it was proven.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The same, of which nobody knows any more which groups it is in.
    #[must_use]
    pub fn without_groups(&self) -> Self {
        Self { groups: Vec::new(), ..self.clone() }
    }

    /// The names by which roles are given: the user's and their groups'.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        std::iter::once(self.user_name.clone()).chain(self.groups.iter().cloned()).collect()
    }
}

impl Authenticator {
    /// Whether what was proven then still counts: the account is as it was and not locked or shut
    /// out, its provider has not ended it, and nobody has ended everything of the person's.
    #[must_use]
    pub fn remembers(&self, proof: &Remembered) -> bool {
        let Some(person) = proof.person() else { return false };
        let (organization, provider) = (person.organization(), person.provider());
        let stands = match &proof.outside {
            Some(outside) => {
                self.0.outside.still(organization, provider, proof.epoch, outside, proof.at)
                    || self.directory_vouches(organization, provider, &proof.subject, proof.epoch)
            }
            None => {
                let directory = self.0.directory.load();
                let id = AccountId::of(&proof.subject);
                directory
                    .still(organization, &id, proof.epoch)
                    .map(Arc::clone)
                    .and_then(|account| directory.person(&account))
                    .is_some_and(|now| now == person)
            }
        };
        stands && self.person_stands(&person) && self.counts(&person, proof.at)
    }
}
