//! What travellers do with their own journeys; pages and API both call it.

use crate::admin::Refusal;
use crate::admin::travel::actions::{Desk, Undone};
use crate::admin::travel::typed::Typed;
use crate::journey::ask::More;
use crate::journey::request::Whom;
use crate::policy::{Actor, ExemptionId, TravelExemption, ValidApplication};
use crate::store::{By, Ended, ExemptionRecord};

/// What a traveller does with a journey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Home again.
    Home,
    /// The application is taken back.
    Withdraw,
    /// A travel link, by mail.
    Link,
}

impl Desk<'_> {
    /// My journeys, newest first.
    pub(super) async fn mine(&self) -> Result<Vec<ExemptionRecord>, Undone> {
        let mut mine = self.store.exemptions_of(&self.visitor.person).await?;
        mine.reverse();
        Ok(mine)
    }

    /// One of my journeys.
    pub(super) async fn my_journey(&self, id: &ExemptionId) -> Result<ExemptionRecord, Undone> {
        let record = self.store.exemption(id).await?;
        let own = |record: &ExemptionRecord| record.exemption.person == self.visitor.person;
        record.filter(own).ok_or_else(|| Refusal::NotFound.into())
    }

    /// What I could apply for.
    pub(super) async fn my_application(&self, typed: &Typed) -> Result<ValidApplication, Undone> {
        let whom = Whom::Proven(self.visitor.person.clone(), self.visitor.name.clone());
        self.application(whom, typed).await
    }

    /// Applies for myself.
    pub(super) async fn apply_myself(&self, typed: &Typed) -> Result<TravelExemption, Undone> {
        let application = self.my_application(typed).await?;
        self.keep(application).await
    }

    /// Takes a step with one of my journeys.
    pub(super) async fn step(
        &self,
        id: &ExemptionId,
        step: Step,
        seen: Option<usize>,
    ) -> Result<(), Undone> {
        let record = self.my_journey(id).await?;
        // The journey is this person's, whatever name they sign in with today.
        let name = record.exemption.user_name.to_string();
        let actor = Actor { name, operating_system_user: None };
        let by = By::proven(&actor, &self.visitor.person).having_seen(seen);
        match step {
            Step::Home => self.store.close_exemption(id, by, self.now).await.map(|_| ())?,
            Step::Withdraw => self.store.withdraw_exemption(id, by, self.now).await.map(|_| ())?,
            Step::Link => self.send_link_of(&record.exemption).await?,
        }
        Ok(())
    }

    /// Applies for more time for one of my journeys.
    pub(super) async fn extend_mine(
        &self,
        id: &ExemptionId,
        until: &str,
        more: More<'_>,
    ) -> Result<TravelExemption, Undone> {
        let record = self.my_journey(id).await?;
        let application = self.extension(&record, until, more).await?;
        self.keep(application).await
    }

    /// My device is lost: ends everything of mine.
    pub(super) async fn lost_mine(&self, reason: &str) -> Result<Ended, Undone> {
        let (person, name) = (&self.visitor.person, &self.visitor.name);
        let (actor, now) = (self.visitor.actor(), self.now);
        Ok(self.store.end_person(person, name, reason, &actor, now).await?)
    }
}
