//! What reads messages.

use sqlx::any::AnyRow;

use super::{Channel, NoticeKind, NoticeRecord, NoticeState};
use crate::identifier::OrganizationId;
use crate::policy::ExemptionId;
use crate::store::error::readable;
use crate::store::{Store, StoreError};

impl Store {
    /// What waits, oldest first. One that cannot be read is left out and reported.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn waiting_notices(&self) -> Result<Vec<NoticeRecord>, StoreError> {
        self.notices(Some(NoticeState::Waiting)).await
    }

    /// Those of one state, or all, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn notices(
        &self,
        state: Option<NoticeState>,
    ) -> Result<Vec<NoticeRecord>, StoreError> {
        let asked = match state {
            Some(state) => sqlx::query(
                "SELECT n.*, e.organization FROM notices n JOIN exemptions e
                 ON e.id = n.exemption WHERE n.state = $1 ORDER BY n.id",
            )
            .bind(state.word()),
            None => sqlx::query(
                "SELECT n.*, e.organization FROM notices n JOIN exemptions e
                 ON e.id = n.exemption ORDER BY n.id",
            ),
        };
        let rows = self.rows(asked).await?;
        Ok(readable(rows.iter().map(|row| self.notice(row))))
    }

    /// Those about one exemption, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn notices_of(
        &self,
        exemption: &ExemptionId,
    ) -> Result<Vec<NoticeRecord>, StoreError> {
        let asked = sqlx::query(
            "SELECT n.*, e.organization FROM notices n JOIN exemptions e
             ON e.id = n.exemption WHERE n.exemption = $1 ORDER BY n.id",
        )
        .bind(exemption.as_str());
        let rows = self.rows(asked).await?;
        Ok(readable(rows.iter().map(|row| self.notice(row))))
    }

    fn notice(&self, row: &AnyRow) -> Result<NoticeRecord, StoreError> {
        let text = |column: &str| self.text(row, column);
        let count = |column: &str| {
            let count = self.integer(row, column)?;
            Ok::<_, StoreError>(u32::try_from(count).unwrap_or(u32::MAX))
        };
        let word = |what, text: String| self.unreadable(what, &text);
        let (organization, kind) = (text("organization")?, text("kind")?);
        let (channel, state, details) = (text("channel")?, text("state")?, text("details")?);
        Ok(NoticeRecord {
            id: text("id")?,
            exemption: ExemptionId::new(&text("exemption")?),
            organization: OrganizationId::parse(&organization)
                .map_err(|_| word("an organisation", organization))?,
            kind: NoticeKind::from_word(&kind).ok_or_else(|| word("a notice's kind", kind))?,
            occasion: text("occasion")?,
            channel: Channel::from_word(&channel).ok_or_else(|| word("a channel", channel))?,
            details: serde_json::from_str(&details)
                .map_err(|_| word("what a notice says", String::new()))?,
            number: count("number")?,
            created: self.instant(row, "created")?,
            state: NoticeState::from_word(&state).ok_or_else(|| word("a notice's state", state))?,
            due: self.instant(row, "due")?,
            attempts: count("attempts")?,
            claimed_until: self.instant(row, "claimed_until")?,
            ended: match self.maybe_text(row, "ended")? {
                Some(_) => Some(self.instant(row, "ended")?),
                None => None,
            },
            problem: self.maybe_text(row, "problem")?,
            claim: text("claim")?,
        })
    }
}
