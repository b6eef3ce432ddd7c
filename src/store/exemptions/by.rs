//! Who changes an exemption.

use crate::policy::{Actor, Person};

/// Who changes an exemption, and what of it they had seen when they decided to.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    pub(super) actor: &'a Actor,
    pub(super) person: Option<&'a Person>,
    pub(super) seen: Option<usize>,
}

impl<'a> By<'a> {
    /// Somebody whom a provider has proven: the same person is the same, whatever name they go by.
    #[must_use]
    pub fn proven(actor: &'a Actor, person: &'a Person) -> Self {
        Self { actor, person: Some(person), seen: None }
    }

    /// As history and log name them.
    #[must_use]
    pub fn actor(&self) -> &'a Actor {
        self.actor
    }

    /// Whom a provider has proven that to be.
    #[must_use]
    pub fn person(&self) -> Option<&'a Person> {
        self.person
    }

    /// Only where the exemption is still the one of this version, see
    /// [`super::ExemptionRecord::version`].
    #[must_use]
    pub fn having_seen(self, version: Option<usize>) -> Self {
        Self { seen: version, ..self }
    }
}

impl<'a> From<&'a Actor> for By<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self { actor, person: None, seen: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identifier::ProviderId;
    use crate::policy::{Application, ApprovalRefused, ExemptionState};
    use crate::store::testing::{actor, at, ballerup, grant, leg};
    use crate::store::{ExemptionError, Store};

    fn person(subject: &str) -> Person {
        Person::new(ballerup(), ProviderId::parse("entra").unwrap(), subject)
    }

    async fn kept(store: &Store, count: usize) -> Vec<crate::policy::TravelExemption> {
        let (bente, proven) = (actor("bente"), person("1"));
        let journey = || (grant("s", vec![leg(&["RU"], 10, 20)]), Application::default());
        let journeys = (0..count).map(|_| journey()).collect();
        store.grant_journeys(journeys, By::proven(&bente, &proven), at(1)).await.unwrap()
    }

    #[tokio::test]
    async fn a_new_name_makes_nobody_another_person() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let mut record = store.exemption(&kept(&store, 1).await[0].id).await.unwrap().unwrap();
        assert_eq!(record.history[0].person, Some(person("1")));
        let yes = crate::policy::Decision::Approve { two_people: true };
        record.exemption.state = ExemptionState::AwaitingApproval;
        assert_eq!(record.may_decide(yes, &person("1")), Err(ApprovalRefused::SameName));
        assert_eq!(record.may_decide(yes, &person("2")), Ok(()));
        let traveller = record.exemption.person.clone();
        assert_eq!(record.may_decide(yes, &traveller), Err(ApprovalRefused::Traveller));
        let no = crate::policy::Decision::Refuse;
        assert_eq!(record.may_decide(no, &traveller), Err(ApprovalRefused::Traveller));
        record.history[0].action = "applied".to_owned();
        assert_eq!(record.may_decide(no, &person("1")), Err(ApprovalRefused::Applicant));
        record.history[0].action = "approved".to_owned();
        assert_eq!(record.may_decide(yes, &person("1")), Err(ApprovalRefused::Twice));
    }

    #[tokio::test]
    async fn what_was_not_looked_at_is_not_changed() {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path()).await.unwrap();
        let all = kept(&store, 2).await;
        assert_eq!(all.len(), 2);
        assert_ne!(all[0].id, all[1].id);
        let (carl, proven) = (actor("carl"), person("2"));
        let by = By::proven(&carl, &proven);
        let late = store.close_exemption(&all[0].id, by.having_seen(Some(0)), at(2)).await;
        assert!(matches!(late, Err(ExemptionError::ChangedMeanwhile(_))), "{late:?}");
        store.close_exemption(&all[0].id, by.having_seen(Some(1)), at(2)).await.unwrap();
        let record = store.exemption(&all[0].id).await.unwrap().unwrap();
        assert_eq!((record.version(), record.exemption.state), (2, ExemptionState::Closed));
    }
}
