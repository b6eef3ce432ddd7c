//! Somebody by a login name, without asking any directory: for questions that must not wait.

use crate::config::{Config, Provider};
use crate::identifier::OrganizationId;
use crate::policy::{Person, TravelExemption, UserName};
use crate::store::{Account, KnownPerson};

/// The person with this login name, as a proof would give it: a local account, or whom [`seen`]
/// finds.
pub(crate) fn known(
    config: &Config,
    (accounts, people): (&[Account], &[KnownPerson]),
    organization: &OrganizationId,
    name: &UserName,
) -> Option<Person> {
    account(config, accounts, organization, name)
        .or_else(|| seen(config, people, std::iter::empty(), organization, name))
}

/// The local account with this login name.
pub(crate) fn account(
    config: &Config,
    accounts: &[Account],
    organization: &OrganizationId,
    name: &UserName,
) -> Option<Person> {
    let providers = &config.organizations.get(organization)?.identity_providers;
    let local =
        providers.iter().find(|id| matches!(config.identity.get(*id), Some(Provider::Local(_))))?;
    let account = accounts.iter().find(|a| a.organization == *organization && a.name == *name)?;
    Some(Person::new(organization.clone(), local.clone(), account.id.as_str()))
}

/// Whether this is somebody's account, and locked: then none of their exemptions counts.
pub(crate) fn is_locked(accounts: &[Account], person: &Person) -> bool {
    accounts.iter().any(|account| {
        account.locked
            && account.organization == *person.organization()
            && account.id.as_str() == person.subject()
    })
}

/// Somebody whom one provider of the organisation has proven before, or who holds one of the
/// exemptions, under a name that is nobody else's.
pub(crate) fn seen<'e>(
    config: &Config,
    people: &[KnownPerson],
    exemptions: impl Iterator<Item = &'e TravelExemption>,
    organization: &OrganizationId,
    name: &UserName,
) -> Option<Person> {
    let providers = &config.organizations.get(organization)?.identity_providers;
    let proven = people.iter().map(|known| (&known.person, &known.user_name));
    let held = exemptions.map(|held| (&held.person, &held.user_name));
    let mut found: Vec<&Person> = proven
        .chain(held)
        .filter(|(person, user_name)| {
            person.organization() == organization
                && *user_name == name
                && providers.contains(person.provider())
        })
        .map(|(person, _)| person)
        .collect();
    found.sort_unstable();
    found.dedup();
    match found.as_slice() {
        [one] => Some(Person::clone(one)),
        _ => None,
    }
}
