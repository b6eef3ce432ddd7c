//! Who is sending a message, and what became of it.
//!
//! A claim is taken by comparing and setting, so that of several senders one gets it, on any
//! database and whatever their clocks say. It ends by itself, because its holder may have died.

use jiff::Timestamp;
use uuid::Uuid;

use super::{NoticeRecord, NoticeState, UnknownNotice};
use crate::store::{Store, StoreError};

impl Store {
    /// Takes the right to send this message until `until`. None where somebody else has it, or the
    /// message is not as it was read.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub async fn claim_notice(
        &self,
        notice: &NoticeRecord,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<NoticeRecord>, StoreError> {
        if notice.state != NoticeState::Waiting
            || (!notice.claim.is_empty() && now < notice.claimed_until)
        {
            return Ok(None);
        }
        let claim = Uuid::now_v7().to_string();
        let mut change = self.begin().await?;
        let take = sqlx::query(
            "UPDATE notices SET claim = $1, claimed_until = $2, attempts = attempts + 1
             WHERE id = $3 AND claim = $4 AND state = 'waiting' AND attempts = $5",
        )
        .bind(&claim)
        .bind(until.to_string())
        .bind(&notice.id)
        .bind(&notice.claim)
        .bind(i64::from(notice.attempts));
        let taken = change.execute(take).await?;
        change.commit_quietly().await?;
        let attempts = notice.attempts.saturating_add(1);
        let claimed = || NoticeRecord { claim, claimed_until: until, attempts, ..notice.clone() };
        Ok((taken == 1).then(claimed))
    }

    /// Lets go of a claimed message and has it tried again at `due`. Says whether it was still ours.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub async fn postpone_notice(
        &self,
        notice: &NoticeRecord,
        due: Timestamp,
        problem: &str,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let say = sqlx::query(
            "UPDATE notices SET claim = '', due = $1, problem = $2
             WHERE id = $3 AND claim = $4 AND state = 'waiting'",
        )
        .bind(due.to_string())
        .bind(problem)
        .bind(&notice.id)
        .bind(&notice.claim);
        let done = change.execute(say).await?;
        change.commit_quietly().await?;
        Ok(done == 1)
    }

    /// Says what became of a claimed message. What it said is forgotten, except where it has failed
    /// and may be tried again. Says whether it was still ours.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be written.
    pub async fn end_notice(
        &self,
        notice: &NoticeRecord,
        state: NoticeState,
        problem: Option<&str>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let say = sqlx::query(
            "UPDATE notices SET claim = '', state = $1, problem = $2, ended = $3,
                    details = CASE WHEN $1 = 'failed' THEN details ELSE '{}' END
             WHERE id = $4 AND claim = $5 AND state = 'waiting'",
        )
        .bind(state.word())
        .bind(problem)
        .bind(now.to_string())
        .bind(&notice.id)
        .bind(&notice.claim);
        let done = change.execute(say).await?;
        change.commit_quietly().await?;
        Ok(done == 1)
    }

    /// Has a message that has failed tried again, from the beginning.
    ///
    /// # Errors
    /// [`UnknownNotice`] where there is none of that id that has failed.
    pub async fn retry_notice(&self, id: &str, now: Timestamp) -> Result<(), UnknownNotice> {
        let mut change = self.begin().await?;
        let say = sqlx::query(
            "UPDATE notices SET state = 'waiting', due = $1, created = $1, attempts = 0,
                    ended = NULL
             WHERE id = $2 AND state = 'failed'",
        )
        .bind(now.to_string())
        .bind(id);
        let done = change.execute(say).await?;
        change.commit_quietly().await?;
        if done == 1 { Ok(()) } else { Err(UnknownNotice::NotFailed(id.to_owned())) }
    }
}
