//! People whom an outside provider has proven, as it described them last: so that an exemption can
//! be given by name.

use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;

use super::error::readable;
use super::{Store, StoreError};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Person, UserName};

/// Who has not been seen for so long is forgotten.
const KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// A person with what a provider says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPerson {
    /// Who it is.
    pub person: Person,
    /// The login name there.
    pub user_name: UserName,
    /// The name.
    pub display_name: Option<String>,
    /// The mail address.
    pub mail: Option<String>,
    /// The telephone.
    pub telephone: Option<String>,
    /// When they were proven last.
    pub last_seen: Timestamp,
}

impl Store {
    /// Remembers somebody as they were described just now. The other gateways take notice where the
    /// name is new: a certificate may name this person from now on, or two, and then nobody.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn remember_person(&self, known: &KnownPerson) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let is_known = sqlx::query(
            "SELECT user_name FROM known_people
             WHERE organization = $1 AND provider = $2 AND subject = $3",
        )
        .bind(known.person.organization().as_str())
        .bind(known.person.provider().as_str())
        .bind(known.person.subject());
        let before = change.rows(is_known).await?;
        let same = |row: &AnyRow| self.text(row, "user_name").ok();
        let is_new = before.first().and_then(same).as_deref() != Some(known.user_name.as_str());
        let keep = sqlx::query(
            "INSERT INTO known_people (organization, provider, subject, user_name, display_name,
                                       mail, telephone, last_seen)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (organization, provider, subject) DO UPDATE SET
                 user_name = excluded.user_name, display_name = excluded.display_name,
                 mail = excluded.mail, telephone = excluded.telephone,
                 last_seen = excluded.last_seen",
        )
        .bind(known.person.organization().as_str())
        .bind(known.person.provider().as_str())
        .bind(known.person.subject())
        .bind(known.user_name.as_str())
        .bind(known.display_name.as_deref())
        .bind(known.mail.as_deref())
        .bind(known.telephone.as_deref())
        .bind(known.last_seen.to_string());
        change.execute(keep).await?;
        let oldest = known.last_seen.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        let over =
            sqlx::query("DELETE FROM known_people WHERE last_seen < $1").bind(oldest.to_string());
        let forgotten = change.execute(over).await?;
        if is_new || forgotten > 0 { change.commit().await } else { change.commit_quietly().await }
    }

    /// Everybody whom a provider has proven, with the login name. One that cannot be read names nobody.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn known_names(&self) -> Result<Vec<(Person, UserName)>, StoreError> {
        let asked =
            sqlx::query("SELECT organization, provider, subject, user_name FROM known_people");
        let rows = self.rows(asked).await?;
        Ok(readable(rows.iter().map(|row| {
            let name = self.text(row, "user_name")?;
            let user_name =
                UserName::parse(&name).map_err(|_| self.unreadable("a user name", &name))?;
            Ok((self.person(row)?, user_name))
        })))
    }

    /// Everybody of an organisation whom a provider has proven, by name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn known_people(
        &self,
        organization: &OrganizationId,
    ) -> Result<Vec<KnownPerson>, StoreError> {
        let asked = sqlx::query(
            "SELECT provider, subject, user_name, display_name, mail, telephone, last_seen
             FROM known_people WHERE organization = $1 ORDER BY user_name, provider, subject",
        )
        .bind(organization.as_str());
        let rows = self.rows(asked).await?;
        rows.iter()
            .map(|row| {
                let (provider, name) = (self.text(row, "provider")?, self.text(row, "user_name")?);
                let provider = ProviderId::parse(&provider)
                    .map_err(|_| self.unreadable("a provider", &provider))?;
                let user_name =
                    UserName::parse(&name).map_err(|_| self.unreadable("a user name", &name))?;
                let subject = self.text(row, "subject")?;
                Ok(KnownPerson {
                    person: Person::new(organization.clone(), provider, &subject),
                    user_name,
                    display_name: self.maybe_text(row, "display_name")?,
                    mail: self.maybe_text(row, "mail")?,
                    telephone: self.maybe_text(row, "telephone")?,
                    last_seen: self.instant(row, "last_seen")?,
                })
            })
            .collect()
    }
}
