//! Whom a clerk means by a name: the people that the organisation knows.
//!
//! Always holds: nobody is taken by a name that they may have chosen themselves; whoever is not found
//! by the login name is shown, with who says so, and the clerk chooses.

use super::actions::Desk;
use super::shown::Fact;
use super::typed::Typed;
use super::words::Words;
use crate::config::Provider;
use crate::identifier::ProviderId;
use crate::journey::person::{Wanted, local_provider};
use crate::policy::{Person, UserName};
use crate::store::StoreError;

/// So many are shown at most.
const MOST: usize = 20;
/// So many are offered while a name is typed.
const MOST_OFFERED: usize = 300;

/// Somebody whom the organisation knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// Who it is.
    pub(crate) person: Person,
    /// The login name.
    pub(crate) user_name: UserName,
    /// The name, where the provider has told one.
    pub(crate) display_name: Option<String>,
    /// Whether it is an account of ours.
    pub(crate) local: bool,
    /// Whether the account is locked.
    pub(crate) locked: bool,
}

/// What a form carries of a person who was chosen.
pub(crate) fn key(person: &Person) -> String {
    format!("{}/{}", person.provider(), person.subject())
}

/// Everybody whom the organisation knows, by login name.
pub(crate) async fn everybody(desk: &Desk<'_>) -> Result<Vec<Known>, StoreError> {
    let organization = desk.organization();
    let mut everybody = Vec::new();
    if let Some(local) = local_provider(&desk.loaded.config, organization) {
        let accounts = desk.store.accounts().await?;
        let own = accounts.into_iter().filter(|one| one.organization == organization.id);
        everybody.extend(own.map(|account| Known {
            person: Person::new(organization.id.clone(), local.clone(), account.id.as_str()),
            user_name: account.name,
            display_name: None,
            local: true,
            locked: account.locked,
        }));
    }
    let counts = |id: &ProviderId| organization.identity_providers.contains(id);
    let known = desk.store.known_people(&organization.id).await?;
    everybody.extend(known.into_iter().filter(|one| counts(one.person.provider())).map(|one| {
        Known {
            person: one.person,
            user_name: one.user_name,
            display_name: one.display_name,
            local: false,
            locked: false,
        }
    }));
    everybody.sort_by(|one, other| {
        (&one.user_name, &one.person).cmp(&(&other.user_name, &other.person))
    });
    Ok(everybody)
}

/// Those of whom every word of the text is part of a name.
pub(crate) fn resembling<'k>(everybody: &'k [Known], text: &str) -> Vec<&'k Known> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let is_meant = |known: &&Known| {
        let display = known.display_name.as_deref().unwrap_or_default().to_lowercase();
        words.iter().all(|word| known.user_name.as_str().contains(word) || display.contains(word))
    };
    if words.is_empty() {
        return Vec::new();
    }
    everybody.iter().filter(is_meant).take(MOST).collect()
}

/// What is offered while a name is typed; nothing where that would be a long list.
pub(crate) fn offered(everybody: &[Known]) -> &[Known] {
    if everybody.len() <= MOST_OFFERED { everybody } else { &[] }
}

/// Who was chosen among those that were shown.
pub(crate) fn chosen<'k>(everybody: &'k [Known], typed: &Typed) -> Option<&'k Known> {
    everybody.iter().find(|known| key(&known.person) == typed.person)
}

/// Whom to look for: who was chosen, or whoever has the name.
pub(crate) fn wanted<'w>(chosen: Option<&'w Known>, typed: &'w Typed) -> Wanted<'w> {
    match chosen {
        Some(known) => Wanted {
            name: known.user_name.as_str(),
            provider: Some(known.person.provider().as_str()),
            subject: (!known.local).then(|| known.person.subject()),
        },
        None => Wanted { name: &typed.who, provider: None, subject: None },
    }
}

/// Who somebody is whom another provider knows: a name there can be somebody else's than the clerk
/// means. Nothing of a local account, whose name nobody else has.
pub(crate) async fn told_of(desk: &Desk<'_>, person: &Person) -> Result<Vec<Fact>, StoreError> {
    let words = Words::of(desk.visitor.language);
    let provider = desk.loaded.config.identity.get(person.provider());
    if matches!(provider, Some(Provider::Local(_))) {
        return Ok(Vec::new());
    }
    let known = desk.store.known_people(person.organization()).await?;
    let known = known.into_iter().find(|known| known.person == *person);
    let mut facts = vec![
        Fact { name: words.provider, values: vec![person.provider().to_string()] },
        Fact { name: words.subject, values: vec![person.subject().to_owned()] },
    ];
    if let Some(name) = known.and_then(|known| known.display_name) {
        facts.insert(0, Fact { name: words.known_name, values: vec![name] });
    }
    Ok(facts)
}
