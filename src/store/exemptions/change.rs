//! What changes an exemption.

use jiff::Timestamp;

use super::{By, ExemptionError, ExemptionRecord};
use crate::policy::{
    Actor, Decision, ExemptionId, ExemptionState, Person, StepRefused, TravelExemption, follow_end,
    take_step,
};
use crate::store::error::readable;
use crate::store::{Change, ChangeAction, ChangeEvent, LinkWanted, Store, StoreError};

impl Store {
    /// One person's yes; once there are as many as it takes, the exemption counts. `two_people`:
    /// whether an application needs two.
    ///
    /// # Errors
    /// [`ExemptionError`] where it does not wait, is over, or this person cannot decide it.
    pub async fn approve_exemption(
        &self,
        id: &ExemptionId,
        two_people: bool,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        self.approve_with_link(id, two_people, None, by, now).await
    }

    /// The same; where the exemption counts by it, the message that tells of it brings a travel link.
    ///
    /// # Errors
    /// As [`Store::approve_exemption`].
    pub async fn approve_with_link(
        &self,
        id: &ExemptionId,
        two_people: bool,
        link: Option<&LinkWanted>,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let done = Done { link, ..Done::new("approved", ChangeAction::ExemptionApproved) };
        let decision = Decision::Approve { two_people };
        Ok(self.decide_exemption(id, decision, done, by.into(), now).await?.exemption)
    }

    /// One person's no to what waits, with the reason that the applicant is told.
    ///
    /// # Errors
    /// [`ExemptionError`] where it does not wait, or this person cannot decide it.
    pub async fn refuse_exemption(
        &self,
        id: &ExemptionId,
        reason: &str,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let done = Done::new("refused", ChangeAction::ExemptionRefused).reason(reason);
        Ok(self.decide_exemption(id, Decision::Refuse, done, by.into(), now).await?.exemption)
    }

    /// Takes an application back on the word of the one who applied, or of the traveller.
    ///
    /// # Errors
    /// [`ExemptionError`] where it does not wait, or is somebody else's.
    pub async fn withdraw_exemption(
        &self,
        id: &ExemptionId,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<TravelExemption, ExemptionError> {
        let done = Done::new("withdrawn", ChangeAction::ExemptionClosed).word("withdrawn");
        Ok(self.decide_exemption(id, Decision::Withdraw, done, by.into(), now).await?.exemption)
    }

    /// Takes an exemption back, with all that gives it more time; it has no effect from then on.
    ///
    /// # Errors
    /// [`ExemptionError::Over`] where it has none any more.
    pub async fn revoke_exemption(
        &self,
        id: &ExemptionId,
        reason: &str,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<Decided, ExemptionError> {
        let done = Done::new("revoked", ChangeAction::ExemptionRevoked).reason(reason);
        self.decide_exemption(id, Decision::Revoke, done, by.into(), now).await
    }

    /// Ends an exemption early on the traveller's word, with all that gives it more time.
    ///
    /// # Errors
    /// [`ExemptionError::Over`] where it has no effect any more.
    pub async fn close_exemption(
        &self,
        id: &ExemptionId,
        by: impl Into<By<'_>>,
        now: Timestamp,
    ) -> Result<Decided, ExemptionError> {
        let done = Done::new("closed", ChangeAction::ExemptionClosed);
        self.decide_exemption(id, Decision::Close, done, by.into(), now).await
    }

    async fn decide_exemption(
        &self,
        id: &ExemptionId,
        decision: Decision,
        done: Done<'_>,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<Decided, ExemptionError> {
        let mut change = self.begin().await?;
        let record = self.exemption_for_change(&mut change, id).await?;
        if by.seen.is_some_and(|version| version != record.version()) {
            return Err(ExemptionError::ChangedMeanwhile(id.clone()));
        }
        let before = record.exemption.state;
        let after = take_step(&record.exemption, &record.participants(), decision, by.actor, now)
            .map_err(|refused| told(refused, &record))?;
        if let Some(person) = by.person {
            let refused = record.may_decide(decision, person).err().map(StepRefused::NotBy);
            refused.map_or(Ok(()), |refused| Err(told(refused, &record)))?;
        }
        let exemption = TravelExemption { state: after, ..record.exemption };
        if !change.replace_state(id, before, after).await? {
            return Err(ExemptionError::DecidedMeanwhile(id.clone()));
        }
        let done = match (before, after) {
            (ExemptionState::Applied, ExemptionState::AwaitingApproval) => done.word("one_of_two"),
            (ExemptionState::Provisional { .. }, ExemptionState::Granted) => done.word("emergency"),
            _ => done,
        };
        let extended = record.application.as_ref().and_then(|asked| asked.extends.as_ref());
        if let (true, Some(extended)) = (after.counts(), extended) {
            change.take_over_devices(extended, id, now).await?;
        }
        change.record(&exemption, done, by, now).await?;
        let extensions = if matches!(decision, Decision::Revoke | Decision::Close) {
            self.end_extensions(&mut change, &exemption, done.reason, by, now).await?
        } else {
            Vec::new()
        };
        change.commit().await?;
        Ok(Decided { exemption, extensions })
    }

    /// Ends what gives more time to an exemption that somebody has just ended, and what gives more
    /// time to that. One that cannot be read opens nothing and keeps nobody from ending the others.
    pub(in crate::store) async fn end_extensions(
        &self,
        change: &mut Change,
        ended: &TravelExemption,
        reason: Option<&str>,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<Vec<TravelExemption>, ExemptionError> {
        let mut followed = Vec::new();
        let mut next = vec![ended.id.clone()];
        while let Some(id) = next.pop() {
            for record in readable(self.extensions_of(change, &id).await?.into_iter()) {
                let mut extension = record.exemption;
                let Some(after) = follow_end(&extension, ended.state, now) else { continue };
                let before = std::mem::replace(&mut extension.state, after);
                if !change.replace_state(&extension.id, before, after).await? {
                    return Err(ExemptionError::DecidedMeanwhile(extension.id));
                }
                let done = Done { reason, ..Done::following(after) };
                change.record(&extension, done, by, now).await?;
                next.push(extension.id.clone());
                followed.push(extension);
            }
        }
        Ok(followed)
    }
}

/// What a decision has made of an exemption, and of what gives it more time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The exemption that was decided about.
    pub exemption: TravelExemption,
    /// The extensions that ended with it.
    pub extensions: Vec<TravelExemption>,
}

/// Why it was not done, naming the exemption and who decided it before.
fn told(refused: StepRefused, record: &ExemptionRecord) -> ExemptionError {
    let id = record.exemption.id.clone();
    match refused {
        StepRefused::NotWaiting(phase) => {
            let before = record.history.last().cloned().map(Box::new);
            let organization = record.exemption.organization.clone();
            ExemptionError::NotWaiting { id, phase, before, organization }
        }
        StepRefused::TooLate => ExemptionError::TooLate(id),
        StepRefused::NotBy(source) => ExemptionError::NotBy { id, source },
        StepRefused::NotTheApplicant => ExemptionError::NotTheApplicant(id),
        StepRefused::Over(phase) => ExemptionError::Over { id, phase },
        StepRefused::NotDecided => ExemptionError::NotDecided(id),
    }
}

/// What was done, as history and log tell it.
#[derive(Clone, Copy)]
pub(super) struct Done<'a> {
    action: &'static str,
    change: ChangeAction,
    /// What the traveller is told, in a word of the history.
    told: &'static str,
    word: Option<&'static str>,
    reason: Option<&'a str>,
    reference: Option<&'a str>,
    /// What the message of the approval brings.
    link: Option<&'a LinkWanted>,
}

impl<'a> Done<'a> {
    pub(super) fn new(action: &'static str, change: ChangeAction) -> Self {
        let (word, reason, reference, link) = (None, None, None, None);
        Self { action, change, told: action, word, reason, reference, link }
    }

