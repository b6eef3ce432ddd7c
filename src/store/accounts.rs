//! Local accounts.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::{is_unique_violation, readable};
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
    #[error("{organization} has no account {name}; see `geovagt user list`")]
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
        let added = sqlx::query(
            "INSERT INTO accounts (id, organization, name, password_hash, created, changed)
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(&id)
        .bind(account.organization.as_str())
        .bind(account.name.as_str())
        .bind(account.password_hash)
        .bind(now.to_string())
        .bind(now.to_string())
        .execute(change.on())
        .await;
        match added {
            Ok(_) => {}
            Err(error) if is_unique_violation(&error) => {
                return Err(AccountError::NameTaken {
                    organization: account.organization.clone(),
                    name: account.name.clone(),
                });
            }
            Err(error) => return Err(self.fault(error).into()),
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
        let changed = sqlx::query(
            "UPDATE accounts SET password_hash = ?, epoch = epoch + 1, changed = ?
             WHERE organization = ? AND name = ?",
        )
        .bind(password_hash)
        .bind(now.to_string())
        .bind(organization.as_str())
        .bind(name.as_str())
        .execute(change.on())
        .await;
        self.one(changed.map(|done| done.rows_affected()), organization, name)?;
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
        let changed = sqlx::query(
            "UPDATE accounts SET locked = ?, epoch = epoch + 1, changed = ?
             WHERE organization = ? AND name = ?",
        )
        .bind(locked)
        .bind(now.to_string())
        .bind(organization.as_str())
        .bind(name.as_str())
        .execute(change.on())
        .await;
        self.one(changed.map(|done| done.rows_affected()), organization, name)?;
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
        let removed = sqlx::query("DELETE FROM accounts WHERE organization = ? AND name = ?")
            .bind(organization.as_str())
            .bind(name.as_str())
            .execute(change.on())
            .await;
        self.one(removed.map(|done| done.rows_affected()), organization, name)?;
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
        let row = sqlx::query(
            "SELECT id, organization, name, password_hash, locked, epoch, created, changed
             FROM accounts WHERE organization = ? AND name = ?",
        )
        .bind(organization.as_str())
        .bind(name.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.fault(error))?;
        row.map(|row| self.read_account(&row)).transpose()
    }

    /// Every account of every organisation, by organisation and name. One that cannot be read is left
    /// out and reported: it must not keep the others' changes from taking effect.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = sqlx::query(
            "SELECT id, organization, name, password_hash, locked, epoch, created, changed
             FROM accounts ORDER BY organization, name",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| self.fault(error))?;
        Ok(readable(rows.iter().map(|row| self.read_account(row))))
    }

    async fn exemptions_held(
        &self,
        change: &mut Change,
        organization: &OrganizationId,
        name: &UserName,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let rows = sqlx::query(
            "SELECT e.id, l.ends FROM exemptions e
             JOIN accounts a ON a.organization = e.organization AND a.id = e.subject
             JOIN exemption_legs l ON l.exemption = e.id
             WHERE a.organization = ? AND a.name = ? AND e.state IN ('awaiting_approval', 'granted')
             ORDER BY e.id",
        )
        .bind(organization.as_str())
        .bind(name.as_str())
        .fetch_all(change.on())
        .await
        .map_err(|error| self.fault(error))?;
        let mut held = Vec::new();
        for row in rows {
            let id: String = row.try_get(0).map_err(|error| self.fault(error))?;
            let ends: String = row.try_get(1).map_err(|error| self.fault(error))?;
            if self.timestamp(&ends)? > now && held.last() != Some(&id) {
                held.push(id);
            }
        }
        Ok(held)
    }

    fn one(
        &self,
        rows: Result<u64, sqlx::Error>,
        organization: &OrganizationId,
        name: &UserName,
    ) -> Result<(), AccountError> {
        match rows.map_err(|error| self.fault(error))? {
            0 => Err(AccountError::Unknown {
                organization: organization.clone(),
                name: name.clone(),
            }),
            _ => Ok(()),
        }
    }

    fn read_account(&self, row: &SqliteRow) -> Result<Account, StoreError> {
        let text = |column: &str| row.try_get::<String, _>(column).map_err(|e| self.fault(e));
        let organization = text("organization")?;
        let name = text("name")?;
        Ok(Account {
            id: AccountId::of(&text("id")?),
            organization: OrganizationId::parse(&organization)
                .map_err(|_| self.unreadable("an organisation", &organization))?,
            name: UserName::parse(&name).map_err(|_| self.unreadable("a user name", &name))?,
            password_hash: Arc::from(text("password_hash")?),
            locked: row.try_get("locked").map_err(|error| self.fault(error))?,
            epoch: row.try_get("epoch").map_err(|error| self.fault(error))?,
            created: self.timestamp(&text("created")?)?,
            changed: self.timestamp(&text("changed")?)?,
        })
    }
}
