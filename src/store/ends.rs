//! The end of everything that was proven of a person: a lost device.
//!
//! Always holds: exemptions, bound devices, address grants and the instant before which nothing
//! counts any more change together or not at all.

use super::error::readable;
use super::exemptions::ExemptionError;
use super::{ChangeAction, ChangeEvent, Partly, Store, StoreError, UnclearEnd};
use crate::identifier::{OrganizationId, ProviderId};
use crate::policy::{Actor, ExemptionId, Person, Phase, UserName};
use jiff::Timestamp;
use sqlx::any::AnyRow;

/// What ended with a person's proofs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ended {
    /// The exemptions that were revoked.
    pub exemptions: Vec<ExemptionId>,
    /// How many devices were bound.
    pub devices: u64,
    /// How many addresses were passing.
    pub grants: u64,
}

impl Store {
    /// Ends everything of a person: the exemptions that are not over, bound devices, address grants,
    /// and every session and proof from before now.
    ///
    /// # Errors
    /// [`ExemptionError::Store`] where it could not be kept; nothing has ended then.
    pub async fn end_person(
        &self,
        person: &Person,
        user_name: &UserName,
        reason: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Ended, ExemptionError> {
        let mut change = self.begin().await?;
        let mut ended = Ended::default();
        // One that cannot be read opens nothing, and must not keep the others from ending.
        let held = self.records_of_person(&mut change, person).await?;
        for record in readable(held.into_iter()) {
            let mut exemption = record.exemption;
            // An application lets nobody in, and whoever decides it decides anew.
            let counts = matches!(
                exemption.phase(now),
                Phase::AwaitingApproval | Phase::Planned | Phase::Active
            );
            if !counts || ended.exemptions.contains(&exemption.id) {
                continue;
            }
            change.revoke(&mut exemption, reason, by, now).await?;
            let extensions =
                self.end_extensions(&mut change, &exemption, Some(reason), by.into(), now).await?;
            ended.exemptions.push(exemption.id);
            ended.exemptions.extend(extensions.into_iter().map(|one| one.id));
        }
        ended.devices = change.revoke_devices_of(person, now).await?;
        ended.grants = change.end_grants_of(person, None, now).await?;
        let known = sqlx::query(
            "SELECT at FROM person_ends
             WHERE organization = $1 AND provider = $2 AND subject = $3",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject());
        let known = change.rows(known).await?;
        // One that cannot be read is put right by this.
        let known = known.first().and_then(|row| self.instant(row, "at").ok());
        // A node whose clock is behind must not let count again what another has ended.
        let at = known.map_or(now, |known| known.max(now));
        let kept = sqlx::query(
            "INSERT INTO person_ends (organization, provider, subject, at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (organization, provider, subject) DO UPDATE SET at = excluded.at",
        )
        .bind(person.organization().as_str())
        .bind(person.provider().as_str())
        .bind(person.subject())
        .bind(at.to_string());
        change.execute(kept).await?;
        let event =
            ChangeEvent::new(ChangeAction::PersonEnded, person.organization(), user_name, by);
        change.announce(&event.word("lost_device"), now).await?;
        change.commit().await?;
        Ok(ended)
    }

    /// The instant before which nothing counts that was proven of a person, of each who has one.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn person_ends(&self) -> Result<Partly<(Person, Timestamp), UnclearEnd>, StoreError> {
        let rows = self
            .rows(sqlx::query("SELECT organization, provider, subject, at FROM person_ends"))
            .await?;
        let read = |row: &AnyRow| Ok((self.person(row)?, self.instant(row, "at")?));
        let text = |row: &AnyRow, column| self.text(row, column).ok();
        Ok(Partly::read(&rows, read, |row| UnclearEnd {
            organization: text(row, "organization").and_then(|id| OrganizationId::parse(&id).ok()),
            provider: text(row, "provider").and_then(|id| ProviderId::parse(&id).ok()),
            subject: text(row, "subject"),
        }))
    }

    /// A person as the columns organisation, provider and subject have them.
    pub(super) fn person(&self, row: &AnyRow) -> Result<Person, StoreError> {
        let (owner, provider) = (self.text(row, "organization")?, self.text(row, "provider")?);
        let organization = OrganizationId::parse(&owner)
            .map_err(|_| self.unreadable("an organisation", &owner))?;
        let provider =
            ProviderId::parse(&provider).map_err(|_| self.unreadable("a provider", &provider))?;
        Ok(Person::new(organization, provider, &self.text(row, "subject")?))
    }
}
