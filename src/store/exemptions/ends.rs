//! Telling that the time of an exemption is over. Nothing ends by it: the end is compared at each
//! request, whether anybody tells of it or not.

use jiff::Timestamp;

use super::change::Done;
use crate::policy::{Actor, ExemptionId, ExemptionState, Phase};
use crate::store::error::readable;
use crate::store::{ChangeAction, Store, StoreError};

impl Store {
    /// Writes down, once for each, which exemptions' time is over, and gives their names.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be written; what was not written is found again.
    pub async fn note_ends(&self, now: Timestamp) -> Result<Vec<ExemptionId>, StoreError> {
        let by_time = Actor { name: "geovagt".to_owned(), operating_system_user: None };
        let mut noted = Vec::new();
        for record in readable(self.counting_records().await?.into_iter()) {
            let exemption = record.exemption;
            if exemption.phase(now) != Phase::Ended {
                continue;
            }
            let mut change = self.begin().await?;
            let mark = sqlx::query(
                "UPDATE exemptions SET end_noted_at = $1
                 WHERE id = $2 AND state = $3 AND end_noted_at IS NULL",
            )
            .bind(now.to_string())
            .bind(exemption.id.as_str())
            .bind(exemption.state.word());
            if change.execute(mark).await? == 0 {
                continue;
            }
            let done = Done::new("ended", ChangeAction::ExemptionEnded);
            let done = match exemption.state {
                ExemptionState::Provisional { .. } => done.word("unconfirmed"),
                _ => done,
            };
            change.record(&exemption, done, (&by_time).into(), now).await?;
            change.commit_quietly().await?;
            noted.push(exemption.id);
        }
        Ok(noted)
    }
}
