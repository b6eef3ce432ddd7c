//! What puts a message into the store.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Channel, LinkWanted, NoticeDetails, NoticeKind};
use crate::policy::{Actor, ExemptionId, ExemptionState, TravelExemption};
use crate::store::{Change, ChangeAction, ExemptionError, Store, StoreError};

impl Store {
    /// Puts in the message of an occasion that time or a list has brought about, unless it is there
    /// already. Says whether it is new.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn put_notice(
        &self,
        exemption: &ExemptionId,
        kind: NoticeKind,
        occasion: &str,
        details: &NoticeDetails,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut change = self.begin().await?;
        let new = change.notify(exemption, kind, occasion, details, now).await?;
        change.commit_quietly().await?;
        Ok(new)
    }
}

impl Store {
    /// Has a travel link sent to the traveller: in the message of the approval, where that still
    /// waits, else in another one. The link itself is made when the message is written.
    ///
    /// # Errors
    /// [`ExemptionError`] where there is no such exemption, or it has no effect any more.
    pub async fn give_travel_link(
        &self,
        exemption: &ExemptionId,
        wanted: LinkWanted,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), ExemptionError> {
        let held = self.not_over(exemption, now).await?;
        let link_wanted = Some(wanted);
        let details = NoticeDetails { link_wanted, at: Some(now), ..NoticeDetails::default() };
        let mut change = self.begin().await?;
        let put = sqlx::query(
            "UPDATE notices SET details = $1 WHERE exemption = $2 AND kind = 'approved'
             AND channel = 'mail' AND state = 'waiting' AND claim = ''",
        )
        .bind(self.said(&details)?)
        .bind(exemption.as_str());
        if change.execute(put).await? == 0 {
            let occasion = format!("link {now}");
            change.notify(exemption, NoticeKind::Approved, &occasion, &details, now).await?;
        }
        change.tell(ChangeAction::TravelLinkMade, &held, "link", by, now).await?;
        Ok(change.commit_quietly().await?)
    }

    /// Keeps the hash of the token that a message brings; once, however often the message is tried.
    ///
    /// # Errors
    /// [`StoreError`] where it could not be kept.
    pub async fn keep_link_of_notice(
        &self,
        exemption: &ExemptionId,
        token_hash: &str,
        wanted: &LinkWanted,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut change = self.begin().await?;
        let kept = sqlx::query(
            "INSERT INTO travel_links (token_hash, exemption, made, ends, most)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (token_hash) DO NOTHING",
        )
        .bind(token_hash)
        .bind(exemption.as_str())
        .bind(now.to_string())
        .bind(wanted.ends.to_string())
        .bind(wanted.devices);
        change.execute(kept).await?;
        change.commit_quietly().await
    }

    fn said(&self, details: &NoticeDetails) -> Result<String, StoreError> {
        serde_json::to_string(details)
            .map_err(|_| self.unreadable("what a notice says", "something that is no JSON"))
    }
}

impl Change {
    /// The message that a change to an exemption causes, in the words of its history.
    pub(in crate::store) async fn notify_of(
        &mut self,
        exemption: &TravelExemption,
        word: &str,
        (reason, link): (Option<&str>, Option<&LinkWanted>),
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let kind = match (word, exemption.state) {
            ("applied", _) | ("granted", ExemptionState::AwaitingApproval) => NoticeKind::Received,
            // The first of two people: nothing to tell yet.
            ("approved", ExemptionState::AwaitingApproval) => return Ok(()),
            ("granted" | "approved" | "emergency", _) => NoticeKind::Approved,
            ("refused", _) => NoticeKind::Refused,
            ("revoked", _) => NoticeKind::Revoked,
            ("closed", _) => NoticeKind::Closed,
            _ => return Ok(()),
        };
        let (reason, link_wanted) = (reason.map(str::to_owned), link.cloned());
        let details =
            NoticeDetails { reason, link_wanted, at: Some(now), ..NoticeDetails::default() };
        self.notify(&exemption.id, kind, &now.to_string(), &details, now).await.map(|_| ())
    }

    /// Puts a message in for each channel, unless the occasion has made one. Says whether it is new.
    pub(in crate::store) async fn notify(
        &mut self,
        exemption: &ExemptionId,
        kind: NoticeKind,
        occasion: &str,
        details: &NoticeDetails,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let details = serde_json::to_string(details)
            .map_err(|error| self.fault(sqlx::Error::Encode(Box::new(error))))?;
        let mut new = false;
        for channel in Channel::ALL {
            let add = sqlx::query(
                "INSERT INTO notices (id, exemption, kind, occasion, channel, details, number,
                                      created, state, due, attempts, claim, claimed_until)
                 VALUES ($1, $2, $3, $4, $5, $6,
                         (SELECT COUNT(*) FROM notices n WHERE n.exemption = $2 AND n.channel = $5),
                         $7, 'waiting', $7, 0, '', $7)
                 ON CONFLICT (exemption, kind, occasion, channel) DO NOTHING",
            )
            .bind(Uuid::now_v7().to_string())
            .bind(exemption.as_str())
            .bind(kind.word())
            .bind(occasion)
            .bind(channel.word())
            .bind(&details)
            .bind(now.to_string());
            let added = self.execute(add).await?;
            new |= added == 1;
        }
        Ok(new)
    }
}
