//! Who is meant by a name: a local account first, then whom a directory knows, then somebody whom
//! another provider has proven before, or whom the clerk names by that provider's own name for them.

use std::collections::BTreeSet;

use super::directory;
use super::text::{TextFault, check_text};
use crate::config::{Config, Organization, Provider, there_are};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{InvalidUserName, Person, UserName};
use crate::store::{KnownPerson, Store, StoreError};

/// A provider's own name for somebody has at most this many characters.
const LONGEST_SUBJECT: usize = 255;

/// What was written about a person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// The login name.
    pub(crate) name: &'a str,
    /// The provider that knows them.
    pub(crate) provider: Option<&'a str>,
    /// Its immutable name for them.
    pub(crate) subject: Option<&'a str>,
}

/// Why nobody was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPerson {
    /// Nothing that could be a login name.
    #[error("{typed:?} is no user name: {source}")]
    Name {
        /// What was written.
        typed: String,
        /// Why.
        source: InvalidUserName,
    },
    /// No such provider.
    #[error("{organization} has no identity provider {typed:?}; there are: {known}")]
    Provider {
        /// Whose it would be.
        organization: OrganizationId,
        /// What was written.
        typed: String,
        /// Those there are.
        known: String,
    },
    /// A provider that brings another's people.
    #[error("the people of {provider} are those of {other}; write that")]
    PeopleOfAnother {
        /// The provider.
        provider: ProviderId,
        /// The other.
        other: String,
    },
    /// A local account by its number.
    #[error("a local account is named by --person alone; leave --subject out")]
    LocalSubject,
    /// A provider's name for somebody that is no such name.
    #[error("--subject {0}")]
    Subject(TextFault),
    /// One that begins or ends with a space.
    #[error("--subject begins or ends with a space; write it as the provider does")]
    SubjectSpace,
    /// The account is locked.
    #[error(
        "the account {name} of {organization} is locked; unlock it first: geovagt user unlock {name} --organization {organization}"
    )]
    Locked {
        /// Whose it is.
        organization: OrganizationId,
        /// Its name.
        name: UserName,
    },
    /// A directory that does not answer.
    #[error("the directory {provider} does not say who {name} is: {problem}; see `geovagt check`")]
    DirectorySilent {
        /// Which.
        provider: ProviderId,
        /// Whom it was asked for.
        name: UserName,
        /// Why.
        problem: String,
    },
    /// Directories that know nobody of that name.
    #[error(
        "nobody called {name} is found by {asked}; check the spelling, and `filter` and `base` there"
    )]
    NotInDirectory {
        /// Whom they were asked for.
        name: UserName,
        /// Which were asked.
        asked: String,
    },
    /// More than one.
    #[error("{organization} knows more than one {name}; add one of: {}", shown(candidates))]
    Several {
        /// Where.
        organization: OrganizationId,
        /// The name.
        name: UserName,
        /// Who is meant, perhaps.
        candidates: Vec<KnownPerson>,
    },
    /// Nobody.
    #[error("{}{there_are}", nobody(organization, name, *local, *outside))]
    Nobody {
        /// Where.
        organization: OrganizationId,
        /// The name.
        name: UserName,
        /// Whether there are local accounts.
        local: bool,
        /// Whether there are other providers.
        outside: bool,
        /// Those who can be named, as the end of the sentence; empty where there is nobody.
        there_are: String,
    },
}

type Found = Result<(Person, UserName), NoPerson>;

/// The one person who is meant, or why nobody is.
pub(crate) async fn find(
    config: &Config,
    store: &Store,
    organization: &Organization,
    wanted: Wanted<'_>,
) -> Result<Found, StoreError> {
    let name = match UserName::parse(wanted.name) {
        Ok(name) => name,
        Err(source) => {
            let typed = wanted.name.to_owned();
            return Ok(Err(NoPerson::Name { typed, source }));
        }
    };
    let provider = match wanted.provider.map(|text| provider(config, organization, text)) {
        Some(Ok(id)) => Some(id),
        Some(Err(problem)) => return Ok(Err(problem)),
        None => None,
    };
    let local = local_provider(config, organization);
    if let (Some(provider), Some(subject)) = (&provider, wanted.subject) {
        if local.as_ref() == Some(provider) {
            return Ok(Err(NoPerson::LocalSubject));
        }
        return Ok(by_subject(organization, provider, subject, name));
    }
    if let Some(local) = local.filter(|local| provider.as_ref().is_none_or(|id| id == local)) {
        match account(store, organization, local, &name).await? {
            Ok(None) => {}
            Ok(Some(person)) => return Ok(Ok((person, name))),
            Err(problem) => return Ok(Err(problem)),
        }
    }
    let asked = directory::person(config, organization, provider.as_ref(), &name).await;
    if let Some(Ok(found)) = asked {
        return Ok(Ok(found));
    }
    // A directory that is away has perhaps proven them before.
    let known = store.known_people(&organization.id).await?;
    let mut known = by_name(config, organization, &known, provider.as_ref(), &name);
    if let Err(NoPerson::Nobody { there_are, .. }) = &mut known {
        *there_are = names_near(store, &organization.id, name.as_str()).await?;
    }
    Ok(match (known, asked) {
        (Err(_), Some(Err(problem))) => Err(problem),
        (known, _) => known,
    })
}

