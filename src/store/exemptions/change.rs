//! What changes an exemption.

use jiff::Timestamp;

use super::{ExemptionError, ExemptionRecord};
use crate::clock;
use crate::policy::{
    Actor, ExemptionId, ExemptionState, Phase, TravelExemption, ValidGrant, may_approve,
};
use crate::store::{Change, ChangeAction, ChangeEvent, Store, StoreError};

/// Crockford's digits: none that is taken for another when read out.
const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const ID_DIGITS: usize = 6;
/// Of a thousand million names so many are tried before giving up.
const TRIES: usize = 8;

impl Store {
    /// Keeps an exemption that was found good, granted or waiting for the second person, under a new
    /// name.
    ///
    /// # Errors
    /// [`ExemptionError::Store`] where it could not be kept.
    pub async fn grant_exemption(
        &self,
        grant: ValidGrant,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        self.grant_under(std::iter::repeat_with(random_id).take(TRIES), grant, by, now).await
    }

    pub(in crate::store) async fn grant_under(
        &self,
        names: impl Iterator<Item = ExemptionId> + Send,
        grant: ValidGrant,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let mut change = self.begin().await?;
        let mut exemption = grant.into_exemption(ExemptionId::new(""));
        for name in names {
            exemption.id = name;
            if change.insert_exemption(&exemption, by, now).await? {
                change.insert_legs_and_sites(&exemption).await?;
                change
                    .record(&exemption, "granted", ChangeAction::ExemptionGranted, None, by, now)
                    .await?;
                change.commit().await?;
                return Ok(exemption);
            }
        }
        Err(ExemptionError::NoFreeName)
    }

    /// The second person's approval; from then on the exemption counts.
    ///
    /// # Errors
    /// [`ExemptionError`] where it does not wait, is over, or this person cannot be the second one.
    pub async fn approve_exemption(
        &self,
        id: &ExemptionId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let mut change = self.begin().await?;
        let ExemptionRecord { mut exemption, granted_by, .. } =
            self.exemption_for_change(&mut change, id).await?;
        if exemption.state != ExemptionState::AwaitingApproval {
            return Err(ExemptionError::NotWaiting { id: id.clone(), phase: exemption.phase(now) });
        }
        if exemption.journey().is_none_or(|(_, until)| until <= now) {
            return Err(ExemptionError::TooLate(id.clone()));
        }
        may_approve(&granted_by, by, &exemption.user_name)
            .map_err(|source| ExemptionError::NotBy { id: id.clone(), source })?;
        exemption.state = ExemptionState::Granted;
        change.update_state(&exemption).await?;
        change
            .record(&exemption, "approved", ChangeAction::ExemptionApproved, None, by, now)
            .await?;
        change.commit().await?;
        Ok(exemption)
    }

    /// Takes an exemption back; it has no effect from then on.
    ///
    /// # Errors
    /// [`ExemptionError::Over`] where it has none any more.
    pub async fn revoke_exemption(
        &self,
        id: &ExemptionId,
        reason: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let how = End {
            state: ExemptionState::Revoked,
            word: "revoked",
            action: ChangeAction::ExemptionRevoked,
            reason: Some(reason),
        };
        self.end_exemption(id, how, by, now).await
    }

    /// Ends an exemption early on the traveller's word.
    ///
    /// # Errors
    /// [`ExemptionError::Over`] where it has no effect any more.
    pub async fn close_exemption(
        &self,
        id: &ExemptionId,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let how = End {
            state: ExemptionState::Closed,
            word: "closed",
            action: ChangeAction::ExemptionClosed,
            reason: None,
        };
        self.end_exemption(id, how, by, now).await
    }

    async fn end_exemption(
        &self,
        id: &ExemptionId,
        how: End<'_>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let mut change = self.begin().await?;
        let mut exemption = self.exemption_for_change(&mut change, id).await?.exemption;
        let phase = exemption.phase(now);
        if matches!(phase, Phase::Ended | Phase::Revoked | Phase::Closed) {
            return Err(ExemptionError::Over { id: id.clone(), phase });
        }
        exemption.state = how.state;
        change.update_state(&exemption).await?;
        change.record(&exemption, how.word, how.action, how.reason, by, now).await?;
        change.commit().await?;
        Ok(exemption)
    }
}

struct End<'a> {
    state: ExemptionState,
    word: &'static str,
    action: ChangeAction,
    reason: Option<&'a str>,
}

fn random_id() -> ExemptionId {
    let digits: String = clock::random_bytes::<ID_DIGITS>()
        .iter()
        .filter_map(|byte| DIGITS.get(usize::from(byte % 32)).copied().map(char::from))
        .collect();
    ExemptionId::new(&format!("TE-{digits}"))
}

impl Change {
    /// Whether the name was free.
    async fn insert_exemption(
        &mut self,
        exemption: &TravelExemption,
        by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let add = sqlx::query(
            "INSERT INTO exemptions (id, organization, provider, subject, user_name, purpose,
                                     case_number, state, granted_at, granted_by, granted_as)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING",
        )
        .bind(exemption.id.as_str())
        .bind(exemption.organization.as_str())
        .bind(exemption.person.provider().as_str())
        .bind(exemption.person.subject())
        .bind(exemption.user_name.as_str())
        .bind(exemption.purpose.as_str())
        .bind(exemption.case_number.as_str())
        .bind(exemption.state.word())
        .bind(now.to_string())
        .bind(by.name.as_str())
        .bind(by.operating_system_user.as_deref());
        Ok(self.execute(add).await? == 1)
    }

    async fn insert_legs_and_sites(
        &mut self,
        exemption: &TravelExemption,
    ) -> Result<(), StoreError> {
        for (position, leg) in (0_i64..).zip(&exemption.legs) {
            for territory in &leg.territories {
                let add = sqlx::query(
                    "INSERT INTO exemption_legs (exemption, position, territory, starts, ends)
                     VALUES ($1, $2, $3, $4, $5)",
                )
                .bind(exemption.id.as_str())
                .bind(position)
                .bind(territory.to_string())
                .bind(leg.from.to_string())
                .bind(leg.until.to_string());
                self.execute(add).await?;
            }
        }
        for site in &exemption.sites {
            let add = sqlx::query("INSERT INTO exemption_sites (exemption, site) VALUES ($1, $2)")
                .bind(exemption.id.as_str())
                .bind(site.as_str());
            self.execute(add).await?;
        }
        Ok(())
    }

    async fn update_state(&mut self, exemption: &TravelExemption) -> Result<(), StoreError> {
        let set = sqlx::query("UPDATE exemptions SET state = $1 WHERE id = $2")
            .bind(exemption.state.word())
            .bind(exemption.id.as_str());
        self.execute(set).await.map(|_| ())
    }

    /// Writes the row of history and the log entry.
    async fn record(
        &mut self,
        exemption: &TravelExemption,
        word: &'static str,
        action: ChangeAction,
        reason: Option<&str>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let add = sqlx::query(
            "INSERT INTO exemption_history (exemption, action, at, done_by, done_as, reason)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(exemption.id.as_str())
        .bind(word)
        .bind(now.to_string())
        .bind(by.name.as_str())
        .bind(by.operating_system_user.as_deref())
        .bind(reason);
        self.execute(add).await?;
        let event = ChangeEvent::new(action, &exemption.organization, &exemption.user_name, by)
            .about(&exemption.id);
        self.announce(&event, now).await?;
        self.notify_of(exemption, word, reason, now).await
    }
}
