//! What programs were answered, for a day: a call that is made twice under one name is done once.

use jiff::{SignedDuration, Timestamp};

use super::{Store, StoreError};

/// So long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// What is known of a name that a call brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    /// Nothing: the call is to be made now.
    First,
    /// It was brought along with another call.
    Another,
    /// The same call is under way, or ended without an answer.
    Unanswered,
    /// The same call was answered so.
    Answered(String),
}

impl Store {
    /// Forgets the answers of a day ago, whoever got them: they tell of people.
    ///
    /// # Errors
    /// [`StoreError`] where they are still there.
    pub async fn forget_old_answers(&self, now: Timestamp) -> Result<u64, StoreError> {
        let oldest = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        let mut change = self.begin().await?;
        let asked = sqlx::query("SELECT token, name, created FROM admin_idempotency");
        let mut forgotten = 0;
        for row in change.rows(asked).await? {
            if self.instant(&row, "created")? < oldest {
                let over =
                    sqlx::query("DELETE FROM admin_idempotency WHERE token = $1 AND name = $2")
                        .bind(self.text(&row, "token")?)
                        .bind(self.text(&row, "name")?);
                forgotten += change.execute(over).await?;
            }
        }
        change.commit_quietly().await?;
        Ok(forgotten)
    }

    /// Takes a name for a call, or says what became of it before.
    ///
    /// # Errors
    /// [`StoreError`]: the call must not be made.
    pub async fn begin_idempotent(
        &self,
        token: &str,
        name: &str,
        request: &str,
        now: Timestamp,
    ) -> Result<Earlier, StoreError> {
        let mut change = self.begin().await?;
        let asked =
            sqlx::query("SELECT name, created FROM admin_idempotency WHERE token = $1").bind(token);
        let oldest = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        for row in change.rows(asked).await? {
            if self.instant(&row, "created")? < oldest {
                let over =
                    sqlx::query("DELETE FROM admin_idempotency WHERE token = $1 AND name = $2")
                        .bind(token)
                        .bind(self.text(&row, "name")?);
                change.execute(over).await?;
            }
        }
        let take = sqlx::query(
            "INSERT INTO admin_idempotency (token, name, request, created)
             VALUES ($1, $2, $3, $4) ON CONFLICT (token, name) DO NOTHING",
        )
        .bind(token)
        .bind(name)
        .bind(request)
        .bind(now.to_string());
        if change.execute(take).await? == 1 {
            change.commit_quietly().await?;
            return Ok(Earlier::First);
        }
        let asked = sqlx::query(
            "SELECT request, answer FROM admin_idempotency WHERE token = $1 AND name = $2",
        )
        .bind(token)
        .bind(name);
        let rows = change.rows(asked).await?;
        change.commit_quietly().await?;
        let Some(row) = rows.first() else { return Ok(Earlier::Unanswered) };
        if self.text(row, "request")? != request {
            return Ok(Earlier::Another);
        }
        Ok(self.maybe_text(row, "answer")?.map_or(Earlier::Unanswered, Earlier::Answered))
    }

    /// Keeps the answer; none: the call changed nothing and may be made anew under this name.
    ///
    /// # Errors
    /// [`StoreError`] where that could not be kept.
    pub async fn end_idempotent(
        &self,
        token: &str,
        name: &str,
        answer: Option<&str>,
    ) -> Result<(), StoreError> {
        let end = match answer {
            Some(answer) => sqlx::query(
                "UPDATE admin_idempotency SET answer = $1 WHERE token = $2 AND name = $3",
            )
            .bind(answer)
            .bind(token)
            .bind(name),
            None => sqlx::query("DELETE FROM admin_idempotency WHERE token = $1 AND name = $2")
                .bind(token)
                .bind(name),
        };
        self.quietly(end).await
    }
}
