//! Who is meant by a name on the command line: a local account first, then whom a directory knows,
//! then somebody whom another provider has proven before, or whom the clerk names by that provider's own name for them.

use std::io::Write;

use super::directory;
use crate::cli::{Context, people};
use crate::config::{Config, Organization, Provider};
use crate::identifier::ProviderId;
use crate::policy::{Person, TravelExemption, UserName};
use crate::store::{KnownPerson, Store};

/// What was written about a person.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The login name.
    pub(super) name: &'a str,
    /// The provider that knows them.
    pub(super) provider: Option<&'a str>,
    /// Its immutable name for them.
    pub(super) subject: Option<&'a str>,
}

type Found = Result<(Person, UserName), String>;

/// The one person who is meant, or why nobody is.
pub(super) async fn find(
    config: &Config,
    store: &Store,
    organization: &Organization,
    wanted: Wanted<'_>,
) -> anyhow::Result<Found> {
    let name = match people::user_name(wanted.name) {
        Ok(name) => name,
        Err(problem) => return Ok(Err(problem)),
    };
    let provider = match wanted.provider.map(|text| provider(config, organization, text)) {
        Some(Ok(id)) => Some(id),
        Some(Err(problem)) => return Ok(Err(problem)),
        None => None,
    };
    let local = people::local_provider(config, organization);
    if let (Some(provider), Some(subject)) = (&provider, wanted.subject) {
        if local.as_ref() == Some(provider) {
            let problem = "a local account is named by --person alone; leave --subject out";
            return Ok(Err(problem.to_owned()));
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
    let known = by_name(config, organization, &known, provider.as_ref(), &name);
    Ok(match (known, asked) {
        (Err(_), Some(Err(problem))) => Err(problem),
        (known, _) => known,
    })
}

/// Says who was found, unless it is a local account: a name at another provider can be somebody
/// else's than the clerk means.
pub(super) async fn tell(
    context: &Context,
    config: &Config,
    store: &Store,
    exemption: &TravelExemption,
) -> anyhow::Result<()> {
    let person = &exemption.person;
    let (provider, subject) = (person.provider(), person.subject());
    if matches!(config.identity.get(provider), Some(Provider::Local(_))) {
        return Ok(());
    }
    let known = store.known_people(person.organization()).await?;
    let known = known.iter().find(|known| known.person == *person);
    let name = match known.and_then(|known| known.display_name.as_deref()) {
        Some(name) => format!("{name:?}"),
        None => "of whom no other name is known".to_owned(),
    };
    let user = &exemption.user_name;
    writeln!(context.messages(), "{user} is {name}, provider {provider}, subject {subject:?}")?;
    Ok(())
}

fn by_subject(
    organization: &Organization,
    provider: &ProviderId,
    subject: &str,
    name: UserName,
) -> Found {
    people::check_text("--subject", subject, 255)?;
    if subject.trim() != subject {
        return Err("--subject begins or ends with a space; write it as the provider does".into());
    }
    Ok((Person::new(organization.id.clone(), provider.clone(), subject), name))
}

/// The provider that proves people under this name; one that brings another's people does not.
fn provider(
    config: &Config,
    organization: &Organization,
    text: &str,
) -> Result<ProviderId, String> {
    let has = |id: &&ProviderId| id.as_str() == text;
    let Some(id) = organization.identity_providers.iter().find(has) else {
        let known: Vec<&str> =
            organization.identity_providers.iter().map(ProviderId::as_str).collect();
        let (id, known) = (&organization.id, known.join(", "));
        return Err(format!("{id} has no identity provider {text:?}; there are: {known}"));
    };
    match config.identity.get(id) {
        Some(Provider::Bearer(bearer)) => match &bearer.people_of {
            Some(other) => Err(format!("the people of {id} are those of {other}; write that")),
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
) -> anyhow::Result<Result<Option<Person>, String>> {
    let id = &organization.id;
    Ok(match store.account(id, name).await? {
        Some(account) if account.locked => Err(format!(
            "the account {name} of {id} is locked; unlock it first: geovagt user unlock {name} --organization {id}"
        )),
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
    let id = &organization.id;
    let means = |known: &&KnownPerson| {
        // Never by the mail address, which people may write themselves.
        let named = known.user_name == *name;
        let counts = organization.identity_providers.contains(known.person.provider());
        named && counts && provider.is_none_or(|id| id == known.person.provider())
    };
    let found: Vec<&KnownPerson> = known.iter().filter(means).collect();
    match found.as_slice() {
        [one] => Ok((one.person.clone(), one.user_name.clone())),
        [] => Err(nobody(config, organization, name)),
        several => {
            let shown: Vec<String> = several.iter().map(|known| shown(known)).collect();
            Err(format!("{id} knows more than one {name}; add one of: {}", shown.join("; ")))
        }
    }
}

fn shown(known: &KnownPerson) -> String {
    let (provider, subject) = (known.person.provider(), known.person.subject());
    let name = known.display_name.as_deref().unwrap_or(known.user_name.as_str());
    format!("--provider {provider} --subject {subject} ({name})")
}

fn nobody(config: &Config, organization: &Organization, name: &UserName) -> String {
    let id = &organization.id;
    let local = people::local_provider(config, organization).is_some();
    let outside = organization
        .identity_providers
        .iter()
        .any(|provider| !matches!(config.identity.get(provider), None | Some(Provider::Local(_))));
    let ways = "let them sign in once at home, or name them with --provider P --subject S";
    match (local, outside) {
        (true, false) => format!(
            "{id} has no account {name}; see `geovagt user list`, or add it: geovagt user add {name} --organization {id}"
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
