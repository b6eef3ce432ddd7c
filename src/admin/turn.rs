//! Turns at what reads through files: whoever asks for it a hundred times at once waits for themselves,
//! and the machine goes on with its traffic.
//!
//! Always holds: few such readings run at a time, and of one person no more than one; a turn lasts
//! as long as its reading, also where nobody waits for the answer any more.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Refusal, Visitor};

/// So many read at a time.
static PLACES: Semaphore = Semaphore::const_new(4);
/// One after the other in each; a person is always in the same.
static LANES: [Semaphore; 64] = [const { Semaphore::const_new(1) }; 64];

/// A turn: to be moved into what reads.
#[must_use]
pub(super) struct Turn {
    _place: SemaphorePermit<'static>,
    _lane: SemaphorePermit<'static>,
}

/// Waits for one's turn.
///
/// # Errors
/// [`Refusal::Unavailable`], where there are no turns any more.
pub(super) async fn turn(visitor: &Visitor) -> Result<Turn, Refusal> {
    let mut hasher = DefaultHasher::new();
    visitor.person.hash(&mut hasher);
    let lane = usize::try_from(hasher.finish() % 64).unwrap_or_default();
    let lane = LANES.get(lane).ok_or(Refusal::Unavailable)?;
    let lane = lane.acquire().await.map_err(|_| Refusal::Unavailable)?;
    let place = PLACES.acquire().await.map_err(|_| Refusal::Unavailable)?;
    Ok(Turn { _place: place, _lane: lane })
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::admin::fixture::{Office, PEOPLE};
    use crate::identifier::ProviderId;
    use crate::policy::{Person, UserName};

    fn visitor(office: &Office, subject: &str) -> Visitor {
        let organization = office.admin.loaded().config.organizations.values().next().cloned();
        let organization = organization.unwrap();
        let local = ProviderId::parse("local").unwrap();
        Visitor {
            person: Person::new(organization.id.clone(), local, subject),
            name: UserName::parse(PEOPLE[0].0).unwrap(),
            roles: Default::default(),
            centre_operator: false,
            language: organization.language,
            organizations: Vec::new(),
            organization,
            csrf: String::new(),
            key: String::new(),
            token: None,
            path: String::new(),
        }
    }

    #[tokio::test]
    async fn whoever_asks_again_waits_for_themselves_and_few_read_at_a_time() {
        let office = Office::open().await;
        let mut context = Context::from_waker(Waker::noop());
        let one = visitor(&office, "one");
        let first = turn(&one).await.unwrap();
        {
            let mut again = pin!(turn(&one));
            assert!(again.as_mut().poll(&mut context).is_pending(), "one after the other");
            drop(first);
            assert!(matches!(again.as_mut().poll(&mut context), Poll::Ready(Ok(_))));
        }
        let mut held = Vec::new();
        for number in 0..1000 {
            let person = visitor(&office, &number.to_string());
            let mut asked = pin!(turn(&person));
            if let Poll::Ready(turn) = asked.as_mut().poll(&mut context) {
                held.push(turn.unwrap());
            }
        }
        assert_eq!(held.len(), 4);
    }
}
