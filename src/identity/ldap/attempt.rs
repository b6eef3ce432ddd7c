//! An attempt to sign in, as far as directories have a part in it.
//!
//! Always holds: where the door is not open to everybody, a directory hears of a name only if
//! somebody for whom this door opens may be meant by it; and every refusal of an organisation that
//! has a directory takes the same time, whatever was asked and whatever came of it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::login::Login;
use super::{Directories, Found, LdapProvider, Question};
use crate::identifier::{OrganizationId, ProviderId};
use crate::identity::outside::Proof;
use crate::identity::{Attempt, Authenticator, How, Identity, Password, Why};
use crate::policy::{Person, UserName};
use crate::store::{AccountId, KnownPerson};

/// A name and password to be asked of an organisation's directories.
pub(in crate::identity) struct ByDirectory<'a> {
    pub(in crate::identity) attempt: Attempt<'a>,
    pub(in crate::identity) how: How,
    pub(in crate::identity) claimed: Option<&'a UserName>,
    pub(in crate::identity) password: &'a Password,
}

/// What limits count an attempt by.
pub(in crate::identity) struct Counted {
    pub(in crate::identity) name: String,
    /// Under what a network is remembered once the name was proven from it.
    pub(in crate::identity) known: Option<AccountId>,
}

impl Authenticator {
    /// Puts the directories of a configuration in effect.
    pub fn take_directories(&self, directories: Directories) {
        self.0.directories.store(Arc::new(directories));
    }

    /// The directories in effect.
    #[must_use]
    pub fn directories(&self) -> Arc<Directories> {
        self.0.directories.load_full()
    }

    /// Somebody whom a directory proved a moment ago with this very password.
    pub(in crate::identity) fn recently(&self, asked: &ByDirectory<'_>) -> Option<Identity> {
        let claimed = asked.claimed?;
        let directories = self.directories();
        directories.of(asked.attempt.organization).iter().find_map(|provider| {
            let login = Login::read(claimed, &provider.settings.domains)?;
            let fingerprint = provider.fingerprint(asked, &login);
            let (found, at) = provider.recent.known(&fingerprint, asked.attempt.now)?;
            let person = provider.person(asked.attempt.organization, &found.subject);
            let counts = (asked.attempt.eligible)(&person)
                && !provider.is_shut_out(&found.subject)
                && self.counts(&person, at);
            counts.then(|| provider.identity(asked, person, &found, at))
        })
    }

    /// Asks the directories in turn; the first that knows the name decides. Without a reason where
    /// none of them has a say.
    pub(in crate::identity) async fn by_directory(
        &self,
        asked: &ByDirectory<'_>,
        preferred: bool,
        known: Option<&AccountId>,
    ) -> Result<Identity, Option<Why>> {
        let claimed = asked.claimed.ok_or(Some(Why::Malformed))?;
        let attempt = asked.attempt;
        let mut why = None;
        for provider in self.directories().of(attempt.organization) {
            let Some(login) = Login::read(claimed, &provider.settings.domains) else { continue };
            if !provider.may_be_asked(&attempt, &login) {
                why = why.or(Some(Why::NotEligible));
                continue;
            }
            let wanted =
                |subject: &str| (attempt.eligible)(&provider.person(attempt.organization, subject));
            let counts = |subject: &str, at| {
                self.counts(&provider.person(attempt.organization, subject), at)
            };
            let question = Question {
                login: &login,
                password: asked.password,
                fingerprint: provider.fingerprint(asked, &login),
                preferred,
                wanted: &wanted,
                counts: &counts,
                now: attempt.now,
            };
            match provider.prove(&question).await {
                Ok((found, at)) => {
                    let person = provider.person(attempt.organization, &found.subject);
                    self.remember_found(&person, &found, asked).await;
                    if let Some(known) = known {
                        self.0.limits.proven(known, attempt.client, attempt.now);
                    }
                    return Ok(provider.identity(asked, person, &found, at));
                }
                Err(Why::UnknownAccount) => why = Some(Why::UnknownAccount),
                Err(other) => return Err(Some(other)),
            }
        }
        Err(why)
    }

    /// For how long every refusal is kept back; none where no directory is asked.
    pub(in crate::identity) fn refusal_after(
        &self,
        organization: &OrganizationId,
    ) -> Option<Duration> {
        let directories = self.directories();
        directories.of(organization).iter().map(|provider| provider.settings.timeout).max()
    }

    /// What limits count an attempt by: a directory's name in one form, whichever it came in.
    pub(in crate::identity) fn counted(
        &self,
        organization: &OrganizationId,
        claimed: Option<&UserName>,
        local: Option<AccountId>,
        elsewhere: bool,
    ) -> Counted {
        let Some(claimed) = claimed else { return Counted { name: String::new(), known: local } };
        let directories = self.directories();
        let read = directories.of(organization).iter().filter(|_| elsewhere).find_map(|provider| {
            let user = Login::read(claimed, &provider.settings.domains)?.user().to_string();
            let known = AccountId::of(&format!("{organization}\n{}\n{user}", provider.id));
            Some(Counted { name: user, known: Some(known) })
        });
        read.unwrap_or_else(|| Counted { name: claimed.to_string(), known: local })
    }