    /// What was done to an extension with the exemption that it gives more time.
    fn following(state: ExemptionState) -> Self {
        match state {
            ExemptionState::Revoked => {
                Self::new("revoked", ChangeAction::ExemptionRevoked).word("extension")
            }
            ExemptionState::Refused => {
                Self::new("refused", ChangeAction::ExemptionRefused).word("extension")
            }
            ExemptionState::Withdrawn => {
                let done = Self::new("withdrawn", ChangeAction::ExemptionClosed);
                Self { told: "closed", ..done.word("withdrawn") }
            }
            _ => Self::new("closed", ChangeAction::ExemptionClosed).word("extension"),
        }
    }

    /// For the log.
    pub(super) fn word(self, word: &'static str) -> Self {
        Self { word: Some(word), ..self }
    }

    /// For the history alone, where it can be deleted with the exemption.
    pub(super) fn reason(self, reason: &'a str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// What leads from the log's entry to that of the rejection.
    pub(super) fn reference(self, reference: &'a str) -> Self {
        Self { reference: Some(reference), ..self }
    }
}

impl Change {
    /// Whether it was still in the state that the decision was about.
    async fn replace_state(
        &mut self,
        id: &ExemptionId,
        before: ExemptionState,
        after: ExemptionState,
    ) -> Result<bool, StoreError> {
        let set = sqlx::query("UPDATE exemptions SET state = $1 WHERE id = $2 AND state = $3")
            .bind(after.word())
            .bind(id.as_str())
            .bind(before.word());
        Ok(self.execute(set).await? == 1)
    }

    /// Takes an exemption back in a transaction that does more than that.
    pub(in crate::store) async fn revoke(
        &mut self,
        exemption: &mut TravelExemption,
        reason: &str,
        by: &Actor,
        now: Timestamp,
    ) -> Result<(), ExemptionError> {
        let before = exemption.state;
        exemption.state = ExemptionState::Revoked;
        if !self.replace_state(&exemption.id, before, exemption.state).await? {
            return Err(ExemptionError::DecidedMeanwhile(exemption.id.clone()));
        }
        let done = Done::new("revoked", ChangeAction::ExemptionRevoked).reason(reason);
        Ok(self.record(exemption, done, by.into(), now).await?)
    }

    /// Writes the row of history and the log entry.
    pub(super) async fn record(
        &mut self,
        exemption: &TravelExemption,
        done: Done<'_>,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let add = sqlx::query(
            "INSERT INTO exemption_history (exemption, action, at, done_by, done_as, reason,
                                            done_organization, done_provider, done_subject)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(exemption.id.as_str())
        .bind(done.action)
        .bind(now.to_string())
        .bind(by.actor.name.as_str())
        .bind(by.actor.operating_system_user.as_deref())
        .bind(done.reason)
        .bind(by.person.map(|person| person.organization().as_str()))
        .bind(by.person.map(|person| person.provider().as_str()))
        .bind(by.person.map(Person::subject));
        self.execute(add).await?;
        let mut event =
            ChangeEvent::new(done.change, &exemption.organization, &exemption.user_name, by.actor)
                .about(&exemption.id);
        event.word = done.word.map(str::to_owned);
        event.reference = done.reference.map(str::to_owned);
        self.announce(&event, now).await?;
        let link = done.link.filter(|_| exemption.state.counts());
        self.notify_of(exemption, done.told, (done.reason, link), now).await?;
        if link.is_some() {
            self.tell(ChangeAction::TravelLinkMade, exemption, "link", by.actor, now).await?;
        }
        Ok(())
    }
}
