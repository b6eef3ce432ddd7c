//! What exemptions demand beyond the person.

use super::{Change, StoreError};
use crate::policy::{Demands, ExemptionId};

impl Change {
    /// Keeps the demands of an exemption that is new.
    pub(super) async fn insert_demands(
        &mut self,
        exemption: &ExemptionId,
        demands: Demands,
    ) -> Result<(), StoreError> {
        for demand in demands.words() {
            let add =
                sqlx::query("INSERT INTO exemption_demands (exemption, demand) VALUES ($1, $2)")
                    .bind(exemption.as_str())
                    .bind(demand);
            self.execute(add).await?;
        }
        Ok(())
    }
}
