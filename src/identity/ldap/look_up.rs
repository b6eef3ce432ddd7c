//! Finding the one entry that a name means.

use std::time::Duration;

use ldap3::Scope;

use super::LdapProvider;
use super::connection::{Connection, Entries};
use super::entry::{Entry, STANDING_ATTRIBUTES, Standing, subject_octets};
use super::error::LdapError;
use super::filter::{escaped_octets, fill};
use super::groups::MOST_GROUPS;
use super::login::Login;
use super::servers::Borrowed;
use crate::policy::UserName;

const ANY: &str = "(objectClass=*)";

/// A person as the directory knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is never given to anybody else.
    pub subject: String,
    /// The login name.
    pub user_name: UserName,
    /// Every name that the person signs in with.
    pub names: Vec<UserName>,
    /// Disabled or locked there.
    pub shut_out: bool,
    /// For people to read.
    pub display_name: Option<String>,
    /// The first mail address.
    pub mail: Option<String>,
    /// The groups, as the directory writes them: of `memberOf`, and once the password is proven those
    /// under `group_base` too.
    pub groups: Vec<String>,
}

impl LdapProvider {
    /// Looks somebody up by a name, as `exemption grant` does.
    ///
    /// # Errors
    /// [`LdapError`] where the directory does not answer, or not with one person.
    pub async fn find(&self, name: &UserName) -> Result<Option<Found>, LdapError> {
        let Some(login) = Login::read(name, &self.settings.domains) else { return Ok(None) };
        self.find_by(&self.by_name(&login)).await
    }

    /// Looks somebody up by the subject.
    ///
    /// # Errors
    /// [`LdapError`] where the directory does not answer, or not with one person.
    pub async fn find_subject(&self, subject: &str) -> Result<Option<Found>, LdapError> {
        let attribute = &self.settings.subject;
        let octets = escaped_octets(&subject_octets(attribute, subject));
        self.find_by(&format!("({attribute}={octets})")).await
    }

    async fn find_by(&self, filter: &str) -> Result<Option<Found>, LdapError> {
        let finding = async {
            let (service, entry) = self.look_up(filter).await?;
            self.servers.give_back(service);
            entry.map(|entry| self.found(&entry)).transpose()
        };
        let found = tokio::time::timeout(self.settings.timeout, finding).await;
        let found = found.unwrap_or_else(|_| Err(LdapError::Slow(self.id.to_string())));
        found.inspect_err(|error| self.health.failed(error))
    }

    /// What is searched for a name.
    pub(super) fn by_name(&self, login: &Login) -> String {
        let values = [("{user}", login.user().as_str()), ("{login}", login.login().as_str())];
        fill(&self.settings.filter, &values)
    }

    /// The one entry, or none.
    pub(super) async fn look_up(
        &self,
        filter: &str,
    ) -> Result<(Borrowed, Option<Entry>), LdapError> {
        let mut service = self.servers.borrow().await?;
        let within = self.settings.timeout;
        let entries = match self.search(&mut service.connection, filter, within / 3).await {
            // It may have been closed, or forgotten on the way, while nobody used it.
            Err(_) if service.kept => {
                service = self.servers.again(service).await?;
                self.search(&mut service.connection, filter, within).await
            }
            other => other,
        }?;
        self.health.searched();
        let Entries { mut found, more } = entries;
        if more || found.len() > 1 {
            self.servers.give_back(service);
            return Err(LdapError::Ambiguous);
        }
        Ok((service, found.pop()))
    }

    async fn search(
        &self,
        connection: &mut Connection,
        filter: &str,
        within: Duration,
    ) -> Result<Entries, LdapError> {
        let settings = &self.settings;
        let mut attributes = vec![settings.subject.as_str(), settings.user_name.as_str(), "mail"];
        attributes.extend(settings.other_names.iter().map(String::as_str));
        attributes.extend(STANDING_ATTRIBUTES);
        let searching = connection.search(&settings.base, Scope::Subtree, filter, &attributes, 2);
        tokio::time::timeout(within, searching)
            .await
            .unwrap_or_else(|_| Err(LdapError::Slow(self.id.to_string())))
    }

    pub(super) fn found(&self, entry: &Entry) -> Result<Found, LdapError> {
        let settings = &self.settings;
        let missing = |name: &str| LdapError::NoSubject(name.to_owned());
        if entry.dn.is_empty() {
            return Err(missing("dn"));
        }
        let subject = entry.subject(&settings.subject).ok_or_else(|| missing(&settings.subject))?;
        let login_names = entry.texts(&settings.user_name);
        let mut names: Vec<UserName> = login_names
            .chain(settings.other_names.iter().flat_map(|name| entry.texts(name)))
            .filter_map(|text| UserName::parse(text).ok())
            .collect();
        names.dedup();
        let user_name = names.first().cloned().ok_or_else(|| missing(&settings.user_name))?;
        let text = |name: &str| entry.texts(name).next().map(str::to_owned);
        Ok(Found {
            subject,
            user_name,
            names,
            shut_out: entry.standing() == Standing::Locked,
            display_name: text("displayName"),
            mail: text("mail"),
            groups: entry.texts("memberOf").take(MOST_GROUPS).map(str::to_owned).collect(),
        })
    }

    /// After a bind that succeeded: a lock whose time is over is gone now.
    pub(super) async fn is_still_locked(
        &self,
        connection: &mut Connection,
        entry: &Entry,
    ) -> Result<bool, LdapError> {
        let entries =
            connection.search(&entry.dn, Scope::Base, ANY, &STANDING_ATTRIBUTES, 1).await?;
        Ok(entries.found.first().is_none_or(|entry| entry.standing() != Standing::Good))
    }
}
