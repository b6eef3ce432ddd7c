//! Where a traveller is reached.

use jiff::Timestamp;
use sqlx::Row;

use super::Contact;
use crate::language::Language;
use crate::mail_address::MailAddress;
use crate::policy::{Actor, ExemptionId};
use crate::store::{ChangeAction, ChangeEvent, ExemptionError, Store, StoreError};

impl Store {
    /// Where the traveller of this exemption is reached, as far as anybody has said.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn contact(&self, exemption: &ExemptionId) -> Result<Option<Contact>, StoreError> {
        let row = sqlx::query(
            "SELECT name, mail, telephone, sms_mail, language FROM notice_contacts
             WHERE exemption = $1",
        )
        .bind(exemption.as_str())
        .fetch_optional(&self.pool)
        .await
        .map_err(|error| self.fault(error))?;
        let Some(row) = row else { return Ok(None) };
        let text = |index: usize| {
            row.try_get::<Option<String>, _>(index).map_err(|error| self.fault(error))
        };
        let address = |index: usize| {
            let read = |text: String| {
                MailAddress::parse(&text).map_err(|_| self.unreadable("a mail address", &text))
            };
            text(index)?.map(read).transpose()
        };
        Ok(Some(Contact {
            name: text(0)?,
            mail: address(1)?,
            telephone: text(2)?,
            sms_mail: address(3)?,
            language: text(4)?.as_deref().and_then(Language::parse),
        }))
    }

    /// Keeps where the traveller is reached, in place of what was known. What waits for an address is
    /// tried at once.
    ///
    /// # Errors
    /// [`ExemptionError::Unknown`] where there is no such exemption.
    pub async fn set_contact(
        &self,
        id: &ExemptionId,
        contact: &Contact,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), ExemptionError> {
        let record = self.exemption(id).await?;
        let Some(record) = record else { return Err(ExemptionError::Unknown(id.clone())) };
        let mut change = self.begin().await?;
        let address = |address: &Option<MailAddress>| {
            address.as_ref().map(|address| address.as_str().to_owned())
        };
        sqlx::query(
            "INSERT INTO notice_contacts
                    (exemption, name, mail, telephone, sms_mail, language, changed)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (exemption) DO UPDATE SET name = excluded.name, mail = excluded.mail,
                    telephone = excluded.telephone, sms_mail = excluded.sms_mail,
                    language = excluded.language, changed = excluded.changed",
        )
        .bind(id.as_str())
        .bind(&contact.name)
        .bind(address(&contact.mail))
        .bind(&contact.telephone)
        .bind(address(&contact.sms_mail))
        .bind(contact.language.map(Language::tag))
        .bind(now.to_string())
        .execute(change.on())
        .await
        .map_err(|error| self.fault(error))?;
        sqlx::query("UPDATE notices SET due = $1 WHERE exemption = $2 AND state = 'waiting'")
            .bind(now.to_string())
            .bind(id.as_str())
            .execute(change.on())
            .await
            .map_err(|error| self.fault(error))?;
        let exemption = &record.exemption;
        let event = ChangeEvent::new(
            ChangeAction::ExemptionContact,
            &exemption.organization,
            &exemption.user_name,
            by,
        );
        change.announce(&event.about(id), now).await?;
        Ok(change.commit_quietly().await?)
    }

    /// Forgets where travellers are reached whose exemption is among `over`.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub async fn forget_contacts(&self, over: &[ExemptionId]) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        for id in over {
            sqlx::query("DELETE FROM notice_contacts WHERE exemption = $1")
                .bind(id.as_str())
                .execute(change.on())
                .await
                .map_err(|error| self.fault(error))?;
        }
        change.commit_quietly().await
    }

    /// The exemptions whose traveller's whereabouts are kept.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn contacts_kept(&self) -> Result<Vec<ExemptionId>, StoreError> {
        let ids: Vec<String> = sqlx::query_scalar("SELECT exemption FROM notice_contacts")
            .fetch_all(&self.pool)
            .await
            .map_err(|error| self.fault(error))?;
        Ok(ids.iter().map(|id| ExemptionId::new(id)).collect())
    }
}
