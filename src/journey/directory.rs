//! Who somebody is in a directory of the organisation.

use super::person::NoPerson;
use super::sentence;
use crate::config::{Config, Organization, Provider};
use crate::identifier::ProviderId;
use crate::identity::LdapProvider;
use crate::policy::{Person, UserName};

/// The person with this name, with the login name that the directory has for them. None where the
/// organisation has no directory.
pub(crate) async fn person(
    config: &Config,
    organization: &Organization,
    wanted: Option<&ProviderId>,
    name: &UserName,
) -> Option<Result<(Person, UserName), NoPerson>> {
    let mut asked = Vec::new();
    let providers = organization.identity_providers.iter();
    for id in providers.filter(|id| wanted.is_none_or(|wanted| wanted == *id)) {
        let Some(Provider::Ldap(settings)) = config.identity.get(id) else { continue };
        let found = match LdapProvider::new(id.clone(), settings) {
            Ok(provider) => provider.find(name).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(found)) => {
                let person = Person::new(organization.id.clone(), id.clone(), &found.subject);
                return Some(Ok((person, found.user_name)));
            }
            Ok(None) => asked.push(id.as_str()),
            Err(error) => {
                return Some(Err(NoPerson::DirectorySilent {
                    provider: id.clone(),
                    name: name.clone(),
                    problem: sentence(&error),
                }));
            }
        }
    }
    let asked = Some(asked).filter(|asked| !asked.is_empty())?.join(", ");
    Some(Err(NoPerson::NotInDirectory { name: name.clone(), asked }))
}
