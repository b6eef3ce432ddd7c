//! Where a traveller is reached.

use jiff::Timestamp;

use super::Contact;
use crate::language::Language;
use crate::mail_address::MailAddress;
use crate::policy::{Actor, Application, ExemptionId};
use crate::store::{Change, ChangeAction, ChangeEvent, ExemptionError, Store, StoreError};

impl Store {
    /// Where the traveller of this exemption is reached, as far as anybody has said.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn contact(&self, exemption: &ExemptionId) -> Result<Option<Contact>, StoreError> {
        let asked = sqlx::query(
            "SELECT name, mail, telephone, sms_mail, language FROM notice_contacts
             WHERE exemption = $1",
        )
        .bind(exemption.as_str());
        let Some(row) = self.row(asked).await? else { return Ok(None) };
        let address = |column: &str| {
            let read = |text: String| {
                MailAddress::parse(&text).map_err(|_| self.unreadable("a mail address", &text))
            };
            self.maybe_text(&row, column)?.map(read).transpose()
        };
        Ok(Some(Contact {
            name: self.maybe_text(&row, "name")?,
            mail: address("mail")?,
            telephone: self.maybe_text(&row, "telephone")?,
            sms_mail: address("sms_mail")?,
            language: self.maybe_text(&row, "language")?.as_deref().and_then(Language::parse),
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
        let keep = sqlx::query(
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
        .bind(now.to_string());
        change.execute(keep).await?;
        let hurry =
            sqlx::query("UPDATE notices SET due = $1 WHERE exemption = $2 AND state = 'waiting'")
                .bind(now.to_string())
                .bind(id.as_str());
        change.execute(hurry).await?;
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

    /// Forgets where travellers are reached whose exemption is among `over`, in the application too.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub async fn forget_contacts(&self, over: &[ExemptionId]) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        for id in over {
            let forget =
                sqlx::query("DELETE FROM notice_contacts WHERE exemption = $1").bind(id.as_str());
            change.execute(forget).await?;
            let forget = sqlx::query(
                "UPDATE exemptions SET telephone = '', mail = '' WHERE id = $1 AND mail IS NOT NULL",
            )
            .bind(id.as_str());
            change.execute(forget).await?;
        }
        change.commit_quietly().await
    }

    /// The exemptions whose traveller's whereabouts are kept.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn contacts_kept(&self) -> Result<Vec<ExemptionId>, StoreError> {
        let rows = self.rows(sqlx::query("SELECT exemption FROM notice_contacts")).await?;
        rows.iter().map(|row| Ok(ExemptionId::new(&self.text(row, "exemption")?))).collect()
    }
}

impl Change {
    /// Notices go to where the application says.
    pub(in crate::store) async fn reach_by(
        &mut self,
        exemption: &ExemptionId,
        application: &Application,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mail = MailAddress::parse(&application.mail).ok();
        let keep = sqlx::query(
            "INSERT INTO notice_contacts (exemption, mail, telephone, changed)
             VALUES ($1, $2, $3, $4)",
        )
        .bind(exemption.as_str())
        .bind(mail.as_ref().map(MailAddress::as_str))
        .bind(application.telephone.as_str())
        .bind(now.to_string());
        self.execute(keep).await.map(|_| ())
    }
}
