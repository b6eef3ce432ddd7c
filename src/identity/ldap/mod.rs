//! People of a directory (LDAP, RFC 4511): looked up by the service account, proven by a bind.
//!
//! May use what `identity` may, and the library that speaks the protocol. Always holds:
//! - nothing is said in plain text, and to nobody whose certificate does not name him;
//! - exactly one entry answers to a name, or nobody does; who it is, is told by an attribute that is
//!   never given to anybody else, and this is compared before any password is sent;
//! - an empty password is never sent: a directory would say yes;
//! - nothing takes longer than the provider's `timeout`, and whatever goes wrong proves nothing;
//! - the directory refuses few passwords of one person through us ([`failures`]);
//! - a search for groups that fails gives none ([`groups`]).

mod attempt;
mod connection;
mod entry;
mod error;
mod examine;
mod failures;
mod filter;
mod groups;
mod health;
mod login;
mod look_up;
mod servers;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use jiff::{SignedDuration, Timestamp};

pub(super) use attempt::ByDirectory;
pub use error::LdapError;
pub use examine::{ExaminedServer, PeopleThere};
pub use health::LdapHealth;
pub use look_up::Found;

use super::recent::{Fingerprint, Recent};
use super::{Password, Why};
use crate::config::{Config, Ldap, Provider};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::Person;
use connection::Bound;
use entry::{Entry, Standing};
use failures::{Failures, NotAsked};
use health::Health;
use login::Login;
use servers::{Borrowed, Servers};
use told::Told;

/// The directories of a configuration, by organisation.
#[derive(Debug, Clone, Default)]
pub struct Directories {
    providers: BTreeMap<ProviderId, Arc<LdapProvider>>,
    by_organization: BTreeMap<OrganizationId, Vec<Arc<LdapProvider>>>,
}

impl Directories {
    /// Makes what the configuration names; a provider that did not change stays as it is, with its
    /// connections and what it remembers; one that did keeps what guards its people. Nothing is opened
    /// but files.
    ///
    /// # Errors
    /// [`LdapError`] where authorities cannot be read.
    pub fn prepare(config: &Config, before: &Self) -> Result<Self, LdapError> {
        let mut providers = BTreeMap::new();
        for (id, provider) in &config.identity {
            let Provider::Ldap(settings) = provider else { continue };
            let known = before.providers.get(id);
            // The file with the authorities is read anew at each reload.
            let same = |known: &&Arc<LdapProvider>| {
                known.settings == *settings && known.settings.ca.is_none()
            };
            let provider = match (known.filter(same), known) {
                (Some(same), _) => Arc::clone(same),
                (None, Some(known)) => {
                    Arc::new(LdapProvider::new(id.clone(), settings)?.guarding_like(known))
                }
                (None, None) => Arc::new(LdapProvider::new(id.clone(), settings)?),
            };
            providers.insert(id.clone(), provider);
        }
        let of = |names: &[ProviderId]| -> Vec<Arc<LdapProvider>> {
            names.iter().filter_map(|name| providers.get(name).cloned()).collect()
        };
        let by_organization = config
            .organizations
            .iter()
            .map(|(id, organization)| (id.clone(), of(&organization.identity_providers)))
            .filter(|(_, directories)| !directories.is_empty())
            .collect();
        Ok(Self { providers, by_organization })
    }

    /// Those of an organisation, in its order.
    #[must_use]
    pub fn of(&self, organization: &OrganizationId) -> &[Arc<LdapProvider>] {
        self.by_organization.get(organization).map_or(&[], Vec::as_slice)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.providers.is_empty()
    }

    /// Looks up those who travel, unless that was done a moment ago.
    pub async fn look_after(&self, travelling: &BTreeSet<Person>, now: Timestamp) {
        for (id, provider) in &self.providers {
            let of_it = travelling.iter().filter(|person| person.provider() == id);
            provider.look_after(of_it.map(Person::subject), now).await;
        }
    }

    /// How each of them was when it was last asked.
    pub fn health(&self) -> impl Iterator<Item = (&ProviderId, LdapHealth)> {
        self.providers.iter().map(|(id, provider)| (id, provider.health.told()))
    }
}

/// One directory.
pub struct LdapProvider {
    id: ProviderId,
    settings: Arc<Ldap>,
    servers: Servers,
    failures: Failures,
    recent: Recent<Found>,
    /// Whose password is being asked: one at a time for each person.
    turns: Arc<Mutex<Turns>>,
    told: Told,
    health: Health,
}

impl fmt::Debug for LdapProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LdapProvider({})", self.id)
    }
}

type Turns = HashMap<String, Weak<tokio::sync::Mutex<()>>>;

/// A password to be asked.
struct Question<'a> {
    login: &'a Login,
    password: &'a Password,
    fingerprint: Fingerprint,
    /// The name was proven from this network before.
    preferred: bool,
    /// Whether it is worth asking, by the subject.
    wanted: &'a (dyn Fn(&str) -> bool + Send + Sync),
    /// Whether what was proven at an instant still counts, by the subject.
    counts: &'a (dyn Fn(&str, Timestamp) -> bool + Send + Sync),
    now: Timestamp,
}

impl LdapProvider {
    /// Reads the authorities. Opens no connection.
    ///
    /// # Errors
    /// [`LdapError`] where they cannot be read.
    pub fn new(id: ProviderId, settings: &Arc<Ldap>) -> Result<Self, LdapError> {
        let seconds = |span: std::time::Duration| {
            SignedDuration::from_secs(i64::try_from(span.as_secs()).unwrap_or(i64::MAX))
        };
        Ok(Self {
            health: Health::new(&id),
            id,
            settings: Arc::clone(settings),
            servers: Servers::new(settings)?,
            failures: Failures::new(settings.failed_binds, seconds(settings.failed_binds_within)),
            recent: Recent::new(seconds(settings.remember)),
            turns: Arc::default(),
            told: Told::default(),
        })
    }

