//! Local accounts.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::error::readable;
use super::{Change, ChangeAction, ChangeEvent, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::{Actor, UserName};

/// The immutable name of an account, the subject of the person; never given to a second one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(Arc<str>);

impl AccountId {
    pub(crate) fn of(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One local account.
#[derive(Clone)]
pub struct Account {
    /// The subject.
    pub id: AccountId,
    /// Whose person it is.
    pub organization: OrganizationId,
    /// The login name, unique in its organisation.
    pub name: UserName,
    /// The password's hash as a PHC string.
    pub password_hash: Arc<str>,
    /// A locked account proves nothing.
    pub locked: bool,
    /// Raised whenever what was proven before must no longer count: sessions of an older epoch end.
    pub epoch: i64,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("organization", &self.organization)
            .field("name", &self.name)
            .field("locked", &self.locked)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// What a new account is made of.
#[derive(Clone)]
pub struct NewAccount<'a> {
    /// Whose person it is.
    pub organization: &'a OrganizationId,
    /// The login name.
    pub name: &'a UserName,
    /// The password's hash as a PHC string.
    pub password_hash: &'a str,
}

/// Why an account was not made or changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// The name is in use.
    #[error(
        "{organization} already has an account {name}; set its password with `geovagt user password`"
    )]
    NameTaken {
        /// The organisation.
        organization: OrganizationId,
        /// The name.
        name: UserName,
    },
    /// There is none of that name.
    #[error("{organization} has no account {name}")]
    Unknown {
        /// The organisation.
        organization: OrganizationId,
        /// The name.
        name: UserName,
    },
    /// The person still holds exemptions, which would keep the door open for nobody.
    #[error(
        "{name} holds {exemptions}; revoke first, with `geovagt exemption revoke`, then remove the account"
    )]
    HoldsExemptions {
        /// The name.
        name: UserName,
        /// The exemptions' ids.
        exemptions: String,
    },
    /// The store failed.
    #[error("the account could not be changed")]
    Store(#[from] StoreError),
}

impl Store {
    /// Makes an account and gives back its id.
    ///
    /// # Errors
    /// [`AccountError::NameTaken`] where the organisation has one of that name.
    pub async fn add_account(
        &self,
        account: &NewAccount<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<AccountId, AccountError> {
        let id =
            uuid::Builder::from_random_bytes(crate::clock::random_bytes()).into_uuid().to_string();
        let mut change = self.begin().await?;
        let add = sqlx::query(
            "INSERT INTO accounts (id, organization, name, password_hash, created, changed)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (organization, name) DO NOTHING",
        )
        .bind(&id)
        .bind(account.organization.as_str())
        .bind(account.name.as_str())
        .bind(account.password_hash)
        .bind(now.to_string())
        .bind(now.to_string());
        if change.execute(add).await? == 0 {
            return Err(AccountError::NameTaken {
                organization: account.organization.clone(),
                name: account.name.clone(),
            });
        }
        let event =
            ChangeEvent::new(ChangeAction::UserAdded, account.organization, account.name, by);
        change.announce(&event, now).await?;
        change.commit().await?;
        Ok(AccountId::of(&id))
    }

    /// Sets another password. Sessions that rest on the old one end.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] where there is no such account.
    pub async fn set_password(
        &self,
        organization: &OrganizationId,
        name: &UserName,
        password_hash: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let mut change = self.begin().await?;
        let set = sqlx::query(
            "UPDATE accounts SET password_hash = $1, epoch = epoch + 1, changed = $2
             WHERE organization = $3 AND name = $4",
        )
        .bind(password_hash)
        .bind(now.to_string())
        .bind(organization.as_str())
        .bind(name.as_str());
        one(change.execute(set).await?, organization, name)?;
        let event =
            ChangeEvent::new(ChangeAction::UserChanged, organization, name, by).word("password");
        change.announce(&event, now).await?;
        Ok(change.commit().await?)
    }

    /// Locks or unlocks an account. Either way, sessions from before end.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] where there is no such account.
    pub async fn set_locked(
        &self,
        organization: &OrganizationId,
        name: &UserName,
        locked: bool,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let mut change = self.begin().await?;
        let set = sqlx::query(
            "UPDATE accounts SET locked = $1, epoch = epoch + 1, changed = $2
             WHERE organization = $3 AND name = $4",
        )
        .bind(i64::from(locked))
        .bind(now.to_string())
        .bind(organization.as_str())
        .bind(name.as_str());
        one(change.execute(set).await?, organization, name)?;
        let event = ChangeEvent::new(ChangeAction::UserChanged, organization, name, by)
            .word(if locked { "locked" } else { "unlocked" });
        change.announce(&event, now).await?;
        Ok(change.commit().await?)
    }

    /// Removes an account. Its id is never given again.
    ///
    /// # Errors
    /// [`AccountError::Unknown`] where there is no such account, [`AccountError::HoldsExemptions`]
    /// where an exemption of this person is not ended.
    pub async fn remove_account(
        &self,
        organization: &OrganizationId,
        name: &UserName,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), AccountError> {
        let mut change = self.begin().await?;
        let held = self.exemptions_held(&mut change, organization, name, now).await?;
        if !held.is_empty() {
            let exemptions = held.join(", ");
            return Err(AccountError::HoldsExemptions { name: name.clone(), exemptions });
        }
        let remove = sqlx::query("DELETE FROM accounts WHERE organization = $1 AND name = $2")
            .bind(organization.as_str())
            .bind(name.as_str());
        one(change.execute(remove).await?, organization, name)?;
        let event = ChangeEvent::new(ChangeAction::UserRemoved, organization, name, by);
        change.announce(&event, now).await?;
        Ok(change.commit().await?)
    }

    /// The account of this name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn account(
        &self,
        organization: &OrganizationId,
        name: &UserName,
    ) -> Result<Option<Account>, StoreError> {
        let asked = sqlx::query(
            "SELECT id, organization, name, password_hash, locked, epoch, created, changed
             FROM accounts WHERE organization = $1 AND name = $2",
        )
        .bind(organization.as_str())
        .bind(name.as_str());
        self.row(asked).await?.map(|row| self.read_account(&row)).transpose()
    }

