//! The tokens with which programs use the administration. The program has the token, the store its
//! digest alone.

use jiff::Timestamp;
use sqlx::any::AnyRow;

use super::error::readable;
use super::{ChangeAction, ChangeEvent, Store, StoreError};
use crate::identifier::OrganizationId;
use crate::policy::{Actor, UserName};

/// One token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminToken {
    /// What it is called in lists and when it is revoked.
    pub id: String,
    /// Its digest.
    pub token: String,
    /// The one organisation it is for.
    pub organization: OrganizationId,
    /// What its maker calls it.
    pub label: String,
    /// `read` or `write`.
    pub scope: String,
    /// The words of its roles, with a space between.
    pub roles: String,
    /// Who made it, and in whose name it acts.
    pub made_by: UserName,
    /// What its maker had proven, as `identity` wrote it; none for one that the operator made.
    pub proof: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends by itself.
    pub ends: Timestamp,
    /// When it was revoked.
    pub revoked: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub used: Option<Timestamp>,
}

impl Store {
    /// Keeps a new token.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn add_admin_token(&self, token: &AdminToken, by: &Actor) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let add = sqlx::query(
            "INSERT INTO admin_tokens (id, token, organization, label, scope, roles, made_by, proof,
               created, ends) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(&token.id)
        .bind(&token.token)
        .bind(token.organization.as_str())
        .bind(&token.label)
        .bind(&token.scope)
        .bind(&token.roles)
        .bind(token.made_by.as_str())
        .bind(token.proof.as_deref())
        .bind(token.created.to_string())
        .bind(token.ends.to_string());
        change.execute(add).await?;
        let made = ChangeAction::TokenMade;
        let event = ChangeEvent::new(made, &token.organization, &token.made_by, by);
        change.announce(&event, token.created).await?;
        change.commit().await
    }

    /// Revokes a token of an organisation; false where it has no such token that still counts.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be revoked.
    pub async fn revoke_admin_token(
        &self,
        organization: &OrganizationId,
        id: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(token) = self.admin_tokens(organization).await?.into_iter().find(|t| t.id == id)
        else {
            return Ok(false);
        };
        let mut change = self.begin().await?;
        let revoke = sqlx::query(
            "UPDATE admin_tokens SET revoked = $1
             WHERE id = $2 AND organization = $3 AND revoked IS NULL",
        )
        .bind(now.to_string())
        .bind(id)
        .bind(organization.as_str());
        if change.execute(revoke).await? == 0 {
            return Ok(false);
        }
        let revoked = ChangeAction::TokenRevoked;
        change.announce(&ChangeEvent::new(revoked, organization, &token.made_by, by), now).await?;
        change.commit().await?;
        Ok(true)
    }

    /// Every token of an organisation, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn admin_tokens(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<AdminToken>, StoreError> {
        let asked = sqlx::query(
            "SELECT id, token, organization, label, scope, roles, made_by, proof, created, ends,
               revoked, used FROM admin_tokens WHERE organization = $1 ORDER BY id DESC",
        )
        .bind(organization.as_str());
        Ok(readable(self.rows(asked).await?.iter().map(|row| self.read_admin_token(row))))
    }

    /// The token of this digest.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn admin_token(&self, token: &str) -> Result<Option<AdminToken>, StoreError> {
        let asked = sqlx::query(
            "SELECT id, token, organization, label, scope, roles, made_by, proof, created, ends,
               revoked, used FROM admin_tokens WHERE token = $1",
        )
        .bind(token);
        self.row(asked).await?.map(|row| self.read_admin_token(&row)).transpose()
    }

    /// Keeps what its maker has proven now as what a token stands on.
    ///
    /// # Errors
    /// [`StoreError`] where that could not be kept.
    pub async fn renew_token_proof(&self, id: &str, proof: &str) -> Result<(), StoreError> {
        let renew =
            sqlx::query("UPDATE admin_tokens SET proof = $1 WHERE id = $2").bind(proof).bind(id);
        self.quietly(renew).await
    }

    /// Notes that it was used.
    ///
    /// # Errors
    /// [`StoreError`] where that could not be kept.
    pub async fn use_admin_token(&self, id: &str, now: Timestamp) -> Result<(), StoreError> {
        let note = sqlx::query("UPDATE admin_tokens SET used = $1 WHERE id = $2")
            .bind(now.to_string())
            .bind(id);
        self.quietly(note).await
    }

    fn read_admin_token(&self, row: &AnyRow) -> Result<AdminToken, StoreError> {
        let organization = self.text(row, "organization")?;
        let made_by = self.text(row, "made_by")?;
        let instant =
            |column| self.maybe_text(row, column)?.map(|text| self.timestamp(&text)).transpose();
        Ok(AdminToken {
            id: self.text(row, "id")?,
            token: self.text(row, "token")?,
            organization: OrganizationId::parse(&organization)
                .map_err(|_| self.unreadable("an organisation", &organization))?,
            label: self.text(row, "label")?,
            scope: self.text(row, "scope")?,
            roles: self.text(row, "roles")?,
            made_by: UserName::parse(&made_by)
                .map_err(|_| self.unreadable("a user name", &made_by))?,
            proof: self.maybe_text(row, "proof")?,
            created: self.instant(row, "created")?,
            ends: self.instant(row, "ends")?,
            revoked: instant("revoked")?,
            used: instant("used")?,
        })
    }
}