    /// The same, with what keeps people out as it was before a reload: whom the directory has shut
    /// out, and whose passwords it refused. What lets people in is proven anew. Where people are
    /// others or have other names, nothing is known of them.
    fn guarding_like(mut self, before: &Self) -> Self {
        if before.epoch() == self.epoch() {
            self.told = before.told.clone();
            self.turns = Arc::clone(&before.turns);
            self.failures = self.failures.sharing(&before.failures);
            self.recent = self.recent.keyed_like(&before.recent);
        }
        self
    }

    /// The provider's name in the configuration.
    #[must_use]
    pub fn id(&self) -> &ProviderId {
        &self.id
    }

    /// Looks the person up and asks for the password, within the time; gives also when it was proven.
    async fn prove(&self, question: &Question<'_>) -> Result<(Found, Timestamp), Why> {
        // Before the refusal's time is over, so that a slow directory does not show.
        let within = self.settings.timeout.mul_f32(0.9);
        let asked = tokio::time::timeout(within, self.ask(question)).await;
        match asked.unwrap_or_else(|_| Err(LdapError::Slow(self.id.to_string()).into())) {
            Ok(proven) => Ok(proven),
            Err(NotProven::Why(why)) => Err(why),
            Err(NotProven::Failed(error)) => {
                let why = match error {
                    LdapError::Ambiguous => Why::Ambiguous,
                    _ => Why::Provider,
                };
                self.health.failed(&error);
                Err(why)
            }
        }
    }

    async fn ask(&self, question: &Question<'_>) -> Result<(Found, Timestamp), NotProven> {
        if question.password.reveal().is_empty() {
            return Err(Why::WrongPassword.into());
        }
        let (mut service, entry) = self.look_up(&self.by_name(question.login)).await?;
        let Some(entry) = entry else {
            self.servers.give_back(service);
            return Err(Why::UnknownAccount.into());
        };
        let found = self.found(&entry)?;
        let wanted = (question.wanted)(&found.subject);
        if wanted {
            self.told.learn(&found, question.now);
        }
        let refused = if !wanted {
            Some(Why::NotEligible)
        } else if found.shut_out {
            Some(Why::Locked)
        } else if !self.is_in_group(&mut service.connection, &entry).await? {
            Some(Why::Group)
        } else {
            None
        };
        if let Some(why) = refused {
            self.servers.give_back(service);
            return Err(why.into());
        }
        let proven = self.ask_password(question, &mut service, &entry, found).await;
        if !matches!(proven, Err(NotProven::Failed(_))) {
            self.servers.give_back(service);
        }
        proven
    }

    /// Binds as the person, unless that was done a moment ago or could lock them out.
    async fn ask_password(
        &self,
        question: &Question<'_>,
        service: &mut Borrowed,
        entry: &Entry,
        mut found: Found,
    ) -> Result<(Found, Timestamp), NotProven> {
        let turn = self.turn(&found.subject);
        let _turn = turn.lock().await;
        let Question { fingerprint, preferred, now, .. } = *question;
        if let Some((known, at)) = self.recent.known(&fingerprint, now)
            && known.subject == found.subject
            && (question.counts)(&known.subject, at)
        {
            return Ok((known, at));
        }
        let taken =
            self.failures.take(&found.subject, entry.password_state(), fingerprint, preferred, now);
        taken.map_err(|not_asked| match not_asked {
            NotAsked::KnownWrong => Why::WrongPassword,
            NotAsked::TooMany => Why::TooManyFailures,
        })?;
        let mut own = self.servers.beside(service.server).await.inspect_err(|_| {
            self.failures.give_back(&found.subject, &fingerprint);
        })?;
        let bound = own.bind(&entry.dn, question.password.reveal()).await?;
        self.health.bound(bound == Bound::Yes);
        if bound == Bound::No {
            return Err(Why::WrongPassword.into());
        }
        self.failures.give_back(&found.subject, &fingerprint);
        if entry.standing() == Standing::PerhapsLocked
            && self.is_still_locked(&mut service.connection, entry).await?
        {
            return Err(Why::Locked.into());
        }
        self.add_groups(service, entry, &mut found).await;
        self.recent.keep(fingerprint, found.clone(), now);
        Ok((found, now))
    }

    /// Looks up those who travel, for the names under which they may come and whether they are shut
    /// out there. A directory that is away changes nothing.
    async fn look_after(&self, subjects: impl Iterator<Item = &str>, now: Timestamp) {
        for subject in subjects {
            if self.told.is_fresh(subject, now) {
                continue;
            }
            match self.find_subject(subject).await {
                Ok(Some(found)) => self.told.learn(&found, now),
                Ok(None) => self.told.gone(subject, now),
                // One person's entry keeps nobody from looking up the others.
                Err(error) if error.is_about_entries() => {}
                Err(_) => return,
            }
        }
    }

    fn is_shut_out(&self, subject: &str) -> bool {
        self.told.is_shut_out(subject)
    }

    fn turn(&self, subject: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(subject).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(tokio::sync::Mutex::new(()));
        turns.insert(subject.to_owned(), Arc::downgrade(&turn));
        turn
    }
}

/// Why nobody was proven.
enum NotProven {
    Why(Why),
    Failed(LdapError),
}

impl From<Why> for NotProven {
    fn from(why: Why) -> Self {
        Self::Why(why)
    }
}

impl From<LdapError> for NotProven {
    fn from(error: LdapError) -> Self {
        Self::Failed(error)
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod tests;