    /// Whether what a directory proved in a session still counts.
    pub(in crate::identity) fn directory_vouches(
        &self,
        organization: &OrganizationId,
        provider: &ProviderId,
        subject: &str,
        epoch: i64,
    ) -> bool {
        let directories = self.directories();
        let found = directories.of(organization).iter().find(|known| known.id == *provider);
        found.is_some_and(|known| known.epoch() == epoch && !known.is_shut_out(subject))
    }

    /// Whether a name, as somebody else tells it, means a person who is known under `user_name`: in
    /// one of its forms where a directory knows the person, and else as it stands.
    pub(in crate::identity) fn is_name_of(
        &self,
        person: &Person,
        user_name: &UserName,
        told: &UserName,
    ) -> bool {
        let directories = self.0.directories.load();
        let Some(provider) = directories.providers.get(person.provider()) else {
            return user_name == told;
        };
        Login::read(told, &provider.settings.domains)
            .is_some_and(|login| provider.is_name_of(person.subject(), user_name, &login))
    }

    /// False for whom a directory has shut out, by whatever they were proven.
    pub(in crate::identity) fn person_stands(&self, person: &Person) -> bool {
        let directories = self.0.directories.load();
        let provider = directories.providers.get(person.provider());
        provider.is_none_or(|provider| !provider.is_shut_out(person.subject()))
    }

    /// So that an exemption can be given by name later. A store that is away keeps nobody out.
    async fn remember_found(&self, person: &Person, found: &Found, asked: &ByDirectory<'_>) {
        let known = KnownPerson {
            person: person.clone(),
            user_name: found.user_name.clone(),
            display_name: found.display_name.clone(),
            mail: found.mail.clone(),
            telephone: None,
            last_seen: asked.attempt.now,
        };
        self.learn_name(person, &found.user_name);
        if let Err(error) = self.0.store.remember_person(&known).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a person that a directory proved could not be remembered"
            );
        }
    }
}

impl LdapProvider {
    fn fingerprint(&self, asked: &ByDirectory<'_>, login: &Login) -> super::Fingerprint {
        self.recent.fingerprint(asked.attempt.organization, login.login(), asked.password)
    }

    fn person(&self, organization: &OrganizationId, subject: &str) -> Person {
        Person::new(organization.clone(), self.id.clone(), subject)
    }

    /// Whether the directory may hear of this name: where anybody may come in once proven, and else
    /// where it may be one of those for whom this door opens.
    fn may_be_asked(&self, attempt: &Attempt<'_>, login: &Login) -> bool {
        // No entry has an empty subject, so this is nobody in particular.
        if (attempt.eligible)(&self.person(attempt.organization, "")) {
            return true;
        }
        let mut meant = false;
        (attempt.holders)(&mut |person: &Person, user_name: &UserName| {
            meant = meant
                || *person.provider() == self.id
                    && person.organization() == attempt.organization
                    && self.is_name_of(person.subject(), user_name, login)
                    && (attempt.eligible)(person);
        });
        meant
    }

    /// Whether a login may mean a person: by the name the exemption was given under, or by one that
    /// the directory itself told.
    fn is_name_of(&self, subject: &str, user_name: &UserName, login: &Login) -> bool {
        let same = |name: &UserName| {
            Login::read(name, &self.settings.domains).is_some_and(|known| known.may_be(login))
        };
        same(user_name) || self.told.names_of(subject).iter().any(same)
    }

    fn identity(
        &self,
        asked: &ByDirectory<'_>,
        person: Person,
        found: &Found,
        at: Timestamp,
    ) -> Identity {
        Identity {
            person,
            user_name: found.user_name.clone(),
            how: asked.how,
            at,
            epoch: self.epoch(),
            device: None,
            grant: None,
            session: None,
            ends: None,
            outside: Some(Arc::new(Proof {
                user_name: found.user_name.to_string(),
                sub: None,
                sid: None,
                multi_factor: false,
                groups: found.groups.clone(),
            })),
        }
    }

    /// Another for a provider that is set up anew, for other people or with other names for them.
    pub(super) fn epoch(&self) -> i64 {
        let mut digest = Sha256::new();
        for part in [self.id.as_str(), &self.settings.base, &self.settings.subject] {
            digest.update(part.as_bytes());
            digest.update([0]);
        }
        let digest: [u8; 32] = digest.finalize().into();
        digest.first_chunk::<8>().map_or(0, |first| i64::from_be_bytes(*first))
    }
}