/// The provider under which the organisation's local accounts are known.
pub(crate) fn local_provider(config: &Config, organization: &Organization) -> Option<ProviderId> {
    let is_local =
        |provider: &&ProviderId| matches!(config.identity.get(*provider), Some(Provider::Local(_)));
    organization.identity_providers.iter().find(is_local).cloned()
}

fn by_subject(
    organization: &Organization,
    provider: &ProviderId,
    subject: &str,
    name: UserName,
) -> Found {
    check_text(subject, LONGEST_SUBJECT).map_err(NoPerson::Subject)?;
    if subject.trim() != subject {
        return Err(NoPerson::SubjectSpace);
    }
    Ok((Person::new(organization.id.clone(), provider.clone(), subject), name))
}

/// The provider that proves people under this name; one that brings another's people does not.
fn provider(
    config: &Config,
    organization: &Organization,
    text: &str,
) -> Result<ProviderId, NoPerson> {
    let has = |id: &&ProviderId| id.as_str() == text;
    let Some(id) = organization.identity_providers.iter().find(has) else {
        let known: Vec<&str> =
            organization.identity_providers.iter().map(ProviderId::as_str).collect();
        let (organization, known) = (organization.id.clone(), known.join(", "));
        return Err(NoPerson::Provider { organization, typed: text.to_owned(), known });
    };
    match config.identity.get(id) {
        Some(Provider::Bearer(bearer)) => match &bearer.people_of {
            Some(other) => {
                Err(NoPerson::PeopleOfAnother { provider: id.clone(), other: other.clone() })
            }
            None => Ok(id.clone()),
        },
        _ => Ok(id.clone()),
    }
}

async fn account(
    store: &Store,
    organization: &Organization,
    provider: ProviderId,
    name: &UserName,
) -> Result<Result<Option<Person>, NoPerson>, StoreError> {
    let id = &organization.id;
    Ok(match store.account(id, name).await? {
        Some(account) if account.locked => {
            Err(NoPerson::Locked { organization: id.clone(), name: name.clone() })
        }
        Some(account) => Ok(Some(Person::new(id.clone(), provider, account.id.as_str()))),
        None => Ok(None),
    })
}

/// Only people of providers that the organisation still has.
fn by_name(
    config: &Config,
    organization: &Organization,
    known: &[KnownPerson],
    provider: Option<&ProviderId>,
    name: &UserName,
) -> Found {
    let means = |known: &&KnownPerson| {
        // Never by the mail address, which people may write themselves.
        let named = known.user_name == *name;
        let counts = organization.identity_providers.contains(known.person.provider());
        named && counts && provider.is_none_or(|id| id == known.person.provider())
    };
    let found: Vec<&KnownPerson> = known.iter().filter(means).collect();
    match found.as_slice() {
        [one] => Ok((one.person.clone(), one.user_name.clone())),
        [] => {
            let outside = organization.identity_providers.iter().any(|provider| {
                !matches!(config.identity.get(provider), None | Some(Provider::Local(_)))
            });
            Err(NoPerson::Nobody {
                organization: organization.id.clone(),
                name: name.clone(),
                local: local_provider(config, organization).is_some(),
                outside,
                there_are: String::new(),
            })
        }
        several => Err(NoPerson::Several {
            organization: organization.id.clone(),
            name: name.clone(),
            candidates: several.iter().map(|&known| known.clone()).collect(),
        }),
    }
}

/// A handful of those who can be named instead.
async fn names_near(
    store: &Store,
    organization: &OrganizationId,
    name: &str,
) -> Result<String, StoreError> {
    let accounts = store.accounts().await?;
    let people = store.known_people(organization).await?;
    let own = accounts.iter().filter(|account| account.organization == *organization);
    let names: BTreeSet<&str> = own
        .map(|account| account.name.as_str())
        .chain(people.iter().map(|known| known.user_name.as_str()))
        .collect();
    Ok(if names.is_empty() { String::new() } else { format!("; {}", there_are(name, names)) })
}

fn shown(candidates: &[KnownPerson]) -> String {
    let shown: Vec<String> = candidates
        .iter()
        .map(|known| {
            let (provider, subject) = (known.person.provider(), known.person.subject());
            let name = known.display_name.as_deref().unwrap_or(known.user_name.as_str());
            format!("--provider {provider} --subject {subject} ({name})")
        })
        .collect();
    shown.join("; ")
}

fn nobody(id: &OrganizationId, name: &UserName, local: bool, outside: bool) -> String {
    let ways = "let them sign in once at home, or name them with --provider P --subject S";
    match (local, outside) {
        (true, false) => format!(
            "{id} has no account {name}; add it: geovagt user add {name} --organization {id}"
        ),
        (true, true) => format!(
            "{id} has no account {name}, and nobody of that name has signed in with another provider; {ways}"
        ),
        (false, true) => format!("nobody called {name} has signed in at {id} yet; {ways}"),
        (false, false) => format!(
            "{id} has no local accounts; name a provider of kind local under its identity_providers"
        ),
    }
}
