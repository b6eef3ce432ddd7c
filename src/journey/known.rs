//! Somebody by a login name, without asking any directory: for questions that must not wait.

use crate::config::{Config, Provider};
use crate::identifier::OrganizationId;
use crate::policy::{Person, UserName};
use crate::store::{Account, KnownPerson};

/// The person with this login name, as a proof would give it: a local account, or somebody whom one
/// provider of the organisation has proven before under a name that is nobody else's.
pub(crate) fn known(
    config: &Config,
    (accounts, people): (&[Account], &[KnownPerson]),
    organization: &OrganizationId,
    name: &UserName,
) -> Option<Person> {
    let providers = &config.organizations.get(organization)?.identity_providers;
    let local =
        providers.iter().find(|id| matches!(config.identity.get(*id), Some(Provider::Local(_))));
    let account = accounts.iter().find(|a| a.organization == *organization && a.name == *name);
    if let (Some(provider), Some(account)) = (local, account) {
        return Some(Person::new(organization.clone(), provider.clone(), account.id.as_str()));
    }
    let mut known = people.iter().filter(|known| {
        let person = &known.person;
        *person.organization() == *organization
            && known.user_name == *name
            && providers.contains(person.provider())
    });
    match (known.next(), known.next()) {
        (Some(known), None) => Some(known.person.clone()),
        _ => None,
    }
}