    /// Every account of every organisation, by organisation and name. One that cannot be read is left
    /// out and reported: it must not keep the others' changes from taking effect.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let asked = sqlx::query(
            "SELECT id, organization, name, password_hash, locked, epoch, created, changed
             FROM accounts ORDER BY organization, name",
        );
        Ok(readable(self.rows(asked).await?.iter().map(|row| self.read_account(row))))
    }

    async fn exemptions_held(
        &self,
        change: &mut Change,
        organization: &OrganizationId,
        name: &UserName,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let asked = sqlx::query(
            "SELECT e.id, l.ends FROM exemptions e
             JOIN accounts a ON a.organization = e.organization AND a.id = e.subject
             JOIN exemption_legs l ON l.exemption = e.id
             WHERE a.organization = $1 AND a.name = $2
               AND e.state IN ('applied', 'awaiting_approval', 'granted', 'provisional')
             ORDER BY e.id",
        )
        .bind(organization.as_str())
        .bind(name.as_str());
        let mut held = Vec::new();
        for row in change.rows(asked).await? {
            let id = self.text(&row, "id")?;
            if self.instant(&row, "ends")? > now && held.last() != Some(&id) {
                held.push(id);
            }
        }
        Ok(held)
    }

    fn read_account(&self, row: &AnyRow) -> Result<Account, StoreError> {
        let organization = self.text(row, "organization")?;
        let name = self.text(row, "name")?;
        Ok(Account {
            id: AccountId::of(&self.text(row, "id")?),
            organization: OrganizationId::parse(&organization)
                .map_err(|_| self.unreadable("an organisation", &organization))?,
            name: UserName::parse(&name).map_err(|_| self.unreadable("a user name", &name))?,
            password_hash: Arc::from(self.text(row, "password_hash")?),
            locked: self.integer(row, "locked")? != 0,
            epoch: self.integer(row, "epoch")?,
            created: self.instant(row, "created")?,
            changed: self.instant(row, "changed")?,
        })
    }
}

fn one(changed: u64, organization: &OrganizationId, name: &UserName) -> Result<(), AccountError> {
    if changed == 0 {
        let (organization, name) = (organization.clone(), name.clone());
        return Err(AccountError::Unknown { organization, name });
    }
    Ok(())
}
