//! The entry that a look at people leaves: on disk before the answer, or there is no answer.

use super::Visitor;
use crate::admin::{Admin, Refusal};
use crate::audit::event::Field;
use crate::audit::{Action, Event};
use crate::clock;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looked {
    /// The log was searched, or an entry read.
    Log,
    /// Somebody's travel was looked at.
    Travel,
    /// What is stored about somebody was looked at.
    Person,
}

/// Says in an entry who does it: the person, and the token where it is one of their programs.
pub(in crate::admin) fn by(visitor: &Visitor, event: Event) -> Event {
    let mut event = event.organization(visitor.organization_id()).user(visitor.name.as_str());
    let token = visitor.actor().operating_system_user;
    event.personal.set(Field::UserEffective, token.map(Into::into));
    event
}

/// Writes the entry. `describe` adds what was looked at: `.exemption(id)`, `.target(name)`,
/// `.detail("country", …)`; nothing that says who somebody is may stand in a detail.
///
/// # Errors
/// [`Refusal::NoEntry`]: nothing may be shown.
pub async fn look(
    admin: &Admin,
    visitor: &Visitor,
    looked: Looked,
    describe: impl FnOnce(Event) -> Event,
) -> Result<(), Refusal> {
    let action = match looked {
        Looked::Log => Action::LogSearched,
        Looked::Travel => Action::TravelViewed,
        Looked::Person => Action::PersonViewed,
    };
    let event = by(visitor, Event::new(action, clock::now(), clock::random_bytes()));
    // Whatever `audit.on_failure` allows traffic: people's data is shown to nobody unseen.
    let written = admin.audit().record(describe(event)).reached_disk().await;
    if written { Ok(()) } else { Err(Refusal::NoEntry) }
}
